//! One replica with what surrounds it: its disk, its rows, its clock, and a state machine that remembers everything it applied.

use crate::disk::Disk;
use bytes::Bytes;
use std::collections::BTreeSet;
use trefoil_core::bugs::{Bugs, PlantedBug};
use trefoil_core::ids::{LogIndex, NodeId, Term};
use trefoil_core::raft::{
    AppliedThrough, Effects, Env, HardState, Position, Raft, RaftConfig, RaftMessage, SavedLogError, SnapshotAnswer,
    Start,
};
use trefoil_core::time::Monotonic;

/// What travels between replicas: raft's messages, and snapshots, which are whole here.
#[derive(Clone, Debug, PartialEq)]
pub enum Wire {
    /// A message of raft.
    Raft(RaftMessage),
    /// The leader's state machine.
    Snapshot { term: Term, state: Machine },
    /// It is installed.
    SnapshotInstalled { through: LogIndex },
    /// It was refused.
    SnapshotRefused,
}

/// A state machine that is its own history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// Everything applied: term and payload of entry 1, 2, ...
    pub history: Vec<(Term, Bytes)>,
    /// Where it is.
    pub applied: AppliedThrough,
}

/// Time, chance and planted bugs for one step.
pub struct StepEnv<'a> {
    /// The replica's own clock.
    pub now: Monotonic,
    /// Its chance.
    pub random: &'a mut dyn FnMut(u64) -> u64,
    /// What goes wrong on purpose.
    pub bugs: &'a BTreeSet<PlantedBug>,
}

impl Bugs for StepEnv<'_> {
    fn planted(&self, bug: PlantedBug) -> bool {
        self.bugs.contains(&bug)
    }
}

impl Env for StepEnv<'_> {
    fn now(&self) -> Monotonic {
        self.now
    }

    fn random_below(&mut self, bound: u64) -> u64 {
        (self.random)(bound)
    }
}

/// See the module.
pub struct Replica {
    pub id: NodeId,
    pub config: RaftConfig,
    /// `None`: it is down.
    pub raft: Option<Raft>,
    pub disk: Disk,
    /// Durable rows.
    pub rows: Machine,
    /// A flush or an installed snapshot on its way into the rows.
    pub flushing: Option<Machine>,
    /// In memory.
    pub machine: Machine,
    /// The leader whose snapshot is being installed, and its term.
    pub installing: Option<(NodeId, Term)>,
    /// A snapshot that waits for its term to be durable.
    pub offered: Option<(NodeId, Term, Machine)>,
    pub wiped: bool,
    damaged: bool,
    has_run: bool,
}

impl Replica {
    pub fn new(config: RaftConfig) -> Replica {
        Replica {
            id: config.me,
            config,
            raft: None,
            disk: Disk::default(),
            rows: Machine::default(),
            flushing: None,
            machine: Machine::default(),
            installing: None,
            offered: None,
            wiped: false,
            damaged: false,
            has_run: false,
        }
    }

    /// Start, for the first time or again.
    pub fn start(&mut self, env: &mut StepEnv<'_>) -> Result<(), SavedLogError> {
        // Until the rebuild is on disk, whoever starts the replica has to remember that there is one.
        self.wiped &= self.disk.saved().hard_state == HardState::default();
        let start = match (self.wiped, self.has_run) {
            (true, _) => Start::Rebuilding,
            (false, true) => Start::Again,
            (false, false) => Start::Founding,
        };
        self.machine = self.rows.clone();
        self.flushing = None;
        let raft = match Raft::new(self.config.clone(), self.disk.saved(), self.rows.applied, start, env) {
            // The rows were given up, and power was lost before the log was.
            Err(SavedLogError::RowsBehindCut { applied: LogIndex(0), .. }) if self.damaged => {
                self.disk.forget_log();
                Raft::new(self.config.clone(), self.disk.saved(), self.rows.applied, Start::Rebuilding, env)
            }
            other => other,
        };
        self.raft = Some(raft?);
        self.damaged = false;
        self.has_run = true;
        Ok(())
    }

    /// Power is lost: memory is gone, and what was not durable, but for the first `survivors` batches of the log.
    pub fn crash(&mut self, survivors: usize, flush_survives: bool) {
        self.raft = None;
        self.disk.crash(survivors);
        let flushing = self.flushing.take();
        if flush_survives && let Some(rows) = flushing {
            self.rows = rows;
        }
        self.machine = Machine::default();
        self.installing = None;
        self.offered = None;
    }

