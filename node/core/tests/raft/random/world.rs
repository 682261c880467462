//! The world of a seed: events in the order of time, messages and syncs on their way, replicas that are told what happens and
//! whose wishes are carried out; after every event the oracle looks.

use super::weather::{MILLISECOND, RATE_PPM_MAX, Weather};
use crate::oracle::{Oracle, Violation};
use crate::replica::{Replica, StepEnv, Wire};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use trefoil_core::bugs::PlantedBug;
use trefoil_core::ids::{LogIndex, NodeId};
use trefoil_core::raft::{ProposeError, ReadDecision};
use trefoil_core::time::{HybridTime, Monotonic};

#[derive(Debug)]
pub(super) enum Event {
    Deliver { from: NodeId, to: NodeId, wire: Wire },
    Timer { replica: usize },
    Synced { replica: usize, life: u64 },
    Flushed { replica: usize, life: u64 },
    Propose,
    Read,
    Fault,
    Suspect,
    SnapshotOverdue { replica: usize, to: NodeId },
    Restart { replica: usize },
    Reconnect,
    Flush,
}

pub(super) struct World {
    pub(super) rng: ChaCha8Rng,
    pub(super) weather: Weather,
    pub(super) now: u64,
    pub(super) queue: BTreeMap<(u64, u64), Event>,
    pub(super) sequence: u64,
    pub(super) replicas: Vec<Replica>,
    pub(super) rates_ppm: Vec<i64>,
    pub(super) lives: Vec<u64>,
    pub(super) timers: Vec<Option<u64>>,
    pub(super) cut: BTreeSet<(NodeId, NodeId)>,
    pub(super) reads: BTreeMap<u64, LogIndex>,
    pub(super) next_id: u64,
    pub(super) oracle: Oracle,
    pub(super) bugs: BTreeSet<PlantedBug>,
    pub(super) faults: bool,
    pub(super) stats: Stats,
}

/// What a run has seen, to know that it was not idle.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stats {
    pub(super) events: u64,
    pub(super) committed: u64,
    pub(super) leaders: u64,
    pub(super) reads: u64,
    pub(super) lease_reads: u64,
    pub(super) snapshots: u64,
    pub(super) rebuilds: u64,
    pub(super) quiescent: u64,
}

impl World {
    pub(super) fn new(seed: u64, bugs: BTreeSet<PlantedBug>) -> World {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |bound: u64| rng.next_u64() % bound;
        let (weather, count) = Weather::draw(&mut below);
        let replicas: Vec<Replica> = weather.configs(count, &mut below).into_iter().map(Replica::new).collect();
        let rates_ppm = replicas.iter().map(|_| RATE_PPM_MAX * (below(3) as i64 - 1)).collect();
        let mut world = World {
            weather,
            now: 0,
            queue: BTreeMap::new(),
            sequence: 0,
            lives: vec![0; replicas.len()],
            timers: vec![None; replicas.len()],
            replicas,
            rates_ppm,
            cut: BTreeSet::new(),
            reads: BTreeMap::new(),
            next_id: 0,
            oracle: Oracle::default(),
            bugs,
            faults: true,
            stats: Stats::default(),
            rng,
        };
        for replica in 0..world.replicas.len() {
            world.at(0, Event::Restart { replica });
        }
        world.at(0, Event::Propose);
        world.at(0, Event::Read);
        world.at(0, Event::Flush);
        world.at(0, Event::Suspect);
        let first_fault = world.weather.fault_every;
        world.at(first_fault, Event::Fault);
        world
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound
    }

    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn at(&mut self, delay: u64, event: Event) {
        self.sequence += 1;
        self.queue.insert((self.now + delay, self.sequence), event);
    }

    /// A replica's own clock. Every life has its own zero.
    pub(super) fn local(&self, replica: usize) -> Monotonic {
        let rate = 1_000_000 + self.rates_ppm[replica];
        Monotonic((u128::from(self.now) * u128::from(rate.unsigned_abs()) / 1_000_000) as u64)
    }

    /// The first moment at which the replica's clock shows this.
    pub(super) fn global(&self, replica: usize, local: Monotonic) -> u64 {
        let rate = u128::from((1_000_000 + self.rates_ppm[replica]).unsigned_abs());
        (u128::from(local.0) * 1_000_000).div_ceil(rate) as u64
    }

