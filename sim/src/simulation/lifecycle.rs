//! Births, deaths and syncs of nodes.

use super::Simulation;
use crate::hash::StateHash;
use crate::record::Kind;
use crate::world::connections::Frame;
use crate::world::disk::Store;
use crate::world::surroundings::Event;
use crate::world::view::View;
use std::hash::Hasher as _;
use trefoil_core::bugs::PlantedBug;
use trefoil_core::ids::Incarnation;
use trefoil_core::node::{Node, Saved};
use trefoil_core::time::WallClock;
use trefoil_core::world::Input;

impl Simulation<'_> {
    /// A node comes to life from what its disk holds.
    pub(super) fn start(&mut self, node: usize) {
        let now = self.around.now();
        let founding = !self.around.watch.restart.was_wiped(node);
        let process = &mut self.nodes[node];
        process.body.life += 1;
        process.body.wake_at = None;
        process.body.wake_event = None;
        process.dark = false;
        process.clock.reborn(now);
        process.busy_until = now;
        process.work_pending = false;
        let life = process.body.life;
        self.around.note(node, Kind::Life, || format!("life {life} begins"));
        self.around.mix(now.0 ^ u64::from(life));
        let process = &mut self.nodes[node];
        let clock = process.clock.read(now);
        let forgetful = self.plan.bugs.contains(&PlantedBug::LivesCountedFromOne);
        // Of its own, so that a life more or less changes no other chance.
        let mut chance = StateHash::new(self.plan.seed);
        chance.write_u64(now.0);
        chance.write_usize(node);
        let (wall, chance) = if forgetful { (WallClock(0), 0) } else { (clock.wall, chance.value()) };
        let incarnation = Incarnation::next(process.body.disk.last_life, wall, chance);
        process.body.disk.last_life = Some(incarnation);
        let saved = Saved {
            logs: process.body.disk.log.saved(),
            damaged: process.body.disk.log.damaged().clone(),
            // Only a replica that was never there may take itself for a founder.
            founding,
            incarnation,
        };
        let mut view = View { clock, body: &mut process.body, around: &mut self.around };
        let mut state = Node::start(self.plan.cluster.config(node), saved, &mut view);
        state.settle(&mut view);
        process.node = Some(state);
        self.arm_wake(node);
    }

    /// A node dies. What was on its way to the disk may or may not have arrived; peers and clients see resets, unless the
    /// power went.
    pub(super) fn kill(&mut self, node: usize, silent: bool) {
        let process = &mut self.nodes[node];
        if process.node.take().is_none() {
            process.dark |= silent;
            return;
        }
        process.inbox.clear();
        process.stopping = false;
        process.dark = silent;
        process.body.fuse = None;
        process.body.dead = false;
        let life = process.body.life;
        self.around.note(node, Kind::Life, || format!("life {life} ends"));
        let process = &mut self.nodes[node];
        let crashed = process.body.disk.crash(&mut process.body.stream);
        self.look_at_removed(node);
        match crashed {
            Err(text) => self.around.broken("STORE-ACCEPTS", format!("node {node}: {text}")),
            Ok(true) => self.around.marks.hit("sim: a crash lost submitted batches"),
            Ok(false) => {}
        }
        for conn in self.around.connections.of_life(node, life.into()) {
            let connection = self.around.connections.get_mut(conn);
            connection.node_closed = true;
            if !silent && !connection.client_closed {
                self.around.frame_to_client(conn, Frame::Close);
            }
        }
    }

    /// A sync has ended.
    pub(super) fn synced(&mut self, node: usize, life: u32, store: Store) {
        let now = self.around.now();
        let process = &mut self.nodes[node];
        if process.body.life != life || !process.is_up() {
            return;
        }
        let mut reports = std::mem::take(&mut self.reports);
        let body = &mut process.body;
        match body.disk.sync_done(store, now, &mut body.stream, &mut reports) {
            Ok(Some(next)) => self.around.queue.push(next, Event::Synced { node: node as u8, life, store }),
            Ok(None) => {}
            Err(text) => self.around.broken("STORE-ACCEPTS", format!("node {node}: {text}")),
        }
        self.look_at_removed(node);
        for (ticket, failure) in reports.drain(..) {
            // The node may die of one report before it hears the next.
            if self.nodes[node].body.life == life {
                let input = match failure {
                    None => Input::Durable { ticket },
                    Some((failure, _)) => Input::PersistFailed { ticket, failure },
                };
                self.deliver(node, input);
            }
        }
        self.reports = reports;
    }

    /// Let the oracle see which durable entries were replaced.
    fn look_at_removed(&mut self, node: usize) {
        let removed = std::mem::take(&mut self.nodes[node].body.disk.removed);
        if removed.is_empty() {
            return;
        }
        if let Err(violation) = self.around.watch.removed(self.around.now(), node, &removed) {
            self.around.violation.get_or_insert(violation);
        }
    }
}
