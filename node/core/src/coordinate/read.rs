//! A read: shard by shard, from the leader when it must be linearizable, from the nearest replica when ONE is enough. What is at
//! hand is served at once, without an entry in the table; the rest waits for a peer or for raft.

use super::call::{Call, Next, ONLY_REPLICA_DAMAGED};
use super::lists::ListReads;
use super::parked::{Parked, ReplyTo};
use super::scan::{Scan, Step};
use super::{Kind, Operation};
use crate::bugs::PlantedBug;
use crate::command::{ReadCommand, ReadResult};
use crate::ids::{NodeId, ShardId};
use crate::message::{Body, Refusal};
use crate::node::Node;
use crate::replicate::ReadAnswer;
use crate::session::{Client, Options};
use crate::statement::{ReadPlan, SelectExecution};
use crate::world::World;
use trefoil_cql::protocol::consistency::Consistency;
use trefoil_cql::protocol::response::{CqlError, Failures};

/// Parts that one turn reads at most before others have theirs.
const PARTS_PER_TURN: usize = 64;

/// A read under way.
#[derive(Debug)]
pub(crate) struct ReadOperation {
    purpose: Purpose,
    scan: Option<Scan>,
    call: Call,
    options: Options,
}

/// What a read is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// The answer to a SELECT.
    Select(SelectExecution),
    /// Lists that a write has to look at before it begins.
    Lists(ListReads),
}

/// How a turn of a read ended.
enum Turn {
    /// Everything is read.
    Complete,
    /// Ask this node.
    Ask(NodeId),
    /// The own replica will answer.
    Parked(ReadCommand),
    /// It had its turn.
    Yield,
    /// Nobody to ask now.
    Later(Refusal),
    Failed(CqlError),
}

impl Node {
    pub(crate) fn start_read<W: World>(&mut self, client: Client, plan: ReadPlan, options: Options, world: &mut W) {
        if options.consistency == Consistency::Any {
            let error = CqlError::invalid("ANY ConsistencyLevel is only supported for writes");
            return self.reply_error(&client, error, world);
        }
        let read = ReadOperation::new(Purpose::Select(SelectExecution::new(plan)), options);
        self.go_on_reading(None, client, Box::new(read), world);
    }

    /// Read as much as can be read now; what remains becomes (or stays) an operation.
    pub(super) fn go_on_reading<W: World>(
        &mut self,
        known: Option<u64>,
        client: Client,
        mut read: Box<ReadOperation>,
        world: &mut W,
    ) {
        let turn = self.read_turn(&mut read, world);
        match turn {
            Turn::Complete => {
                self.trace(&client, || "Read all that is wanted".to_owned());
                let ReadOperation { purpose, options, .. } = *read;
                let execution = match purpose {
                    Purpose::Select(execution) => execution,
                    Purpose::Lists(lists) => return self.start_write(client, lists.into_plan(), options, world),
                };
                self.sessions.counters.reads += 1;
                match execution.encode(&client.options()) {
                    Ok(envelope) => self.reply(&client, envelope, world),
                    Err(error) => self.reply_error(&client, error, world),
                }
            }
            Turn::Failed(error) => self.reply_error(&client, error, world),
            Turn::Ask(node) => {
                let sequence = self.keep_read(known, client, read);
                self.ask(sequence, node, world);
            }
            Turn::Parked(command) => {
                let shard = read.call.shard;
                let sequence = self.keep_read(known, client, read);
                self.park(shard, command, ReplyTo::Operation(sequence), world);
            }
            Turn::Yield => {
                let sequence = self.keep_read(known, client, read);
                self.operations.ready.push_back(sequence);
            }
            Turn::Later(refusal) => {
                let sequence = self.keep_read(known, client, read);
                self.read_refused(sequence, &refusal, world);
            }
        }
    }

