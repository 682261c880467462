//! Raft, sans-IO: the log of one shard on one node, and its part in keeping all replicas' logs equal. A replica is plain data
//! (`Clone + Eq + Hash`): it is told what happened and says what it wants, so production, simulator and model checker run it alike.
//!
//! What may never happen: two leaders in a term; an entry lost that was reported committed; two replicas that apply different
//! entries at an index; a linearizable read that misses a write acknowledged before it. Checked by `tests/raft`, by `trefoil-model` (election and log, lease) and by the simulator's oracles.
//!
//! How to drive it: call `step`, `tick`, `propose`, `read`, `durable`, ... any number of times, then `take_effects` once, and do
//! what it says. Report `Effects::sequence` to `durable` when its `log_ops` are. Call `tick` at or after `next_wake`.
//! An empty payload is a new leader's first entry (`Command::Empty`).
//!
//! A reader's map: `step` (what comes in) → `election` → `leader` (entries go out) → `follower` (entries come in) → `commit` →
//! `read` and `lease` → `cut` (entries leave) → `snapshot`, `rebuild` (who fell too far behind, who lost its disk) → `transfer`,
//! `quiesce`. State: `log` (entries in memory), `persistence` (what is durable), `progress` (what a leader knows of a follower),
//! `outbox` (what waits for a write), `quorum` (who votes).
//!
//! Where this differs from the paper (Ongaro, "Consensus: Bridging Theory and Practice", 2014): any durable majority commits,
//! the leader's own disk need not be in it; entries and votes share one sequence of writes (`persistence`).

mod commit;
mod config;
mod cut;
mod effects;
mod election;
mod follower;
mod leader;
mod lease;
mod log;
mod message;
mod outbox;
mod persistence;
mod progress;
mod quiesce;
mod quorum;
mod read;
mod rebuild;
mod saved;
mod snapshot;
mod step;
mod transfer;

pub use config::{Env, RaftConfig, Start};
pub use effects::{Effects, PersistSequence, ReadDecision, Role, RoleChange};
pub use leader::ProposeError;
pub use message::{Append, RaftMessage, Round};
pub use saved::{AppliedThrough, Entry, HardState, LogOp, Position, RebuildId, SavedLog, SavedLogError};
pub use snapshot::SnapshotAnswer;

use crate::bugs::PlantedBug;
use crate::ids::{LogIndex, NodeId, Term};
use crate::time::{HybridTime, Monotonic};
use election::Ballot;
use follower::Following;
use leader::Leading;
use lease::Promise;
use log::Log;
use outbox::Outbox;
use persistence::Persistence;
use quorum::Voters;
use transfer::Preference;

/// One replica of one shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Raft {
    config: RaftConfig,
    voters: Voters,
    hard: HardState,
    log: Log,
    persistence: Persistence,
    outbox: Outbox,
    state: State,
    /// Who leads the current term, as far as known.
    leader: Option<NodeId>,
    following: Following,
    /// Everything through here is committed...
    commit: LogIndex,
    /// ...was told to the world as committed...
    reported: LogIndex,
    /// ...and was applied by it.
    applied: LogIndex,
    /// Every replica has the log durably through here.
    held_by_all: LogIndex,
    /// No vote against this leader until then.
    promise: Option<Promise>,
    /// A promise may have been made before the last restart: no vote until then.
    no_vote_until: Monotonic,
    /// Stand for election then, unless a leader is heard.
    election_at: Monotonic,
    /// Nanoseconds of chance in the election timeout; new for every leader.
    jitter: u64,
    /// Timers are off.
    quiescent: bool,
    may_lead: bool,
    preference: Preference,
    notices: Notices,
}

/// The role, and what is only known in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Follower,
    PreCandidate(Ballot),
    Candidate(Ballot),
    Leader(Box<Leading>),
}

