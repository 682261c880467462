//! What faults do to the world, action by action, and how all of it is put right again.

use super::{PROBE_NS, Phase, Simulation};
use crate::faults::{Action, budget};
use crate::plan::cluster::ClusterPlan;
use crate::record::{EVERYWHERE, Kind};
use crate::world::surroundings::Event;
use trefoil_core::world::Input;

/// How long a node that is to die in the middle of a step may go without one.
const FUSE_NS: u64 = 50_000_000;

impl Simulation<'_> {
    pub(super) fn apply(&mut self, action: Action) {
        let now = self.around.now();
        self.around.note(EVERYWHERE, Kind::Fault, || format!("{action:?}"));
        match action {
            Action::Kill { node, after_effects, silent } => self.hold_down(node, after_effects, silent),
            Action::Stop(node) => {
                self.nodes[node].held_down += 1;
                if self.nodes[node].is_up() && !self.nodes[node].stopping {
                    self.nodes[node].stopping = true;
                    self.deliver(node, Input::Shutdown);
                }
            }
            Action::Start(node) => self.release(node),
            Action::Wipe(node) => self.wipe(node),
            Action::Pause(node) => self.nodes[node].paused += 1,
            Action::Resume(node) => self.resume(node),
            Action::Block { from, to } => self.around.network.block(from, to),
            Action::Unblock { from, to } => self.around.network.unblock(from, to),
            Action::Clog { from, to } => self.around.network.clog(from, to),
            Action::Unclog { from, to } => self.around.network.unclog(from, to),
            Action::Storm { loss_ppm, duplicate_ppm, delay_ns } => {
                self.around.network.storm(loss_ppm, duplicate_ppm, delay_ns);
            }
            Action::Calm => self.around.network.storm(0, 0, 0),
            Action::StepWall { node, by_us } => self.nodes[node].clock.step_wall(now, by_us),
            Action::FreezeWall(node) => self.nodes[node].clock.freeze_wall(now),
            Action::ThawWall(node) => self.nodes[node].clock.thaw_wall(now),
            Action::SetDrift { node, ppm } => {
                self.nodes[node].clock.set_monotonic_drift(now, ppm);
                // The wake event in the queue was computed with the old rate.
                self.nodes[node].body.wake_event = None;
                self.arm_wake(node);
            }
            Action::StallDisk(node) => self.nodes[node].body.disk.stall(),
            Action::UnstallDisk(node) => {
                let done = self.nodes[node].body.disk.unstall();
                self.sync_overdue(node, done);
            }
            Action::SlowDisk { node, factor } => self.nodes[node].body.disk.slow(factor),
        }
    }

    fn hold_down(&mut self, node: usize, after_effects: u32, silent: bool) {
        self.nodes[node].held_down += 1;
        self.dark_zone |= silent;
        if after_effects == 0 || !self.nodes[node].is_up() {
            return self.kill(node, silent);
        }
        let life = self.nodes[node].body.life;
        self.nodes[node].body.fuse = Some(after_effects - 1);
        let at = self.around.now().plus(FUSE_NS);
        self.around.queue.push(at, Event::FuseEnd { node: node as u8, life });
    }

    fn release(&mut self, node: usize) {
        let process = &mut self.nodes[node];
        process.held_down = process.held_down.saturating_sub(1);
        if process.held_down == 0 {
            self.kill(node, false);
            self.start(node);
        }
    }

    fn resume(&mut self, node: usize) {
        let process = &mut self.nodes[node];
        process.paused = process.paused.saturating_sub(1);
        if process.paused == 0 && process.is_up() && !process.inbox.is_empty() && !process.work_pending {
            process.work_pending = true;
            let life = process.body.life;
            self.around.queue.push(self.around.queue.now(), Event::Work { node: node as u8, life });
        }
    }

    fn wipe(&mut self, node: usize) {
        if self.nodes[node].is_up() {
            return;
        }
        let layout = self.plan.cluster.layout();
        let nodes = &self.nodes;
        let log_of = |id| {
            let process = &nodes[ClusterPlan::place(id)];
            process.is_up().then_some(&process.body.disk.log)
        };
        if budget::may_wipe(&layout, ClusterPlan::id(node), &nodes[node].body.disk.log, log_of) {
            self.nodes[node].body.disk.wipe();
            self.around.watch.restart.wiped(node);
            self.around.marks.hit("sim: a node was wiped");
            if self.dark_zone {
                self.around.marks.hit("sim: a node was wiped and a zone was dark in one run");
            }
        }
    }

    fn sync_overdue(&mut self, node: usize, done: Vec<crate::world::disk::Store>) {
        let life = self.nodes[node].body.life;
        for store in done {
            self.around.queue.push(self.around.queue.now(), Event::Synced { node: node as u8, life, store });
        }
    }

    /// Everything is put right: links, disks, wall clocks; who is down comes back, who stands still goes on.
    pub(super) fn heal(&mut self) {
        let now = self.around.now();
        self.phase = Phase::Healing;
        self.around.note(EVERYWHERE, Kind::Fault, || "everything is healed".to_owned());
        self.around.network.heal();
        for node in 0..self.nodes.len() {
            self.nodes[node].clock.heal_wall(now);
            let done = self.nodes[node].body.disk.heal();
            self.sync_overdue(node, done);
            self.nodes[node].paused = 1;
            self.resume(node);
            self.nodes[node].held_down = 0;
            let dying = self.nodes[node].stopping || self.nodes[node].body.fuse.is_some();
            if dying {
                self.kill(node, false);
            }
            if !self.nodes[node].is_up() {
                self.start(node);
            }
        }
        self.limit = now.plus(self.patience_ns());
        self.around.queue.push(now.plus(PROBE_NS), Event::Probe);
    }
}
