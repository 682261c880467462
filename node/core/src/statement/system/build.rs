//! How a system table is written down: names, kinds and types of its columns, and a function that gives its rows. Here that
//! becomes a `Table`, and rows become what a shard would have returned.

use super::super::context::Facts;
use super::super::restrictions::{partition_key, serialize_key};
use super::super::value;
use crate::command::{ClusteringOrder, PartitionKey, ReadCell, ReadRow};
use crate::ids::{ColumnId, SchemaVersion, StorageId};
use crate::schema::{Column, ColumnKind, Schema, Table, TableOptions};
use crate::storage::encode_clustering;
use bytes::Bytes;
use md5::{Digest, Md5};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// A system table as it is written down.
pub(super) struct Definition {
    pub keyspace: &'static str,
    pub name: &'static str,
    pub comment: &'static str,
    /// Name, kind, type.
    pub columns: &'static [(&'static str, Kind, &'static str)],
    /// Its rows, each with a value for each column in the order above.
    pub rows: fn(&Source<'_>) -> Vec<Vec<Option<Bytes>>>,
}

/// The part of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of the partition key.
    Partition,
    /// Of the clustering key.
    Clustering,
    Regular,
}

/// What rows are computed from.
pub(super) struct Source<'a> {
    pub schema: &'a Schema,
    pub facts: &'a Facts<'a>,
    /// The first components of the partition keys asked for, if they are known: rows of others are not needed.
    pub keyspaces: Option<Vec<Bytes>>,
}

impl Source<'_> {
    /// Whether rows of this keyspace may be asked for.
    pub fn wants(&self, keyspace: &str) -> bool {
        self.keyspaces.as_ref().is_none_or(|wanted| wanted.iter().any(|name| name[..] == *keyspace.as_bytes()))
    }
}

/// A system table, ready.
pub(super) struct SystemTable {
    pub keyspace: &'static str,
    pub name: &'static str,
    pub table: Arc<Table>,
    pub comment: &'static str,
    /// For each column of the definition its place in the table.
    places: Vec<usize>,
    rows: fn(&Source<'_>) -> Vec<Vec<Option<Bytes>>>,
}

impl SystemTable {
    pub fn of(definition: &'static Definition) -> SystemTable {
        let Definition { keyspace, name, comment, columns, rows } = definition;
        SystemTable::new(keyspace, name, comment, columns, *rows)
    }

