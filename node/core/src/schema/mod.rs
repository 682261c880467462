//! What keyspaces and tables are. A `Schema` is plain data, equal on every node that has applied the same definitions; a
//! `Definition` is the payload of a catalogue command, and applying it is a pure function, so replicas of the catalogue
//! can never disagree. Ids of storages and columns are given once and never again: what was dropped stays gone.
//!
//! One definition is one file (`create_table`, `alter_table`, ...): its fields, then how it is applied.

mod alter_keyspace;
mod alter_table;
mod alter_type;
mod compaction;
mod compression;
mod create_keyspace;
mod create_table;
mod create_type;
mod definition;
mod drop_keyspace;
mod drop_table;
mod drop_type;
mod error;
mod keyspace;
mod options;
mod replication;
mod table;
mod truncate;
mod types;

#[cfg(test)]
mod tests;

pub use alter_keyspace::AlterKeyspace;
pub use alter_table::{AddColumns, AlterTable, DropColumns, RenameColumns, TableChange};
pub use alter_type::{AlterType, TypeChange};
pub use create_keyspace::CreateKeyspace;
pub use create_table::{ColumnDefinition, CreateTable};
pub use create_type::CreateType;
pub use definition::{Applied, Definition, DefinitionContext};
pub use drop_keyspace::DropKeyspace;
pub use drop_table::DropTable;
pub use drop_type::DropType;
pub use error::SchemaError;
pub use keyspace::Keyspace;
pub(crate) use options::boolean as boolean_property;
pub use options::{Fraction, PropertyValue, TableOptions};
pub use replication::Replication;
pub use table::{Column, ColumnKind, DroppedColumn, Table};
pub use truncate::Truncate;
pub(crate) use types::any as contains_type;

use crate::bugs::Bugs;
use crate::ids::{SchemaVersion, StorageId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// First byte of an encoded schema. A reader refuses other versions instead of guessing.
const FORMAT_VERSION: u8 = 3;

/// Longest name of a keyspace (Cassandra's `SchemaConstants.NAME_LENGTH`).
pub const KEYSPACE_NAME_BYTES: usize = 48;

/// Longest name of a table: in Cassandra it is part of the name of a folder.
pub const TABLE_NAME_BYTES: usize = 222;

/// Every keyspace and table of the cluster. Cloning is cheap: tables are shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Schema {
    /// The catalogue's log index of the last definition that changed anything.
    pub version: SchemaVersion,
    /// The keyspaces by name.
    pub keyspaces: BTreeMap<String, Arc<Keyspace>>,
    /// The storage that the next table gets.
    pub next_storage: StorageId,
    /// Hash of the content: what drivers compare as `schema_version`.
    uuid: [u8; 16],
}

impl Default for Schema {
    fn default() -> Schema {
        let mut schema =
            Schema { version: SchemaVersion(0), keyspaces: BTreeMap::new(), next_storage: StorageId(1), uuid: [0; 16] };
        schema.refresh_uuid();
        schema
    }
}

impl Schema {
    /// Apply a definition of the catalogue's log. Nothing has changed when an error is returned.
    ///
    /// # Errors
    /// What the client shall be told; `SchemaError::Unchanged` when `IF [NOT] EXISTS` made it a success without effect.
    pub fn apply(
        &mut self,
        definition: &Definition,
        context: &DefinitionContext,
        bugs: &impl Bugs,
    ) -> Result<Applied, SchemaError> {
        let mut next = self.clone();
        let garbage = match definition {
            Definition::CreateKeyspace(create) => create.apply(&mut next)?,
            Definition::AlterKeyspace(alter) => alter.apply(&mut next)?,
            Definition::DropKeyspace(drop) => drop.apply(&mut next)?,
            Definition::CreateTable(create) => create.apply(&mut next, context)?,
            Definition::AlterTable(alter) => alter.apply(&mut next, context)?,
            Definition::DropTable(drop) => drop.apply(&mut next)?,
            Definition::Truncate(truncate) => truncate.apply(&mut next, context, bugs)?,
            Definition::CreateType(create) => create.apply(&mut next)?,
            Definition::AlterType(alter) => alter.apply(&mut next, context)?,
            Definition::DropType(drop) => drop.apply(&mut next)?,
        };
        next.version = context.version;
        next.refresh_uuid();
        *self = next;
        Ok(Applied { change: definition.change(), garbage })
    }

    /// A keyspace by its name.
    #[must_use]
    pub fn keyspace(&self, name: &str) -> Option<&Arc<Keyspace>> {
        self.keyspaces.get(name)
    }

    /// A table by its keyspace and name.
    #[must_use]
    pub fn table(&self, keyspace: &str, name: &str) -> Option<&Arc<Table>> {
        self.keyspaces.get(keyspace)?.tables.get(name)
    }

    /// All tables, by keyspace and name.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.keyspaces.values().flat_map(|keyspace| keyspace.tables.values())
    }

    /// What drivers compare as `schema_version`: equal on two nodes exactly if they serve the same definitions.
    #[must_use]
    pub fn uuid(&self) -> [u8; 16] {
        self.uuid
    }

    /// The bytes that travel to other nodes and are stored.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Read what `encode` wrote.
    ///
    /// # Errors
    /// When the bytes are of another version or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Schema, DecodeError> {
        decode(bytes)
    }

    /// The hash leaves out the version: it says what is served, not how it came about.
    fn refresh_uuid(&mut self) {
        let content = postcard::to_stdvec(&(&self.keyspaces, self.next_storage)).expect("plain data in memory encodes");
        let mut uuid = xxhash_rust::xxh3::xxh3_128(&content).to_be_bytes();
        // Drivers parse it as a uuid and print it; version 8 is "made in another way" (RFC 9562).
        uuid[6] = (uuid[6] & 0x0f) | 0x80;
        uuid[8] = (uuid[8] & 0x3f) | 0x80;
        self.uuid = uuid;
    }

    fn keyspace_mut(&mut self, name: &str) -> Option<&mut Keyspace> {
        self.keyspaces.get_mut(name).map(Arc::make_mut)
    }

    fn new_storage(&mut self) -> StorageId {
        let storage = self.next_storage;
        self.next_storage = StorageId(storage.0 + 1);
        storage
    }
}

/// Why bytes are not a schema or a definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There is nothing.
    #[error("the encoded schema is empty")]
    Empty,
    /// A newer (or unknown) program wrote this.
    #[error("the schema has format version {found}, this program reads {FORMAT_VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// Damaged.
    #[error("the encoded schema is damaged: {0}")]
    Damaged(String),
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![FORMAT_VERSION]).expect("plain data in memory encodes")
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    match bytes {
        [] => Err(DecodeError::Empty),
        [FORMAT_VERSION, rest @ ..] => {
            postcard::from_bytes(rest).map_err(|error| DecodeError::Damaged(error.to_string()))
        }
        [found, ..] => Err(DecodeError::Version { found: *found }),
    }
}
