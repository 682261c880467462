//! What `/status` says, as data and as `trefoil status` prints it.

use crate::shell::{Host, NodeReport, NodeState};
use crate::store::uuid_text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use trefoil_core::config::NodeInfo;
use trefoil_core::ids::{NodeId, ZoneId};

/// The cluster as one process sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// Version of the program.
    pub version: String,
    /// The cluster's name.
    pub cluster_name: String,
    /// The cluster's id.
    pub cluster_id: String,
    /// Data shards.
    pub shards: u32,
    /// The zones.
    pub zones: Vec<ZoneStatus>,
}

/// A zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneStatus {
    /// Its name.
    pub name: String,
    /// Cut off by the operator.
    pub isolated: bool,
    /// Its nodes.
    pub nodes: Vec<NodeStatusLine>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatusLine {
    /// Its id.
    pub id: u32,
    /// Where clients reach it.
    pub address: String,
    /// "running", "stopped", "crashed: ..." for nodes of this process; "reachable" or "silent" for others.
    pub state: String,
    /// Answers queries.
    pub ready: bool,
    /// Writes are refused because the disk is full.
    pub disk_full: bool,
    /// Writes are refused because the disk has failed, until the node is started again.
    pub disk_broken: bool,
    /// Its clock is so wrong that it does not lead.
    pub clock_wrong: bool,
    /// By how many microseconds the others' clocks are ahead of its own.
    pub clock_offset_micros: Option<i64>,
    /// The schema that it serves.
    pub schema_version: u64,
    /// Client connections.
    pub connections: u64,
    /// Requests answered.
    pub requests: u64,
    /// Its replicas; empty for nodes of other processes.
    pub replicas: Vec<ReplicaLine>,
}

/// A replica of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are those of `ReplicaStatus`")]
pub struct ReplicaLine {
    pub shard: u32,
    pub leads: bool,
    pub leader: Option<u32>,
    pub lease: bool,
    pub sound: bool,
    pub term: u64,
    pub commit: u64,
    pub applied: u64,
    pub flushed: u64,
    pub last: u64,
    pub memtable_bytes: u64,
}

impl ClusterStatus {
    pub(super) fn of(host: &Host, reports: &BTreeMap<NodeId, NodeReport>) -> ClusterStatus {
        let layout = host.layout();
        let states = host.states();
        let line = |node: &NodeInfo| match (states.get(&node.id), reports.get(&node.id)) {
            (Some(state), report) => local(node, state, report),
            (None, _) => remote(node, reports),
        };
        let zones = layout.zones.iter().zip(0_u8..).map(|(name, number)| ZoneStatus {
            name: name.clone(),
            isolated: host.is_isolated(ZoneId(number)),
            nodes: layout.nodes.iter().filter(|node| node.zone == ZoneId(number)).map(line).collect(),
        });
        ClusterStatus {
            version: env!("CARGO_PKG_VERSION").into(),
            cluster_name: layout.cluster_name.clone(),
            cluster_id: uuid_text(&layout.cluster_id),
            shards: layout.shards,
            zones: zones.collect(),
        }
    }
}

fn blank(node: &NodeInfo, state: String) -> NodeStatusLine {
    NodeStatusLine {
        id: node.id.0,
        address: node.cql_address.to_string(),
        state,
        ready: false,
        disk_full: false,
        disk_broken: false,
        clock_wrong: false,
        clock_offset_micros: None,
        schema_version: 0,
        connections: 0,
        requests: 0,
        replicas: Vec::new(),
    }
}

/// Of a node elsewhere only its voice is known here.
fn remote(node: &NodeInfo, reports: &BTreeMap<NodeId, NodeReport>) -> NodeStatusLine {
    let heard = reports.values().any(|report| report.status.alive.contains(&node.id));
    blank(node, if heard { "reachable" } else { "silent" }.into())
}

fn local(node: &NodeInfo, state: &NodeState, report: Option<&NodeReport>) -> NodeStatusLine {
    let text = match (state, report) {
        (NodeState::Running, Some(_)) => "running".into(),
        (NodeState::Running, None) => "running, but it does not answer".into(),
        (NodeState::Stopped, _) => "stopped".into(),
        (NodeState::Crashed(reason), _) => format!("crashed: {reason}"),
    };
    let Some(report) = report.filter(|_| *state == NodeState::Running) else { return blank(node, text) };
    let status = &report.status;
    let replicas = status.replicas.iter().map(|replica| ReplicaLine {
        shard: replica.shard.0,
        leads: replica.leads,
        leader: replica.leader.map(|leader| leader.0),
        lease: replica.lease,
        sound: replica.sound,
        term: replica.term,
        commit: replica.commit,
        applied: replica.applied,
        flushed: replica.flushed,
        last: replica.last,
        memtable_bytes: replica.memtable_bytes,
    });
    NodeStatusLine {
        ready: status.ready,
        disk_full: status.disk_full,
        disk_broken: status.disk_broken,
        clock_wrong: status.clock_wrong,
        clock_offset_micros: status.clock_offset_micros,
        schema_version: status.schema_version,
        connections: report.connections_open,
        requests: report.requests.counts().map(|(_, _, _, count)| count).sum(),
        replicas: replicas.collect(),
        ..blank(node, text)
    }
}

impl Display for ClusterStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} ({}), {} shards, trefoil {}", self.cluster_name, self.cluster_id, self.shards, self.version)?;
        for zone in &self.zones {
            writeln!(f, "zone {}{}", zone.name, if zone.isolated { ", isolated" } else { "" })?;
            for node in &zone.nodes {
                writeln!(f, "  {node}")?;
            }
        }
        Ok(())
    }
}

impl Display for NodeStatusLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "node {:<3} {:<21} {}", self.id, self.address, self.state)?;
        if self.state != "running" {
            return Ok(());
        }
        let leads = self.replicas.iter().filter(|replica| replica.leads).count();
        let behind: u64 = self.replicas.iter().map(|replica| replica.commit.saturating_sub(replica.applied)).sum();
        write!(f, ", leads {leads} of {} shards, {} connections", self.replicas.len(), self.connections)?;
        write!(f, ", {} requests", self.requests)?;
        let notes = [
            (!self.ready, "NOT READY"),
            (self.disk_full, "DISK FULL: writes are refused"),
            (self.disk_broken, "DISK FAILED: start the node again"),
            (self.clock_wrong, "CLOCK WRONG: it leads no shard"),
            (behind > 0, "catching up"),
            (self.replicas.iter().any(|replica| !replica.sound), "rebuilding damaged replicas"),
        ];
        notes.iter().filter(|(holds, _)| *holds).try_for_each(|(_, note)| write!(f, ", {note}"))
    }
}
