//! Freeing space that no read can see any more: rows of dropped tables, and what a purge has given up.
//!
//! What is *gone* is decided by the log (`Command::Retire`, `Command::Purge`), so replicas agree on it. What is *freed* is every
//! replica's own business, done in slices, one under way at a time, and nobody can tell from an answer whether it has happened.

use super::rebuild::Health;
use super::replica::Replica;
use crate::ids::{StorageId, Ticket};
use crate::storage::{Clearing, RowsBatch, RowsPart, Sweep};
use crate::world::{Batch, World};
use std::collections::BTreeSet;

/// Keys deleted by one slice at most.
const CLEAR_KEYS_MAX: usize = 2_000;
/// Stored bytes looked at by one slice of a sweep.
const SWEEP_BYTES: usize = 1 << 20;

/// What a replica is freeing.
#[derive(Clone, Debug, Default)]
pub(super) struct Housekeeping {
    work: Option<Work>,
    waiting: Option<Ticket>,
    cleared: BTreeSet<StorageId>,
    /// A purge was applied since the last sweep began.
    pub(super) purged: bool,
}

#[derive(Clone, Debug)]
enum Work {
    Clear(StorageId, Clearing),
    Sweep(Box<Sweep>),
}

impl Replica {
    /// A flush is durable: see what may be freed now.
    pub(super) fn plan_housekeeping(&mut self) {
        if self.housekeeping.work.is_some() {
            return;
        }
        let cleared = &self.housekeeping.cleared;
        let dropped = self.store.droppable().find(|storage| !cleared.contains(storage));
        self.housekeeping.work = match dropped {
            Some(storage) => {
                let clearing = Clearing::table(self.shard, self.store.tokens(), storage);
                Some(Work::Clear(storage, clearing))
            }
            None if std::mem::take(&mut self.housekeeping.purged) => {
                Some(Work::Sweep(Box::new(self.store.begin_sweep())))
            }
            None => None,
        };
    }

    /// The next slice.
    pub(super) fn keep_house<W: World>(&mut self, world: &mut W) {
        if self.housekeeping.waiting.is_some() || self.health != Health::Sound || self.is_installing() {
            return;
        }
        let Some(work) = &mut self.housekeeping.work else { return };
        let part = match work {
            Work::Clear(_, clearing) => Ok(clearing.next(world.rows(), CLEAR_KEYS_MAX).map(RowsPart::Clear)),
            Work::Sweep(sweep) => {
                self.store.sweep(sweep, SWEEP_BYTES, world.rows()).map(|part| part.map(RowsPart::Sweep))
            }
        };
        match part {
            Ok(Some(part)) => {
                crate::sometimes!(world, "space freed");
                self.housekeeping.waiting = Some(world.persist(Batch::Rows(RowsBatch { parts: vec![part] })));
            }
            Ok(None) => {
                match self.housekeeping.work.take() {
                    Some(Work::Clear(storage, _)) => {
                        self.housekeeping.cleared.insert(storage);
                    }
                    Some(Work::Sweep(_)) => self.store.forget_swept_deletions(world.rows()),
                    None => {}
                }
                self.plan_housekeeping();
            }
            Err(damage) => {
                self.housekeeping.work = None;
                self.found_damage(&damage);
            }
        }
    }

    /// Whether a slice is on its way to the store.
    pub(super) fn is_housekeeping(&self) -> bool {
        self.housekeeping.waiting.is_some()
    }

    /// The slice that is on its way to the store.
    pub(super) fn housekeeping_under_way(&self) -> Option<Ticket> {
        self.housekeeping.waiting
    }

    pub(super) fn housekeeping_durable(&mut self, ticket: Ticket) {
        // A world may report only the last of the batches that became durable together.
        self.housekeeping.waiting.take_if(|waiting| *waiting <= ticket);
    }

    /// Give up for now; the next flush plans it again.
    pub(super) fn housekeeping_failed(&mut self, ticket: Ticket) {
        if self.housekeeping.waiting.take_if(|waiting| *waiting == ticket).is_some() {
            self.housekeeping.purged |= matches!(self.housekeeping.work, Some(Work::Sweep(_)));
            self.housekeeping.work = None;
        }
    }
}
