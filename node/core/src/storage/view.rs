//! A shard's rows as they are now: store, frozen memtables and active memtable merged on the fly, with the deletions of
//! partitions and ranges and the purge horizons in effect.
//!
//! The order of layers is the order of the log, and each version of a row remembers the horizon it was written under. Folding
//! versions from the oldest up, purging in between, gives the same row however many of the layers were flushed.

use super::damage::Damage;
use super::deletions::Deletions;
use super::key::{self, RowRef, Space};
use super::layer::Layer;
use super::memtable::{MemPartition, MemRow, MemRows};
use super::merge::{filter, merge};
use super::row::RowView;
use super::shard::ShardStore;
use super::stored::{self, Entry};
use crate::bugs::Bugs;
use crate::command::PartitionKey;
use crate::ids::StorageId;
use crate::world::Rows;
use bytes::Bytes;
use std::borrow::Cow;
use trefoil_cql::token::Token;

/// Everything a read needs.
#[derive(Debug)]
pub(crate) struct View<'a, R, B> {
    pub(crate) store: &'a ShardStore,
    pub(crate) rows: &'a R,
    pub(crate) bugs: &'a B,
    /// Whether memtables are seen; always, but for a planted bug.
    pub(crate) memtables: bool,
}

impl<R, B> Clone for View<'_, R, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, B> Copy for View<'_, R, B> {}

/// An encoded row, wherever it is.
#[derive(Clone, Debug)]
pub(crate) enum RowBytes<'a> {
    /// In a memtable.
    Memory(&'a Bytes),
    /// In the store.
    Stored(&'a [u8]),
    /// Made by merging.
    Merged(Vec<u8>),
}

impl RowBytes<'_> {
    #[inline]
    pub(crate) fn view(&self) -> RowView<'_> {
        match self {
            RowBytes::Memory(bytes) => RowView::trusted(bytes),
            RowBytes::Stored(bytes) => RowView::trusted(bytes),
            RowBytes::Merged(bytes) => RowView::trusted(bytes),
        }
    }
}

/// Merges versions of one row, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Fold<'a> {
    row: Option<(RowBytes<'a>, i64)>,
}

impl<'a> Fold<'a> {
    /// Put a version on top that was written under `horizon` and of which a larger deletion takes what is at or before
    /// `deleted_through`.
    #[inline]
    pub(crate) fn add(&mut self, bytes: RowBytes<'a>, horizon: i64, deleted_through: i64, bugs: &impl Bugs) {
        let version = if deleted_through == i64::MIN {
            bytes
        } else {
            let mut out = Vec::new();
            filter(bytes.view(), deleted_through, i64::MIN, &mut out, bugs);
            RowBytes::Merged(out)
        };
        self.purge(horizon, bugs);
        self.row = Some(match self.row.take() {
            None => (version, horizon),
            Some((below, _)) => {
                let mut out = Vec::new();
                merge(below.view(), version.view(), &mut out, bugs);
                (RowBytes::Merged(out), horizon)
            }
        });
    }

    #[inline]
    fn purge(&mut self, horizon: i64, bugs: &impl Bugs) {
        if let Some((row, under)) = &mut self.row
            && *under < horizon
        {
            if row.view().is_mortal() {
                let mut out = Vec::new();
                filter(row.view(), i64::MIN, horizon, &mut out, bugs);
                *row = RowBytes::Merged(out);
            }
            *under = horizon;
        }
    }

    /// The row, seen through the horizon in force now; `None` if nothing is left, not even a tombstone.
    #[inline]
    pub(crate) fn finish(mut self, horizon: i64, bugs: &impl Bugs) -> Option<RowBytes<'a>> {
        self.purge(horizon, bugs);
        self.row.map(|(row, _)| row).filter(|row| !row.view().is_empty())
    }
}

/// The deletions of one partition in all layers. Empty for nearly all.
pub(crate) type PartitionDeletions<'a> = Vec<Cow<'a, Deletions>>;

