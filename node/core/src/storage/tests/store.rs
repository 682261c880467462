//! A row store for tests: an ordered map that is both read and written. And a replica: a shard, its store and its log.

use crate::bugs::NoBugs;
use crate::command::{Command, ReadCommand, ReadResult, WriteOutcome};
use crate::ids::{LogIndex, ShardId, Term};
use crate::raft::{AppliedThrough, Position};
use crate::storage::{FlushPart, InstallPart, RowsBatch, RowsPart, RowsWriter, ShardStore, TokenRange};
use crate::time::HybridTime;
use crate::world::Rows;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound;
use trefoil_cql::token::Token;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct MapStore {
    pub(super) map: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl MapStore {
    fn between(&self, start: &[u8], end: &[u8]) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + use<'_> {
        let bounds = (Bound::Included(start), Bound::Excluded(end));
        let range = (start < end).then(|| self.map.range::<[u8], _>(bounds));
        range.into_iter().flatten().map(|(key, value)| (&key[..], &value[..]))
    }

    pub(super) fn write(&mut self, part: impl Into<RowsPart>) {
        let batch = RowsBatch { parts: vec![part.into()] };
        batch.write(self).expect("nothing is damaged");
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
        assert!(key.len() <= crate::limits::PHYSICAL_KEY_BYTES && !key.is_empty());
        self.map.insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Infallible> {
        self.map.remove(key);
        Ok(())
    }

    fn delete_range(&mut self, start: &[u8], end: &[u8]) -> Result<(), Infallible> {
        let doomed: Vec<_> = self.between(start, end).map(|(key, _)| key.to_vec()).collect();
        doomed.iter().for_each(|key| {
            self.map.remove(key);
        });
        Ok(())
    }
}

pub(super) const TOKENS: TokenRange = TokenRange { start: Token(-100), end: Token(100) };

/// A shard with its store.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    pub(super) shard: ShardStore,
    pub(super) rows: MapStore,
    pub(super) flushing: Option<FlushPart>,
}

pub(super) fn at(index: usize, stamp: HybridTime) -> AppliedThrough {
    AppliedThrough { position: Position { index: LogIndex(index as u64), term: Term(1) }, stamp }
}

impl Replica {
    pub(super) fn new() -> Replica {
        Replica { shard: ShardStore::empty(ShardId(1), TOKENS), rows: MapStore::default(), flushing: None }
    }

    pub(super) fn apply(&mut self, index: usize, stamp: HybridTime, command: &Command) -> Option<WriteOutcome> {
        let at = at(index, stamp);
        match command {
            Command::Write(write) => {
                return Some(self.shard.apply_write(at, write, &self.rows, &NoBugs).expect("undamaged"));
            }
            Command::Purge(purge) => self.shard.apply_purge(at, purge),
            Command::Retire(retire) => self.shard.apply_drop(at, retire.storage),
            _ => self.shard.advance(at),
        }
        None
    }

    pub(super) fn read(&self, command: &ReadCommand, now: i64) -> ReadResult {
        self.shard.read(command, now, &self.rows, &NoBugs).expect("undamaged")
    }

    pub(super) fn begin_flush(&mut self) {
        let state = Bytes::from(format!("state {}", self.shard.applied().position.index));
        if let Some(part) = self.shard.begin_flush(state) {
            self.flushing = Some(part);
        }
    }

    /// The flush becomes durable, and the shard may hear of it later (`flush_done`).
    pub(super) fn write_flush(&mut self) {
        if let Some(part) = self.flushing.take() {
            self.rows.write(part);
        }
    }

    pub(super) fn flush(&mut self) {
        self.begin_flush();
        self.write_flush();
        self.shard.flush_done();
    }

    pub(super) fn sweep(&mut self, bytes_max: usize) {
        let mut sweep = self.shard.begin_sweep();
        while let Some(part) = self.shard.sweep(&mut sweep, bytes_max, &self.rows).expect("undamaged") {
            self.rows.write(part);
        }
        self.shard.forget_swept_deletions(&self.rows);
    }

    /// Everything in memory is lost; the log is replayed.
    pub(super) fn restart(&mut self, log: &[(HybridTime, Command)]) {
        self.flushing = None;
        self.shard = match ShardStore::recover(ShardId(1), TOKENS, &self.rows).expect("undamaged") {
            None => ShardStore::empty(ShardId(1), TOKENS),
            Some((shard, state)) => {
                assert_eq!(state, format!("state {}", shard.applied().position.index));
                shard
            }
        };
        let applied = self.shard.applied().position.index.0 as usize;
        for (index, (stamp, command)) in log.iter().enumerate().skip(applied) {
            self.apply(index + 1, *stamp, command);
        }
    }

    pub(super) fn digest(&self) -> u64 {
        self.shard.digest(&self.rows).expect("undamaged")
    }

    /// A replica that had nothing and gets a snapshot, while `between` happens to the sender after every chunk.
    pub(super) fn snapshot(&mut self, bytes_max: usize, mut between: impl FnMut(&mut Replica, u64)) -> Replica {
        let mut receiver = MapStore::default();
        let to = crate::ids::NodeId(9);
        for number in 0.. {
            let state = || Bytes::from(format!("state {}", self.shard.applied().position.index));
            let state = state();
            let chunk = self.shard.snapshot_chunk(to, number, bytes_max, || state, &self.rows, &NoBugs);
            let chunk = chunk.expect("undamaged").expect("under way");
            let again = self.shard.snapshot_chunk(to, number, bytes_max, Bytes::new, &self.rows, &NoBugs);
            assert_eq!(again, Ok(Some(chunk.clone())), "asked again, the same comes");
            receiver.write(InstallPart::new(ShardId(1), &chunk).expect("a good chunk"));
            if let Some(end) = chunk.end {
                let (shard, _) = ShardStore::recover(ShardId(1), TOKENS, &receiver).expect("undamaged").expect("there");
                assert_eq!(shard.applied(), end.applied);
                self.shard.snapshot_end(to);
                return Replica { shard, rows: receiver, flushing: None };
            }
            between(self, number);
        }
        unreachable!("numbers do not end")
    }
}
