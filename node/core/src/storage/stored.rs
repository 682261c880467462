//! Values as they lie in the store: a format version, a checksum over physical key, version and content, then the content.
//! A value that rotted, or lies under a key it was not written for, is damage (DAMAGE-FOUND); one of a later version is refused.
//!
//! Also the overflow form: a bucket's content is a sorted list of (rest of the logical key, content).

use super::damage::Damage;
use super::encoding::{Malformed, Reader, put_bytes, put_signed, put_varint};
use super::key::{is_bucket, physical};
use super::row::RowView;
use crate::ids::ShardId;
use crate::world::Rows;
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Version of everything in the row store. A store of a later one is refused, never guessed at.
const VERSION: u8 = 1;

/// Version and checksum.
const ENVELOPE_BYTES: usize = 9;

fn checksum(key: &[u8], content: &[u8]) -> u64 {
    xxh3_64_with_seed(content, xxh3_64_with_seed(key, u64::from(VERSION)))
}

/// Begin a value in `out` (which is cleared); append the content, then `seal` it.
pub(crate) fn begin(out: &mut Vec<u8>) {
    out.clear();
    out.push(VERSION);
    out.extend_from_slice(&[0; 8]);
}

/// Complete a value that `begin` began, for this physical key.
pub(crate) fn seal(key: &[u8], value: &mut [u8]) {
    let sum = checksum(key, &value[ENVELOPE_BYTES..]);
    value[1..ENVELOPE_BYTES].copy_from_slice(&sum.to_le_bytes());
}

/// The content of a value.
pub(crate) fn open<'a>(shard: ShardId, key: &[u8], value: &'a [u8]) -> Result<&'a [u8], Damage> {
    let damage = |reason| Damage { shard, key: key.to_vec(), reason };
    let Some((envelope, content)) = value.split_first_chunk::<ENVELOPE_BYTES>() else {
        return Err(damage("it is cut short"));
    };
    let [version, sum @ ..] = *envelope;
    if version != VERSION {
        return Err(damage("its format version is unknown"));
    }
    if u64::from_le_bytes(sum) != checksum(key, content) {
        return Err(damage("its checksum is wrong"));
    }
    Ok(content)
}

/// Whether a value is what was once written under this physical key; for tools that verify a store from outside.
///
/// # Errors
/// What is wrong with it.
pub fn verify(key: &[u8], value: &[u8]) -> Result<(), &'static str> {
    open(ShardId::CATALOGUE, key, value).map(|_| ()).map_err(|damage| damage.reason)
}

/// A row in the store: its bytes, and the purge horizon they were written under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredRow<'a> {
    /// What was dead before these seconds was purged when the row was written.
    pub(crate) horizon: i64,
    /// The row.
    pub(crate) row: RowView<'a>,
}

/// Append a row's content.
pub(crate) fn put_row(horizon: i64, row: &[u8], out: &mut Vec<u8>) {
    put_signed(out, horizon);
    out.extend_from_slice(row);
}

/// Read a row's content, which was found under a good checksum.
pub(crate) fn read_row(content: &[u8]) -> Result<StoredRow<'_>, Malformed> {
    let mut reader = Reader::new(content);
    let horizon = reader.signed()?;
    Ok(StoredRow { horizon, row: RowView::trusted(reader.rest) })
}

/// Entries of a bucket, in order.
#[derive(Clone, Debug)]
pub(crate) struct BucketEntries<'a> {
    reader: Reader<'a>,
}

impl<'a> BucketEntries<'a> {
    pub(crate) fn new(content: &'a [u8]) -> BucketEntries<'a> {
        BucketEntries { reader: Reader::new(content) }
    }
}

impl<'a> Iterator for BucketEntries<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let mut entry = || Ok((self.reader.bytes()?, self.reader.bytes()?));
        let entry = entry();
        if entry.is_err() {
            self.reader.rest = &[];
        }
        Some(entry)
    }
}

/// Append an entry of a bucket.
pub(crate) fn put_bucket_entry(rest: &[u8], content: &[u8], out: &mut Vec<u8>) {
    put_bytes(out, rest);
    put_varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// The content under a logical key.
pub(crate) fn get<'a, R: Rows>(rows: &'a R, shard: ShardId, logical: &[u8]) -> Result<Option<&'a [u8]>, Damage> {
    let (key, rest) = physical(logical);
    let Some(value) = rows.get(key) else { return Ok(None) };
    let content = open(shard, key, value)?;
    let Some(rest) = rest else { return Ok(Some(content)) };
    for entry in BucketEntries::new(content) {
        let (entry_rest, entry_content) = entry.map_err(|_| malformed(shard, key))?;
        if entry_rest == rest {
            return Ok(Some(entry_content));
        }
    }
    Ok(None)
}

