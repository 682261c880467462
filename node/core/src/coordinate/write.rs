//! A write: its mutations go to the leaders of their shards, each shard's share as one log entry, atomic and isolated. The client
//! is answered when every share is applied where it was ordered. Sent again until then, applied once (`deduplication`).

use super::call::{Call, DISK_BROKEN, Next, ONLY_REPLICA_DAMAGED};
use super::{Kind, Operation};
use crate::command::{BatchCommand, BatchShare, Command, CommandRef, Mutation, RequestHeader, WriteOutcome};
use crate::ids::{ShardId, StorageId};
use crate::message::{Body, Refusal};
use crate::node::Node;
use crate::replicate::Replica;
use crate::session::{Client, Options};
use crate::statement::WritePlan;
use crate::time::{HybridTime, Monotonic};
use crate::world::World;
use bytes::Bytes;
use std::collections::BTreeMap;
use trefoil_cql::protocol::consistency::Consistency;
use trefoil_cql::protocol::response::{CqlError, Failures, WriteType};

/// A write under way.
#[derive(Debug)]
pub(crate) struct WriteOperation {
    plan: WritePlan,
    options: Options,
    shares: Vec<Share>,
    outcome: WriteOutcome,
}

impl WriteOperation {
    /// A shard refused its share.
    fn refused(&mut self, index: usize, refusal: &Refusal, now: Monotonic) -> Next {
        let next = self.shares[index].call.refused(refusal, now);
        next.unless_begun(self.shares.iter().any(|share| share.done || share.call.in_doubt), now)
    }
}

/// What one shard has to do.
#[derive(Debug)]
struct Share {
    call: Call,
    header: RequestHeader,
    storages: Vec<StorageId>,
    payload: Bytes,
    done: bool,
}

impl Node {
    pub(crate) fn start_write<W: World>(&mut self, client: Client, plan: WritePlan, options: Options, world: &mut W) {
        if let Err(error) = self.check_write(&plan, options) {
            return self.reply_error(&client, error, world);
        }
        if self.must_read_lists(&plan) {
            return self.read_lists(client, plan, options, world);
        }
        let sequence = self.operations.allocate();
        let shares = match self.shares(sequence, &plan, &client) {
            Ok(shares) => shares,
            Err(error) => return self.reply_error(&client, error, world),
        };
        let count = shares.len();
        let operation = WriteOperation { plan, options, shares, outcome: WriteOutcome::Applied };
        self.operations.insert(sequence, Operation::new(client, Kind::Write(operation)), self.now);
        if count == 0 {
            return self.finish_write(sequence, world);
        }
        for share in 0..count {
            self.send_share(sequence, share, None, world);
        }
    }

    fn check_write(&self, plan: &WritePlan, options: Options) -> Result<(), CqlError> {
        if plan.is_conditional() {
            if !options.serial.is_serial() {
                return Err(CqlError::invalid(
                    "Invalid consistency for conditional update. Must be one of SERIAL or LOCAL_SERIAL",
                ));
            }
        } else if options.consistency.is_serial() {
            return Err(CqlError::invalid("You must use conditional updates for serializable writes"));
        } else if options.consistency == Consistency::Any && plan.reads_lists() {
            return Err(CqlError::invalid(
                "Write operation require a read but consistency ANY is not supported on reads",
            ));
        }
        Ok(())
    }

    /// Cut a write at shard borders.
    fn shares(&mut self, sequence: u64, plan: &WritePlan, client: &Client) -> Result<Vec<Share>, CqlError> {
        let mut by_shard: BTreeMap<ShardId, Vec<&Mutation>> = BTreeMap::new();
        for mutation in &plan.mutations {
            by_shard.entry(self.config.layout.shard_of(mutation.partition.token)).or_default().push(mutation);
        }
        for condition in &plan.conditions {
            by_shard.entry(self.config.layout.shard_of(condition.partition.token)).or_default();
        }
        if let Some(&shard) = by_shard.keys().find(|&&shard| self.unavailable(shard).is_some()) {
            let (required, alive) = self.replicas_alive(shard);
            return Err(CqlError::unavailable(Consistency::Quorum, required, alive));
        }
        let timeout = i64::try_from(client.deadline.since(self.now).as_micros()).unwrap_or(i64::MAX);
        let header = RequestHeader {
            id: self.request_id(sequence),
            answered_below: self.operations.answered_below().min(sequence),
            expires: HybridTime(self.hybrid_now().0.saturating_add(timeout)),
            schema: self.schema().version,
        };
        if by_shard.len() > 1 && plan.write_type == WriteType::Batch {
            return Ok(vec![batch_share(header, by_shard)]);
        }
        let shares = by_shard.into_iter().map(|(shard, mutations)| {
            let mut storages: Vec<StorageId> = mutations.iter().map(|mutation| mutation.table).collect();
            storages.extend(plan.conditions.iter().map(|condition| condition.table));
            storages.sort_unstable();
            storages.dedup();
            let command = CommandRef::Write { header, conditions: &plan.conditions, mutations: &mutations };
            Share { call: Call::new(shard), header, storages, payload: command.encode(), done: false }
        });
        Ok(shares.collect())
    }

