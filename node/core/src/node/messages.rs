//! What peers say, handed to whom it concerns.

use super::Node;
use crate::bugs::{Bugs, PlantedBug};
use crate::ids::{NodeId, ShardId, StorageId};
use crate::message::{Body, Message, Refusal};
use crate::world::World;
use bytes::Bytes;

impl Node {
    pub(super) fn message<W: World>(&mut self, from: NodeId, message: Message, world: &mut W) {
        if !self.numbering.is_new(from, message.incarnation, message.number) {
            crate::sometimes!(world, "a doubled or very late message is dropped");
            return;
        }
        self.hybrid.observe(message.stamp);
        if let Some(change) = self.liveness.heard(from, message.incarnation, self.now) {
            self.status_changed(change, world);
        }
        self.said(from, message.body, world);
    }

    fn said<W: World>(&mut self, from: NodeId, body: Body, world: &mut W) {
        match body {
            Body::Raft(messages) => {
                for (shard, message) in messages {
                    if let Some(replica) = self.replica_mut(shard) {
                        replica.receive(from, message, world);
                    }
                }
            }
            Body::Propose { shard, header, storages, payload } => {
                if let Err(refusal) = self.propose_here(shard, &storages, payload, world) {
                    self.send(from, Body::Proposed { request: header.id, shard, outcome: Err(refusal) }, world);
                }
            }
            Body::Proposed { request, shard, outcome } => {
                if request.home().is_some() {
                    self.share_done(request, shard, outcome, world);
                } else if request.incarnation == self.incarnation {
                    self.proposal_done(request.sequence, shard, outcome, world);
                }
            }
            Body::Read { request, shard, linearizable, command, .. } => {
                self.read_for_peer(from, request, shard, linearizable, command, world);
            }
            Body::ReadDone { request, result } => {
                if request.incarnation == self.incarnation {
                    self.read_done(request.sequence, result, world);
                }
            }
            Body::SchemaOffer { version, schema, round } => self.schema_offered(from, version, schema, round, world),
            Body::SchemaTaken { version, round } => self.schema_taken(from, version, round, world),
            Body::Snapshot { shard, part } => {
                if let Some(replica) = self.replicas.get_mut(shard.0 as usize).and_then(Option::as_mut) {
                    replica.receive_snapshot(from, part, world, &mut self.output);
                    self.touched.insert(shard);
                }
            }
            Body::SnapshotReceived { shard, stream, parts, complete, .. } => {
                if let Some(replica) = self.replicas.get_mut(shard.0 as usize).and_then(Option::as_mut) {
                    replica.snapshot_received(from, stream, parts, complete, world, &mut self.output);
                    self.touched.insert(shard);
                }
            }
            Body::Alive { leads, wall, echo } => self.liveness.alive(from, leads, wall, echo, world.clock()),
            Body::Relayed { from: origin, to, message } => self.relayed(origin, to, *message, world),
        }
    }

    /// Somebody's message on a detour: ours, or to be passed on.
    fn relayed<W: World>(&mut self, origin: NodeId, to: NodeId, message: Message, world: &mut W) {
        if to == self.me() {
            self.hybrid.observe(message.stamp);
            if message.body.may_be_relayed() {
                self.said(origin, message.body, world);
            }
        } else if self.liveness.is_alive(to) && self.config.layout.node(to).is_some() {
            let body = Body::Relayed { from: origin, to, message: Box::new(message) };
            self.send_directly(to, body, world);
        }
    }

    /// Append a command to a shard's log, if this node leads it and serves the schema that the command was planned with.
    pub(crate) fn propose_here<W: World>(
        &mut self,
        shard: ShardId,
        storages: &[StorageId],
        payload: Bytes,
        world: &mut W,
    ) -> Result<(), Refusal> {
        self.may_serve(shard, storages, world)?;
        self.catch_up(shard, world)?;
        self.append_here(shard, payload, world)
    }

    /// Append to a shard's log, if this node leads it.
    pub(super) fn append_here<W: World>(
        &mut self,
        shard: ShardId,
        payload: Bytes,
        world: &mut W,
    ) -> Result<(), Refusal> {
        let refusal = self.background.disk.refuses_writes(self.now);
        let (stamp, wall) = (self.hybrid, self.wall);
        let replica = self.replica_mut(shard).ok_or(Refusal::NoReplica)?;
        if let Some(refusal) = refusal
            && (replica.is_leader() || replica.is_only_one())
        {
            crate::sometimes!(world, "write refused by a disk");
            return Err(refusal);
        }
        let mut clock = stamp;
        clock.observe(replica.last_stamp());
        let stamp = clock.tick(wall);
        replica.propose(stamp, payload, world)?;
        self.hybrid.observe(stamp);
        Ok(())
    }

    /// A shard may be led only under a schema lease: then no definition can have finished without this node knowing of it.
    pub(crate) fn may_serve(&self, shard: ShardId, storages: &[StorageId], bugs: &impl Bugs) -> Result<(), Refusal> {
        if shard == ShardId::CATALOGUE {
            return Ok(());
        }
        if !self.catalogue_lease_valid() {
            return Err(Refusal::SchemaAhead);
        }
        storages.iter().try_for_each(|&storage| match self.catalogue.serves(storage) {
            Err(Refusal::SchemaAhead) if bugs.planted(PlantedBug::RetiredStorageServed) => Ok(()),
            answer => answer,
        })
    }
}
