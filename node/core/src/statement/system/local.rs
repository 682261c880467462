//! Keyspace `system`: this node, its peers, and tables that tools look into.

use super::super::context::NodeStatus;
use super::build::Kind::{Clustering, Partition, Regular};
use super::build::{Definition, Source, blob, inet, int, text, text_set, uuid};
use super::ring::tokens;
use super::{CQL_VERSION, PARTITIONER, RELEASE_VERSION};
use crate::config::NodeInfo;
use bytes::Bytes;

pub(super) static TABLES: &[Definition] = &[
    Definition {
        keyspace: "system",
        name: "local",
        comment: "information about the local node",
        columns: &[
            ("key", Partition, "text"),
            ("bootstrapped", Regular, "text"),
            ("broadcast_address", Regular, "inet"),
            ("broadcast_port", Regular, "int"),
            ("cluster_name", Regular, "text"),
            ("cql_version", Regular, "text"),
            ("data_center", Regular, "text"),
            ("gossip_generation", Regular, "int"),
            ("host_id", Regular, "uuid"),
            ("listen_address", Regular, "inet"),
            ("listen_port", Regular, "int"),
            ("native_protocol_version", Regular, "text"),
            ("partitioner", Regular, "text"),
            ("rack", Regular, "text"),
            ("release_version", Regular, "text"),
            ("rpc_address", Regular, "inet"),
            ("rpc_port", Regular, "int"),
            ("schema_version", Regular, "uuid"),
            ("tokens", Regular, "set<text>"),
            ("truncated_at", Regular, "map<uuid, blob>"),
        ],
        rows: local,
    },
    Definition {
        keyspace: "system",
        name: "peers",
        comment: "information about known peers in the cluster",
        columns: &[
            ("peer", Partition, "inet"),
            ("data_center", Regular, "text"),
            ("host_id", Regular, "uuid"),
            ("preferred_ip", Regular, "inet"),
            ("rack", Regular, "text"),
            ("release_version", Regular, "text"),
            ("rpc_address", Regular, "inet"),
            ("schema_version", Regular, "uuid"),
            ("tokens", Regular, "set<text>"),
        ],
        rows: peers,
    },
    Definition {
        keyspace: "system",
        name: "peers_v2",
        comment: "information about known peers in the cluster",
        columns: &[
            ("peer", Partition, "inet"),
            ("peer_port", Clustering, "int"),
            ("data_center", Regular, "text"),
            ("host_id", Regular, "uuid"),
            ("native_address", Regular, "inet"),
            ("native_port", Regular, "int"),
            ("preferred_ip", Regular, "inet"),
            ("preferred_port", Regular, "int"),
            ("rack", Regular, "text"),
            ("release_version", Regular, "text"),
            ("schema_version", Regular, "uuid"),
            ("tokens", Regular, "set<text>"),
        ],
        rows: peers_v2,
    },
    Definition {
        keyspace: "system",
        name: "prepared_statements",
        comment: "prepared statements",
        columns: &[
            ("prepared_id", Partition, "blob"),
            ("logged_keyspace", Regular, "text"),
            ("query_string", Regular, "text"),
        ],
        rows: prepared_statements,
    },
    Definition {
        keyspace: "system",
        name: "size_estimates",
        comment: "per-table primary range size estimates, table is deprecated in favor of table_estimates",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("table_name", Clustering, "text"),
            ("range_start", Clustering, "text"),
            ("range_end", Clustering, "text"),
            ("mean_partition_size", Regular, "bigint"),
            ("partitions_count", Regular, "bigint"),
        ],
        rows: none,
    },
    Definition {
        keyspace: "system",
        name: "table_estimates",
        comment: "per-table range size estimates",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("table_name", Clustering, "text"),
            ("range_type", Clustering, "text"),
            ("range_start", Clustering, "text"),
            ("range_end", Clustering, "text"),
            ("mean_partition_size", Regular, "bigint"),
            ("partitions_count", Regular, "bigint"),
        ],
        rows: none,
    },
    Definition {
        keyspace: "system",
        name: "IndexInfo",
        comment: "built column indexes",
        columns: &[("table_name", Partition, "text"), ("index_name", Clustering, "text"), ("value", Regular, "blob")],
        rows: none,
    },
    Definition {
        keyspace: "system",
        name: "built_views",
        comment: "built views",
        columns: &[
            ("keyspace_name", Partition, "text"),
            ("view_name", Clustering, "text"),
            ("status_replicated", Regular, "boolean"),
        ],
        rows: none,
    },
];

