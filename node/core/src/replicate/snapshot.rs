//! Bringing back a replica whose log starts after the leader's was cut: the leader streams its rows in bounded parts, one under
//! way at a time, while it goes on serving; the follower clears what it has, installs part by part, and only the last part,
//! durable, makes it a replica again. A crash in between leaves a replica without a record, which starts over.

use super::environment::RaftEnvironment;
use super::output::{Output, ReplicaEvent};
use super::rebuild::Health;
use super::replica::Replica;
use super::state::ShardState;
use crate::ids::{LogIndex, NodeId, ShardId, Term, Ticket};
use crate::message::{Body, SnapshotPart};
use crate::raft::SnapshotAnswer;
use crate::storage::{Clearing, InstallPart, RowsBatch, RowsPart, ShardStore, SnapshotChunk};
use crate::time::Monotonic;
use crate::world::{Batch, World};
use bytes::Bytes;
use std::time::Duration;

/// About the size of one part: large enough to be worth a disk write, small enough not to hold up other messages.
const PART_BYTES: usize = 256 << 10;
/// A part that was not answered is sent again after this long...
const RESEND_AFTER: Duration = Duration::from_millis(500);
/// ...and the snapshot is given up after so many sendings of one part.
const SENDINGS_MAX: u32 = 20;
/// A replica that was cleared for a snapshot and hears nothing more of it for this long asks to be rebuilt.
const ABANDONED_AFTER: Duration = Duration::from_secs(5);
/// Keys that one step clears at most.
const CLEAR_KEYS_MAX: usize = 5_000;

/// A snapshot being sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    stream: u64,
    /// Applied here when it began: it shows this much at least, however far the log is cut meanwhile.
    began_at: LogIndex,
    number: u64,
    sent: Monotonic,
    sendings: u32,
    /// The last part was made.
    ended: bool,
}

/// A snapshot being received.
#[derive(Clone, Debug)]
pub struct Incoming {
    from: NodeId,
    term: Term,
    stream: u64,
    heard: Monotonic,
    expected: u64,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// The leader's term is being made durable.
    Accepting(Box<SnapshotPart>),
    /// What was here goes away first.
    Clearing { clearing: Clearing, waiting: Option<Ticket>, first: Box<SnapshotPart> },
    /// A part is being written.
    Writing { ticket: Ticket, last: bool },
    /// Waiting for the next part.
    Idle,
}

impl Replica {
    /// Raft wants a follower to get one, and asks once: a stream that is under way is for a life of that follower which is over.
    pub(super) fn begin_snapshot<W: World>(&mut self, to: NodeId, world: &mut W, output: &mut Output) {
        tracing::info!(shard = %self.shard, %to, "sending a snapshot");
        crate::sometimes!(world, "snapshot sent");
        let now = world.clock().monotonic;
        self.store.snapshot_end(to);
        self.streams += 1;
        let stream = self.streams;
        let began_at = self.store.applied().position.index;
        self.outgoing.insert(to, Outgoing { stream, began_at, number: 0, sent: now, sendings: 0, ended: false });
        self.send_part(to, world, output);
    }

    fn send_part<W: World>(&mut self, to: NodeId, world: &mut W, output: &mut Output) {
        let Some(outgoing) = self.outgoing.get_mut(&to) else { return };
        outgoing.sent = world.clock().monotonic;
        outgoing.sendings += 1;
        let (number, state) = (outgoing.number, &self.state);
        let encoded = || Bytes::from(state.encode());
        let chunk = match self.store.snapshot_chunk(to, number, PART_BYTES, encoded, world.rows(), &*world) {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return self.give_up(to, world),
            Err(damage) => {
                self.found_damage(&damage);
                return self.give_up(to, world);
            }
        };
        outgoing.ended = chunk.end.is_some();
        let floor = self.raft.floor().min(outgoing.began_at);
        let part = SnapshotPart { term: self.raft.term(), stream: outgoing.stream, floor, chunk };
        output.bodies.push((to, Body::Snapshot { shard: self.shard, part }));
    }

