//! Raft, sans-IO (placeholder of the interface; being written).

use crate::ids::{LogIndex, NodeId, ShardId, Term};
use crate::time::HybridTime;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// One entry of a shard's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Its position.
    pub index: LogIndex,
    /// The term of the leader that made it.
    pub term: Term,
    /// That leader's stamp: above every stamp before it in the log.
    pub stamp: HybridTime,
    /// An encoded `Command`.
    pub payload: Bytes,
}

/// The part of a replica's state that must survive a crash besides the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HardState {
    /// Latest term seen.
    pub term: Term,
    /// Who got this replica's vote in that term.
    pub vote: Option<NodeId>,
}

/// A change of the log store. A batch of these is atomic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LogOp {
    /// Write this term and vote.
    HardState(ShardId, HardState),
    /// Delete every entry at or after this index, then append these.
    Append {
        /// The shard.
        shard: ShardId,
        /// Entries at and after this are deleted first.
        truncate_from: LogIndex,
        /// New entries, in order, the first at `truncate_from`.
        entries: Vec<Entry>,
    },
    /// Delete every entry at or below this index: flushed here and not wanted by anybody. Remembers (index, term) of the last one cut.
    CutThrough {
        /// The shard.
        shard: ShardId,
        /// Last index that goes.
        index: LogIndex,
        /// Its term.
        term: Term,
    },
    /// Forget everything about this shard's log and start after this position (a snapshot was installed). Keeps the hard state.
    Reset {
        /// The shard.
        shard: ShardId,
        /// Last index contained in the snapshot.
        index: LogIndex,
        /// Its term.
        term: Term,
    },
}

/// What the log store held for one shard when the node started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedLog {
    /// Term and vote.
    pub hard_state: HardState,
    /// Position of the last entry that was cut (0, 0 if none).
    pub cut: (LogIndex, Term),
    /// The entries after it, without gaps.
    pub entries: Vec<Entry>,
}

/// Raft messages of one shard (being written).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RaftMessage {}
