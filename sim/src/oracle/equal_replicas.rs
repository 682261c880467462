//! **EQUAL-REPLICAS**: "Replicas at one index stay identical, bit for bit." And **STAMP-ORDER**: "Log order is timestamp
//! order: a leader's stamps are above everything in its log."
//!
//! Here: whoever applies index i of a shard, in whatever life, has the digest of everything applied so far that the first
//! had, and an entry's stamp is above that of the entry before it. Proved able to fail by `CommitOldTermByCounting`,
//! `ConflictingSuffixKept`, `ExpiryByLocalWallClock`, `SnapshotWithoutMemtable` and `StampFromWallClock`.

use super::Broken;
use std::collections::BTreeMap;
use trefoil_core::ids::{LogIndex, ShardId};
use trefoil_core::time::HybridTime;

/// What was applied at each index of each shard, by whoever came first.
#[derive(Debug, Default)]
pub struct EqualReplicas {
    /// By index - 1. `UNKNOWN` where nobody has said anything (a snapshot jumped over them).
    applied: BTreeMap<ShardId, Vec<(HybridTime, u64)>>,
}

const UNKNOWN: (HybridTime, u64) = (HybridTime(0), 0);

impl EqualReplicas {
    /// A node has applied an entry.
    pub(super) fn applied(
        &mut self,
        node: usize,
        shard: ShardId,
        index: LogIndex,
        stamp: HybridTime,
        digest: u64,
    ) -> Result<(), Broken> {
        let applied = self.applied.entry(shard).or_default();
        let at = index.0 as usize - 1;
        if applied.len() <= at {
            applied.resize(at + 1, UNKNOWN);
        }
        let known = applied[at];
        if known == UNKNOWN {
            applied[at] = (stamp, digest);
            let before = at.checked_sub(1).map_or(UNKNOWN, |before| applied[before]);
            if before != UNKNOWN && before.0 >= stamp {
                let text =
                    format!("shard {shard}: entry {index} is stamped {stamp:?}, the one before it {:?}", before.0);
                return Err(("STAMP-ORDER", text));
            }
            return Ok(());
        }
        if known == (stamp, digest) {
            return Ok(());
        }
        let (known_stamp, known_digest) = known;
        let what = if known_stamp == stamp { "state" } else { "entry" };
        let text = format!(
            "shard {shard}: node {node} has another {what} at index {index}: {stamp:?}, digest {digest:016x}; \
             before it was {known_stamp:?}, digest {known_digest:016x}"
        );
        Err(("EQUAL-REPLICAS", text))
    }

    /// The stamp of the entry that was applied at this index.
    #[must_use]
    pub fn stamp_at(&self, shard: ShardId, index: LogIndex) -> Option<HybridTime> {
        let applied = self.applied.get(&shard)?.get(index.0 as usize - 1)?;
        (*applied != UNKNOWN).then_some(applied.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_digests_other_entries_and_falling_stamps_are_found() {
        let mut oracle = EqualReplicas::default();
        let mut apply = |node, index, stamp, digest| {
            oracle.applied(node, ShardId(1), LogIndex(index), HybridTime(stamp), digest).map_err(|broken| broken.0)
        };
        assert_eq!(apply(0, 1, 10, 77), Ok(()));
        assert_eq!(apply(1, 1, 10, 77), Ok(()));
        assert_eq!(apply(2, 1, 10, 78), Err("EQUAL-REPLICAS"));
        assert_eq!(apply(2, 1, 11, 77), Err("EQUAL-REPLICAS"));
        assert_eq!(apply(0, 2, 10, 79), Err("STAMP-ORDER"));
        assert_eq!(apply(0, 9, 20, 80), Ok(()), "a snapshot jumped over what is between");
    }
}
