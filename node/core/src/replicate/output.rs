//! What a replica says to its node: messages, operations for the log, and events, collected over many replicas and one batch of
//! inputs. Nothing here has happened yet: the node carries it out.

use crate::command::{ReadResult, RequestHeader, WriteOutcome};
use crate::ids::{NodeId, RequestId, ShardId};
use crate::message::{Body, Refusal};
use crate::raft::{LogOp, PersistSequence, RaftMessage, RoleChange};

/// What a replica wants done, collected over all replicas of a node and over a batch of inputs.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// Raft messages, to be coalesced per peer.
    pub raft: Vec<(NodeId, ShardId, RaftMessage)>,
    /// Other messages.
    pub bodies: Vec<(NodeId, Body)>,
    /// One batch for the log store.
    pub log_ops: Vec<LogOp>,
    /// Whom to tell when that batch is durable.
    pub sequences: Vec<(ShardId, PersistSequence)>,
    /// What happened that others on this node wait for.
    pub events: Vec<(ShardId, ReplicaEvent)>,
    /// Something is left to do that needs no input: come back at once.
    pub unfinished: bool,
}

/// What happened at a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaEvent {
    /// A request's entry was applied, or found to be applied already.
    Applied {
        /// The request.
        header: RequestHeader,
        /// What became of it.
        outcome: WriteOutcome,
    },
    /// A read with this id can be served now.
    ReadReady(u64),
    /// A read with this id cannot be served here.
    ReadFailed(u64),
    /// The role changed.
    Role(RoleChange),
    /// The catalogue's schema is a new one.
    Schema,
    /// A logged batch was decided here: its shares must be delivered.
    BatchDecided,
    /// Every share of a logged batch is applied.
    BatchDone {
        /// Index of the batch in this shard's log.
        batch: u64,
        /// Whose it was.
        request: RequestId,
    },
}

/// How far a read got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadAnswer {
    /// Here it is.
    Done(ReadResult),
    /// `ReplicaEvent::ReadReady` or `ReadFailed` with its id will come.
    Parked,
    /// Not here.
    Refused(Refusal),
}
