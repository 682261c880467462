//! From encoded rows to what readers get: live cells, without tombstones and nothing expired.

use super::view::RowBytes;
use crate::command::ReadCell;
use crate::ids::ColumnId;
use bytes::{Bytes, BytesMut};

/// A value at least this long is shared with the memtable it lies in; shorter ones are cheaper to copy.
const SHARED_VALUE_BYTES: usize = 1_024;

/// What one of an answer's buffers has room for at least, from the second on.
const BUFFER_BYTES: usize = 4_096;

/// Copies parts of rows into few buffers, which the cells of an answer share: an allocation for a page, not for a cell.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    buffer: BytesMut,
    begun: bool,
}

impl Copies {
    /// A copy of these bytes.
    #[inline]
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.is_empty() {
            return Bytes::new();
        }
        if self.buffer.capacity() < bytes.len() {
            // The first may well be the only one.
            let room =
                if std::mem::replace(&mut self.begun, true) { bytes.len().max(BUFFER_BYTES) } else { bytes.len() };
            self.buffer = BytesMut::with_capacity(room);
        }
        self.buffer.extend_from_slice(bytes);
        self.buffer.split().freeze()
    }
}

/// Append the live cells of wanted columns; says whether a reader sees a row: by its marker, or by any value. What was
/// `dropped` (columns, through timestamps) is not there.
pub(crate) fn collect_cells(
    row: &RowBytes<'_>,
    now_seconds: i64,
    wanted: impl Fn(ColumnId) -> bool,
    dropped: &[(ColumnId, i64)],
    copies: &mut Copies,
    cells: &mut Vec<ReadCell>,
) -> bool {
    let mut keep = |part: &[u8]| match row {
        RowBytes::Memory(bytes) if part.len() >= SHARED_VALUE_BYTES => bytes.slice_ref(part),
        _ => copies.copy(part),
    };
    let (header, iterator) = row.view().parts();
    let mut alive = header.marker.is_some_and(|marker| marker.is_live(now_seconds));
    for cell in iterator {
        let Some(value) = cell.live_value(now_seconds) else { continue };
        if dropped.iter().any(|(column, through)| *column == cell.column && cell.timestamp <= *through) {
            continue;
        }
        alive = true;
        if wanted(cell.column) {
            let (ttl, expires) = match cell.content {
                super::row::Content::Value { ttl, expires, .. } => (ttl, expires),
                super::row::Content::Deleted { .. } => (0, 0),
            };
            cells.push(ReadCell {
                column: cell.column,
                path: cell.path.map_or_else(Bytes::new, &mut keep),
                timestamp: cell.timestamp,
                ttl,
                expires,
                value: keep(value),
            });
        }
    }
    alive
}

/// Put the static row's cells among a row's, keeping the order.
pub(crate) fn with_statics(cells: &mut Vec<ReadCell>, statics: &[ReadCell]) {
    if !statics.is_empty() {
        cells.extend_from_slice(statics);
        cells.sort_by(|one, two| (one.column, &one.path).cmp(&(two.column, &two.path)));
    }
}

/// The cells of one column, of cells in order.
pub(crate) fn column_cells(cells: &[ReadCell], column: ColumnId) -> &[ReadCell] {
    let start = cells.partition_point(|cell| cell.column < column);
    let end = cells.partition_point(|cell| cell.column <= column);
    &cells[start..end]
}
