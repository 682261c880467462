//! From restrictions on clustering columns to ranges of encoded keys.

use super::clustering::{ClusteringError, append_clustering};
use crate::command::{ClusteringKey, ClusteringOrder, ClusteringRange};
use bytes::{BufMut, Bytes, BytesMut};
use trefoil_cql::types::CqlType;

/// Follows a prefix of columns: above every key that continues it, below every key that does not.
const ABOVE: u8 = 0xff;

impl ClusteringRange {
    /// Every row of a partition.
    #[must_use]
    pub fn all() -> ClusteringRange {
        ClusteringRange { start: Bytes::new(), end: Bytes::new() }
    }

    /// Exactly this row. Reads of such a range are look-ups, also in tables without clustering columns (the empty key).
    #[must_use]
    pub fn row(key: &ClusteringKey) -> ClusteringRange {
        let mut end = BytesMut::with_capacity(key.len() + 1);
        end.put_slice(key);
        end.put_u8(0);
        ClusteringRange { start: key.clone(), end: end.freeze() }
    }

    /// Every row whose first columns are these (`encode_clustering` of fewer values than columns).
    #[must_use]
    pub fn prefix(prefix: &ClusteringKey) -> ClusteringRange {
        if prefix.is_empty() {
            return ClusteringRange::all();
        }
        let mut end = BytesMut::with_capacity(prefix.len() + 1);
        end.put_slice(prefix);
        end.put_u8(ABOVE);
        ClusteringRange { start: prefix.clone(), end: end.freeze() }
    }

    /// The key, if this is exactly one row.
    #[must_use]
    pub fn as_row(&self) -> Option<&Bytes> {
        let length = self.start.len();
        (self.end.len() == length + 1 && self.end[length] == 0 && self.end[..length] == self.start[..])
            .then_some(&self.start)
    }
}

/// One end of a slice: one value, or several for `(a, b) > (1, 2)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SliceBound<V> {
    /// Serialised values of the columns after the equal ones.
    pub values: Vec<V>,
    /// `<=` or `>=`.
    pub inclusive: bool,
}

/// The rows whose first columns equal `equal` and whose next columns lie between the bounds, which compare by value,
/// whatever the columns' orders are: `lower` is `>` or `>=`. Ascending and disjoint; several ranges for tuples over columns of
/// mixed order; none when nothing can match.
///
/// # Errors
/// When a value is not valid for its type, or there are more than columns.
pub fn clustering_slice<V: AsRef<[u8]>>(
    equal: &[V],
    lower: Option<&SliceBound<V>>,
    upper: Option<&SliceBound<V>>,
    types: &[(CqlType, ClusteringOrder)],
) -> Result<Vec<ClusteringRange>, ClusteringError> {
    let mut prefix = Vec::new();
    append_clustering(equal, 0, types, &mut prefix)?;
    let mut ranges = vec![ClusteringRange::prefix(&Bytes::from(prefix.clone()))];
    for (bound, is_lower) in [(lower, true), (upper, false)] {
        if let Some(bound) = bound {
            ranges = intersect(&ranges, &half(&prefix, equal.len(), bound, is_lower, types)?);
        }
    }
    Ok(ranges)
}

/// What lies above (or below) a bound: for each of its columns, the rows that equal it before that column and differ there.
fn half<V: AsRef<[u8]>>(
    prefix: &[u8],
    first: usize,
    bound: &SliceBound<V>,
    is_lower: bool,
    types: &[(CqlType, ClusteringOrder)],
) -> Result<Vec<ClusteringRange>, ClusteringError> {
    let mut ranges = Vec::with_capacity(bound.values.len());
    let mut before = prefix.to_vec();
    for (index, value) in bound.values.iter().enumerate() {
        let mut at = before.clone();
        append_clustering(std::slice::from_ref(value), first + index, types, &mut at)?;
        let ascending = types[first + index].1 == ClusteringOrder::Ascending;
        let with_equal = bound.inclusive && index + 1 == bound.values.len();
        // Behind the value in key order, or in front of it; with or without the value itself.
        let (start, end) = if is_lower == ascending {
            (if with_equal { at.clone() } else { above(&at) }, above(&before))
        } else {
            (before, if with_equal { above(&at) } else { at.clone() })
        };
        ranges.push(ClusteringRange { start: start.into(), end: end.into() });
        before = at;
    }
    ranges.sort_unstable();
    ranges.dedup_by(|right, left| {
        let joins = left.end == right.start;
        if joins {
            left.end = std::mem::take(&mut right.end);
        }
        joins
    });
    Ok(ranges)
}

