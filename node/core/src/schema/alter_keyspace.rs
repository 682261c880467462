//! ALTER KEYSPACE.

use super::keyspace::unknown_keyspace;
use super::{Replication, Schema, SchemaError};
use crate::ids::StorageId;
use serde::{Deserialize, Serialize};

/// New options of a keyspace; `None` leaves one as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AlterKeyspace {
    /// Its name.
    pub keyspace: String,
    /// IF EXISTS.
    pub if_exists: bool,
    /// How it claims to be replicated.
    pub replication: Option<Replication>,
    /// Kept and shown.
    pub durable_writes: Option<bool>,
}

impl AlterKeyspace {
    pub(super) fn apply(&self, schema: &mut Schema) -> Result<Vec<StorageId>, SchemaError> {
        let Some(keyspace) = schema.keyspace_mut(&self.keyspace) else {
            return Err(if self.if_exists { SchemaError::Unchanged } else { unknown_keyspace(&self.keyspace) });
        };
        if let Some(replication) = &self.replication {
            keyspace.replication = replication.clone();
        }
        if let Some(durable_writes) = self.durable_writes {
            keyspace.durable_writes = durable_writes;
        }
        Ok(Vec::new())
    }
}
