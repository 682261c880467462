//! The log store: entries of every shard, and per shard one state record with term, vote, cut and last index.
//!
//! Keys: `E` shard index (big endian) for an entry, `S` shard for the state. The state's last index is what tells an
//! entry that was lost from one that was never written. Cutting only moves the cut; the entries below it are removed in
//! slices by `housekeeping`, so that a long cut never delays an append. What the state says and what the entries
//! are must never disagree: both change in one transaction.

use super::environment::{Environment, EnvironmentUse, StoreError, Table};
use super::identity::Identity;
use super::load::{self, LoadedLog};
use super::seal::{self, Fields, SealError};
use super::writer::{Store, WriteError};
use heed::{RoTxn, RwTxn};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::Path;
use trefoil_core::ids::{Incarnation, LogIndex, NodeId, ShardId, Term};
use trefoil_core::raft::{Entry, HardState, LogOp, RebuildId};
use trefoil_core::time::HybridTime;
use trefoil_core::world::DiskFailure;

const INCARNATION_KEY: &[u8] = b"I";
pub(super) const STATE_PREFIX: u8 = b'S';
pub(super) const ENTRY_PREFIX: u8 = b'E';

/// Entries below a cut removed beside each commit, and in each commit made for nothing else.
const REMOVED_BESIDE_COMMIT: u64 = 256;
const REMOVED_WHEN_IDLE: u64 = 4096;

/// LMDB reuses the pages that a transaction freed in the second one after it.
const COMMITS_UNTIL_REUSE: u8 = 2;

pub(super) fn entry_key(shard: ShardId, index: LogIndex) -> [u8; 13] {
    let mut key = [ENTRY_PREFIX; 13];
    key[1..5].copy_from_slice(&shard.0.to_be_bytes());
    key[5..13].copy_from_slice(&index.0.to_be_bytes());
    key
}

pub(super) fn state_key(shard: ShardId) -> [u8; 5] {
    let mut key = [STATE_PREFIX; 5];
    key[1..5].copy_from_slice(&shard.0.to_be_bytes());
    key
}

/// What is known of one shard's log besides its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShardState {
    pub(super) hard_state: HardState,
    pub(super) cut: (LogIndex, Term),
    /// The last entry; the cut's when there are none.
    pub(super) last: LogIndex,
    /// Entries from here up to the cut may still be in the table, without meaning.
    pub(super) rubbish_from: LogIndex,
}

impl Default for ShardState {
    fn default() -> ShardState {
        ShardState {
            hard_state: HardState::default(),
            cut: (LogIndex(0), Term(0)),
            last: LogIndex(0),
            rubbish_from: LogIndex(1),
        }
    }
}

impl ShardState {
    fn encode(&self, content: &mut Vec<u8>) {
        content.extend_from_slice(&self.hard_state.term.0.to_le_bytes());
        content.push(u8::from(self.hard_state.vote.is_some()));
        content.extend_from_slice(&self.hard_state.vote.unwrap_or_default().0.to_le_bytes());
        content.push(u8::from(self.hard_state.rebuild.is_some()));
        content.extend_from_slice(&self.hard_state.rebuild.map_or(0, |id| id.0).to_le_bytes());
        for number in [self.cut.0.0, self.cut.1.0, self.last.0, self.rubbish_from.0] {
            content.extend_from_slice(&number.to_le_bytes());
        }
    }

    pub(super) fn decode(key: &[u8], record: &[u8]) -> Result<ShardState, SealError> {
        let mut fields = Fields(seal::open(key, record)?);
        let term = Term(fields.u64()?);
        let voted = fields.bytes::<1>()? != [0];
        let vote = NodeId(fields.u32()?);
        let rebuilding = fields.bytes::<1>()? != [0];
        let rebuild = RebuildId(fields.u64()?);
        let (vote, rebuild) = (voted.then_some(vote), rebuilding.then_some(rebuild));
        Ok(ShardState {
            hard_state: HardState { term, vote, rebuild },
            cut: (LogIndex(fields.u64()?), Term(fields.u64()?)),
            last: LogIndex(fields.u64()?),
            rubbish_from: LogIndex(fields.u64()?),
        })
    }

