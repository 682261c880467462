//! One shard's store with nothing durable behind it: plans are tested against what storage makes of them.

use crate::bugs::NoBugs;
use crate::command::{Condition, Mutation, ReadCommand, ReadResult, RequestHeader, WriteCommand, WriteOutcome};
use crate::ids::{Incarnation, LogIndex, NodeId, RequestId, SchemaVersion, ShardId, Term};
use crate::raft::{AppliedThrough, Position};
use crate::storage::{ShardStore, TokenRange};
use crate::time::HybridTime;
use crate::world::Rows;
use trefoil_cql::token::Token;

/// A durable store without rows.
struct NoRows;

impl Rows for NoRows {
    fn get(&self, _key: &[u8]) -> Option<&[u8]> {
        None
    }

    fn range<'a>(&'a self, _start: &[u8], _end: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        std::iter::empty()
    }

    fn range_reversed<'a>(
        &'a self,
        _start: &[u8],
        _end: &[u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        std::iter::empty()
    }
}

/// A shard that has the whole ring.
pub(super) struct Store {
    shard: ShardStore,
    index: u64,
}

impl Store {
    pub fn new() -> Store {
        let tokens = TokenRange { start: Token(i64::MIN), end: Token(i64::MAX) };
        Store { shard: ShardStore::empty(ShardId(1), tokens), index: 0 }
    }

    pub fn write(&mut self, conditions: &[Condition], mutations: &[Mutation], stamp: i64) -> WriteOutcome {
        self.index += 1;
        let id = RequestId { node: NodeId(0), incarnation: Incarnation(1), sequence: self.index };
        let header =
            RequestHeader { id, answered_below: 0, expires: HybridTime(i64::MAX), schema: SchemaVersion::default() };
        let write = WriteCommand { header, conditions: conditions.to_vec(), mutations: mutations.to_vec() };
        let position = Position { index: LogIndex(self.index), term: Term(1) };
        let at = AppliedThrough { position, stamp: HybridTime(stamp) };
        self.shard.apply_write(at, &write, &NoRows, &NoBugs).expect("nothing is damaged")
    }

    pub fn read(&self, command: &ReadCommand, now: i64) -> ReadResult {
        let seconds = HybridTime(now).seconds();
        self.shard.read(command, seconds, &NoRows, &NoBugs).expect("nothing is damaged")
    }
}
