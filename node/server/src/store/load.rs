//! Reading the log store at start: every shard's state and entries, verified.
//!
//! A shard is either whole (each entry from the cut to the last index there, in order, with its checksum) or damaged; a
//! damaged shard must never look like a shorter or an empty one, because this replica may have voted and acknowledged.

use super::environment::{Environment, StoreError, Table};
use super::log::{self, ENTRY_PREFIX, Place, Places, STATE_PREFIX, ShardState};
use bytes::{Bytes, BytesMut};
use heed::RoTxn;
use std::collections::BTreeMap;
use trefoil_core::ids::{LogIndex, ShardId};
use trefoil_core::raft::{Entry, SavedLog};

/// What the log store held when the node started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadedLog {
    /// Whole shards.
    pub shards: BTreeMap<ShardId, SavedLog>,
    /// Damaged shards: not in `shards`.
    pub damaged: BTreeMap<ShardId, Damage>,
}

/// What is wrong with a shard's log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shard {shard}: {kind}")]
pub struct Damage {
    /// Which shard.
    pub shard: ShardId,
    /// What is wrong.
    pub kind: DamageKind,
}

/// The ways in which a shard's log can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DamageKind {
    /// The record with term, vote, cut and last index is rotten.
    #[error("the record of term, vote and last index is damaged: {0}")]
    State(String),
    /// An entry is rotten.
    #[error("log entry {index} is damaged: {what}")]
    Entry {
        /// Which.
        index: LogIndex,
        /// What is wrong with it.
        what: String,
    },
    /// An entry that was written is not there.
    #[error("log entry {0} is missing, although later ones were written")]
    Missing(LogIndex),
    /// There is an entry where none should be.
    #[error("log entry {0} lies beyond the end of the log")]
    Beyond(LogIndex),
    /// Terms go backwards.
    #[error("log entry {0} has an older term than the one before it")]
    TermOrder(LogIndex),
}

/// Entries are copied out of the map into buffers of this size, not one by one.
const BUFFER_BYTES: usize = 256 << 10;

/// Reads the entries of all shards and checks that they continue each other.
struct Loader {
    states: BTreeMap<ShardId, ShardState>,
    /// Whatever lies there, damaged or not.
    places: BTreeMap<ShardId, Places>,
    loaded: LoadedLog,
    buffer: BytesMut,
}

/// States of whole shards, places of everything, and what the node is told.
pub(super) type Contents = (BTreeMap<ShardId, ShardState>, BTreeMap<ShardId, Places>, LoadedLog);

pub(super) fn load(environment: &Environment, table: Table, txn: &RoTxn<'_>) -> Result<Contents, StoreError> {
    let mut loader = Loader {
        states: BTreeMap::new(),
        places: BTreeMap::new(),
        loaded: LoadedLog::default(),
        buffer: BytesMut::new(),
    };
    let states = table.prefix_iter(txn, &[STATE_PREFIX]).map_err(|source| environment.error(source))?;
    for item in states {
        let (key, record) = item.map_err(|source| environment.error(source))?;
        let shard = shard_of(key)
            .filter(|_| key.len() == 5)
            .ok_or_else(|| environment.unreadable(format!("unknown record {}", key.escape_ascii())))?;
        loader.state(shard, key, record);
    }
    let entries = table.prefix_iter(txn, &[ENTRY_PREFIX]).map_err(|source| environment.error(source))?;
    for item in entries {
        let (key, record) = item.map_err(|source| environment.error(source))?;
        let place = Place::parse(key)
            .ok_or_else(|| environment.unreadable(format!("unknown record {}", key.escape_ascii())))?;
        loader.places.entry(place.shard).or_default().push_back(place);
        loader.entry(place.shard, place.index, key, record);
    }
    Ok(loader.finish())
}

fn shard_of(key: &[u8]) -> Option<ShardId> {
    key.get(1..5)?.try_into().ok().map(|bytes| ShardId(u32::from_be_bytes(bytes)))
}

impl Loader {
    fn damage(&mut self, shard: ShardId, kind: DamageKind) {
        self.loaded.damaged.entry(shard).or_insert(Damage { shard, kind });
    }

    fn state(&mut self, shard: ShardId, key: &[u8], record: &[u8]) {
        match ShardState::decode(key, record) {
            Ok(state) => {
                self.states.insert(shard, state);
                let log = SavedLog { hard_state: state.hard_state, cut: state.cut, entries: Vec::new() };
                self.loaded.shards.insert(shard, log);
            }
            Err(error) => self.damage(shard, DamageKind::State(error.to_string())),
        }
    }

    fn entry(&mut self, shard: ShardId, index: LogIndex, key: &[u8], record: &[u8]) {
        if self.loaded.damaged.contains_key(&shard) {
            return;
        }
        let (Some(state), Some(log)) = (self.states.get(&shard), self.loaded.shards.get_mut(&shard)) else {
            return self.damage(shard, DamageKind::State("it is missing".into()));
        };
        if index <= state.cut.0 {
            return;
        }
        let expected = LogIndex(state.cut.0.0 + log.entries.len() as u64 + 1);
        let term_before = log.entries.last().map_or(state.cut.1, |entry| entry.term);
        let found = log::decode_entry(key, record);
        let kind = match found {
            _ if index > state.last => DamageKind::Beyond(index),
            _ if index != expected => DamageKind::Missing(expected),
            Err(error) => DamageKind::Entry { index, what: error.to_string() },
            Ok((term, _, _)) if term < term_before => DamageKind::TermOrder(index),
            Ok((term, stamp, payload)) => {
                let payload = copied(&mut self.buffer, payload);
                return log.entries.push(Entry { index, term, stamp, payload });
            }
        };
        self.damage(shard, kind);
    }

    fn finish(mut self) -> Contents {
        let short: Vec<(ShardId, LogIndex)> = self
            .loaded
            .shards
            .iter()
            .map(|(shard, log)| (*shard, LogIndex(log.cut.0.0 + log.entries.len() as u64 + 1)))
            .filter(|(shard, next)| self.states.get(shard).is_some_and(|state| *next <= state.last))
            .collect();
        for (shard, missing) in short {
            self.damage(shard, DamageKind::Missing(missing));
        }
        for shard in self.loaded.damaged.keys() {
            self.loaded.shards.remove(shard);
            self.states.remove(shard);
        }
        (self.states, self.places, self.loaded)
    }
}

fn copied(buffer: &mut BytesMut, payload: &[u8]) -> Bytes {
    if buffer.capacity() < payload.len() {
        *buffer = BytesMut::with_capacity(BUFFER_BYTES.max(payload.len()));
    }
    buffer.extend_from_slice(payload);
    buffer.split().freeze()
}
