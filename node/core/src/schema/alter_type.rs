//! ALTER TYPE: fields may be added at the end and renamed; every type and table that uses the type changes with it.

use super::types::{any, qualified, references, resolve};
use super::{DefinitionContext, Keyspace, Schema, SchemaError};
use crate::ids::StorageId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use trefoil_cql::types::CqlType;

/// A user-defined type to be changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AlterType {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What changes.
    pub change: TypeChange,
}

/// What may change in a type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TypeChange {
    /// ADD
    Add {
        /// IF NOT EXISTS
        if_not_exists: bool,
        /// The field.
        field: String,
        /// Its type.
        field_type: CqlType,
    },
    /// RENAME
    Rename {
        /// IF EXISTS
        if_exists: bool,
        /// Old and new names.
        names: Vec<(String, String)>,
    },
}

impl AlterType {
    pub(super) fn apply(
        &self,
        schema: &mut Schema,
        context: &DefinitionContext,
    ) -> Result<Vec<StorageId>, SchemaError> {
        let found = schema
            .keyspace_mut(&self.keyspace)
            .and_then(|keyspace| keyspace.types.get(&self.name).cloned().map(|before| (keyspace, before)));
        let Some((keyspace, mut shared)) = found else {
            return Err(if self.if_exists {
                SchemaError::Unchanged
            } else {
                SchemaError::Invalid(format!("Type {}.{} doesn't exist", self.keyspace, self.name))
            });
        };
        let fields = &mut Arc::make_mut(&mut shared).fields;
        match &self.change {
            TypeChange::Add { if_not_exists, field, field_type } => {
                self.add(*if_not_exists, field, field_type, keyspace, fields)?;
            }
            TypeChange::Rename { if_exists, names } => self.rename(*if_exists, names, fields)?,
        }
        if keyspace.types.get(&self.name) == Some(&shared) {
            return Err(SchemaError::Unchanged);
        }
        keyspace.types.insert(self.name.clone(), shared);
        refresh(keyspace, &self.name, context)?;
        Ok(Vec::new())
    }

    fn add(
        &self,
        if_not_exists: bool,
        field: &str,
        field_type: &CqlType,
        keyspace: &Keyspace,
        fields: &mut Vec<(String, CqlType)>,
    ) -> Result<(), SchemaError> {
        let name = &format!("{}.{}", self.keyspace, self.name);
        if any(field_type, &|inner| *inner == CqlType::Counter) {
            return Err(SchemaError::invalid("A user type cannot contain counters"));
        }
        let described = qualified(field_type);
        if fields.iter().any(|(before, _)| before == field) {
            return Err(if if_not_exists {
                SchemaError::Unchanged
            } else {
                SchemaError::Invalid(format!(
                    "Cannot add field {field} to type {name}: a field with name {field} already exists"
                ))
            });
        }
        if references(field_type, &self.name) {
            return Err(SchemaError::Invalid(format!(
                "Cannot add new field {field} of type {described} to user type {name} as it would create a circular reference"
            )));
        }
        let keyed: Vec<String> = (keyspace.tables.values())
            .filter(|table| table.partition_key().iter().any(|column| references(&column.column_type, &self.name)))
            .map(|table| format!("{}.{}", table.keyspace, table.name))
            .collect();
        if !keyed.is_empty() {
            return Err(SchemaError::Invalid(format!(
                "Cannot add new field {field} of type {described} to user type {name} as the type is being used in \
                 partition key by the following tables: {}",
                keyed.join(", ")
            )));
        }
        fields.push((field.to_owned(), resolve(keyspace, field_type)?));
        Ok(())
    }

    fn rename(
        &self,
        if_exists: bool,
        names: &[(String, String)],
        fields: &mut [(String, CqlType)],
    ) -> Result<(), SchemaError> {
        for (from, to) in names {
            match fields.iter_mut().find(|(name, _)| name == from) {
                Some((name, _)) => name.clone_from(to),
                None if if_exists => {}
                // The misspelling is Cassandra's.
                None => {
                    return Err(SchemaError::Invalid(format!(
                        "Unkown field {from} in user type {}.{}",
                        self.keyspace, self.name
                    )));
                }
            }
        }
        for (index, (name, _)) in fields.iter().enumerate() {
            if fields[..index].iter().any(|(before, _)| before == name) {
                return Err(SchemaError::Invalid(format!("Duplicate field name {name} in type {}", self.keyspace)));
            }
        }
        Ok(())
    }
}

/// Columns and fields carry whole types: bring those that use the changed one up to date.
fn refresh(keyspace: &mut Keyspace, changed: &str, context: &DefinitionContext) -> Result<(), SchemaError> {
    // Types may nest: as many rounds as there are types reach every level.
    for _ in 0..keyspace.types.len() {
        let before = keyspace.clone();
        for user_type in keyspace.types.values_mut() {
            if user_type.fields.iter().any(|(_, field)| references(field, changed)) {
                for (_, field) in &mut Arc::make_mut(user_type).fields {
                    *field = resolve(&before, field)?;
                }
            }
        }
    }
    let known = keyspace.clone();
    for table in keyspace.tables.values_mut() {
        if table.columns.iter().any(|column| references(&column.column_type, changed)) {
            let table = Arc::make_mut(table);
            table.changed = context.version;
            for column in &mut table.columns {
                column.column_type = resolve(&known, &column.column_type)?;
            }
        }
    }
    Ok(())
}
