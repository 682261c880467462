//! What a catalogue command carries: one definition, resolved when it was planned, applied when its log entry is. Everything
//! random (a new table's id) is inside, everything else is a function of the schema it meets.

use super::{
    AlterKeyspace, AlterTable, AlterType, CreateKeyspace, CreateTable, CreateType, DecodeError, DropKeyspace,
    DropTable, DropType, Truncate, decode, encode,
};
use crate::ids::{SchemaVersion, StorageId};
use crate::time::HybridTime;
use serde::{Deserialize, Serialize};

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
    CreateTable(CreateTable),
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

/// What happened to what, for RESULT and EVENT SCHEMA_CHANGE.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SchemaChange {
    /// What happened.
    pub kind: ChangeKind,
    /// To what kind of thing.
    pub target: SchemaTarget,
    /// The keyspace.
    pub keyspace: String,
    /// The table or type; empty for a keyspace.
    pub name: String,
}

/// What happened to a schema object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// It is different.
    Updated,
    /// It is gone.
    Dropped,
}

impl ChangeKind {
    /// As the protocol writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::Created => "CREATED",
            ChangeKind::Updated => "UPDATED",
            ChangeKind::Dropped => "DROPPED",
        }
    }
}

/// A kind of schema object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SchemaTarget {
    /// A keyspace.
    Keyspace,
    /// A table.
    Table,
    /// A user-defined type.
    Type,
}

impl SchemaTarget {
    /// As the protocol writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SchemaTarget::Keyspace => "KEYSPACE",
            SchemaTarget::Table => "TABLE",
            SchemaTarget::Type => "TYPE",
        }
    }
}

impl Definition {
    /// What clients are told when it has had an effect; `None` for TRUNCATE, which is answered with VOID.
    #[must_use]
    pub fn change(&self) -> Option<SchemaChange> {
        use ChangeKind::{Created, Dropped, Updated};
        use SchemaTarget::{Keyspace, Table, Type};
        let (kind, target, keyspace, name) = match self {
            Definition::CreateKeyspace(create) => (Created, Keyspace, &create.keyspace, ""),
            Definition::AlterKeyspace(alter) => (Updated, Keyspace, &alter.keyspace, ""),
            Definition::DropKeyspace(drop) => (Dropped, Keyspace, &drop.keyspace, ""),
            Definition::CreateTable(create) => (Created, Table, &create.keyspace, create.name.as_str()),
            Definition::AlterTable(alter) => (Updated, Table, &alter.keyspace, alter.name.as_str()),
            Definition::DropTable(drop) => (Dropped, Table, &drop.keyspace, drop.name.as_str()),
            Definition::CreateType(create) => (Created, Type, &create.keyspace, create.name.as_str()),
            Definition::AlterType(alter) => (Updated, Type, &alter.keyspace, alter.name.as_str()),
            Definition::DropType(drop) => (Dropped, Type, &drop.keyspace, drop.name.as_str()),
            Definition::Truncate(_) => return None,
        };
        Some(SchemaChange { kind, target, keyspace: keyspace.clone(), name: name.to_owned() })
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
