//! The merge of two rows: commutative, associative, idempotent, with Cassandra's rules for equal timestamps: a deletion beats
//! a value, an expiring value a lasting one, a later expiry an earlier one, then larger bytes win (and then the shorter ttl,
//! so that there is always one winner). Nothing deleted may come back by merging in another order
//! (MERGE-ALGEBRA).

use super::row::{Cell, Content, Header, Marker, RowView, RowWriter};
use crate::bugs::{Bugs, PlantedBug};
use crate::ids::ColumnId;
use std::cmp::{Ordering, Reverse};

/// Append the merge of two rows to `out`.
pub(crate) fn merge(one: RowView<'_>, two: RowView<'_>, out: &mut Vec<u8>, bugs: &impl Bugs) {
    let (one_header, mut one_cells) = one.parts();
    let (two_header, mut two_cells) = two.parts();
    let header = Header {
        marker: better_marker(one_header.marker, two_header.marker),
        deletion: one_header.deletion.max(two_header.deletion),
    };
    out.reserve(one.bytes().len() + two.bytes().len());
    let mut rest = Normaliser::new(header, out, bugs);
    let (mut left, mut right) = (one_cells.next(), two_cells.next());
    loop {
        match (left, right) {
            (Some(one), Some(two)) if one.order(&two) != Ordering::Greater => {
                rest.push(one);
                left = one_cells.next();
            }
            (_, Some(two)) => {
                rest.push(two);
                right = two_cells.next();
            }
            (Some(one), None) => {
                rest.push(one);
                left = one_cells.next();
            }
            (None, None) => break,
        }
    }
    rest.finish();
}

/// Append the row without what is at or before `deleted_through` (a deletion of the partition or of a range that has
/// it) and without tombstones and expired values of before `purge_before` seconds.
pub(crate) fn filter(row: RowView<'_>, deleted_through: i64, purge_before: i64, out: &mut Vec<u8>, bugs: &impl Bugs) {
    let (header, cells) = row.parts();
    let gone = |timestamp| is_covered(timestamp, deleted_through, bugs);
    let header = Header {
        marker: header
            .marker
            .filter(|marker| !gone(marker.timestamp) && (marker.ttl == 0 || marker.expires >= purge_before)),
        deletion: header
            .deletion
            .filter(|deletion| deletion.timestamp > deleted_through && deletion.seconds >= purge_before),
    };
    out.reserve(row.bytes().len());
    let mut writer = RowWriter::new(out, header);
    for cell in cells {
        let purged = match cell.content {
            Content::Value { ttl, expires, .. } => ttl != 0 && expires < purge_before,
            Content::Deleted { seconds } => seconds < purge_before,
        };
        if !purged && !gone(cell.timestamp) {
            writer.cell(&cell);
        }
    }
}

/// Whether what was written at `timestamp` is deleted by a tombstone at `deleted_through` (`i64::MIN`: by none).
#[inline]
fn is_covered(timestamp: i64, deleted_through: i64, bugs: &impl Bugs) -> bool {
    if bugs.planted(PlantedBug::TombstoneLosesTie) {
        return timestamp < deleted_through;
    }
    timestamp <= deleted_through
}

/// Makes a normal row of cells that come in order, perhaps several for one place.
pub(crate) struct Normaliser<'o, 'c, B> {
    writer: RowWriter<'o>,
    bugs: &'c B,
    row_deleted_through: i64,
    column: ColumnId,
    column_deleted_through: i64,
    pending: Option<Cell<'c>>,
}

impl<'o, 'c, B: Bugs> Normaliser<'o, 'c, B> {
    /// Begins a row with this header; a marker that the deletion covers is dropped.
    #[inline]
    pub(crate) fn new(mut header: Header, out: &'o mut Vec<u8>, bugs: &'c B) -> Normaliser<'o, 'c, B> {
        let row_deleted_through = header.deletion.map_or(i64::MIN, |deletion| deletion.timestamp);
        header.marker = header.marker.filter(|marker| !is_covered(marker.timestamp, row_deleted_through, bugs));
        Normaliser {
            writer: RowWriter::new(out, header),
            bugs,
            row_deleted_through,
            column: ColumnId(0),
            column_deleted_through: row_deleted_through,
            pending: None,
        }
    }