/// The first key behind everything that continues `prefix`; empty, if that is everything.
fn above(prefix: &[u8]) -> Vec<u8> {
    if prefix.is_empty() { Vec::new() } else { [prefix, &[ABOVE]].concat() }
}

/// What two ascending, disjoint lists have in common.
fn intersect(one: &[ClusteringRange], two: &[ClusteringRange]) -> Vec<ClusteringRange> {
    let mut both = Vec::new();
    for left in one {
        for right in two {
            let start = left.start.clone().max(right.start.clone());
            let end = match (left.end.is_empty(), right.end.is_empty()) {
                (true, _) => right.end.clone(),
                (_, true) => left.end.clone(),
                _ => left.end.clone().min(right.end.clone()),
            };
            if end.is_empty() || start < end {
                both.push(ClusteringRange { start, end });
            }
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::encode_clustering;
    use quickcheck::{Arbitrary, Gen, quickcheck};
    use std::cmp::Ordering;

    type Columns = [i8; 3];

    #[derive(Clone, Debug)]
    struct Case {
        descending: [bool; 3],
        rows: Vec<Columns>,
        equal: usize,
        base: Columns,
        lower: Option<(Columns, usize, bool)>,
        upper: Option<(Columns, usize, bool)>,
    }

    fn small(random: &mut Gen, below: u8) -> u8 {
        u8::arbitrary(random) % below
    }

    fn columns(random: &mut Gen) -> Columns {
        [0; 3].map(|_| small(random, 4) as i8 - 1)
    }

    impl Arbitrary for Case {
        fn arbitrary(random: &mut Gen) -> Case {
            let equal = usize::from(small(random, 3));
            let bound = |random: &mut Gen| {
                bool::arbitrary(random).then(|| {
                    let length = 1 + usize::from(small(random, 3)) % (3 - equal);
                    (columns(random), length, bool::arbitrary(random))
                })
            };
            Case {
                lower: bound(random),
                upper: bound(random),
                descending: [0; 3].map(|_| bool::arbitrary(random)),
                rows: (0..40).map(|_| columns(random)).collect(),
                equal,
                base: columns(random),
            }
        }
    }

    fn contains(range: &ClusteringRange, key: &[u8]) -> bool {
        *range.start <= *key && (range.end.is_empty() || *key < *range.end)
    }

    quickcheck! {
        fn slices_hold_exactly_the_rows_between_the_bounds(case: Case) -> bool {
            let order = |descending| if descending { ClusteringOrder::Descending } else { ClusteringOrder::Ascending };
            let types = case.descending.map(|descending| (CqlType::TinyInt, order(descending)));
            let bytes = |columns: &[i8]| columns.iter().map(|column| vec![*column as u8]).collect::<Vec<_>>();
            let bound = |bound: &Option<(Columns, usize, bool)>| bound.map(|(columns, length, inclusive)| {
                SliceBound { values: bytes(&columns[..length]), inclusive }
            });
            let (lower, upper) = (bound(&case.lower), bound(&case.upper));
            let ranges = clustering_slice(&bytes(&case.base[..case.equal]), lower.as_ref(), upper.as_ref(), &types)
                .expect("valid");
            let ordered = ranges.windows(2).all(|pair| !pair[0].end.is_empty() && pair[0].end < pair[1].start);
            ordered && case.rows.iter().all(|row| {
                let passes = |bound: &Option<(Columns, usize, bool)>, wanted: Ordering| bound.is_none_or(|(columns, length, inclusive)| {
                    let order = row[case.equal..case.equal + length].cmp(&columns[..length]);
                    order == wanted || (inclusive && order == Ordering::Equal)
                });
                let wanted = row[..case.equal] == case.base[..case.equal]
                    && passes(&case.lower, Ordering::Greater)
                    && passes(&case.upper, Ordering::Less);
                let key = encode_clustering(&bytes(row), &types).expect("valid");
                ranges.iter().any(|range| contains(range, &key)) == wanted
            })
        }
    }

    #[test]
    fn a_row_is_a_range_of_its_own() {
        for key in [&b""[..], b"\x02abc\x00", b"\x01"] {
            let key = ClusteringKey::copy_from_slice(key);
            let range = ClusteringRange::row(&key);
            assert_eq!(range.as_row(), Some(&key));
            assert!(contains(&range, &key));
        }
        assert_eq!(ClusteringRange::all().as_row(), None);
        assert_eq!(ClusteringRange::prefix(&ClusteringKey::from_static(b"\x01")).as_row(), None);
    }
}
