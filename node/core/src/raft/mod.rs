//! Raft, sans-IO (the interface; the bodies are being written).
//!
//! How to drive it: call `step`, `tick`, `propose`, `read`, `durable`, ... any number of times, then `take_effects` once, and do
//! what it says. Report `Effects::sequence` to `durable` when its `log_ops` are. Call `tick` at or after `next_wake`.
//! Payloads: an empty payload is a new leader's first entry (`Command::Empty`).

mod config;
mod effects;
mod message;

pub use config::{Env, RaftConfig, Start};
pub use effects::{Effects, PersistSequence, ReadDecision, Role, RoleChange};
pub use message::{Append, RaftMessage, Round};

use crate::ids::{LogIndex, NodeId, ShardId, Term};
use crate::time::{HybridTime, Monotonic};
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedLog {
    /// Term and vote.
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

/// Why a proposal was not appended. Nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ProposeError {
    /// Somebody else leads, perhaps this one.
    #[error("not the leader of the shard")]
    NotLeader(Option<NodeId>),
    /// Too many bytes wait for being committed.
    #[error("too many proposals are waiting")]
    Overloaded,
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
    /// Terms or stamps go back.
    #[error("log entry {index} is older than the entry before it")]
    Backwards {
        /// The younger entry's index.
        index: LogIndex,
    },
}

/// One replica of one shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Raft {
    config: RaftConfig,
}

impl Raft {
    /// A replica from what its stores held. `applied`: the last entry contained in the durable rows; it is
    /// committed, and may lie beyond the end of the saved log (rows can become durable before the log does).
    ///
    /// # Errors
    /// When the stores contradict themselves: start with `Start::Rebuilding` and nothing saved but the hard state.
    pub fn new(
        config: RaftConfig,
        saved: SavedLog,
        applied: AppliedThrough,
        start: Start,
        env: &mut impl Env,
    ) -> Result<Raft, SavedLogError> {
        let _ = (saved, applied, start, env);
        Ok(Raft { config })
    }

    /// A message arrived.
    pub fn step(&mut self, from: NodeId, message: RaftMessage, env: &mut impl Env) {
        let _ = (from, message, env);
    }

    /// Time has passed; call at or after `next_wake`. Calling it more often is harmless.
    pub fn tick(&mut self, env: &mut impl Env) {
        let _ = env;
    }

    /// When `tick` has to be called next; may change with every call. `None`: never, unless something happens.
    #[must_use]
    pub fn next_wake(&self) -> Option<Monotonic> {
        None
    }

    /// Append to the log, if this replica leads. `stamp` must be above `last_stamp()`.
    ///
    /// # Errors
    /// Not the leader, or overloaded; nothing happened.
    pub fn propose(
        &mut self,
        stamp: HybridTime,
        payload: Bytes,
        env: &mut impl Env,
    ) -> Result<(LogIndex, Term), ProposeError> {
        let _ = (stamp, payload, env);
        Err(ProposeError::NotLeader(None))
    }

    /// Everything submitted up to and including the effects with this sequence is durable.
    pub fn durable(&mut self, sequence: PersistSequence, env: &mut impl Env) {
        let _ = (sequence, env);
    }

    /// The effects with this sequence could not be written (disk full). The replica steps down, and hands out everything that is
    /// not durable once more (with a new sequence) a little later, until it succeeds.
    pub fn persist_failed(&mut self, sequence: PersistSequence, env: &mut impl Env) {
        let _ = (sequence, env);
    }

    /// A linearizable read wants to be served; `id` is the caller's.
    pub fn read(&mut self, id: u64, env: &mut impl Env) -> ReadDecision {
        let _ = (id, env);
        ReadDecision::NotLeader(None)
    }

    /// What is to be done now.
    pub fn take_effects(&mut self) -> Effects {
        Effects::default()
    }

    /// An entry that is in memory: all that are not applied, and some that are.
    #[must_use]
    pub fn entry(&self, _index: LogIndex) -> Option<&Entry> {
        None
    }

