//! TRUNCATE: the table goes on with a new storage, so that no row of before can ever be seen again, on whatever replica.

use super::{DefinitionContext, Schema, SchemaError};
use crate::bugs::{Bugs, PlantedBug};
use crate::ids::StorageId;
use serde::{Deserialize, Serialize};

/// A table to be emptied.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Truncate {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
}

impl Truncate {
    pub(super) fn apply(
        &self,
        schema: &mut Schema,
        context: &DefinitionContext,
        bugs: &impl Bugs,
    ) -> Result<Vec<StorageId>, SchemaError> {
        let Truncate { keyspace, name } = self;
        let storage = schema.new_storage();
        let table = schema
            .keyspace_mut(keyspace)
            .ok_or_else(|| SchemaError::Invalid(format!("keyspace {keyspace} does not exist")))?
            .table_mut(name)
            .map_err(|_| SchemaError::Invalid(format!("table {name} does not exist")))?;
        table.changed = context.version;
        if bugs.planted(PlantedBug::TruncateKeepsRows) {
            return Ok(Vec::new());
        }
        let old = std::mem::replace(&mut table.storage, storage);
        table.former_storages.push(old);
        Ok(vec![old])
    }
}