/// Through which timestamp a version is deleted.
#[inline]
pub(crate) fn deleted_through(deletions: &PartitionDeletions<'_>, clustering: Option<&[u8]>, horizon: i64) -> i64 {
    deletions.iter().map(|record| record.deleted_through(clustering, horizon)).max().unwrap_or(i64::MIN)
}

/// Where to look for the next partition.
#[derive(Clone, Copy, Debug)]
pub(crate) enum From<'a> {
    /// At or behind the first partition with this token.
    Token(Token),
    /// Strictly behind this one.
    Behind(&'a PartitionKey),
}

/// One row that a cursor came to.
#[derive(Debug)]
pub(crate) struct CursorRow<'a> {
    /// Its clustering key.
    pub(crate) clustering: Cow<'a, [u8]>,
    /// The row; `None` if nothing is left of it.
    pub(crate) row: Option<RowBytes<'a>>,
    /// Stored bytes looked at for it.
    pub(crate) bytes: usize,
}

impl<'a, R: Rows, B: Bugs> View<'a, R, B> {
    /// Layers from the oldest to the active one.
    #[inline]
    pub(crate) fn layers(&self) -> impl Iterator<Item = &'a Layer> + use<'a, R, B> {
        let memtables = self.memtables;
        self.store.layers().filter(move |_| memtables)
    }

    /// The horizon in force now.
    #[inline]
    pub(crate) fn horizon(&self, table: StorageId) -> i64 {
        self.store.horizon(table)
    }

    pub(crate) fn damage(&self, key: &[u8]) -> Damage {
        stored::malformed(self.store.shard(), key)
    }

