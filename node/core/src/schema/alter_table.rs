//! ALTER TABLE. A dropped column's name may come back only with its old type and kind, as in Cassandra; here it also gets
//! a new id, so its old values can never come back with it, unless the drop said which are old (USING TIMESTAMP).

use super::create_table::{CELLS_IN_CELLS, check_counters, has_cells_in_cells};
use super::types::resolve;
use super::{
    Column, ColumnDefinition, ColumnKind, DefinitionContext, DroppedColumn, Keyspace, PropertyValue, Schema,
    SchemaError, Table,
};
use crate::command::ClusteringOrder;
use crate::ids::StorageId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use trefoil_cql::types::CqlType;

/// A table to be changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AlterTable {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What changes.
    pub change: TableChange,
}

/// What may change in a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TableChange {
    /// ADD
    Add(AddColumns),
    /// DROP
    Drop(DropColumns),
    /// RENAME
    Rename(RenameColumns),
    /// WITH: properties as written, validated against the table they meet.
    Options(Vec<(String, PropertyValue)>),
}

/// New columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AddColumns {
    /// IF NOT EXISTS, for each.
    pub if_not_exists: bool,
    /// What they are.
    pub columns: Vec<ColumnDefinition>,
}

/// Columns that shall go.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DropColumns {
    /// IF EXISTS, for each.
    pub if_exists: bool,
    /// Their names.
    pub names: Vec<String>,
    /// USING TIMESTAMP: values written later are not meant.
    pub timestamp: Option<i64>,
}

/// Key columns that get other names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RenameColumns {
    /// Old and new names.
    pub names: Vec<(String, String)>,
}

impl AlterTable {
    pub(super) fn apply(
        &self,
        schema: &mut Schema,
        context: &DefinitionContext,
    ) -> Result<Vec<StorageId>, SchemaError> {
        let found = schema
            .keyspace_mut(&self.keyspace)
            .and_then(|keyspace| keyspace.tables.get(&self.name).cloned().map(|table| (keyspace, table)));
        let Some((keyspace, mut shared)) = found else {
            return Err(if self.if_exists {
                SchemaError::Unchanged
            } else {
                SchemaError::Invalid(format!("Table '{}.{}' doesn't exist", self.keyspace, self.name))
            });
        };
        let table = Arc::make_mut(&mut shared);
        match &self.change {
            TableChange::Add(add) => add.apply(keyspace, table)?,
            TableChange::Drop(drop) => drop.apply(table, context)?,
            TableChange::Rename(rename) => rename.apply(table)?,
            TableChange::Options(properties) => {
                table.options = table.options.altered(properties)?;
                check_counters(table)?;
            }
        }
        if keyspace.tables.get(&self.name).is_some_and(|before| **before == *table) {
            return Err(SchemaError::Unchanged);
        }
        table.changed = context.version;
        keyspace.tables.insert(self.name.clone(), shared);
        Ok(Vec::new())
    }
}

impl AddColumns {
    fn apply(&self, keyspace: &Keyspace, table: &mut Table) -> Result<(), SchemaError> {
        for definition in &self.columns {
            let name = &definition.name;
            if table.column(name).is_some() {
                if self.if_not_exists {
                    continue;
                }
                return Err(SchemaError::Invalid(format!("Column with name '{name}' already exists")));
            }
            if definition.is_static && table.clustering_columns == 0 {
                return Err(static_without_clustering());
            }
            let column_type = resolve(keyspace, &definition.column_type)?;
            if has_cells_in_cells(&column_type) {
                return Err(SchemaError::Invalid(format!("{CELLS_IN_CELLS} for column {name}")));
            }
            let kind = if definition.is_static { ColumnKind::Static } else { ColumnKind::Regular };
            let mut former = None;
            if let Some(dropped) = table.dropped.iter().rev().find(|dropped| dropped.name == *name) {
                check_compatible(dropped, &column_type, kind)?;
                former = dropped.through.map(|_| dropped.id);
            }
            check_counter(table, &column_type, name)?;
            let id = former.unwrap_or_else(|| table.new_column_id());
            let order = ClusteringOrder::Ascending;
            table.columns.push(Column { id, name: name.clone(), column_type, kind, position: 0, order });
        }
        table.sort_columns();
        Ok(())
    }
}

/// Tables of counters have only counters, others have none.
fn check_counter(table: &Table, column_type: &CqlType, name: &str) -> Result<(), SchemaError> {
    let is_counter = *column_type == CqlType::Counter;
    if table.values().is_empty() || is_counter == table.is_counter() {
        return Ok(());
    }
    let (a, of) = if is_counter { ("a counter", "non counter") } else { ("a non counter", "counter") };
    Err(SchemaError::Configuration(format!(
        "{}.{}: Cannot have {a} column (\"{name}\") in a {of} table",
        table.keyspace, table.name
    )))
}

