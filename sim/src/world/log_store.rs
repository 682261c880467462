//! The durable log store of a node: per shard, the hard state and the entries, as they would lie in LMDB. It refuses what
//! no node may ask for (a gap, a term that falls, a cut beyond the end): such a batch is a bug of the node, found here.

use std::collections::{BTreeMap, BTreeSet};
use trefoil_core::ids::{LogIndex, ShardId, Term};
use trefoil_core::raft::{Entry, LogOp, SavedLog};

/// What a node has on disk of its logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogStore {
    shards: BTreeMap<ShardId, SavedLog>,
    /// Logs that are not what was written. A starting node is told; the first thing that it writes of such a shard replaces all of it.
    damaged: BTreeSet<ShardId>,
}

/// An entry that was durable and is not any more, because another log won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The shard.
    pub shard: ShardId,
    /// Where it was.
    pub index: LogIndex,
    /// The term it was made in: index and term name an entry.
    pub term: Term,
}

/// Position of the last entry, or of the cut when there is none.
#[must_use]
pub fn last_position(saved: &SavedLog) -> (LogIndex, Term) {
    saved.entries.last().map_or(saved.cut, |entry| (entry.index, entry.term))
}

fn entry_at(saved: &SavedLog, index: LogIndex) -> Option<&Entry> {
    let offset = index.0.checked_sub(saved.cut.0.0 + 1)?;
    saved.entries.get(offset as usize)
}

impl LogStore {
    /// One shard's log, if there is any.
    #[must_use]
    pub fn shard(&self, shard: ShardId) -> Option<&SavedLog> {
        self.shards.get(&shard)
    }

    /// The term of the entry at this position, if it is there.
    #[must_use]
    pub fn term_at(&self, shard: ShardId, index: LogIndex) -> Option<Term> {
        self.shards.get(&shard).and_then(|saved| entry_at(saved, index)).map(|entry| entry.term)
    }

    /// What a starting node is given.
    #[must_use]
    pub fn saved(&self) -> BTreeMap<ShardId, SavedLog> {
        let sound = self.shards.iter().filter(|(shard, _)| !self.damaged.contains(shard));
        sound.map(|(shard, saved)| (*shard, saved.clone())).collect()
    }

    /// The log of a shard goes bad, if there is one.
    pub fn rot(&mut self, shard: ShardId) -> bool {
        self.shards.contains_key(&shard) && self.damaged.insert(shard)
    }

    /// Logs that have gone bad.
    #[must_use]
    pub fn damaged(&self) -> &BTreeSet<ShardId> {
        &self.damaged
    }

    /// Carry out one change. Entries that it removes at the end of a log are added to `removed`.
    ///
    /// # Errors
    /// When the change makes no sense for what is stored; the text says why.
    pub fn apply(&mut self, operation: LogOp, removed: &mut Vec<Removed>) -> Result<(), String> {
        let (LogOp::HardState(shard, _)
        | LogOp::Append { shard, .. }
        | LogOp::CutThrough { shard, .. }
        | LogOp::Reset { shard, .. }) = operation;
        if self.damaged.remove(&shard) {
            self.shards.remove(&shard);
        }
        match operation {
            LogOp::HardState(shard, state) => {
                let saved = self.shards.entry(shard).or_default();
                if state.term < saved.hard_state.term {
                    return Err(format!("shard {shard}: term falls from {} to {}", saved.hard_state.term, state.term));
                }
                let same_term = state.term == saved.hard_state.term;
                if same_term && saved.hard_state.vote.is_some() && state.vote != saved.hard_state.vote {
                    let before = saved.hard_state;
                    return Err(format!("shard {shard}: vote changes within a term, {before:?} to {state:?}"));
                }
                saved.hard_state = state;
                Ok(())
            }
            LogOp::Append { shard, truncate_from, entries } => {
                append(shard, self.shards.entry(shard).or_default(), truncate_from, entries, removed)
            }
            LogOp::CutThrough { shard, index, term } => {
                let saved = self.shards.entry(shard).or_default();
                if index <= saved.cut.0 {
                    return Ok(());
                }
                match entry_at(saved, index) {
                    Some(entry) if entry.term == term => {
                        saved.entries.drain(..(index.0 - saved.cut.0.0) as usize);
                        saved.cut = (index, term);
                        Ok(())
                    }
                    found => Err(format!("shard {shard}: cut through ({index}, {term}), but there is {found:?}")),
                }
            }
            LogOp::Reset { shard, index, term } => {
                let saved = self.shards.entry(shard).or_default();
                saved.entries.clear();
                saved.cut = (index, term);
                Ok(())
            }
        }
    }
}

