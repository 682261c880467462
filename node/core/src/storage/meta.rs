//! A shard's meta record: how far the log is applied to the stored rows, and the state that goes with them. Written in the
//! same transaction as the rows, so they cannot disagree. It is absent while a shard has nothing or a snapshot arrives.

use super::damage::Damage;
use super::encoding::{Malformed, Reader, put_bytes, put_signed, put_varint};
use super::key::meta_key;
use super::purge::Horizons;
use super::stored;
use crate::ids::{LogIndex, ShardId, StorageId, Term};
use crate::raft::{AppliedThrough, Position};
use crate::time::HybridTime;
use crate::world::Rows;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the record says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Meta {
    /// The rows contain everything through this entry.
    pub(crate) applied: AppliedThrough,
    /// Purge horizons in force after that entry.
    pub(crate) horizons: Arc<Horizons>,
    /// Storages that are gone; their rows may still be there.
    pub(crate) dropped: BTreeSet<StorageId>,
    /// What `replicate` wants back.
    pub(crate) state: Bytes,
}

impl Meta {
    /// Append the stored form.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.applied.position.index.0);
        put_varint(out, self.applied.position.term.0);
        put_signed(out, self.applied.stamp.0);
        self.horizons.encode(out);
        put_varint(out, self.dropped.len() as u64);
        for table in &self.dropped {
            put_varint(out, u64::from(table.0));
        }
        put_bytes(out, &self.state);
    }

    /// Read the stored form.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Meta, Malformed> {
        let mut reader = Reader::new(bytes);
        let position = Position { index: LogIndex(reader.varint()?), term: Term(reader.varint()?) };
        let applied = AppliedThrough { position, stamp: HybridTime(reader.signed()?) };
        let horizons = Arc::new(Horizons::decode(&mut reader)?);
        let count = reader.varint()?;
        let mut dropped = BTreeSet::new();
        for _ in 0..count {
            dropped.insert(StorageId(reader.varint_u32()?));
        }
        let state = Bytes::copy_from_slice(reader.bytes()?);
        if reader.is_empty() { Ok(Meta { applied, horizons, dropped, state }) } else { Err(Malformed) }
    }

    /// What the store has of a shard.
    pub(crate) fn read<R: Rows>(rows: &R, shard: ShardId) -> Result<Option<Meta>, Damage> {
        let key = meta_key(shard);
        let content = stored::get(rows, shard, &key)?;
        content.map(|content| Meta::decode(content).map_err(|_| stored::malformed(shard, &key))).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::PurgeCommand;

    #[test]
    fn the_bytes_are_as_written_down() {
        let purge = PurgeCommand { deleted_before: 3, exceptions: vec![(StorageId(9), 2)] };
        let meta = Meta {
            applied: AppliedThrough {
                position: Position { index: LogIndex(300), term: Term(2) },
                stamp: HybridTime(5_000_000),
            },
            horizons: Arc::new(Horizons::default().purged(&purge, HybridTime(5_000_000))),
            dropped: BTreeSet::from([StorageId(1), StorageId(200)]),
            state: Bytes::from_static(b"xy"),
        };
        let mut out = Vec::new();
        meta.encode(&mut out);
        assert_eq!(
            out,
            [0xac, 2, 2, 0x80, 0xad, 0xe2, 4, 6, 1, 9, 4, 2, 1, 0xc8, 1, 2, b'x', b'y'],
            "index, term, stamp, horizons, dropped, state"
        );
        assert_eq!(Meta::decode(&out), Ok(meta));
        assert_eq!(Meta::decode(&out[..out.len() - 1]), Err(Malformed));
    }
}