    /// What was deleted of a partition beyond single rows.
    #[inline]
    pub(crate) fn deletions(
        &self,
        table: StorageId,
        partition: &PartitionKey,
    ) -> Result<PartitionDeletions<'a>, Damage> {
        let mut found = Vec::new();
        for layer in self.layers() {
            if layer.memtable.with_deletions().contains(&table)
                && let Some(in_memory) = layer.memtable.partition(table, partition.token, &partition.key)
                && let Some(deletions) = in_memory.deletions()
            {
                found.push(Cow::Borrowed(deletions));
            }
        }
        if self.store.stored_deletions(table)
            && let Some(deletions) = self.stored_deletions(table, partition)?
        {
            found.push(Cow::Owned(deletions));
        }
        Ok(found)
    }

    /// What the store has of a partition's deletions.
    fn stored_deletions(&self, table: StorageId, partition: &PartitionKey) -> Result<Option<Deletions>, Damage> {
        let key = key::deletions_key(table, partition);
        let content = stored::get(self.rows, self.store.shard(), &key)?;
        content.map(|content| Deletions::decode(content).map_err(|_| self.damage(&key))).transpose()
    }

    /// One row and the number of stored bytes looked at; `None` if nothing is left of it.
    pub(crate) fn row(
        &self,
        table: StorageId,
        partition: &PartitionKey,
        row: RowRef<'_>,
        deletions: &PartitionDeletions<'a>,
    ) -> Result<(Option<RowBytes<'a>>, usize), Damage> {
        let mut fold = Fold::default();
        let mut bytes = partition.key.len();
        let key = key::row_key(table, partition, row);
        if let Some(content) = stored::get(self.rows, self.store.shard(), &key)? {
            let stored = stored::read_row(content).map_err(|_| self.damage(&key))?;
            let through = deleted_through(deletions, row.clustering(), stored.horizon);
            fold.add(RowBytes::Stored(stored.row.bytes()), stored.horizon, through, self.bugs);
            bytes += content.len();
        }
        for layer in self.layers() {
            let in_memory = layer.memtable.partition(table, partition.token, &partition.key);
            if let Some(found) = in_memory.and_then(|partition| partition.row(row)) {
                bytes += self.add_versions(&mut fold, table, layer, row.clustering(), found, deletions);
            }
        }
        Ok((fold.finish(self.horizon(table), self.bugs), bytes))
    }

    #[inline]
    fn add_versions(
        &self,
        fold: &mut Fold<'a>,
        table: StorageId,
        layer: &Layer,
        clustering: Option<&[u8]>,
        row: &'a MemRow,
        deletions: &PartitionDeletions<'a>,
    ) -> usize {
        let horizon = layer.horizons.of(table);
        let through = deleted_through(deletions, clustering, horizon);
        let mut bytes = 0;
        for version in row.versions() {
            fold.add(RowBytes::Memory(version), horizon, through, self.bugs);
            bytes += version.len();
        }
        bytes
    }

    /// The first table at or behind this one of which the shard has anything.
    pub(crate) fn next_table(&self, from: StorageId) -> Option<StorageId> {
        let in_memory = self.layers().filter_map(|layer| layer.memtable.table_from(from)).min();
        let tokens = self.store.tokens();
        let stored = [Space::Deletions, Space::Rows].into_iter();
        let stored = stored.filter_map(|space| next_stored_table(self.rows, space, tokens, from)).min();
        match (in_memory, stored) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        }
    }

    /// Rows of a partition (not the static one) with clustering keys in `start..end` (empty end: all from start).
    pub(crate) fn cursor(
        &self,
        table: StorageId,
        partition: &PartitionKey,
        start: &[u8],
        end: &[u8],
        reversed: bool,
    ) -> Cursor<'a, impl Iterator<Item = Result<Entry<'a>, Damage>> + use<'a, R, B>> {
        let mut layers = Vec::new();
        for layer in self.layers() {
            if let Some(partition) = layer.memtable.partition(table, partition.token, &partition.key) {
                layers.push(LayerCursor::new(layer.horizons.of(table), partition, start, end, reversed));
            }
        }
        let mut first = key::partition_key(Space::Rows, table, partition, start.len());
        let prefix = first.len();
        key::put_row(RowRef::Row(start), &mut first);
        let mut last = Vec::with_capacity(prefix + 1 + end.len());
        last.extend_from_slice(&first[..prefix]);
        if end.is_empty() {
            key::put_behind_rows(&mut last);
        } else {
            key::put_row(RowRef::Row(end), &mut last);
        }
        let stored = stored::range(self.rows, self.store.shard(), &first, &last, reversed);
        Cursor::new(layers, stored, prefix, reversed)
    }
}

/// The first table at or behind `from` of which a store has anything within some tokens.
pub(crate) fn next_stored_table<R: Rows>(
    rows: &R,
    space: Space,
    tokens: super::shard::TokenRange,
    mut from: StorageId,
) -> Option<StorageId> {
    // Keys of other shards lie between: skip from table to table.
    loop {
        let start = key::table_start(space, from);
        let (first, _) = rows.range(&start, &key::space_end(space)).next()?;
        let (table, _) = key::parse_table(first).ok()?;
        let (start, end) = key::token_bounds(space, table, tokens);
        if rows.range(&start, &end).next().is_some() {
            return Some(table);
        }
        from = StorageId(table.0.checked_add(1)?);
    }
}

/// Walks over rows of one partition in all layers at once.
#[derive(Debug)]
pub(crate) struct Cursor<'a, I> {
    layers: Vec<LayerCursor<'a>>,
    stored: I,
    stored_head: Option<Entry<'a>>,
    /// Whether `stored_head` is the next entry, or what it is was not asked yet.
    stored_fetched: bool,
    prefix: usize,
    reversed: bool,
}

/// The rows of one partition in one layer.
#[derive(Debug)]
pub(crate) struct LayerCursor<'a> {
    horizon: i64,
    rows: MemRows<'a>,
    head: Option<(&'a [u8], &'a MemRow)>,
    reversed: bool,
}

