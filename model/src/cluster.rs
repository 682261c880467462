//! What the worlds of replication share: replicas of the real type, disks that lose what is not durable, a network that delays,
//! reorders and (by never delivering) loses, and what is remembered from outside to judge them.

use stateright::{Model, Property};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use trefoil_core::bugs::{Bugs, PlantedBug};
use trefoil_core::ids::{LogIndex, NodeId, ShardId, Term};
use trefoil_core::raft::{
    AppliedThrough, Entry, Env, LogOp, PersistSequence, Raft, RaftConfig, RaftMessage, Role, SavedLog, Start,
};
use trefoil_core::time::{HybridTime, Monotonic};

/// One step's surroundings: chance always says 0, what could be chance is the checker's choice.
pub(crate) struct Step {
    pub(crate) now: Monotonic,
    pub(crate) bug: Option<PlantedBug>,
}

impl Bugs for Step {
    fn planted(&self, bug: PlantedBug) -> bool {
        self.bug == Some(bug)
    }
}

impl Env for Step {
    fn now(&self) -> Monotonic {
        self.now
    }

    fn random_below(&mut self, _bound: u64) -> u64 {
        0
    }
}

/// A log store: batches become durable one by one, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Disk {
    pub(crate) saved: SavedLog,
    pub(crate) waiting: VecDeque<(PersistSequence, Vec<LogOp>)>,
}

impl Disk {
    pub(crate) fn sync_one(&mut self) -> Option<PersistSequence> {
        let (sequence, ops) = self.waiting.pop_front()?;
        for op in ops {
            match op {
                LogOp::HardState(_, hard_state) => self.saved.hard_state = hard_state,
                LogOp::Append { truncate_from, entries, .. } => {
                    self.saved.entries.retain(|entry| entry.index < truncate_from);
                    self.saved.entries.extend(entries);
                }
                LogOp::CutThrough { index, term, .. } => {
                    self.saved.entries.retain(|entry| entry.index > index);
                    self.saved.cut = (index, term);
                }
                LogOp::Reset { index, term, .. } => {
                    self.saved.entries.clear();
                    self.saved.cut = (index, term);
                }
            }
        }
        Some(sequence)
    }
}

/// A replica on its disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Site {
    pub(crate) raft: Raft,
    pub(crate) disk: Disk,
    /// Its own clock.
    pub(crate) clock: u64,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Envelope {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) message: RaftMessage,
}

/// A promise that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Broken {
    /// Two leaders in a term.
    ElectionSafety,
    /// A leader without an entry that was committed before.
    LeaderCompleteness,
    /// Two different entries applied at an index.
    StateMachineSafety,
}

/// What an observer remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Observed {
    pub(crate) leaders: BTreeMap<Term, NodeId>,
    pub(crate) committed: Vec<Term>,
    /// Everything through here was committed at a leader: its clients may know.
    pub(crate) acknowledged: LogIndex,
    pub(crate) broken: BTreeSet<Broken>,
}

/// Replicas, their disks and their network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cluster {
    pub(crate) sites: Vec<Site>,
    /// By their hash: a message is on its way once, however often it was sent.
    pub(crate) network: BTreeMap<u64, Envelope>,
    pub(crate) observed: Observed,
    pub(crate) reads_ready: Vec<(u64, LogIndex)>,
    /// Whose disk may be lost: to it even a message of an older term may yet matter.
    pub(crate) may_lose: Option<usize>,
}

/// Settings for a replica in a world without chance.
pub(crate) fn config(me: u32, election_timeout: u64, heartbeat_interval: u64) -> RaftConfig {
    RaftConfig {
        shard: ShardId(1),
        me: NodeId(me),
        voters: vec![NodeId(1), NodeId(2), NodeId(3)],
        election_timeout: std::time::Duration::from_nanos(election_timeout),
        heartbeat_interval: std::time::Duration::from_nanos(heartbeat_interval),
        clock_drift_ppm: 0,
        append_window_bytes: 1 << 20,
        append_message_bytes: 1 << 20,
        log_retained_bytes: 1 << 20,
        uncommitted_bytes: 1 << 20,
        quiesce_after: std::time::Duration::from_secs(3_600),
        preferred_leader: None,
    }
}

