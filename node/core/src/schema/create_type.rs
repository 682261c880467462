//! CREATE TYPE.

use super::keyspace::unknown_keyspace;
use super::types::{any, resolve};
use super::{Schema, SchemaError};
use crate::ids::StorageId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use trefoil_cql::types::{CqlType, UserType};

/// A user-defined type to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CreateType {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Its fields.
    pub fields: Vec<(String, CqlType)>,
}

impl CreateType {
    pub(super) fn apply(&self, schema: &mut Schema) -> Result<Vec<StorageId>, SchemaError> {
        let keyspace = schema.keyspace_mut(&self.keyspace).ok_or_else(|| unknown_keyspace(&self.keyspace))?;
        let name = &self.name;
        if keyspace.types.contains_key(name) {
            return Err(if self.if_not_exists {
                SchemaError::Unchanged
            } else {
                SchemaError::Invalid(format!("A user type with name '{name}' already exists"))
            });
        }
        let mut fields: Vec<(String, CqlType)> = Vec::with_capacity(self.fields.len());
        for (field, field_type) in &self.fields {
            if fields.iter().any(|(before, _)| before == field) {
                return Err(SchemaError::Invalid(format!("Duplicate field name '{field}' in type '{name}'")));
            }
            if any(field_type, &|inner| *inner == CqlType::Counter) {
                return Err(SchemaError::invalid("A user type cannot contain counters"));
            }
            fields.push((field.clone(), resolve(keyspace, field_type)?));
        }
        let user_type = UserType { keyspace: self.keyspace.clone(), name: name.clone(), fields };
        keyspace.types.insert(name.clone(), Arc::new(user_type));
        Ok(Vec::new())
    }
}
