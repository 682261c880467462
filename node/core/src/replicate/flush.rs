//! Making rows durable: when a memtable is large or old it is frozen and handed to the row store, together with how far the log
//! is applied to it. Only when that is durable may the memtable go and the log be cut.

use super::replica::Replica;
use crate::bugs::{Bugs, PlantedBug};
use crate::ids::Ticket;
use crate::storage::{RowsBatch, RowsPart};
use crate::time::Monotonic;
use crate::world::{Batch, World};
use std::time::Duration;

/// Of a flush that will never be durable: no later one's report covers it.
const NEVER: Ticket = Ticket(u64::MAX);

impl Replica {
    /// Bytes that a flush would free now.
    #[must_use]
    pub fn flushable_bytes(&self) -> u64 {
        if self.flushing.is_some() { 0 } else { self.store.memory().active_bytes }
    }

    /// Whether something was applied so long ago that it should be flushed.
    #[must_use]
    pub fn is_stale(&self, now: Monotonic, age_max: Duration) -> bool {
        self.flushing.is_none() && self.dirty_since.is_some_and(|since| now.since(since) >= age_max)
    }

    /// When it becomes stale.
    #[must_use]
    pub fn stale_at(&self, age_max: Duration) -> Option<Monotonic> {
        if self.flushing.is_some() { None } else { self.dirty_since.map(|since| since.plus(age_max)) }
    }

    /// Begin a flush, unless one is under way. Returns whether one began.
    pub fn flush<W: World>(&mut self, world: &mut W) -> bool {
        if self.flushing.is_some() || !self.is_sound() && self.health != super::Health::Alone {
            return false;
        }
        let state = self.encoded_state(world);
        let Some(part) = self.store.begin_flush(state) else {
            self.dirty_since = None;
            return false;
        };
        let through = self.store.applied();
        let ticket = world.persist(Batch::Rows(RowsBatch { parts: vec![RowsPart::Flush(part)] }));
        self.flushing = Some((ticket, through));
        self.dirty_since = None;
        crate::sometimes!(world, "flush begun");
        if world.planted(PlantedBug::MemtableLostAtFlush) {
            self.store.flush_done();
        }
        if world.planted(PlantedBug::LogCutBeforeFlush) {
            self.raft.flushed(through.position);
        }
        true
    }

    /// The ticket of the flush under way.
    #[must_use]
    pub fn is_flushing(&self) -> bool {
        self.flushing.is_some()
    }

    pub(super) fn flush_durable<W: World>(&mut self, done: Ticket, world: &mut W) {
        let Some((_, through)) = self.flushing.take_if(|(flush, _)| *flush <= done) else { return };
        if !world.planted(PlantedBug::MemtableLostAtFlush) {
            self.store.flush_done();
        }
        self.raft.flushed(through.position);
        self.plan_housekeeping();
    }

    /// The memtable is what it was, and is old enough to be flushed again after a while; without `again` it stays under way for ever.
    pub(super) fn flush_failed(&mut self, ticket: Ticket, again: Option<Monotonic>, bugs: &impl Bugs) {
        let Some((_, through)) = self.flushing.take_if(|(flush, _)| *flush == ticket) else { return };
        if bugs.planted(PlantedBug::MemtableLostAtFailedFlush) {
            return self.store.flush_done();
        }
        if again.is_none() {
            self.flushing = Some((NEVER, through));
            return;
        }
        self.store.flush_failed();
        self.dirty_since = self.dirty_since.or(again);
    }
}
