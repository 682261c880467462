//! What one node sees of the world during one step: the `World` that the node's code is compiled against here. Every effect
//! counts, because a node may die after any of them: then the rest of its step never happens.

use super::connections::Frame;
use super::disk::Disk;
use super::queue::Time;
use super::row_store::RowStore;
use super::surroundings::{Event, Surroundings};
use crate::plan::cluster::ClusterPlan;
use crate::random::Stream;
use crate::record::Kind;
use bytes::Bytes;
use rand_core::RngCore;
use std::hash::Hash;
use trefoil_core::bugs::{Bugs, PlantedBug};
use trefoil_core::ids::{ConnId, NodeId, Ticket};
use trefoil_core::message::Message;
use trefoil_core::time::{Clock, Monotonic};
use trefoil_core::world::{Batch, TraceEvent, World};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What belongs to a node besides its state.
#[derive(Debug)]
pub struct Body {
    /// Its place.
    pub place: usize,
    /// Its life; 0 before the first.
    pub life: u32,
    /// Its disk.
    pub disk: Disk,
    /// Its randomness.
    pub stream: Stream,
    /// The monotonic time it asked to be woken at.
    pub wake_at: Option<Monotonic>,
    /// The true time of the earliest wake event in the queue.
    pub wake_event: Option<Time>,
    /// It dies after so many more effects.
    pub fuse: Option<u32>,
    /// The fuse has burnt down: it is dead, and the rest of its step does not happen.
    pub dead: bool,
}

/// What one node sees during one step.
pub struct View<'a> {
    /// What it owns.
    pub body: &'a mut Body,
    /// What all share.
    pub around: &'a mut Surroundings,
    /// Its clocks, fixed during the step.
    pub clock: Clock,
}

/// How often a fault point is active in a run, and how often an active one fires; parts per million.
const BUGGIFY_ACTIVE_PPM: u64 = 250_000;
const BUGGIFY_FIRES_PPM: u32 = 250_000;

impl View<'_> {
    /// Whether the node lives to see this effect.
    #[inline]
    fn lives(&mut self) -> bool {
        match &mut self.body.fuse {
            None => true,
            Some(_) if self.body.dead => false,
            Some(0) => {
                self.body.dead = true;
                self.around.marks.hit("sim: a crash in the middle of a step");
                false
            }
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

impl Bugs for View<'_> {
    #[inline]
    fn planted(&self, bug: PlantedBug) -> bool {
        !self.around.bugs.is_empty() && self.around.bugs.contains(&bug)
    }
}

impl World for View<'_> {
    type Rows = RowStore;

    #[inline]
    fn clock(&self) -> Clock {
        self.clock
    }

    #[inline]
    fn rng(&mut self) -> &mut impl RngCore {
        &mut self.body.stream
    }

    fn send(&mut self, to: NodeId, message: Message) {
        if self.lives() {
            let to = ClusterPlan::place(to);
            self.around.send(self.body.place, self.body.life, to, message);
        }
    }

    fn reply(&mut self, conn: ConnId, envelope: Bytes) {
        if self.lives() {
            (conn, &envelope).hash(&mut self.around.hash);
            self.around.frame_to_client(conn, Frame::Envelope(envelope));
        }
    }

    fn close(&mut self, conn: ConnId) {
        if self.lives() {
            conn.hash(&mut self.around.hash);
            self.around.connections.get_mut(conn).node_closed = true;
            self.around.frame_to_client(conn, Frame::Close);
        }
    }

    fn wake(&mut self, at: Monotonic) {
        self.body.wake_at = Some(at);
    }

    fn persist(&mut self, batch: Batch) -> Ticket {
        if !self.lives() {
            // Nobody will ever hear of this ticket.
            return Ticket(u64::MAX);
        }
        let now = self.around.now();
        if let Batch::Log(operations) = &batch {
            operations.hash(&mut self.around.hash);
        }
        self.around.note(self.body.place, Kind::Effect, || format!("persist {batch:?}"));
        let (ticket, started) = self.body.disk.submit(now, batch, &mut self.body.stream);
        self.around.mix(ticket.0);
        if let Some((store, done)) = started {
            let (node, life) = (self.body.place as u8, self.body.life);
            self.around.queue.push(done, Event::Synced { node, life, store });
        }
        ticket
    }

    #[inline]
    fn rows(&self) -> &RowStore {
        &self.body.disk.rows
    }

    fn buggify(&mut self, site: &'static str) -> bool {
        // A site is active for a whole run or not at all, and then fires now and then.
        self.around.buggify
            && xxh3_64_with_seed(site.as_bytes(), self.around.seed) % 1_000_000 < BUGGIFY_ACTIVE_PPM
            && self.body.stream.chance(BUGGIFY_FIRES_PPM)
    }

    fn trace(&mut self, event: TraceEvent) {
        if self.body.dead {
            return;
        }
        if let TraceEvent::Mark(mark) = event {
            self.around.marks.hit(mark);
            return;
        }
        if matches!(event, TraceEvent::DamageFound { .. }) && self.body.disk.rows.was_rotten() {
            self.around.marks.hit("sim: a replica found damage and withdrew");
        }
        event.hash(&mut self.around.hash);
        let (now, place) = (self.around.now(), self.body.place);
        self.around.note(place, Kind::Trace, || format!("{event:?}"));
        if let Err(violation) = self.around.watch.trace(now, place, &event) {
            self.around.violation.get_or_insert(violation);
        }
    }
}
