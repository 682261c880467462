//! A replica for tests: a shard and its row store, flushed when the test says so.

use crate::bugs::NoBugs;
use crate::command::{Command, ReadCommand, ReadResult, WriteOutcome};
use crate::ids::{LogIndex, ShardId, Term};
use crate::raft::{AppliedThrough, Position};
use crate::storage::{FlushPart, InstallPart, MapStore, RowsBatch, RowsPart, ShardStore, TokenRange};
use crate::time::HybridTime;
use bytes::Bytes;
use trefoil_cql::token::Token;

impl MapStore {
    pub(super) fn write(&mut self, part: impl Into<RowsPart>) {
        let batch = RowsBatch { parts: vec![part.into()] };
        batch.write(self).expect("nothing is damaged");
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
