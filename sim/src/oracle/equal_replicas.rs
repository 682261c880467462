//! **EQUAL-REPLICAS**: "Replicas at one index stay identical, bit for bit." And **STAMP-ORDER**: "Log order is timestamp
//! order: a leader's stamps are above everything in its log."
//!
//! Here: whoever applies index i of a shard, in whatever life, has the digest of everything applied so far that the first
//! had, and an entry's stamp is above that of the entry before it. Proved able to fail by `CommitOldTermByCounting`,
//! `ConflictingSuffixKept`, `ExpiryByLocalWallClock` and `SnapshotWithoutMemtable`.

use super::Broken;
use std::collections::BTreeMap;
use trefoil_core::ids::{LogIndex, ShardId, Term};
use trefoil_core::time::HybridTime;

/// What somebody applied at an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The term that the entry was made in; 0: nobody has said anything yet (a snapshot jumped over it).
    pub term: Term,
    /// The entry's stamp.
    pub stamp: HybridTime,
    /// Hash of everything applied so far.
    pub digest: u64,
}

/// What was applied at each index of each shard, by whoever came first.
#[derive(Debug, Default)]
pub struct EqualReplicas {
    /// By index - 1.
    applied: BTreeMap<ShardId, Vec<Applied>>,
}

impl EqualReplicas {
    /// A node has applied an entry.
    pub(super) fn applied(&mut self, node: usize, shard: ShardId, index: LogIndex, now: Applied) -> Result<(), Broken> {
        let applied = self.applied.entry(shard).or_default();
        let at = index.0 as usize - 1;
        if applied.len() <= at {
            applied.resize(at + 1, Applied::default());
        }
        let known = applied[at];
        if known.term == Term(0) {
            applied[at] = now;
            let before = at.checked_sub(1).map_or(Applied::default(), |before| applied[before]);
            if before.term > Term(0) && before.stamp >= now.stamp {
                let (stamp, before) = (now.stamp, before.stamp);
                let text = format!("shard {shard}: entry {index} is stamped {stamp:?}, the one before it {before:?}");
                return Err(("STAMP-ORDER", text));
            }
            return Ok(());
        }
        if known == now {
            return Ok(());
        }
        let what = if (known.term, known.stamp) == (now.term, now.stamp) { "state" } else { "entry" };
        let text =
            format!("shard {shard}: node {node} has another {what} at index {index}: {now:?}; before it was {known:?}");
        Err(("EQUAL-REPLICAS", text))
    }

    /// The term of the entry that was applied at this index.
    #[must_use]
    pub fn term_at(&self, shard: ShardId, index: LogIndex) -> Option<Term> {
        let applied = self.applied.get(&shard)?.get(index.0 as usize - 1)?;
        (applied.term > Term(0)).then_some(applied.term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_digests_other_entries_and_falling_stamps_are_found() {
        let mut oracle = EqualReplicas::default();
        let mut apply = |node, index, stamp, digest| {
            let now = Applied { term: Term(1), stamp: HybridTime(stamp), digest };
            oracle.applied(node, ShardId(1), LogIndex(index), now).map_err(|broken| broken.0)
        };
        assert_eq!(apply(0, 1, 10, 77), Ok(()));
        assert_eq!(apply(1, 1, 10, 77), Ok(()));
        assert_eq!(apply(2, 1, 10, 78), Err("EQUAL-REPLICAS"));
        assert_eq!(apply(2, 1, 11, 77), Err("EQUAL-REPLICAS"));
        assert_eq!(apply(0, 2, 10, 79), Err("STAMP-ORDER"));
        assert_eq!(apply(0, 9, 20, 80), Ok(()), "a snapshot jumped over what is between");
    }
}
