//! Where result rows go: straight into the response, or into memory for rows that are already an answer.

use super::expression::Sink;
use bytes::Bytes;
use trefoil_cql::protocol::response::RowsWriter;

impl Sink for RowsWriter {
    #[inline]
    fn cell(&mut self, value: Option<&Bytes>) {
        RowsWriter::cell(self, value.map(|bytes| &bytes[..]));
    }

    #[inline]
    fn copied(&mut self, value: Option<&[u8]>) {
        RowsWriter::cell(self, value);
    }

    fn cell_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        RowsWriter::cell_with(self, write);
    }

    #[inline]
    fn end_row(&mut self) {
        RowsWriter::end_row(self);
    }
}

/// Rows in memory.
#[derive(Debug, Default)]
pub(super) struct RowsInMemory {
    pub rows: Vec<Vec<Option<Bytes>>>,
    row: Vec<Option<Bytes>>,
}

impl Sink for RowsInMemory {
    fn cell(&mut self, value: Option<&Bytes>) {
        self.row.push(value.cloned());
    }

    fn copied(&mut self, value: Option<&[u8]>) {
        self.row.push(value.map(Bytes::copy_from_slice));
    }

    fn cell_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::new();
        write(&mut out);
        self.row.push(Some(Bytes::from(out)));
    }

    fn end_row(&mut self) {
        self.rows.push(std::mem::take(&mut self.row));
    }
}
