//! What a node shows of itself, for the admin endpoint and for metrics.

use super::Node;
use crate::ids::{Incarnation, NodeId};
use crate::replicate::ReplicaStatus;
use crate::session::Counters;

/// A snapshot of a node's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// The node.
    pub node: NodeId,
    /// Its life.
    pub incarnation: Incarnation,
    /// Whether it can serve clients: it knows the schema, and holds a lease on it.
    pub ready: bool,
    /// Version of the schema served.
    pub schema_version: u64,
    /// Nodes that are heard, this one included.
    pub alive: Vec<NodeId>,
    /// Its replicas.
    pub replicas: Vec<ReplicaStatus>,
    /// Client connections.
    pub connections: usize,
    /// Requests under way.
    pub in_flight: u32,
    /// By how many microseconds the others' clocks are ahead.
    pub clock_offset_micros: Option<i64>,
    /// The clock is so wrong that it does not lead.
    pub clock_wrong: bool,
    /// Writes are refused because the disk is full.
    pub disk_full: bool,
    /// Writes are refused because the disk failed, until the node is started again.
    pub disk_broken: bool,
    /// What clients asked and got.
    pub counters: Counters,
}

impl Node {
    /// A snapshot of its state.
    #[must_use]
    pub fn status(&self) -> NodeStatus {
        let nodes = self.config.layout.nodes.iter().map(|node| node.id);
        NodeStatus {
            node: self.config.node,
            incarnation: self.incarnation,
            ready: self.schema_known() && self.catalogue_lease_valid(),
            schema_version: self.schema().version.0,
            alive: nodes.filter(|&node| self.liveness.is_alive(node)).collect(),
            replicas: self.replicas.iter().flatten().map(|replica| replica.status(self.now)).collect(),
            connections: self.sessions.count(),
            in_flight: self.sessions.in_flight(),
            clock_offset_micros: self.liveness.clock_offset(),
            clock_wrong: self.background.clock_is_wrong(),
            disk_full: self.background.disk.is_full(),
            disk_broken: self.background.disk.is_broken(),
            counters: self.sessions.counters,
        }
    }
}
