//! Keys of the row store. A *logical* key says where something belongs, in the order reads want it: space, table, token,
//! partition key, static row before rows, clustering key. It may be 128 KB long. A *physical* key is what the store sees: the
//! logical key itself if it is short, else its first bytes, under which a *bucket* holds all keys that begin so.
//!
//! The order of logical keys and the order of (physical key, rest) are the same. Format: FORMAT.md, "Row store".

use super::component::{KeyReader, put_escaped, read_escaped};
use super::encoding::Malformed;
use super::shard::TokenRange;
use crate::command::{PartitionKey, RowId};
use crate::ids::{ShardId, StorageId};
use bytes::Bytes;
use trefoil_cql::token::Token;

/// One record for each shard, and whatever a world keeps for itself under `[0, 0]`.
const META: u8 = 0;
const META_SHARD: u8 = 1;

/// Length of the physical key of a bucket; logical keys shorter than this are their own physical key.
pub(crate) const BUCKET_KEY_BYTES: usize = 480;

const _: () = assert!(BUCKET_KEY_BYTES < crate::limits::PHYSICAL_KEY_BYTES);

const KIND_STATIC: u8 = 1;
const KIND_ROW: u8 = 2;
const KIND_BEHIND: u8 = 3;

/// What kind of things a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Space {
    /// Deletions of partitions and ranges: few, so that it is cheap to see that a table has none.
    Deletions = 1,
    /// Rows.
    Rows = 2,
}

/// Which row of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RowRef<'a> {
    /// The static row.
    Static,
    /// The row with this clustering key.
    Row(&'a [u8]),
}

impl<'a> RowRef<'a> {
    pub(crate) fn of(row: &'a RowId) -> RowRef<'a> {
        match row {
            RowId::Static => RowRef::Static,
            RowId::Row(key) => RowRef::Row(key),
        }
    }

    pub(crate) fn to_row_id(self) -> RowId {
        match self {
            RowRef::Static => RowId::Static,
            RowRef::Row(key) => RowId::Row(Bytes::copy_from_slice(key)),
        }
    }

    /// The clustering key, unless it is the static row.
    pub(crate) fn clustering(self) -> Option<&'a [u8]> {
        match self {
            RowRef::Static => None,
            RowRef::Row(key) => Some(key),
        }
    }
}

/// Where a shard's meta record is.
pub(crate) fn meta_key(shard: ShardId) -> Vec<u8> {
    [&[META, META_SHARD][..], &shard.0.to_be_bytes()].concat()
}

/// The first key of a table at or behind this token.
pub(crate) fn token_start(space: Space, table: StorageId, token: Token) -> Vec<u8> {
    let mut out = Vec::with_capacity(13);
    put_token(space, table, token, &mut out);
    out
}

/// The first key behind everything of a table with this token.
pub(crate) fn token_end(space: Space, table: StorageId, token: Token) -> Vec<u8> {
    match (token.0.checked_add(1), table.0.checked_add(1)) {
        (Some(next), _) => token_start(space, table, Token(next)),
        (None, Some(next)) => [&[space as u8][..], &next.to_be_bytes()].concat(),
        (None, None) => vec![space as u8 + 1],
    }
}

/// The bounds of a table within some tokens.
pub(crate) fn token_bounds(space: Space, table: StorageId, tokens: TokenRange) -> (Vec<u8>, Vec<u8>) {
    (token_start(space, table, tokens.start), token_end(space, table, tokens.end))
}

/// The key of a partition's deletions.
pub(crate) fn deletions_key(table: StorageId, partition: &PartitionKey) -> Vec<u8> {
    partition_key(Space::Deletions, table, partition, 0)
}

/// The key of a row.
pub(crate) fn row_key(table: StorageId, partition: &PartitionKey, row: RowRef<'_>) -> Vec<u8> {
    let mut key = partition_key(Space::Rows, table, partition, row.clustering().map_or(0, <[u8]>::len));
    put_row(row, &mut key);
    key
}

/// What all keys of a partition begin with; in the space of deletions it is the whole key.
pub(crate) fn partition_key(space: Space, table: StorageId, partition: &PartitionKey, spare: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(partition.key.len() + spare + 32);
    put_token(space, table, partition.token, &mut out);
    put_escaped(&partition.key, &mut out);
    out
}

/// Behind the partition key: which row.
pub(crate) fn put_row(row: RowRef<'_>, out: &mut Vec<u8>) {
    match row {
        RowRef::Static => out.push(KIND_STATIC),
        RowRef::Row(clustering) => {
            out.push(KIND_ROW);
            out.extend_from_slice(clustering);
        }
    }
}

/// Behind the partition key: behind all its rows.
pub(crate) fn put_behind_rows(out: &mut Vec<u8>) {
    out.push(KIND_BEHIND);
}

fn put_token(space: Space, table: StorageId, token: Token, out: &mut Vec<u8>) {
    out.push(space as u8);
    out.extend_from_slice(&table.0.to_be_bytes());
    out.extend_from_slice(&((token.0 as u64) ^ (1 << 63)).to_be_bytes());
}

/// The first key of the space that belongs to this table or one behind it.
pub(crate) fn table_start(space: Space, table: StorageId) -> Vec<u8> {
    [&[space as u8][..], &table.0.to_be_bytes()].concat()
}

/// The first key behind the space.
pub(crate) fn space_end(space: Space) -> Vec<u8> {
    vec![space as u8 + 1]
}

