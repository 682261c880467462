//! The cluster of a plan: zones, nodes, shards, and the numbers that operators may set, drawn far outside what
//! production uses so that flushes, snapshots and refusals happen in seconds instead of days.

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use trefoil_core::config::{Config, Layout, NodeInfo, Tuning};
use trefoil_core::ids::{NodeId, ShardId, ZoneId};

/// Zones, nodes, shards and tuning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterPlan {
    /// 1 or 3.
    pub zones: u8,
    /// 1 to 3.
    pub nodes_per_zone: u8,
    /// Data shards.
    pub shards: u32,
    /// The numbers of every node.
    pub tuning: Tuning,
}

impl ClusterPlan {
    /// How many nodes there are.
    #[must_use]
    pub fn nodes(&self) -> usize {
        usize::from(self.zones) * usize::from(self.nodes_per_zone)
    }

    /// The zone of the node at this place.
    #[must_use]
    pub fn zone(&self, node: usize) -> usize {
        node / usize::from(self.nodes_per_zone.max(1))
    }

    /// The id of the node at this place. Ids start at 1, so that 0 is never a node.
    #[must_use]
    pub fn id(node: usize) -> NodeId {
        NodeId(node as u32 + 1)
    }

    /// The place of the node with this id.
    #[must_use]
    pub fn place(id: NodeId) -> usize {
        id.0 as usize - 1
    }

    /// All shards, the catalogue first.
    pub fn all_shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..=self.shards).map(ShardId)
    }

    /// The layout that every node is told.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let nodes = (0..self.nodes())
            .map(|place| {
                let id = ClusterPlan::id(place);
                let ip = IpAddr::V4(Ipv4Addr::new(10, self.zone(place) as u8, 0, id.0 as u8));
                let mut host_id = [0x51; 16];
                host_id[15] = id.0 as u8;
                NodeInfo {
                    id,
                    zone: ZoneId(self.zone(place) as u8),
                    host_id,
                    cql_address: SocketAddr::new(ip, 9042),
                    peer_address: SocketAddr::new(ip, 7042),
                }
            })
            .collect();
        Layout {
            cluster_id: *b"trefoil-sim-0001",
            cluster_name: "simulated".to_owned(),
            data_center: "dc1".to_owned(),
            zones: ["a", "b", "c"].iter().take(usize::from(self.zones)).map(|&name| name.to_owned()).collect(),
            nodes,
            shards: self.shards,
        }
    }

    /// What the node at this place is told at birth.
    #[must_use]
    pub fn config(&self, node: usize) -> Config {
        Config { node: ClusterPlan::id(node), layout: self.layout(), tuning: self.tuning.clone() }
    }
}
