//! Coordinating: how one client request becomes requests to shards, and their answers one answer.
//!
//! An operation is an entry in a table, by a sequence that is also its identity in the cluster. What does not depend on the kind of
//! operation stands here: the table, deadlines, and sending again. Each kind is a file that reads like its story: `write`,
//! `read`, `define`. An operation ends with exactly one reply to its client, at its deadline at the latest.

pub mod call;
mod define;
mod delivery;
mod lists;
mod parked;
mod read;
mod scan;
mod write;

pub(crate) use define::DefineOperation;
pub(crate) use delivery::Deliveries;
pub(crate) use parked::ParkedReads;
pub(crate) use read::ReadOperation;
pub(crate) use write::WriteOperation;

use crate::ids::{NodeId, RequestId, ShardId};
use crate::node::Node;
use crate::session::Client;
use crate::time::Monotonic;
use crate::world::World;
use call::RESEND_AFTER;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use trefoil_cql::protocol::response::CqlError;

/// After a start nobody is known to be alive: for this long, absent nodes are waited for instead of reported.
const PATIENCE_AFTER_START: Duration = Duration::from_secs(3);

/// All operations of a node.
#[derive(Debug, Default)]
pub struct Operations {
    next: u64,
    table: BTreeMap<u64, Operation>,
    /// When each operation is looked at for the first time: all wait equally long, so this is in order of time.
    first_look: VecDeque<(Monotonic, u64)>,
    /// Later looks.
    looks: BTreeSet<(Monotonic, u64)>,
    /// Operations that go on at the next settle, without waiting for anything.
    ready: VecDeque<u64>,
    /// Operations that wait for a newer schema.
    waiting_for_schema: BTreeSet<u64>,
    /// Reads of this node's replicas that wait for raft.
    pub(crate) parked: ParkedReads,
}

/// One client request under way.
#[derive(Debug)]
pub(crate) struct Operation {
    pub client: Client,
    pub kind: Kind,
    /// When it is looked at next; it has one such time, or every refusal would double the number of sendings.
    look: Option<Monotonic>,
}

impl Operation {
    fn new(client: Client, kind: Kind) -> Operation {
        Operation { client, kind, look: None }
    }
}

/// The kinds of operation.
#[derive(Debug)]
pub(crate) enum Kind {
    Write(WriteOperation),
    Read(Box<ReadOperation>),
    Define(DefineOperation),
    /// The request is taken apart again when the schema served is newer.
    Replan,
}

