//! What a replica wants from the world after some steps, as data. Taken once per batch of inputs, so that many
//! proposals, answers and reads share one message and one disk write.

use super::{LogOp, RaftMessage};
use crate::ids::{LogIndex, NodeId, Term};
use std::ops::RangeInclusive;

/// Names the log operations of one `Effects`. Report it to `Raft::durable` once they, and all before them, are durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersistSequence(pub u64);

/// What is to be done now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Effects {
    /// To be sent. They claim nothing that is not durable.
    pub messages: Vec<(NodeId, RaftMessage)>,
    /// To be written as one atomic batch, after all batches before it. Empty: nothing to write.
    pub log_ops: Vec<LogOp>,
    /// What to report to `durable` once `log_ops` are; meaningless when they are empty.
    pub sequence: PersistSequence,
    /// Newly committed entries, to be applied in this order (`Raft::entry` has them); never overlapping, without gaps.
    pub committed: Option<RangeInclusive<u64>>,
    /// The role has changed, perhaps more than once; this is what it is now.
    pub role: Option<RoleChange>,
    /// Reads confirmed: (id, serve when applied through this index).
    pub reads_ready: Vec<(u64, LogIndex)>,
    /// Reads that this replica cannot serve any more: leadership is lost.
    pub reads_failed: Vec<u64>,
    /// These followers need a snapshot (see `Raft::snapshot_sent`). Asked again after `snapshot_failed`.
    pub snapshots_wanted: Vec<NodeId>,
    /// An invariant does not hold: withdraw this replica and say so; it must not go on.
    pub broken: Option<&'static str>,
}

impl Effects {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.log_ops.is_empty()
            && self.committed.is_none()
            && self.role.is_none()
            && self.reads_ready.is_empty()
            && self.reads_failed.is_empty()
            && self.snapshots_wanted.is_empty()
            && self.broken.is_none()
    }
}

/// What a replica is in its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Follows a leader, or waits for one.
    Follower,
    /// Asks whether an election could be won.
    PreCandidate,
    /// Stands for election.
    Candidate,
    /// Leads.
    Leader,
}

/// A role began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RoleChange {
    /// The role now.
    pub role: Role,
    /// The term now.
    pub term: Term,
    /// The leader as far as known.
    pub leader: Option<NodeId>,
}

/// How a linearizable read goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadDecision {
    /// Under the lease: serve once applied through this index (mostly it is already).
    ServeAt(LogIndex),
    /// A round of heartbeats has to confirm leadership, or an entry of this term has to commit first; the id comes back in
    /// `Effects::reads_ready` or `reads_failed`.
    Pending,
    /// Somebody else leads, perhaps this one.
    NotLeader(Option<NodeId>),
    /// Too many reads are waiting.
    Overloaded,
}