    fn give_up<W: World>(&mut self, to: NodeId, world: &mut W) {
        self.outgoing.remove(&to);
        self.store.snapshot_end(to);
        self.raft.snapshot_failed(to, &mut RaftEnvironment(world));
    }

    /// A follower says how far it got.
    pub fn snapshot_received<W: World>(
        &mut self,
        from: NodeId,
        stream: u64,
        parts: u64,
        complete: Option<LogIndex>,
        world: &mut W,
        output: &mut Output,
    ) {
        let Some(outgoing) = self.outgoing.get_mut(&from).filter(|outgoing| outgoing.stream == stream) else { return };
        if let Some(through) = complete {
            self.outgoing.remove(&from);
            self.store.snapshot_end(from);
            self.raft.snapshot_sent(from, through, &mut RaftEnvironment(world));
        } else if parts == outgoing.number + 1 && !outgoing.ended {
            outgoing.number = parts;
            outgoing.sendings = 0;
            self.send_part(from, world, output);
        }
    }

    /// Resend what was not answered; go on clearing and accepting.
    pub(super) fn advance_snapshots<W: World>(&mut self, world: &mut W, output: &mut Output) {
        let now = world.clock().monotonic;
        let leads = self.raft.is_leader();
        let due: Vec<(NodeId, bool)> = self
            .outgoing
            .iter()
            .filter(|(_, outgoing)| !leads || now.since(outgoing.sent) >= RESEND_AFTER)
            .map(|(&to, outgoing)| (to, !leads || outgoing.sendings >= SENDINGS_MAX))
            .collect();
        for (to, hopeless) in due {
            if hopeless { self.give_up(to, world) } else { self.send_part(to, world, output) }
        }
        self.advance_incoming(world);
    }

    /// When a part must be sent again.
    #[must_use]
    pub fn snapshot_wake(&self) -> Option<Monotonic> {
        let outgoing = self.outgoing.values().map(|outgoing| outgoing.sent.plus(RESEND_AFTER)).min();
        let incoming =
            self.incoming.as_ref().filter(|_| self.hollow).map(|incoming| incoming.heard.plus(ABANDONED_AFTER));
        [outgoing, incoming].into_iter().flatten().min()
    }

    /// A leader sends a part.
    pub fn receive_snapshot<W: World>(&mut self, from: NodeId, part: SnapshotPart, world: &mut W, output: &mut Output) {
        let number = part.chunk.number;
        let now = world.clock().monotonic;
        let applied = self.store.applied().position.index;
        if self.has_applied(part.floor) {
            // It was installed before and the answer was lost, or entries have come by other ways.
            self.incoming = None;
            return self.acknowledge(from, part.term, part.stream, number + 1, Some(applied), output);
        }
        let of = |incoming: &Incoming| (incoming.from, incoming.term, incoming.stream);
        let fits = self.incoming.as_ref().is_some_and(|incoming| of(incoming) == (from, part.term, part.stream));
        if number == 0 && !fits {
            let outdated = |incoming: &Incoming| {
                (incoming.term, incoming.from == from && incoming.stream > part.stream) > (part.term, false)
            };
            if !self.is_busy() && !self.incoming.as_ref().is_some_and(outdated) {
                let (term, stream) = (part.term, part.stream);
                let stage = Stage::Accepting(Box::new(part));
                self.incoming = Some(Incoming { from, term, stream, heard: now, expected: 0, stage });
                self.advance_incoming(world);
            }
            return;
        }
        let Some(incoming) = self.incoming.as_mut().filter(|_| fits) else { return };
        incoming.heard = now;
        if number < incoming.expected {
            let parts = incoming.expected;
            self.acknowledge(from, part.term, part.stream, parts, None, output);
        } else if number == incoming.expected && matches!(incoming.stage, Stage::Idle) {
            self.install(&part, world);
        }
    }