    /// Send a share to who probably leads its shard, or to `to`.
    fn send_share<W: World>(&mut self, sequence: u64, index: usize, to: Option<crate::ids::NodeId>, world: &mut W) {
        let Some(share) = self.operations.write_mut(sequence).and_then(|write| write.shares.get(index)) else { return };
        let (shard, attempts) = (share.call.shard, share.call.attempts);
        let Some(target) = to.or_else(|| self.target(shard, attempts)) else { return };
        let me = self.me();
        self.trace_operation(sequence, || format!("Sending mutations of shard {} to node {}", shard.0, target.0));
        let Some(write) = self.operations.write_mut(sequence) else { return };
        let share = &mut write.shares[index];
        share.call.sent(target);
        let (header, payload) = (share.header, share.payload.clone());
        if target == me {
            let storages = std::mem::take(&mut share.storages);
            let refused = self.propose_here(shard, &storages, payload, world).err();
            if let Some(write) = self.operations.write_mut(sequence) {
                write.shares[index].storages = storages;
            }
            if let Some(refusal) = refused {
                self.proposal_done(sequence, shard, Err(refusal), world);
            }
        } else {
            let storages = share.storages.clone();
            self.send(target, Body::Propose { shard, header, storages, payload }, world);
        }
    }

    /// A shard answered for a write, or refused it.
    pub(crate) fn proposal_done<W: World>(
        &mut self,
        sequence: u64,
        shard: ShardId,
        outcome: Result<WriteOutcome, Refusal>,
        world: &mut W,
    ) {
        if shard == ShardId::CATALOGUE {
            return self.definition_done(sequence, outcome, world);
        }
        let now = self.now;
        self.trace_operation(sequence, || match &outcome {
            Ok(WriteOutcome::Applied) => format!("Applied in shard {}", shard.0),
            Ok(WriteOutcome::Rejected { .. }) => format!("Conditions do not hold in shard {}", shard.0),
            Ok(outcome) => format!("Not applied in shard {}: {outcome:?}", shard.0),
            Err(refusal) => format!("Refused by shard {}: {refusal:?}", shard.0),
        });
        let Some(write) = self.operations.write_mut(sequence) else { return };
        let Some(index) = write.shares.iter().position(|share| share.call.shard == shard && !share.done) else {
            return;
        };
        match outcome {
            // Expired: the entry came too late, so the client's deadline is here or near. It will be told that it timed out.
            Ok(WriteOutcome::Expired) => {}
            Ok(WriteOutcome::Gone(schema)) => {
                write.shares[index].call.in_doubt = false;
                self.replan_write(sequence, schema, world);
            }
            Ok(outcome) => {
                write.shares[index].done = true;
                if outcome != WriteOutcome::Applied {
                    write.outcome = outcome;
                }
                if write.shares.iter().all(|share| share.done) {
                    self.finish_write(sequence, world);
                }
            }
            Err(refusal) => match write.refused(index, &refusal, now) {
                Next::Send(to) => self.send_share(sequence, index, Some(to), world),
                Next::Later(at) => self.operations.look_at(sequence, at),
                Next::Replan(version) => self.replan_write(sequence, version, world),
                Next::Overloaded => self.fail(sequence, CqlError::overloaded("The shard has too much to do"), world),
                Next::DiskFull => {
                    let error = CqlError::overloaded("The disk is full: writes are refused until there is space again");
                    self.fail(sequence, error, world);
                }
                Next::DiskBroken => self.fail(sequence, CqlError::server(DISK_BROKEN), world),
                Next::Lost => {
                    let (consistency, write_type) = (write.options.consistency, write.plan.write_type);
                    let error = CqlError::WriteFailure {
                        consistency,
                        received: 0,
                        required: 1,
                        failures: Failures::Count(1),
                        write_type,
                        message: ONLY_REPLICA_DAMAGED.into(),
                    };
                    self.fail(sequence, error, world);
                }
            },
        }
    }

