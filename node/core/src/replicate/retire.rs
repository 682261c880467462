//! Giving up the storage of a truncated or dropped table, shard by shard, through the shard's log.
//!
//! Nodes learn of a definition one after the other, so while TRUNCATE is under way some plan with the table's old storage and some with
//! the new one. What decides is the shard's log: before a leader serves or appends anything under a schema, its log retires what
//! that schema gave up (`node::retire`). From that entry on the old storage *means* the new one, whoever asks, so a partition changes from
//! full to empty at one moment, and no acknowledged write falls between the two. Of a table that was dropped nothing is served any more.
//! Checked: oracle LINEARIZABLE (rows of tables), planted bug `RetiredStorageServed`.

use super::replica::Replica;
use super::state::ShardState;
use crate::command::{ReadCommand, RetireCommand, WriteCommand};
use crate::ids::{LogIndex, SchemaVersion, StorageId, Term};
use crate::raft::AppliedThrough;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What became of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Retired {
    /// What it means now; `None`: its table is gone...
    pub successor: Option<StorageId>,
    /// ...in this schema at the latest.
    pub schema: SchemaVersion,
}

/// How far a leader's log has caught up with the schema that its node serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Retiring {
    /// What this schema gave up is retired in the log of a leader of this term...
    caught_up: Option<(Term, SchemaVersion)>,
    /// ...through this entry.
    through: LogIndex,
}

impl ShardState {
    /// The storage that this one means now.
    ///
    /// # Errors
    /// Its table is gone, in the schema of this version at the latest.
    pub fn resolve(&self, mut storage: StorageId) -> Result<StorageId, SchemaVersion> {
        while let Some(retired) = self.retired.get(&storage) {
            storage = retired.successor.ok_or(retired.schema)?;
        }
        Ok(storage)
    }
}

impl Replica {
    pub(super) fn apply_retire(&mut self, at: AppliedThrough, retire: &RetireCommand) {
        let RetireCommand { storage, successor, schema } = *retire;
        self.store.apply_drop(at, storage);
        // Leaders that follow each other may both say so; the first has been served already.
        self.state.retired.entry(storage).or_insert(Retired { successor, schema });
    }

    /// Let a write mean the storages that its tables have now.
    ///
    /// # Errors
    /// One of the tables is gone.
    pub(super) fn redirect_write(&self, write: &mut WriteCommand) -> Result<(), SchemaVersion> {
        if self.state.retired.is_empty() {
            return Ok(());
        }
        for mutation in &mut write.mutations {
            mutation.table = self.state.resolve(mutation.table)?;
        }
        for condition in &mut write.conditions {
            condition.table = self.state.resolve(condition.table)?;
        }
        Ok(())
    }

    /// The same for a read.
    ///
    /// # Errors
    /// Its table is gone.
    pub(super) fn redirect_read<'a>(&self, command: &'a ReadCommand) -> Result<Cow<'a, ReadCommand>, SchemaVersion> {
        let table = self.state.resolve(command.table)?;
        if table == command.table {
            return Ok(Cow::Borrowed(command));
        }
        Ok(Cow::Owned(ReadCommand { table, ..command.clone() }))
    }

    /// Whether this leader's log has retired what this schema gave up.
    #[must_use]
    pub fn has_caught_up(&self, schema: SchemaVersion) -> bool {
        self.retiring.caught_up == Some((self.raft.term(), schema))
    }

    /// It has, through this entry.
    pub fn caught_up(&mut self, schema: SchemaVersion, through: LogIndex) {
        self.retiring = Retiring { caught_up: Some((self.raft.term(), schema)), through };
    }

    /// What must be applied before a leader reads.
    pub(super) fn retired_through(&self) -> LogIndex {
        self.retiring.through
    }

    /// Whether that is applied.
    pub(crate) fn is_retired(&self) -> bool {
        self.store.applied().position.index >= self.retiring.through
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storage_means_the_last_of_its_successors_or_nothing() {
        let retired =
            |successor: Option<u32>| Retired { successor: successor.map(StorageId), schema: SchemaVersion(9) };
        let mut state = ShardState::default();
        assert_eq!(state.resolve(StorageId(1)), Ok(StorageId(1)));
        state.retired.insert(StorageId(1), retired(Some(4)));
        state.retired.insert(StorageId(4), retired(Some(6)));
        assert_eq!(state.resolve(StorageId(1)), Ok(StorageId(6)), "truncated twice");
        state.retired.insert(StorageId(6), retired(None));
        assert_eq!(state.resolve(StorageId(1)), Err(SchemaVersion(9)), "then dropped");
    }
}