impl Operations {
    /// The sequence of a new operation.
    fn allocate(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Every request below this was answered.
    fn answered_below(&self) -> u64 {
        self.table.first_key_value().map_or(self.next + 1, |(&first, _)| first)
    }

    fn insert(&mut self, sequence: u64, operation: Operation, now: Monotonic) {
        self.first_look.push_back((now.plus(RESEND_AFTER), sequence));
        self.table.insert(sequence, operation);
    }

    /// Look at an operation at this time, unless it is looked at earlier anyway.
    fn look_at(&mut self, sequence: u64, at: Monotonic) {
        let Some(operation) = self.table.get_mut(&sequence) else { return };
        if operation.look.is_some_and(|look| look <= at) {
            return;
        }
        if let Some(later) = operation.look.replace(at) {
            self.looks.remove(&(later, sequence));
        }
        self.looks.insert((at, sequence));
    }

    fn remove(&mut self, sequence: u64) -> Option<Operation> {
        self.waiting_for_schema.remove(&sequence);
        let operation = self.table.remove(&sequence)?;
        if let Some(look) = operation.look {
            self.looks.remove(&(look, sequence));
        }
        Some(operation)
    }

    /// Who waits for an operation.
    pub(crate) fn client(&self, sequence: u64) -> Option<&Client> {
        self.table.get(&sequence).map(|operation| &operation.client)
    }

    /// Whether an operation wants to go on at once.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Operations under way.
    pub(crate) fn count(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn next_wake(&self) -> Option<Monotonic> {
        let first = self.first_look.front().map(|&(at, _)| at);
        let later = self.looks.first().map(|&(at, _)| at);
        [first, later].into_iter().flatten().min()
    }

    /// Operations that are due to be looked at.
    fn due(&mut self, now: Monotonic) -> Vec<u64> {
        let mut due: Vec<u64> = self.ready.drain(..).collect();
        while let Some(&(at, sequence)) = self.first_look.front() {
            // Most are answered long before their first look.
            if at > now && self.table.contains_key(&sequence) {
                break;
            }
            self.first_look.pop_front();
            if at <= now {
                due.push(sequence);
            }
        }
        while let Some(&(at, sequence)) = self.looks.first() {
            if at > now {
                break;
            }
            self.looks.pop_first();
            if let Some(operation) = self.table.get_mut(&sequence) {
                operation.look = None;
            }
            due.push(sequence);
        }
        due
    }
}

impl Node {
    /// Look at operations whose time has come: resend, go on, or give up.
    pub(crate) fn operations_due<W: World>(&mut self, world: &mut W) {
        for sequence in self.operations.due(self.now) {
            let Some(operation) = self.operations.table.get(&sequence) else { continue };
            let deadline = operation.client.deadline;
            if self.now >= deadline {
                self.give_up(sequence, world);
                continue;
            }
            match &operation.kind {
                Kind::Write(_) => self.resend_write(sequence, world),
                Kind::Read(_) => self.resend_read(sequence, world),
                Kind::Define(_) => self.resend_definition(sequence, world),
                Kind::Replan => {}
            }
            if self.operations.table.contains_key(&sequence) {
                self.operations.look_at(sequence, deadline.min(self.now.plus(RESEND_AFTER)));
            }
        }
        self.operations_forget_parked(world);
    }

    fn give_up<W: World>(&mut self, sequence: u64, world: &mut W) {
        let Some(operation) = self.operations.remove(sequence) else { return };
        self.sessions.counters.timeouts += 1;
        let error = match &operation.kind {
            Kind::Write(write) => self.write_gave_up(write),
            Kind::Read(read) => self.read_gave_up(read),
            Kind::Define(define) => self.definition_gave_up(define),
            // Nothing has happened: another node may know it.
            Kind::Replan => {
                CqlError::overloaded("The schema could not be learnt in time: no leader of the catalogue is heard")
            }
        };
        self.reply_error(&operation.client, error, world);
    }

    /// Keep a request until the schema is known, or newer.
    pub(crate) fn wait_for_schema<W: World>(&mut self, client: Client, world: &mut W) {
        let _ = world;
        let sequence = self.operations.allocate();
        self.operations.insert(sequence, Operation::new(client, Kind::Replan), self.now);
        self.operations.waiting_for_schema.insert(sequence);
    }

    /// A newer schema is served: requests that waited for it are taken apart again.
    pub(crate) fn schema_arrived<W: World>(&mut self, world: &mut W) {
        if !self.schema_known() {
            return;
        }
        for sequence in std::mem::take(&mut self.operations.waiting_for_schema) {
            if let Some(operation) = self.operations.remove(sequence) {
                self.request_again(operation.client, world);
            }
        }
    }

    /// The identity of an operation in the cluster.
    fn request_id(&self, sequence: u64) -> RequestId {
        RequestId { node: self.config.node, incarnation: self.incarnation, sequence }
    }

    /// Who probably leads a shard.
    fn believed_leader(&self, shard: ShardId) -> Option<NodeId> {
        let here = self.replica(shard).and_then(|replica| replica.leader());
        let preferred = || self.config.layout.preferred_leader(shard);
        // That this node does not lead it knows already.
        here.or_else(|| self.liveness.leader_of(shard))
            .or_else(|| preferred().filter(|&node| node != self.me() && self.liveness.is_alive(node)))
    }

    /// Where to send a request for a shard's leader.
    fn target(&self, shard: ShardId, attempts: u32) -> Option<NodeId> {
        call::candidate(|| self.config.layout.replicas(shard), self.believed_leader(shard), attempts)
    }

    /// How many replicas of a shard make a majority, and how many seem to be alive and within reach.
    fn replicas_alive(&self, shard: ShardId) -> (i32, i32) {
        let (mut replicas, mut alive) = (0, 0);
        let heard = self.liveness.is_heard();
        for node in self.config.layout.each_replica(shard) {
            replicas += 1;
            alive += i32::from(node == self.me() || (heard && self.liveness.is_alive(node)));
        }
        (replicas / 2 + 1, alive)
    }

    /// The majority needed and the replicas alive, if those are too few and have been for a while.
    pub(crate) fn unavailable(&self, shard: ShardId) -> Option<(i32, i32)> {
        let (required, alive) = self.replicas_alive(shard);
        (alive < required && self.background.up_for(self.now) > PATIENCE_AFTER_START).then_some((required, alive))
    }
}
