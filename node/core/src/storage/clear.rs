//! Clearing: rows that nobody wants any more leave the store, slice by slice: all of a shard before a snapshot is installed or
//! when its replica goes, or one table of it after DROP or TRUNCATE.

use super::batch::{BatchError, RowsWriter};
use super::key::{self, Space};
use super::shard::TokenRange;
use super::view::next_stored_table;
use crate::ids::{ShardId, StorageId};
use crate::world::Rows;

/// A slice of a shard's rows to be deleted.
#[derive(Clone, Debug)]
pub struct ClearPart {
    shard: ShardId,
    /// Forget how far the log is applied: there is no state any more.
    meta: bool,
    ranges: Vec<(Vec<u8>, Vec<u8>)>,
}

impl ClearPart {
    pub(crate) fn write<W: RowsWriter>(&self, writer: &mut W) -> Result<(), BatchError<W::Error>> {
        if self.meta {
            // Not read first: damage is a reason to clear.
            writer.delete(&key::meta_key(self.shard)).map_err(BatchError::Store)?;
        }
        self.ranges.iter().try_for_each(|(start, end)| writer.delete_range(start, end).map_err(BatchError::Store))
    }
}

/// Removes rows from the store, slice by slice. Slices need not wait for each other, only keep their order.
#[derive(Clone, Debug)]
pub struct Clearing {
    shard: ShardId,
    tokens: TokenRange,
    /// `None`: all tables.
    table: Option<StorageId>,
    meta: bool,
    /// Where the next slice begins; `None`: done.
    next: Option<(Space, StorageId, Option<Vec<u8>>)>,
}

impl ClearPart {
    /// Whether there are rows to delete.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        !self.ranges.is_empty()
    }
}

impl Clearing {
    /// Everything of a shard, its meta record first: before a snapshot is installed, or when the replica goes. Nothing may be
    /// flushed of the shard meanwhile.
    #[must_use]
    pub fn shard(shard: ShardId, tokens: TokenRange) -> Clearing {
        Clearing { shard, tokens, table: None, meta: true, next: Some((Space::Deletions, StorageId(0), None)) }
    }

    /// One table of a shard that was dropped (`ShardStore::droppable`).
    #[must_use]
    pub fn table(shard: ShardId, tokens: TokenRange, table: StorageId) -> Clearing {
        Clearing { shard, tokens, table: Some(table), meta: false, next: Some((Space::Deletions, table, None)) }
    }

    /// The next slice, of about `keys_max` keys; `None`: done.
    pub fn next<R: Rows>(&mut self, rows: &R, keys_max: usize) -> Option<ClearPart> {
        let mut part = ClearPart { shard: self.shard, meta: std::mem::take(&mut self.meta), ranges: Vec::new() };
        let mut left = keys_max.max(1);
        while left > 0
            && let Some((space, from, key)) = self.next.take()
        {
            let table = match (&key, self.table) {
                (Some(_), _) => Some(from),
                (None, Some(only)) => (from == only).then_some(only),
                (None, None) => next_stored_table(rows, space, self.tokens, from),
            };
            let Some(table) = table else {
                self.next =
                    (space == Space::Deletions).then(|| (Space::Rows, self.table.unwrap_or(StorageId(0)), None));
                continue;
            };
            let (start, end) = key::token_bounds(space, table, self.tokens);
            let start = key.unwrap_or(start);
            let mut keys = rows.range(&start, &end);
            let last = keys.by_ref().take(left).inspect(|_| left -= 1).last();
            if keys.next().is_some()
                && let Some((last, _)) = last
            {
                let behind = [last, &[0]].concat();
                part.ranges.push((start, behind.clone()));
                self.next = Some((space, table, Some(behind)));
            } else {
                if last.is_some() {
                    part.ranges.push((start, end));
                }
                let following = table.0.checked_add(1).map(StorageId);
                self.next = match following.filter(|_| self.table.is_none()) {
                    Some(following) => Some((space, following, None)),
                    None => {
                        (space == Space::Deletions).then(|| (Space::Rows, self.table.unwrap_or(StorageId(0)), None))
                    }
                };
            }
        }
        (part.meta || !part.ranges.is_empty()).then_some(part)
    }
}
