//! The log store: entries of every shard, and per shard one state record with term, vote, cut and last index.
//!
//! Keys: `Z` sequence shard index (big endian) for an entry, `S` shard for the state. The sequence counts the entries of all
//! shards as they are written, so that a commit goes to the end of the tree and touches few pages, whatever the number
//! of shards in it; `places` remembers where the entries are. The state's last index is what tells an
//! entry that was lost from one that was never written. Cutting only moves the cut; the entries below it are removed in
//! slices when it pays (`windows`), so that a long cut never delays an append. What the state says and what the entries
//! are must never disagree: both change in one transaction.

use super::environment::{Environment, EnvironmentUse, StoreError, Table};
use super::identity::Identity;
use super::load::{self, LoadedLog};
use super::seal::{self, Fields, SealError};
use super::windows::Windows;
use super::writer::{Store, WriteError};
use crate::entropy::random_u64;
use heed::{PutFlags, RoTxn, RwTxn};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use trefoil_core::ids::{Incarnation, LogIndex, NodeId, ShardId, Term};
use trefoil_core::raft::{Entry, HardState, LogOp, RebuildId};
use trefoil_core::time::{HybridTime, WallClock};
use trefoil_core::world::DiskFailure;

const INCARNATION_KEY: &[u8] = b"I";
pub(super) const STATE_PREFIX: u8 = b'S';
/// Above all others: entries are the end of the table.
pub(super) const ENTRY_PREFIX: u8 = b'Z';

/// Entries below a cut removed beside each commit: as many at least, or some for each entry that it appends, so that no commit takes much
/// longer than the others and removing keeps up with appending.
const REMOVED_BESIDE_COMMIT: usize = 32;
const REMOVED_BESIDE_ENTRY: usize = 2;
/// Entries removed in each commit made for nothing else.
const REMOVED_WHEN_IDLE: usize = 1024;
/// Entries below a cut looked at beside each commit.
const DISCARDED_BESIDE_COMMIT: usize = 2048;

/// How long nothing must have been written until a commit is made for nothing else: what is written next would wait for it.
const IDLE_AFTER: Duration = Duration::from_millis(20);

/// LMDB reuses the pages that a transaction freed in the second one after it.
const COMMITS_UNTIL_REUSE: u8 = 2;

/// Where an entry lies: how many were written before it, and which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) sequence: u64,
    pub(super) shard: ShardId,
    pub(super) index: LogIndex,
}

impl Place {
    pub(super) fn key(&self) -> [u8; 21] {
        let mut key = [ENTRY_PREFIX; 21];
        key[1..9].copy_from_slice(&self.sequence.to_be_bytes());
        key[9..13].copy_from_slice(&self.shard.0.to_be_bytes());
        key[13..21].copy_from_slice(&self.index.0.to_be_bytes());
        key
    }

    /// What an entry's key says.
    pub(super) fn parse(key: &[u8]) -> Option<Place> {
        let rest = key.strip_prefix(&[ENTRY_PREFIX])?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (shard, index) = rest.split_first_chunk()?;
        Some(Place {
            sequence: u64::from_be_bytes(*sequence),
            shard: ShardId(u32::from_be_bytes(*shard)),
            index: LogIndex(u64::from_be_bytes(index.try_into().ok()?)),
        })
    }
}

/// The entries of a shard that are in the table, in order; those below its cut go over to `windows` bit by bit.
pub(super) type Places = VecDeque<Place>;

pub(super) fn state_key(shard: ShardId) -> [u8; 5] {
    let mut key = [STATE_PREFIX; 5];
    key[1..5].copy_from_slice(&shard.0.to_be_bytes());
    key
}

/// What is known of one shard's log besides its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ShardState {
    pub(super) hard_state: HardState,
    pub(super) cut: (LogIndex, Term),
    /// The last entry; the cut's when there are none.
    pub(super) last: LogIndex,
}

impl ShardState {
    fn encode(&self, content: &mut Vec<u8>) {
        content.extend_from_slice(&self.hard_state.term.0.to_le_bytes());
        content.push(u8::from(self.hard_state.vote.is_some()));
        content.extend_from_slice(&self.hard_state.vote.unwrap_or_default().0.to_le_bytes());
        content.push(u8::from(self.hard_state.rebuild.is_some()));
        content.extend_from_slice(&self.hard_state.rebuild.map_or(0, |id| id.0).to_le_bytes());
        for number in [self.cut.0.0, self.cut.1.0, self.last.0] {
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
        })
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

/// A change of what is known of an entry's place.
#[derive(Clone, Copy, Debug)]
enum Move {
    Pushed(Place),
    TakenFromEnd(Place),
    /// Its shard does not need it.
    Discarded(Place),
    /// It was discarded before, and is gone.
    Removed(Place),
}

/// The log environment; after opening, the writer thread owns it.
pub struct LogStore {
    environment: Environment,
    table: Table,
    /// As of the transaction being made.
    shards: BTreeMap<ShardId, ShardState>,
    /// As of the last commit, for the shards changed since.
    committed: BTreeMap<ShardId, ShardState>,
    places: BTreeMap<ShardId, Places>,
    /// All entries in the table by where they lie.
    windows: Windows,
    /// What the transaction being made did to `places` and `windows`, to be undone if it fails.
    moves: Vec<Move>,
    /// Entries that the transaction being made appends.
    appended: usize,
    /// The sequence of the next entry.
    next: u64,
    /// Shards with places below their cut.
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

