//! Schema leases make DDL linearizable: when it returns, every node that may still serve clients serves the new schema.
//!
//! A node asks the catalogue's leader from time to time (`SchemaTaken`), and may lead data shards until `schema_lease` after it
//! *asked*. The leader remembers when it *granted*; a definition is finished when every node has taken the new version, or has
//! been without a grant for longer than any lease can last. Both sides measure on their own monotonic clocks, so the leader
//! waits longer by the drift. A new leader knows of no grants and waits a whole lease from its election.

use crate::config::{Layout, Tuning};
use crate::ids::{NodeId, SchemaVersion};
use crate::time::Monotonic;
use std::collections::BTreeMap;
use std::time::Duration;

/// The catalogue leader's side.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grants {
    elected: Monotonic,
    nodes: BTreeMap<NodeId, Grant>,
    wait: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Grant {
    granted: Option<Monotonic>,
    taken: SchemaVersion,
}

impl Grants {
    /// A new leader of the catalogue.
    #[must_use]
    pub fn new(layout: &Layout, tuning: &Tuning, elected: Monotonic) -> Grants {
        let nodes = layout.nodes.iter().map(|node| (node.id, Grant::default())).collect();
        // Twice the drift: our clock may be slow and the node's fast.
        let wait = tuning.schema_lease + tuning.schema_lease * (2 * tuning.clock_drift_ppm) / 1_000_000;
        Grants { elected, nodes, wait }
    }

    /// A node says which version it serves. Returns what it was last known to serve before.
    pub fn taken(&mut self, node: NodeId, version: SchemaVersion) -> SchemaVersion {
        match self.nodes.get_mut(&node) {
            // Messages may be late: what a node serves never goes back within its life, but a restarted node may be behind,
            // and then its answer to the offer puts it right.
            Some(grant) => std::mem::replace(&mut grant.taken, version),
            None => version,
        }
    }

    /// A lease is being granted to a node now.
    pub fn granted(&mut self, node: NodeId, now: Monotonic) {
        if let Some(grant) = self.nodes.get_mut(&node) {
            grant.granted = Some(now);
        }
    }

    /// What a node was last known to serve.
    #[must_use]
    pub fn serves(&self, node: NodeId) -> SchemaVersion {
        self.nodes.get(&node).map(|grant| grant.taken).unwrap_or_default()
    }

    /// Whether no node can be serving anything older than `version`.
    #[must_use]
    pub fn all_serve(&self, version: SchemaVersion, now: Monotonic) -> bool {
        self.nodes.values().all(|grant| {
            let since = grant.granted.unwrap_or(self.elected).max(self.elected);
            grant.taken >= version || now.since(since) > self.wait
        })
    }
}

/// A node's side: until when it may lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SchemaLease {
    round: u64,
    asked: Monotonic,
    valid_until: Option<Monotonic>,
}

impl SchemaLease {
    /// Ask again: the round to put into the question.
    pub fn ask(&mut self, now: Monotonic) -> u64 {
        self.round += 1;
        self.asked = now;
        self.round
    }

    /// When it asked last.
    #[must_use]
    pub fn asked(&self) -> Monotonic {
        self.asked
    }

    /// The leader answered this round, and the version it named is served here by now.
    pub fn granted(&mut self, round: u64, lease: Duration) {
        if round == self.round {
            self.valid_until = self.valid_until.max(Some(self.asked.plus(lease)));
        }
    }

    /// Whether data shards may be led on this schema.
    #[must_use]
    pub fn valid(&self, now: Monotonic) -> bool {
        self.valid_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NodeInfo;
    use crate::ids::ZoneId;

    fn layout() -> Layout {
        let node = |id: u32| NodeInfo {
            id: NodeId(id),
            zone: ZoneId(u8::try_from(id).expect("small")),
            host_id: [0; 16],
            cql_address: ([127, 0, 0, 1], 9042).into(),
            peer_address: ([127, 0, 0, 1], 7000).into(),
        };
        Layout {
            cluster_id: [0; 16],
            cluster_name: String::new(),
            data_center: String::new(),
            zones: vec!["a".into(), "b".into()],
            nodes: vec![node(0), node(1)],
            shards: 1,
        }
    }

    fn seconds(seconds: u64) -> Monotonic {
        Monotonic(seconds * 1_000_000_000)
    }

    #[test]
    fn a_definition_waits_for_every_node_or_for_its_lease_to_end() {
        let tuning = Tuning::default();
        let mut grants = Grants::new(&layout(), &tuning, seconds(0));
        grants.granted(NodeId(1), seconds(3));
        grants.taken(NodeId(0), SchemaVersion(7));
        assert!(!grants.all_serve(SchemaVersion(7), seconds(5)), "node 1 may still serve the old schema");
        assert!(grants.all_serve(SchemaVersion(7), seconds(8)), "its lease is over");
        grants.taken(NodeId(1), SchemaVersion(7));
        assert!(grants.all_serve(SchemaVersion(7), seconds(5)));
    }

    #[test]
    fn a_new_leader_waits_for_leases_it_does_not_know_of() {
        let tuning = Tuning::default();
        let mut grants = Grants::new(&layout(), &tuning, seconds(10));
        grants.taken(NodeId(0), SchemaVersion(7));
        assert!(!grants.all_serve(SchemaVersion(7), seconds(12)));
        assert!(grants.all_serve(SchemaVersion(7), seconds(15)));
    }

    #[test]
    fn a_lease_counts_from_the_question_and_only_for_the_latest_round() {
        let mut lease = SchemaLease::default();
        let first = lease.ask(seconds(1));
        let second = lease.ask(seconds(2));
        lease.granted(first, Duration::from_secs(4));
        assert!(!lease.valid(seconds(2)));
        lease.granted(second, Duration::from_secs(4));
        assert!(lease.valid(seconds(5)));
        assert!(!lease.valid(seconds(6)));
    }
}