    fn has_rubbish(&self) -> bool {
        self.rubbish_from <= self.cut.0
    }
}

pub(super) fn encode_entry(entry: &Entry, content: &mut Vec<u8>) {
    content.extend_from_slice(&entry.term.0.to_le_bytes());
    content.extend_from_slice(&entry.stamp.0.to_le_bytes());
    content.extend_from_slice(&entry.payload);
}

/// Term, stamp and payload of an entry's record.
pub(super) fn decode_entry<'a>(key: &[u8], record: &'a [u8]) -> Result<(Term, HybridTime, &'a [u8]), SealError> {
    let mut fields = Fields(seal::open(key, record)?);
    Ok((Term(fields.u64()?), HybridTime(fields.i64()?), fields.0))
}

/// The log environment; after opening, the writer thread owns it.
pub struct LogStore {
    environment: Environment,
    table: Table,
    /// As of the transaction being made.
    shards: BTreeMap<ShardId, ShardState>,
    /// As of the last commit, for the shards changed since.
    committed: BTreeMap<ShardId, ShardState>,
    with_rubbish: BTreeSet<ShardId>,
    /// Shards whose entries are not believed; they are removed before anything of the shard is written.
    damaged: BTreeSet<ShardId>,
    /// The map was full, and what is removed is wanted back as soon as possible.
    pressed: bool,
    /// Commits that must follow until LMDB reuses the pages that the last removal freed.
    ageing: u8,
    record: Vec<u8>,
}

impl LogStore {
    /// Change a record behind the store's back, as rot would. `None` removes it.
    #[cfg(test)]
    pub(super) fn rot(&self, key: &[u8], change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) {
        let mut txn = self.environment.env.write_txn().expect("a test's store can be written");
        let record =
            self.table.get(&txn, key).expect("a test's store can be read").expect("the record is there").to_vec();
        match change(record) {
            Some(record) => self.table.put(&mut txn, key, &record),
            None => self.table.delete(&mut txn, key).map(|_| ()),
        }
        .expect("a test's store can be written");
        txn.commit().expect("a test's store can be written");
    }

    pub(super) fn open(
        folder: &Path,
        identity: &Identity,
        map_bytes: u64,
        durable: bool,
    ) -> Result<(LogStore, LoadedLog, Incarnation), StoreError> {
        let environment = Environment::open(folder, map_bytes, 0, durable)?;
        let table = environment.table(None)?;
        identity.claim(&environment, table)?;
        let incarnation = next_incarnation(&environment, table)?;
        let txn = environment.env.read_txn().map_err(|source| environment.error(source))?;
        let (shards, loaded) = load::load(&environment, table, &txn)?;
        drop(txn);
        let damaged = loaded.damaged.keys().copied().collect();
        let with_rubbish = shards.iter().filter(|(_, state)| state.has_rubbish()).map(|(shard, _)| *shard).collect();
        let store = LogStore {
            environment,
            table,
            shards,
            committed: BTreeMap::new(),
            with_rubbish,
            damaged,
            pressed: false,
            ageing: 0,
            record: Vec::new(),
        };
        Ok((store, loaded, incarnation))
    }

    /// A shard's state, to be changed within the current transaction.
    fn change(&mut self, shard: ShardId) -> &mut ShardState {
        let state = self.shards.entry(shard).or_default();
        self.committed.entry(shard).or_insert(*state);
        state
    }