/// Damage of a value whose checksum is good: it was written wrongly.
pub(crate) fn malformed(shard: ShardId, key: &[u8]) -> Damage {
    Damage { shard, key: key.to_vec(), reason: "its content is malformed" }
}

/// An entry of the store: logical key and content.
pub(crate) type Entry<'a> = (Cow<'a, [u8]>, &'a [u8]);

/// Entries with logical keys in `start..end`, in ascending or descending order.
pub(crate) fn range<'a, R: Rows>(
    rows: &'a R,
    shard: ShardId,
    start: &[u8],
    end: &[u8],
    reversed: bool,
) -> impl Iterator<Item = Result<Entry<'a>, Damage>> + use<'a, R> {
    let (first, first_rest) = physical(start);
    let (last, last_rest) = physical(end);
    // The bucket in which the range ends is in it: one byte more is the first key behind that bucket.
    let behind = last_rest.map(|_| [last, &[0]].concat());
    let last = behind.as_deref().unwrap_or(last);
    let inner = if reversed {
        Directed::Descending(rows.range_reversed(first, last))
    } else {
        Directed::Ascending(rows.range(first, last))
    };
    LogicalRange {
        inner,
        shard,
        reversed,
        // Only a bound that is longer than a physical key has anything to say inside a bucket.
        start: first_rest.map(|_| start.to_vec()),
        end: last_rest.map(|_| end.to_vec()),
        bucket: Vec::new().into_iter(),
    }
}

enum Directed<A, D> {
    Ascending(A),
    Descending(D),
}

impl<T, A: Iterator<Item = T>, D: Iterator<Item = T>> Iterator for Directed<A, D> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        match self {
            Directed::Ascending(inner) => inner.next(),
            Directed::Descending(inner) => inner.next(),
        }
    }
}

struct LogicalRange<'a, I> {
    inner: I,
    shard: ShardId,
    reversed: bool,
    start: Option<Vec<u8>>,
    end: Option<Vec<u8>>,
    bucket: std::vec::IntoIter<Entry<'a>>,
}

impl<'a, I: Iterator<Item = (&'a [u8], &'a [u8])>> LogicalRange<'a, I> {
    fn open_bucket(&self, key: &'a [u8], content: &'a [u8]) -> Result<Vec<Entry<'a>>, Damage> {
        let mut entries = Vec::new();
        for entry in BucketEntries::new(content) {
            let (rest, content) = entry.map_err(|_| malformed(self.shard, key))?;
            let logical = [key, rest].concat();
            let inside = self.start.as_ref().is_none_or(|start| logical >= *start)
                && self.end.as_ref().is_none_or(|end| logical < *end);
            if inside {
                entries.push((Cow::Owned(logical), content));
            }
        }
        if self.reversed {
            entries.reverse();
        }
        Ok(entries)
    }
}

impl<'a, I: Iterator<Item = (&'a [u8], &'a [u8])>> Iterator for LogicalRange<'a, I> {
    type Item = Result<Entry<'a>, Damage>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.bucket.next() {
                return Some(Ok(entry));
            }
            let (key, value) = self.inner.next()?;
            let content = match open(self.shard, key, value) {
                Ok(content) => content,
                Err(damage) => return Some(Err(damage)),
            };
            if !is_bucket(key) {
                return Some(Ok((Cow::Borrowed(key), content)));
            }
            match self.open_bucket(key, content) {
                Ok(entries) => self.bucket = entries.into_iter(),
                Err(damage) => return Some(Err(damage)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_of_every_bit_is_found() {
        let key = b"a key";
        let mut value = Vec::new();
        begin(&mut value);
        put_row(77, b"a row's bytes", &mut value);
        seal(key, &mut value);
        assert_eq!(open(ShardId(1), key, &value).map(|content| content.len()), Ok(15));
        for position in 0..value.len() * 8 {
            let mut rotten = value.clone();
            rotten[position / 8] ^= 1 << (position % 8);
            assert!(open(ShardId(1), key, &rotten).is_err(), "bit {position}");
        }
        for length in 0..value.len() {
            assert!(open(ShardId(1), key, &value[..length]).is_err(), "cut to {length}");
        }
        assert!(open(ShardId(1), b"a kez", &value).is_err(), "a value under another key");
    }

    #[test]
    fn the_bytes_are_as_written_down() {
        let mut value = Vec::new();
        begin(&mut value);
        put_row(1, &[0], &mut value);
        seal(b"k", &mut value);
        let sum = xxh3_64_with_seed(&[2, 0], xxh3_64_with_seed(b"k", 1));
        assert_eq!(value, [&[1][..], &sum.to_le_bytes(), &[2, 0]].concat());
        assert_eq!(sum, 14_135_213_823_553_149_324);
    }
}
