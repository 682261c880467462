//! CREATE KEYSPACE.

use super::keyspace::is_word;
use super::{KEYSPACE_NAME_BYTES, Keyspace, Replication, Schema, SchemaError};
use crate::ids::StorageId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A keyspace to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CreateKeyspace {
    /// Its name.
    pub keyspace: String,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// How it claims to be replicated.
    pub replication: Replication,
    /// Kept and shown.
    pub durable_writes: bool,
}

impl CreateKeyspace {
    pub(super) fn apply(&self, schema: &mut Schema) -> Result<Vec<StorageId>, SchemaError> {
        let name = &self.keyspace;
        if !is_word(name) {
            return Err(SchemaError::Invalid(format!(
                "Keyspace name must not be empty and must contain alphanumeric or underscore characters only (got \
                 \"{name}\")"
            )));
        }
        if name.len() > KEYSPACE_NAME_BYTES {
            return Err(SchemaError::Invalid(format!(
                "Keyspace name must not be more than {KEYSPACE_NAME_BYTES} characters long (got {} characters for \
                 \"{name}\")",
                name.len()
            )));
        }
        if schema.keyspaces.contains_key(name) {
            return Err(if self.if_not_exists {
                SchemaError::Unchanged
            } else {
                SchemaError::AlreadyExists { keyspace: name.clone(), table: String::new() }
            });
        }
        let keyspace = Keyspace {
            name: name.clone(),
            durable_writes: self.durable_writes,
            replication: self.replication.clone(),
            tables: BTreeMap::new(),
            types: BTreeMap::new(),
        };
        schema.keyspaces.insert(name.clone(), Arc::new(keyspace));
        Ok(Vec::new())
    }
}