/// A log whose entries have these terms.
pub(crate) fn saved(term: u64, entries: &[u64]) -> SavedLog {
    let mut saved = SavedLog::default();
    saved.hard_state.term = Term(term);
    saved.entries = (1..).zip(entries).map(|(index, term)| entry(index, *term)).collect();
    saved
}

fn entry(index: u64, term: u64) -> Entry {
    let stamp = HybridTime(i64::try_from(index).expect("a small number"));
    Entry { index: LogIndex(index), term: Term(term), stamp, payload: bytes::Bytes::new() }
}

impl Cluster {
    /// Replicas that start with these logs.
    pub(crate) fn new(logs: Vec<(RaftConfig, SavedLog)>, bug: Option<PlantedBug>) -> Cluster {
        let mut step = Step { now: Monotonic(0), bug };
        let sites = logs.into_iter().map(|(config, saved)| {
            let raft = Raft::new(config, saved.clone(), AppliedThrough::default(), Start::Again, &mut step)
                .expect("what the world begins with is whole");
            Site { raft, disk: Disk { saved, waiting: VecDeque::new() }, clock: 0 }
        });
        let mut cluster = Cluster {
            sites: sites.collect(),
            network: BTreeMap::new(),
            observed: Observed::default(),
            reads_ready: Vec::new(),
            may_lose: None,
        };
        for at in 0..cluster.sites.len() {
            cluster.absorb(at);
        }
        cluster
    }

    /// Let a replica do something, and carry out what it wants.
    pub(crate) fn act<R>(
        &mut self,
        at: usize,
        bug: Option<PlantedBug>,
        action: impl FnOnce(&mut Raft, &mut Step) -> R,
    ) -> R {
        let site = &mut self.sites[at];
        let mut step = Step { now: Monotonic(site.clock), bug };
        let result = action(&mut site.raft, &mut step);
        self.absorb(at);
        self.clean();
        result
    }

    /// The oldest batch of a disk becomes durable.
    pub(crate) fn sync(&mut self, at: usize, bug: Option<PlantedBug>) {
        if let Some(sequence) = self.sites[at].disk.sync_one() {
            self.act(at, bug, |raft, step| raft.durable(sequence, step));
        }
    }

    /// All that a disk was given becomes durable, with what comes of it.
    pub(crate) fn sync_all(&mut self, at: usize, bug: Option<PlantedBug>) {
        while !self.sites[at].disk.waiting.is_empty() {
            self.sync(at, bug);
        }
    }

    /// All disks write all that they were given.
    pub(crate) fn sync_everything(&mut self, bug: Option<PlantedBug>) {
        (0..self.sites.len()).for_each(|at| self.sync_all(at, bug));
    }

    /// Power is lost, and comes back.
    pub(crate) fn restart(&mut self, at: usize, start: Start, bug: Option<PlantedBug>) {
        let site = &mut self.sites[at];
        site.disk.waiting.clear();
        let mut step = Step { now: Monotonic(site.clock), bug };
        let config = site.raft.config().clone();
        site.raft = Raft::new(config, site.disk.saved.clone(), AppliedThrough::default(), start, &mut step)
            .expect("a disk keeps what was durable");
        self.absorb(at);
    }

    /// Take a message off the network and hand it over.
    pub(crate) fn deliver(&mut self, key: u64, bug: Option<PlantedBug>) {
        if let Some(Envelope { from, to, message }) = self.network.remove(&key) {
            self.act(to.0 as usize - 1, bug, |raft, step| raft.step(from, message, step));
        }
    }

