//! What the client gets when a statement has been executed.

use bytes::Bytes;
use md5::{Digest, Md5};
use std::sync::{Arc, OnceLock};
use trefoil_cql::protocol::response::{
    Attachments, ColumnSpec, EncodedColumns, MetadataForm, QueryResult, Response, ResultMetadata, RowsWriter,
    SchemaChange,
};
use trefoil_cql::protocol::version::ProtocolVersion;

/// An answer to a statement.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It is done.
    Void,
    /// USE.
    SetKeyspace(String),
    /// A definition.
    SchemaChange(SchemaChange),
    /// Rows.
    Rows(ResultRows),
}

/// The columns of a result: made once, used for every execution.
#[derive(Debug)]
pub struct Columns {
    metadata: ResultMetadata,
    id: [u8; 16],
    encoded: [OnceLock<EncodedColumns>; 3],
}

/// Rows, ready to be written.
#[derive(Clone, Debug)]
pub struct ResultRows {
    /// Their columns.
    pub columns: Arc<Columns>,
    /// Cell by cell, as `RowsWriter` takes them.
    pub rows: Vec<Vec<Option<Bytes>>>,
    /// Where to go on.
    pub paging_state: Option<Bytes>,
    /// Something to show to people.
    pub warning: Option<&'static str>,
}

/// How a client wants its answer.
#[derive(Clone, Copy, Debug)]
pub struct AnswerOptions<'a> {
    /// The version of its request.
    pub version: ProtocolVersion,
    /// The stream of its request.
    pub stream: i16,
    /// What comes along.
    pub attachments: &'a Attachments,
    /// It knows the columns (`QueryParameters::skip_metadata`, unless `Prepared::columns_changed` before version 5).
    pub skip_metadata: bool,
    /// The id of the columns that it knows (`Execute::result_metadata_id`, version 5).
    pub known_columns: Option<&'a [u8]>,
}

impl AnswerOptions<'_> {
    /// What comes along, and a warning.
    pub(super) fn warned(&self, warning: &str) -> Attachments {
        let mut attachments = self.attachments.clone();
        attachments.warnings.push(warning.to_owned());
        attachments
    }
}

impl Columns {
    /// These columns.
    #[must_use]
    pub fn new(columns: Vec<ColumnSpec>) -> Columns {
        let mut hash = Md5::new();
        for column in &columns {
            for part in [&column.keyspace, &column.table, &column.name, &column.column_type.to_string()] {
                hash.update(part.as_bytes());
                hash.update([0]);
            }
        }
        let id = hash.finalize().into();
        Columns { metadata: ResultMetadata { columns }, id, encoded: [const { OnceLock::new() }; 3] }
    }

    /// Their description.
    #[must_use]
    pub fn metadata(&self) -> &ResultMetadata {
        &self.metadata
    }

    /// What the protocol calls the result metadata id: a hash of the description.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Their description as it travels.
    pub(super) fn encoded(&self, version: ProtocolVersion) -> &EncodedColumns {
        let slot = match version {
            ProtocolVersion::V3 => 0,
            ProtocolVersion::V4 => 1,
            ProtocolVersion::V5 => 2,
        };
        self.encoded[slot].get_or_init(|| self.metadata.encoded(version))
    }

    /// A writer for rows of these columns.
    pub(super) fn writer(
        &self,
        options: &AnswerOptions<'_>,
        paging_state: Option<&[u8]>,
        body_bytes: usize,
    ) -> RowsWriter {
        let columns = self.encoded(options.version);
        let metadata = match options.known_columns {
            Some(known) if known != self.id => MetadataForm::Changed { id: &self.id, columns },
            _ if options.skip_metadata => MetadataForm::Omitted { columns: columns.count() },
            _ => MetadataForm::Full(columns),
        };
        let AnswerOptions { version, stream, attachments, .. } = *options;
        RowsWriter::new(version, stream, attachments, metadata, paging_state, body_bytes)
    }
}

impl Answer {
    /// The whole response.
    #[must_use]
    pub fn encode(&self, options: &AnswerOptions<'_>) -> Bytes {
        let result = match self {
            Answer::Rows(rows) => return rows.encode(options),
            Answer::Void => QueryResult::Void,
            Answer::SetKeyspace(keyspace) => QueryResult::SetKeyspace(keyspace.clone()),
            Answer::SchemaChange(change) => QueryResult::SchemaChange(change.clone()),
        };
        Response::Result(result).encode_with(options.version, options.stream, options.attachments)
    }
}

impl ResultRows {
    /// The whole response.
    #[must_use]
    pub fn encode(&self, options: &AnswerOptions<'_>) -> Bytes {
        let bytes = self.rows.iter().flatten().map(|cell| 4 + cell.as_ref().map_or(0, Bytes::len)).sum();
        let warned = self.warning.map(|warning| options.warned(warning));
        let options = AnswerOptions { attachments: warned.as_ref().unwrap_or(options.attachments), ..*options };
        let mut writer = self.columns.writer(&options, self.paging_state.as_deref(), bytes);
        for row in &self.rows {
            for cell in row {
                writer.cell(cell.as_deref());
            }
            writer.end_row();
        }
        writer.finish()
    }
}
