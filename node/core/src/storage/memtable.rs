//! What was applied and is not yet in the store: one shard's rows in memory, in order, kept encoded.
//!
//! Inserting merges into what is there, reading is a look-up and a borrow. Its size is counted, so that it can be bounded.

use super::deletions::Deletions;
use super::key::RowRef;
use super::merge::merge;
use super::row::{Deletion, RowView};
use crate::bugs::Bugs;
use crate::command::PartitionKey;
use crate::ids::StorageId;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::ops::Bound;
use trefoil_cql::token::Token;

/// A row at least this long is not merged at once with what is added to it: appending to a large collection stays cheap.
const LARGE_ROW_BYTES: usize = 1_024;

/// What an entry of a map costs beyond its bytes, roughly: node space, allocations' headers.
const PARTITION_OVERHEAD: usize = 150;
const ROW_OVERHEAD: usize = 80;

/// Rows in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memtable {
    slots: BTreeMap<(StorageId, Token), Slot>,
    /// Tables with deletions larger than a row.
    with_deletions: BTreeSet<StorageId>,
    bytes: usize,
}

/// Partitions of one table and token: nearly always one, so it stands alone.
#[derive(Clone, Debug)]
struct Slot {
    first: MemPartition,
    /// With larger keys, in order.
    others: Vec<MemPartition>,
}

/// One partition.
#[derive(Clone, Debug)]
pub(crate) struct MemPartition {
    key: Bytes,
    deletions: Option<Box<Deletions>>,
    static_row: Option<MemRow>,
    rows: RowMap,
}

/// Rows by clustering key. Most partitions of most tables have one.
#[derive(Clone, Debug, Default)]
enum RowMap {
    #[default]
    None,
    One(Box<[u8]>, MemRow),
    Many(BTreeMap<Box<[u8]>, MemRow>),
}

/// One row: encoded, and if it is large perhaps in several versions that are to be merged.
#[derive(Clone, Debug)]
pub(crate) enum MemRow {
    /// Whole.
    One(Bytes),
    /// Versions, each less than half as long as the one before.
    Several(Vec<Bytes>),
}

impl MemRow {
    /// Its versions.
    #[inline]
    pub(crate) fn versions(&self) -> &[Bytes] {
        match self {
            MemRow::One(row) => std::slice::from_ref(row),
            MemRow::Several(versions) => versions,
        }
    }

    fn add(&mut self, row: Vec<u8>, bugs: &impl Bugs) {
        match self {
            MemRow::One(old) if old.len() < LARGE_ROW_BYTES => *old = merged(old, &row, bugs),
            MemRow::One(old) => *self = MemRow::Several(vec![std::mem::take(old), Bytes::from(row)]),
            MemRow::Several(versions) => versions.push(Bytes::from(row)),
        }
        // As in a log-structured merge tree: a byte is merged as often as its version doubles.
        if let MemRow::Several(versions) = self {
            while let [.., large, small] = &versions[..] {
                if large.len() >= LARGE_ROW_BYTES && small.len() * 2 < large.len() {
                    break;
                }
                let both = merged(large, small, bugs);
                versions.truncate(versions.len() - 2);
                versions.push(both);
            }
        }
    }

    fn bytes(&self) -> usize {
        self.versions().iter().map(Bytes::len).sum()
    }
}

fn merged(one: &[u8], two: &[u8], bugs: &impl Bugs) -> Bytes {
    let mut out = Vec::new();
    merge(RowView::trusted(one), RowView::trusted(two), &mut out, bugs);
    out.shrink_to_fit();
    Bytes::from(out)
}

impl MemPartition {
    fn new(key: &[u8]) -> MemPartition {
        MemPartition { key: Bytes::copy_from_slice(key), deletions: None, static_row: None, rows: RowMap::None }
    }

    /// The serialised partition key.
    pub(crate) fn key(&self) -> &Bytes {
        &self.key
    }

    /// Deletions larger than a row.
    pub(crate) fn deletions(&self) -> Option<&Deletions> {
        self.deletions.as_deref()
    }

    /// One row.
    #[inline]
    pub(crate) fn row(&self, row: RowRef<'_>) -> Option<&MemRow> {
        match (row, &self.rows) {
            (RowRef::Static, _) => self.static_row.as_ref(),
            (RowRef::Row(key), RowMap::One(only, row)) => (**only == *key).then_some(row),
            (RowRef::Row(key), RowMap::Many(rows)) => rows.get(key),
            (RowRef::Row(_), RowMap::None) => None,
        }
    }