    /// Messages that may arrive.
    pub(crate) fn deliverable(&self) -> impl Iterator<Item = u64> + '_ {
        self.network.keys().copied()
    }

    /// Forget messages that can never again lead to anything but a refusal, whatever crashes: worlds that differ in them only
    /// are one.
    fn clean(&mut self) {
        let sites = &self.sites;
        let may_lose = self.may_lose;
        self.network.retain(|_, envelope| {
            if may_lose == Some(envelope.to.0 as usize - 1) {
                return true;
            }
            let site = &sites[envelope.to.0 as usize - 1];
            let kept = site.disk.saved.hard_state;
            let term = envelope.message.term();
            let (now, role) = (site.raft.term() == term, site.raft.role());
            match &envelope.message {
                _ if term < kept.term => false,
                _ if term > kept.term => true,
                RaftMessage::Vote { .. } => kept.vote.is_none_or(|vote| vote == envelope.from),
                RaftMessage::VoteReply { granted, .. } => *granted && now && role == Role::Candidate,
                RaftMessage::Appended { .. } | RaftMessage::Rejected { .. } => {
                    now && matches!(role, Role::Leader | Role::Candidate)
                }
                _ => true,
            }
        });
    }

    fn absorb(&mut self, at: usize) {
        let site = &mut self.sites[at];
        let effects = site.raft.take_effects();
        let from = site.raft.config().me;
        if !effects.log_ops.is_empty() {
            site.disk.waiting.push_back((effects.sequence, effects.log_ops));
        }
        if let Some(committed) = effects.committed {
            for index in committed.clone() {
                let term = site.raft.entry(LogIndex(index)).expect("what is not applied is in memory").term;
                match self.observed.committed.get(index as usize - 1) {
                    None => self.observed.committed.push(term),
                    Some(known) if *known == term => {}
                    Some(_) => {
                        self.observed.broken.insert(Broken::StateMachineSafety);
                    }
                }
            }
            if site.raft.is_leader() {
                self.observed.acknowledged = self.observed.acknowledged.max(LogIndex(*committed.end()));
            }
            site.raft.applied(LogIndex(*committed.end()));
        }
        self.reads_ready.extend(effects.reads_ready);
        for (to, message) in effects.messages {
            let envelope = Envelope { from, to, message };
            let mut hasher = DefaultHasher::new();
            envelope.hash(&mut hasher);
            self.network.insert(hasher.finish(), envelope);
        }
        self.observe_leader(at);
    }

    fn observe_leader(&mut self, at: usize) {
        let raft = &self.sites[at].raft;
        if !raft.is_leader() {
            return;
        }
        let first = *self.observed.leaders.entry(raft.term()).or_insert(raft.config().me);
        if first != raft.config().me {
            self.observed.broken.insert(Broken::ElectionSafety);
        }
        let newest = self.observed.leaders.last_key_value().is_some_and(|(term, _)| *term == raft.term());
        let lacks = (1..).zip(&self.observed.committed).any(|(index, term)| {
            let index = LogIndex(index);
            index > raft.last_index() || raft.entry(index).is_some_and(|entry| entry.term != *term)
        });
        if newest && lacks {
            self.observed.broken.insert(Broken::LeaderCompleteness);
        }
    }

    pub(crate) fn holds(&self, promise: Broken) -> bool {
        !self.observed.broken.contains(&promise)
    }
}

/// What is watched for in every world of several replicas.
pub(crate) fn safety<M: Model<State: AsRef<Cluster>>>() -> Vec<Property<M>> {
    vec![
        Property::<M>::always("election safety", |_, state| state.as_ref().holds(Broken::ElectionSafety)),
        Property::<M>::always("leader completeness", |_, state| state.as_ref().holds(Broken::LeaderCompleteness)),
        Property::<M>::always("state machine safety", |_, state| state.as_ref().holds(Broken::StateMachineSafety)),
    ]
}