/// The table that a key belongs to, and its partition's token.
pub(crate) fn parse_table(key: &[u8]) -> Result<(StorageId, Token), Malformed> {
    let mut reader = KeyReader::new(key);
    reader.u8()?;
    let table = StorageId(u32::from_be_bytes(reader.array()?));
    let token = Token((u64::from_be_bytes(reader.array()?) ^ (1 << 63)) as i64);
    Ok((table, token))
}

/// The partition that a logical key belongs to.
pub(crate) fn parse_partition(key: &[u8]) -> Result<PartitionKey, Malformed> {
    let (_, token) = parse_table(key)?;
    let mut partition = Vec::new();
    read_escaped(&mut KeyReader::new(key.get(13..).ok_or(Malformed)?), &mut partition)?;
    Ok(PartitionKey { token, key: partition.into() })
}

/// How much of a row's logical key all keys of its partition begin with.
pub(crate) fn partition_length(key: &[u8]) -> Result<usize, Malformed> {
    let partition = key.get(13..).ok_or(Malformed)?;
    // The terminator is a byte that escaping leaves nowhere else.
    partition.iter().position(|byte| *byte == 0).map(|end| 13 + end + 1).ok_or(Malformed)
}

/// Which row a logical key means, when what its partition's keys begin with is cut off.
pub(crate) fn parse_row(rest: &[u8]) -> Result<RowRef<'_>, Malformed> {
    match rest.split_first() {
        Some((&KIND_STATIC, [])) => Ok(RowRef::Static),
        Some((&KIND_ROW, clustering)) => Ok(RowRef::Row(clustering)),
        _ => Err(Malformed),
    }
}

/// The physical key, and the rest that tells entries of a bucket apart (`None`: no bucket).
pub(crate) fn physical(logical: &[u8]) -> (&[u8], Option<&[u8]>) {
    match logical.split_at_checked(BUCKET_KEY_BYTES) {
        Some((physical, rest)) => (physical, Some(rest)),
        None => (logical, None),
    }
}

/// Whether the value under this physical key is a bucket.
pub(crate) fn is_bucket(physical: &[u8]) -> bool {
    physical.len() == BUCKET_KEY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn partition(token: i64, key: &[u8]) -> PartitionKey {
        PartitionKey { token: Token(token), key: Bytes::copy_from_slice(key) }
    }

    quickcheck! {
        fn keys_sort_by_table_token_partition_and_row(one: (u8, i64, Vec<u8>, Option<Vec<u8>>), two: (u8, i64, Vec<u8>, Option<Vec<u8>>)) -> bool {
            let build = |parts: &(u8, i64, Vec<u8>, Option<Vec<u8>>)| {
                let row = parts.3.as_ref().map_or(RowRef::Static, |key| RowRef::Row(key));
                row_key(StorageId(u32::from(parts.0)), &partition(parts.1, &parts.2), row)
            };
            let order = |parts: &(u8, i64, Vec<u8>, Option<Vec<u8>>)| (parts.0, parts.1, parts.2.clone(), parts.3.clone());
            build(&one).cmp(&build(&two)) == order(&one).cmp(&order(&two))
        }

        fn keys_can_be_read(table: u32, token: i64, key: Vec<u8>, clustering: Vec<u8>) -> bool {
            let partition = partition(token, &key);
            let start = partition_key(Space::Rows, StorageId(table), &partition, 0);
            let whole = row_key(StorageId(table), &partition, RowRef::Row(&clustering));
            parse_table(&whole) == Ok((StorageId(table), Token(token)))
                && parse_partition(&whole).as_ref() == Ok(&partition)
                && parse_row(&whole[start.len()..]) == Ok(RowRef::Row(&clustering))
        }

        fn physical_order_is_logical_order(one: (u8, bool), two: (u8, bool), tails: (Vec<u8>, Vec<u8>)) -> bool {
            let key = |(fill, long): (u8, bool), tail: &[u8]| {
                [&vec![fill % 2; if long { BUCKET_KEY_BYTES - 2 } else { 3 }][..], tail].concat()
            };
            let (one, two) = (key(one, &tails.0), key(two, &tails.1));
            physical(&one).cmp(&physical(&two)) == one.cmp(&two)
        }
    }

    #[test]
    fn bounds_of_the_last_token_and_table_end_where_the_next_begin() {
        assert!(
            token_end(Space::Rows, StorageId(1), Token(i64::MAX))
                <= token_start(Space::Rows, StorageId(2), Token(i64::MIN))
        );
        assert!(token_end(Space::Rows, StorageId(u32::MAX), Token(i64::MAX)) == space_end(Space::Rows));
        assert!(
            token_end(Space::Deletions, StorageId(u32::MAX), Token(i64::MAX)) <= table_start(Space::Rows, StorageId(0))
        );
    }

    #[test]
    fn the_bytes_are_as_written_down() {
        let partition = partition(-2, &[0, 1, 2]);
        let key = row_key(StorageId(7), &partition, RowRef::Row(b"c"));
        assert_eq!(
            key,
            [&[2, 0, 0, 0, 7, 0x7f, 255, 255, 255, 255, 255, 255, 254, 1, 1, 1, 2, 2, 0, 2][..], b"c"].concat()
        );
        assert_eq!(deletions_key(StorageId(7), &partition)[..], [&[1][..], &key[1..19]].concat());
        assert_eq!(meta_key(ShardId(3)), [0, 1, 0, 0, 0, 3]);
    }
}
