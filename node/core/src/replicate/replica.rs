//! One replica of one shard: raft, the rows, and the replicated state beside them, kept in step.
//!
//! The order of things: `propose` and `receive` change raft; `advance` takes what raft decided, applies what is committed and
//! fills the `Output`; `durable` tells raft what the disk has. Reads are served at an index that raft has confirmed.

use super::environment::RaftEnvironment;
use super::housekeeping::Housekeeping;
use super::output::{Output, ReadAnswer, ReplicaEvent};
use super::rebuild::Health;
use super::retire::Retiring;
use super::snapshot::{Incoming, Outgoing};
use super::state::ShardState;
use crate::bugs::{Bugs, PlantedBug};
use crate::command::{Command, ReadCommand, ReadResult};
use crate::ids::{LogIndex, NodeId, ShardId, Ticket};
use crate::message::Refusal;
use crate::raft::{AppliedThrough, PersistSequence, ProposeError, Raft, RaftMessage, ReadDecision, RoleChange};
use crate::storage::{Clearing, ShardStore};
use crate::time::{HybridTime, Monotonic};
use crate::world::{TraceEvent, World};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Entries that one `advance` applies at most; the rest has its turn after everybody else's.
const APPLY_ENTRIES_MAX: usize = 2_000;

/// One replica of one shard.
#[derive(Clone, Debug)]
pub struct Replica {
    pub(super) shard: ShardId,
    pub(super) raft: Raft,
    pub(super) store: ShardStore,
    pub(super) state: ShardState,
    pub(super) health: Health,
    /// Committed, to be applied.
    pub(super) commit: LogIndex,
    /// When the oldest entry that is not flushed was applied.
    pub(super) dirty_since: Option<Monotonic>,
    pub(super) flushing: Option<(Ticket, AppliedThrough)>,
    pub(super) incoming: Option<Incoming>,
    pub(super) outgoing: BTreeMap<NodeId, Outgoing>,
    /// Snapshots sent so far.
    pub(super) streams: u64,
    /// The rows were cleared for a snapshot that is not complete yet.
    pub(super) hollow: bool,
    /// Reads that raft has confirmed, waiting for their index to be applied.
    pub(super) waiting: Vec<(LogIndex, u64)>,
    pub(super) housekeeping: Housekeeping,
    pub(super) retiring: Retiring,
    pub(super) replicas: usize,
}

impl Replica {
    /// Append an encoded command to the log, if this replica leads.
    ///
    /// # Errors
    /// Why it was not appended; nothing happened.
    pub fn propose<W: World>(&mut self, stamp: HybridTime, payload: Bytes, world: &mut W) -> Result<LogIndex, Refusal> {
        if self.health == Health::Lost {
            return Err(Refusal::Lost);
        }
        match self.raft.propose(stamp, payload, &mut RaftEnvironment(world)) {
            Ok((index, _)) => Ok(index),
            Err(ProposeError::NotLeader(hint)) => Err(Refusal::NotLeader(hint)),
            Err(ProposeError::Overloaded) => Err(Refusal::Overloaded),
        }
    }

    /// A linearizable read: now, later, or not here.
    pub fn read<W: World>(&mut self, id: u64, command: &ReadCommand, now_seconds: i64, world: &mut W) -> ReadAnswer {
        if self.health == Health::Lost {
            return ReadAnswer::Refused(Refusal::Lost);
        }
        match self.raft.read(id, &mut RaftEnvironment(world)) {
            ReadDecision::ServeAt(index) if self.store.applied().position.index >= index && self.is_retired() => {
                world.trace(TraceEvent::LeaseUsed { shard: self.shard, term: self.raft.term() });
                self.read_here(command, now_seconds, world)
            }
            ReadDecision::ServeAt(index) => {
                self.waiting.push((index.max(self.retired_through()), id));
                ReadAnswer::Parked
            }
            ReadDecision::Pending => ReadAnswer::Parked,
            ReadDecision::NotLeader(hint) => ReadAnswer::Refused(Refusal::NotLeader(hint)),
            ReadDecision::Overloaded => ReadAnswer::Refused(Refusal::Overloaded),
        }
    }