    /// Rows (not the static one) with keys in `start..end` (empty end: all from start), either way round.
    pub(crate) fn rows<'a>(&'a self, start: &[u8], end: &[u8]) -> MemRows<'a> {
        match &self.rows {
            RowMap::One(key, row) if **key >= *start && (end.is_empty() || **key < *end) => {
                MemRows::One(Some((key, row)))
            }
            RowMap::Many(rows) if end.is_empty() || start < end => {
                let end = if end.is_empty() { Bound::Unbounded } else { Bound::Excluded(end) };
                MemRows::Many(rows.range::<[u8], _>((Bound::Included(start), end)))
            }
            _ => MemRows::One(None),
        }
    }

    fn entry(&mut self, row: RowRef<'_>, bytes: Vec<u8>, counted: &mut usize, bugs: &impl Bugs) {
        let old = match row {
            RowRef::Static => self.static_row.as_mut(),
            RowRef::Row(key) => match &mut self.rows {
                RowMap::One(only, row) if **only == *key => Some(row),
                RowMap::Many(rows) => rows.get_mut(key),
                _ => None,
            },
        };
        if let Some(old) = old {
            let before = old.bytes();
            old.add(bytes, bugs);
            *counted = *counted + old.bytes() - before;
            return;
        }
        *counted += bytes.len() + ROW_OVERHEAD + row.clustering().map_or(0, <[u8]>::len);
        let new = MemRow::One(Bytes::from(bytes));
        match row {
            RowRef::Static => self.static_row = Some(new),
            RowRef::Row(key) => match &mut self.rows {
                RowMap::None => self.rows = RowMap::One(key.into(), new),
                RowMap::Many(rows) => {
                    rows.insert(key.into(), new);
                }
                RowMap::One(..) => {
                    let RowMap::One(first_key, first) = std::mem::take(&mut self.rows) else { return };
                    self.rows = RowMap::Many(BTreeMap::from([(first_key, first), (key.into(), new)]));
                }
            },
        }
    }
}

/// Rows of a partition, in order.
#[derive(Clone, Debug)]
pub(crate) enum MemRows<'a> {
    One(Option<(&'a [u8], &'a MemRow)>),
    Many(btree_map::Range<'a, Box<[u8]>, MemRow>),
}

impl<'a> Iterator for MemRows<'a> {
    type Item = (&'a [u8], &'a MemRow);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            MemRows::One(row) => row.take(),
            MemRows::Many(rows) => rows.next().map(|(key, row)| (&**key, row)),
        }
    }
}

impl DoubleEndedIterator for MemRows<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            MemRows::One(row) => row.take(),
            MemRows::Many(rows) => rows.next_back().map(|(key, row)| (&**key, row)),
        }
    }
}

impl Slot {
    fn partitions(&self) -> impl Iterator<Item = &MemPartition> {
        std::iter::once(&self.first).chain(&self.others)
    }

    #[inline]
    fn get(&self, key: &[u8]) -> Option<&MemPartition> {
        if *self.first.key == *key { Some(&self.first) } else { self.others.iter().find(|other| *other.key == *key) }
    }

    fn get_or_insert(&mut self, key: &[u8], counted: &mut usize) -> &mut MemPartition {
        if *self.first.key == *key {
            return &mut self.first;
        }
        let place = match self.others.binary_search_by(|other| (*other.key).cmp(key)) {
            Ok(place) => place,
            Err(place) => {
                *counted += PARTITION_OVERHEAD + key.len();
                let mut new = MemPartition::new(key);
                if *self.first.key > *key {
                    std::mem::swap(&mut new, &mut self.first);
                    self.others.insert(0, new);
                    return &mut self.first;
                }
                self.others.insert(place, new);
                place
            }
        };
        &mut self.others[place]
    }
}

impl Memtable {
    /// Roughly how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Tables with deletions larger than a row.
    pub(crate) fn with_deletions(&self) -> &BTreeSet<StorageId> {
        &self.with_deletions
    }

    /// Merge an encoded row into what is there.
    pub(crate) fn insert(
        &mut self,
        table: StorageId,
        partition: &PartitionKey,
        row: RowRef<'_>,
        bytes: Vec<u8>,
        bugs: &impl Bugs,
    ) {
        let mut counted = self.bytes;
        self.partition_mut(table, partition, &mut counted).entry(row, bytes, &mut counted, bugs);
        self.bytes = counted;
    }

    /// Delete rows `start..end` of a partition (`None`: all of it, static row included).
    pub(crate) fn delete(
        &mut self,
        table: StorageId,
        partition: &PartitionKey,
        range: Option<(&[u8], &[u8])>,
        deletion: Deletion,
    ) {
        self.with_deletions.insert(table);
        let mut counted = self.bytes;
        let deletions = self.partition_mut(table, partition, &mut counted).deletions.get_or_insert_default();
        let before = deletions.memory();
        match range {
            None => deletions.delete_partition(deletion),
            Some((start, end)) => deletions.delete_range(start, end, deletion),
        }
        self.bytes = counted + deletions.memory() - before;
    }

    /// One partition.
    #[inline]
    pub(crate) fn partition(&self, table: StorageId, token: Token, key: &[u8]) -> Option<&MemPartition> {
        self.slots.get(&(table, token))?.get(key)
    }