/// Whether Cassandra would read values of the dropped type as values of the new one. Here they are gone, but what is refused
/// there is refused here.
fn may_follow(new: &CqlType, dropped: &CqlType) -> bool {
    if new == dropped {
        return true;
    }
    match (new, dropped) {
        (CqlType::Text, CqlType::Ascii)
        | (CqlType::Uuid, CqlType::TimeUuid)
        | (CqlType::BigInt, CqlType::Timestamp)
        | (CqlType::Timestamp, CqlType::BigInt) => true,
        (CqlType::Blob, dropped) => !dropped.is_multi_cell() && !is_fixed_length(dropped),
        (CqlType::Set(new), CqlType::Set(dropped)) => may_follow(new, dropped),
        (CqlType::Frozen(new), CqlType::Frozen(dropped)) => match (&**new, &**dropped) {
            // Fields may be added at the end.
            (CqlType::Tuple(new), CqlType::Tuple(dropped)) => {
                dropped.len() <= new.len() && new.iter().zip(dropped).all(|(new, dropped)| is_readable_as(new, dropped))
            }
            _ => false,
        },
        (CqlType::Tuple(new), CqlType::Tuple(dropped)) => {
            dropped.len() <= new.len() && new.iter().zip(dropped).all(|(new, dropped)| is_readable_as(new, dropped))
        }
        _ => false,
    }
}

fn is_readable_as(new: &CqlType, dropped: &CqlType) -> bool {
    *new == CqlType::Blob
        || may_follow(new, dropped)
        || matches!((new, dropped), (CqlType::Varint, CqlType::Int | CqlType::BigInt))
}

fn is_fixed_length(column_type: &CqlType) -> bool {
    match column_type {
        CqlType::Boolean
        | CqlType::Double
        | CqlType::Float
        | CqlType::BigInt
        | CqlType::Int
        | CqlType::Timestamp
        | CqlType::Counter
        | CqlType::Uuid
        | CqlType::TimeUuid => true,
        CqlType::Vector(element, _) => is_fixed_length(element),
        _ => false,
    }
}

fn check_compatible(dropped: &DroppedColumn, column_type: &CqlType, kind: ColumnKind) -> Result<(), SchemaError> {
    let name = &dropped.name;
    if !may_follow(column_type, &dropped.column_type) {
        return Err(SchemaError::Invalid(format!(
            "Cannot re-add previously dropped column '{name}' of type {column_type}, incompatible with previous type {}",
            dropped.column_type
        )));
    }
    if kind != dropped.kind {
        return Err(SchemaError::Invalid(format!(
            "Cannot re-add previously dropped column '{name}' of kind {}, incompatible with previous kind {}",
            kind.name().to_uppercase(),
            dropped.kind.name().to_uppercase()
        )));
    }
    if *column_type == CqlType::Counter {
        return Err(SchemaError::Invalid(format!("Cannot re-add previously dropped counter column {name}")));
    }
    Ok(())
}

impl DropColumns {
    fn apply(&self, table: &mut Table, context: &DefinitionContext) -> Result<(), SchemaError> {
        for (index, name) in self.names.iter().enumerate() {
            let Some(column) = table.column(name) else {
                // A name may be there twice.
                if self.if_exists || self.names[..index].contains(name) {
                    continue;
                }
                return Err(SchemaError::Invalid(format!(
                    "Column {name} was not found in table '{}.{}'",
                    table.keyspace, table.name
                )));
            };
            if column.kind.is_key() {
                return Err(SchemaError::Invalid(format!("Cannot drop PRIMARY KEY column {name}")));
            }
            let dropped = DroppedColumn {
                name: name.clone(),
                column_type: column.column_type.clone(),
                kind: column.kind,
                dropped_time: self.timestamp.unwrap_or(context.stamp.0),
                id: column.id,
                through: self.timestamp,
            };
            table.columns.retain(|column| column.name != *name);
            table.dropped.retain(|before| before.name != *name);
            table.dropped.push(dropped);
        }
        Ok(())
    }
}

impl RenameColumns {
    fn apply(&self, table: &mut Table) -> Result<(), SchemaError> {
        for (from, to) in &self.names {
            let Some(column) = table.column(from) else {
                // Cassandra says so with IF EXISTS, too.
                return Err(SchemaError::Invalid(format!(
                    "Undefined column name {from} in table {}.{}",
                    table.keyspace, table.name
                )));
            };
            if !column.kind.is_key() {
                return Err(SchemaError::Invalid(format!("Cannot rename non PRIMARY KEY column {from}")));
            }
            if table.column(to).is_some() {
                return Err(SchemaError::Invalid(format!(
                    "Cannot rename column {from} to {to} in table '{}.{}'; another column with that name already exists",
                    table.keyspace, table.name
                )));
            }
            for column in table.columns.iter_mut().filter(|column| column.name == *from) {
                column.name.clone_from(to);
            }
        }
        Ok(())
    }
}

pub(super) fn static_without_clustering() -> SchemaError {
    SchemaError::invalid(
        "Static columns are only useful (and thus allowed) if the table has at least one clustering column",
    )
}