impl<'a> LayerCursor<'a> {
    /// Rows with clustering keys in `start..end` (empty end: all from start).
    pub(crate) fn new(
        horizon: i64,
        partition: &'a MemPartition,
        start: &[u8],
        end: &[u8],
        reversed: bool,
    ) -> LayerCursor<'a> {
        let mut cursor = LayerCursor { horizon, rows: partition.rows(start, end), head: None, reversed };
        cursor.advance();
        cursor
    }

    #[inline]
    fn advance(&mut self) {
        self.head = if self.reversed { self.rows.next_back() } else { self.rows.next() };
        if let Some((_, row)) = self.head {
            // Rows lie anywhere in memory: its bytes are on their way while the row before it is looked at.
            std::hint::black_box(row.versions().first().and_then(|version| version.first()));
        }
    }
}

impl<'a, I: Iterator<Item = Result<Entry<'a>, Damage>>> Cursor<'a, I> {
    /// Merge rows of layers, the oldest first, with those of the store, whose logical keys begin with `prefix` bytes.
    pub(crate) fn new(layers: Vec<LayerCursor<'a>>, stored: I, prefix: usize, reversed: bool) -> Cursor<'a, I> {
        Cursor { layers, stored, stored_head: None, stored_fetched: false, prefix, reversed }
    }

    /// Whether there is another row to look at.
    pub(crate) fn has_next(&mut self) -> Result<bool, Damage> {
        if !self.stored_fetched {
            self.stored_fetched = true;
            self.stored_head = self.stored.next().transpose()?;
        }
        Ok(self.stored_head.is_some() || self.layers.iter().any(|layer| layer.head.is_some()))
    }

    /// The next row, dead or alive. `horizon` is the one in force now.
    pub(crate) fn next<R: Rows, B: Bugs>(
        &mut self,
        view: &View<'a, R, B>,
        horizon: i64,
        deletions: &PartitionDeletions<'a>,
    ) -> Result<Option<CursorRow<'a>>, Damage> {
        if !self.has_next()? {
            return Ok(None);
        }
        let in_store = self.stored_head.as_ref().map(|(key, _)| &key[self.prefix + 1..]);
        let heads = self.layers.iter().filter_map(|layer| layer.head.map(|(key, _)| key)).chain(in_store);
        let Some(clustering) = (if self.reversed { heads.max() } else { heads.min() }) else { return Ok(None) };
        let mut fold = Fold::default();
        let mut bytes = clustering.len();
        let stored_matches = in_store == Some(clustering);
        // The key outlives the cursor's heads when it is a memtable's; one from the store is taken over below.
        let mut key: Option<Cow<'a, [u8]>> = self
            .layers
            .iter()
            .filter_map(|layer| layer.head)
            .find(|(key, _)| *key == clustering)
            .map(|(key, _)| Cow::Borrowed(key));
        if stored_matches && let Some((logical, content)) = self.stored_head.take() {
            let stored = stored::read_row(content).map_err(|_| view.damage(&logical))?;
            let own = match logical {
                Cow::Borrowed(logical) => Cow::Borrowed(&logical[self.prefix + 1..]),
                Cow::Owned(mut logical) => {
                    logical.drain(..=self.prefix);
                    Cow::Owned(logical)
                }
            };
            let through = deleted_through(deletions, Some(&own), stored.horizon);
            fold.add(RowBytes::Stored(stored.row.bytes()), stored.horizon, through, view.bugs);
            bytes += content.len();
            key.get_or_insert(own);
            self.stored_fetched = false;
        }
        let Some(key) = key else { return Ok(None) };
        for layer in &mut self.layers {
            if let Some((head, row)) = layer.head
                && *head == *key
            {
                let through = deleted_through(deletions, Some(head), layer.horizon);
                for version in row.versions() {
                    fold.add(RowBytes::Memory(version), layer.horizon, through, view.bugs);
                    bytes += version.len();
                }
                layer.advance();
            }
        }
        Ok(Some(CursorRow { clustering: key, row: fold.finish(horizon, view.bugs), bytes }))
    }
}
