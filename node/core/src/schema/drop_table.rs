//! DROP TABLE.

use super::{Schema, SchemaError};
use crate::ids::StorageId;
use serde::{Deserialize, Serialize};

/// A table that shall go.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DropTable {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// IF EXISTS.
    pub if_exists: bool,
}

impl DropTable {
    pub(super) fn apply(&self, schema: &mut Schema) -> Result<Vec<StorageId>, SchemaError> {
        let DropTable { keyspace, name, if_exists } = self;
        match schema.keyspace_mut(keyspace).and_then(|keyspace| keyspace.tables.remove(name)) {
            Some(table) => Ok(vec![table.storage]),
            None if *if_exists => Err(SchemaError::Unchanged),
            None => Err(SchemaError::Invalid(format!("Table '{keyspace}.{name}' doesn't exist"))),
        }
    }
}
