//! What a node is told at birth: who it is, who the others are, and the few numbers that may be set.

use crate::ids::{NodeId, ShardId, ZoneId};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use trefoil_cql::token::Token;

/// A cluster as its founder laid it out. Fixed at creation, equal on all nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Layout {
    /// Made once; a store that belongs to another cluster is refused.
    pub cluster_id: [u8; 16],
    /// What `system.local` calls the cluster.
    pub cluster_name: String,
    /// What drivers see as the data centre.
    pub data_center: String,
    /// Zone names, shown to drivers as racks.
    pub zones: Vec<String>,
    /// All nodes, ordered by id.
    pub nodes: Vec<NodeInfo>,
    /// Number of data shards (without the catalogue).
    pub shards: u32,
}

/// A node as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Its id.
    pub id: NodeId,
    /// Where it stands.
    pub zone: ZoneId,
    /// `host_id` for drivers; stable.
    pub host_id: [u8; 16],
    /// Where drivers reach it.
    pub cql_address: SocketAddr,
    /// Where peers reach it.
    pub peer_address: SocketAddr,
}

impl Layout {
    /// The replicas of a shard, one in each zone, in zone order. The first is the preferred leader of shard 0, the second of
    /// shard 1 and so on, see `preferred_leader`.
    #[must_use]
    pub fn replicas(&self, shard: ShardId) -> Vec<NodeId> {
        self.each_replica(shard).collect()
    }

    /// The same without a list: every request asks for them.
    pub fn each_replica(&self, shard: ShardId) -> impl Iterator<Item = NodeId> {
        // Shards walk over a zone's nodes only after they have walked over the zones, so that leaders spread evenly.
        let turn = shard.0 as usize / self.zones.len().max(1);
        (0..self.zones.len()).filter_map(move |zone| {
            let nodes = || self.nodes.iter().filter(move |node| usize::from(node.zone.0) == zone);
            let turn = turn.checked_rem(nodes().count())?;
            nodes().nth(turn).map(|node| node.id)
        })
    }

    /// The replica that should lead a shard when all are well: leaders are spread over zones.
    #[must_use]
    pub fn preferred_leader(&self, shard: ShardId) -> Option<NodeId> {
        let replicas = self.replicas(shard);
        (!replicas.is_empty()).then(|| replicas[shard.0 as usize % replicas.len()])
    }

    /// The data shard that holds this token: the ring is cut into equal ranges, numbered from 1.
    #[must_use]
    pub fn shard_of(&self, token: Token) -> ShardId {
        let distance = u128::from(token.0.abs_diff(i64::MIN));
        let cut = (distance * u128::from(self.shards)) >> 64;
        ShardId(u32::try_from(cut).expect("less than the number of shards") + 1)
    }

    /// First and last token of a data shard.
    #[must_use]
    pub fn token_range(&self, shard: ShardId) -> (Token, Token) {
        let shards = u128::from(self.shards);
        let first = |cut: u128| (cut << 64).div_ceil(shards);
        let token = |distance: u128| Token((distance as i128 + i128::from(i64::MIN)) as i64);
        let cut = u128::from(shard.0 - 1);
        (token(first(cut)), token(first(cut + 1) - 1))
    }

    /// All shards, the catalogue first.
    pub fn shard_ids(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..=self.shards).map(ShardId)
    }

    /// A node by its id.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&NodeInfo> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The address that drivers know a node by.
    #[must_use]
    pub fn address(&self, id: NodeId) -> Option<IpAddr> {
        self.node(id).map(|node| node.cql_address.ip())
    }
}

/// Numbers that operators (and the simulator's swarm) may set. Every one has a default that suits production.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tuning {
    /// A follower that hears nothing for this long (and up to twice as long) stands for election.
    pub election_timeout: Duration,
    /// How often an active leader is heard at least.
    pub heartbeat_interval: Duration,
    /// By how much monotonic clocks may run apart, in parts per million: leases are shortened by it.
    pub clock_drift_ppm: u32,
    /// How far wall clocks may be apart before a node stops leading.
    pub max_clock_skew: Duration,
    /// How long a request may take until the client is told that it timed out.
    pub request_timeout: Duration,
    /// How long the catalogue's leader waits for a silent node before DDL goes on without it.
    pub schema_lease: Duration,
    /// A shard's memtable is flushed when all memtables together are larger than this many bytes.
    pub memtable_bytes: u64,
    /// A memtable is flushed when its oldest entry is older than this.
    pub memtable_age: Duration,
    /// Log bytes kept in memory for followers, per shard; who lags further gets a snapshot.
    pub log_retained_bytes: u64,
    /// Bytes of entries in flight to one follower of one shard.
    pub append_window_bytes: u64,
    /// Requests under way on one connection: as many as it has streams, so that no driver meets it.
    pub requests_per_connection: u32,
    /// Requests under way on one node. A shell stops reading long before.
    pub requests_per_node: u32,
    /// How often a shard that was written to gives up tombstones and expired cells older than their table's `gc_grace_seconds`.
    pub purge_interval: Duration,
    /// An idle leader stops heartbeats for a shard after this long.
    pub quiesce_after: Duration,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning {
            election_timeout: Duration::from_millis(600),
            heartbeat_interval: Duration::from_millis(100),
            clock_drift_ppm: 1_000,
            max_clock_skew: Duration::from_millis(500),
            request_timeout: Duration::from_secs(5),
            schema_lease: Duration::from_secs(4),
            memtable_bytes: 64 << 20,
            memtable_age: Duration::from_secs(300),
            log_retained_bytes: 16 << 20,
            append_window_bytes: 4 << 20,
            requests_per_connection: 32_768,
            requests_per_node: 1 << 20,
            purge_interval: Duration::from_secs(3_600),
            quiesce_after: Duration::from_secs(3),
        }
    }
}

/// Everything a node is told at birth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which of the layout's nodes this is.
    pub node: NodeId,
    /// The cluster.
    pub layout: Layout,
    /// Numbers.
    pub tuning: Tuning,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_the_ring_without_gaps() {
        for shards in [1, 2, 3, 7, 12, 1_000] {
            let layout = Layout {
                cluster_id: [0; 16],
                cluster_name: String::new(),
                data_center: String::new(),
                zones: vec![],
                nodes: vec![],
                shards,
            };
            let mut next = i128::from(i64::MIN);
            for shard in layout.shard_ids().skip(1) {
                let (start, end) = layout.token_range(shard);
                assert_eq!(i128::from(start.0), next);
                assert_eq!(layout.shard_of(start), shard);
                assert_eq!(layout.shard_of(end), shard);
                next = i128::from(end.0) + 1;
            }
            assert_eq!(next, i128::from(i64::MAX) + 1);
        }
    }
}
