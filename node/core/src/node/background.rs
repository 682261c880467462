//! What a node does by itself: says that it is alive, flushes memtables, watches its clock and its disk, looks after shards whose
//! leader fell silent, and stops in good order.

use super::Node;
use super::disk::DiskWatch;
use super::reclaim::Reclaim;
use crate::ids::{NodeId, ShardId};
use crate::message::Body;
use crate::replicate::RaftEnvironment;
use crate::time::Monotonic;
use crate::world::World;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often skew and flushes are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long an applied entry waits for a flush at most when the log is full.
const FLUSH_FOR_SPACE: Duration = Duration::from_secs(1);
/// How long a stopping node waits for its leaderships to be taken over.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// What a node remembers of its own housekeeping.
#[derive(Clone, Debug, Default)]
pub(crate) struct Background {
    started: Option<Monotonic>,
    next_look: Monotonic,
    /// Replicas that were not done at the last settle.
    come_back: BTreeSet<ShardId>,
    pub(super) disk: DiskWatch,
    flush_catalogue: bool,
    clock_wrong: bool,
    stopping: Option<Monotonic>,
    pub(super) reclaim: Reclaim,
}

impl Background {
    pub(super) fn come_back(&mut self, shard: ShardId) {
        self.come_back.insert(shard);
    }

    pub(super) fn take_come_back(&mut self) -> BTreeSet<ShardId> {
        std::mem::take(&mut self.come_back)
    }

    pub(crate) fn flush_catalogue(&mut self) {
        self.flush_catalogue = true;
    }

    /// How long the node has been running.
    pub(crate) fn up_for(&self, now: Monotonic) -> Duration {
        self.started.map_or(Duration::ZERO, |started| now.since(started))
    }

    /// Whether the node's wall clock is too far from the others'.
    pub(crate) fn clock_is_wrong(&self) -> bool {
        self.clock_wrong
    }
}

impl Node {
    pub(super) fn run_background<W: World>(&mut self, world: &mut W) {
        self.background.started.get_or_insert(self.now);
        self.run_catalogue(world);
        if self.background.flush_catalogue {
            self.background.flush_catalogue = false;
            if let Some(replica) = self.replica_mut(ShardId::CATALOGUE) {
                replica.flush(world);
            }
        }
        if self.now < self.background.next_look {
            return;
        }
        self.background.next_look = self.now.plus(LOOK_INTERVAL);
        self.say_alive(world);
        for change in self.liveness.silent(self.now) {
            self.status_changed(change, world);
        }
        self.watch_clock(world);
        self.flush_memtables(world);
        self.deliveries_due(world);
        self.run_reclaim(world);
    }

    pub(super) fn background_wake(&self) -> Monotonic {
        let look = if self.config.layout.nodes.len() == 1 { self.alone_wake() } else { self.background.next_look };
        look.min(self.catalogue_wake())
    }

    /// A node alone has nobody to call: it looks when a memtable becomes old.
    fn alone_wake(&self) -> Monotonic {
        let age = self.memtable_age();
        let stale = self.replicas.iter().flatten().filter_map(|replica| replica.stale_at(age)).min();
        let idle = self.now.plus(Duration::from_secs(1));
        stale.map_or(idle, |at| at.min(idle)).max(self.background.next_look)
    }

    fn say_alive<W: World>(&mut self, world: &mut W) {
        let Some(calls) = self.liveness.calls(self.now) else { return };
        let leads: Vec<ShardId> = (self.replicas.iter().flatten())
            .filter(|replica| replica.is_leader())
            .map(|replica| replica.store().shard())
            .collect();
        for (to, echo) in calls {
            let wall = world.clock().wall.0;
            self.send(to, Body::Alive { leads: leads.clone(), wall, echo }, world);
        }
    }

