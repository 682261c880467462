//! A keyspace as the statement that makes it.

use super::super::system;
use super::{map_literal, quoted};
use crate::schema::Keyspace;
use std::collections::BTreeMap;

/// `None`: it is no keyspace of the system's.
pub(super) fn system_statement(name: &str) -> Option<String> {
    if system::is_virtual_keyspace(name) {
        return Some(format!(
            "/*\nWarning: Keyspace {name} is a virtual keyspace and cannot be recreated with CQL.\nStructure, for \
             reference:\nVIRTUAL KEYSPACE {name};\n*/"
        ));
    }
    let replication = match name {
        "system" | "system_schema" => "{'class': 'LocalStrategy'}",
        "system_auth" => "{'class': 'SimpleStrategy', 'replication_factor': '1'}",
        "system_distributed" => "{'class': 'SimpleStrategy', 'replication_factor': '3'}",
        "system_traces" => "{'class': 'SimpleStrategy', 'replication_factor': '2'}",
        _ => return None,
    };
    Some(format!("CREATE KEYSPACE {name} WITH replication = {replication}  AND durable_writes = true;"))
}

pub(super) fn statement(keyspace: &Keyspace) -> String {
    let mut options = keyspace.replication.to_options();
    // The class comes first, and without its package, as people write it.
    let class = options.remove("class").unwrap_or_default();
    let class = BTreeMap::from([("class".to_owned(), class.rsplit('.').next().unwrap_or_default().to_owned())]);
    format!(
        "CREATE KEYSPACE {} WITH replication = {}  AND durable_writes = {};",
        quoted(&keyspace.name),
        map_literal(class.iter().chain(&options)),
        keyspace.durable_writes
    )
}
