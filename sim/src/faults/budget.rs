//! The fault budget: what may be destroyed without making a loss legitimate. Crashes, cuts, pauses, clocks, and disks that are
//! full or fail never destroy what is durable, so they are free. A wipe destroys one replica of every shard of its node, rot
//! that of one shard; it is allowed only while the shard could do without: every other replica is up, whole (nothing rotten, not
//! being rebuilt), and has durably all that this one had, terms included. Otherwise nothing is destroyed.

use crate::world::log_store::{LogStore, last_position};
use trefoil_core::config::Layout;
use trefoil_core::ids::{NodeId, ShardId};
use trefoil_core::raft::SavedLog;

/// Whether the node may lose its replica of a shard. `log_of` gives the durable log of a node that is up and whose replica is whole.
pub fn may_lose<'a>(
    layout: &Layout,
    victim: NodeId,
    shard: ShardId,
    victim_log: &LogStore,
    log_of: impl Fn(NodeId) -> Option<&'a LogStore>,
) -> bool {
    let nothing = SavedLog::default();
    let mine = victim_log.shard(shard).unwrap_or(&nothing);
    let replicas = layout.replicas(shard);
    let mut others = replicas.iter().filter(|&&node| node != victim).peekable();
    mine.hard_state.rebuild.is_none()
        && others.peek().is_some()
        && others.all(|&other| log_of(other).is_some_and(|log| has_all_of(log, shard, mine)))
}

fn has_all_of(other: &LogStore, shard: ShardId, mine: &SavedLog) -> bool {
    let Some(other) = other.shard(shard) else { return false };
    let ((my_index, my_term), (other_index, other_term)) = (last_position(mine), last_position(other));
    other.hard_state.rebuild.is_none()
        && other.hard_state.term >= mine.hard_state.term
        && (other_term, other_index) >= (my_term, my_index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::plan::cluster::ClusterPlan;
    use crate::plan::preset::Preset;
    use bytes::Bytes;
    use trefoil_core::ids::{LogIndex, Term};
    use trefoil_core::raft::{Entry, HardState, LogOp, RebuildId};
    use trefoil_core::time::HybridTime;

    fn layout() -> Layout {
        let mut cluster = Plan::from_seed(1, Preset::Leases, &[]).cluster;
        (cluster.zones, cluster.nodes_per_zone, cluster.shards) = (3, 1, 1);
        cluster.layout()
    }

    fn log(entries: u64, rebuild: Option<RebuildId>) -> LogStore {
        let mut log = LogStore::default();
        for shard in [ShardId(0), ShardId(1)] {
            let state = HardState { term: Term(1), vote: None, rebuild };
            log.apply(LogOp::HardState(shard, state), &mut Vec::new()).expect("a first term");
            let entry =
                |index| Entry { index: LogIndex(index), term: Term(1), stamp: HybridTime(0), payload: Bytes::new() };
            let entries = (1..=entries).map(entry).collect();
            let append = LogOp::Append { shard, truncate_from: LogIndex(1), entries };
            log.apply(append, &mut Vec::new()).expect("first entries");
        }
        log
    }

    fn allowed(logs: [Option<&LogStore>; 3]) -> bool {
        let victim = ClusterPlan::id(0);
        let mine = logs[0].expect("the victim has a log");
        may_lose(&layout(), victim, ShardId(1), mine, |node| logs[ClusterPlan::place(node)])
    }

    #[test]
    fn a_loss_needs_every_other_replica_whole() {
        let (full, behind, rebuilding) = (log(3, None), log(2, None), log(3, Some(RebuildId(1))));
        assert!(allowed([Some(&full), Some(&full), Some(&full)]));
        assert!(allowed([Some(&behind), Some(&full), Some(&full)]), "the victim itself may lag");
        assert!(!allowed([Some(&full), Some(&behind), Some(&full)]), "another lags");
        assert!(!allowed([Some(&full), Some(&full), None]), "another is down");
        assert!(!allowed([Some(&full), Some(&rebuilding), Some(&full)]), "another is being rebuilt");
    }
}
