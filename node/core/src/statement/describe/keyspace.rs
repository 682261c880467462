//! A keyspace as the statement that makes it.

use super::{map_literal, quoted};
use crate::schema::Keyspace;
use std::collections::BTreeMap;

pub(super) fn statement(keyspace: &Keyspace) -> String {
    let mut options = keyspace.replication.to_options();
    // The class comes first, and without its package, as people write it.
    let class = options.remove("class").unwrap_or_default();
    let class = BTreeMap::from([("class".to_owned(), class.rsplit('.').next().unwrap_or_default().to_owned())]);
    format!(
        "CREATE KEYSPACE {} WITH replication = {} AND durable_writes = {};",
        quoted(&keyspace.name),
        map_literal(class.iter().chain(&options)),
        keyspace.durable_writes
    )
}
