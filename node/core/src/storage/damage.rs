//! Damage: a stored value that is not what was written there. It is reported, never served.

use crate::ids::ShardId;

/// A stored value failed its checksum or cannot be decoded: rotten, stale, or written for another key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("shard {shard}: stored value is damaged: {reason}")]
pub struct Damage {
    /// The shard whose rows these are.
    pub shard: ShardId,
    /// The physical key.
    pub key: Vec<u8>,
    /// What is wrong.
    pub reason: &'static str,
}
