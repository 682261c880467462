//! SCHEMA_CHANGE: as the result of a definition, and as an event for those who registered.

use crate::protocol::error::{Problem, ProtocolError};
use crate::protocol::reader::Reader;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;
use serde::{Deserialize, Serialize};

/// Something was defined, redefined or dropped. An index counts as its table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SchemaChange {
    /// What happened.
    pub change: ChangeKind,
    /// The keyspace that changed, or has what changed.
    pub keyspace: String,
    /// What changed.
    pub target: SchemaTarget,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum ChangeKind {
    Created,
    Updated,
    Dropped,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SchemaTarget {
    /// The keyspace itself.
    Keyspace,
    /// A table or view.
    Table(String),
    /// A user-defined type.
    Type(String),
    /// A function and the types of its arguments (version 4 and later; an updated keyspace before).
    Function(String, Vec<String>),
    /// An aggregate and the types of its arguments (version 4 and later; an updated keyspace before).
    Aggregate(String, Vec<String>),
}

impl ChangeKind {
    fn name(self) -> &'static str {
        match self {
            ChangeKind::Created => "CREATED",
            ChangeKind::Updated => "UPDATED",
            ChangeKind::Dropped => "DROPPED",
        }
    }

    fn from_name(name: &str) -> Option<ChangeKind> {
        [ChangeKind::Created, ChangeKind::Updated, ChangeKind::Dropped].into_iter().find(|kind| kind.name() == name)
    }
}

impl SchemaTarget {
    fn name(&self) -> &'static str {
        match self {
            SchemaTarget::Keyspace => "KEYSPACE",
            SchemaTarget::Table(_) => "TABLE",
            SchemaTarget::Type(_) => "TYPE",
            SchemaTarget::Function(..) => "FUNCTION",
            SchemaTarget::Aggregate(..) => "AGGREGATE",
        }
    }
}

impl SchemaChange {
    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        let is_callable = matches!(self.target, SchemaTarget::Function(..) | SchemaTarget::Aggregate(..));
        if is_callable && version < ProtocolVersion::V4 {
            let keyspace = self.keyspace.clone();
            return SchemaChange { change: ChangeKind::Updated, keyspace, target: SchemaTarget::Keyspace }
                .encode(body, version);
        }
        body.put_string(self.change.name());
        body.put_string(self.target.name());
        body.put_string(&self.keyspace);
        match &self.target {
            SchemaTarget::Keyspace => {}
            SchemaTarget::Table(name) | SchemaTarget::Type(name) => body.put_string(name),
            SchemaTarget::Function(name, arguments) | SchemaTarget::Aggregate(name, arguments) => {
                body.put_string(name);
                body.put_string_list(arguments);
            }
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<SchemaChange, ProtocolError> {
        let offset = reader.position();
        let name = reader.str("change")?;
        let Some(change) = ChangeKind::from_name(name) else {
            return Err(reader.malformed("change", offset, Problem::UnknownName(name.to_owned())));
        };
        let offset = reader.position();
        let target = reader.str("target")?;
        let keyspace = reader.string("keyspace")?;
        let target = match target {
            "KEYSPACE" => SchemaTarget::Keyspace,
            "TABLE" => SchemaTarget::Table(reader.string("table")?),
            "TYPE" => SchemaTarget::Type(reader.string("type")?),
            "FUNCTION" => SchemaTarget::Function(reader.string("function")?, reader.string_list("arguments")?),
            "AGGREGATE" => SchemaTarget::Aggregate(reader.string("aggregate")?, reader.string_list("arguments")?),
            _ => return Err(reader.malformed("target", offset, Problem::UnknownName(target.to_owned()))),
        };
        Ok(SchemaChange { change, keyspace, target })
    }
}
