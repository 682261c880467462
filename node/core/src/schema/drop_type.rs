//! DROP TYPE: only of a type that nothing uses.

use super::types::references;
use super::{Schema, SchemaError};
use crate::ids::StorageId;
use serde::{Deserialize, Serialize};

/// A user-defined type that shall go.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DropType {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// IF EXISTS.
    pub if_exists: bool,
}

impl DropType {
    pub(super) fn apply(&self, schema: &mut Schema) -> Result<Vec<StorageId>, SchemaError> {
        let DropType { keyspace: keyspace_name, name, if_exists } = self;
        let found = schema.keyspace_mut(keyspace_name).filter(|keyspace| keyspace.types.contains_key(name));
        let Some(keyspace) = found else {
            return Err(if *if_exists {
                SchemaError::Unchanged
            } else {
                SchemaError::Invalid(format!("Type '{keyspace_name}.{name}' doesn't exist"))
            });
        };
        let used = |what: &str, by: Vec<&str>| {
            SchemaError::Invalid(format!(
                "Cannot drop user type '{keyspace_name}.{name}' as it is still used by {what} {}",
                by.join(", ")
            ))
        };
        let types: Vec<&str> = (keyspace.types.values())
            .filter(|other| other.fields.iter().any(|(_, field)| references(field, name)))
            .map(|other| other.name.as_str())
            .collect();
        if !types.is_empty() {
            return Err(used("user types", types));
        }
        let tables: Vec<&str> = (keyspace.tables.values())
            .filter(|table| table.columns.iter().any(|column| references(&column.column_type, name)))
            .map(|table| table.name.as_str())
            .collect();
        if !tables.is_empty() {
            return Err(used("tables", tables));
        }
        keyspace.types.remove(name);
        Ok(Vec::new())
    }
}
