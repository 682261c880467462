//! A table: its columns with their ids, its options, and where its rows are.

use super::TableOptions;
use crate::command::ClusteringOrder;
use crate::ids::{ColumnId, SchemaVersion, StorageId};
use serde::{Deserialize, Serialize};
use trefoil_cql::types::CqlType;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Table {
    /// What clients know as the table's id: stable until the table is dropped.
    pub id: [u8; 16],
    /// The keyspace.
    pub keyspace: String,
    /// The name.
    pub name: String,
    /// Where its rows are; TRUNCATE changes it.
    pub storage: StorageId,
    /// Where they were before each TRUNCATE, oldest first: requests planned with one of these mean `storage`.
    pub former_storages: Vec<StorageId>,
    /// Columns in the order of `SELECT *`: partition key, clustering, then static and regular ones, each by name.
    pub columns: Vec<Column>,
    /// How many of `columns` are the partition key.
    pub partition_columns: u16,
    /// How many of `columns` after those are clustering columns.
    pub clustering_columns: u16,
    /// Columns that are no more, newest last.
    pub dropped: Vec<DroppedColumn>,
    /// Everything after WITH.
    pub options: TableOptions,
    /// The id of the next column.
    pub next_column: ColumnId,
    /// The version of the schema that last changed this table; what was prepared before is stale.
    pub changed: SchemaVersion,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Column {
    /// Names it in storage.
    pub id: ColumnId,
    /// Names it in CQL.
    pub name: String,
    /// Its type.
    pub column_type: CqlType,
    /// Its part in the table.
    pub kind: ColumnKind,
    /// Its place in the partition or clustering key, from 0; 0 for others.
    pub position: u16,
    /// For clustering columns.
    pub order: ClusteringOrder,
}

/// What a column is for. In the order of `SELECT *`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ColumnKind {
    /// Part of the partition key.
    PartitionKey,
    /// Part of the clustering key.
    Clustering,
    /// One value for the whole partition.
    Static,
    /// An ordinary value.
    Regular,
}

impl ColumnKind {
    /// As `system_schema.columns` says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ColumnKind::PartitionKey => "partition_key",
            ColumnKind::Clustering => "clustering",
            ColumnKind::Static => "static",
            ColumnKind::Regular => "regular",
        }
    }

    /// Whether the column is part of the primary key.
    #[must_use]
    pub fn is_key(self) -> bool {
        matches!(self, ColumnKind::PartitionKey | ColumnKind::Clustering)
    }
}

/// A column that was dropped. Remembered so that its name does not come back with another meaning.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DroppedColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub column_type: CqlType,
    /// Static or regular.
    pub kind: ColumnKind,
    /// When, in microseconds since 1970.
    pub dropped_time: i64,
    /// What named it in storage.
    pub id: ColumnId,
    /// The last timestamp that counts as before the drop (USING TIMESTAMP): values written later come back with the column.
    pub through: Option<i64>,
}

impl Table {
    /// A column by its name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A column by its id.
    #[must_use]
    pub fn column_by_id(&self, id: ColumnId) -> Option<&Column> {
        self.columns.iter().find(|column| column.id == id)
    }

    /// The partition key's columns, in order.
    #[must_use]
    pub fn partition_key(&self) -> &[Column] {
        &self.columns[..usize::from(self.partition_columns)]
    }

    /// The clustering columns, in order.
    #[must_use]
    pub fn clustering(&self) -> &[Column] {
        let start = usize::from(self.partition_columns);
        &self.columns[start..start + usize::from(self.clustering_columns)]
    }

    /// Static columns, then regular ones, each by name.
    #[must_use]
    pub fn values(&self) -> &[Column] {
        &self.columns[usize::from(self.partition_columns) + usize::from(self.clustering_columns)..]
    }

    /// The static columns.
    pub fn statics(&self) -> impl Iterator<Item = &Column> {
        self.values().iter().filter(|column| column.kind == ColumnKind::Static)
    }

    /// The regular columns.
    pub fn regulars(&self) -> impl Iterator<Item = &Column> {
        self.values().iter().filter(|column| column.kind == ColumnKind::Regular)
    }

    /// Whether any column is static.
    #[must_use]
    pub fn has_statics(&self) -> bool {
        self.statics().next().is_some()
    }

    /// Whether this is a table of counters.
    #[must_use]
    pub fn is_counter(&self) -> bool {
        self.values().iter().any(|column| column.column_type == CqlType::Counter)
    }

    /// Types and orders of the clustering columns, as filters carry them.
    #[must_use]
    pub fn clustering_types(&self) -> Vec<(CqlType, ClusteringOrder)> {
        self.clustering().iter().map(|column| (column.column_type.clone(), column.order)).collect()
    }

    /// Put `columns` into the order of `SELECT *`.
    pub(crate) fn sort_columns(&mut self) {
        self.columns.sort_by(|a, b| {
            (a.kind, if a.kind.is_key() { a.position } else { 0 }, if a.kind.is_key() { "" } else { &a.name }).cmp(&(
                b.kind,
                if b.kind.is_key() { b.position } else { 0 },
                if b.kind.is_key() { "" } else { &b.name },
            ))
        });
    }

    /// Which stored cells are no more: those of these columns that were written through these timestamps.
    #[must_use]
    pub fn dropped_cells(&self) -> Vec<(ColumnId, i64)> {
        if self.dropped.is_empty() {
            return Vec::new();
        }
        let ids = (1..self.next_column.0).map(ColumnId);
        ids.filter_map(|id| {
            let dropped = self.dropped.iter().find(|dropped| dropped.id == id);
            match (self.column_by_id(id), dropped) {
                (None, _) => Some((id, i64::MAX)),
                (Some(_), dropped) => Some((id, dropped?.through?)),
            }
        })
        .collect()
    }

    pub(super) fn new_column_id(&mut self) -> ColumnId {
        let id = self.next_column;
        self.next_column = ColumnId(id.0 + 1);
        id
    }
}