    fn keep_read(&mut self, known: Option<u64>, client: Client, read: Box<ReadOperation>) -> u64 {
        // Every part asked for has an identity of its own, so that a late answer cannot be taken for that of another part.
        let sequence = self.operations.allocate();
        let first = known.is_none();
        let operation = Operation::new(client, Kind::Read(read));
        if first {
            self.operations.insert(sequence, operation, self.now);
        } else {
            let at = operation.client.deadline.min(self.now.plus(super::RESEND_AFTER));
            self.operations.table.insert(sequence, operation);
            self.operations.look_at(sequence, at);
        }
        sequence
    }

    fn read_turn<W: World>(&mut self, read: &mut ReadOperation, world: &mut W) -> Turn {
        let linearizable = read.is_linearizable();
        for _ in 0..PARTS_PER_TURN {
            let scan = match &mut read.scan {
                Some(scan) => scan,
                none => {
                    let Some(command) = read.purpose.next_command() else { return Turn::Complete };
                    match Scan::new(&self.config.layout, command) {
                        Some(scan) => none.insert(scan),
                        None => {
                            let empty =
                                ReadResult { now_seconds: self.hybrid_now().seconds(), ..ReadResult::default() };
                            if let Err(error) = read.purpose.absorb(empty) {
                                return Turn::Failed(error);
                            }
                            continue;
                        }
                    }
                }
            };
            let shard = scan.shard();
            if read.call.shard != shard {
                read.call = Call::new(shard);
            }
            let part = match scan.whole_if_single(&self.config.layout) {
                Some(_) if read.call.attempts > 0 => None,
                Some(whole) => Some(std::borrow::Cow::Borrowed(whole)),
                None => None,
            };
            let part = part.unwrap_or_else(|| std::borrow::Cow::Owned(scan.part(&self.config.layout)));
            let Some(target) = self.read_target(shard, linearizable, read.call.attempts) else {
                return Turn::Later(Refusal::NotLeader(None));
            };
            if target != self.config.node {
                return Turn::Ask(target);
            }
            match self.read_here(shard, linearizable, u64::MAX, &part, world) {
                ReadAnswer::Done(result) => {
                    if let Err(error) = read.absorb(&self.config.layout, result) {
                        return Turn::Failed(error);
                    }
                }
                ReadAnswer::Parked => return Turn::Parked(part.into_owned()),
                ReadAnswer::Refused(refusal) => {
                    read.call.sent(target);
                    return Turn::Later(refusal);
                }
            }
        }
        Turn::Yield
    }

    /// Who to read from: the leader, or any replica that is near and sound.
    fn read_target(&self, shard: ShardId, linearizable: bool, attempts: u32) -> Option<NodeId> {
        if linearizable {
            return self.target(shard, attempts);
        }
        let me = self.me();
        if attempts == 0 && self.replica(shard).is_some_and(|replica| replica.is_sound()) {
            return Some(me);
        }
        let zone = self.config.layout.node(me).map(|info| info.zone);
        let mut others = self.config.layout.replicas(shard);
        others.retain(|&node| node != me && self.liveness.is_alive(node));
        others.sort_by_key(|&node| (self.config.layout.node(node).map(|info| info.zone) != zone, node));
        if others.is_empty() { None } else { Some(others[attempts as usize % others.len()]) }
    }

    /// Read from the own replica. `id` names the read if it has to wait; `u64::MAX` means that it will be asked again with a name.
    pub(super) fn read_here<W: World>(
        &mut self,
        shard: ShardId,
        linearizable: bool,
        id: u64,
        command: &ReadCommand,
        world: &mut W,
    ) -> ReadAnswer {
        let now_seconds = self.read_seconds(world);
        if !linearizable {
            return match self.replica_mut(shard) {
                Some(replica) => replica.read_here(command, now_seconds, world),
                None => ReadAnswer::Refused(Refusal::NoReplica),
            };
        }
        if let Err(refusal) = self.may_serve(shard, &[command.table], world) {
            return ReadAnswer::Refused(refusal);
        }
        // A leader that cannot append now is asked again soon.
        if self.catch_up(shard, world).is_err() {
            return ReadAnswer::Refused(Refusal::SchemaAhead);
        }
        let now = self.now;
        match self.replica_mut(shard) {
            // Only a named read may wait.
            Some(replica)
                if id == u64::MAX && replica.is_leader() && !(replica.leads_surely(now) && replica.is_retired()) =>
            {
                ReadAnswer::Parked
            }
            Some(replica) => replica.read(id, command, now_seconds, world),
            None => ReadAnswer::Refused(Refusal::NoReplica),
        }
    }

