//! From encoded rows to what readers get: live cells, without tombstones and nothing expired.

use super::view::RowBytes;
use crate::command::ReadCell;
use crate::ids::ColumnId;
use bytes::Bytes;

/// A stored row up to this long is copied whole, and its cells share the copy; of a longer one cells are copied one by one.
const COPY_WHOLE_BYTES: usize = 2_048;

/// Append the live cells of wanted columns; says whether a reader sees a row: by its marker, or by any value.
pub(crate) fn collect_cells(
    row: &RowBytes<'_>,
    now_seconds: i64,
    wanted: impl Fn(ColumnId) -> bool,
    cells: &mut Vec<ReadCell>,
) -> bool {
    let copied;
    let whole = match row {
        RowBytes::Memory(bytes) => Some(*bytes),
        RowBytes::Stored(bytes) if bytes.len() > COPY_WHOLE_BYTES => None,
        other => {
            copied = Bytes::copy_from_slice(other.view().bytes());
            Some(&copied)
        }
    };
    let view = whole.map_or(row.view(), |whole| super::row::RowView::trusted(whole));
    let share = |part: &[u8]| match whole {
        _ if part.is_empty() => Bytes::new(),
        Some(whole) => whole.slice_ref(part),
        None => Bytes::copy_from_slice(part),
    };
    let (header, iterator) = view.parts();
    let mut alive = header.marker.is_some_and(|marker| marker.is_live(now_seconds));
    for cell in iterator {
        let Some(value) = cell.live_value(now_seconds) else { continue };
        alive = true;
        if wanted(cell.column) {
            let (ttl, expires) = match cell.content {
                super::row::Content::Value { ttl, expires, .. } => (ttl, expires),
                super::row::Content::Deleted { .. } => (0, 0),
            };
            cells.push(ReadCell {
                column: cell.column,
                path: cell.path.map_or_else(Bytes::new, share),
                timestamp: cell.timestamp,
                ttl,
                expires,
                value: share(value),
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
