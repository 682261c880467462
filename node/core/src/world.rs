//! The seam: everything a node may ask of the world around it, and everything it may be told.
//!
//! Three worlds implement it: `trefoil` (tokio and LMDB), `trefoil-sim` (a seed) and the models. The core never
//! blocks and never awaits. Effects are data and completions carry ids. There are two durability facts, *submitted*
//! (`persist` returned a ticket) and *durable* (`Input::Durable` came back); nothing else may be acknowledged.

use crate::bugs::Bugs;
use crate::ids::{ConnId, LogIndex, NodeId, ShardId, Term, Ticket};
use crate::message::Message;
use crate::raft::LogOp;
use crate::storage::RowsBatch;
use crate::time::{Clock, HybridTime, Monotonic};
use bytes::Bytes;
use rand_core::RngCore;

/// What can happen to a node.
#[derive(Clone, Debug)]
pub enum Input {
    /// A client connected.
    Connected {
        /// The new connection.
        conn: ConnId,
        /// Where the client is, for logs and `system_views.clients`.
        remote: std::net::SocketAddr,
    },
    /// One whole protocol envelope arrived, header and uncompressed body. Segments (v5), compression and size limits
    /// are the shell's work, done with `trefoil_cql::protocol`.
    Request {
        /// Who sent it.
        conn: ConnId,
        /// Header (9 bytes) and body.
        envelope: Bytes,
    },
    /// The client is gone; nothing more may be replied.
    Disconnected {
        /// The closed connection.
        conn: ConnId,
    },
    /// A peer's message arrived: late, twice, or out of order, but never altered.
    Message {
        /// The sender.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// All that this ticket stands for, and everything submitted to the same store before it, survives a power cut.
    Durable {
        /// What `World::persist` returned.
        ticket: Ticket,
    },
    /// A submitted batch could not be written (disk full, I/O error). The store is as it was before that batch. Whatever else was
    /// submitted to it before the node hears of this fails too, and is reported likewise.
    PersistFailed {
        /// What `World::persist` returned.
        ticket: Ticket,
        /// What went wrong.
        failure: DiskFailure,
    },
    /// Monotonic time has reached what was last asked for with `World::wake`.
    Wake,
    /// Stop soon: hand leadership over, finish what is under way; see `Node::is_drained`.
    Shutdown,
}

/// Why a batch could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiskFailure {
    /// No space in the map or on the device. Space may come back.
    Full,
    /// The device failed. The store must be reopened.
    Broken,
    /// A rows batch met a damaged value of this shard (`BatchError::Damaged`): its replica must be rebuilt.
    Damaged(ShardId),
}

/// Something submitted to a store; atomic.
#[derive(Clone, Debug)]
pub enum Batch {
    /// To the log store: raft entries, votes.
    Log(Vec<LogOp>),
    /// To the row store: a flush, a snapshot chunk, a clearing.
    Rows(RowsBatch),
}

/// Reads of the durable row store. Keys are physical keys (at most `limits::PHYSICAL_KEY_BYTES`), values carry checksums that
/// `storage` verifies. A view does not change while a step lasts, and contains every rows batch reported durable.
pub trait Rows {
    /// The value at this key.
    fn get(&self, key: &[u8]) -> Option<&[u8]>;

    /// Keys in `start..end` in ascending order.
    fn range<'a>(&'a self, start: &[u8], end: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a, Self>;

    /// Keys in `start..end` in descending order.
    fn range_reversed<'a>(
        &'a self,
        start: &[u8],
        end: &[u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a, Self>;
}

/// Everything a node may ask for. Statically dispatched; `Bugs` is a supertrait so that planted bugs vanish in production.
pub trait World: Bugs {
    /// The row store.
    type Rows: Rows;

    /// Time, fixed during one step.
    fn clock(&self) -> Clock;

    /// Randomness; a stream per node in the simulator.
    fn rng(&mut self) -> &mut impl RngCore;

    /// To a peer; may be lost, delayed, duplicated, reordered.
    fn send(&mut self, to: NodeId, message: Message);

    /// One whole envelope to a client.
    fn reply(&mut self, conn: ConnId, envelope: Bytes);

    /// Close a client's connection after what was replied.
    fn close(&mut self, conn: ConnId);

    /// Ask for `Input::Wake` at this time; replaces what was asked for before.
    fn wake(&mut self, at: Monotonic);

    /// Submit a batch. Each of the two stores makes its batches durable in the order submitted.
    fn persist(&mut self, batch: Batch) -> Ticket;

    /// The durable row store, read now.
    fn rows(&self) -> &Self::Rows;

    /// Fault points in the code; constant false outside the simulator.
    #[inline(always)]
    fn buggify(&mut self, _site: &'static str) -> bool {
        false
    }

    /// Steps at the level of the specification, for oracles; and marks of rare situations.
    #[inline(always)]
    fn trace(&mut self, _event: TraceEvent) {}
}

/// What oracles and reachability marks see of a node, beyond its messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TraceEvent {
    /// A rare situation was reached (`sometimes!`).
    Mark(&'static str),
    /// This replica leads a shard from now on.
    BecameLeader {
        /// The shard.
        shard: ShardId,
        /// Its term.
        term: Term,
    },
    /// It leads it no more.
    SteppedDown {
        /// The shard.
        shard: ShardId,
        /// The term it led.
        term: Term,
    },
    /// A linearizable read was served under a lease.
    LeaseUsed {
        /// The shard.
        shard: ShardId,
        /// The term of the holder.
        term: Term,
    },
    /// A log entry was applied. `digest` is a hash of the entry and its outcome: equal on all replicas at equal index.
    Applied {
        /// The shard.
        shard: ShardId,
        /// The entry's position.
        index: LogIndex,
        /// The term it was made in.
        term: Term,
        /// The entry's stamp.
        stamp: HybridTime,
        /// Rolling hash over everything applied so far.
        digest: u64,
    },
    /// A request's effect happened at this entry (not a repetition of it).
    RequestApplied {
        /// The shard.
        shard: ShardId,
        /// Which request.
        request: crate::ids::RequestId,
        /// Where.
        index: LogIndex,
    },
    /// The node found damage and withdrew a replica.
    DamageFound {
        /// The shard.
        shard: ShardId,
    },
}

/// Say that a rare situation was reached; a sweep fails when a named mark never is.
#[macro_export]
macro_rules! sometimes {
    ($world:expr, $mark:literal) => {
        $world.trace($crate::world::TraceEvent::Mark($mark))
    };
}
