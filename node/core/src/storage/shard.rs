//! One shard's rows: memtables, durable rows, and how far the log is applied to them. What `replicate` works with.
//!
//! Applying changes the active memtable only. A flush freezes it and hands it out together with everything else that is not
//! durable; until that is reported durable, reads see the frozen layers. One flush of a shard at a time: a second one on top of
//! a first that failed would leave a hole. Nothing here depends on when flushes happen (FLUSH-INVISIBLE, EQUAL-REPLICAS).

use super::apply::evaluate;
use super::damage::Damage;
use super::digest::{Digest, DigestStep};
use super::flush::FlushPart;
use super::key::{self, Space};
use super::layer::Layer;
use super::meta::Meta;
use super::read;
use super::snapshot::{Sending, SnapshotChunk};
use super::sweep::{Sweep, SweepPart};
use super::view::{View, next_stored_table};
use super::walk::Place;
use crate::bugs::{Bugs, NoBugs, PlantedBug};
use crate::command::{PurgeCommand, ReadCommand, ReadResult, WriteCommand, WriteOutcome};
use crate::ids::{NodeId, ShardId, StorageId};
use crate::raft::AppliedThrough;
use crate::world::Rows;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trefoil_cql::token::Token;

/// Partitions of retired memtables freed with each write, so that dropping one does not hold anybody up.
const RELEASED_PER_WRITE: usize = 8;

/// Tokens `start..=end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenRange {
    /// First token.
    pub start: Token,
    /// Last token.
    pub end: Token,
}

/// What a shard's memtables cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MemoryUse {
    /// Bytes in the active memtable.
    pub active_bytes: u64,
    /// Bytes in memtables that are frozen and not yet durable.
    pub frozen_bytes: u64,
}

/// One shard's rows.
#[derive(Clone, Debug)]
pub struct ShardStore {
    shard: ShardId,
    tokens: TokenRange,
    applied: AppliedThrough,
    active: Layer,
    /// Oldest first.
    frozen: Vec<Arc<Layer>>,
    /// The flush under way: how many of the frozen layers are in it, and the meta record it writes (without `state`).
    flushing: Option<(usize, Meta)>,
    /// The meta record in the durable rows (without `state`).
    durable: Meta,
    dropped: BTreeSet<StorageId>,
    /// Tables of which the store may have deletions larger than a row.
    stored_deletions: BTreeSet<StorageId>,
    sending: BTreeMap<NodeId, Sending>,
    retired: Vec<Layer>,
}

