//! What a shard replicates besides its rows: the records of requests, the running digest, batches under way, and in the
//! catalogue the schema.
//!
//! It is flushed in the same transaction as the rows, and travels with the last part of a snapshot, so that the two can
//! never disagree.

use super::deduplication::Deduplication;
use super::retire::Retired;
use crate::command::BatchShare;
use crate::ids::{RequestId, StorageId};
use crate::schema::Schema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// First byte of the encoded state.
const FORMAT_VERSION: u8 = 4;

/// The replicated state of a shard that is not rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ShardState {
    /// Requests that were applied.
    pub deduplication: Deduplication,
    /// Hash over all entries applied and their outcomes: equal on replicas at equal index.
    pub digest: u64,
    /// The schema; in the catalogue shard only.
    pub schema: Option<Schema>,
    /// Logged batches decided in this shard whose shares are not all known to be applied, by log index.
    pub batches: BTreeMap<u64, PendingBatch>,
    /// Storages that were given up, and what took their place.
    pub retired: BTreeMap<StorageId, Retired>,
}

/// A logged batch under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PendingBatch {
    /// Whose it is.
    pub request: RequestId,
    /// What other shards have to do.
    pub shares: Vec<BatchShare>,
}

/// Stored state that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StateError {
    /// Written by another version of the program.
    #[error("the shard's state has format version {0}, this program reads {FORMAT_VERSION}")]
    Version(u8),
    /// Not what was written.
    #[error("the shard's state is damaged")]
    Damaged,
}

impl ShardState {
    /// The bytes that are stored with the rows.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![FORMAT_VERSION]).expect("plain data in memory encodes")
    }

    /// Read what `encode` wrote; no bytes are an empty state.
    ///
    /// # Errors
    /// When the bytes are damaged or of another version.
    pub fn decode(bytes: &[u8]) -> Result<ShardState, StateError> {
        match bytes {
            [] => Ok(ShardState::default()),
            [FORMAT_VERSION, rest @ ..] => postcard::from_bytes(rest).map_err(|_| StateError::Damaged),
            [other, ..] => Err(StateError::Version(*other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_survives_and_damage_is_an_error() {
        let state = ShardState { digest: 7, schema: Some(Schema::default()), ..ShardState::default() };
        let bytes = state.encode();
        assert_eq!(ShardState::decode(&bytes), Ok(state));
        assert_eq!(ShardState::decode(&[9]), Err(StateError::Version(9)));
        assert_eq!(ShardState::decode(&bytes[..3]), Err(StateError::Damaged));
        assert_eq!(ShardState::decode(&[]), Ok(ShardState::default()));
    }
}
