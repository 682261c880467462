//! **EXACTLY-ONCE**: "Internally retried requests carry an id and are applied once: counters and list appends are exact."
//!
//! Here: however often a command stands in a shard's log, its effect happens at one index, the same on every replica and in
//! every life. A node says `RequestApplied` when the effect happens, not when it recognises a repetition.
//! Proved able to fail by `DeduplicationForgotten` and `DeduplicationLostAtRestart`.

use super::Broken;
use crate::hash::FixedHasher;
use std::collections::HashMap;
use trefoil_core::ids::{LogIndex, RequestId, ShardId};

/// Where each request had its effect.
#[derive(Debug, Default)]
pub struct AppliedOnce {
    effects: HashMap<(ShardId, RequestId), LogIndex, FixedHasher>,
}

impl AppliedOnce {
    /// A request had its effect at this index on some replica.
    pub(super) fn applied(&mut self, shard: ShardId, request: RequestId, index: LogIndex) -> Result<(), Broken> {
        let first = *self.effects.entry((shard, request)).or_insert(index);
        if first == index {
            return Ok(());
        }
        let text = format!("shard {shard}: {request:?} was applied at index {first} and again at {index}");
        Err(("EXACTLY-ONCE", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trefoil_core::ids::{Incarnation, NodeId};

    #[test]
    fn replicas_agree_and_repetitions_are_found() {
        let mut oracle = AppliedOnce::default();
        let request = RequestId { node: NodeId(1), incarnation: Incarnation(1), sequence: 7 };
        assert!(oracle.applied(ShardId(1), request, LogIndex(5)).is_ok());
        assert!(oracle.applied(ShardId(1), request, LogIndex(5)).is_ok(), "another replica");
        assert!(oracle.applied(ShardId(2), request, LogIndex(9)).is_ok(), "another shard");
        assert!(oracle.applied(ShardId(1), request, LogIndex(6)).is_err());
    }
}