    /// The next cell, not before the one before it.
    #[inline]
    pub(crate) fn push(&mut self, cell: Cell<'c>) {
        match self.pending {
            Some(pending) if pending.order(&cell) == Ordering::Equal => {
                self.pending = Some(better_cell(pending, cell, self.bugs));
            }
            Some(pending) => {
                self.emit(&pending);
                self.pending = Some(cell);
            }
            None => self.pending = Some(cell),
        }
    }

    /// That was the last one.
    #[inline]
    pub(crate) fn finish(mut self) {
        if let Some(pending) = self.pending.take() {
            self.emit(&pending);
        }
    }

    #[inline]
    fn emit(&mut self, cell: &Cell<'_>) {
        if cell.column != self.column {
            self.column = cell.column;
            self.column_deleted_through = self.row_deleted_through;
        }
        if cell.is_column_deletion() {
            // A tombstone adds nothing to one of the same timestamp, planted bug or not.
            if cell.timestamp > self.column_deleted_through {
                self.column_deleted_through = cell.timestamp;
                self.writer.cell(cell);
            }
        } else if !is_covered(cell.timestamp, self.column_deleted_through, self.bugs) {
            self.writer.cell(cell);
        }
    }
}

/// Which of two markers stays: the later; expiring before lasting; the later expiry; the shorter ttl.
fn better_marker(one: Option<Marker>, two: Option<Marker>) -> Option<Marker> {
    let rank = |marker: &Marker| {
        let lasting = marker.ttl == 0;
        (marker.timestamp, !lasting, if lasting { 0 } else { marker.expires }, Reverse(marker.ttl))
    };
    match (one, two) {
        (Some(one), Some(two)) => Some(if rank(&one) >= rank(&two) { one } else { two }),
        (one, two) => one.or(two),
    }
}

/// Which of two cells in the same place stays.
#[inline]
fn better_cell<'a>(one: Cell<'a>, two: Cell<'a>, bugs: &impl Bugs) -> Cell<'a> {
    let order = one.timestamp.cmp(&two.timestamp).then_with(|| tie(&one.content, &two.content, bugs));
    if order == Ordering::Less { two } else { one }
}

