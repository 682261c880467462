//! Keyspace `system_schema`: every definition, the system's own included. Drivers build their metadata from it.

use super::build::Kind::{Clustering, Partition, Regular};
use super::build::{Definition, Source, blob, boolean, double, int, long, text, text_list, text_map, text_set, uuid};
use super::local::none;
use super::{KEYSPACES, is_virtual_keyspace, tables};
use crate::command::ClusteringOrder;
use crate::schema::{Column, ColumnKind, Replication, Table};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) static TABLES: &[Definition] = &[
    Definition {
        keyspace: "system_schema",
        name: "keyspaces",
        comment: "keyspace definitions",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("durable_writes", Regular, "boolean"),
            ("replication", Regular, "frozen<map<text, text>>"),
        ],
        rows: keyspaces,
    },
    Definition {
        keyspace: "system_schema",
        name: "tables",
        comment: "table definitions",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("table_name", Clustering, "text"),
            ("additional_write_policy", Regular, "text"),
            ("allow_auto_snapshot", Regular, "boolean"),
            ("bloom_filter_fp_chance", Regular, "double"),
            ("caching", Regular, "frozen<map<text, text>>"),
            ("cdc", Regular, "boolean"),
            ("comment", Regular, "text"),
            ("compaction", Regular, "frozen<map<text, text>>"),
            ("compression", Regular, "frozen<map<text, text>>"),
            ("crc_check_chance", Regular, "double"),
            ("dclocal_read_repair_chance", Regular, "double"),
            ("default_time_to_live", Regular, "int"),
            ("extensions", Regular, "frozen<map<text, blob>>"),
            ("flags", Regular, "frozen<set<text>>"),
            ("gc_grace_seconds", Regular, "int"),
            ("id", Regular, "uuid"),
            ("incremental_backups", Regular, "boolean"),
            ("max_index_interval", Regular, "int"),
            ("memtable", Regular, "text"),
            ("memtable_flush_period_in_ms", Regular, "int"),
            ("min_index_interval", Regular, "int"),
            ("read_repair", Regular, "text"),
            ("read_repair_chance", Regular, "double"),
            ("speculative_retry", Regular, "text"),
        ],
        rows: table_rows,
    },
    Definition {
        keyspace: "system_schema",
        name: "columns",
        comment: "column definitions",
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
    Definition {
        keyspace: "system_schema",
        name: "dropped_columns",
        comment: "dropped column registry",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("table_name", Clustering, "text"),
            ("column_name", Clustering, "text"),
            ("dropped_time", Regular, "timestamp"),
            ("kind", Regular, "text"),
            ("type", Regular, "text"),
        ],
        rows: dropped_columns,
    },
    Definition {
        keyspace: "system_schema",
        name: "column_masks",
        comment: "column dynamic data masks",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("table_name", Clustering, "text"),
            ("column_name", Clustering, "text"),
            ("function_argument_nulls", Regular, "frozen<list<boolean>>"),
            ("function_argument_types", Regular, "frozen<list<text>>"),
            ("function_argument_values", Regular, "frozen<list<text>>"),
            ("function_keyspace", Regular, "text"),
            ("function_name", Regular, "text"),
        ],
        rows: none,
    },
    Definition {
        keyspace: "system_schema",
        name: "types",
        comment: "user defined type definitions",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("type_name", Clustering, "text"),
            ("field_names", Regular, "frozen<list<text>>"),
            ("field_types", Regular, "frozen<list<text>>"),
        ],
        rows: types,
    },
    Definition {
        keyspace: "system_schema",
        name: "indexes",
        comment: "secondary index definitions",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("table_name", Clustering, "text"),
            ("index_name", Clustering, "text"),
            ("kind", Regular, "text"),
            ("options", Regular, "frozen<map<text, text>>"),
        ],
        rows: none,
    },
    Definition {
        keyspace: "system_schema",
        name: "triggers",
        comment: "trigger definitions",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("table_name", Clustering, "text"),
            ("trigger_name", Clustering, "text"),
            ("options", Regular, "frozen<map<text, text>>"),
        ],
        rows: none,
    },
    Definition {
        keyspace: "system_schema",
        name: "functions",
        comment: "user defined function definitions",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("function_name", Clustering, "text"),
            ("argument_types", Clustering, "frozen<list<text>>"),
            ("argument_names", Regular, "frozen<list<text>>"),
            ("body", Regular, "text"),
            ("called_on_null_input", Regular, "boolean"),
            ("language", Regular, "text"),
            ("return_type", Regular, "text"),
        ],
        rows: none,
    },
    Definition {
        keyspace: "system_schema",
        name: "aggregates",
        comment: "user defined aggregate definitions",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("aggregate_name", Clustering, "text"),
            ("argument_types", Clustering, "frozen<list<text>>"),
            ("final_func", Regular, "text"),
            ("initcond", Regular, "text"),
            ("return_type", Regular, "text"),
            ("state_func", Regular, "text"),
            ("state_type", Regular, "text"),
        ],
        rows: none,
    },
    Definition {
        keyspace: "system_schema",
        name: "views",
        comment: "view definitions",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("view_name", Clustering, "text"),
            ("additional_write_policy", Regular, "text"),
            ("allow_auto_snapshot", Regular, "boolean"),
            ("base_table_id", Regular, "uuid"),
            ("base_table_name", Regular, "text"),
            ("bloom_filter_fp_chance", Regular, "double"),
            ("caching", Regular, "frozen<map<text, text>>"),
            ("cdc", Regular, "boolean"),
            ("comment", Regular, "text"),
            ("compaction", Regular, "frozen<map<text, text>>"),
            ("compression", Regular, "frozen<map<text, text>>"),
            ("crc_check_chance", Regular, "double"),
            ("dclocal_read_repair_chance", Regular, "double"),
            ("default_time_to_live", Regular, "int"),
            ("extensions", Regular, "frozen<map<text, blob>>"),
            ("gc_grace_seconds", Regular, "int"),
            ("id", Regular, "uuid"),
            ("include_all_columns", Regular, "boolean"),
            ("incremental_backups", Regular, "boolean"),
            ("max_index_interval", Regular, "int"),
            ("memtable", Regular, "text"),
            ("memtable_flush_period_in_ms", Regular, "int"),
            ("min_index_interval", Regular, "int"),
            ("read_repair", Regular, "text"),
            ("read_repair_chance", Regular, "double"),
            ("speculative_retry", Regular, "text"),
            ("where_clause", Regular, "text"),
        ],
        rows: none,
    },
];

