//! What a catalogue command carries: one definition, resolved when it was planned, applied when its log entry is. Everything
//! random (a new table's id) is inside, everything else is a function of the schema it meets.

use super::{
    AlterKeyspace, AlterTable, AlterType, CreateKeyspace, CreateTable, CreateType, DecodeError, DropKeyspace,
    DropTable, DropType, Schema, Truncate, decode, encode,
};
use crate::ids::{SchemaVersion, StorageId};
use crate::time::HybridTime;
use serde::{Deserialize, Serialize};
use trefoil_cql::protocol::response::{ChangeKind, SchemaChange, SchemaTarget};

/// A change of the schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Definition {
    /// CREATE KEYSPACE
    CreateKeyspace(CreateKeyspace),
    /// ALTER KEYSPACE
    AlterKeyspace(AlterKeyspace),
    /// DROP KEYSPACE
    DropKeyspace(DropKeyspace),
    /// CREATE TABLE
    CreateTable(Box<CreateTable>),
    /// ALTER TABLE
    AlterTable(AlterTable),
    /// DROP TABLE
    DropTable(DropTable),
    /// TRUNCATE
    Truncate(Truncate),
    /// CREATE TYPE
    CreateType(CreateType),
    /// ALTER TYPE
    AlterType(AlterType),
    /// DROP TYPE
    DropType(DropType),
}

/// What the log says about the entry that carries a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DefinitionContext {
    /// The schema's version once it is applied: the entry's index.
    pub version: SchemaVersion,
    /// The entry's stamp.
    pub stamp: HybridTime,
}

/// What applying a definition did.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Applied {
    /// What clients are told, as result and as event; `None` for TRUNCATE.
    pub change: Option<SchemaChange>,
    /// Storages whose rows nobody can reach any more: every shard may drop them (`Command::DropStorage`).
    pub garbage: Vec<StorageId>,
}

impl Definition {
    /// What clients are told when it has had an effect; `None` for TRUNCATE, which is answered with VOID.
    #[must_use]
    pub fn change(&self) -> Option<SchemaChange> {
        use ChangeKind::{Created, Dropped, Updated};
        let table = |name: &String| SchemaTarget::Table(name.clone());
        let user_type = |name: &String| SchemaTarget::Type(name.clone());
        let (change, keyspace, target) = match self {
            Definition::CreateKeyspace(create) => (Created, &create.keyspace, SchemaTarget::Keyspace),
            Definition::AlterKeyspace(alter) => (Updated, &alter.keyspace, SchemaTarget::Keyspace),
            Definition::DropKeyspace(drop) => (Dropped, &drop.keyspace, SchemaTarget::Keyspace),
            Definition::CreateTable(create) => (Created, &create.keyspace, table(&create.name)),
            Definition::AlterTable(alter) => (Updated, &alter.keyspace, table(&alter.name)),
            Definition::DropTable(drop) => (Dropped, &drop.keyspace, table(&drop.name)),
            Definition::CreateType(create) => (Created, &create.keyspace, user_type(&create.name)),
            Definition::AlterType(alter) => (Updated, &alter.keyspace, user_type(&alter.name)),
            Definition::DropType(drop) => (Dropped, &drop.keyspace, user_type(&drop.name)),
            Definition::Truncate(_) => return None,
        };
        Some(SchemaChange { change, keyspace: keyspace.clone(), target })
    }

    /// What people shall be told besides, where it is carried out in this schema on so many nodes.
    #[must_use]
    pub fn warnings(&self, schema: &Schema, nodes: usize) -> Vec<String> {
        let (name, replication) = match self {
            Definition::CreateKeyspace(create) if schema.keyspace(&create.keyspace).is_none() => {
                (&create.keyspace, &create.replication)
            }
            Definition::AlterKeyspace(alter) => match schema.keyspace(&alter.keyspace) {
                Some(keyspace) => (&alter.keyspace, alter.replication.as_ref().unwrap_or(&keyspace.replication)),
                None => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        replication.warnings(name, nodes)
    }

    /// The bytes of `SchemaCommand::definition`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Read what `encode` wrote.
    ///
    /// # Errors
    /// When the bytes are of another version or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Definition, DecodeError> {
        decode(bytes)
    }
}
