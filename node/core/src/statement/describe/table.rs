//! A table as the statement that makes it.

use super::super::system;
use super::{map_literal, quoted, string_literal};
use crate::command::ClusteringOrder;
use crate::schema::{Column, ColumnKind, DroppedColumn, PropertyValue, Table};
use trefoil_cql::types::CqlType;

pub(super) fn statement(table: &Table, internals: bool) -> String {
    let name = format!("{}.{}", quoted(&table.keyspace), quoted(&table.name));
    if !system::is_virtual_keyspace(&table.keyspace) {
        let mut statement =
            format!("CREATE TABLE {name} {};", definition(table, &options(table, internals), internals));
        if internals {
            statement.extend(dropped(table).flat_map(|column| drop_statements(&name, column, table)));
        }
        return statement;
    }
    let options: Vec<String> = clustering_order(table)
        .into_iter()
        .chain([format!("comment = {}", string_literal(&table.options.comment))])
        .collect();
    format!(
        "/*\nWarning: Table {name} is a virtual table and cannot be recreated with CQL.\nStructure, for reference:\n\
         VIRTUAL TABLE {name} {};\n*/",
        definition(table, &options, false)
    )
}

/// The columns that were dropped, in the order of their names; some may be there again.
fn dropped(table: &Table) -> impl Iterator<Item = &DroppedColumn> {
    let mut dropped: Vec<&DroppedColumn> = table.dropped.iter().collect();
    dropped.sort_by_key(|column| &column.name);
    dropped.into_iter()
}

/// What happened to a column after the table was made: it went, and perhaps came back.
fn drop_statements(table_name: &str, dropped: &DroppedColumn, table: &Table) -> [String; 2] {
    let name = quoted(&dropped.name);
    let drop = format!("\nALTER TABLE {table_name} DROP {name} USING TIMESTAMP {};", dropped.dropped_time);
    let back = table.column(&dropped.name).map(|column| {
        let suffix = if column.kind == ColumnKind::Static { " static" } else { "" };
        format!("\nALTER TABLE {table_name} ADD {name} {}{suffix};", column.column_type)
    });
    [drop, back.unwrap_or_default()]
}

/// What comes behind the name.
fn definition(table: &Table, options: &[String], with_dropped: bool) -> String {
    let has_plain_key = table.partition_columns == 1 && table.clustering_columns == 0;
    // Behind the key static columns, then the others; each with those of several cells last.
    let was_dropped = |column: &Column| table.dropped.iter().any(|dropped| dropped.name == column.name);
    let mut columns: Vec<&Column> =
        table.columns.iter().filter(|column| !(with_dropped && was_dropped(column))).collect();
    columns.sort_by_key(|column| (column.kind, !column.kind.is_key() && column.column_type.is_multi_cell()));
    let mut lines: Vec<String> = columns.into_iter().map(|column| column_line(column, has_plain_key)).collect();
    if with_dropped {
        // What is dropped by the statements that follow has to be there first.
        lines.extend(dropped(table).map(|column| line(&column.name, &column.column_type, column.kind)));
    }
    if !has_plain_key {
        lines.push(format!("    PRIMARY KEY {}", primary_key(table)));
    }
    format!("(\n{}\n) WITH {}", lines.join(",\n"), options.join("\n    AND "))
}

fn line(name: &str, column_type: &CqlType, kind: ColumnKind) -> String {
    let suffix = if kind == ColumnKind::Static { " static" } else { "" };
    format!("    {} {column_type}{suffix}", quoted(name))
}

fn column_line(column: &Column, has_plain_key: bool) -> String {
    let mut line = line(&column.name, &column.column_type, column.kind);
    if column.kind == ColumnKind::PartitionKey && has_plain_key {
        line.push_str(" PRIMARY KEY");
    }
    line
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
}

fn primary_key(table: &Table) -> String {
    let partition = match table.partition_key() {
        [single] => quoted(&single.name),
        several => format!("({})", names(several)),
    };
    match table.clustering() {
        [] => format!("({partition})"),
        clustering => format!("({partition}, {})", names(clustering)),
    }
}

fn clustering_order(table: &Table) -> Option<String> {
    let order = |column: &Column| match column.order {
        ClusteringOrder::Ascending => format!("{} ASC", quoted(&column.name)),
        ClusteringOrder::Descending => format!("{} DESC", quoted(&column.name)),
    };
    let orders = table.clustering().iter().map(order).collect::<Vec<_>>().join(", ");
    (!orders.is_empty()).then(|| format!("CLUSTERING ORDER BY ({orders})"))
}

fn options(table: &Table, internals: bool) -> Vec<String> {
    let options = &table.options;
    let mut lines = Vec::new();
    if internals {
        lines.push(format!("ID = {}", uuid::Uuid::from_bytes(table.id)));
    }
    lines.extend(clustering_order(table));
    lines.push(format!("additional_write_policy = {}", string_literal(&options.additional_write_policy)));
    lines.push(format!("allow_auto_snapshot = {}", options.allow_auto_snapshot));
    lines.push(format!("bloom_filter_fp_chance = {:?}", options.bloom_filter_fp_chance.value()));
    lines.push(format!("caching = {}", map_literal(&options.caching)));
    lines.push(format!("cdc = {}", options.cdc));
    if !options.custom.is_empty() {
        let custom = options.custom.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        lines.push(format!("custom_properties = {}", property(&PropertyValue::Map(custom))));
    }
    lines.push(format!("comment = {}", string_literal(&options.comment)));
    lines.push(format!("compaction = {}", map_literal(&options.compaction)));
    lines.push(format!("compression = {}", map_literal(&options.compression)));
    lines.push(format!("memtable = {}", string_literal(&options.memtable)));
    lines.push(format!("crc_check_chance = {:?}", options.crc_check_chance.value()));
    lines.push(format!("default_time_to_live = {}", options.default_time_to_live));
    lines.push("extensions = {}".to_owned());
    lines.push(format!("gc_grace_seconds = {}", options.gc_grace_seconds));
    lines.push(format!("incremental_backups = {}", options.incremental_backups));
    lines.push(format!("max_index_interval = {}", options.max_index_interval));
    lines.push(format!("memtable_flush_period_in_ms = {}", options.memtable_flush_period_in_ms));
    lines.push(format!("min_index_interval = {}", options.min_index_interval));
    lines.push(format!("read_repair = {}", string_literal(&options.read_repair)));
    lines.push(format!("speculative_retry = {}", string_literal(&options.speculative_retry)));
    lines
}

fn property(value: &PropertyValue) -> String {
    match value {
        PropertyValue::Text(text) => string_literal(text),
        PropertyValue::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}: {}", string_literal(key), property(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}