    pub(super) fn act<R>(&mut self, replica: usize, action: impl FnOnce(&mut Replica, &mut StepEnv<'_>) -> R) -> R {
        let now = self.local(replica);
        let World { rng, replicas, bugs, .. } = self;
        let mut random = |bound: u64| rng.next_u64() % bound;
        let mut env = StepEnv { now, random: &mut random, bugs };
        action(&mut replicas[replica], &mut env)
    }

    pub(super) fn send(&mut self, from: NodeId, to: NodeId, wire: Wire) {
        if self.cut.contains(&(from, to)) || (self.faults && self.percent(self.weather.loss_percent)) {
            return;
        }
        let copies = if self.faults && self.percent(self.weather.duplicate_percent) { 2 } else { 1 };
        for _ in 0..copies {
            let mut delay = self.below(self.weather.latency_max);
            if self.faults && self.percent(self.weather.tail_percent) {
                delay = self.below(3_000 * MILLISECOND);
            }
            self.at(delay, Event::Deliver { from, to, wire: wire.clone() });
        }
    }

    /// After every event at a replica: carry out what it wants, and look.
    pub(super) fn settle(&mut self, replica: usize) -> Result<(), Violation> {
        let was_busy = self.replicas[replica].disk.is_busy();
        let Some(effects) = self.replicas[replica].absorb() else { return Ok(()) };
        let id = self.replicas[replica].id;
        if let Some(what) = effects.broken {
            return Err(format!("{id} is broken: {what}"));
        }
        if !was_busy && self.replicas[replica].disk.is_busy() {
            let delay = self.below(self.weather.disk_max);
            let life = self.lives[replica];
            self.at(delay, Event::Synced { replica, life });
        }
        for (to, message) in effects.messages {
            self.send(id, to, Wire::Raft(message));
        }
        for to in effects.snapshots_wanted {
            self.stats.snapshots += 1;
            if let Some(wire) = self.replicas[replica].snapshot() {
                self.send(id, to, wire);
            }
            // What becomes of it is noticed here in time, even if nothing comes back.
            self.at(1_000 * MILLISECOND, Event::SnapshotOverdue { replica, to });
        }
        let leads = self.replicas[replica].raft.as_ref().is_some_and(|raft| raft.is_leader());
        if effects.role.is_some() {
            self.stats.leaders += u64::from(leads);
            self.oracle.leader(&self.replicas[replica])?;
        }
        self.oracle.applied(&self.replicas[replica])?;
        if leads && let Some(committed) = effects.committed {
            self.oracle.acknowledge(LogIndex(*committed.end()));
        }
        for (read, index) in effects.reads_ready {
            let before = self.reads.remove(&read).ok_or_else(|| format!("read {read} was answered twice"))?;
            self.stats.reads += 1;
            self.oracle.read(before, index)?;
        }
        for read in effects.reads_failed {
            self.reads.remove(&read);
        }
        self.check_leases()?;
        self.set_timer(replica);
        Ok(())
    }

    pub(super) fn check_leases(&mut self) -> Result<(), Violation> {
        let mut holders = Vec::new();
        for replica in 0..self.replicas.len() {
            let holds =
                self.act(replica, |replica, env| replica.raft.as_ref().is_some_and(|raft| raft.holds_lease(env)));
            if holds {
                holders.push(self.replicas[replica].id);
            }
        }
        self.oracle.leases(&holders)
    }

    pub(super) fn set_timer(&mut self, replica: usize) {
        let Some(raft) = &self.replicas[replica].raft else { return };
        self.stats.quiescent += u64::from(raft.is_quiescent() && raft.is_leader());
        let Some(wake) = raft.next_wake() else { return };
        let at = self.global(replica, wake).max(self.now + 1);
        if self.timers[replica].is_none_or(|set| at < set || set <= self.now) {
            self.timers[replica] = Some(at);
            self.at(at - self.now, Event::Timer { replica });
        }
    }

    pub(super) fn happen(&mut self, event: Event) -> Result<(), Violation> {
        self.stats.events += 1;
        match event {
            Event::Deliver { from, to, wire } => {
                let replica = to.0 as usize - 1;
                if self.cut.contains(&(from, to)) {
                    return Ok(());
                }
                let answer = self.act(replica, |replica, env| replica.receive(from, wire, env));
                self.after_snapshot(replica, answer)
            }
            Event::Timer { replica } => {
                self.timers[replica] = None;
                self.act(replica, |replica, env| replica.with(env, |raft, env| raft.tick(env)));
                self.settle(replica)
            }
            Event::Synced { replica, life } if life == self.lives[replica] => self.synced(replica),
            Event::Flushed { replica, life } if life == self.lives[replica] => {
                let answer = self.act(replica, |replica, env| replica.end_flush(env));
                self.after_snapshot(replica, answer)
            }
            Event::Synced { .. } | Event::Flushed { .. } => Ok(()),
            Event::Propose => self.propose(),
            Event::Read => self.read(),
            Event::Fault => self.fault(),
            Event::Suspect => {
                self.at(400 * MILLISECOND, Event::Suspect);
                self.suspect()
            }
            Event::SnapshotOverdue { replica, to } => {
                self.act(replica, |replica, env| replica.receive(to, Wire::SnapshotRefused, env));
                self.settle(replica)
            }
            Event::Restart { replica } => self.restart(replica),
            Event::Reconnect => {
                self.cut.clear();
                Ok(())
            }
            Event::Flush => {
                let replica = self.below(self.replicas.len() as u64) as usize;
                self.replicas[replica].begin_flush();
                self.flush_later(replica);
                self.at(200 * MILLISECOND, Event::Flush);
                Ok(())
            }
        }
    }

    pub(super) fn flush_later(&mut self, replica: usize) {
        if self.replicas[replica].flushing.is_some() {
            let life = self.lives[replica];
            let delay = self.below(self.weather.disk_max * 4);
            self.at(delay, Event::Flushed { replica, life });
        }
    }

    pub(super) fn after_snapshot(&mut self, replica: usize, answer: Option<(NodeId, Wire)>) -> Result<(), Violation> {
        let id = self.replicas[replica].id;
        if let Some((to, wire)) = answer {
            self.send(id, to, wire);
        }
        if self.replicas[replica].installing.is_some() {
            self.flush_later(replica);
        }
        self.settle(replica)
    }

    pub(super) fn synced(&mut self, replica: usize) -> Result<(), Violation> {
        let fails = self.faults && self.percent(2);
        let answer = self.act(replica, |replica, env| {
            if fails {
                for sequence in replica.disk.fail() {
                    replica.with(env, |raft, env| raft.persist_failed(sequence, env));
                }
                return None;
            }
            // A group commit: everything that waits.
            let sequence = std::iter::from_fn(|| replica.disk.sync_one()).last()?;
            replica.with(env, |raft, env| raft.durable(sequence, env));
            replica.consider_snapshot(env)
        });
        if self.replicas[replica].disk.is_busy() {
            let delay = self.below(self.weather.disk_max);
            let life = self.lives[replica];
            self.at(delay, Event::Synced { replica, life });
        }
        self.after_snapshot(replica, answer)
    }

    pub(super) fn some_leader(&mut self) -> Option<usize> {
        let leaders: Vec<usize> = (0..self.replicas.len())
            .filter(|at| self.replicas[*at].raft.as_ref().is_some_and(|raft| raft.is_leader()))
            .collect();
        if leaders.is_empty() {
            return None;
        }
        let at = self.below(leaders.len() as u64) as usize;
        Some(leaders[at])
    }

    pub(super) fn propose(&mut self) -> Result<(), Violation> {
        let delay = self.below(2 * self.weather.propose_every);
        self.at(delay, Event::Propose);
        let Some(replica) = self.some_leader() else { return Ok(()) };
        for _ in 0..=self.below(4) {
            self.next_id += 1;
            let payload = Bytes::from(self.next_id.to_string());
            let result = self.act(replica, |replica, env| {
                replica.with(env, |raft, env| {
                    let stamp = HybridTime(raft.last_stamp().0 + 1);
                    raft.propose(stamp, payload, env)
                })
            });
            if !matches!(result, Some(Ok(_) | Err(ProposeError::Overloaded | ProposeError::NotLeader(Some(_))))) {
                return Err(format!("proposal answered {result:?}"));
            }
        }
        self.settle(replica)
    }

    pub(super) fn read(&mut self) -> Result<(), Violation> {
        let delay = self.below(2 * self.weather.read_every);
        self.at(delay, Event::Read);
        let Some(replica) = self.some_leader() else { return Ok(()) };
        self.next_id += 1;
        let (id, before) = (self.next_id, self.oracle.acknowledged());
        match self.act(replica, |replica, env| replica.with(env, |raft, env| raft.read(id, env))) {
            Some(ReadDecision::ServeAt(index)) => {
                self.stats.lease_reads += 1;
                self.oracle.read(before, index)?;
            }
            Some(ReadDecision::Pending) => {
                self.reads.insert(id, before);
            }
            _ => {}
        }
        self.settle(replica)
    }

    pub(super) fn restart(&mut self, replica: usize) -> Result<(), Violation> {
        if self.replicas[replica].raft.is_some() {
            return Ok(());
        }
        let id = self.replicas[replica].id;
        self.oracle.forget(id);
        self.timers[replica] = None;
        self.act(replica, |replica, env| replica.start(env)).map_err(|error| format!("{id} cannot start: {error}"))?;
        self.settle(replica)
    }

    pub(super) fn run_until(&mut self, end: u64) -> Result<(), Violation> {
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > end {
                break;
            }
            self.now = entry.key().0;
            let event = entry.remove();
            self.happen(event)?;
            if self.stats.events.is_multiple_of(64) {
                self.oracle.logs(&self.replicas)?;
            }
        }
        self.now = end;
        Ok(())
    }
}
