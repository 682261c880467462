//! The part of a replica's log that is in memory: everything that is not applied yet, and what followers may still need.
//! Below its floor there is nothing: it was applied here and is either known to be everywhere or too old to be kept.
//! The log never has gaps, and its terms never decrease.

use super::{AppliedThrough, Entry, Position};
use crate::ids::{LogIndex, Term};
use crate::time::HybridTime;
use std::collections::VecDeque;

/// What an entry counts against limits besides its payload.
const ENTRY_OVERHEAD_BYTES: u64 = 64;

/// What an entry counts against limits.
pub(super) fn entry_bytes(entry: &Entry) -> u64 {
    entry.payload.len() as u64 + ENTRY_OVERHEAD_BYTES
}

/// Entries `floor + 1 ..= last`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Log {
    floor: AppliedThrough,
    entries: VecDeque<Entry>,
    bytes: u64,
}

impl Log {
    pub(super) fn new(floor: AppliedThrough, entries: Vec<Entry>) -> Log {
        let bytes = entries.iter().map(entry_bytes).sum();
        Log { floor, entries: entries.into(), bytes }
    }

    /// The last position that is not in memory any more.
    pub(super) fn floor(&self) -> Position {
        self.floor.position
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn last(&self) -> Position {
        match self.entries.back() {
            Some(entry) => Position { index: entry.index, term: entry.term },
            None => self.floor.position,
        }
    }

    pub(super) fn last_index(&self) -> LogIndex {
        LogIndex(self.floor.position.index.0 + self.entries.len() as u64)
    }

    pub(super) fn last_stamp(&self) -> HybridTime {
        self.entries.back().map_or(self.floor.stamp, |entry| entry.stamp)
    }

    fn offset(&self, index: LogIndex) -> Option<usize> {
        let offset = index.0.checked_sub(self.floor.position.index.0 + 1)?;
        usize::try_from(offset).ok()
    }

    pub(super) fn get(&self, index: LogIndex) -> Option<&Entry> {
        self.entries.get(self.offset(index)?)
    }

    /// The term at an index that is in memory or the floor.
    pub(super) fn term_at(&self, index: LogIndex) -> Option<Term> {
        if index == self.floor.position.index {
            return Some(self.floor.position.term);
        }
        self.get(index).map(|entry| entry.term)
    }

    /// Whether the log has this very position, as far as memory knows.
    pub(super) fn contains(&self, position: Position) -> bool {
        self.term_at(position.index) == Some(position.term)
    }

    /// Append; the entry continues the log.
    pub(super) fn push(&mut self, entry: Entry) {
        debug_assert_eq!(entry.index.0, self.last_index().0 + 1, "the log has no gaps");
        self.bytes += entry_bytes(&entry);
        self.entries.push_back(entry);
    }

    /// Drop everything at and after this index.
    pub(super) fn truncate_from(&mut self, index: LogIndex) {
        let keep = self.offset(index).unwrap_or(0);
        for entry in self.entries.drain(keep.min(self.entries.len())..) {
            self.bytes -= entry_bytes(&entry);
        }
    }

    /// Drop the first entry from memory, if it is at or below this index.
    pub(super) fn forget_first(&mut self, through: LogIndex) -> bool {
        if self.entries.front().is_none_or(|entry| entry.index > through) {
            return false;
        }
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry_bytes(&entry);
            let position = Position { index: entry.index, term: entry.term };
            self.floor = AppliedThrough { position, stamp: entry.stamp };
        }
        true
    }

    /// Nothing but this floor.
    pub(super) fn reset(&mut self, floor: AppliedThrough) {
        *self = Log::new(floor, Vec::new());
    }

    /// Entries from `first` on, as many as fit into `bytes_max`, but at least one if there is one.
    pub(super) fn copy(&self, first: LogIndex, bytes_max: u64) -> (Vec<Entry>, u64) {
        let start = self.offset(first).unwrap_or(usize::MAX).min(self.entries.len());
        let mut bytes = 0;
        let mut count = 0;
        for entry in self.entries.range(start..) {
            let more = bytes + entry_bytes(entry);
            if count > 0 && more > bytes_max {
                break;
            }
            bytes = more;
            count += 1;
        }
        (self.entries.range(start..start + count).cloned().collect(), bytes)
    }

    /// Entries from `first` to the end.
    pub(super) fn copy_all(&self, first: LogIndex) -> Vec<Entry> {
        let start = self.offset(first).unwrap_or(0).min(self.entries.len());
        self.entries.range(start..).cloned().collect()
    }

    /// The bytes of entries after `index`.
    pub(super) fn bytes_after(&self, index: LogIndex) -> u64 {
        let start = self.offset(LogIndex(index.0 + 1)).unwrap_or(0).min(self.entries.len());
        self.entries.range(start..).map(entry_bytes).sum()
    }

    /// The last position here that may equal one in a log which has `other` (or ends there): at most its index, at most its
    /// term. Skips a whole term at a time, so that logs which differ find their common part in few messages.
    pub(super) fn agreement(&self, other: Position) -> Position {
        let mut index = other.index.min(self.last_index());
        while let Some(entry) = self.get(index) {
            if entry.term <= other.term {
                return Position { index, term: entry.term };
            }
            index.0 -= 1;
        }
        self.floor.position
    }
}
