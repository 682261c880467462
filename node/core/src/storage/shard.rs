//! One shard's rows: memtables, durable rows, and how far the log is applied to them. What `replicate` works with.

use super::damage::Damage;
use crate::bugs::Bugs;
use crate::command::{PurgeCommand, ReadCommand, ReadResult, WriteCommand, WriteOutcome};
use crate::ids::{NodeId, ShardId, StorageId};
use crate::raft::AppliedThrough;
use crate::world::Rows;
use bytes::Bytes;
use trefoil_cql::token::Token;

/// Tokens `start..=end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenRange {
    /// First token.
    pub start: Token,
    /// Last token.
    pub end: Token,
}

/// One shard's rows.
#[derive(Clone, Debug)]
pub struct ShardStore {
    shard: ShardId,
    tokens: TokenRange,
    applied: AppliedThrough,
    flushed: AppliedThrough,
}

/// What a shard's memtables cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MemoryUse {
    /// Bytes in the active memtable.
    pub active_bytes: u64,
    /// Bytes in memtables that are frozen and not yet durable.
    pub frozen_bytes: u64,
}

/// Memtables of one shard to be merged into the row store, with the shard's meta record.
#[derive(Clone, Debug)]
pub struct FlushPart {}

/// A slice of a shard's rows to be deleted.
#[derive(Clone, Debug)]
pub struct ClearPart {}

/// A snapshot chunk to be written.
#[derive(Clone, Debug)]
pub struct InstallPart {}

/// A bounded piece of a shard's content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct SnapshotChunk {
    /// Counts from 0.
    pub number: u64,
    /// Encoded rows, with a checksum.
    pub rows: Bytes,
    /// With the last chunk.
    pub end: Option<SnapshotEnd>,
}

/// What completes a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct SnapshotEnd {
    /// The snapshot is the shard's content after exactly this entry.
    pub applied: AppliedThrough,
    /// The shard's meta record, with the opaque state in it.
    pub meta: Bytes,
}

impl ShardStore {
    /// A shard without rows, before its first entry.
    #[must_use]
    pub fn empty(shard: ShardId, tokens: TokenRange) -> ShardStore {
        ShardStore { shard, tokens, applied: AppliedThrough::default(), flushed: AppliedThrough::default() }
    }

    /// What the row store holds of this shard, and the opaque state flushed with it. `None`: nothing was ever flushed, or a
    /// snapshot was being installed (clear it, then start `empty`).
    ///
    /// # Errors
    /// When the shard's record is damaged.
    pub fn recover<R: Rows>(
        shard: ShardId,
        tokens: TokenRange,
        rows: &R,
    ) -> Result<Option<(ShardStore, Bytes)>, Damage> {
        let _ = (shard, tokens, rows);
        Ok(None)
    }

    /// Everything through here is applied, in memory at least.
    #[must_use]
    pub fn applied(&self) -> AppliedThrough {
        self.applied
    }

    /// Everything through here is in the durable rows.
    #[must_use]
    pub fn flushed(&self) -> AppliedThrough {
        self.flushed
    }

    /// An entry that changes no rows was applied.
    pub fn advance(&mut self, at: AppliedThrough) {
        self.applied = at;
    }

    /// Apply a write. Deduplication and expiry are the caller's. All or nothing.
    ///
    /// # Errors
    /// When a row that has to be read is damaged; nothing was applied.
    pub fn apply_write<R: Rows>(
        &mut self,
        at: AppliedThrough,
        write: &WriteCommand,
        rows: &R,
        bugs: &impl Bugs,
    ) -> Result<WriteOutcome, Damage> {
        let _ = (write, rows, bugs);
        self.applied = at;
        Ok(WriteOutcome::Applied)
    }

    /// Apply a purge: what is dead before it is not seen any more, and goes away physically as rows are rewritten.
    pub fn apply_purge(&mut self, at: AppliedThrough, purge: &PurgeCommand) {
        let _ = purge;
        self.applied = at;
    }

    /// The rows of this storage are gone; later writes to it have no effect. `Clearing::dropped` removes them physically.
    pub fn apply_drop(&mut self, at: AppliedThrough, storage: StorageId) {
        let _ = storage;
        self.applied = at;
    }

