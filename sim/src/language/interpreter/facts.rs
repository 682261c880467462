//! What was written, and what of it is there: every write and every deletion stays in the list of its partition; the newest fact
//! about a cell counts, unless a deletion is as new. No merging, no order of arrival.

use super::Key;
use super::restrictions::row_matches;
use crate::language::kind::{Kind, Native};
use crate::language::program::{Relation, Table};
use std::collections::{BTreeMap, BTreeSet};

/// Something written.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub timestamp: i64,
    pub what: What,
}

/// What was written.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// The whole partition was deleted.
    PartitionDeleted,
    /// The rows that these relations hold for were deleted.
    RowsDeleted(Vec<Relation>),
    /// All cells of a column were deleted.
    ColumnDeleted { row: Option<Key>, column: String },
    /// A row was inserted.
    Inserted { row: Key, expiry: Option<i64> },
    /// A cell was written or, without a value, deleted. A row of `None` is the static one.
    Cell { row: Option<Key>, column: String, path: Vec<u8>, value: Option<Vec<u8>>, expiry: Option<i64> },
    /// A counter was changed.
    Counted { row: Option<Key>, column: String, by: i64 },
}

/// A cell that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Live {
    pub timestamp: i64,
    pub value: Vec<u8>,
    /// The second in which it expires.
    pub expiry: Option<i64>,
}

/// All facts, by partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    partitions: BTreeMap<Key, Vec<Fact>>,
}

/// A partition in a second.
#[derive(Clone, Copy)]
pub(super) struct Partition<'a> {
    pub table: &'a Table,
    pub key: &'a Key,
    facts: &'a [Fact],
    second: i64,
}

impl Facts {
    pub fn add(&mut self, partition: &Key, timestamp: i64, what: What) {
        self.partitions.entry(partition.clone()).or_default().push(Fact { timestamp, what });
    }

    pub fn all<'a>(&'a self, table: &'a Table, second: i64) -> Vec<Partition<'a>> {
        self.partitions.iter().map(|(key, facts)| Partition { table, key, facts, second }).collect()
    }

    pub fn partition<'a>(&'a self, table: &'a Table, key: &'a Key, second: i64) -> Partition<'a> {
        let facts = self.partitions.get(key).map_or(&[][..], Vec::as_slice);
        Partition { table, key, facts, second }
    }
}

impl Partition<'_> {
    /// The second in which it is looked at.
    pub fn second(&self) -> i64 {
        self.second
    }

    /// The newest deletion over a row; of the static row only the partition's own count.
    fn row_deleted(&self, row: Option<&Key>) -> i64 {
        let covers = |fact: &&Fact| match (&fact.what, row) {
            (What::PartitionDeleted, _) => true,
            (What::RowsDeleted(relations), Some(row)) => row_matches(self.table, relations, row),
            _ => false,
        };
        self.facts.iter().filter(covers).map(|fact| fact.timestamp).max().unwrap_or(i64::MIN)
    }

    /// The cells of a column that are there, by their place in it; a plain column has one, at no place.
    pub fn cells(&self, row: Option<&Key>, column: &str) -> BTreeMap<Vec<u8>, Live> {
        let column_deleted = self.facts.iter().filter(|fact| match &fact.what {
            What::ColumnDeleted { row: of, column: deleted } => of.as_ref() == row && deleted == column,
            _ => false,
        });
        let column_deleted = column_deleted.map(|fact| fact.timestamp).max().unwrap_or(i64::MIN);
        let deleted = self.row_deleted(row).max(column_deleted);
        let mut newest: BTreeMap<Vec<u8>, (i64, Option<Vec<u8>>, Option<i64>)> = BTreeMap::new();
        for fact in self.facts {
            let What::Cell { row: of, column: written, path, value, expiry } = &fact.what else { continue };
            if of.as_ref() != row || written != column {
                continue;
            }
            let cell = (fact.timestamp, value.clone(), *expiry);
            match newest.get(path) {
                Some(other) if precedence(other) >= precedence(&cell) => {}
                _ => {
                    newest.insert(path.clone(), cell);
                }
            }
        }
        let live = newest.into_iter().filter_map(|(path, (timestamp, value, expiry))| {
            let there = timestamp > deleted && expiry.is_none_or(|expiry| expiry > self.second);
            Some((path, Live { timestamp, value: value.filter(|_| there)?, expiry }))
        });
        let mut live: BTreeMap<Vec<u8>, Live> = live.collect();
        let counts = self.facts.iter().filter_map(|fact| match &fact.what {
            What::Counted { row: of, column: counted, by } if of.as_ref() == row && counted == column => Some(*by),
            _ => None,
        });
        if let Some(sum) = counts.reduce(i64::wrapping_add) {
            live.insert(Vec::new(), Live { timestamp: 0, value: sum.to_be_bytes().to_vec(), expiry: None });
        }
        live
    }

    /// Whether there is such a row: it was inserted, or has a cell.
    pub fn has_row(&self, row: &Key) -> bool {
        let inserted = self.facts.iter().filter_map(|fact| match &fact.what {
            What::Inserted { row: of, expiry } if of == row => Some((fact.timestamp, expiry.is_some(), *expiry)),
            _ => None,
        });
        let deleted = self.row_deleted(Some(row));
        let is_live = |(timestamp, _, expiry): (i64, bool, Option<i64>)| {
            timestamp > deleted && expiry.is_none_or(|expiry| expiry > self.second)
        };
        inserted.max().is_some_and(is_live)
            || self.table.regular.iter().any(|column| !self.cells(Some(row), &column.name).is_empty())
    }

    /// Whether the static row has a cell in one of these columns.
    pub fn has_static(&self) -> bool {
        self.table.statics.iter().any(|column| !self.cells(None, &column.name).is_empty())
    }

    /// Keys of the rows that are there, in no particular order.
    pub fn rows(&self) -> Vec<Key> {
        let keys = self.facts.iter().filter_map(|fact| match &fact.what {
            What::Inserted { row, .. } | What::Cell { row: Some(row), .. } | What::Counted { row: Some(row), .. } => {
                Some(row)
            }
            _ => None,
        });
        let keys: BTreeSet<&Key> = keys.collect();
        keys.into_iter().filter(|key| self.has_row(key)).cloned().collect()
    }
}

/// Which of two facts about a cell counts: the newer one; at the same time a deletion, then what expires, later rather than
/// sooner, then the larger bytes.
fn precedence(cell: &(i64, Option<Vec<u8>>, Option<i64>)) -> (i64, bool, bool, Option<i64>, Option<&Vec<u8>>) {
    let (timestamp, value, expiry) = cell;
    (*timestamp, value.is_none() || expiry.is_some(), value.is_none(), *expiry, value.as_ref())
}

/// Whether a column counts.
pub(super) fn is_counter(kind: &Kind) -> bool {
    *kind == Kind::Native(Native::Counter)
}
