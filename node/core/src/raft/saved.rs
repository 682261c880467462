//! What a replica writes to its stores, and what it finds there when it starts. The log store holds entries and the hard
//! state; the row store says how far it is applied. They may disagree in one way only: rows beyond the end of the log.

use crate::ids::{LogIndex, NodeId, ShardId, Term};
use crate::time::HybridTime;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// One entry of a shard's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Its position.
    pub index: LogIndex,
    /// The term of the leader that made it.
    pub term: Term,
    /// That leader's stamp: above every stamp before it in the log.
    pub stamp: HybridTime,
    /// An encoded `Command`.
    pub payload: Bytes,
}

/// The part of a replica's state that must survive a crash besides the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HardState {
    /// Latest term seen.
    pub term: Term,
    /// Who got this replica's vote in that term.
    pub vote: Option<NodeId>,
    /// Set while the replica is being rebuilt after it lost its state: it does not vote, and its answers do not count.
    pub rebuild: Option<RebuildId>,
}

/// Names one attempt to rebuild a replica; random, so that answers to an earlier attempt cannot be mistaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RebuildId(pub u64);

/// A place in a log: an index and the term of the entry there. Two logs with an equal position are equal up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The index.
    pub index: LogIndex,
    /// The term of the entry there; 0 before the first.
    pub term: Term,
}

/// A change of the log store. A batch of these is atomic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LogOp {
    /// Write this term and vote.
    HardState(ShardId, HardState),
    /// Delete every entry at or after this index, then append these.
    Append {
        /// The shard.
        shard: ShardId,
        /// Entries at and after this are deleted first.
        truncate_from: LogIndex,
        /// New entries, in order, the first at `truncate_from`.
        entries: Vec<Entry>,
    },
    /// Delete every entry at or below this index: flushed here and not wanted by anybody. Remembers (index, term) of the last one cut.
    CutThrough {
        /// The shard.
        shard: ShardId,
        /// Last index that goes.
        index: LogIndex,
        /// Its term.
        term: Term,
    },
    /// Forget everything about this shard's log and start after this position (a snapshot was installed). Keeps the hard state.
    Reset {
        /// The shard.
        shard: ShardId,
        /// Last index contained in the snapshot.
        index: LogIndex,
        /// Its term.
        term: Term,
    },
}

/// What the log store held for one shard when the node started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SavedLog {
    /// Term, vote, rebuild.
    pub hard_state: HardState,
    /// Position of the last entry that was cut (0, 0 if none).
    pub cut: (LogIndex, Term),
    /// The entries after it, without gaps.
    pub entries: Vec<Entry>,
}

/// What the state machine contains: everything through this entry. Stored with the rows, in the same transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AppliedThrough {
    /// Index and term of the last entry contained.
    pub position: Position,
    /// Its stamp: what a leader stamps must be above it even when the log is empty.
    pub stamp: HybridTime,
}

/// What the stores held cannot be the state of a replica: it must be rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SavedLogError {
    /// The rows are older than the beginning of the log.
    #[error("rows are applied through {applied}, but the log is cut through {cut}")]
    RowsBehindCut {
        /// Index through which the rows are applied.
        applied: LogIndex,
        /// Index through which the log was cut.
        cut: LogIndex,
    },
    /// An entry is missing or out of order.
    #[error("log entry {expected} is missing, found {found}")]
    Gap {
        /// What should be there.
        expected: LogIndex,
        /// What is.
        found: LogIndex,
    },
    /// Terms go back.
    #[error("log entry {index} has an older term than the entry before it")]
    Backwards {
        /// The entry with the older term.
        index: LogIndex,
    },
    /// The term is older than an entry: the hard state was lost.
    #[error("there are entries of term {entries}, but the term remembered is {remembered}")]
    TermForgotten {
        /// The newest entry's term.
        entries: Term,
        /// The hard state's.
        remembered: Term,
    },
}

impl SavedLog {
    /// Whether this can be what a replica left behind, with rows applied as said.
    pub(super) fn check(&self, applied: AppliedThrough) -> Result<(), SavedLogError> {
        let (cut, mut term) = self.cut;
        if applied.position.index < cut {
            return Err(SavedLogError::RowsBehindCut { applied: applied.position.index, cut });
        }
        let mut expected = cut;
        for entry in &self.entries {
            expected.0 += 1;
            if entry.index != expected {
                return Err(SavedLogError::Gap { expected, found: entry.index });
            }
            if entry.term < term {
                return Err(SavedLogError::Backwards { index: entry.index });
            }
            term = entry.term;
        }
        let newest = term.max(applied.position.term);
        if self.hard_state.term < newest {
            return Err(SavedLogError::TermForgotten { entries: newest, remembered: self.hard_state.term });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log cut through 2/1 with these entries, of a replica in this term.
    fn saved(term: u64, entries: &[(u64, u64)]) -> SavedLog {
        let entry = |&(index, term): &(u64, u64)| Entry {
            index: LogIndex(index),
            term: Term(term),
            stamp: HybridTime(1),
            payload: Bytes::new(),
        };
        let hard_state = HardState { term: Term(term), ..HardState::default() };
        SavedLog { hard_state, cut: (LogIndex(2), Term(1)), entries: entries.iter().map(entry).collect() }
    }

    fn applied(index: u64, term: u64) -> AppliedThrough {
        AppliedThrough { position: Position { index: LogIndex(index), term: Term(term) }, stamp: HybridTime(1) }
    }

    #[test]
    fn what_a_crash_leaves_is_whole() {
        assert_eq!(saved(1, &[]).check(applied(2, 1)), Ok(()));
        assert_eq!(saved(3, &[(3, 1), (4, 3), (5, 3)]).check(applied(2, 1)), Ok(()));
        assert_eq!(saved(3, &[(3, 1)]).check(applied(9, 3)), Ok(()), "rows may be ahead of the log");
        assert_eq!(saved(7, &[(3, 1)]).check(applied(3, 1)), Ok(()));
    }

    #[test]
    fn what_no_crash_leaves_is_refused() {
        let behind = SavedLogError::RowsBehindCut { applied: LogIndex(1), cut: LogIndex(2) };
        assert_eq!(saved(1, &[]).check(applied(1, 1)), Err(behind));
        let gap = SavedLogError::Gap { expected: LogIndex(3), found: LogIndex(4) };
        assert_eq!(saved(1, &[(4, 1)]).check(applied(2, 1)), Err(gap));
        let again = SavedLogError::Gap { expected: LogIndex(4), found: LogIndex(3) };
        assert_eq!(saved(1, &[(3, 1), (3, 1)]).check(applied(2, 1)), Err(again));
        assert_eq!(
            saved(3, &[(3, 3), (4, 2)]).check(applied(2, 1)),
            Err(SavedLogError::Backwards { index: LogIndex(4) })
        );
        assert_eq!(
            saved(3, &[(3, 0)]).check(applied(2, 1)),
            Err(SavedLogError::Backwards { index: LogIndex(3) }),
            "older than what was cut"
        );
        let forgotten = |entries, remembered| {
            Err(SavedLogError::TermForgotten { entries: Term(entries), remembered: Term(remembered) })
        };
        assert_eq!(saved(1, &[(3, 2)]).check(applied(2, 1)), forgotten(2, 1));
        assert_eq!(saved(1, &[(3, 1)]).check(applied(4, 2)), forgotten(2, 1));
        assert_eq!(saved(0, &[]).check(applied(2, 1)), forgotten(1, 0));
    }
}