pub(super) fn none(_source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    Vec::new()
}

fn rack(source: &Source<'_>, node: &NodeInfo) -> Option<Bytes> {
    let zone = source.facts.layout.zones.get(usize::from(node.zone.0));
    text(zone.map_or("rack1", String::as_str))
}

fn local(source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    let facts = source.facts;
    let Some(node) = facts.layout.node(facts.node) else { return Vec::new() };
    let (native, internal) = (node.cql_address, node.peer_address);
    // Seconds at which this life of the node began: larger after every restart, as gossip's generation is.
    let generation = i32::try_from(facts.started.div_euclid(1_000_000)).unwrap_or(0);
    vec![vec![
        text("local"),
        text("COMPLETED"),
        inet(native.ip()),
        int(i32::from(internal.port())),
        text(&facts.layout.cluster_name),
        text(CQL_VERSION),
        text(&facts.layout.data_center),
        int(generation),
        uuid(node.host_id),
        inet(native.ip()),
        int(i32::from(internal.port())),
        text("5"),
        text(PARTITIONER),
        rack(source, node),
        text(RELEASE_VERSION),
        inet(native.ip()),
        int(i32::from(native.port())),
        uuid(source.schema.uuid()),
        text_set(tokens(facts.layout, node.id)),
        None,
    ]]
}

/// The other nodes, and the schema each is believed to serve.
fn others<'a>(source: &'a Source<'_>) -> impl Iterator<Item = (&'a NodeInfo, [u8; 16])> {
    let facts = source.facts;
    let served = |node: &NodeInfo| {
        let known = facts.status.iter().find(|status: &&NodeStatus| status.node == node.id);
        known.and_then(|status| status.schema).unwrap_or(source.schema.uuid())
    };
    facts.layout.nodes.iter().filter(|node| node.id != facts.node).map(move |node| (node, served(node)))
}

fn peers(source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    let layout = source.facts.layout;
    let here = layout.address(source.facts.node);
    // The address is the key: nodes that share one can only be told apart in `peers_v2`.
    let others = others(source).filter(|(node, _)| Some(node.cql_address.ip()) != here);
    let row = |(node, schema): (&NodeInfo, [u8; 16])| {
        vec![
            inet(node.cql_address.ip()),
            text(&layout.data_center),
            uuid(node.host_id),
            None,
            rack(source, node),
            text(RELEASE_VERSION),
            inet(node.cql_address.ip()),
            uuid(schema),
            text_set(tokens(layout, node.id)),
        ]
    };
    others.map(row).collect()
}

fn peers_v2(source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    let layout = source.facts.layout;
    let row = |(node, schema): (&NodeInfo, [u8; 16])| {
        vec![
            inet(node.cql_address.ip()),
            int(i32::from(node.peer_address.port())),
            text(&layout.data_center),
            uuid(node.host_id),
            inet(node.cql_address.ip()),
            int(i32::from(node.cql_address.port())),
            None,
            None,
            rack(source, node),
            text(RELEASE_VERSION),
            uuid(schema),
            text_set(tokens(layout, node.id)),
        ]
    };
    others(source).map(row).collect()
}

fn prepared_statements(source: &Source<'_>) -> Vec<Vec<Option<Bytes>>> {
    let statements = source.facts.statements.iter();
    let row = |statement: &super::super::context::KnownStatement| {
        vec![blob(&statement.id), statement.keyspace.as_deref().and_then(text), text(&statement.text)]
    };
    statements.map(row).collect()
}