/// Cassandra's rules for equal timestamps; `Greater` when the first wins.
#[cold]
fn tie(one: &Content<'_>, two: &Content<'_>, bugs: &impl Bugs) -> Ordering {
    match (one, two) {
        (Content::Deleted { seconds: one }, Content::Deleted { seconds: two }) => one.cmp(two),
        (Content::Deleted { .. }, _) if bugs.planted(PlantedBug::TombstoneLosesTie) => Ordering::Less,
        (_, Content::Deleted { .. }) if bugs.planted(PlantedBug::TombstoneLosesTie) => Ordering::Greater,
        (Content::Deleted { .. }, _) => Ordering::Greater,
        (_, Content::Deleted { .. }) => Ordering::Less,
        (
            Content::Value { value: one_value, ttl: one_ttl, expires: one_expires },
            Content::Value { value: two_value, ttl: two_ttl, expires: two_expires },
        ) => (*one_ttl != 0)
            .cmp(&(*two_ttl != 0))
            .then(one_expires.cmp(two_expires))
            .then_with(|| match bugs.planted(PlantedBug::SmallerValueWinsTie) {
                true => two_value.cmp(one_value),
                false => one_value.cmp(two_value),
            })
            .then(two_ttl.cmp(one_ttl)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bugs::NoBugs;
    use crate::storage::arbitrary_row::AnyRow;
    use crate::storage::row::Deletion;
    use quickcheck::quickcheck;

    fn merged(one: &[u8], two: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        merge(RowView::trusted(one), RowView::trusted(two), &mut out, &NoBugs);
        out
    }

    quickcheck! {
        fn merge_is_commutative(one: AnyRow, two: AnyRow) -> bool {
            merged(&one.bytes, &two.bytes) == merged(&two.bytes, &one.bytes)
        }

        fn merge_is_associative(one: AnyRow, two: AnyRow, three: AnyRow) -> bool {
            merged(&merged(&one.bytes, &two.bytes), &three.bytes) == merged(&one.bytes, &merged(&two.bytes, &three.bytes))
        }

        fn merge_is_idempotent(one: AnyRow, two: AnyRow) -> bool {
            let both = merged(&one.bytes, &two.bytes);
            merged(&one.bytes, &one.bytes) == one.bytes && merged(&both, &two.bytes) == both
        }

        fn shadowing_commutes_with_merging(one: AnyRow, two: AnyRow, through: i8) -> bool {
            let shadow = |bytes: &[u8]| {
                let mut out = Vec::new();
                filter(RowView::trusted(bytes), i64::from(through % 6), 0, &mut out, &NoBugs);
                out
            };
            shadow(&merged(&one.bytes, &two.bytes)) == merged(&shadow(&one.bytes), &shadow(&two.bytes))
        }
    }

    fn row(cells: &[Cell<'_>], header: Header) -> Vec<u8> {
        let mut out = Vec::new();
        let mut normaliser = Normaliser::new(header, &mut out, &NoBugs);
        cells.iter().for_each(|cell| normaliser.push(*cell));
        normaliser.finish();
        out
    }

    fn simple(timestamp: i64, content: Content<'_>) -> Vec<u8> {
        row(&[Cell { column: ColumnId(1), path: None, timestamp, content }], Header::default())
    }

    fn value(value: &[u8], ttl: u32, expires: i64) -> Content<'_> {
        Content::Value { value, ttl, expires }
    }

    #[test]
    fn at_equal_timestamps_cassandras_rules_decide() {
        let deleted = simple(5, Content::Deleted { seconds: 1 });
        let lasting = simple(5, value(b"z", 0, 0));
        let expiring = simple(5, value(b"a", 10, 100));
        let expiring_later = simple(5, value(b"a", 10, 101));
        assert_eq!(merged(&deleted, &lasting), deleted, "a deletion beats a value");
        assert_eq!(merged(&deleted, &expiring), deleted, "a deletion beats an expiring value");
        assert_eq!(merged(&expiring, &lasting), expiring, "expiring beats lasting, whatever the bytes");
        assert_eq!(merged(&expiring, &expiring_later), expiring_later, "the later expiry wins");
        assert_eq!(merged(&simple(5, value(b"b", 0, 0)), &simple(5, value(b"a", 0, 0))), simple(5, value(b"b", 0, 0)));
        assert_eq!(merged(&simple(6, value(b"a", 0, 0)), &lasting), simple(6, value(b"a", 0, 0)), "later wins first");
    }

    #[test]
    fn a_collection_assigned_replaces_only_what_was_before() {
        let element =
            |path, timestamp| Cell { column: ColumnId(1), path: Some(path), timestamp, content: value(b"v", 0, 0) };
        let replace = |timestamp: i64, path| {
            let deletion = Cell {
                column: ColumnId(1),
                path: None,
                timestamp: timestamp - 1,
                content: Content::Deleted { seconds: 0 },
            };
            row(&[deletion, element(path, timestamp)], Header::default())
        };
        let old = row(&[element(b"old", 9)], Header::default());
        let both = merged(&merged(&old, &replace(10, b"a")), &replace(10, b"b"));
        let paths: Vec<_> = RowView::trusted(&both).parts().1.filter_map(|cell| cell.path).collect();
        assert_eq!(paths, [b"a", b"b"], "assignments of one timestamp do not delete each other");
    }

    #[test]
    fn a_row_deletion_takes_the_marker_of_its_own_timestamp() {
        let marker = Some(Marker { timestamp: 5, ttl: 0, expires: 0 });
        let inserted = row(&[], Header { marker, deletion: None });
        let deleted = row(&[], Header { marker: None, deletion: Some(Deletion { timestamp: 5, seconds: 9 }) });
        assert_eq!(merged(&inserted, &deleted), deleted);
    }

    #[test]
    fn the_planted_bug_is_seen() {
        struct Planted;
        impl Bugs for Planted {
            fn planted(&self, bug: PlantedBug) -> bool {
                bug == PlantedBug::TombstoneLosesTie
            }
        }
        let (deleted, lasting) = (simple(5, Content::Deleted { seconds: 1 }), simple(5, value(b"z", 0, 0)));
        let mut out = Vec::new();
        merge(RowView::trusted(&deleted), RowView::trusted(&lasting), &mut out, &Planted);
        assert!(RowView::trusted(&out).is_live(0));
    }
}
