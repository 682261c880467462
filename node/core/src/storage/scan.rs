//! The partitions of a table, one after another, with one iterator over the store for all of them: a scan of small partitions
//! costs a step each, not a search from the root for each partition and its rows.
//!
//! What it comes to is what looking up each partition by itself finds: rows of all layers merged, none twice, none left out.

use super::damage::Damage;
use super::key::{self, RowRef, Space};
use super::memtable::MemPartition;
use super::stored::{self, Entry};
use super::view::{Cursor, From, LayerCursor, View};
use crate::bugs::Bugs;
use crate::command::PartitionKey;
use crate::ids::{ShardId, StorageId};
use crate::world::Rows;
use std::iter::Peekable;
use trefoil_cql::token::Token;

/// So many entries of a partition that nobody read are stepped over; for more, searching is cheaper.
const STEPPED_OVER: usize = 16;

/// Where the rows of one partition after another come from.
pub(crate) trait RowSource<'a> {
    /// The rows (not the static one) of a partition with clustering keys in `start..end` (empty end: all from start).
    fn rows(
        &mut self,
        partition: &PartitionKey,
        bounds: (&[u8], &[u8]),
    ) -> Cursor<'a, impl Iterator<Item = Result<Entry<'a>, Damage>>>;
}

/// Searches for each partition.
#[derive(Debug)]
pub(crate) struct Search<'a, R, B> {
    pub(crate) view: View<'a, R, B>,
    pub(crate) table: StorageId,
    pub(crate) reversed: bool,
}

impl<'a, R: Rows, B: Bugs> RowSource<'a> for Search<'a, R, B> {
    fn rows(
        &mut self,
        partition: &PartitionKey,
        (start, end): (&[u8], &[u8]),
    ) -> Cursor<'a, impl Iterator<Item = Result<Entry<'a>, Damage>>> {
        self.view.cursor(self.table, partition, start, end, self.reversed)
    }
}

/// A walk over partitions. As the source of rows it serves the partition that `next` returned last, once and as a whole.
pub(crate) struct Scan<M: Iterator, S: Iterator> {
    layers: Vec<(i64, Peekable<M>)>,
    rows: StoreHead<S>,
    deletions: Option<StoreHead<S>>,
    last: Token,
    current: Option<PartitionKey>,
}

impl<'a, R: Rows, B: Bugs> View<'a, R, B> {
    /// Walk over the partitions of a table in ring order, up to `last`; also those of which only deletions are left.
    pub(crate) fn scan(
        &self,
        table: StorageId,
        from: From<'_>,
        last: Token,
    ) -> Scan<
        impl Iterator<Item = (Token, &'a MemPartition)> + use<'a, R, B>,
        impl Iterator<Item = Result<Entry<'a>, Damage>> + use<'a, R, B>,
    > {
        let (token, behind) = match from {
            From::Token(token) => (token, None),
            From::Behind(partition) => (partition.token, Some(partition)),
        };
        let mut layers = Vec::new();
        for layer in self.layers() {
            let mut partitions = layer.memtable.partitions(table, token).peekable();
            while behind.is_some_and(|done| partitions.next_if(|next| order(next) <= (done.token, &done.key)).is_some())
            {
            }
            layers.push((layer.horizons.of(table), partitions));
        }
        let shard = self.store.shard();
        let stored = |space| {
            let start = match behind {
                None => key::token_start(space, table, token),
                Some(partition) => {
                    let mut key = key::partition_key(space, table, partition, 1);
                    key::put_behind_rows(&mut key);
                    key
                }
            };
            let entries = stored::range(self.rows, shard, &start, &key::token_end(space, table, last), false);
            StoreHead { entries: entries.peekable(), shard, partition: None, prefix: Vec::new() }
        };
        let deletions = self.store.stored_deletions(table).then(|| stored(Space::Deletions));
        Scan { layers, rows: stored(Space::Rows), deletions, last, current: None }
    }
}

fn order<'p>((token, partition): &(Token, &'p MemPartition)) -> (Token, &'p [u8]) {
    (*token, partition.key())
}