    /// The second at which a read served now judges expiry: hybrid time, which a successor never falls behind.
    fn read_seconds<W: World>(&self, world: &W) -> i64 {
        if world.planted(PlantedBug::ExpiryByLocalWallClock) {
            return world.clock().wall.0.div_euclid(1_000_000);
        }
        self.hybrid_now().max(self.read_floor).seconds()
    }

    /// Ask a peer for the part that an operation wants.
    fn ask<W: World>(&mut self, sequence: u64, to: NodeId, world: &mut W) {
        let request = self.request_id(sequence);
        let schema = self.schema().version;
        let Some(Operation { kind: Kind::Read(read), .. }) = self.operations.table.get_mut(&sequence) else { return };
        let Some(scan) = &read.scan else { return };
        read.call.sent(to);
        let linearizable = read.is_linearizable();
        let (shard, command) = (scan.shard(), scan.part(&self.config.layout));
        self.trace_operation(sequence, || format!("Sending a read of shard {} to node {}", shard.0, to.0));
        self.send(to, Body::Read { request, shard, schema, linearizable, command }, world);
    }

    /// A part was read, here or by a peer, or was refused.
    pub(crate) fn read_done<W: World>(&mut self, sequence: u64, result: Result<ReadResult, Refusal>, world: &mut W) {
        if !matches!(self.operations.table.get(&sequence), Some(Operation { kind: Kind::Read(_), .. })) {
            return;
        }
        self.trace_operation(sequence, || match &result {
            Ok(result) => format!("Read {} rows", result.rows.len()),
            Err(refusal) => format!("Refused: {refusal:?}"),
        });
        match result {
            Ok(result) => {
                let Some(Operation { client, kind: Kind::Read(mut read), .. }) = self.operations.remove(sequence)
                else {
                    return;
                };
                read.call = Call::new(read.call.shard);
                match read.absorb(&self.config.layout, result) {
                    Ok(()) => self.go_on_reading(Some(sequence), client, read, world),
                    Err(error) => self.reply_error(&client, error, world),
                }
            }
            Err(refusal) => self.read_refused(sequence, &refusal, world),
        }
    }

    fn read_refused<W: World>(&mut self, sequence: u64, refusal: &Refusal, world: &mut W) {
        let (now, me) = (self.now, self.me());
        let Some(Operation { kind: Kind::Read(read), .. }) = self.operations.table.get_mut(&sequence) else { return };
        // A read has no effect: it is never in doubt.
        let next = read.call.refused(refusal, now);
        read.call.in_doubt = false;
        match next {
            Next::Send(to) if to != me => self.ask(sequence, to, world),
            Next::Send(_) => self.operations.ready.push_back(sequence),
            Next::Later(at) => {
                read.call.attempts += 1;
                self.operations.look_at(sequence, at);
            }
            Next::Replan(version) => self.replan(sequence, version, world),
            Next::Overloaded => self.fail(sequence, CqlError::overloaded("The shard has too much to do"), world),
            Next::DiskFull | Next::DiskBroken => self.operations.look_at(sequence, now),
            Next::Lost => {
                let error = CqlError::ReadFailure {
                    consistency: read.options.consistency,
                    received: 0,
                    required: 1,
                    failures: Failures::Count(1),
                    data_present: false,
                    message: ONLY_REPLICA_DAMAGED.into(),
                };
                self.fail(sequence, error, world);
            }
        }
    }

