//! One replica of one shard: raft, the rows, and the replicated state beside them, kept in step.
//!
//! The order of things: `propose` and `receive` change raft; `advance` takes what raft decided, applies what is committed and
//! fills the `Output`; `durable` tells raft what the disk has. Reads are served at an index that raft has confirmed.

use super::environment::RaftEnvironment;
use super::housekeeping::Housekeeping;
use super::retire::Retiring;
use super::snapshot::{Incoming, Outgoing};
use super::state::ShardState;
use crate::bugs::PlantedBug;
use crate::command::{Command, ReadCommand, ReadResult, RequestHeader, WriteOutcome};
use crate::config::Config;
use crate::ids::{LogIndex, NodeId, ShardId, Ticket};
use crate::message::{Body, Refusal};
use crate::raft::{
    AppliedThrough, HardState, LogOp, PersistSequence, ProposeError, Raft, RaftConfig, RaftMessage, ReadDecision,
    RoleChange, SavedLog, Start,
};
use crate::storage::{Clearing, Damage, RowsBatch, RowsPart, ShardStore, TokenRange};
use crate::time::{HybridTime, Monotonic};
use crate::world::{TraceEvent, World};
use bytes::Bytes;
use std::collections::BTreeMap;
use trefoil_cql::token::Token;

/// Entries that one `advance` applies at most; the rest has its turn after everybody else's.
const APPLY_ENTRIES_MAX: usize = 2_000;
/// Keys that one step clears at most.
const CLEAR_KEYS_MAX: usize = 5_000;

/// What a replica wants done, collected over all replicas of a node and over a batch of inputs.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// Raft messages, to be coalesced per peer.
    pub raft: Vec<(NodeId, ShardId, RaftMessage)>,
    /// Other messages.
    pub bodies: Vec<(NodeId, Body)>,
    /// One batch for the log store.
    pub log_ops: Vec<LogOp>,
    /// Whom to tell when that batch is durable.
    pub sequences: Vec<(ShardId, PersistSequence)>,
    /// What happened that others on this node wait for.
    pub events: Vec<(ShardId, ReplicaEvent)>,
    /// Something is left to do that needs no input: come back at once.
    pub unfinished: bool,
}

/// What happened at a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaEvent {
    /// A request's entry was applied, or found to be applied already.
    Applied {
        /// The request.
        header: RequestHeader,
        /// What became of it.
        outcome: WriteOutcome,
    },
    /// A read with this id can be served now.
    ReadReady(u64),
    /// A read with this id cannot be served here.
    ReadFailed(u64),
    /// The role changed.
    Role(RoleChange),
    /// The catalogue's schema is a new one.
    Schema,
    /// A logged batch was decided here: its shares must be delivered.
    BatchDecided,
    /// Every share of a logged batch is applied.
    BatchDone {
        /// Index of the batch in this shard's log.
        batch: u64,
        /// Whose it was.
        request: crate::ids::RequestId,
    },
}

/// How far a read got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadAnswer {
    /// Here it is.
    Done(ReadResult),
    /// `ReplicaEvent::ReadReady` or `ReadFailed` with its id will come.
    Parked,
    /// Not here.
    Refused(Refusal),
}

/// Whether a replica can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Serving.
    Sound,
    /// Its old rows are being cleared; then a leader gives it everything anew.
    Clearing(Box<ClearingState>),
    /// Cleared, waiting for a leader to send everything.
    Rebuilding,
    /// Some rows are damaged, and there is no other replica to rebuild it from: reads of them fail, nothing else changes.
    Alone,
    /// The log or the record of the rows is damaged, and there is no other replica to rebuild it from: nothing is served, and
    /// what is left is not touched.
    Lost,
}

/// Progress of a clearing.
#[derive(Clone, Debug)]
pub struct ClearingState {
    pub(super) clearing: Clearing,
    /// Because something was damaged, and not because a snapshot was interrupted.
    damaged: bool,
    /// What the replica had in memory is forgotten, and its raft has begun again.
    forgotten: bool,
    pub(super) waiting: Option<Ticket>,
}