    /// Entries in the file, needed or not, of a store that was just opened.
    #[cfg(test)]
    pub(super) fn entries_stored(&self) -> usize {
        self.places.values().map(VecDeque::len).sum()
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
        let (shards, places, loaded) = load::load(&environment, table, &txn)?;
        drop(txn);
        let damaged = loaded.damaged.keys().copied().collect();
        let last = places.values().filter_map(|places| places.back()).map(|place| place.sequence).max();
        let mut store = LogStore {
            environment,
            table,
            shards,
            committed: BTreeMap::new(),
            places,
            windows: Windows::default(),
            moves: Vec::new(),
            appended: 0,
            next: last.map_or(1, |last| last + 1),
            with_rubbish: BTreeSet::new(),
            damaged,
            pressed: false,
            ageing: 0,
            record: Vec::new(),
        };
        store.places.values().flatten().for_each(|place| store.windows.insert(*place));
        for shard in store.places.keys().copied().collect::<Vec<_>>() {
            store.look_for_rubbish(shard);
        }
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
        if truncate_from <= last {
            self.remove_from(txn, shard, truncate_from)?;
        }
        let places = self.places.entry(shard).or_default();
        for (entry, index) in entries.iter().zip(truncate_from.0..) {
            assert!(entry.index.0 == index, "shard {shard}: entry {} where {index} must be", entry.index);
            let place = Place { sequence: self.next, shard, index: entry.index };
            let key = place.key();
            seal::seal(&key, &mut self.record, |content| encode_entry(entry, content));
            table.put_with_flags(txn, PutFlags::APPEND, &key, &self.record)?;
            self.next += 1;
            places.push_back(place);
            self.windows.insert(place);
            self.moves.push(Move::Pushed(place));
        }
        self.appended += entries.len();
        Ok(())
    }

    fn cut(&mut self, shard: ShardId, index: LogIndex, term: Term) {
        let state = self.change(shard);
        assert!(index <= state.last, "shard {shard}: cut at {index} of a log that ends at {}", state.last);
        if index > state.cut.0 {
            state.cut = (index, term);
            self.look_for_rubbish(shard);
        }
    }

    fn reset(&mut self, txn: &mut RwTxn<'_>, shard: ShardId, index: LogIndex, term: Term) -> heed::Result<()> {
        self.forget_from(txn, shard, LogIndex(index.0 + 1))?;
        let state = self.change(shard);
        state.cut = (index, term);
        state.last = index;
        self.look_for_rubbish(shard);
        Ok(())
    }

    fn look_for_rubbish(&mut self, shard: ShardId) {
        let first = self.places.get(&shard).and_then(VecDeque::front).map(|place| place.index);
        let cut = self.shards.get(&shard).map(|state| state.cut.0);
        if first.is_some_and(|first| cut.is_some_and(|cut| first <= cut)) {
            self.with_rubbish.insert(shard);
        } else {
            self.with_rubbish.remove(&shard);
        }
    }

    /// Remove the entries at and after this index, which is above the cut.
    fn remove_from(&mut self, txn: &mut RwTxn<'_>, shard: ShardId, index: LogIndex) -> heed::Result<()> {
        let Some(places) = self.places.get_mut(&shard) else { return Ok(()) };
        while let Some(place) = places.back().copied().filter(|place| place.index >= index) {
            places.pop_back();
            self.windows.remove(place);
            self.moves.push(Move::TakenFromEnd(place));
            self.table.delete(txn, &place.key())?;
        }
        Ok(())
    }

    /// The same for any index: what is below the cut must not come up again when the cut goes back.
    fn forget_from(&mut self, txn: &mut RwTxn<'_>, shard: ShardId, index: LogIndex) -> heed::Result<()> {
        self.remove_from(txn, shard, index)?;
        for place in self.windows.take_from(shard, index) {
            self.moves.push(Move::Removed(place));
            self.table.delete(txn, &place.key())?;
        }
        Ok(())
    }

    /// Forget what was damaged: from here on the shard's log is what the node was told at start, empty.
    fn start_damaged_again(&mut self, txn: &mut RwTxn<'_>, batch: &[LogOp]) -> heed::Result<()> {
        for op in batch {
            let (LogOp::HardState(shard, _)
            | LogOp::Append { shard, .. }
            | LogOp::CutThrough { shard, .. }
            | LogOp::Reset { shard, .. }) = op;
            if self.damaged.contains(shard) && !self.committed.contains_key(shard) {
                self.forget_from(txn, *shard, LogIndex(0))?;
                self.change(*shard);
            }
        }
        Ok(())
    }