    /// A node whose clock is too far off stops leading and says so: its stamps would run ahead of everybody, or its reads judge
    /// expiry wrongly.
    fn watch_clock<W: World>(&mut self, world: &mut W) {
        let Some(offset) = self.liveness.clock_offset() else { return };
        let allowed = i64::try_from(self.config.tuning.max_clock_skew.as_micros()).unwrap_or(i64::MAX);
        let wrong = offset.abs() > allowed;
        if wrong == self.background.clock_wrong {
            return;
        }
        self.background.clock_wrong = wrong;
        if wrong {
            crate::sometimes!(world, "clock found wrong");
            tracing::error!(
                offset_ms = offset / 1_000,
                "this node's clock is further off than max_clock_skew: it stops leading shards"
            );
        } else {
            tracing::info!(offset_ms = offset / 1_000, "this node's clock is right again");
        }
        let may_lead = !wrong && !self.background.disk.is_broken();
        for replica in self.replicas.iter_mut().flatten() {
            replica.raft().set_may_lead(may_lead, &mut RaftEnvironment(world));
        }
        self.touch_all();
    }

    /// A full log is cut as soon as what it holds is in the rows.
    fn memtable_age(&self) -> Duration {
        let age = self.config.tuning.memtable_age;
        if self.background.disk.log_is_full() { age.min(FLUSH_FOR_SPACE) } else { age }
    }

    /// The largest memtable goes when all together are too large; an old one goes anyway.
    fn flush_memtables<W: World>(&mut self, world: &mut W) {
        let limit = self.config.tuning.memtable_bytes;
        let age = self.memtable_age();
        let mut total: u64 = self.replicas.iter().flatten().map(|replica| replica.flushable_bytes()).sum();
        while total > limit {
            let largest = self.replicas.iter_mut().flatten().max_by_key(|replica| replica.flushable_bytes());
            let Some(replica) = largest.filter(|replica| replica.flushable_bytes() > 0) else { break };
            total -= replica.flushable_bytes();
            if !replica.flush(world) {
                break;
            }
        }
        for replica in self.replicas.iter_mut().flatten() {
            if replica.is_stale(self.now, age) {
                replica.flush(world);
            }
        }
    }

    /// A node fell silent: shards that it led and that are idle would not notice.
    pub(crate) fn leader_suspected<W: World>(&mut self, node: NodeId, world: &mut W) {
        for replica in self.replicas.iter_mut().flatten() {
            if replica.leader() == Some(node) {
                replica.raft().leader_suspected(&mut RaftEnvironment(world));
            }
        }
        self.touch_all();
    }

    /// A node came back, perhaps without what it had: leaders of idle shards speak to it, so that its replicas there learn of them.
    pub(crate) fn wake_shards_of<W: World>(&mut self, node: NodeId, world: &mut W) {
        let layout = &self.config.layout;
        for replica in self.replicas.iter_mut().flatten().filter(|replica| replica.is_leader()) {
            if layout.replicas(replica.store().shard()).contains(&node) {
                replica.raft().read(u64::MAX, &mut RaftEnvironment(world));
            }
        }
        self.touch_all();
    }

    /// Hand leaderships over and flush.
    pub(super) fn begin_shutdown<W: World>(&mut self, world: &mut W) {
        self.background.stopping = Some(self.now);
        for replica in self.replicas.iter_mut().flatten() {
            replica.flush(world);
            if replica.is_leader() && self.config.layout.nodes.len() > 1 {
                replica.raft().step_down(&mut RaftEnvironment(world));
            }
        }
        self.touch_all();
    }

    /// After `Input::Shutdown`: whether nothing is left to wait for.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        let Some(since) = self.background.stopping else { return false };
        let idle = self.operations.count() == 0
            && self.submitted.is_empty()
            && self.replicas.iter().flatten().all(|replica| !replica.is_flushing())
            && (self.config.layout.nodes.len() == 1
                || self.replicas.iter().flatten().all(|replica| !replica.is_leader()));
        idle || self.now.since(since) > SHUTDOWN_PATIENCE
    }
}