impl PartialEq for ClearingState {
    fn eq(&self, other: &ClearingState) -> bool {
        self.waiting == other.waiting
    }
}

impl Eq for ClearingState {}

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
}

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
    waiting: Vec<(LogIndex, u64)>,
    pub(super) housekeeping: Housekeeping,
    pub(super) retiring: Retiring,
    replicas: usize,
}

impl Replica {
    /// The tokens of a shard; the catalogue has the one token that no key has.
    #[must_use]
    pub fn tokens(config: &Config, shard: ShardId) -> TokenRange {
        let (start, end) = match shard {
            ShardId::CATALOGUE => (Token(i64::MIN), Token(i64::MIN)),
            _ => config.layout.token_range(shard),
        };
        TokenRange { start, end }
    }

    /// A replica from what the stores hold. `saved`: `None` when the log store has nothing of this shard.
    pub fn start<W: World>(
        config: &Config,
        shard: ShardId,
        saved: Option<SavedLog>,
        sound: bool,
        founding: bool,
        world: &mut W,
        output: &mut Output,
    ) -> Replica {
        let tokens = Replica::tokens(config, shard);
        let voters = config.layout.replicas(shard);
        let replicas = voters.len();
        let mut raft_config = RaftConfig::new(shard, config.node, voters, &config.tuning);
        raft_config.preferred_leader = config.layout.preferred_leader(shard);
        let recovered = ShardStore::recover(shard, tokens, world.rows());
        let new = saved.is_none();
        // A snapshot that was being installed when the node stopped leaves no record.
        let interrupted = sound && matches!(recovered, Ok(None));
        let saved = saved.unwrap_or_default();
        let stored = match recovered {
            Ok(Some((store, state))) => ShardState::decode(&state).ok().map(|state| (store, state)),
            Ok(None) if new && founding => Some((ShardStore::empty(shard, tokens), ShardState::default())),
            // Nothing was ever flushed, but the whole log is there.
            Ok(None) if !new && saved.cut.0 == LogIndex(0) && !holds_rows(shard, tokens, world) => {
                Some((ShardStore::empty(shard, tokens), ShardState::default()))
            }
            Ok(None) => None,
            Err(damage) => {
                tracing::error!(%shard, %damage, "the shard's record is damaged");
                None
            }
        };
        let start = if new { Start::Founding } else { Start::Again };
        let hard_state = saved.hard_state;
        // The node stopped when the log had been given up for a rebuild, and the rows perhaps not yet.
        let given_up = hard_state.rebuild.is_some() && saved.cut.0 == LogIndex(0) && saved.entries.is_empty();
        let interrupted = interrupted || sound && given_up;
        let stored = stored.filter(|(store, _)| !given_up || store.applied() == AppliedThrough::default());
        let started = match stored {
            Some((store, state)) if sound && (!new || founding) => {
                let applied = store.applied();
                let rebuilding = hard_state.rebuild.is_some();
                match Raft::new(raft_config.clone(), saved, applied, start, &mut RaftEnvironment(world)) {
                    Ok(raft) => Some((raft, store, state, rebuilding)),
                    Err(error) => {
                        tracing::error!(%shard, %error, "log and rows do not fit");
                        None
                    }
                }
            }
            _ => None,
        };
        let mut replica = match started {
            Some((raft, store, state, rebuilding)) => {
                let health = if rebuilding { Health::Rebuilding } else { Health::Sound };
                Replica::assemble(shard, raft, store, state, health, replicas)
            }
            None if replicas == 1 => Replica::lost(raft_config, tokens, hard_state, world),
            None => Replica::rebuilding(raft_config, tokens, hard_state, replicas, !interrupted, world, output),
        };
        replica.commit = replica.store.applied().position.index;
        if shard == ShardId::CATALOGUE && replica.state.schema.is_none() {
            replica.state.schema = Some(crate::schema::Schema::default());
        }
        replica
    }

