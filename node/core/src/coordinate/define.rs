//! A definition: one entry in the catalogue's log. Its leader answers only when every node that may serve clients serves the new
//! schema, so when the client hears of it, it is true everywhere.

use super::call::{Call, DISK_BROKEN, Next, ONLY_REPLICA_DAMAGED};
use super::{Kind, Operation};
use crate::command::{Command, RequestHeader, SchemaCommand, WriteOutcome};
use crate::ids::{NodeId, ShardId};
use crate::message::{Body, Refusal};
use crate::node::Node;
use crate::replicate::Replica;
use crate::schema::{Definition, SchemaError};
use crate::session::Client;
use crate::statement::Answer;
use crate::time::HybridTime;
use crate::world::World;
use bytes::Bytes;
use std::time::Duration;
use trefoil_cql::protocol::consistency::Consistency;
use trefoil_cql::protocol::response::{CqlError, SchemaChange, WriteType};

/// Definitions may have to wait for the lease of a node that died: longer than other requests.
const PATIENCE: Duration = Duration::from_secs(10);

/// A definition under way.
#[derive(Debug)]
pub(crate) struct DefineOperation {
    call: Call,
    header: RequestHeader,
    payload: Bytes,
    change: Option<SchemaChange>,
}

impl Node {
    pub(crate) fn start_definition<W: World>(&mut self, mut client: Client, definition: &Definition, world: &mut W) {
        if let Some((required, alive)) = self.unavailable(ShardId::CATALOGUE) {
            let error = CqlError::unavailable(Consistency::Quorum, required, alive);
            return self.reply_error(&client, error, world);
        }
        let warnings = definition.warnings(self.schema(), self.config.layout.nodes.len());
        if !warnings.is_empty() {
            client.attachments.get_or_insert_with(Box::default).warnings = warnings;
        }
        client.deadline = self.now.plus(PATIENCE.max(self.config.tuning.request_timeout));
        let patience = i64::try_from(client.deadline.since(self.now).as_micros()).unwrap_or(i64::MAX);
        let sequence = self.operations.allocate();
        let header = RequestHeader {
            id: self.request_id(sequence),
            answered_below: self.operations.answered_below().min(sequence),
            expires: HybridTime(self.hybrid_now().0.saturating_add(patience)),
            schema: self.schema().version,
        };
        let encoded = Bytes::from(definition.encode());
        let payload = Replica::encode(&Command::Schema(SchemaCommand { header, definition: encoded }));
        let call = Call::new(ShardId::CATALOGUE);
        let define = DefineOperation { call, header, payload, change: definition.change() };
        self.operations.insert(sequence, Operation::new(client, Kind::Define(define)), self.now);
        self.send_definition(sequence, None, world);
    }

    fn send_definition<W: World>(&mut self, sequence: u64, to: Option<NodeId>, world: &mut W) {
        let Some(attempts) = self.operations.definition_mut(sequence).map(|define| define.call.attempts) else {
            return;
        };
        let Some(target) = to.or_else(|| self.target(ShardId::CATALOGUE, attempts)) else { return };
        let me = self.me();
        let Some(define) = self.operations.definition_mut(sequence) else { return };
        define.call.sent(target);
        let (header, payload) = (define.header, define.payload.clone());
        if target == me {
            if let Err(refusal) = self.propose_here(ShardId::CATALOGUE, &[], payload, world) {
                self.definition_done(sequence, Err(refusal), world);
            }
        } else {
            let body = Body::Propose { shard: ShardId::CATALOGUE, header, storages: Vec::new(), payload };
            self.send(target, body, world);
        }
    }

    pub(super) fn resend_definition<W: World>(&mut self, sequence: u64, world: &mut W) {
        self.send_definition(sequence, None, world);
    }

    pub(super) fn definition_done<W: World>(
        &mut self,
        sequence: u64,
        outcome: Result<WriteOutcome, Refusal>,
        world: &mut W,
    ) {
        let now = self.now;
        let Some(define) = self.operations.definition_mut(sequence) else { return };
        match outcome {
            Ok(WriteOutcome::Expired) => {}
            Ok(outcome) => self.finish_definition(sequence, &outcome, world),
            Err(refusal) => match define.call.refused(&refusal, now) {
                Next::Send(to) => self.send_definition(sequence, Some(to), world),
                Next::Later(at) => self.operations.look_at(sequence, at),
                Next::Replan(version) => self.replan(sequence, version, world),
                Next::Overloaded => {
                    self.fail(sequence, CqlError::overloaded("The catalogue has too much to do"), world)
                }
                Next::DiskFull => {
                    let error = CqlError::overloaded("The disk is full: writes are refused until there is space again");
                    self.fail(sequence, error, world);
                }
                Next::DiskBroken => self.fail(sequence, CqlError::server(DISK_BROKEN), world),
                Next::Lost => self.fail(sequence, CqlError::server(ONLY_REPLICA_DAMAGED), world),
            },
        }
    }

    fn finish_definition<W: World>(&mut self, sequence: u64, outcome: &WriteOutcome, world: &mut W) {
        let Some(Operation { client, kind: Kind::Define(define), .. }) = self.operations.remove(sequence) else {
            return;
        };
        let error = match outcome {
            WriteOutcome::Refused(error) => match SchemaError::decode(error) {
                Ok(SchemaError::Unchanged) => {
                    return self.reply(&client, Answer::Void.encode(&client.options()), world);
                }
                Ok(error) => CqlError::from(error),
                Err(error) => CqlError::server(error.to_string()),
            },
            WriteOutcome::Invalid(text) => CqlError::server(text.clone()),
            _ => {
                let answer = define.change.map_or(Answer::Void, Answer::SchemaChange);
                return self.reply(&client, answer.encode(&client.options()), world);
            }
        };
        self.reply_error(&client, error, world);
    }

    /// What the client of a definition is told at its deadline.
    pub(super) fn definition_gave_up(&self, define: &DefineOperation) -> CqlError {
        let (required, alive) = self.replicas_alive(ShardId::CATALOGUE);
        if !define.call.in_doubt && alive < required {
            CqlError::unavailable(Consistency::Quorum, required, alive)
        } else {
            CqlError::write_timeout(Consistency::Quorum, required - 1, required, WriteType::Simple)
        }
    }
}

impl super::Operations {
    fn definition_mut(&mut self, sequence: u64) -> Option<&mut DefineOperation> {
        match self.table.get_mut(&sequence)? {
            Operation { kind: Kind::Define(define), .. } => Some(define),
            _ => None,
        }
    }
}
