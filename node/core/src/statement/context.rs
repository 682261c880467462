//! What a statement may look at besides its text and its values: the schema, time, randomness, and facts about the cluster
//! that system tables show. Everything is an argument, so that planning is deterministic.

use crate::config::Layout;
use crate::ids::NodeId;
use crate::schema::Schema;
use crate::time::HybridTime;
use rand_core::RngCore;
use std::net::SocketAddr;

/// The surroundings of one execution.
pub struct BindContext<'a> {
    /// The schema served.
    pub schema: &'a Schema,
    /// Facts that system tables show.
    pub facts: &'a Facts<'a>,
    /// The node's hybrid time, for `now()` and the like.
    pub now: HybridTime,
    /// For uuids.
    pub rng: &'a mut dyn RngCore,
}

/// What system tables show of the cluster. The session fills it in when it starts a statement; all of it is cheap to have.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The cluster.
    pub layout: &'a Layout,
    /// The node that answers.
    pub node: NodeId,
    /// Nodes as this node believes them to be; nodes that are not in here are taken to be alive.
    pub status: &'a [NodeStatus],
    /// What this node remembers as prepared.
    pub statements: &'a [KnownStatement],
    /// Clients connected to this node.
    pub sessions: &'a [SessionFacts],
    /// Wall clock at which this node started, microseconds since 1970.
    pub started: i64,
}

impl<'a> Facts<'a> {
    /// A cluster in which all is well and nothing is remembered.
    #[must_use]
    pub fn new(layout: &'a Layout, node: NodeId) -> Facts<'a> {
        Facts { layout, node, status: &[], statements: &[], sessions: &[], started: 0 }
    }
}

/// What is believed of another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeStatus {
    /// The node.
    pub node: NodeId,
    /// Whether it is heard of.
    pub alive: bool,
    /// The `schema_version` that it is known to serve, if not that of this node.
    pub schema: Option<[u8; 16]>,
}

/// A prepared statement, for `system.prepared_statements`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KnownStatement {
    /// Its id.
    pub id: [u8; 16],
    /// The keyspace it was prepared in.
    pub keyspace: Option<String>,
    /// Its text.
    pub text: String,
}

/// A connection, for `system_views.clients`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionFacts {
    /// Where the client is.
    pub remote: SocketAddr,
    /// The protocol's version.
    pub protocol_version: u8,
    /// What it called itself.
    pub driver_name: Option<String>,
    /// What it called its version.
    pub driver_version: Option<String>,
    /// The keyspace of USE.
    pub keyspace: Option<String>,
    /// Requests so far.
    pub requests: u64,
}