    fn assemble(
        shard: ShardId,
        raft: Raft,
        store: ShardStore,
        state: ShardState,
        health: Health,
        replicas: usize,
    ) -> Replica {
        Replica {
            shard,
            raft,
            store,
            state,
            health,
            commit: LogIndex(0),
            dirty_since: None,
            flushing: None,
            incoming: None,
            outgoing: BTreeMap::new(),
            streams: 0,
            hollow: false,
            waiting: Vec::new(),
            housekeeping: Housekeeping::default(),
            retiring: Retiring::default(),
            replicas,
        }
    }

    /// The only replica there is, damaged: it keeps what is left for whoever can mend it, and serves nothing.
    fn lost<W: World>(config: RaftConfig, tokens: TokenRange, hard_state: HardState, world: &mut W) -> Replica {
        let shard = config.shard;
        tracing::error!(%shard, "this shard is damaged and has no other replica: it is not served; bring its files back");
        world.trace(TraceEvent::DamageFound { shard });
        let saved = SavedLog { hard_state, ..SavedLog::default() };
        let raft = Raft::new(config, saved, AppliedThrough::default(), Start::Rebuilding, &mut RaftEnvironment(world))
            .expect("an empty log contradicts nothing");
        Replica::assemble(shard, raft, ShardStore::empty(shard, tokens), ShardState::default(), Health::Lost, 1)
    }

