//! ROWS. `RowsWriter` is the server's: it writes cells straight into the envelope, without a vector for each row. `Rows`
//! is the client's: cells are slices of the envelope.

use super::attachments::Attachments;
use super::metadata::{
    EncodedColumns, HAS_MORE_PAGES, METADATA_CHANGED, MetadataForm, NO_METADATA, ResultMetadata, decode_columns,
    decode_count,
};
use super::result::ROWS;
use crate::protocol::envelope::{Direction, HEADER_BYTES, Header, Opcode};
use crate::protocol::error::ProtocolError;
use crate::protocol::reader::Reader;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::{Write, finish_envelope};
use bytes::Bytes;

/// Writes a whole ROWS envelope, cell by cell.
#[derive(Debug)]
pub struct RowsWriter {
    out: Vec<u8>,
    /// Where the metadata's flags stand.
    flags: usize,
    /// Where the number of rows stands.
    count: usize,
    columns: usize,
    rows: usize,
    cells: usize,
}

impl RowsWriter {
    /// Starts an envelope. `body_bytes` is how long it will be, roughly.
    #[inline]
    #[must_use]
    pub fn new(
        version: ProtocolVersion,
        stream: i16,
        attachments: &Attachments,
        metadata: MetadataForm<'_>,
        paging_state: Option<&[u8]>,
        body_bytes: usize,
    ) -> RowsWriter {
        let mut out = Vec::with_capacity(HEADER_BYTES + 32 + body_bytes);
        let (direction, opcode) = (Direction::Response, Opcode::Result);
        let header = Header { version, direction, flags: attachments.flags(version), stream, opcode, length: 0 };
        out.extend_from_slice(&header.to_bytes());
        attachments.encode(&mut out, version);
        out.put_int(ROWS);
        let flags = out.len();
        metadata.encode(&mut out, version, paging_state);
        let count = out.len();
        out.put_int(0);
        RowsWriter { out, flags, count, columns: metadata.column_count(), rows: 0, cells: 0 }
    }

    /// The next cell.
    #[inline]
    pub fn cell(&mut self, value: Option<&[u8]>) {
        self.cells += 1;
        self.out.put_bytes(value);
    }

    /// The next cell, whose bytes `write` appends.
    #[inline]
    pub fn cell_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.cells += 1;
        let start = self.out.len();
        self.out.put_int(0);
        write(&mut self.out);
        let length = i32::try_from(self.out.len() - start - 4).expect("no value of ours reaches 2 GiB");
        self.out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// The row is complete.
    #[inline]
    pub fn end_row(&mut self) {
        self.rows += 1;
        assert_eq!(self.cells, self.rows * self.columns, "a row has as many cells as there are columns");
    }

    /// Complete rows so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of the envelope so far.
    #[must_use]
    pub fn size(&self) -> usize {
        self.out.len()
    }

    /// The envelope.
    #[inline]
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        assert_eq!(self.cells, self.rows * self.columns, "the last row is complete");
        let rows = i32::try_from(self.rows).expect("a page has fewer than 2^31 rows");
        self.out[self.count..self.count + 4].copy_from_slice(&rows.to_be_bytes());
        finish_envelope(&mut self.out, 0);
        Bytes::from(self.out)
    }

    /// The envelope, with a paging state that was not known when it was begun. Moves what has been written.
    #[must_use]
    pub fn finish_with_paging_state(mut self, paging_state: &[u8]) -> Bytes {
        let mut field = Vec::with_capacity(4 + paging_state.len());
        field.put_bytes(Some(paging_state));
        // Flags and number of columns come before it.
        let position = self.flags + 8;
        self.out.splice(position..position, field.iter().copied());
        self.count += field.len();
        let last_flags_byte = &mut self.out[self.flags + 3];
        assert_eq!(i32::from(*last_flags_byte) & HAS_MORE_PAGES, 0, "a page has one paging state");
        *last_flags_byte |= HAS_MORE_PAGES.to_be_bytes()[3];
        self.finish()
    }
}

/// Rows as a client received them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The columns, unless the client did not want them.
    pub metadata: Option<ResultMetadata>,
    /// The id of the columns, when they are not those that the client knows (version 5).
    pub new_metadata_id: Option<Bytes>,
    /// Where to go on; none: that was all.
    pub paging_state: Option<Bytes>,
    /// Cells of a row.
    pub column_count: usize,
    /// How many rows.
    pub row_count: usize,
    /// All cells, row after row.
    pub cells: Vec<Option<Bytes>>,
}

impl Rows {
    /// The rows, each a slice of its cells.
    pub fn iter(&self) -> impl Iterator<Item = &[Option<Bytes>]> {
        (0..self.row_count).map(|row| &self.cells[row * self.column_count..(row + 1) * self.column_count])
    }

    /// How the columns are told.
    fn encode_metadata(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        let encoded: EncodedColumns;
        let form = match (&self.metadata, &self.new_metadata_id) {
            (None, _) => MetadataForm::Omitted { columns: self.column_count },
            (Some(metadata), id) => {
                encoded = metadata.encoded(version);
                match id {
                    Some(id) => MetadataForm::Changed { id, columns: &encoded },
                    None => MetadataForm::Full(&encoded),
                }
            }
        };
        form.encode(body, version, self.paging_state.as_deref());
    }

    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        self.encode_metadata(body, version);
        body.put_int_count(self.row_count);
        assert_eq!(self.cells.len(), self.row_count * self.column_count, "every row has a cell for every column");
        for cell in &self.cells {
            body.put_bytes(cell.as_deref());
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Rows, ProtocolError> {
        let flags = reader.int("flags")?;
        let column_count = decode_count(reader, "number of columns")?;
        let mut rows = Rows { column_count, ..Rows::default() };
        if flags & HAS_MORE_PAGES != 0 {
            rows.paging_state = reader.bytes("paging state")?;
        }
        if flags & METADATA_CHANGED != 0 && reader.version() >= ProtocolVersion::V5 {
            rows.new_metadata_id = Some(reader.short_bytes("new metadata id")?);
        }
        if flags & NO_METADATA == 0 {
            rows.metadata = Some(ResultMetadata { columns: decode_columns(reader, flags, column_count)? });
        }
        rows.row_count = decode_count(reader, "number of rows")?;
        let cells = rows.row_count.saturating_mul(column_count);
        rows.cells.reserve_exact(reader.plausible(cells, 4));
        for _ in 0..cells {
            rows.cells.push(reader.bytes("cell")?);
        }
        Ok(rows)
    }
}
