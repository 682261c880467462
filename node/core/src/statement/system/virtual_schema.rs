//! Keyspace `system_virtual_schema`: the tables that are not stored anywhere.

use super::build::Kind::{Clustering, Partition, Regular};
use super::build::{Definition, Source, int, text};
use super::schema_rows::{clustering_order, position};
use super::{KEYSPACES, is_virtual_keyspace, tables};
use bytes::Bytes;

pub(super) static TABLES: &[Definition] = &[
    Definition {
        keyspace: "system_virtual_schema",
        name: "keyspaces",
        comment: "virtual keyspace definitions",
        columns: &[("keyspace_name", Partition, "text")],
        rows: keyspaces,
    },
    Definition {
        keyspace: "system_virtual_schema",
        name: "tables",
        comment: "virtual table definitions",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("table_name", Clustering, "text"),
            ("comment", Regular, "text"),
        ],
        rows: virtual_tables,
    },
    Definition {
        keyspace: "system_virtual_schema",
        name: "columns",
        comment: "virtual column definitions",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("table_name", Clustering, "text"),
            ("column_name", Clustering, "text"),
            ("clustering_order", Regular, "text"),
            ("column_name_bytes", Regular, "blob"),
            ("kind", Regular, "text"),
            ("position", Regular, "int"),
            ("type", Regular, "text"),
        ],
        rows: columns,
    },
];

fn keyspaces(_source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    KEYSPACES.iter().filter(|(_, is_virtual)| *is_virtual).map(|(name, _)| vec![text(name)]).collect()
}

fn virtual_tables(_source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    let all = tables().filter(|system| is_virtual_keyspace(&system.table.keyspace));
    all.map(|system| vec![text(&system.table.keyspace), text(&system.table.name), text(system.comment)]).collect()
}

fn columns(_source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    let all = tables().filter(|system| is_virtual_keyspace(&system.table.keyspace));
    let mut rows = Vec::new();
    for system in all {
        for column in &system.table.columns {
            rows.push(vec![
                text(&system.table.keyspace),
                text(&system.table.name),
                text(&column.name),
                text(clustering_order(column)),
                text(&column.name),
                text(column.kind.name()),
                int(position(column)),
                text(&column.column_type.to_string()),
            ]);
        }
    }
    rows
}