fn append(
    shard: ShardId,
    saved: &mut SavedLog,
    truncate_from: LogIndex,
    entries: Vec<Entry>,
    removed: &mut Vec<Removed>,
) -> Result<(), String> {
    let keep = match truncate_from.0.checked_sub(saved.cut.0.0 + 1) {
        Some(keep) if keep as usize <= saved.entries.len() => keep as usize,
        _ => {
            let (first, last) = (saved.cut.0.0 + 1, last_position(saved).0);
            return Err(format!("shard {shard}: append at {truncate_from}, but the log holds {first}..={last}"));
        }
    };
    // Entries written again as they were (a repeated append) are not removed.
    let gone = saved.entries.drain(keep..).enumerate().filter(|(at, old)| entries.get(*at) != Some(old));
    removed.extend(gone.map(|(_, entry)| Removed { shard, index: entry.index, term: entry.term }));
    let (mut last, mut term) = last_position(saved);
    for entry in entries {
        if entry.index.0 != last.0 + 1 || entry.term < term {
            return Err(format!("shard {shard}: entry ({}, {}) after ({last}, {term})", entry.index, entry.term));
        }
        (last, term) = (entry.index, entry.term);
        saved.entries.push(entry);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use trefoil_core::ids::NodeId;
    use trefoil_core::raft::HardState;
    use trefoil_core::time::HybridTime;

    const SHARD: ShardId = ShardId(1);

    fn entries(positions: &[(u64, u64)]) -> Vec<Entry> {
        let entry = |&(index, term): &(u64, u64)| Entry {
            index: LogIndex(index),
            term: Term(term),
            stamp: HybridTime(index as i64),
            payload: Bytes::new(),
        };
        positions.iter().map(entry).collect()
    }

    fn append(store: &mut LogStore, at: u64, positions: &[(u64, u64)]) -> Result<(), String> {
        apply(store, LogOp::Append { shard: SHARD, truncate_from: LogIndex(at), entries: entries(positions) })
    }

    fn apply(store: &mut LogStore, operation: LogOp) -> Result<(), String> {
        store.apply(operation, &mut Vec::new())
    }

    #[test]
    fn what_is_overwritten_is_told_and_what_is_repeated_is_not() {
        let mut store = LogStore::default();
        append(&mut store, 1, &[(1, 1), (2, 1), (3, 1)]).expect("the first entries");
        let again = LogOp::Append { shard: SHARD, truncate_from: LogIndex(2), entries: entries(&[(2, 1), (3, 2)]) };
        let mut removed = Vec::new();
        store.apply(again, &mut removed).expect("the end is another");
        assert_eq!(removed, vec![Removed { shard: SHARD, index: LogIndex(3), term: Term(1) }]);
    }

    #[test]
    fn appends_replace_the_suffix_and_leave_no_gap() {
        let mut store = LogStore::default();
        append(&mut store, 1, &[(1, 1), (2, 1), (3, 1)]).expect("the first entries");
        append(&mut store, 2, &[(2, 2)]).expect("a conflicting suffix goes");
        assert_eq!(store.shard(SHARD).map(last_position), Some((LogIndex(2), Term(2))));
        assert!(append(&mut store, 4, &[(4, 2)]).is_err(), "3 is missing");
        assert!(append(&mut store, 3, &[(3, 1)]).is_err(), "terms do not fall");
    }

    #[test]
    fn a_cut_keeps_the_rest_and_a_reset_starts_anew() {
        let mut store = LogStore::default();
        append(&mut store, 1, &[(1, 1), (2, 1), (3, 1)]).expect("the first entries");
        let cut = |index, term| LogOp::CutThrough { shard: SHARD, index: LogIndex(index), term: Term(term) };
        apply(&mut store, cut(2, 1)).expect("flushed so far");
        assert_eq!(store.term_at(SHARD, LogIndex(3)), Some(Term(1)));
        assert_eq!(store.term_at(SHARD, LogIndex(2)), None);
        assert!(apply(&mut store, cut(9, 1)).is_err(), "beyond the end");
        let reset = LogOp::Reset { shard: SHARD, index: LogIndex(10), term: Term(3) };
        apply(&mut store, reset).expect("a snapshot came");
        append(&mut store, 11, &[(11, 3)]).expect("it goes on after the snapshot");
    }

    #[test]
    fn a_vote_is_given_once_a_term() {
        let mut store = LogStore::default();
        let vote = |term, node| {
            LogOp::HardState(SHARD, HardState { term: Term(term), vote: Some(NodeId(node)), rebuild: None })
        };
        apply(&mut store, vote(2, 1)).expect("the first vote");
        assert!(apply(&mut store, vote(2, 3)).is_err());
        assert!(apply(&mut store, vote(1, 1)).is_err());
        apply(&mut store, vote(3, 3)).expect("another term");
    }
}
