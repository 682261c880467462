//! Delivering the shares of logged batches that were decided in shards led here (`replicate::batch`): each is proposed to its shard
//! until that has applied it; when all have, the home shard's log is told, and the coordinator.

use super::call::{Call, Next, RESEND_AFTER};
use crate::bugs::PlantedBug;
use crate::command::{BatchShare, Command, CommandRef, RequestHeader, WriteOutcome};
use crate::ids::{NodeId, RequestId, ShardId};
use crate::message::{Body, Refusal};
use crate::node::Node;
use crate::replicate::Replica;
use crate::time::{HybridTime, Monotonic};
use crate::world::World;
use std::collections::BTreeMap;

/// Batches being delivered, by home shard and log index.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    batches: BTreeMap<(ShardId, u64), Vec<Delivery>>,
}

#[derive(Debug)]
struct Delivery {
    share: BatchShare,
    call: Call,
    due: Monotonic,
    done: bool,
}

impl Node {
    /// Begin to deliver what the home shard remembers and nobody delivers yet, if it is led here; otherwise stop.
    pub(crate) fn deliver_batches<W: World>(&mut self, home: ShardId, world: &mut W) {
        let Some(replica) = self.replica(home) else { return };
        if !replica.is_leader() {
            self.deliveries.batches.retain(|(shard, _), _| *shard != home);
            return;
        }
        let now = self.now;
        let fresh: Vec<(u64, Vec<Delivery>)> = (replica.state().batches.iter())
            .filter(|(batch, _)| !self.deliveries.batches.contains_key(&(home, **batch)))
            .map(|(&batch, pending)| {
                let delivery = |share: &BatchShare| Delivery {
                    share: share.clone(),
                    call: Call::new(share.shard),
                    due: now,
                    done: false,
                };
                (batch, pending.shares.iter().map(delivery).collect())
            })
            .collect();
        for (batch, deliveries) in fresh {
            if !self.replica(home).is_some_and(|replica| replica.decided(batch)) {
                crate::sometimes!(world, "batch taken up by another leader");
                if world.planted(PlantedBug::BatchNotTakenUp) {
                    continue;
                }
            }
            self.deliveries.batches.insert((home, batch), deliveries);
            self.deliver(home, batch, world);
        }
    }

    /// Send again what is overdue.
    pub(crate) fn deliveries_due<W: World>(&mut self, world: &mut W) {
        let keys: Vec<(ShardId, u64)> = self.deliveries.batches.keys().copied().collect();
        for (home, batch) in keys {
            self.deliver(home, batch, world);
        }
    }

    fn deliver<W: World>(&mut self, home: ShardId, batch: u64, world: &mut W) {
        let Some(replica) = self.replica(home) else { return };
        let oldest = replica.state().batches.keys().next().copied().unwrap_or(batch);
        let header = RequestHeader {
            id: RequestId::of_batch(home, batch),
            answered_below: oldest.min(batch),
            // It was decided: however late, it will be applied.
            expires: HybridTime(i64::MAX),
            schema: self.schema().version,
        };
        let count = self.deliveries.batches.get(&(home, batch)).map_or(0, Vec::len);
        for index in 0..count {
            self.deliver_share(home, batch, index, header, world);
        }
        self.finish_delivery(home, batch, world);
    }

    fn deliver_share<W: World>(
        &mut self,
        home: ShardId,
        batch: u64,
        index: usize,
        header: RequestHeader,
        world: &mut W,
    ) {
        let (now, me) = (self.now, self.me());
        let Some(delivery) = self.deliveries.batches.get(&(home, batch)).and_then(|batch| batch.get(index)) else {
            return;
        };
        if delivery.done || delivery.due > now {
            return;
        }
        let (shard, attempts) = (delivery.share.shard, delivery.call.attempts);
        let Some(target) = self.target(shard, attempts) else { return };
        let Some(delivery) = self.deliveries.batches.get_mut(&(home, batch)).and_then(|batch| batch.get_mut(index))
        else {
            return;
        };
        delivery.call.sent(target);
        delivery.due = now.plus(RESEND_AFTER);
        let mutations: Vec<_> = delivery.share.mutations.iter().collect();
        let payload = CommandRef::Write { header, conditions: &[], mutations: &mutations }.encode();
        let storages = delivery.share.storages();
        if target != me {
            return self.send(target, Body::Propose { shard, header, storages, payload }, world);
        }
        if let Err(refusal) = self.propose_here(shard, &storages, payload, world) {
            self.share_done(header.id, shard, Err(refusal), world);
        }
    }

