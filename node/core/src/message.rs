//! What nodes say to each other. Every message may be lost, doubled, late or out of order, and each carries the
//! sender's hybrid time. The peer frame around it (version, length, checksum) is the shell's.

use crate::command::{ReadCommand, ReadResult, RequestHeader, WriteOutcome};
use crate::ids::{Incarnation, LogIndex, NodeId, RequestId, SchemaVersion, ShardId, StorageId, Term};
use crate::raft::RaftMessage;
use crate::storage::SnapshotChunk;
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
    /// Counts the sender's messages to this receiver in this life (`membership::numbering`); 0 inside a detour.
    pub number: u64,
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
        /// The command's header, so that the leader need not decode the payload.
        header: RequestHeader,
        /// The storages it touches: refused when the leader knows that one is gone.
        storages: Vec<StorageId>,
        /// The encoded `Command`.
        payload: Bytes,
    },
    /// What became of a proposal.
    Proposed {
        /// The request.
        request: RequestId,
        /// The shard it was sent to.
        shard: ShardId,
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
    /// From the catalogue's leader: the schema as of `version`. Answering a question (`round` > 0) it grants a schema lease to
    /// whoever serves that version by then (see `catalogue::lease`).
    SchemaOffer {
        /// Its version.
        version: SchemaVersion,
        /// The encoded schema; `None` when the receiver is known to have it.
        schema: Option<Bytes>,
        /// The round of the question it answers; 0 for none.
        round: u64,
    },
    /// To the catalogue's leader: I serve this version. May I go on?
    SchemaTaken {
        /// The version served.
        version: SchemaVersion,
        /// The asker's round; 0 when it only reports.
        round: u64,
    },
    /// A part of a snapshot, from a leader to a replica whose log starts after the leader's was cut.
    Snapshot {
        /// The shard.
        shard: ShardId,
        /// Which snapshot, and what of it.
        part: SnapshotPart,
    },
    /// How far a snapshot has arrived.
    SnapshotReceived {
        /// The shard.
        shard: ShardId,
        /// The leader's term.
        term: Term,
        /// Which of the leader's snapshots.
        stream: u64,
        /// Parts durable here: send the next.
        parts: u64,
        /// The receiver has everything through here, from this snapshot or by other means: go on with entries.
        complete: Option<LogIndex>,
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
    /// From a node that the receiver does not hear, or to one: a request or an answer that takes a detour. Never raft's messages,
    /// which have their own ways to live with a cut, and never relayed twice.
    Relayed {
        /// Who says it.
        from: NodeId,
        /// To whom.
        to: NodeId,
        /// What.
        message: Box<Message>,
    },
}

impl Body {
    /// Whether it may take a detour: what a client may be waiting for, and the schema lease that serving depends on.
    #[must_use]
    pub fn may_be_relayed(&self) -> bool {
        matches!(
            self,
            Body::Propose { .. }
                | Body::Proposed { .. }
                | Body::Read { .. }
                | Body::ReadDone { .. }
                | Body::SchemaOffer { .. }
                | Body::SchemaTaken { .. }
        )
    }
}

/// A bounded part of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SnapshotPart {
    /// The sender's term.
    pub term: Term,
    /// Counts the sender's snapshots, so that parts of an abandoned one cannot be taken for those of the next.
    pub stream: u64,
    /// Who has applied this needs no snapshot, or needs another: the sender has every entry after it, or this snapshot may show less.
    pub floor: LogIndex,
    /// The rows, and with the last part where the snapshot ends.
    pub chunk: SnapshotChunk,
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
    /// The disk has failed and is not tried again in this life of the node. Nothing happened.
    DiskBroken,
    /// The only replica there is is damaged: what was asked for cannot be done, now or later. Nothing happened.
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{ClusteringRange, PartitionKey, Partitions, Position, RowId};
    use crate::ids::ColumnId;
    use trefoil_cql::token::Token;

    /// As in `schema::tests`: peers of another version are refused by a number, and somebody must be told to raise it.
    #[test]
    fn another_layout_is_another_version() {
        let partition = PartitionKey { token: Token(-7), key: bytes::Bytes::from_static(b"key") };
        let row = bytes::Bytes::from_static(b"row");
        let request = RequestId { node: NodeId(1), incarnation: Incarnation(2), sequence: 3 };
        let command = ReadCommand {
            clustering: vec![ClusteringRange::row(&row)],
            columns: Some(vec![ColumnId(4)]),
            per_partition_limit: Some(5),
            resume: Some(Position {
                partition: partition.clone(),
                row: Some(RowId::Row(row)),
                returned_in_partition: 6,
            }),
            now_seconds: Some(7),
            dropped: vec![(ColumnId(8), 9)],
            ..ReadCommand::of(StorageId(10), Partitions::Keys(vec![partition]), 11)
        };
        let body = Body::Read { request, shard: ShardId(12), schema: SchemaVersion(13), linearizable: true, command };
        let message = Message { stamp: HybridTime(14), incarnation: Incarnation(15), number: 16, body };
        let bytes = postcard::to_stdvec(&message).expect("plain data in memory encodes");
        assert_eq!(
            xxhash_rust::xxh3::xxh3_64(&bytes),
            0x3b26_fb2c_c388_43dc,
            "the layout is another: raise PROTOCOL_VERSION"
        );
    }
}
