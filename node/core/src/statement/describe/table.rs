//! A table as the statement that makes it.

use super::{map_literal, quoted, string_literal};
use crate::command::ClusteringOrder;
use crate::schema::{Column, ColumnKind, PropertyValue, Table};

pub(super) fn statement(table: &Table, internals: bool) -> String {
    let mut text = format!("CREATE TABLE {}.{} (\n", quoted(&table.keyspace), quoted(&table.name));
    let has_plain_key = table.partition_columns == 1 && table.clustering_columns == 0;
    let mut lines: Vec<String> = table.columns.iter().map(|column| column_line(column, has_plain_key)).collect();
    if !has_plain_key {
        lines.push(format!("    PRIMARY KEY {}", primary_key(table)));
    }
    text.push_str(&lines.join(",\n"));
    text.push_str("\n) WITH ");
    text.push_str(&options(table, internals).join("\n    AND "));
    text.push(';');
    text
}

fn column_line(column: &Column, has_plain_key: bool) -> String {
    let mut line = format!("    {} {}", quoted(&column.name), column.column_type);
    if column.kind == ColumnKind::Static {
        line.push_str(" static");
    }
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

fn options(table: &Table, internals: bool) -> Vec<String> {
    let options = &table.options;
    let mut lines = Vec::new();
    if internals {
        lines.push(format!("ID = {}", uuid::Uuid::from_bytes(table.id)));
    }
    if table.clustering_columns > 0 {
        let order = |column: &Column| match column.order {
            ClusteringOrder::Ascending => format!("{} ASC", quoted(&column.name)),
            ClusteringOrder::Descending => format!("{} DESC", quoted(&column.name)),
        };
        let orders = table.clustering().iter().map(order).collect::<Vec<_>>().join(", ");
        lines.push(format!("CLUSTERING ORDER BY ({orders})"));
    }
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