    /// Hand some entries below cuts over to the windows.
    fn discard_rubbish(&mut self) {
        let mut budget = DISCARDED_BESIDE_COMMIT;
        while budget > 0
            && let Some(shard) = self.with_rubbish.first().copied()
        {
            let cut = self.shards.get(&shard).map_or(LogIndex(0), |state| state.cut.0);
            let places = self.places.entry(shard).or_default();
            while budget > 0
                && let Some(place) = places.front().copied().filter(|place| place.index <= cut)
            {
                places.pop_front();
                self.windows.discard(place);
                self.moves.push(Move::Discarded(place));
                budget -= 1;
            }
            self.look_for_rubbish(shard);
        }
    }

    /// Remove up to `budget` entries below cuts.
    fn remove_rubbish(&mut self, txn: &mut RwTxn<'_>, budget: usize) -> heed::Result<()> {
        self.discard_rubbish();
        if self.pressed && self.windows.is_ready() {
            self.ageing = COMMITS_UNTIL_REUSE;
        }
        for _ in 0..budget {
            let Some(place) = self.windows.take() else { break };
            self.moves.push(Move::Removed(place));
            self.table.delete(txn, &place.key())?;
        }
        Ok(())
    }

    fn has_rubbish(&self) -> bool {
        !self.with_rubbish.is_empty() || self.windows.is_ready()
    }

    fn set_pressed(&mut self, pressed: bool) {
        self.pressed = pressed;
        self.windows.set_urgent(pressed);
    }
}

impl Store for LogStore {
    type Batch = Vec<LogOp>;

    const NICENESS: i32 = 0;

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
        if idle && !self.has_rubbish() {
            // Any write will do: LMDB counts transactions.
            self.ageing = self.ageing.saturating_sub(1);
            self.set_pressed(self.ageing > 0);
            if let Some(shard) = self.shards.keys().next().copied() {
                self.change(shard);
            }
        }
        let beside = REMOVED_BESIDE_COMMIT.max(REMOVED_BESIDE_ENTRY * self.appended);
        self.remove_rubbish(txn, if idle { REMOVED_WHEN_IDLE } else { beside })?;
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
        self.moves.clear();
        self.appended = 0;
    }

    fn rolled_back(&mut self) {
        self.appended = 0;
        let mut changed = BTreeSet::new();
        for step in std::mem::take(&mut self.moves).into_iter().rev() {
            let (Move::Pushed(place) | Move::TakenFromEnd(place) | Move::Discarded(place) | Move::Removed(place)) =
                step;
            changed.insert(place.shard);
            let places = self.places.entry(place.shard).or_default();
            match step {
                Move::Pushed(_) => {
                    places.pop_back();
                    self.windows.remove(place);
                    self.next -= 1;
                }
                Move::TakenFromEnd(_) => {
                    places.push_back(place);
                    self.windows.insert(place);
                }
                Move::Discarded(_) => {
                    places.push_front(place);
                    self.windows.keep(place);
                }
                Move::Removed(_) => self.windows.put_back(place),
            }
        }
        for (shard, state) in std::mem::take(&mut self.committed) {
            changed.insert(shard);
            self.shards.insert(shard, state);
        }
        for shard in changed {
            self.look_for_rubbish(shard);
        }
    }

    fn housekeeping_after(&self) -> Option<Duration> {
        let urgent = self.pressed || self.ageing > 0;
        (self.has_rubbish() || self.ageing > 0).then_some(if urgent { Duration::ZERO } else { IDLE_AFTER })
    }

    fn make_room(&mut self, batch: Option<&Vec<LogOp>>, failure: DiskFailure) -> bool {
        let grows = batch.is_some_and(|batch| {
            batch.iter().any(|op| matches!(op, LogOp::Append { entries, .. } if !entries.is_empty()))
        });
        self.set_pressed(true);
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
        None => None,
        Some(record) => seal::open(INCARNATION_KEY, &record)
            .and_then(|content| Fields(content).u64())
            .map(|last| Some(Incarnation(last)))
            .map_err(|error| environment.unreadable(format!("the count of the node's lives: {error}")))?,
    };
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let wall = WallClock(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX));
    let next = Incarnation::next(last, wall, random_u64());
    let mut record = Vec::new();
    seal::seal(INCARNATION_KEY, &mut record, |content| content.extend_from_slice(&next.0.to_le_bytes()));
    let write = || {
        table.put(&mut txn, INCARNATION_KEY, &record)?;
        txn.commit()
    };
    write().map_err(|source| environment.error(source))?;
    Ok(next)
}
