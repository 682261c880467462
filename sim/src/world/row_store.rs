//! The durable row store of a node: an ordered map that stands for LMDB's. A view is simply the map between two commits,
//! because a step is an instant. Damage is done here (`rot`), below the checksums that `trefoil_core::storage` puts into every value.

use crate::random::Stream;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound;
use trefoil_core::storage::{Clearing, RowsBatch, RowsPart, RowsWriter};
use trefoil_core::world::Rows;

/// Keys and values as they would lie on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowStore {
    values: BTreeMap<Box<[u8]>, Box<[u8]>>,
    /// What rot has made of values; a value that was written anew since is sound again.
    rotten: BTreeMap<Box<[u8]>, Box<[u8]>>,
}

/// How a value goes bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rot {
    /// A bit turns over.
    Flipped,
    /// The end is lost.
    CutShort,
    /// A value that belongs elsewhere was written here.
    Misdirected,
}

impl RowStore {
    fn between(&self, start: &[u8], end: &[u8]) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + use<'_> {
        // An empty or inverted range holds nothing; BTreeMap would panic.
        let range = (start < end).then(|| self.values.range::<[u8], _>((Bound::Included(start), Bound::Excluded(end))));
        range.into_iter().flatten().map(|(key, value)| (&key[..], &value[..]))
    }

    /// Keys of everything that this clearing would remove.
    #[must_use]
    pub fn keys_of(&self, mut clearing: Clearing) -> Vec<Box<[u8]>> {
        let mut found = KeysDeleted { store: self, keys: Vec::new() };
        while let Some(part) = clearing.next(self, usize::MAX) {
            let batch = RowsBatch { parts: vec![RowsPart::Clear(part)] };
            let Ok(()) = batch.write(&mut found) else { break };
        }
        found.keys
    }

    /// Let the value at one of these keys go bad. Says whether there is such a value.
    pub fn rot(&mut self, keys: &[Box<[u8]>], kind: Rot, stream: &mut Stream) -> bool {
        if keys.is_empty() {
            return false;
        }
        let key = stream.pick(keys);
        let elsewhere = self.values.get(stream.pick(keys)).cloned().unwrap_or_default();
        let Some(value) = self.values.get_mut(key) else { return false };
        match kind {
            Rot::Flipped if !value.is_empty() => {
                let at = stream.below(value.len() as u64) as usize;
                value[at] ^= 1 << stream.below(8);
            }
            Rot::Misdirected if elsewhere != *value => *value = elsewhere,
            _ => *value = value[..value.len() / 2].into(),
        }
        self.rotten.insert(key.clone(), value.clone());
        true
    }

    /// Whether one of these keys has a value that has gone bad.
    #[must_use]
    pub fn is_rotten(&self, keys: &[Box<[u8]>]) -> bool {
        keys.iter().any(|key| self.rotten.get(key).is_some_and(|rotten| self.values.get(key) == Some(rotten)))
    }

    /// Whether anything has ever gone bad.
    #[must_use]
    pub fn was_rotten(&self) -> bool {
        !self.rotten.is_empty()
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Everything, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.values.iter().map(|(key, value)| (&key[..], &value[..]))
    }
}

impl Rows for RowStore {
    #[inline]
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.values.get(key).map(|value| &value[..])
    }

    fn range<'a>(&'a self, start: &[u8], end: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.between(start, end)
    }

    fn range_reversed<'a>(&'a self, start: &[u8], end: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.between(start, end).rev()
    }
}

/// Not a transaction: it only looks at what would be deleted.
#[derive(Debug)]
struct KeysDeleted<'a> {
    store: &'a RowStore,
    keys: Vec<Box<[u8]>>,
}

impl RowsWriter for KeysDeleted<'_> {
    type Error = Infallible;

    fn get(&mut self, key: &[u8]) -> Result<Option<&[u8]>, Infallible> {
        Ok(self.store.values.get(key).map(|value| &value[..]))
    }

    fn put(&mut self, _: &[u8], _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Infallible> {
        self.keys.extend(self.store.values.get_key_value(key).map(|(key, _)| key.clone()));
        Ok(())
    }

    fn delete_range(&mut self, start: &[u8], end: &[u8]) -> Result<(), Infallible> {
        self.keys.extend(self.store.between(start, end).map(|(key, _)| Box::from(key)));
        Ok(())
    }
}

/// A write transaction: whatever it changed is put back when it is given up.
#[derive(Debug)]
pub struct Transaction<'a> {
    store: &'a mut RowStore,
    before: Vec<(Box<[u8]>, Option<Box<[u8]>>)>,
}

impl<'a> Transaction<'a> {
    /// Begin.
    pub fn new(store: &'a mut RowStore) -> Transaction<'a> {
        Transaction { store, before: Vec::new() }
    }

    /// Put everything back as it was.
    pub fn give_up(self) {
        for (key, value) in self.before.into_iter().rev() {
            match value {
                Some(value) => self.store.values.insert(key, value),
                None => self.store.values.remove(&key),
            };
        }
    }
}

impl RowsWriter for Transaction<'_> {
    type Error = Infallible;

    fn get(&mut self, key: &[u8]) -> Result<Option<&[u8]>, Infallible> {
        Ok(self.store.values.get(key).map(|value| &value[..]))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Infallible> {
        let before = self.store.values.insert(key.into(), value.into());
        self.before.push((key.into(), before));
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Infallible> {
        if let Some((key, value)) = self.store.values.remove_entry(key) {
            self.before.push((key, Some(value)));
        }
        Ok(())
    }

    fn delete_range(&mut self, start: &[u8], end: &[u8]) -> Result<(), Infallible> {
        let doomed: Vec<Box<[u8]>> = self.store.between(start, end).map(|(key, _)| key.into()).collect();
        doomed.iter().try_for_each(|key| self.delete(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_half_open_both_ways_and_a_given_up_transaction_leaves_no_trace() {
        let mut store = RowStore::default();
        let mut transaction = Transaction::new(&mut store);
        for key in [b"a", b"b", b"c"] {
            let Ok(()) = transaction.put(key, b"x");
        }
        let keys = |found: Vec<(&[u8], &[u8])>| found.iter().map(|(key, _)| key[0] as char).collect::<String>();
        assert_eq!(keys(store.range(b"a", b"c").collect()), "ab");
        assert_eq!(keys(store.range_reversed(b"b", b"z").collect()), "cb");
        assert_eq!(keys(store.range(b"c", b"a").collect()), "");

        let before = store.clone();
        let mut transaction = Transaction::new(&mut store);
        let Ok(()) = transaction.put(b"b", b"y");
        let Ok(()) = transaction.put(b"d", b"z");
        let Ok(()) = transaction.delete_range(b"a", b"d");
        transaction.give_up();
        assert_eq!(store, before);
    }
}
