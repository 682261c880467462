//! What nodes say to each other. Every message may be lost, doubled, late or out of order, and each carries the
//! sender's hybrid time. The peer frame around it (version, length, checksum) is the shell's.

use crate::command::{Command, ReadCommand, ReadResult, WriteOutcome};
use crate::ids::{Incarnation, NodeId, RequestId, SchemaVersion, ShardId};
use crate::raft::RaftMessage;
use crate::time::HybridTime;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// One message between nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// The sender's hybrid time.
    pub stamp: HybridTime,
    /// Which life of the sender this comes from.
    pub incarnation: Incarnation,
    /// What it says.
    pub body: Body,
}

/// The kinds of message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Body {
    /// Raft of any number of shards, heartbeats coalesced.
    Raft(Vec<(ShardId, RaftMessage)>),
    /// Please append this command, if you lead the shard.
    Propose {
        /// The shard.
        shard: ShardId,
        /// The command, header included.
        command: Command,
    },
    /// What became of a proposal.
    Proposed {
        /// The request.
        request: RequestId,
        /// Its outcome, or why there is none.
        outcome: Result<WriteOutcome, Refusal>,
    },
    /// Please read.
    Read {
        /// Identity of the request at the sender.
        request: RequestId,
        /// The shard.
        shard: ShardId,
        /// The schema it was planned with.
        schema: SchemaVersion,
        /// Whether it must be linearizable (leader), or any replica will do.
        linearizable: bool,
        /// What to read.
        command: ReadCommand,
    },
    /// What was read.
    ReadDone {
        /// The request.
        request: RequestId,
        /// The rows, or why there are none.
        result: Result<ReadResult, Refusal>,
    },
    /// From the catalogue's leader: the schema as of `version`, and a promise not to change it without asking for `lease`.
    SchemaOffer {
        /// Its version.
        version: SchemaVersion,
        /// The encoded schema; `None` when the receiver is known to have it.
        schema: Option<Bytes>,
        /// Echoed in the answer, so that the leader knows from when the lease counts.
        round: u64,
    },
    /// To the catalogue's leader: I serve this version now.
    SchemaTaken {
        /// The version served.
        version: SchemaVersion,
        /// The round answered.
        round: u64,
    },
    /// I am here (status of nodes, leaders' whereabouts); sent to everybody from time to time.
    Alive {
        /// Shards this node leads now.
        leads: Vec<ShardId>,
        /// The sender's wall clock in microseconds, for skew detection.
        wall: i64,
        /// Echo of the receiver's last `Alive` wall and the time since, for round-trip correction.
        echo: Option<AliveEcho>,
    },
}

/// What lets a receiver of `Alive` measure the round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AliveEcho {
    /// The receiver's own wall clock when it sent the `Alive` echoed here.
    pub wall: i64,
    /// Microseconds that the sender held it.
    pub held_micros: u64,
}

/// Why a node did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// Not the leader (any more, or yet); perhaps that one is. Nothing happened: send it there.
    NotLeader(Option<NodeId>),
    /// The request was planned with an older schema than this node serves. Plan again.
    StaleSchema(SchemaVersion),
    /// This node does not serve that schema yet, ask again.
    SchemaAhead,
    /// Too much to do. Nothing happened.
    Overloaded,
    /// The disk is full: writes are refused, reads go on. Nothing happened.
    DiskFull,
    /// The replica found damage and is being rebuilt.
    Damaged,
    /// No replica of that shard here.
    NoReplica,
}
