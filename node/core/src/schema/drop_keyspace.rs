//! DROP KEYSPACE: the keyspace and everything in it.

use super::keyspace::unknown_keyspace;
use super::{Schema, SchemaError};
use crate::ids::StorageId;
use serde::{Deserialize, Serialize};

/// A keyspace that shall go.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DropKeyspace {
    /// Its name.
    pub keyspace: String,
    /// IF EXISTS.
    pub if_exists: bool,
}

impl DropKeyspace {
    pub(super) fn apply(&self, schema: &mut Schema) -> Result<Vec<StorageId>, SchemaError> {
        match schema.keyspaces.remove(&self.keyspace) {
            Some(keyspace) => Ok(keyspace.tables.values().map(|table| table.storage).collect()),
            None if self.if_exists => Err(SchemaError::Unchanged),
            None => Err(unknown_keyspace(&self.keyspace)),
        }
    }
}