    /// A replica that lost what it had: it forgets the rest too, and waits for a leader. It neither votes nor counts meanwhile.
    fn rebuilding<W: World>(
        config: RaftConfig,
        tokens: TokenRange,
        hard_state: HardState,
        replicas: usize,
        damaged: bool,
        world: &mut W,
        output: &mut Output,
    ) -> Replica {
        let shard = config.shard;
        tracing::warn!(%shard, damaged, "rebuilding this replica from the others");
        if damaged {
            world.trace(TraceEvent::DamageFound { shard });
        }
        let saved = SavedLog { hard_state, ..SavedLog::default() };
        let none = AppliedThrough::default();
        let raft = Raft::new(config, saved, none, Start::Rebuilding, &mut RaftEnvironment(world))
            .expect("an empty log contradicts nothing");
        output.log_ops.push(LogOp::Reset { shard, index: LogIndex(0), term: crate::ids::Term(0) });
        let clearing =
            ClearingState { clearing: Clearing::shard(shard, tokens), damaged, forgotten: true, waiting: None };
        let store = ShardStore::empty(shard, tokens);
        let health = Health::Clearing(Box::new(clearing));
        Replica::assemble(shard, raft, store, ShardState::default(), health, replicas)
    }

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
            Err(damage) => {
                self.found_damage(&damage);
                ReadAnswer::Refused(self.damaged())
            }
        }
    }

    /// What a reader of damaged rows is told.
    fn damaged(&self) -> Refusal {
        if self.replicas == 1 { Refusal::Lost } else { Refusal::Damaged }
    }

    /// Damage was found: withdraw. The next `advance` begins the rebuilding.
    pub(super) fn found_damage(&mut self, damage: &Damage) {
        tracing::error!(shard = %self.shard, %damage, "damage found");
        if self.is_sound() {
            // One replica alone keeps what is sound; with others it is rebuilt from them.
            if self.replicas == 1 {
                self.health = Health::Alone;
            } else {
                self.begin_clearing(true);
            }
        }
    }

    /// A batch of rows met a damaged value in the store.
    pub fn rows_damaged(&mut self) {
        let reason = "found when it was to be merged with newer rows";
        self.found_damage(&Damage { shard: self.shard, key: Vec::new(), reason });
    }

    /// Raft found what cannot be: its log, or another's, is not what was written.
    fn raft_broke(&mut self, what: &'static str) {
        tracing::error!(shard = %self.shard, what, "the replica withdraws");
        if self.replicas == 1 {
            self.health = Health::Lost;
        } else {
            self.begin_clearing(true);
        }
    }

    /// What this replica has is given up; once it is cleared away, the replica is rebuilt.
    pub(super) fn begin_clearing(&mut self, damaged: bool) {
        let clearing = Clearing::shard(self.shard, self.store.tokens());
        let state = ClearingState { clearing, damaged, forgotten: false, waiting: None };
        self.health = Health::Clearing(Box::new(state));
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

    /// Forget a damaged replica at once, and clear what is left of it slice by slice.
    fn go_on_rebuilding<W: World>(&mut self, world: &mut W, output: &mut Output) {
        if matches!(&self.health, Health::Clearing(progress) if !progress.forgotten) {
            self.forget(world, output);
        }
        let Health::Clearing(progress) = &mut self.health else { return };
        if progress.waiting.is_some() {
            return;
        }
        if let Some(part) = progress.clearing.next(world.rows(), CLEAR_KEYS_MAX) {
            let batch = RowsBatch { parts: vec![RowsPart::Clear(part)] };
            progress.waiting = Some(world.persist(crate::world::Batch::Rows(batch)));
            return;
        }
        self.health = Health::Rebuilding;
    }

    /// From now on this replica is one that has nothing, neither votes nor counts, and serves nobody.
    fn forget<W: World>(&mut self, world: &mut W, output: &mut Output) {
        let shard = self.shard;
        // Rows that are on their way would come back after the clearing.
        let waiting = self.rows_under_way();
        if let Health::Clearing(progress) = &mut self.health {
            (progress.forgotten, progress.waiting) = (true, waiting);
            tracing::warn!(%shard, damaged = progress.damaged, "rebuilding this replica from the others");
            if progress.damaged {
                world.trace(TraceEvent::DamageFound { shard });
            }
        }
        self.fail_waiting(output);
        self.raft.begin_again(&mut RaftEnvironment(world));
        self.store = ShardStore::empty(shard, self.store.tokens());
        self.state = ShardState::default();
        if shard == ShardId::CATALOGUE {
            self.state.schema = Some(crate::schema::Schema::default());
        }
        self.commit = LogIndex(0);
        (self.dirty_since, self.flushing, self.incoming, self.hollow) = (None, None, None, false);
        self.outgoing.clear();
        self.housekeeping = Housekeeping::default();
    }

    /// The last batch of rows that was submitted and not reported.
    fn rows_under_way(&self) -> Option<Ticket> {
        let flush = self.flushing.as_ref().map(|(ticket, _)| *ticket);
        [flush, self.housekeeping_under_way(), self.install_under_way()].into_iter().flatten().max()
    }

    /// Reads that wait will not be served here.
    fn fail_waiting(&mut self, output: &mut Output) {
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
    pub fn rows_failed(&mut self, ticket: Ticket, again: Option<Monotonic>) {
        if let Health::Clearing(progress) = &mut self.health
            && progress.waiting == Some(ticket)
            && again.is_some()
        {
            progress.waiting = None;
            progress.clearing = Clearing::shard(self.shard, self.store.tokens());
        }
        self.housekeeping_failed(ticket);
        self.flush_failed(ticket, again);
        self.install_failed(ticket);
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
        self.leads_surely(now) && self.store.applied().position.index >= self.raft.commit() && self.is_sound()
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
        }
    }

    pub(super) fn encoded_state<W: World>(&self, world: &W) -> Bytes {
        if world.planted(PlantedBug::DeduplicationLostAtRestart) {
            let forgetful =
                ShardState { deduplication: super::deduplication::Deduplication::default(), ..self.state.clone() };
            return Bytes::from(forgetful.encode());
        }
        Bytes::from(self.state.encode())
    }
}

/// Whether rows of this shard are left although it has no record: an installation was interrupted.
fn holds_rows<W: World>(shard: ShardId, tokens: TokenRange, world: &W) -> bool {
    Clearing::shard(shard, tokens).next(world.rows(), 1).is_some_and(|part| part.has_rows())
}
