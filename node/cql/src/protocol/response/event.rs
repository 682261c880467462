//! EVENT: what the server tells those who registered. Always on stream −1.

use super::schema_change::SchemaChange;
use crate::protocol::error::{Problem, ProtocolError};
use crate::protocol::reader::Reader;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// A node came to the cluster or left it.
    Topology(TopologyChange, SocketAddr),
    /// A node can be reached again, or no longer.
    Status(StatusChange, SocketAddr),
    /// The schema changed.
    Schema(SchemaChange),
}

/// What REGISTER can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum EventKind {
    TopologyChange,
    StatusChange,
    SchemaChange,
}

/// A node came or left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum TopologyChange {
    NewNode,
    RemovedNode,
    MovedNode,
}

/// A node can be reached, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum StatusChange {
    Up,
    Down,
}

impl EventKind {
    /// All of them.
    pub const ALL: [EventKind; 3] = [EventKind::TopologyChange, EventKind::StatusChange, EventKind::SchemaChange];

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EventKind::TopologyChange => "TOPOLOGY_CHANGE",
            EventKind::StatusChange => "STATUS_CHANGE",
            EventKind::SchemaChange => "SCHEMA_CHANGE",
        }
    }

    /// The kind with this name, in whatever case, as Cassandra reads it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<EventKind> {
        EventKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

impl TopologyChange {
    fn name(self) -> &'static str {
        match self {
            TopologyChange::NewNode => "NEW_NODE",
            TopologyChange::RemovedNode => "REMOVED_NODE",
            TopologyChange::MovedNode => "MOVED_NODE",
        }
    }

    fn from_name(name: &str) -> Option<TopologyChange> {
        [TopologyChange::NewNode, TopologyChange::RemovedNode, TopologyChange::MovedNode]
            .into_iter()
            .find(|change| change.name() == name)
    }
}

impl StatusChange {
    fn name(self) -> &'static str {
        match self {
            StatusChange::Up => "UP",
            StatusChange::Down => "DOWN",
        }
    }

    fn from_name(name: &str) -> Option<StatusChange> {
        [StatusChange::Up, StatusChange::Down].into_iter().find(|change| change.name() == name)
    }
}

impl Event {
    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Event::Topology(..) => EventKind::TopologyChange,
            Event::Status(..) => EventKind::StatusChange,
            Event::Schema(_) => EventKind::SchemaChange,
        }
    }

    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        body.put_string(self.kind().name());
        match self {
            Event::Topology(change, address) => {
                body.put_string(change.name());
                body.put_inet(*address);
            }
            Event::Status(change, address) => {
                body.put_string(change.name());
                body.put_inet(*address);
            }
            Event::Schema(change) => change.encode(body, version),
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Event, ProtocolError> {
        let offset = reader.position();
        let name = reader.str("event type")?;
        let Some(kind) = EventKind::from_name(name) else {
            return Err(reader.malformed("event type", offset, Problem::UnknownName(name.to_owned())));
        };
        if kind == EventKind::SchemaChange {
            return SchemaChange::decode(reader).map(Event::Schema);
        }
        let offset = reader.position();
        let name = reader.str("change")?;
        let address = reader.inet("address")?;
        let event = match kind {
            EventKind::TopologyChange => TopologyChange::from_name(name).map(|change| Event::Topology(change, address)),
            _ => StatusChange::from_name(name).map(|change| Event::Status(change, address)),
        };
        event.ok_or_else(|| reader.malformed("change", offset, Problem::UnknownName(name.to_owned())))
    }
}
