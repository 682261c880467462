//! **COMMITTED-STAYS** (Raft, figure 3, leader completeness): "If a log entry is committed in a given term, then that entry
//! will be present in the logs of the leaders for all higher-numbered terms."
//!
//! Here, seen from the disk: an entry that some replica has applied is never removed from the end of a durable log. What was
//! only proposed may go. Proved able to fail by `CommitOldTermByCounting` and `AcknowledgeBeforeDurable`.

use super::Broken;
use super::equal_replicas::EqualReplicas;
use crate::world::log_store::Removed;

/// An entry of a node's durable log was replaced by another.
pub(super) fn removed(applied: &EqualReplicas, node: usize, entry: &Removed) -> Result<(), Broken> {
    // Index and term name an entry; two leaders may give the same stamp.
    if applied.term_at(entry.shard, entry.index) != Some(entry.term) {
        return Ok(());
    }
    let text = format!(
        "shard {}: node {node} removes entry {} of term {}, which has been applied",
        entry.shard, entry.index, entry.term
    );
    Err(("COMMITTED-STAYS", text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::equal_replicas::Applied;
    use trefoil_core::ids::{LogIndex, ShardId, Term};
    use trefoil_core::time::HybridTime;

    #[test]
    fn only_what_was_applied_must_stay() {
        let mut applied = EqualReplicas::default();
        let now = Applied { term: Term(5), stamp: HybridTime(9), digest: 1 };
        applied.applied(0, ShardId(1), LogIndex(1), now).expect("the first");
        let entry = |term| Removed { shard: ShardId(1), index: LogIndex(1), term: Term(term) };
        assert!(removed(&applied, 1, &entry(4)).is_ok(), "another leader's proposal");
        assert!(removed(&applied, 1, &entry(5)).is_err());
    }
}