impl ShardStore {
    /// A shard without rows, before its first entry.
    #[must_use]
    pub fn empty(shard: ShardId, tokens: TokenRange) -> ShardStore {
        ShardStore {
            shard,
            tokens,
            applied: AppliedThrough::default(),
            active: Layer::default(),
            frozen: Vec::new(),
            flushing: None,
            durable: Meta::default(),
            dropped: BTreeSet::new(),
            stored_deletions: BTreeSet::new(),
            sending: BTreeMap::new(),
            retired: Vec::new(),
        }
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
        let Some(mut meta) = Meta::read(rows, shard)? else { return Ok(None) };
        let state = std::mem::take(&mut meta.state);
        let mut store = ShardStore::empty(shard, tokens);
        store.applied = meta.applied;
        store.active.horizons = meta.horizons.clone();
        store.dropped = meta.dropped.clone();
        store.durable = meta;
        let mut from = StorageId(0);
        while let Some(table) = next_stored_table(rows, Space::Deletions, tokens, from) {
            store.stored_deletions.insert(table);
            let Some(next) = table.0.checked_add(1) else { break };
            from = StorageId(next);
        }
        Ok(Some((store, state)))
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

    /// Everything through here is applied, in memory at least.
    #[must_use]
    pub fn applied(&self) -> AppliedThrough {
        self.applied
    }

    /// Everything through here is in the durable rows.
    #[must_use]
    pub fn flushed(&self) -> AppliedThrough {
        self.durable.applied
    }

    /// What the memtables cost now.
    #[must_use]
    pub fn memory(&self) -> MemoryUse {
        MemoryUse {
            active_bytes: self.active.memtable.bytes() as u64,
            frozen_bytes: self.frozen.iter().map(|layer| layer.memtable.bytes() as u64).sum(),
        }
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
        self.release();
        let outcome = match evaluate(self.view(rows, bugs), write, at.stamp)? {
            Err(outcome) => outcome,
            Ok(effects) => {
                for effect in effects {
                    self.note_change(|| effect.place());
                    effect.apply(&mut self.active.memtable, bugs);
                }
                WriteOutcome::Applied
            }
        };
        self.applied = at;
        Ok(outcome)
    }

    /// Apply a purge: what is dead before it is not seen any more, and goes away physically as rows are rewritten.
    pub fn apply_purge(&mut self, at: AppliedThrough, purge: &PurgeCommand) {
        let horizons = self.active.horizons.purged(purge, at.stamp);
        if horizons != *self.active.horizons {
            self.freeze();
            self.active.horizons = Arc::new(horizons);
        }
        self.applied = at;
    }

    /// The rows of this storage are gone; later writes to it have no effect. See `droppable`.
    pub fn apply_drop(&mut self, at: AppliedThrough, storage: StorageId) {
        self.dropped.insert(storage);
        self.active.memtable.remove_table(storage);
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
        read::execute(self.view(rows, bugs), command, now_seconds)
    }

    /// Freeze the active memtable and hand out everything that is not durable, with `state` (opaque, as of `applied`). `None`:
    /// a flush of this shard is under way, or nothing was applied since the last one. Submit it, then call `flush_done` or
    /// `flush_failed`.
    pub fn begin_flush(&mut self, state: Bytes) -> Option<FlushPart> {
        if self.flushing.is_some() || self.applied == self.durable.applied {
            return None;
        }
        self.freeze();
        let meta = self.meta(Bytes::new());
        self.flushing = Some((self.frozen.len(), meta.clone()));
        let in_layers = self.frozen.iter().flat_map(|layer| layer.memtable.with_deletions());
        let with_deletions = self.stored_deletions.iter().chain(in_layers).copied().collect();
        let layers = self.frozen.clone();
        Some(FlushPart { shard: self.shard, layers, meta: Meta { state, ..meta }, with_deletions })
    }

    /// The flush under way is durable: its memtables are dropped.
    pub fn flush_done(&mut self) {
        let Some((layers, meta)) = self.flushing.take() else { return };
        for layer in self.frozen.drain(..layers) {
            self.stored_deletions.extend(layer.memtable.with_deletions());
            // Freed little by little, unless the writer still holds it: then it frees it.
            self.retired.extend(Arc::try_unwrap(layer).ok());
        }
        self.durable = meta;
    }

    /// The flush under way could not be written: its memtables stay and come again with the next `begin_flush`.
    pub fn flush_failed(&mut self) {
        self.flushing = None;
    }

    /// Whether a flush is under way.
    #[must_use]
    pub fn is_flushing(&self) -> bool {
        self.flushing.is_some()
    }

    /// Storages whose rows may be removed from the store (`Clearing::table`): that they are gone is durable.
    pub fn droppable(&self) -> impl Iterator<Item = StorageId> + '_ {
        self.durable.dropped.iter().copied()
    }

