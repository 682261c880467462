//! The production world: what a node asks for is gathered while it steps and carried out in batches by `flush`.

use super::clock::NodeClock;
use super::connections::Connections;
use super::peers::Links;
use super::switchboard::{Route, Switchboard};
use crate::store::{Outcome, RowsView, Submission, Writer};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use trefoil_core::bugs::Bugs;
use trefoil_core::ids::{ConnId, NodeId, Ticket};
use trefoil_core::message::Message;
use trefoil_core::raft::LogOp;
use trefoil_core::storage::RowsBatch;
use trefoil_core::time::{Clock, Monotonic};
use trefoil_core::world::{Batch, Input, World};

/// One store as the world sees it.
pub(super) struct Submitter<B> {
    pub(super) writer: Writer<B>,
    pending: Vec<Submission<B>>,
    /// Failures that the node was told of.
    heard: u64,
    /// The newest failure among the completions being stepped.
    hearing: u64,
}

impl<B: Send + 'static> Submitter<B> {
    fn new(writer: Writer<B>) -> Submitter<B> {
        Submitter { writer, pending: Vec::new(), heard: 0, hearing: 0 }
    }

    fn push(&mut self, ticket: Ticket, batch: B) {
        self.pending.push(Submission { ticket, failures_heard: self.heard, batch });
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.writer.submit(&mut self.pending);
        }
    }

    /// What the node is to be told of this outcome.
    pub(super) fn input(&mut self, ticket: Ticket, outcome: Outcome) -> Input {
        match outcome {
            Outcome::Durable => Input::Durable { ticket },
            Outcome::Failed { failure, failures } => {
                self.hearing = self.hearing.max(failures);
                Input::PersistFailed { ticket, failure }
            }
        }
    }

    /// The node has stepped everything it was told: what it submits from now on is built on that.
    fn has_heard(&mut self) {
        self.heard = self.hearing;
    }
}

/// What a node's thread offers to its node.
pub struct ShellWorld {
    me: NodeId,
    clock: NodeClock,
    now: Clock,
    rng: ChaCha8Rng,
    /// By receiver, in order; there are few.
    outgoing: Vec<(NodeId, Vec<Message>)>,
    wake_at: Option<Monotonic>,
    ticket: u64,
    pub(super) log: Submitter<Vec<LogOp>>,
    pub(super) rows_writer: Submitter<RowsBatch>,
    rows: RowsView,
    pub(super) connections: Rc<Connections>,
    switchboard: Arc<Switchboard>,
    links: Rc<Links>,
}

/// What a world is made of.
pub(super) struct Parts {
    pub(super) me: NodeId,
    pub(super) clock: NodeClock,
    pub(super) log: Writer<Vec<LogOp>>,
    pub(super) rows_writer: Writer<RowsBatch>,
    pub(super) rows: RowsView,
    pub(super) connections: Rc<Connections>,
    pub(super) switchboard: Arc<Switchboard>,
    pub(super) links: Rc<Links>,
}

impl ShellWorld {
    pub(super) fn new(parts: Parts) -> ShellWorld {
        ShellWorld {
            me: parts.me,
            clock: parts.clock,
            now: parts.clock.now(),
            rng: ChaCha8Rng::from_seed(crate::entropy::random_bytes()),
            outgoing: Vec::new(),
            wake_at: None,
            ticket: 0,
            log: Submitter::new(parts.log),
            rows_writer: Submitter::new(parts.rows_writer),
            rows: parts.rows,
            connections: parts.connections,
            switchboard: parts.switchboard,
            links: parts.links,
        }
    }

    /// Look at clocks and rows anew. Call after draining and before stepping what was drained.
    pub(super) fn renew(&mut self) {
        self.now = self.clock.now();
        self.rows.renew();
    }

    /// Whether `Input::Wake` is due; it is asked for once.
    pub(super) fn take_wake(&mut self) -> bool {
        self.wake_at.take_if(|at| *at <= self.now.monotonic).is_some()
    }

    /// How long until the node wants to be woken.
    pub(super) fn until_wake(&self) -> Option<Duration> {
        self.wake_at.map(|at| at.since(self.clock.monotonic()))
    }

    /// Write what was submitted, then close the stores.
    pub(super) fn finish(self) {
        self.log.writer.finish();
        self.rows_writer.writer.finish();
    }

    /// All that was drained has been stepped.
    pub(super) fn has_heard(&mut self) {
        self.log.has_heard();
        self.rows_writer.has_heard();
    }

    /// Carry out what was asked for since the last flush.
    pub(super) fn flush(&mut self) {
        // The log first: its writer can begin while the rest is sent.
        self.log.flush();
        self.rows_writer.flush();
        for (to, messages) in &mut self.outgoing {
            if messages.is_empty() {
                continue;
            }
            if self.switchboard.deliver(self.me, *to, messages) == Route::Elsewhere {
                self.links.send(*to, messages);
            }
        }
        self.connections.flush();
    }

    fn next_ticket(&mut self) -> Ticket {
        self.ticket += 1;
        Ticket(self.ticket)
    }
}

impl Bugs for ShellWorld {}

impl World for ShellWorld {
    type Rows = RowsView;

    fn clock(&self) -> Clock {
        self.now
    }

    fn rng(&mut self) -> &mut impl RngCore {
        &mut self.rng
    }

    fn send(&mut self, to: NodeId, message: Message) {
        match self.outgoing.iter_mut().find(|(receiver, _)| *receiver == to) {
            Some((_, messages)) => messages.push(message),
            None => self.outgoing.push((to, vec![message])),
        }
    }

    fn reply(&mut self, conn: ConnId, envelope: Bytes) {
        self.connections.reply(conn, envelope);
    }

    fn close(&mut self, conn: ConnId) {
        self.connections.close(conn);
    }

    fn wake(&mut self, at: Monotonic) {
        self.wake_at = Some(at);
    }

    fn persist(&mut self, batch: Batch) -> Ticket {
        let ticket = self.next_ticket();
        match batch {
            Batch::Log(ops) => self.log.push(ticket, ops),
            Batch::Rows(batch) => self.rows_writer.push(ticket, batch),
        }
        ticket
    }

    fn rows(&self) -> &RowsView {
        &self.rows
    }
}