    pub(super) fn resend_read<W: World>(&mut self, sequence: u64, world: &mut W) {
        let Some(Operation { kind: Kind::Read(read), .. }) = self.operations.table.get(&sequence) else { return };
        let shard = read.call.shard;
        if let Some((required, alive)) = self.unavailable(shard) {
            let linearizable = read.is_linearizable();
            if linearizable || alive == 0 {
                let consistency = read.options.consistency;
                return self.fail(sequence, CqlError::unavailable(consistency, required, alive), world);
            }
        }
        if let Some(Operation { client, kind: Kind::Read(read), .. }) = self.operations.remove(sequence) {
            self.go_on_reading(Some(sequence), client, read, world);
        }
    }

    /// What the client of a read is told at its deadline.
    pub(super) fn read_gave_up(&self, read: &ReadOperation) -> CqlError {
        let (required, alive) = self.replicas_alive(read.call.shard);
        let consistency = read.options.consistency;
        if alive < required {
            CqlError::unavailable(consistency, required, alive)
        } else {
            CqlError::read_timeout(consistency, required - 1, required, false)
        }
    }

    /// A peer asks for a read.
    pub(crate) fn read_for_peer<W: World>(
        &mut self,
        from: NodeId,
        request: crate::ids::RequestId,
        shard: ShardId,
        linearizable: bool,
        command: ReadCommand,
        world: &mut W,
    ) {
        match self.read_here(shard, linearizable, u64::MAX, &command, world) {
            ReadAnswer::Done(result) => self.send(from, Body::ReadDone { request, result: Ok(result) }, world),
            ReadAnswer::Parked => self.park(shard, command, ReplyTo::Peer(from, request), world),
            ReadAnswer::Refused(refusal) => {
                self.send(from, Body::ReadDone { request, result: Err(refusal) }, world);
            }
        }
    }

    /// Ask raft for permission, under a name.
    fn park<W: World>(&mut self, shard: ShardId, command: ReadCommand, reply_to: ReplyTo, world: &mut W) {
        let id = self.operations.parked.insert(Parked { shard, command, reply_to, since: self.now });
        let Some(parked) = self.operations.parked.get(id) else { return };
        let command = parked.command.clone();
        match self.read_here(shard, true, id, &command, world) {
            ReadAnswer::Parked => crate::sometimes!(world, "read waits for raft"),
            ReadAnswer::Done(result) => self.unpark(id, Ok(result), world),
            ReadAnswer::Refused(refusal) => self.unpark(id, Err(refusal), world),
        }
    }

    pub(super) fn unpark<W: World>(&mut self, id: u64, result: Result<ReadResult, Refusal>, world: &mut W) {
        let Some(parked) = self.operations.parked.remove(id) else { return };
        match parked.reply_to {
            ReplyTo::Operation(sequence) => self.read_done(sequence, result, world),
            ReplyTo::Peer(node, request) => self.send(node, Body::ReadDone { request, result }, world),
        }
    }
}

impl Purpose {
    fn next_command(&mut self) -> Option<ReadCommand> {
        match self {
            Purpose::Select(execution) => execution.next_command(),
            Purpose::Lists(lists) => lists.next_command(),
        }
    }

    fn absorb(&mut self, result: ReadResult) -> Result<(), CqlError> {
        match self {
            Purpose::Select(execution) => execution.absorb(result),
            Purpose::Lists(lists) => lists.absorb(&result),
        }
    }
}

impl ReadOperation {
    pub(super) fn new(purpose: Purpose, options: Options) -> ReadOperation {
        ReadOperation { purpose, scan: None, call: Call::new(ShardId::CATALOGUE), options }
    }

    /// Whether only a leader may serve it. What a write depends on is never read from the past.
    fn is_linearizable(&self) -> bool {
        match self.purpose {
            Purpose::Select(_) => !matches!(self.options.consistency, Consistency::One | Consistency::LocalOne),
            Purpose::Lists(_) => true,
        }
    }

    fn absorb(&mut self, layout: &crate::config::Layout, result: ReadResult) -> Result<(), CqlError> {
        let Some(scan) = &mut self.scan else { return Ok(()) };
        if let Step::Done(whole) = scan.absorb(layout, result) {
            self.scan = None;
            self.purpose.absorb(whole)?;
        }
        Ok(())
    }
}