impl<'a, M, S> Scan<M, S>
where
    M: Iterator<Item = (Token, &'a MemPartition)>,
    S: Iterator<Item = Result<Entry<'a>, Damage>>,
{
    /// Leave the partition that `next` returned last; says whether that was possible. Else it has many rows that nobody read, and
    /// a new scan behind it is cheaper.
    pub(crate) fn leave(&mut self) -> bool {
        let Some(current) = self.current.take() else { return true };
        for (_, partitions) in &mut self.layers {
            partitions.next_if(|next| order(next) == (current.token, &current.key));
        }
        if let Some(deletions) = &mut self.deletions {
            deletions.leave(&current);
        }
        self.rows.leave(&current)
    }

    /// The next partition.
    pub(crate) fn next(&mut self) -> Result<Option<PartitionKey>, Damage> {
        let mut next: Option<PartitionKey> = self.rows.partition()?.cloned();
        if let Some(deletions) = &mut self.deletions {
            let found = deletions.partition()?.filter(|found| next.as_ref().is_none_or(|next| *found < next));
            next = found.cloned().or(next);
        }
        for (_, partitions) in &mut self.layers {
            if let Some(found @ (token, partition)) = partitions.peek()
                && *token <= self.last
                && next.as_ref().is_none_or(|next| order(found) < (next.token, &next.key))
            {
                next = Some(PartitionKey { token: *token, key: partition.key().clone() });
            }
        }
        self.current.clone_from(&next);
        Ok(next)
    }
}

impl<'a, M, S> RowSource<'a> for Scan<M, S>
where
    M: Iterator<Item = (Token, &'a MemPartition)>,
    S: Iterator<Item = Result<Entry<'a>, Damage>>,
{
    fn rows(
        &mut self,
        partition: &PartitionKey,
        (start, end): (&[u8], &[u8]),
    ) -> Cursor<'a, impl Iterator<Item = Result<Entry<'a>, Damage>>> {
        let here = (partition.token, &*partition.key);
        let at = |(horizon, partitions): &mut (i64, Peekable<M>)| {
            let (_, found) = partitions.peek().filter(|next| order(next) == here)?;
            Some(LayerCursor::new(*horizon, found, start, end, false))
        };
        let layers = self.layers.iter_mut().filter_map(at).collect();
        let rows = &mut self.rows;
        let is_stored = rows.partition.as_ref() == Some(partition);
        let prefix = rows.prefix.len();
        let entries = is_stored.then_some(PartitionEntries { entries: &mut rows.entries, prefix: &rows.prefix });
        Cursor::new(layers, entries.into_iter().flatten(), prefix, false)
    }
}

/// Entries of the store, and which partition the next one belongs to.
struct StoreHead<S: Iterator> {
    entries: Peekable<S>,
    shard: ShardId,
    /// `None` before it was asked for.
    partition: Option<PartitionKey>,
    /// What the keys of its rows begin with.
    prefix: Vec<u8>,
}

impl<'a, S: Iterator<Item = Result<Entry<'a>, Damage>>> StoreHead<S> {
    fn partition(&mut self) -> Result<Option<&PartitionKey>, Damage> {
        if self.partition.is_none() {
            let Some((key, _)) = self.entries.peek().map(Result::as_ref).transpose().map_err(Damage::clone)? else {
                return Ok(None);
            };
            let malformed = |_| stored::malformed(self.shard, key);
            let length = key::partition_length(key).map_err(malformed)?;
            self.partition = Some(key::parse_partition(key).map_err(malformed)?);
            self.prefix.clear();
            self.prefix.extend_from_slice(&key[..length]);
        }
        Ok(self.partition.as_ref())
    }

    /// Step over what is left of a partition; says whether that was little.
    fn leave(&mut self, partition: &PartitionKey) -> bool {
        if self.partition.as_ref() != Some(partition) {
            return true;
        }
        self.partition = None;
        let is_here = |entry: &S::Item| entry.as_ref().is_ok_and(|(key, _)| key.starts_with(&self.prefix));
        (0..STEPPED_OVER).any(|_| self.entries.next_if(is_here).is_none())
    }
}

/// The rest of a partition's rows, without the static one.
struct PartitionEntries<'s, S: Iterator> {
    entries: &'s mut Peekable<S>,
    prefix: &'s [u8],
}

impl<'a, S: Iterator<Item = Result<Entry<'a>, Damage>>> Iterator for PartitionEntries<'_, S> {
    type Item = Result<Entry<'a>, Damage>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Damage is handed on, whomever it befell: what is next cannot be known.
            let is_here = |entry: &Self::Item| entry.as_ref().map_or(true, |(key, _)| key.starts_with(self.prefix));
            let entry = self.entries.next_if(is_here)?;
            match &entry {
                Ok((key, _)) if key::parse_row(&key[self.prefix.len()..]) == Ok(RowRef::Static) => {}
                _ => return Some(entry),
            }
        }
    }
}