    /// The partitions of a table from a token on, in order.
    pub(crate) fn partitions(
        &self,
        table: StorageId,
        from: Token,
    ) -> impl Iterator<Item = (Token, &MemPartition)> + use<'_> {
        let slots = self.slots.range((table, from)..=(table, Token(i64::MAX)));
        slots.flat_map(|((_, token), slot)| slot.partitions().map(|partition| (*token, partition)))
    }

    /// Everything, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (StorageId, Token, &MemPartition)> {
        self.slots
            .iter()
            .flat_map(|((table, token), slot)| slot.partitions().map(|partition| (*table, *token, partition)))
    }

    /// The first table at or behind this one that has anything.
    pub(crate) fn table_from(&self, table: StorageId) -> Option<StorageId> {
        self.slots.range((table, Token(i64::MIN))..).next().map(|((table, _), _)| *table)
    }

    /// Forget a table.
    pub(crate) fn remove_table(&mut self, table: StorageId) {
        let mut rest = self.slots.split_off(&(table, Token(i64::MIN)));
        if let Some(next) = table.0.checked_add(1) {
            self.slots.append(&mut rest.split_off(&(StorageId(next), Token(i64::MIN))));
        }
        self.with_deletions.remove(&table);
        let freed: usize = rest.values().flat_map(Slot::partitions).map(MemPartition::counted).sum();
        self.bytes = self.bytes.saturating_sub(freed);
    }

    /// Free a few partitions of a memtable that nobody reads any more; says whether any are left.
    pub(crate) fn release(&mut self, partitions: usize) -> bool {
        for _ in 0..partitions {
            if self.slots.pop_first().is_none() {
                return false;
            }
        }
        true
    }

    fn partition_mut(&mut self, table: StorageId, partition: &PartitionKey, counted: &mut usize) -> &mut MemPartition {
        match self.slots.entry((table, partition.token)) {
            btree_map::Entry::Occupied(slot) => slot.into_mut().get_or_insert(&partition.key, counted),
            btree_map::Entry::Vacant(vacant) => {
                *counted += PARTITION_OVERHEAD + partition.key.len();
                &mut vacant.insert(Slot { first: MemPartition::new(&partition.key), others: Vec::new() }).first
            }
        }
    }
}

impl MemPartition {
    /// What was counted for it.
    fn counted(&self) -> usize {
        let rows = self.rows(&[], &[]).map(|(key, row)| key.len() + row.bytes() + ROW_OVERHEAD).sum::<usize>();
        let static_row = self.static_row.as_ref().map_or(0, |row| row.bytes() + ROW_OVERHEAD);
        let deletions = self.deletions.as_ref().map_or(0, |deletions| deletions.memory());
        PARTITION_OVERHEAD + self.key.len() + rows + static_row + deletions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bugs::NoBugs;
    use crate::storage::arbitrary_row::AnyRow;
    use quickcheck::quickcheck;

    fn partition(token: i64, key: &'static [u8]) -> PartitionKey {
        PartitionKey { token: Token(token), key: Bytes::from_static(key) }
    }

    #[test]
    fn partitions_of_one_token_keep_their_order() {
        let mut memtable = Memtable::default();
        for key in [&b"m"[..], b"a", b"z", b"b", b"a"] {
            memtable.insert(StorageId(1), &partition(5, key), RowRef::Row(b""), vec![0], &NoBugs);
        }
        let keys: Vec<&[u8]> = memtable.all().map(|(_, _, partition)| &**partition.key()).collect();
        assert_eq!(keys, [b"a", b"b", b"m", b"z"]);
        let from = |token| memtable.partitions(StorageId(1), Token(token)).map(|(_, found)| &**found.key()).collect();
        let (at, behind): (Vec<&[u8]>, Vec<&[u8]>) = (from(5), from(6));
        assert_eq!((at, behind), (keys, vec![]));
    }

    #[test]
    fn bytes_are_counted_exactly_and_given_back() {
        let mut memtable = Memtable::default();
        for table in 1..4 {
            for token in 0..50 {
                for key in [&b"p"[..], b"q"] {
                    memtable.insert(StorageId(table), &partition(token, key), RowRef::Row(b"c"), vec![0; 2], &NoBugs);
                    memtable.insert(StorageId(table), &partition(token, key), RowRef::Row(b"d"), vec![0], &NoBugs);
                }
            }
            let deletion = Deletion { timestamp: 1, seconds: 1 };
            memtable.delete(StorageId(table), &partition(3, b"p"), Some((b"a", b"b")), deletion);
        }
        let counted: usize = memtable.all().map(|(_, _, partition)| partition.counted()).sum();
        assert_eq!(memtable.bytes(), counted);
        memtable.remove_table(StorageId(2));
        assert_eq!(memtable.bytes(), counted / 3 * 2);
        assert_eq!(memtable.table_from(StorageId(2)), Some(StorageId(3)));
        memtable.remove_table(StorageId(3));
        memtable.remove_table(StorageId(1));
        assert!(memtable.is_empty() && memtable.bytes() == 0 && memtable.with_deletions().is_empty());
    }

    quickcheck! {
        fn versions_of_a_large_row_merge_to_one(rows: Vec<AnyRow>) -> bool {
            let mut whole = Bytes::from_static(&[0]);
            let mut large = MemRow::Several(vec![]);
            for row in rows {
                whole = merged(&whole, &row.bytes, &NoBugs);
                large.add(row.bytes, &NoBugs);
            }
            large.versions().iter().fold(Bytes::from_static(&[0]), |all, next| merged(&all, next, &NoBugs)) == whole
        }
    }
}
