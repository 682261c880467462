//! What a human wants to know of a replica.

use super::replica::Replica;
use crate::ids::{NodeId, ShardId};
use crate::time::Monotonic;

/// What a human wants to know of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// The shard.
    pub shard: ShardId,
    /// Leads.
    pub leads: bool,
    /// Who leads, as far as known here.
    pub leader: Option<NodeId>,
    /// The term.
    pub term: u64,
    /// Committed through.
    pub commit: u64,
    /// Applied through.
    pub applied: u64,
    /// Flushed through.
    pub flushed: u64,
    /// End of the log.
    pub last: u64,
    /// Bytes in memtables.
    pub memtable_bytes: u64,
    /// Leads under a valid lease.
    pub lease: bool,
    /// Sound.
    pub sound: bool,
    /// Logged batches decided here whose shares are not all known to be applied.
    pub batches_under_way: usize,
}

impl Replica {
    /// For humans.
    #[must_use]
    pub fn status(&self, now: Monotonic) -> ReplicaStatus {
        let memory = self.store.memory();
        ReplicaStatus {
            shard: self.shard,
            leads: self.raft.is_leader(),
            leader: self.raft.leader(),
            term: self.raft.term().0,
            commit: self.raft.commit().0,
            applied: self.store.applied().position.index.0,
            flushed: self.store.flushed().position.index.0,
            last: self.raft.last_index().0,
            memtable_bytes: memory.active_bytes + memory.frozen_bytes,
            lease: self.raft.lease_valid(now),
            sound: self.is_sound(),
            batches_under_way: self.state.batches.len(),
        }
    }
}
