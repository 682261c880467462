//! What a replica is told at birth, and what it may ask for at every step.

use crate::bugs::Bugs;
use crate::config::Tuning;
use crate::ids::{NodeId, ShardId};
use crate::time::Monotonic;
use std::time::Duration;

/// What a step of a replica may ask for. `now` must have been read after the input arrived: promises and leases count from it.
pub trait Env: Bugs {
    /// Monotonic time, fixed during one step.
    fn now(&self) -> Monotonic;

    /// A random number in `0..bound`; `bound` is at least 1.
    fn random_below(&mut self, bound: u64) -> u64;
}

/// Settings of one replica. All replicas of a shard must have equal `voters` and `election_timeout`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RaftConfig {
    /// The shard.
    pub shard: ShardId,
    /// This replica's node.
    pub me: NodeId,
    /// The nodes that vote, this one among them.
    pub voters: Vec<NodeId>,
    /// How long a follower's promise not to elect somebody else lasts; followers stand after one to two of these.
    pub election_timeout: Duration,
    /// How often a leader is heard at least.
    pub heartbeat_interval: Duration,
    /// By how much two monotonic clocks may run apart, in parts per million: the lease is shortened by it.
    pub clock_drift_ppm: u32,
    /// Bytes of entries in flight to one follower.
    pub append_window_bytes: u64,
    /// Bytes of entries in one message (a larger entry travels alone).
    pub append_message_bytes: u64,
    /// Bytes of applied entries kept in memory for followers that lag.
    pub log_retained_bytes: u64,
    /// Proposals are refused when this many bytes wait for being committed.
    pub uncommitted_bytes: u64,
    /// A leader stops heartbeats after this long without anything to do.
    pub quiesce_after: Duration,
    /// Who should lead if possible.
    pub preferred_leader: Option<NodeId>,
}

impl RaftConfig {
    /// Settings from the cluster's numbers.
    #[must_use]
    pub fn new(shard: ShardId, me: NodeId, voters: Vec<NodeId>, tuning: &Tuning) -> RaftConfig {
        RaftConfig {
            shard,
            me,
            voters,
            election_timeout: tuning.election_timeout,
            heartbeat_interval: tuning.heartbeat_interval,
            clock_drift_ppm: tuning.clock_drift_ppm,
            append_window_bytes: tuning.append_window_bytes,
            append_message_bytes: (tuning.append_window_bytes / 4).max(1),
            log_retained_bytes: tuning.log_retained_bytes,
            uncommitted_bytes: tuning.append_window_bytes.saturating_mul(16),
            quiesce_after: tuning.quiesce_after,
            preferred_leader: None,
        }
    }
}

/// How a replica comes to life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// The shard is new, this replica is one of its founders and has never run: it may vote at once.
    Founding,
    /// It has run before and has all that it ever called durable. It does not vote within the first election timeout: it may
    /// have promised a leader not to.
    Again,
    /// It has lost something it once called durable (a new disk, damage). It neither votes nor counts until a leader has
    /// given it everything back. Remembered in the hard state until then; but until that is written once, whoever starts the
    /// replica has to say so every time. `Again` with nothing saved is taken for a founder that never got to write.
    Rebuilding,
}