    /// The term of an entry that is in memory, or of the last one that no longer is.
    #[must_use]
    pub fn term_at(&self, _index: LogIndex) -> Option<Term> {
        None
    }

    /// Entries through here are applied in memory; those that nobody needs any more may leave memory.
    pub fn applied(&mut self, index: LogIndex) {
        let _ = index;
    }

    /// Rows are durable through this position: the log store may be cut there.
    pub fn flushed(&mut self, position: Position) {
        let _ = position;
    }

    /// Make another replica the leader: it is brought up to date, then asked to stand. Proposals are refused meanwhile. Given up
    /// after an election timeout.
    pub fn transfer_leadership(&mut self, to: NodeId, env: &mut impl Env) {
        let _ = (to, env);
    }

    /// Stop leading now, handing over to the most advanced follower.
    pub fn step_down(&mut self, env: &mut impl Env) {
        let _ = env;
    }

    /// Whether this replica may lead (it votes in any case). `false` (wrong clock, full disk) makes a leader step down.
    pub fn set_may_lead(&mut self, may_lead: bool, env: &mut impl Env) {
        let _ = (may_lead, env);
    }

    /// The nodes' failure detector says that this shard's leader is dead: a follower that is quiescent wakes and stands soon.
    pub fn leader_suspected(&mut self, env: &mut impl Env) {
        let _ = env;
    }

    /// The snapshot wanted by this follower is installed there, through this index: go on with entries.
    pub fn snapshot_sent(&mut self, to: NodeId, through: LogIndex, env: &mut impl Env) {
        let _ = (to, through, env);
    }

    /// The snapshot did not arrive. It is asked for again later if it is still needed.
    pub fn snapshot_failed(&mut self, to: NodeId, env: &mut impl Env) {
        let _ = (to, env);
    }

    /// A leader of this term offers a snapshot. Call before writing anything of it, and again until it says `Ready`: the term must
    /// be durable before rows that were committed in it are.
    pub fn accept_snapshot(&mut self, leader: NodeId, leader_term: Term, env: &mut impl Env) -> SnapshotAnswer {
        let _ = (leader, leader_term, env);
        SnapshotAnswer::Stale
    }

    /// A snapshot accepted before is durable in the rows: the log restarts after it unless it is already there. The state machine is
    /// at this position now; nothing through it comes in `Effects::committed` any more.
    pub fn install_snapshot(&mut self, applied: AppliedThrough, env: &mut impl Env) {
        let _ = (applied, env);
    }

    /// Settings.
    #[must_use]
    pub fn config(&self) -> &RaftConfig {
        &self.config
    }

    /// Who leads, as far as known.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        None
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> Role {
        Role::Follower
    }

    /// Whether this replica leads (perhaps not knowing that it was deposed).
    #[must_use]
    pub fn is_leader(&self) -> bool {
        false
    }

    /// The term.
    #[must_use]
    pub fn term(&self) -> Term {
        Term(0)
    }

    /// Everything through here is committed.
    #[must_use]
    pub fn commit(&self) -> LogIndex {
        LogIndex(0)
    }

    /// The end of the log.
    #[must_use]
    pub fn last_index(&self) -> LogIndex {
        LogIndex(0)
    }

    /// The stamp at the end of the log (as far as it is in memory): a leader stamps above it.
    #[must_use]
    pub fn last_stamp(&self) -> HybridTime {
        HybridTime(0)
    }

    /// Whether a read may be served now without asking anybody.
    #[must_use]
    pub fn lease_valid(&self, _now: Monotonic) -> bool {
        false
    }

    /// Whether timers are off because nothing is going on.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        false
    }

    /// Whether the replica is being rebuilt and does not count yet.
    #[must_use]
    pub fn is_rebuilding(&self) -> bool {
        false
    }
}

/// Whether a snapshot may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotAnswer {
    /// Go on.
    Ready,
    /// Ask again after the next `durable`.
    Wait,
    /// From a leader whose term is over: refuse it.
    Stale,
}
