//! The node: all that a world sees. It is told what happened (`step`), and when a batch of inputs is through (`settle`) it says
//! what it wants: one log batch, one message per peer and shard, replies. Everything in here is bookkeeping; decisions are made
//! in the modules it ties together.
//!
//! A world calls `step` for each input it has, then `settle` once. It must call `settle` before it blocks.

mod background;
mod disk;
mod messages;
mod reclaim;
mod settle;
mod start;
mod status;

pub use start::Saved;
pub use status::NodeStatus;

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::coordinate::{Deliveries, Operations};
use crate::ids::{Incarnation, NodeId, ShardId, Ticket};
use crate::membership::liveness::Liveness;
use crate::membership::numbering::Numbering;
use crate::message::{Body, Message};
use crate::raft::PersistSequence;
use crate::replicate::{Output, Replica};
use crate::session::Sessions;
use crate::time::{HybridClock, HybridTime, Monotonic, WallClock, WallDiscipline};
use crate::world::{Input, World};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A node. Single-threaded, deterministic: what it does is a function of its inputs.
#[derive(Debug)]
pub struct Node {
    pub(crate) config: Arc<Config>,
    pub(crate) incarnation: Incarnation,
    pub(crate) hybrid: HybridClock,
    /// Reads are judged at this time at least: former leaders may have judged theirs as late.
    pub(crate) read_floor: HybridTime,
    discipline: WallDiscipline,
    /// Time in this step.
    pub(crate) now: Monotonic,
    /// The disciplined wall clock in this step.
    pub(crate) wall: WallClock,
    replicas: Vec<Option<Replica>>,
    /// Shards whose replica has something to do at the next `settle`.
    touched: BTreeSet<ShardId>,
    pub(crate) output: Output,
    /// Log batches on their way to the disk.
    submitted: BTreeMap<Ticket, Vec<(ShardId, PersistSequence)>>,
    pub(crate) liveness: Liveness,
    numbering: Numbering,
    pub(crate) catalogue: Catalogue,
    pub(crate) operations: Operations,
    pub(crate) deliveries: Deliveries,
    pub(crate) sessions: Sessions,
    pub(crate) background: background::Background,
}

impl Node {
    /// Tell what happened.
    pub fn step<W: World>(&mut self, input: Input, world: &mut W) {
        self.read_clock(world);
        match input {
            Input::Connected { conn, remote } => self.sessions.connected(conn, remote),
            Input::Request { conn, envelope } => self.request(conn, envelope, world),
            Input::Disconnected { conn } => self.sessions.disconnected(conn),
            Input::Message { from, message } => self.message(from, message, world),
            Input::Durable { ticket } => self.durable(ticket, world),
            Input::PersistFailed { ticket, failure } => self.persist_failed(ticket, failure, world),
            Input::Wake => {}
            Input::Shutdown => self.begin_shutdown(world),
        }
    }

    fn read_clock<W: World>(&mut self, world: &W) {
        let clock = world.clock();
        self.now = clock.monotonic;
        self.wall = self.discipline.read(clock);
    }

    /// The hybrid time now, without using up a stamp.
    #[must_use]
    pub(crate) fn hybrid_now(&self) -> HybridTime {
        self.hybrid.read(self.wall)
    }

    /// This node.
    #[must_use]
    pub(crate) fn me(&self) -> NodeId {
        self.config.node
    }

    /// The replica of a shard here, to change it: it will be looked after at the next `settle`.
    pub(crate) fn replica_mut(&mut self, shard: ShardId) -> Option<&mut Replica> {
        let replica = self.replicas.get_mut(shard.0 as usize)?.as_mut()?;
        self.touched.insert(shard);
        Some(replica)
    }

    /// The replica of a shard here.
    #[must_use]
    pub(crate) fn replica(&self, shard: ShardId) -> Option<&Replica> {
        self.replicas.get(shard.0 as usize)?.as_ref()
    }

    /// Send to a peer now; raft's messages are collected in `output` instead.
    pub(crate) fn send<W: World>(&mut self, to: NodeId, body: Body, world: &mut W) {
        debug_assert_ne!(to, self.config.node, "a node does not talk to itself through the world");
        let way = if body.may_be_relayed() { self.liveness.detour(to) } else { None };
        let Some(way) = way else { return self.send_directly(to, body, world) };
        crate::sometimes!(world, "a message takes a detour");
        let message = Message { stamp: self.hybrid_now(), incarnation: self.incarnation, number: 0, body };
        let body = Body::Relayed { from: self.me(), to, message: Box::new(message) };
        self.send_directly(way, body, world);
    }

    fn send_directly<W: World>(&mut self, to: NodeId, body: Body, world: &mut W) {
        let number = self.numbering.next(to);
        world.send(to, Message { stamp: self.hybrid_now(), incarnation: self.incarnation, number, body });
    }

    fn durable<W: World>(&mut self, ticket: Ticket, world: &mut W) {
        if self.submitted.contains_key(&ticket) {
            self.background.disk.log_works();
            // A world may report only the last of the batches that became durable together.
            let later = self.submitted.split_off(&Ticket(ticket.0 + 1));
            for (shard, sequence) in std::mem::replace(&mut self.submitted, later).into_values().flatten() {
                if let Some(replica) = self.replica_mut(shard) {
                    replica.durable(sequence, world);
                }
            }
            return;
        }
        self.background.disk.rows_work();
        for replica in self.replicas.iter_mut().flatten() {
            replica.rows_durable(ticket, world, &mut self.output);
        }
        self.touch_all();
    }

    fn touch_all(&mut self) {
        self.touched.extend(self.replicas.iter().flatten().map(|replica| replica.store().shard()));
    }
}
