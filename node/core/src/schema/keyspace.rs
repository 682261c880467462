//! A keyspace: a name for a group of tables and types, and how they claim to be replicated.

use super::{Replication, SchemaError, Table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use trefoil_cql::types::UserType;

/// A keyspace and everything in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Keyspace {
    /// Its name, as folded by the parser.
    pub name: String,
    /// What clients were told about durability; kept and shown, writes are always durable.
    pub durable_writes: bool,
    /// What clients declared.
    pub replication: Replication,
    /// The tables by name.
    pub tables: BTreeMap<String, Arc<Table>>,
    /// The user-defined types by name.
    pub types: BTreeMap<String, Arc<UserType>>,
}

impl Keyspace {
    /// The table of that name.
    ///
    /// # Errors
    /// INVALID, in the words that Cassandra's DDL uses.
    pub(super) fn table_mut(&mut self, name: &str) -> Result<&mut Table, SchemaError> {
        let keyspace = &self.name;
        match self.tables.get_mut(name) {
            Some(table) => Ok(Arc::make_mut(table)),
            None => Err(SchemaError::Invalid(format!("Table '{keyspace}.{name}' doesn't exist"))),
        }
    }
}

/// Names of keyspaces and tables: word characters.
pub(super) fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

pub(super) fn unknown_keyspace(name: &str) -> SchemaError {
    SchemaError::Invalid(format!("Keyspace '{name}' doesn't exist"))
}
