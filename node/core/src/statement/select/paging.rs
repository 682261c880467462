//! The paging state: everything that is needed to go on with a SELECT in another request, on another connection, node or
//! after a restart. It carries a checksum and the table's id: what comes back altered, or with another statement, is refused.
//!
//! Format: version (1 byte), postcard of `PagingState`, XXH3 of all before it (8 bytes).

use crate::command::Position;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use trefoil_cql::protocol::response::CqlError;

const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 8;

/// Where a SELECT goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PagingState {
    /// The table's id, shortened.
    pub table: u64,
    /// After this row.
    pub position: Position,
    /// Rows (or groups) that LIMIT still allows.
    pub rows_left: Option<u32>,
    /// Groups of this partition so far, for PER PARTITION LIMIT.
    pub groups_in_partition: u32,
}

impl PagingState {
    pub fn encode(&self) -> Bytes {
        let mut bytes = postcard::to_extend(self, vec![VERSION]).expect("plain data in memory encodes");
        let checksum = xxhash_rust::xxh3::xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        Bytes::from(bytes)
    }

    pub fn decode(bytes: &[u8], table: u64) -> Result<PagingState, CqlError> {
        let refused = || CqlError::invalid("Invalid value for the paging state");
        let end = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or_else(refused)?;
        let (content, checksum) = bytes.split_at(end);
        if xxhash_rust::xxh3::xxh3_64(content).to_be_bytes() != checksum || content.first() != Some(&VERSION) {
            return Err(refused());
        }
        let state: PagingState = postcard::from_bytes(&content[1..]).map_err(|_| refused())?;
        if state.table == table { Ok(state) } else { Err(refused()) }
    }
}

/// A table's id as paging states carry it.
pub(super) fn table_tag(id: &[u8; 16]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{PartitionKey, RowId};
    use trefoil_cql::token::Token;

    fn state() -> PagingState {
        let partition = PartitionKey { token: Token(-7), key: Bytes::from_static(b"key") };
        let row = Some(RowId::Row(Bytes::from_static(b"row")));
        let position = Position { partition, row, returned_in_partition: 3 };
        PagingState { table: 42, position, rows_left: Some(5), groups_in_partition: 0 }
    }

    #[test]
    fn a_state_survives_the_client() {
        assert_eq!(PagingState::decode(&state().encode(), 42), Ok(state()));
    }

    #[test]
    fn every_altered_byte_is_noticed() {
        let bytes = state().encode();
        for index in 0..bytes.len() {
            let mut altered = bytes.to_vec();
            altered[index] ^= 0x40;
            assert!(PagingState::decode(&altered, 42).is_err(), "byte {index}");
        }
        for length in 0..bytes.len() {
            assert!(PagingState::decode(&bytes[..length], 42).is_err(), "cut at {length}");
        }
        assert!(PagingState::decode(&bytes, 43).is_err(), "another table's state");
    }
}