    /// The disk is replaced by an empty one.
    pub fn wipe(&mut self) {
        assert!(self.raft.is_none(), "only a stopped replica gets a new disk");
        self.disk.wipe();
        self.rows = Machine::default();
        self.wiped = true;
    }

    /// What it has turns out to be damaged: it is given up while the replica runs on.
    pub fn give_up_state(&mut self, env: &mut StepEnv<'_>) {
        (self.rows, self.machine) = (Machine::default(), Machine::default());
        (self.flushing, self.installing, self.offered) = (None, None, None);
        self.damaged = true;
        self.with(env, |raft, env| raft.begin_again(env));
    }

    /// Let the replica do something, if it is up.
    pub fn with<R>(
        &mut self,
        env: &mut StepEnv<'_>,
        action: impl FnOnce(&mut Raft, &mut StepEnv<'_>) -> R,
    ) -> Option<R> {
        self.raft.as_mut().map(|raft| action(raft, env))
    }

    /// Do what it wants: submit writes, apply what is committed. Messages, roles and reads are the caller's.
    pub fn absorb(&mut self) -> Option<Effects> {
        let raft = self.raft.as_mut()?;
        let mut effects = raft.take_effects();
        if !effects.log_ops.is_empty() {
            self.disk.submit(effects.sequence, std::mem::take(&mut effects.log_ops));
        }
        if let Some(committed) = effects.committed.clone() {
            for index in committed.clone() {
                let entry = raft.entry(LogIndex(index)).expect("what is committed and not applied is in memory");
                assert_eq!(self.machine.applied.position.index.0 + 1, index, "applied in order");
                assert!(entry.stamp > self.machine.applied.stamp, "stamps increase");
                let position = Position { index: entry.index, term: entry.term };
                self.machine.applied = AppliedThrough { position, stamp: entry.stamp };
                self.machine.history.push((entry.term, entry.payload.clone()));
            }
            raft.applied(LogIndex(*committed.end()));
        }
        Some(effects)
    }

    /// Begin to write the state machine into the rows.
    pub fn begin_flush(&mut self) {
        if self.raft.is_some() && self.flushing.is_none() {
            self.flushing = Some(self.machine.clone());
        }
    }

    /// It is durable.
    pub fn end_flush(&mut self, env: &mut StepEnv<'_>) -> Option<(NodeId, Wire)> {
        let rows = self.flushing.take()?;
        self.rows = rows;
        let position = self.rows.applied;
        if let Some((leader, _)) = self.installing.take() {
            let through = position.position.index;
            if through > self.machine.applied.position.index {
                self.machine = self.rows.clone();
            }
            self.with(env, |raft, env| raft.install_snapshot(position, env));
            return Some((leader, Wire::SnapshotInstalled { through }));
        }
        self.with(env, |raft, _| raft.flushed(position.position));
        None
    }

    /// The end of its state machine, for a follower that needs it.
    pub fn snapshot(&self) -> Option<Wire> {
        let raft = self.raft.as_ref()?;
        Some(Wire::Snapshot { term: raft.term(), state: self.machine.clone() })
    }

    /// Something arrived.
    pub fn receive(&mut self, from: NodeId, wire: Wire, env: &mut StepEnv<'_>) -> Option<(NodeId, Wire)> {
        match wire {
            Wire::Raft(message) => {
                self.with(env, |raft, env| raft.step(from, message, env));
                None
            }
            Wire::Snapshot { term, state } => {
                self.offered = Some((from, term, state));
                self.consider_snapshot(env)
            }
            Wire::SnapshotInstalled { through } => {
                self.with(env, |raft, env| raft.snapshot_sent(from, through, env));
                None
            }
            Wire::SnapshotRefused => {
                self.with(env, |raft, env| raft.snapshot_failed(from, env));
                None
            }
        }
    }

    /// Go on with a snapshot that was offered, if its term is durable.
    pub fn consider_snapshot(&mut self, env: &mut StepEnv<'_>) -> Option<(NodeId, Wire)> {
        let (from, term, state) = self.offered.take()?;
        let old = state.applied.position.index <= self.machine.applied.position.index;
        if self.flushing.is_some() || old {
            return Some((from, Wire::SnapshotRefused));
        }
        match self.with(env, |raft, env| raft.accept_snapshot(from, term, env))? {
            SnapshotAnswer::Stale => return Some((from, Wire::SnapshotRefused)),
            SnapshotAnswer::Wait => self.offered = Some((from, term, state)),
            SnapshotAnswer::Ready => {
                self.installing = Some((from, term));
                self.flushing = Some(state);
            }
        }
        None
    }
}
