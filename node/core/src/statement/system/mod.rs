//! System tables: computed from the schema, the layout and facts of the node when they are asked for, and read through the same
//! SELECT as every other table, so they can be prepared, filtered and paged. Their columns are those of Cassandra 5.0.6,
//! because drivers and cqlsh read them by name and type.
//!
//! One keyspace is one file: for every table its columns, then its rows.

mod build;
mod local;
mod read;
mod ring;
mod schema_rows;
mod traces;
mod vacant;
mod views;
mod virtual_schema;

pub use traces::{TraceEvent, TraceRecord, trace_id, trace_plan};

use super::answer::Answer;
use super::context::BindContext;
use super::select::{ReadPlan, SelectExecution};
use crate::schema::Table;
use build::SystemTable;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use trefoil_cql::protocol::response::CqlError;

/// What this server says it is.
pub(super) const RELEASE_VERSION: &str = "5.0.6";
pub(super) const CQL_VERSION: &str = "3.4.7";
pub(super) const PARTITIONER: &str = "org.apache.cassandra.dht.Murmur3Partitioner";

/// Keyspaces that exist without having been created, and whether they are virtual.
const KEYSPACES: &[(&str, bool)] = &[
    ("system", false),
    ("system_auth", false),
    ("system_distributed", false),
    ("system_schema", false),
    ("system_traces", false),
    ("system_views", true),
    ("system_virtual_schema", true),
];

/// Every system table by keyspace and name. Made once: it depends on nothing.
static TABLES: LazyLock<BTreeMap<&'static str, BTreeMap<&'static str, SystemTable>>> = LazyLock::new(|| {
    let mut tables: BTreeMap<&'static str, BTreeMap<&'static str, SystemTable>> = BTreeMap::new();
    let all = [local::TABLES, schema_rows::TABLES, traces::TABLES, views::TABLES, virtual_schema::TABLES];
    for definition in all.into_iter().flatten() {
        tables.entry(definition.keyspace).or_default().insert(definition.name, SystemTable::of(definition));
    }
    for vacant in vacant::tables() {
        tables.entry(vacant.keyspace).or_default().insert(vacant.name, vacant);
    }
    tables
});

/// Whether a keyspace is the system's: reserved, and not for users to change.
pub(super) fn is_system_keyspace(name: &str) -> bool {
    KEYSPACES.iter().any(|(keyspace, _)| *keyspace == name)
}

/// Whether the rows of a table are made when they are asked for, instead of being in the shards.
pub(super) fn is_computed(table: &Table) -> bool {
    is_system_keyspace(&table.keyspace) && !table.storage.is_system()
}

/// Whether a keyspace's tables are virtual.
pub(super) fn is_virtual_keyspace(name: &str) -> bool {
    KEYSPACES.iter().any(|(keyspace, is_virtual)| *keyspace == name && *is_virtual)
}

/// A system table.
pub(super) fn table(keyspace: &str, name: &str) -> Option<&'static Arc<Table>> {
    TABLES.get(keyspace)?.get(name).map(|table| &table.table)
}

/// The tables of a system keyspace, by name.
pub(super) fn tables_of(keyspace: &str) -> impl Iterator<Item = &'static Arc<Table>> {
    TABLES.get(keyspace).into_iter().flat_map(|tables| tables.values().map(|table| &table.table))
}

/// All system tables.
fn tables() -> impl Iterator<Item = &'static SystemTable> {
    TABLES.values().flat_map(BTreeMap::values)
}

/// Carry out a SELECT of a system table.
pub(super) fn select(plan: ReadPlan, context: &BindContext<'_>) -> Result<Answer, CqlError> {
    let table = plan.table();
    let system = TABLES.get(table.keyspace.as_str()).and_then(|tables| tables.get(table.name.as_str()));
    let system = system.ok_or_else(|| CqlError::server("a system table was planned that is none"))?;
    let source = build::Source { schema: context.schema, facts: context.facts, keyspaces: plan.first_keys() };
    let rows = system.rows(&source)?;
    let mut execution = SelectExecution::new(plan);
    while let Some(command) = execution.next_command() {
        execution.absorb(read::read(&rows, &command, context.now.seconds()))?;
    }
    execution.into_answer()
}

/// Names of the keyspaces that exist without having been created.
pub(super) fn keyspace_names() -> impl Iterator<Item = &'static str> {
    KEYSPACES.iter().map(|(name, _)| *name)
}

/// All system tables, for tests.
#[cfg(test)]
pub(super) fn all_tables() -> impl Iterator<Item = &'static Arc<Table>> {
    tables().map(|system| &system.table)
}