    /// A shard has applied a share, or refused it.
    pub(crate) fn share_done<W: World>(
        &mut self,
        request: RequestId,
        shard: ShardId,
        outcome: Result<WriteOutcome, Refusal>,
        world: &mut W,
    ) {
        let Some(home) = request.home() else { return };
        let (now, batch) = (self.now, request.sequence);
        let Some(deliveries) = self.deliveries.batches.get_mut(&(home, batch)) else { return };
        let Some(delivery) = deliveries.iter_mut().find(|delivery| delivery.share.shard == shard) else { return };
        match outcome {
            Ok(_) => delivery.done = true,
            Err(refusal) => match delivery.call.refused(&refusal, now) {
                // The table is gone since the batch was decided, and the share's rows with it.
                Next::Replan(_) => delivery.done = true,
                Next::Send(_) => delivery.due = now,
                Next::Later(at) => delivery.due = at,
                Next::Overloaded | Next::DiskFull | Next::DiskBroken | Next::Lost => {
                    delivery.due = now.plus(RESEND_AFTER);
                }
            },
        }
        self.finish_delivery(home, batch, world);
    }

    fn finish_delivery<W: World>(&mut self, home: ShardId, batch: u64, world: &mut W) {
        let Some(deliveries) = self.deliveries.batches.get(&(home, batch)) else { return };
        if deliveries.is_empty() || !deliveries.iter().all(|delivery| delivery.done) {
            return;
        }
        let payload = Replica::encode(&Command::BatchDone { batch });
        // What is refused now (a full disk, a lapsed lease) is said again later. If the proposal is lost with the leadership, the next
        // leader delivers again, to shards that know the shares already.
        if self.propose_here(home, &[], payload, world).is_ok()
            && let Some(deliveries) = self.deliveries.batches.get_mut(&(home, batch))
        {
            deliveries.clear();
        }
    }

    /// The home shard's log says that a batch is done.
    pub(crate) fn batch_done<W: World>(&mut self, home: ShardId, batch: u64, request: RequestId, world: &mut W) {
        self.deliveries.batches.remove(&(home, batch));
        let leads = self.replica(home).is_some_and(|replica| replica.is_leader());
        self.answer_request(request, home, WriteOutcome::Applied, leads, world);
    }

    /// Tell whoever asked what became of a request: this node's operation, a peer's, or the leader of a batch's home.
    pub(crate) fn answer_request<W: World>(
        &mut self,
        request: RequestId,
        shard: ShardId,
        outcome: WriteOutcome,
        leads: bool,
        world: &mut W,
    ) {
        if let Some(home) = request.home() {
            if !leads {
                return;
            }
            let me = self.me();
            for replica in self.config.layout.replicas(home) {
                if replica == me {
                    self.share_done(request, shard, Ok(outcome.clone()), world);
                } else {
                    self.answer(replica, request, shard, outcome.clone(), world);
                }
            }
        } else if request.node != self.me() {
            if leads {
                self.answer(request.node, request, shard, outcome, world);
            }
        } else if request.incarnation == self.incarnation {
            self.proposal_done(request.sequence, shard, Ok(outcome), world);
        }
    }

    fn answer<W: World>(
        &mut self,
        to: NodeId,
        request: RequestId,
        shard: ShardId,
        outcome: WriteOutcome,
        world: &mut W,
    ) {
        self.send(to, Body::Proposed { request, shard, outcome: Ok(outcome) }, world);
    }
}