    fn append(
        &mut self,
        txn: &mut RwTxn<'_>,
        shard: ShardId,
        truncate_from: LogIndex,
        entries: &[Entry],
    ) -> heed::Result<()> {
        let table = self.table;
        let state = self.change(shard);
        let (cut, last) = (state.cut.0, state.last);
        assert!(
            truncate_from > cut && truncate_from.0 <= last.0 + 1,
            "shard {shard}: entries from {truncate_from} do not fit a log of {cut}..={last}"
        );
        state.last = LogIndex(truncate_from.0 + entries.len() as u64 - 1);
        for index in state.last.0 + 1..=last.0 {
            table.delete(txn, &entry_key(shard, LogIndex(index)))?;
        }
        for (entry, index) in entries.iter().zip(truncate_from.0..) {
            assert!(entry.index.0 == index, "shard {shard}: entry {} where {index} must be", entry.index);
            let key = entry_key(shard, entry.index);
            seal::seal(&key, &mut self.record, |content| encode_entry(entry, content));
            table.put(txn, &key, &self.record)?;
        }
        Ok(())
    }

    fn cut(&mut self, shard: ShardId, index: LogIndex, term: Term) {
        let state = self.change(shard);
        assert!(index <= state.last, "shard {shard}: cut at {index} of a log that ends at {}", state.last);
        if index > state.cut.0 {
            state.cut = (index, term);
            self.with_rubbish.insert(shard);
        }
    }

    fn reset(&mut self, txn: &mut RwTxn<'_>, shard: ShardId, index: LogIndex, term: Term) -> heed::Result<()> {
        self.remove_from(txn, shard, LogIndex(index.0 + 1))?;
        let state = self.change(shard);
        state.cut = (index, term);
        state.last = index;
        self.with_rubbish.insert(shard);
        Ok(())
    }

    fn remove_from(&self, txn: &mut RwTxn<'_>, shard: ShardId, index: LogIndex) -> heed::Result<()> {
        let (start, end) = (entry_key(shard, index), entry_key(shard, LogIndex(u64::MAX)));
        self.table.delete_range(txn, &(Bound::Included(&start[..]), Bound::Included(&end[..]))).map(|_| ())
    }

    /// Forget what was damaged: from here on the shard's log is what the node was told at start, empty.
    fn start_damaged_again(&mut self, txn: &mut RwTxn<'_>, batch: &[LogOp]) -> heed::Result<()> {
        for op in batch {
            let (LogOp::HardState(shard, _)
            | LogOp::Append { shard, .. }
            | LogOp::CutThrough { shard, .. }
            | LogOp::Reset { shard, .. }) = op;
            if self.damaged.contains(shard) && !self.committed.contains_key(shard) {
                self.remove_from(txn, *shard, LogIndex(0))?;
                self.change(*shard);
            }
        }
        Ok(())
    }

    /// Remove up to `budget` entries below cuts.
    fn remove_rubbish(&mut self, txn: &mut RwTxn<'_>, budget: u64) -> heed::Result<()> {
        let Some(shard) = self.with_rubbish.first().copied() else { return Ok(()) };
        if self.pressed {
            self.ageing = COMMITS_UNTIL_REUSE;
        }
        let table = self.table;
        let state = self.change(shard);
        let cut = state.cut.0;
        let from = entry_key(shard, state.rubbish_from);
        let found = table.get_greater_than_or_equal_to(txn, &from)?.map(|(key, _)| key);
        // Another shard's entry, another kind of record or nothing at all mean the same: nothing left here.
        let first = found.and_then(|key| key.strip_prefix(&from[..5])).and_then(|index| index.try_into().ok());
        let first = first.map_or(u64::MAX, u64::from_be_bytes);
        if first <= cut.0 {
            let through = cut.0.min(first.saturating_add(budget - 1));
            let (start, end) = (entry_key(shard, LogIndex(first)), entry_key(shard, LogIndex(through)));
            table.delete_range(txn, &(Bound::Included(&start[..]), Bound::Included(&end[..])))?;
            state.rubbish_from = LogIndex(through + 1);
        } else {
            state.rubbish_from = LogIndex(cut.0 + 1);
        }
        if !state.has_rubbish() {
            self.with_rubbish.remove(&shard);
        }
        Ok(())
    }
}

