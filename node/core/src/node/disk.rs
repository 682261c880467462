//! What a node knows of its two stores: whether they can be written. A full one is tried again, for space may come back; after an
//! error of the device nothing is, because what a failed sync has lost, the next one does not bring back. Meanwhile new writes
//! are refused with the reason, and reads go on. What may never happen: a write that waits for a disk that nobody looks at.

use super::Node;
use crate::bugs::PlantedBug;
use crate::ids::Ticket;
use crate::message::Refusal;
use crate::replicate::RaftEnvironment;
use crate::time::Monotonic;
use crate::world::{DiskFailure, World};
use std::time::Duration;

/// After a failed write to a full store, writes are refused for this long; then one may try again.
const PAUSE: Duration = Duration::from_millis(500);

/// One store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Works,
    /// Writes are refused until then.
    Full(Monotonic),
    /// For good: the store must be opened anew.
    Broken,
}

/// Both stores of a node.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DiskWatch {
    log: State,
    rows: State,
}

impl State {
    /// Whether it is a change to be told of.
    fn failed(&mut self, failure: DiskFailure, now: Monotonic) -> bool {
        let before = *self;
        match failure {
            DiskFailure::Broken => *self = State::Broken,
            DiskFailure::Full if before != State::Broken => *self = State::Full(now.plus(PAUSE)),
            DiskFailure::Full | DiskFailure::Damaged(_) => {}
        }
        std::mem::discriminant(&before) != std::mem::discriminant(self)
    }

    fn works(&mut self, store: &'static str) {
        if matches!(self, State::Full(_)) {
            tracing::info!(store, "the disk has space again");
            *self = State::Works;
        }
    }

    fn refuses(self, now: Monotonic) -> bool {
        match self {
            State::Works => false,
            State::Full(until) => now < until,
            State::Broken => true,
        }
    }
}

impl DiskWatch {
    /// Why a new write is not taken.
    pub(super) fn refuses_writes(&self, now: Monotonic) -> Option<Refusal> {
        if self.is_broken() {
            return Some(Refusal::DiskBroken);
        }
        (self.log.refuses(now) || self.rows.refuses(now)).then_some(Refusal::DiskFull)
    }

    /// A store cannot be written any more in this life of the node.
    pub(crate) fn is_broken(&self) -> bool {
        self.log == State::Broken || self.rows == State::Broken
    }

    /// Whether a store has no space left, as far as known.
    pub(super) fn is_full(&self) -> bool {
        self.log_is_full() || matches!(self.rows, State::Full(_))
    }

    pub(super) fn log_is_full(&self) -> bool {
        matches!(self.log, State::Full(_))
    }

    pub(super) fn log_works(&mut self) {
        self.log.works("log");
    }

    pub(super) fn rows_work(&mut self) {
        self.rows.works("rows");
    }
}

impl Node {
    pub(super) fn persist_failed<W: World>(&mut self, ticket: Ticket, failure: DiskFailure, world: &mut W) {
        let sequences = self.submitted.remove(&ticket);
        let disk = &mut self.background.disk;
        let (store, state) = if sequences.is_some() { ("log", &mut disk.log) } else { ("rows", &mut disk.rows) };
        let change = state.failed(failure, self.now);
        match failure {
            DiskFailure::Full if change => {
                crate::sometimes!(world, "disk found full");
                tracing::error!(store, "the disk is full: writes are refused until there is space again");
            }
            DiskFailure::Broken if change => {
                crate::sometimes!(world, "disk found broken");
                tracing::error!(
                    store,
                    "the disk has failed: writes are refused, and the node leads no more; start it again"
                );
                self.stop_writing(world);
            }
            _ => {}
        }
        let again = self.background.disk.rows != State::Broken;
        match sequences {
            Some(sequences) => {
                // What was submitted since will fail too (`Input::PersistFailed`). Who is in it must know before he submits more: his next
                // entries would be written behind ones that are not.
                let since: Vec<_> = self.submitted.range(ticket..).flat_map(|(_, since)| since.clone()).collect();
                for (shard, sequence) in sequences.into_iter().chain(since) {
                    let Some(replica) = self.replica_mut(shard) else { continue };
                    if world.planted(PlantedBug::FailedWriteCounts) {
                        replica.durable(sequence, world);
                    } else {
                        replica.persist_failed(sequence, world);
                    }
                }
            }
            None => {
                let now = self.now;
                for replica in self.replicas.iter_mut().flatten() {
                    replica.rows_failed(ticket, again.then_some(now), &*world);
                }
                if let DiskFailure::Damaged(shard) = failure
                    && let Some(replica) = self.replica_mut(shard)
                {
                    replica.rows_damaged();
                }
                self.touch_all();
            }
        }
    }

    /// Nothing is written any more, and whatever another node can lead it does.
    fn stop_writing<W: World>(&mut self, world: &mut W) {
        for replica in self.replicas.iter_mut().flatten() {
            let alone = replica.is_only_one();
            let raft = replica.raft();
            raft.stop_writing(&mut RaftEnvironment(world));
            raft.set_may_lead(alone, &mut RaftEnvironment(world));
        }
        self.touch_all();
    }
}
