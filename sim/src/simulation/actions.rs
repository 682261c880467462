//! What faults do to the world, action by action, and how all of it is put right again.

use super::{PROBE_NS, Phase, Simulation};
use crate::faults::{Action, budget};
use crate::plan::cluster::ClusterPlan;
use crate::record::{EVERYWHERE, Kind};
use crate::world::log_store::LogStore;
use crate::world::row_store::Rot;
use crate::world::surroundings::Event;
use crate::world::view::Body;
use trefoil_core::ids::ShardId;
use trefoil_core::replicate::Replica;
use trefoil_core::storage::Clearing;
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
            Action::FillDisk { node, log_ppm, rows_ppm } => self.nodes[node].body.disk.fill(log_ppm, rows_ppm),
            Action::BreakDisk { node, store } => {
                // A process that is down opens its stores anew.
                if self.nodes[node].is_up() {
                    self.nodes[node].body.disk.break_store(store);
                }
            }
            Action::RotRows { node, kind } => self.rot_rows(node, kind),
            Action::RotLog(node) => self.rot_log(node),
        }
    }

    /// A value of some shard goes bad under a node, running or not, if the shard can do without.
    fn rot_rows(&mut self, node: usize, kind: Rot) {
        let Some(shard) = self.pick_shard(node) else { return };
        if !self.may_lose(node, shard) {
            return;
        }
        let clearing = self.clearing(node, shard);
        let Body { disk, stream, .. } = &mut self.nodes[node].body;
        let keys = disk.rows.keys_of(clearing);
        if disk.rows.rot(&keys, kind, stream) {
            self.around.watch.restart.rotten(node, shard);
            self.around.marks.hit("sim: a stored value went bad");
        }
    }

    /// The log of some shard goes bad under a node that is down: it is read when the node starts.
    fn rot_log(&mut self, node: usize) {
        let Some(shard) = self.pick_shard(node) else { return };
        if !self.nodes[node].is_up() && self.may_lose(node, shard) && self.nodes[node].body.disk.log.rot(shard) {
            self.around.watch.restart.rotten(node, shard);
            self.around.marks.hit("sim: a log went bad");
        }
    }

    fn pick_shard(&mut self, node: usize) -> Option<ShardId> {
        let layout = self.plan.cluster.layout();
        let id = ClusterPlan::id(node);
        let shards: Vec<ShardId> = layout.shard_ids().filter(|&shard| layout.replicas(shard).contains(&id)).collect();
        (!shards.is_empty()).then(|| *self.nodes[node].body.stream.pick(&shards))
    }

    fn clearing(&self, node: usize, shard: ShardId) -> Clearing {
        Clearing::shard(shard, Replica::tokens(&self.plan.cluster.config(node), shard))
    }

    /// Whether a shard can do without the replica of this node.
    fn may_lose(&self, node: usize, shard: ShardId) -> bool {
        let layout = self.plan.cluster.layout();
        budget::may_lose(&layout, ClusterPlan::id(node), shard, &self.nodes[node].body.disk.log, |id| {
            self.whole_log(ClusterPlan::place(id), shard)
        })
    }

    /// The durable log of a node that is up and whose replica of the shard is whole.
    fn whole_log(&self, node: usize, shard: ShardId) -> Option<&LogStore> {
        let process = &self.nodes[node];
        let status = process.node.as_ref()?.status();
        let sound = status.replicas.iter().any(|replica| replica.shard == shard && replica.sound);
        let disk = &process.body.disk;
        let rotten = || disk.rows.was_rotten() && disk.rows.is_rotten(&disk.rows.keys_of(self.clearing(node, shard)));
        (sound && !disk.log.damaged().contains(&shard) && !rotten()).then_some(&disk.log)
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
        let (layout, id) = (self.plan.cluster.layout(), ClusterPlan::id(node));
        let mut shards = layout.shard_ids().filter(|&shard| layout.replicas(shard).contains(&id));
        if shards.all(|shard| self.may_lose(node, shard)) {
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
            let body = &self.nodes[node].body;
            let dying = self.nodes[node].stopping || body.fuse.is_some() || body.disk.is_broken();
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