    /// Read what this replica has, however old it is, or what a confirmed index allows.
    pub fn read_here<W: World>(&mut self, command: &ReadCommand, now_seconds: i64, world: &mut W) -> ReadAnswer {
        if !self.is_sound() && self.health != Health::Alone {
            return ReadAnswer::Refused(self.damaged());
        }
        let command = match self.redirect_read(command) {
            Ok(command) => command,
            Err(schema) => return ReadAnswer::Refused(Refusal::StaleSchema(schema)),
        };
        match self.store.read(&command, now_seconds, world.rows(), &*world) {
            Ok(result) => ReadAnswer::Done(result),
            Err(_) if world.planted(PlantedBug::DamageReadAsNothing) => {
                ReadAnswer::Done(ReadResult { now_seconds, ..ReadResult::default() })
            }
            Err(damage) => {
                self.found_damage(&damage);
                ReadAnswer::Refused(self.damaged())
            }
        }
    }

    /// Whether the replica has found no damage and is complete.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.health == Health::Sound && !self.is_installing()
    }

    /// A raft message arrived.
    pub fn receive<W: World>(&mut self, from: NodeId, message: RaftMessage, world: &mut W) {
        self.raft.step(from, message, &mut RaftEnvironment(world));
    }

    /// Log operations are durable.
    pub fn durable<W: World>(&mut self, sequence: PersistSequence, world: &mut W) {
        self.raft.durable(sequence, &mut RaftEnvironment(world));
    }

    /// Log operations could not be written.
    pub fn persist_failed<W: World>(&mut self, sequence: PersistSequence, world: &mut W) {
        self.raft.persist_failed(sequence, &mut RaftEnvironment(world));
    }

    /// Take what raft decided, apply what is committed, and go on with flushes, snapshots and clearing. Returns whether there is
    /// more to do at once.
    pub fn advance<W: World>(&mut self, world: &mut W, output: &mut Output) {
        if self.health == Health::Lost {
            return self.fail_waiting(output);
        }
        self.go_on_rebuilding(world, output);
        if self.raft.next_wake().is_some_and(|at| at <= world.clock().monotonic) {
            self.raft.tick(&mut RaftEnvironment(world));
        }
        self.take_effects(world, output);
        self.apply_committed(world, output);
        self.release_waiting(output);
        self.advance_snapshots(world, output);
        self.keep_house(world);
    }

    fn take_effects<W: World>(&mut self, world: &mut W, output: &mut Output) {
        let effects = self.raft.take_effects();
        if let Some(what) = effects.broken {
            // Nothing of what it wants may happen.
            self.raft_broke(what);
            output.unfinished = true;
            return;
        }
        for (to, message) in effects.messages {
            if matches!(message, RaftMessage::TimeoutNow { .. }) {
                crate::sometimes!(world, "leadership handed over");
            }
            output.raft.push((to, self.shard, message));
        }
        if !effects.log_ops.is_empty() {
            output.log_ops.extend(effects.log_ops);
            output.sequences.push((self.shard, effects.sequence));
        }
        if let Some(committed) = effects.committed {
            self.commit = LogIndex(*committed.end());
        }
        if let Some(role) = effects.role {
            self.trace_role(role, world);
            output.events.push((self.shard, ReplicaEvent::Role(role)));
        }
        for (id, index) in effects.reads_ready {
            self.waiting.push((index.max(self.retired_through()), id));
        }
        for id in effects.reads_failed {
            output.events.push((self.shard, ReplicaEvent::ReadFailed(id)));
        }
        for to in effects.snapshots_wanted {
            self.begin_snapshot(to, world, output);
        }
    }

    fn trace_role<W: World>(&self, change: RoleChange, world: &mut W) {
        let (shard, term) = (self.shard, change.term);
        world.trace(match change.role {
            crate::raft::Role::Leader => TraceEvent::BecameLeader { shard, term },
            _ => TraceEvent::SteppedDown { shard, term },
        });
    }

    /// Apply committed entries, as many as one turn allows.
    fn apply_committed<W: World>(&mut self, world: &mut W, output: &mut Output) {
        let mut applied = 0;
        let blocked = self.is_installing() || matches!(self.health, Health::Clearing(_));
        while !blocked && self.store.applied().position.index < self.commit {
            if applied == APPLY_ENTRIES_MAX {
                output.unfinished = true;
                break;
            }
            if self.apply_next(world, output).is_err() {
                break;
            }
            applied += 1;
        }
        if applied > 0 {
            self.raft.applied(self.store.applied().position.index);
            if self.dirty_since.is_none() {
                self.dirty_since = Some(world.clock().monotonic);
            }
        }
        if self.health == Health::Rebuilding && !self.raft.is_rebuilding() {
            tracing::info!(shard = %self.shard, "the replica is complete again");
            crate::sometimes!(world, "replica rebuilt");
            self.health = Health::Sound;
        }
    }

    /// Reads whose index is applied by now.
    fn release_waiting(&mut self, output: &mut Output) {
        let applied = self.store.applied().position.index;
        let shard = self.shard;
        self.waiting.retain(|&(index, id)| {
            let ready = index <= applied;
            if ready {
                output.events.push((shard, ReplicaEvent::ReadReady(id)));
            }
            !ready
        });
    }

    /// Reads that wait will not be served here.
    pub(super) fn fail_waiting(&mut self, output: &mut Output) {
        let shard = self.shard;
        output.events.extend(self.waiting.drain(..).map(|(_, id)| (shard, ReplicaEvent::ReadFailed(id))));
    }

    /// Rows batches through this ticket are durable.
    pub fn rows_durable<W: World>(&mut self, ticket: Ticket, world: &mut W, output: &mut Output) {
        if let Health::Clearing(progress) = &mut self.health
            && progress.waiting.is_some_and(|waiting| waiting <= ticket)
        {
            progress.waiting = None;
        }
        self.housekeeping_durable(ticket);
        self.flush_durable(ticket, world);
        self.install_durable(ticket, world, output);
    }

    /// Whether there is no other replica of the shard.
    #[must_use]
    pub fn is_only_one(&self) -> bool {
        self.replicas == 1
    }

    /// A rows batch of this replica could not be written. `again`: it may be tried again from now on.
    pub fn rows_failed(&mut self, ticket: Ticket, again: Option<Monotonic>, bugs: &impl Bugs) {
        if let Health::Clearing(progress) = &mut self.health
            && progress.waiting == Some(ticket)
            && again.is_some()
        {
            progress.waiting = None;
            progress.clearing = Clearing::shard(self.shard, self.store.tokens());
        }
        self.housekeeping_failed(ticket);
        self.flush_failed(ticket, again, bugs);
        if again.is_some() {
            self.install_failed(ticket);
        }
    }

    /// The stamp that the next proposal must exceed.
    #[must_use]
    pub fn last_stamp(&self) -> HybridTime {
        self.raft.last_stamp()
    }

    /// What the log knows of a request: its outcome, if it was applied.
    #[must_use]
    pub fn state(&self) -> &ShardState {
        &self.state
    }

    /// Raft, to look at and to give orders to.
    pub fn raft(&mut self) -> &mut Raft {
        &mut self.raft
    }

    /// The rows.
    #[must_use]
    pub fn store(&self) -> &ShardStore {
        &self.store
    }

    /// Whether it leads, as far as it knows.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.raft.is_leader()
    }

    /// Whether it leads, and nobody else can be leading now.
    #[must_use]
    pub fn leads_surely(&self, now: Monotonic) -> bool {
        self.raft.is_surely_leader(now)
    }

    /// Whether it leads surely, and has applied everything that is committed: what it has is the newest there is.
    #[must_use]
    pub fn is_current(&self, now: Monotonic) -> bool {
        self.knows_all(now) && self.is_sound()
    }

    /// The same, however sound it is: a replica alone has nobody who could know better.
    #[must_use]
    pub fn knows_all(&self, now: Monotonic) -> bool {
        self.leads_surely(now) && self.store.applied().position.index >= self.raft.commit()
    }

    /// Who leads, as far as known here.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        self.raft.leader()
    }

    /// When `advance` must be called next.
    #[must_use]
    pub fn next_wake(&self) -> Option<Monotonic> {
        self.raft.next_wake()
    }

    /// The encoded form of a command, as entries carry it.
    #[must_use]
    pub fn encode(command: &Command) -> Bytes {
        Bytes::from(postcard::to_stdvec(command).expect("plain data in memory encodes"))
    }

    pub(super) fn encoded_state<W: World>(&self, world: &W) -> Bytes {
        if world.planted(PlantedBug::DeduplicationLostAtRestart) {
            let forgetful =
                ShardState { deduplication: super::deduplication::Deduplication::default(), ..self.state.clone() };
            return Bytes::from(forgetful.encode());
        }
        if world.planted(PlantedBug::BatchForgottenByFlush) {
            let forgetful = ShardState { batches: std::collections::BTreeMap::new(), ..self.state.clone() };
            return Bytes::from(forgetful.encode());
        }
        Bytes::from(self.state.encode())
    }
}