impl Store for LogStore {
    type Batch = Vec<LogOp>;

    fn environment(&self) -> &Environment {
        &self.environment
    }

    fn apply(&mut self, txn: &mut RwTxn<'_>, batch: &Vec<LogOp>) -> Result<(), WriteError> {
        if !self.damaged.is_empty() {
            self.start_damaged_again(txn, batch)?;
        }
        for op in batch {
            match op {
                LogOp::HardState(shard, hard_state) => self.change(*shard).hard_state = *hard_state,
                LogOp::Append { shard, truncate_from, entries } => self.append(txn, *shard, *truncate_from, entries)?,
                LogOp::CutThrough { shard, index, term } => self.cut(*shard, *index, *term),
                LogOp::Reset { shard, index, term } => self.reset(txn, *shard, *index, *term)?,
            }
        }
        Ok(())
    }

    fn before_commit(&mut self, txn: &mut RwTxn<'_>, idle: bool) -> Result<(), WriteError> {
        if idle && self.with_rubbish.is_empty() {
            // Any write will do: LMDB counts transactions.
            self.ageing = self.ageing.saturating_sub(1);
            self.pressed = self.ageing > 0;
            if let Some(shard) = self.shards.keys().next().copied() {
                self.change(shard);
            }
        }
        self.remove_rubbish(txn, if idle { REMOVED_WHEN_IDLE } else { REMOVED_BESIDE_COMMIT })?;
        for shard in self.committed.keys() {
            let key = state_key(*shard);
            let state = self.shards.get(shard).copied().unwrap_or_default();
            seal::seal(&key, &mut self.record, |content| state.encode(content));
            self.table.put(txn, &key, &self.record)?;
        }
        Ok(())
    }

    fn committed(&mut self) {
        if !self.damaged.is_empty() {
            self.damaged.retain(|shard| !self.committed.contains_key(shard));
        }
        self.committed.clear();
    }

    fn rolled_back(&mut self) {
        for (shard, state) in std::mem::take(&mut self.committed) {
            self.shards.insert(shard, state);
            if state.has_rubbish() {
                self.with_rubbish.insert(shard);
            } else {
                self.with_rubbish.remove(&shard);
            }
        }
    }

    fn has_housekeeping(&self) -> bool {
        !self.with_rubbish.is_empty() || self.ageing > 0
    }

    fn make_room(&mut self, batch: Option<&Vec<LogOp>>, failure: DiskFailure) -> bool {
        let grows = batch.is_some_and(|batch| {
            batch.iter().any(|op| matches!(op, LogOp::Append { entries, .. } if !entries.is_empty()))
        });
        self.pressed = true;
        // Only this thread uses the log's environment, so its map may change between transactions.
        failure == DiskFailure::Full && !grows && self.environment.make_room().is_ok()
    }

    fn usage(&self) -> EnvironmentUse {
        self.environment.usage()
    }
}

/// Count a new life of the node.
fn next_incarnation(environment: &Environment, table: Table) -> Result<Incarnation, StoreError> {
    let read = |txn: &RoTxn<'_>| table.get(txn, INCARNATION_KEY).map(|record| record.map(<[u8]>::to_vec));
    let mut txn = environment.env.write_txn().map_err(|source| environment.error(source))?;
    let last = match read(&txn).map_err(|source| environment.error(source))? {
        None => 0,
        Some(record) => seal::open(INCARNATION_KEY, &record)
            .and_then(|content| Fields(content).u64())
            .map_err(|error| environment.unreadable(format!("the count of the node's lives: {error}")))?,
    };
    let next = last + 1;
    let mut record = Vec::new();
    seal::seal(INCARNATION_KEY, &mut record, |content| content.extend_from_slice(&next.to_le_bytes()));
    let write = || {
        table.put(&mut txn, INCARNATION_KEY, &record)?;
        txn.commit()
    };
    write().map_err(|source| environment.error(source))?;
    Ok(Incarnation(next))
}
