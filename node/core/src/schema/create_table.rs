//! CREATE TABLE. What can be said about it without a schema is checked here as well, because IF NOT EXISTS comes first: an
//! existing table makes any definition a success.

use super::keyspace::{is_word, unknown_keyspace};
use super::types::{any, qualified, resolve};
use super::{
    Column, ColumnKind, DefinitionContext, Keyspace, Schema, SchemaError, TABLE_NAME_BYTES, Table, TableOptions,
};
use crate::command::ClusteringOrder;
use crate::ids::{ColumnId, StorageId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use trefoil_cql::types::CqlType;

/// A table to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CreateTable {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Its id, made by the coordinator or given by WITH ID.
    pub id: [u8; 16],
    /// Its columns in the order written.
    pub columns: Vec<ColumnDefinition>,
    /// Names of the partition key's columns.
    pub partition_key: Vec<String>,
    /// Names of the clustering columns, and their order.
    pub clustering: Vec<(String, ClusteringOrder)>,
    /// Everything after WITH.
    pub options: TableOptions,
}

/// A column as it is defined.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ColumnDefinition {
    /// Its name.
    pub name: String,
    /// Its type.
    pub column_type: CqlType,
    /// STATIC.
    pub is_static: bool,
}

impl CreateTable {
    pub(super) fn apply(
        &self,
        schema: &mut Schema,
        context: &DefinitionContext,
    ) -> Result<Vec<StorageId>, SchemaError> {
        let storage = schema.new_storage();
        let keyspace = schema.keyspace_mut(&self.keyspace).ok_or_else(|| unknown_keyspace(&self.keyspace))?;
        if keyspace.tables.contains_key(&self.name) {
            return Err(if self.if_not_exists {
                SchemaError::Unchanged
            } else {
                SchemaError::AlreadyExists { keyspace: self.keyspace.clone(), table: self.name.clone() }
            });
        }
        self.check_name()?;
        self.check_primary_key()?;
        let mut table = Table {
            id: self.id,
            keyspace: self.keyspace.clone(),
            name: self.name.clone(),
            storage,
            former_storages: Vec::new(),
            columns: Vec::with_capacity(self.columns.len()),
            partition_columns: self.partition_key.len() as u16,
            clustering_columns: self.clustering.len() as u16,
            dropped: Vec::new(),
            options: self.options.clone(),
            next_column: ColumnId(1),
            changed: context.version,
        };
        for definition in &self.columns {
            let column = self.column(definition, keyspace, &mut table)?;
            table.columns.push(column);
        }
        table.sort_columns();
        check_counters(&table)?;
        keyspace.tables.insert(self.name.clone(), Arc::new(table));
        Ok(Vec::new())
    }

    fn check_name(&self) -> Result<(), SchemaError> {
        let CreateTable { keyspace, name, .. } = self;
        let refused = |text: String| Err(SchemaError::Configuration(format!("{keyspace}.{name}: {text}")));
        if !is_word(name) {
            return refused(format!(
                "Table name must not be empty or not contain non-alphanumeric-underscore characters (got \"{name}\")"
            ));
        }
        if name.len() > TABLE_NAME_BYTES {
            return refused(format!(
                "Table name must not be more than {TABLE_NAME_BYTES} characters long (got {} characters for \
                 \"{name}\")",
                name.len()
            ));
        }
        Ok(())
    }

    fn check_primary_key(&self) -> Result<(), SchemaError> {
        let mut seen = BTreeSet::new();
        for name in self.partition_key.iter().chain(self.clustering.iter().map(|(name, _)| name)) {
            let Some(column) = self.columns.iter().find(|column| column.name == *name) else {
                return Err(SchemaError::Invalid(format!(
                    "Unknown column '{name}' referenced in PRIMARY KEY for table '{}'",
                    self.name
                )));
            };
            if !seen.insert(name) {
                return Err(SchemaError::Invalid(format!(
                    "Duplicate column '{name}' in PRIMARY KEY clause for table '{}'",
                    self.name
                )));
            }
            let key_type = &column.column_type;
            if key_type.is_multi_cell() {
                return Err(SchemaError::Invalid(match key_type {
                    CqlType::UserType(_) => format!(
                        "Invalid non-frozen user-defined type \"{}\" for PRIMARY KEY column '{name}'",
                        qualified(key_type)
                    ),
                    _ => format!("Invalid non-frozen collection type {key_type} for PRIMARY KEY column '{name}'"),
                }));
            }
            if *key_type == CqlType::Counter {
                return Err(SchemaError::Invalid(format!(
                    "counter type is not supported for PRIMARY KEY column '{name}'"
                )));
            }
            if any(key_type, &|inner| *inner == CqlType::Duration) {
                return Err(SchemaError::Invalid(format!(
                    "duration type is not supported for PRIMARY KEY column '{name}'"
                )));
            }
            if column.is_static {
                return Err(SchemaError::Invalid(format!("Static column '{name}' cannot be part of the PRIMARY KEY")));
            }
        }
        let mut names = BTreeSet::new();
        for column in &self.columns {
            if !names.insert(&column.name) {
                return Err(SchemaError::Invalid(format!(
                    "Duplicate column '{}' declaration for table '{}'",
                    column.name, self.name
                )));
            }
        }
        if self.clustering.is_empty() && self.columns.iter().any(|column| column.is_static) {
            return Err(super::alter_table::static_without_clustering());
        }
        Ok(())
    }

    fn column(
        &self,
        definition: &ColumnDefinition,
        keyspace: &Keyspace,
        table: &mut Table,
    ) -> Result<Column, SchemaError> {
        let name = &definition.name;
        let partition = self.partition_key.iter().position(|key| key == name);
        let clustering = self.clustering.iter().position(|(key, _)| key == name);
        let (kind, position, order) = match (partition, clustering) {
            (Some(position), _) => (ColumnKind::PartitionKey, position, ClusteringOrder::Ascending),
            (None, Some(position)) => (ColumnKind::Clustering, position, self.clustering[position].1),
            (None, None) if definition.is_static => (ColumnKind::Static, 0, ClusteringOrder::Ascending),
            (None, None) => (ColumnKind::Regular, 0, ClusteringOrder::Ascending),
        };
        let column_type = resolve(keyspace, &definition.column_type)?;
        if has_cells_in_cells(&column_type) {
            return Err(SchemaError::invalid(CELLS_IN_CELLS));
        }
        Ok(Column {
            id: table.new_column_id(),
            name: name.clone(),
            column_type,
            kind,
            position: position as u16,
            order,
        })
    }
}

/// What Cassandra says of a type for which `has_cells_in_cells` holds.
pub(super) const CELLS_IN_CELLS: &str = "Non-frozen UDTs with nested non-frozen collections are not supported";

/// Whether fields that are cells would themselves have to be stored as several cells.
pub(super) fn has_cells_in_cells(column_type: &CqlType) -> bool {
    matches!(column_type, CqlType::UserType(user) if user.fields.iter().any(|(_, field)| field.is_multi_cell()))
}

/// Counters and values do not mix: they are written in different ways.
pub(super) fn check_counters(table: &Table) -> Result<(), SchemaError> {
    if !table.is_counter() {
        return Ok(());
    }
    if table.values().iter().any(|column| column.column_type != CqlType::Counter) {
        return Err(SchemaError::invalid("Cannot mix counter and non counter columns in the same table"));
    }
    if table.options.default_time_to_live > 0 {
        return Err(SchemaError::invalid("Cannot set default_time_to_live on a table with counters"));
    }
    Ok(())
}
