//! Descriptions of columns, in ROWS and PREPARED. They are the same for every execution of a statement, so they can be
//! encoded once (`EncodedColumns`) and copied from then on.

use crate::protocol::error::{Problem, ProtocolError};
use crate::protocol::reader::Reader;
use crate::protocol::type_option;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;
use crate::types::CqlType;

pub(super) const GLOBAL_TABLE: i32 = 0x01;
pub(super) const HAS_MORE_PAGES: i32 = 0x02;
pub(super) const NO_METADATA: i32 = 0x04;
pub(super) const METADATA_CHANGED: i32 = 0x08;

/// A column of a result, or a bind marker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnSpec {
    /// The keyspace of its table.
    pub keyspace: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Its type.
    pub column_type: CqlType,
}

/// The columns of a result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ResultMetadata {
    /// In the order of the cells.
    pub columns: Vec<ColumnSpec>,
}

/// Descriptions of columns as they travel, for one version of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EncodedColumns {
    count: usize,
    has_global_table: bool,
    bytes: Vec<u8>,
}

/// How a result describes its columns.
#[derive(Clone, Copy, Debug)]
pub enum MetadataForm<'a> {
    /// All of them.
    Full(&'a EncodedColumns),
    /// The client knows them (`skip_metadata`); only how many there are.
    Omitted {
        /// Cells of a row.
        columns: usize,
    },
    /// The client knows older ones: here are the new ones and their id (version 5; `Full` before).
    Changed {
        /// The new result metadata id.
        id: &'a [u8],
        /// The new columns.
        columns: &'a EncodedColumns,
    },
}

impl EncodedColumns {
    /// Encodes these.
    #[must_use]
    pub fn new(columns: &[ColumnSpec], version: ProtocolVersion) -> EncodedColumns {
        let same_table = |a: &ColumnSpec, b: &ColumnSpec| a.keyspace == b.keyspace && a.table == b.table;
        let has_global_table = !columns.is_empty() && columns.windows(2).all(|pair| same_table(&pair[0], &pair[1]));
        let mut bytes = Vec::with_capacity(32 * (columns.len() + 1));
        for (index, column) in columns.iter().enumerate() {
            if index == 0 || !has_global_table {
                bytes.put_string(&column.keyspace);
                bytes.put_string(&column.table);
            }
            bytes.put_string(&column.name);
            type_option::encode(&mut bytes, &column.column_type, version);
        }
        EncodedColumns { count: columns.len(), has_global_table, bytes }
    }

    /// How many columns there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// What has to be set in the flags before them.
    #[inline]
    pub(super) fn flags(&self) -> i32 {
        if self.has_global_table { GLOBAL_TABLE } else { 0 }
    }

    /// What goes to the wire.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl ResultMetadata {
    /// Encodes these.
    #[must_use]
    pub fn encoded(&self, version: ProtocolVersion) -> EncodedColumns {
        EncodedColumns::new(&self.columns, version)
    }
}

impl MetadataForm<'_> {
    /// Cells of a row.
    #[inline]
    #[must_use]
    pub fn column_count(&self) -> usize {
        match self {
            MetadataForm::Full(columns) | MetadataForm::Changed { columns, .. } => columns.count,
            MetadataForm::Omitted { columns } => *columns,
        }
    }

    /// Flags, count, paging state, id, columns.
    #[inline]
    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion, paging_state: Option<&[u8]>) {
        let has_id = matches!(self, MetadataForm::Changed { .. }) && version >= ProtocolVersion::V5;
        let mut flags = match self {
            MetadataForm::Full(columns) | MetadataForm::Changed { columns, .. } => columns.flags(),
            MetadataForm::Omitted { .. } => NO_METADATA,
        };
        flags |= if paging_state.is_some() { HAS_MORE_PAGES } else { 0 };
        flags |= if has_id { METADATA_CHANGED } else { 0 };
        body.put_int(flags);
        body.put_int_count(self.column_count());
        if let Some(state) = paging_state {
            body.put_bytes(Some(state));
        }
        match self {
            MetadataForm::Full(columns) => body.extend_from_slice(columns.bytes()),
            MetadataForm::Omitted { .. } => {}
            MetadataForm::Changed { id, columns } => {
                if has_id {
                    body.put_short_bytes(id);
                }
                body.extend_from_slice(columns.bytes());
            }
        }
    }
}

/// A count of columns or rows, not negative.
pub(super) fn decode_count(reader: &mut Reader<'_>, field: &'static str) -> Result<usize, ProtocolError> {
    let offset = reader.position();
    let count = reader.int(field)?;
    usize::try_from(count).map_err(|_| reader.malformed(field, offset, Problem::Length(count)))
}

/// So many columns, with one table for all if the flags say so.
pub(super) fn decode_columns(
    reader: &mut Reader<'_>,
    flags: i32,
    count: usize,
) -> Result<Vec<ColumnSpec>, ProtocolError> {
    let mut global = None;
    if flags & GLOBAL_TABLE != 0 {
        global = Some((reader.string("keyspace")?, reader.string("table")?));
    }
    // A column is at least the length of its name and its type.
    let mut columns = Vec::with_capacity(reader.plausible(count, 4));
    for _ in 0..count {
        let (keyspace, table) = match &global {
            Some((keyspace, table)) => (keyspace.clone(), table.clone()),
            None => (reader.string("keyspace")?, reader.string("table")?),
        };
        let name = reader.string("name of column")?;
        columns.push(ColumnSpec { keyspace, table, name, column_type: type_option::decode(reader)? });
    }
    Ok(columns)
}