    /// The next chunk of a snapshot for `to`, of about `bytes_max`. The same number again gives the same chunk again; number n + 1
    /// says that chunk n has arrived; number 0 begins, or begins anew after later ones. The shard may go on applying and flushing between chunks: what
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
        let sending = match self.sending.remove(&to) {
            // Also for number 0: the receiver may have that chunk, and go on from it.
            Some(sending) if sending.last.number == number => {
                let chunk = sending.last.clone();
                self.sending.insert(to, sending);
                return Ok(Some(chunk));
            }
            _ if number == 0 => Some(Sending::new()),
            Some(sending) => Some(sending).filter(|s| s.last.number.wrapping_add(1) == number && s.last.end.is_none()),
            None => None,
        };
        let Some(mut sending) = sending else { return Ok(None) };
        let mut view = self.view(rows, bugs);
        view.memtables = !bugs.planted(PlantedBug::SnapshotWithoutMemtable);
        sending.advance(&view, bytes_max, || self.meta(state()))?;
        let chunk = sending.last.clone();
        self.sending.insert(to, sending);
        Ok(Some(chunk))
    }

    /// The snapshot for `to` is installed or given up: forget what was kept for it.
    pub fn snapshot_end(&mut self, to: NodeId) {
        self.sending.remove(&to);
    }

    /// A hash of the shard's content at `applied`: equal on all replicas at that index, flushed or not, purged or not.
    ///
    /// # Errors
    /// When a row is damaged.
    pub fn digest<R: Rows>(&self, rows: &R) -> Result<u64, Damage> {
        let mut digest = self.begin_digest();
        loop {
            if let DigestStep::Done(hash) = self.digest_step(&mut digest, usize::MAX, rows)? {
                return Ok(hash);
            }
        }
    }

    /// The same in slices: begin here.
    #[must_use]
    pub fn begin_digest(&self) -> Digest {
        Digest::new(self.applied)
    }

    /// Look at about `bytes_max` bytes more.
    ///
    /// # Errors
    /// When a row is damaged.
    pub fn digest_step<R: Rows>(&self, digest: &mut Digest, bytes_max: usize, rows: &R) -> Result<DigestStep, Damage> {
        if digest.applied != self.applied {
            return Ok(DigestStep::Overtaken);
        }
        digest.step(&self.view(rows, &NoBugs), &self.active.horizons, bytes_max)
    }

    /// Begin a walk that frees what no read can see any more. Worth while after a purge was flushed, and now and then.
    #[must_use]
    pub fn begin_sweep(&self) -> Sweep {
        Sweep::new(self.shard, self.tokens)
    }

    /// Look at about `bytes_max` bytes more and say what to rewrite. `None`: the walk is over. Parts may be submitted at any
    /// time, in order.
    ///
    /// # Errors
    /// When a row is damaged: a sweep finds rot before a reader does.
    pub fn sweep<R: Rows>(&self, sweep: &mut Sweep, bytes_max: usize, rows: &R) -> Result<Option<SweepPart>, Damage> {
        let horizon = |table| self.durable.horizons.of(table);
        sweep.advance(rows, horizon, |table| self.is_dropped(table), bytes_max)
    }

    /// See whether sweeps have removed the last larger deletion of some tables: then their reads need not look for any.
    pub fn forget_swept_deletions<R: Rows>(&mut self, rows: &R) {
        let tokens = self.tokens;
        self.stored_deletions.retain(|table| {
            let (start, end) = key::token_bounds(Space::Deletions, *table, tokens);
            rows.range(&start, &end).next().is_some()
        });
    }

    /// Layers from the oldest to the active one.
    #[inline]
    pub(crate) fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.frozen.iter().map(|layer| &**layer).chain(std::iter::once(&self.active))
    }

    /// The purge horizon in force now.
    #[inline]
    pub(crate) fn horizon(&self, table: StorageId) -> i64 {
        self.active.horizons.of(table)
    }

    #[inline]
    pub(crate) fn is_dropped(&self, table: StorageId) -> bool {
        !self.dropped.is_empty() && self.dropped.contains(&table)
    }

    /// Whether the store may have deletions of this table larger than a row.
    #[inline]
    pub(crate) fn stored_deletions(&self, table: StorageId) -> bool {
        !self.stored_deletions.is_empty() && self.stored_deletions.contains(&table)
    }

    fn view<'a, R, B>(&'a self, rows: &'a R, bugs: &'a B) -> View<'a, R, B> {
        View { store: self, rows, bugs, memtables: true }
    }

    fn meta(&self, state: Bytes) -> Meta {
        Meta { applied: self.applied, horizons: self.active.horizons.clone(), dropped: self.dropped.clone(), state }
    }

    fn freeze(&mut self) {
        if !self.active.memtable.is_empty() {
            let next = Layer { horizons: self.active.horizons.clone(), ..Layer::default() };
            self.frozen.push(Arc::new(std::mem::replace(&mut self.active, next)));
        }
    }

    fn note_change(&mut self, place: impl Fn() -> Place) {
        if !self.sending.is_empty() {
            self.sending.retain(|_, sending| sending.note_change(place()));
        }
    }

    fn release(&mut self) {
        if let Some(layer) = self.retired.last_mut()
            && !layer.memtable.release(RELEASED_PER_WRITE)
        {
            self.retired.pop();
        }
    }
}