    pub fn new(
        keyspace: &'static str,
        table_name: &'static str,
        comment: &'static str,
        parts: &[(&'static str, Kind, &'static str)],
        rows: fn(&Source<'_>) -> Vec<Vec<Option<Bytes>>>,
    ) -> SystemTable {
        let mut positions = BTreeMap::new();
        let mut columns: Vec<Column> = Vec::with_capacity(parts.len());
        for (index, (name, kind, column_type)) in parts.iter().enumerate() {
            let kind = match kind {
                Kind::Partition => ColumnKind::PartitionKey,
                Kind::Clustering => ColumnKind::Clustering,
                Kind::Regular => ColumnKind::Regular,
            };
            let position = positions.entry(kind).or_insert(0u16);
            let column_type = CqlType::parse(column_type, keyspace, |_| None)
                .expect("types of system tables are written correctly, and a test parses them all");
            columns.push(Column {
                id: ColumnId(index as u32 + 1),
                name: (*name).to_owned(),
                column_type,
                kind,
                position: if kind.is_key() { *position } else { 0 },
                order: ClusteringOrder::Ascending,
            });
            *position += 1;
        }
        let count = |kind| columns.iter().filter(|column| column.kind == kind).count() as u16;
        let (partition_columns, clustering_columns) = (count(ColumnKind::PartitionKey), count(ColumnKind::Clustering));
        let name = format!("{keyspace}.{table_name}");
        let gc_grace_seconds = match keyspace {
            "system" | "system_traces" => 0,
            "system_schema" => 604_800,
            _ => TableOptions::default().gc_grace_seconds,
        };
        let mut table = Table {
            former_storages: Vec::new(),
            id: Md5::digest(name.as_bytes()).into(),
            keyspace: keyspace.to_owned(),
            name: table_name.to_owned(),
            storage: match (keyspace, table_name) {
                ("system_traces", "sessions") => StorageId::TRACE_SESSIONS,
                ("system_traces", "events") => StorageId::TRACE_EVENTS,
                _ => StorageId(0),
            },
            columns,
            partition_columns,
            clustering_columns,
            dropped: Vec::new(),
            options: TableOptions { comment: comment.to_owned(), gc_grace_seconds, ..TableOptions::default() },
            next_column: ColumnId(parts.len() as u32 + 1),
            changed: SchemaVersion(0),
        };
        table.sort_columns();
        let place = |name: &str| table.columns.iter().position(|column| column.name == name);
        let places = parts.iter().filter_map(|(name, ..)| place(name)).collect();
        SystemTable { keyspace, name: table_name, table: Arc::new(table), comment, places, rows }
    }

    /// Its rows, in ring order and clustering order.
    pub fn rows(&self, source: &Source<'_>) -> Result<Vec<ReadRow>, CqlError> {
        let types = self.table.clustering_types();
        let mut rows = Vec::new();
        for values in (self.rows)(source) {
            rows.push(self.row(values, &types)?);
        }
        rows.sort_by(|a, b| (&a.partition, &a.clustering).cmp(&(&b.partition, &b.clustering)));
        Ok(rows)
    }

    fn row(&self, values: Vec<Option<Bytes>>, types: &[(CqlType, ClusteringOrder)]) -> Result<ReadRow, CqlError> {
        let mut partition = vec![Bytes::new(); usize::from(self.table.partition_columns)];
        let mut clustering = vec![Bytes::new(); usize::from(self.table.clustering_columns)];
        let mut cells = Vec::with_capacity(values.len());
        for (place, value) in self.places.iter().zip(values) {
            let column = &self.table.columns[*place];
            let Some(value) = value else { continue };
            match column.kind {
                ColumnKind::PartitionKey => partition[usize::from(column.position)] = value,
                ColumnKind::Clustering => clustering[usize::from(column.position)] = value,
                ColumnKind::Static | ColumnKind::Regular => put_cells(column, value, &mut cells)?,
            }
        }
        cells.sort_by_key(|cell| cell.column);
        let key: PartitionKey = partition_key(serialize_key(&partition)?)?;
        let clustering = encode_clustering(&clustering, types)
            .map_err(|error| CqlError::server(format!("a row of {} has a wrong key: {error}", self.table.name)))?;
        Ok(ReadRow { partition: key, clustering: Some(clustering), cells })
    }
}

fn put_cells(column: &Column, value: Bytes, cells: &mut Vec<ReadCell>) -> Result<(), CqlError> {
    let cell =
        |path: Bytes, value: Bytes| ReadCell { column: column.id, path, timestamp: 0, ttl: 0, expires: 0, value };
    match &column.column_type {
        CqlType::Set(_) => cells.extend(value::elements(&value)?.into_iter().map(|path| cell(path, Bytes::new()))),
        CqlType::Map(..) => cells.extend(value::entries(&value)?.into_iter().map(|(path, value)| cell(path, value))),
        _ => cells.push(cell(Bytes::new(), value)),
    }
    Ok(())
}

// Values of system tables. Short names: they stand in long lists.

pub(super) fn text(value: &str) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(value.as_bytes()))
}

pub(super) fn int(value: i32) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(&value.to_be_bytes()))
}

pub(super) fn long(value: i64) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(&value.to_be_bytes()))
}

pub(super) fn double(value: f64) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(&value.to_be_bytes()))
}

pub(super) fn boolean(value: bool) -> Option<Bytes> {
    Some(Bytes::from_static(if value { &[1] } else { &[0] }))
}

pub(super) fn uuid(value: [u8; 16]) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(&value))
}

pub(super) fn blob(value: &[u8]) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(value))
}

pub(super) fn inet(value: IpAddr) -> Option<Bytes> {
    Some(match value {
        IpAddr::V4(address) => Bytes::copy_from_slice(&address.octets()),
        IpAddr::V6(address) => Bytes::copy_from_slice(&address.octets()),
    })
}

pub(super) fn text_set<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> Option<Bytes> {
    let elements = values.into_iter().map(|value| Bytes::copy_from_slice(value.as_ref().as_bytes()));
    Some(value::join_set(&CqlType::Text, elements.collect()))
}

pub(super) fn text_list<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> Option<Bytes> {
    let elements = values.into_iter().map(|value| Bytes::copy_from_slice(value.as_ref().as_bytes()));
    Some(value::join_elements(&elements.collect::<Vec<_>>()))
}

pub(super) fn text_map(values: &BTreeMap<String, String>) -> Option<Bytes> {
    let bytes = |text: &String| Bytes::copy_from_slice(text.as_bytes());
    let parts = values.iter().flat_map(|(key, value)| [bytes(key), bytes(value)]);
    Some(value::join_map(&CqlType::Text, parts.collect()))
}