    /// Whether the rows are whole and as new: then they must not go back, not even those of a replica that is still being rebuilt.
    /// Its raft has dropped the entries in between.
    fn has_applied(&self, floor: LogIndex) -> bool {
        let whole = !self.hollow && matches!(self.health, Health::Sound | Health::Rebuilding);
        whole && self.store.applied().position.index >= floor
    }

    /// A rows batch that is under way belongs to what is about to be cleared: it must finish first.
    fn is_busy(&self) -> bool {
        self.flushing.is_some()
            || self.is_housekeeping()
            || matches!(self.health, Health::Clearing(_))
            || self.is_writing()
    }

    fn is_writing(&self) -> bool {
        self.install_under_way().is_some()
    }

    /// The batch of an installation that is on its way to the store.
    pub(super) fn install_under_way(&self) -> Option<Ticket> {
        match &self.incoming.as_ref()?.stage {
            Stage::Clearing { waiting, .. } => *waiting,
            Stage::Writing { ticket, .. } => Some(*ticket),
            Stage::Accepting(_) | Stage::Idle => None,
        }
    }

    /// Whether the replica's rows were cleared for a snapshot that is not complete: nothing may be applied to them or read from them.
    #[must_use]
    pub fn is_installing(&self) -> bool {
        self.hollow
    }

    /// A snapshot that was begun and not finished leaves a replica without rows, which its raft knows nothing of: rebuild it.
    fn give_up_incoming<W: World>(&mut self, world: &mut W) {
        let now = world.clock().monotonic;
        let waits = |incoming: &Incoming| now.since(incoming.heard) < ABANDONED_AFTER;
        if self.hollow && !self.is_writing() && !self.incoming.as_ref().is_some_and(waits) {
            tracing::warn!(shard = %self.shard, "a snapshot was abandoned half way");
            crate::sometimes!(world, "snapshot abandoned");
            self.incoming = None;
            self.begin_clearing(false);
        }
    }

    fn advance_incoming<W: World>(&mut self, world: &mut W) {
        self.give_up_incoming(world);
        if let Some(Incoming { stage: Stage::Accepting(part), .. }) = &self.incoming
            && self.has_applied(part.floor)
        {
            // Entries came while the term was made durable. The sender will ask again and be told.
            self.incoming = None;
        }
        let busy = self.is_busy();
        let Some(incoming) = &mut self.incoming else { return };
        if let Stage::Accepting(part) = &incoming.stage {
            match self.raft.accept_snapshot(incoming.from, incoming.term, &mut RaftEnvironment(world)) {
                SnapshotAnswer::Wait => return,
                SnapshotAnswer::Stale => {
                    self.incoming = None;
                    return;
                }
                // A flush began while the term was made durable.
                SnapshotAnswer::Ready if busy => return,
                SnapshotAnswer::Ready => {
                    let clearing = Clearing::shard(self.shard, self.store.tokens());
                    incoming.stage = Stage::Clearing { clearing, waiting: None, first: part.clone() };
                    self.store = ShardStore::empty(self.shard, self.store.tokens());
                    self.state = ShardState::default();
                    self.dirty_since = None;
                    self.hollow = true;
                }
            }
        }
        let Some(Incoming { stage: Stage::Clearing { clearing, waiting: waiting @ None, first }, .. }) =
            &mut self.incoming
        else {
            return;
        };
        match clearing.next(world.rows(), CLEAR_KEYS_MAX) {
            Some(part) => {
                let batch = RowsBatch { parts: vec![RowsPart::Clear(part)] };
                *waiting = Some(world.persist(Batch::Rows(batch)));
            }
            None => {
                let first = first.clone();
                self.install(&first, world);
            }
        }
    }