fn keyspaces(source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    let local = BTreeMap::from([("class".to_owned(), "org.apache.cassandra.locator.LocalStrategy".to_owned())]);
    let simple = |factor| Replication::Simple { factor }.to_options();
    let stored = KEYSPACES.iter().filter(|(_, is_virtual)| !is_virtual);
    let own = stored.map(|(name, _)| {
        let replication = match *name {
            "system_auth" => simple(1),
            "system_traces" => simple(2),
            "system_distributed" => simple(3),
            _ => local.clone(),
        };
        vec![text(name), boolean(true), text_map(&replication)]
    });
    let users = source.schema.keyspaces.values().map(|keyspace| {
        vec![text(&keyspace.name), boolean(keyspace.durable_writes), text_map(&keyspace.replication.to_options())]
    });
    own.chain(users).collect()
}

/// Users' tables and the system's own, of the keyspaces that are asked for.
fn all_tables<'a>(source: &'a Source<'_>) -> impl Iterator<Item = &'a Arc<Table>> {
    let own = tables().map(|system| &system.table).filter(|table| !is_virtual_keyspace(&table.keyspace));
    own.chain(source.schema.tables()).filter(|table| source.wants(&table.keyspace))
}

fn table_rows(source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    all_tables(source).map(|table| table_row(table)).collect()
}

/// These are written down only where they are off.
fn unless_default(value: bool) -> Option<Bytes> {
    if value { None } else { boolean(false) }
}

fn unsigned(value: u32) -> Option<Bytes> {
    int(i32::try_from(value).unwrap_or(i32::MAX))
}

fn table_row(table: &Table) -> Vec<Option<Bytes>> {
    let options = &table.options;
    let flags: &[&str] = if table.is_counter() { &["compound", "counter"] } else { &["compound"] };
    vec![
        text(&table.keyspace),
        text(&table.name),
        text(&options.additional_write_policy),
        unless_default(options.allow_auto_snapshot),
        double(options.bloom_filter_fp_chance.value()),
        text_map(&options.caching),
        // Cassandra shows it only where CDC is enabled.
        boolean(true).filter(|_| options.cdc),
        text(&options.comment),
        text_map(&options.compaction),
        text_map(&options.compression),
        double(options.crc_check_chance.value()),
        double(0.0),
        unsigned(options.default_time_to_live),
        text_map(&BTreeMap::new()),
        text_set(flags),
        unsigned(options.gc_grace_seconds),
        uuid(table.id),
        unless_default(options.incremental_backups),
        unsigned(options.max_index_interval),
        text(&options.memtable).filter(|_| options.memtable != "default"),
        unsigned(options.memtable_flush_period_in_ms),
        unsigned(options.min_index_interval),
        text(&options.read_repair),
        double(0.0),
        text(&options.speculative_retry),
    ]
}

pub(super) fn clustering_order(column: &Column) -> &'static str {
    match (column.kind, column.order) {
        (ColumnKind::Clustering, ClusteringOrder::Ascending) => "asc",
        (ColumnKind::Clustering, ClusteringOrder::Descending) => "desc",
        _ => "none",
    }
}

pub(super) fn position(column: &Column) -> i32 {
    if column.kind.is_key() { i32::from(column.position) } else { -1 }
}

fn columns(source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    let mut rows = Vec::new();
    for table in all_tables(source) {
        for column in &table.columns {
            rows.push(vec![
                text(&table.keyspace),
                text(&table.name),
                text(&column.name),
                text(clustering_order(column)),
                blob(column.name.as_bytes()),
                text(column.kind.name()),
                int(position(column)),
                text(&column.column_type.to_string()),
            ]);
        }
    }
    rows
}

fn dropped_columns(source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    let mut rows = Vec::new();
    for table in source.schema.tables().filter(|table| source.wants(&table.keyspace)) {
        for dropped in &table.dropped {
            rows.push(vec![
                text(&table.keyspace),
                text(&table.name),
                text(&dropped.name),
                long(dropped.dropped_time.div_euclid(1_000)),
                text(dropped.kind.name()),
                text(&dropped.column_type.to_string()),
            ]);
        }
    }
    rows
}

fn types(source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    let keyspaces = source.schema.keyspaces.values().filter(|keyspace| source.wants(&keyspace.name));
    let types = keyspaces.flat_map(|keyspace| keyspace.types.values());
    let row = |user: &Arc<trefoil_cql::types::UserType>| {
        vec![
            text(&user.keyspace),
            text(&user.name),
            text_list(user.fields.iter().map(|(name, _)| name)),
            text_list(user.fields.iter().map(|(_, field)| field.to_string())),
        ]
    };
    types.map(row).collect()
}