/// What `take_effects` has to tell besides messages and writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Notices {
    role_changed: bool,
    reads_ready: Vec<(u64, LogIndex)>,
    reads_failed: Vec<u64>,
    snapshots_wanted: Vec<NodeId>,
    broken: Option<&'static str>,
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
        saved.check(applied)?;
        let (cut_index, cut_term) = saved.cut;
        let cut = Position { index: cut_index, term: cut_term };
        // The stamp of the floor matters only when nothing follows it, and then the floor is what was applied.
        let log = Log::new(AppliedThrough { position: cut, stamp: applied.stamp }, saved.entries);
        let voters = Voters::new(config.voters.clone());
        // Who has never written a term has never answered a leader.
        let promised =
            saved.hard_state.term > Term(0) && !voters.only(config.me) && !env.planted(PlantedBug::RestartForgetsLease);
        let wait = if promised { config.election_timeout } else { std::time::Duration::ZERO };
        let mut raft = Raft {
            voters,
            hard: saved.hard_state,
            persistence: Persistence::new(log.last_index()),
            log,
            outbox: Outbox::default(),
            state: State::Follower,
            leader: None,
            following: Following::new(applied.position.index),
            commit: applied.position.index,
            reported: applied.position.index,
            applied: applied.position.index,
            held_by_all: LogIndex(0),
            promise: None,
            no_vote_until: env.now().plus(wait),
            election_at: Monotonic(0),
            jitter: 0,
            quiescent: false,
            may_lead: true,
            preference: Preference::default(),
            notices: Notices::default(),
            config,
        };
        if !raft.log.contains(applied.position) {
            raft.log.reset(applied);
            raft.persistence.reset(applied.position);
        }
        if start == Start::Rebuilding {
            // Whatever the store still holds: it is not this log.
            raft.persistence.reset(Position::default());
            if raft.hard.rebuild.is_none() {
                raft.lose_state(env);
            }
        }
        raft.first_election(start, env);
        Ok(raft)
    }

    /// What is to be done now.
    pub fn take_effects(&mut self) -> Effects {
        self.answer();
        self.send_appends();
        let (log_ops, sequence) = self.persistence.take(self.config.shard, self.hard, &self.log);
        // What was committed in a term may reach the rows only when that term is durable: a replica that forgot the term
        // could follow an older leader that never had the entry.
        let committed = (self.commit > self.reported && self.persistence.hard_state_durable()).then(|| {
            let first = self.reported.0 + 1;
            self.reported = self.commit;
            first..=self.commit.0
        });
        let notices = std::mem::take(&mut self.notices);
        Effects {
            messages: self.outbox.take(),
            log_ops,
            sequence,
            committed,
            role: notices.role_changed.then(|| RoleChange {
                role: self.role(),
                term: self.hard.term,
                leader: self.leader,
            }),
            reads_ready: notices.reads_ready,
            reads_failed: notices.reads_failed,
            snapshots_wanted: notices.snapshots_wanted,
            broken: notices.broken,
        }
    }

    /// To be sent when the newest term and vote are durable.
    fn send(&mut self, to: NodeId, message: RaftMessage) {
        if self.persistence.hard_state_durable() {
            self.outbox.send(to, message);
        } else {
            self.outbox.hold(self.persistence.barrier(), to, message);
        }
    }

    fn set_hard_state(&mut self, hard: HardState) {
        if hard != self.hard {
            self.hard = hard;
            self.persistence.hard_state_changed();
        }
    }

    /// Something happened that cannot: the replica must not go on.
    fn break_off(&mut self, what: &'static str) {
        tracing::error!(shard = self.config.shard.0, node = self.config.me.0, term = self.hard.term.0, what);
        self.notices.broken.get_or_insert(what);
    }

    /// An entry that is in memory: all that are not applied, and some that are.
    #[must_use]
    pub fn entry(&self, index: LogIndex) -> Option<&Entry> {
        self.log.get(index)
    }

    /// The term of an entry that is in memory, or of the last one that no longer is.
    #[must_use]
    pub fn term_at(&self, index: LogIndex) -> Option<Term> {
        self.log.term_at(index)
    }

    /// Settings.
    #[must_use]
    pub fn config(&self) -> &RaftConfig {
        &self.config
    }

    /// Who leads, as far as known.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.state {
            State::Follower => Role::Follower,
            State::PreCandidate(_) => Role::PreCandidate,
            State::Candidate(_) => Role::Candidate,
            State::Leader(_) => Role::Leader,
        }
    }

    /// Whether this replica leads (perhaps not knowing that it was deposed).
    #[must_use]
    pub fn is_leader(&self) -> bool {
        matches!(self.state, State::Leader(_))
    }

    /// The term.
    #[must_use]
    pub fn term(&self) -> Term {
        self.hard.term
    }

    /// Everything through here is committed.
    #[must_use]
    pub fn commit(&self) -> LogIndex {
        self.commit
    }

    /// Entries up to here are no longer in memory: who needs one of them needs a snapshot.
    #[must_use]
    pub fn floor(&self) -> LogIndex {
        self.log.floor().index
    }

    /// The end of the log.
    #[must_use]
    pub fn last_index(&self) -> LogIndex {
        self.log.last_index()
    }

    /// The log is durable here through this index.
    #[must_use]
    pub fn durable_index(&self) -> LogIndex {
        self.persistence.durable_index()
    }

    /// The stamp at the end of the log: a leader stamps above it.
    #[must_use]
    pub fn last_stamp(&self) -> HybridTime {
        self.log.last_stamp()
    }

    /// Bytes of log in memory.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.log.bytes()
    }

    /// Whether timers are off because nothing is going on.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        self.quiescent
    }

    /// Whether the replica is being rebuilt and does not count yet.
    #[must_use]
    pub fn is_rebuilding(&self) -> bool {
        self.hard.rebuild.is_some()
    }
}
