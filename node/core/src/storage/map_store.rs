//! A row store in memory: an ordered map that is both read and written, for tests, models and benchmarks. A view is the map between two
//! batches. It takes keys only that LMDB would take, so that what passes here does not fail on a disk.

use super::batch::RowsWriter;
use crate::limits::PHYSICAL_KEY_BYTES;
use crate::world::Rows;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound;

/// Keys and values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MapStore {
    /// What is stored.
    pub map: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl MapStore {
    fn between(&self, start: &[u8], end: &[u8]) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + use<'_> {
        // An empty or inverted range holds nothing; the map would panic.
        let range = (start < end).then(|| self.map.range::<[u8], _>((Bound::Included(start), Bound::Excluded(end))));
        range.into_iter().flatten().map(|(key, value)| (&key[..], &value[..]))
    }
}

impl Rows for MapStore {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.map.get(key).map(Vec::as_slice)
    }

    fn range<'a>(&'a self, start: &[u8], end: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.between(start, end)
    }

    fn range_reversed<'a>(&'a self, start: &[u8], end: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.between(start, end).rev()
    }
}

impl RowsWriter for MapStore {
    type Error = Infallible;

    fn get(&mut self, key: &[u8]) -> Result<Option<&[u8]>, Infallible> {
        Ok(self.map.get(key).map(Vec::as_slice))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Infallible> {
        assert!(key.len() <= PHYSICAL_KEY_BYTES && !key.is_empty(), "no row store takes a key of {} bytes", key.len());
        self.map.insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Infallible> {
        self.map.remove(key);
        Ok(())
    }

    fn delete_range(&mut self, start: &[u8], end: &[u8]) -> Result<(), Infallible> {
        self.map.retain(|key, _| key.as_slice() < start || key.as_slice() >= end);
        Ok(())
    }
}