    fn finish_write<W: World>(&mut self, sequence: u64, world: &mut W) {
        let Some(Operation { client, kind: Kind::Write(write), .. }) = self.operations.remove(sequence) else { return };
        match write.plan.answer(write.outcome) {
            Ok(answer) => {
                self.sessions.counters.writes += 1;
                self.reply(&client, answer.encode(&client.options()), world);
            }
            Err(error) => self.reply_error(&client, error, world),
        }
    }

    pub(super) fn fail<W: World>(&mut self, sequence: u64, error: CqlError, world: &mut W) {
        if let Some(operation) = self.operations.remove(sequence) {
            self.reply_error(&operation.client, error, world);
        }
    }

    /// A share of a write names a table that is gone. The whole is planned again, unless a share may have had its effect: that would
    /// have it twice.
    fn replan_write<W: World>(&mut self, sequence: u64, schema: crate::ids::SchemaVersion, world: &mut W) {
        let Some(write) = self.operations.write_mut(sequence) else { return };
        if write.shares.iter().any(|share| share.done || share.call.in_doubt) {
            let error = CqlError::write_timeout(write.options.consistency, 0, 1, write.plan.write_type);
            return self.fail(sequence, error, world);
        }
        self.replan(sequence, schema, world);
    }

    /// Take a request apart again: its plan was made with a schema that is gone.
    pub(super) fn replan<W: World>(&mut self, sequence: u64, version: crate::ids::SchemaVersion, world: &mut W) {
        let Some(operation) = self.operations.remove(sequence) else { return };
        crate::sometimes!(world, "request planned again");
        if self.schema().version >= version {
            self.request_again(operation.client, world);
        } else {
            self.wait_for_schema(operation.client, world);
        }
    }

    pub(super) fn resend_write<W: World>(&mut self, sequence: u64, world: &mut W) {
        let Some(write) = self.operations.write_mut(sequence) else { return };
        let open: Vec<usize> = (0..write.shares.len()).filter(|&index| !write.shares[index].done).collect();
        for index in open {
            self.send_share(sequence, index, None, world);
        }
    }

    /// What the client of a write is told at its deadline.
    pub(super) fn write_gave_up(&self, write: &WriteOperation) -> CqlError {
        let open = write.shares.iter().find(|share| !share.done);
        let shard = open.map_or(ShardId::CATALOGUE, |share| share.call.shard);
        let (required, alive) = self.replicas_alive(shard);
        let consistency = write.options.consistency;
        let in_doubt = write.shares.iter().any(|share| share.call.in_doubt || share.done);
        if !in_doubt && alive < required {
            return CqlError::unavailable(consistency, required, alive);
        }
        if write.plan.is_conditional() {
            return CqlError::write_timeout(write.options.serial, required - 1, required, WriteType::Cas);
        }
        CqlError::write_timeout(consistency, required - 1, required, write.plan.write_type)
    }
}

/// A logged batch over several shards goes to one of them, which will have all of it done.
fn batch_share(header: RequestHeader, by_shard: BTreeMap<ShardId, Vec<&Mutation>>) -> Share {
    let shares: Vec<BatchShare> = by_shard
        .into_iter()
        .map(|(shard, mutations)| BatchShare { shard, mutations: mutations.into_iter().cloned().collect() })
        .collect();
    let home = shares[0].shard;
    let storages = shares.iter().flat_map(BatchShare::storages).collect();
    let payload = Replica::encode(&Command::Batch(BatchCommand { header, shares }));
    Share { call: Call::new(home), header, storages, payload, done: false }
}

impl super::Operations {
    fn write_mut(&mut self, sequence: u64) -> Option<&mut WriteOperation> {
        match self.table.get_mut(&sequence)? {
            Operation { kind: Kind::Write(write), .. } => Some(write),
            _ => None,
        }
    }
}