    fn install<W: World>(&mut self, part: &SnapshotPart, world: &mut W) {
        let Some(incoming) = &mut self.incoming else { return };
        match InstallPart::new(self.shard, &part.chunk) {
            Ok(install) => {
                let batch = RowsBatch { parts: vec![RowsPart::Install(install)] };
                let ticket = world.persist(Batch::Rows(batch));
                incoming.stage = Stage::Writing { ticket, last: part.chunk.end.is_some() };
            }
            Err(damage) => {
                // The sender will send it again, or give up.
                tracing::error!(shard = %self.shard, %damage, "a snapshot part cannot be read");
                incoming.stage = Stage::Idle;
            }
        }
    }

    pub(super) fn install_durable<W: World>(&mut self, done: Ticket, world: &mut W, output: &mut Output) {
        let Some(incoming) = &mut self.incoming else { return };
        match &mut incoming.stage {
            Stage::Clearing { waiting, .. } if waiting.is_some_and(|waiting| waiting <= done) => {
                *waiting = None;
                self.advance_incoming(world);
            }
            Stage::Writing { ticket, last } if *ticket <= done => {
                let last = *last;
                incoming.expected += 1;
                incoming.stage = Stage::Idle;
                let (from, term, stream, parts) = (incoming.from, incoming.term, incoming.stream, incoming.expected);
                if last {
                    self.incoming = None;
                    self.adopt_snapshot(world);
                    if self.shard == ShardId::CATALOGUE && !self.hollow {
                        // Or this node would grant leases on an old schema, once it leads.
                        output.events.push((self.shard, ReplicaEvent::Schema));
                    }
                }
                let complete = (last && !self.hollow).then(|| self.store.applied().position.index);
                self.acknowledge(from, term, stream, parts, complete, output);
            }
            _ => {}
        }
    }

    pub(super) fn install_failed(&mut self, failed: Ticket) {
        if let Some(incoming) = &mut self.incoming {
            match &incoming.stage {
                Stage::Writing { ticket, .. } if *ticket == failed => incoming.stage = Stage::Idle,
                Stage::Clearing { waiting, first, .. } if *waiting == Some(failed) => {
                    incoming.stage = Stage::Accepting(first.clone());
                }
                _ => {}
            }
        }
    }

    /// The last part is durable: what the row store holds now is this replica's state.
    fn adopt_snapshot<W: World>(&mut self, world: &mut W) {
        match ShardStore::recover(self.shard, self.store.tokens(), world.rows()) {
            Ok(Some((store, _))) if store.applied().position.index < self.raft.floor() => {
                // From a leader that had applied less than this replica had when it was cleared: entries in between are in nobody's
                // way to here. A replica without a log can take them from the leader; this one's says that it has them.
                tracing::warn!(shard = %self.shard, "a snapshot ends before what was cleared for it");
                crate::sometimes!(world, "snapshot older than what was cleared");
                self.begin_clearing(false);
            }
            Ok(Some((store, state))) => {
                let applied = store.applied();
                self.store = store;
                self.hollow = false;
                self.state = ShardState::decode(&state).expect("the sender's state passed its checksum");
                self.commit = self.commit.max(applied.position.index);
                self.raft.install_snapshot(applied, &mut RaftEnvironment(world));
                tracing::info!(shard = %self.shard, index = %applied.position.index, "snapshot installed");
                crate::sometimes!(world, "snapshot installed");
            }
            Ok(None) => {
                tracing::error!(shard = %self.shard, "an installed snapshot left no record");
                self.begin_clearing(true);
            }
            Err(damage) => self.found_damage(&damage),
        }
    }

    fn acknowledge(
        &self,
        to: NodeId,
        term: Term,
        stream: u64,
        parts: u64,
        complete: Option<LogIndex>,
        output: &mut Output,
    ) {
        output.bodies.push((to, Body::SnapshotReceived { shard: self.shard, term, stream, parts, complete }));
    }
}

impl SnapshotPart {
    /// Bytes it carries.
    #[must_use]
    pub fn size(&self) -> usize {
        let SnapshotChunk { rows, end, .. } = &self.chunk;
        rows.len() + end.as_ref().map_or(0, |end| end.meta.len())
    }
}