    /// Execute a read. `now_seconds` counts when the command does not say.
    ///
    /// # Errors
    /// When a row that was looked at is damaged.
    pub fn read<R: Rows>(
        &self,
        command: &ReadCommand,
        now_seconds: i64,
        rows: &R,
        bugs: &impl Bugs,
    ) -> Result<ReadResult, Damage> {
        let _ = (rows, bugs);
        Ok(ReadResult { rows: Vec::new(), resume: None, now_seconds: command.now_seconds.unwrap_or(now_seconds) })
    }

    /// What the memtables cost now.
    #[must_use]
    pub fn memory(&self) -> MemoryUse {
        MemoryUse::default()
    }

    /// Freeze the active memtable and hand out everything that is not durable, with `state` (opaque, as of `applied`). `None`:
    /// a flush of this shard is under way, or nothing was applied since the last one. Submit it, then call `flush_done` or
    /// `flush_failed`.
    pub fn begin_flush(&mut self, state: Bytes) -> Option<FlushPart> {
        let _ = state;
        None
    }

    /// The flush under way is durable: its memtables are dropped.
    pub fn flush_done(&mut self) {}

    /// The flush under way could not be written: its memtables stay and come again with the next `begin_flush`.
    pub fn flush_failed(&mut self) {}

    /// The next chunk of a snapshot for `to`, of about `bytes_max`. Number 0 begins anew; the same number again gives the same
    /// chunk again; number n + 1 says that chunk n has arrived. The shard may go on applying and flushing between chunks: what
    /// changes behind the cursor is sent again before the end, so the whole is the content at `SnapshotEnd::applied`. `state`
    /// is called for the last chunk and gives the opaque state as of now. `None`: no such snapshot is under way (start with 0).
    ///
    /// # Errors
    /// When a row is damaged.
    pub fn snapshot_chunk<R: Rows>(
        &mut self,
        to: NodeId,
        number: u64,
        bytes_max: usize,
        state: impl FnOnce() -> Bytes,
        rows: &R,
        bugs: &impl Bugs,
    ) -> Result<Option<SnapshotChunk>, Damage> {
        let _ = (to, number, bytes_max, state, rows, bugs);
        Ok(None)
    }

    /// The snapshot for `to` is installed or given up: forget what was kept for it.
    pub fn snapshot_end(&mut self, to: NodeId) {
        let _ = to;
    }

    /// A hash of the shard's content at `applied`: equal on all replicas at that index, flushed or not, purged or not.
    ///
    /// # Errors
    /// When a row is damaged.
    pub fn digest<R: Rows>(&self, rows: &R) -> Result<u64, Damage> {
        let _ = rows;
        Ok(0)
    }

    /// The shard.
    #[must_use]
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// Its tokens.
    #[must_use]
    pub fn tokens(&self) -> TokenRange {
        self.tokens
    }
}

/// Removes rows from the store, slice by slice. Slices need not wait for each other, only keep their order.
#[derive(Clone, Debug)]
pub struct Clearing {}

impl Clearing {
    /// Everything of a shard, its meta record first: before a snapshot is installed, or when the replica goes.
    #[must_use]
    pub fn shard(shard: ShardId, tokens: TokenRange) -> Clearing {
        let _ = (shard, tokens);
        Clearing {}
    }

    /// The next slice, of about `keys_max` keys; `None`: done.
    pub fn next<R: Rows>(&mut self, rows: &R, keys_max: usize) -> Option<ClearPart> {
        let _ = (rows, keys_max);
        None
    }
}

impl InstallPart {
    /// Chunk of a snapshot to be installed by a replica that has been cleared. With the last one the shard's meta record is
    /// written: until that is durable, `recover` finds nothing.
    ///
    /// # Errors
    /// When the chunk is not one, or of a version this node does not know.
    pub fn new(shard: ShardId, chunk: &SnapshotChunk) -> Result<InstallPart, Damage> {
        let _ = (shard, chunk);
        Ok(InstallPart {})
    }
}
