//! What a node does once per batch of inputs: let every replica that has something to do go on, carry out what comes of it, and
//! hand all of it to the world at once. That is where group commit and message coalescing come from.

use super::Node;
use crate::ids::{NodeId, ShardId};
use crate::message::Body;
use crate::raft::{RaftMessage, Role, RoleChange};
use crate::replicate::ReplicaEvent;
use crate::time::Monotonic;
use crate::world::{Batch, World};
use std::collections::BTreeMap;

/// Rounds of one settle: events lead to new work, and each round does it for all shards. What is left waits for the next.
const ROUNDS_MAX: usize = 8;

impl Node {
    /// A batch of inputs is through: do what follows from it.
    pub fn settle<W: World>(&mut self, world: &mut W) {
        self.read_clock(world);
        self.touch_due();
        self.operations_due(world);
        self.run_background(world);
        let mut unfinished = false;
        for _ in 0..ROUNDS_MAX {
            if self.touched.is_empty() && self.output.events.is_empty() {
                break;
            }
            for shard in std::mem::take(&mut self.touched) {
                if let Some(replica) = self.replicas[shard.0 as usize].as_mut() {
                    self.output.unfinished = false;
                    replica.advance(world, &mut self.output);
                    if self.output.unfinished {
                        unfinished = true;
                        self.background.come_back(shard);
                    }
                }
            }
            for (shard, event) in std::mem::take(&mut self.output.events) {
                self.event(shard, event, world);
            }
        }
        unfinished |= !self.touched.is_empty() || !self.output.events.is_empty();
        self.emit(world);
        world.wake(if unfinished || self.operations.has_ready() { self.now } else { self.next_wake() });
    }

    /// Replicas whose time has come.
    fn touch_due(&mut self) {
        let now = self.now;
        let come_back = self.background.take_come_back();
        self.touched.extend(come_back);
        for replica in self.replicas.iter().flatten() {
            let due = |at: Option<Monotonic>| at.is_some_and(|at| at <= now);
            if due(replica.next_wake()) || due(replica.snapshot_wake()) {
                self.touched.insert(replica.store().shard());
            }
        }
    }

    fn event<W: World>(&mut self, shard: ShardId, event: ReplicaEvent, world: &mut W) {
        match event {
            ReplicaEvent::Applied { header, outcome } => {
                if shard == ShardId::CATALOGUE {
                    if self.replica(shard).is_some_and(|replica| replica.is_leader()) {
                        self.definition_applied(header, outcome, world);
                    }
                } else {
                    let leads = self.replica(shard).is_some_and(|replica| replica.is_leader());
                    self.answer_request(header.id, shard, outcome, leads, world);
                }
            }
            ReplicaEvent::BatchDecided => self.deliver_batches(shard, world),
            ReplicaEvent::BatchDone { batch, request } => self.batch_done(shard, batch, request, world),
            ReplicaEvent::ReadReady(id) => self.parked_read_ready(id, world),
            ReplicaEvent::ReadFailed(id) => self.parked_read_failed(id, world),
            ReplicaEvent::Role(change) => self.role_changed(shard, change, world),
            ReplicaEvent::Schema => self.schema_committed(world),
        }
    }

    fn role_changed<W: World>(&mut self, shard: ShardId, change: RoleChange, world: &mut W) {
        if change.role == Role::Leader {
            // A read that the former leader served late in its lease was judged at a time at most this far ahead of what its
            // voters have seen (`WallDiscipline`): expiry must not reverse. Only reads are judged later: if stamps jumped with
            // every election, a node that takes over several shards would run ahead of the expiry of requests under way.
            let ahead = i64::try_from(self.config.tuning.election_timeout.as_micros()).unwrap_or(i64::MAX) * 2;
            if self.config.layout.nodes.len() > 1 {
                let bound = crate::time::HybridTime(self.hybrid_now().0.saturating_add(ahead));
                self.read_floor = self.read_floor.max(bound);
            }
            tracing::debug!(%shard, term = %change.term, "leads");
        }
        if shard == ShardId::CATALOGUE {
            self.catalogue_role_changed(change.role == Role::Leader);
        }
        self.deliver_batches(shard, world);
    }

    /// Hand everything collected to the world.
    fn emit<W: World>(&mut self, world: &mut W) {
        if !self.output.log_ops.is_empty() {
            let ticket = world.persist(Batch::Log(std::mem::take(&mut self.output.log_ops)));
            self.submitted.insert(ticket, std::mem::take(&mut self.output.sequences));
        }
        if !self.output.raft.is_empty() {
            let mut by_peer: BTreeMap<NodeId, Vec<(ShardId, RaftMessage)>> = BTreeMap::new();
            for (to, shard, message) in self.output.raft.drain(..) {
                by_peer.entry(to).or_default().push((shard, message));
            }
            for (to, messages) in by_peer {
                self.send(to, Body::Raft(messages), world);
            }
        }
        for (to, body) in std::mem::take(&mut self.output.bodies) {
            self.send(to, body, world);
        }
    }

    fn next_wake(&self) -> Monotonic {
        let replicas = self
            .replicas
            .iter()
            .flatten()
            .flat_map(|replica| [replica.next_wake(), replica.snapshot_wake()])
            .flatten()
            .min();
        let operations = self.operations.next_wake();
        let background = self.background_wake();
        [replicas, operations, Some(background)].into_iter().flatten().min().unwrap_or(background)
    }
}
