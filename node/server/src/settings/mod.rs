//! What an operator may set: a file in TOML, `TREFOIL_*` variables above it, flags above both.
//!
//! Every key is listed once, in `keys`; a key that is not there is an error that names it and the nearest one that is, so that a typing
//! mistake never means "default". An example of all keys is `node.example.toml`.

mod keys;
mod layers;
mod quantity;

#[cfg(test)]
mod tests;

pub use keys::{KEYS, Key, KeyKind, nearest};
pub use layers::{DevOverrides, Overrides, refuse_unknown_variables};
pub use quantity::{parse_bytes, parse_duration};

use crate::shell::ConnectionLimits;
use crate::store::StoreOptions;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trefoil_core::config::{Layout, NodeInfo, Tuning};
use trefoil_core::ids::{NodeId, ZoneId};
use xxhash_rust::xxh3::xxh3_128;

/// Why settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No such key.
    #[error("{place}: unknown key '{key}'{}", nearest.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default())]
    UnknownKey {
        /// The file, or "the environment".
        place: String,
        /// What was written.
        key: String,
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    /// A value of the wrong kind or out of range.
    #[error("'{key}': {what}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong.
        what: String,
    },
    /// The file cannot be read.
    #[error("{path}: {what}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// A wrong value of a key.
fn wrong(key: &str, what: impl Into<String>) -> SettingsError {
    SettingsError::Value { key: key.into(), what: what.into() }
}

/// A span of time in the form "600ms", "5s", "10m".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Span, String> {
        parse_duration(&text).map(Span)
    }
}

/// A number of bytes in the form "64MiB", or a bare number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Bytes(pub u64);

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Bytes, String> {
        parse_bytes(&text).map(Bytes)
    }
}

/// One node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NodeEntry {
    /// Its id, unique in the cluster.
    pub id: u32,
    /// The name of its zone.
    pub zone: String,
    /// Where clients reach it.
    pub cql_address: SocketAddr,
    /// Where the other nodes reach it.
    pub peer_address: SocketAddr,
}

/// All settings of a process. `None`: the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What drivers see as the cluster's name.
    pub cluster_name: Option<String>,
    /// A uuid; derived from the name if absent.
    pub cluster_id: Option<String>,
    /// What drivers see as the data centre.
    pub data_center: Option<String>,
    /// Zone names.
    pub zones: Vec<String>,
    /// Number of data shards, fixed when the cluster is founded.
    pub shards: Option<u32>,
    /// All nodes.
    pub node: Vec<NodeEntry>,
    /// The nodes that this process runs.
    pub run: Vec<u32>,
    /// Where data are kept.
    pub data_dir: Option<PathBuf>,
    /// Where the operator's endpoint listens.
    pub admin_address: Option<SocketAddr>,
    /// "text" or "json".
    pub log_format: Option<String>,
    /// What is logged, for example "info" or "trefoil=debug".
    pub log_filter: Option<String>,
    /// The node's numbers.
    pub tuning: TuningSettings,
    /// The stores.
    pub store: StoreSettings,
    /// See `Tuning::purge_interval`.
    pub purge_interval: Option<Span>,
    /// Clients.
    pub connections: ConnectionSettings,
}

/// See `trefoil_core::config::Tuning`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "documented at `Tuning`")]
pub struct TuningSettings {
    pub election_timeout: Option<Span>,
    pub heartbeat_interval: Option<Span>,
    pub clock_drift_ppm: Option<u32>,
    pub max_clock_skew: Option<Span>,
    pub request_timeout: Option<Span>,
    pub schema_lease: Option<Span>,
    pub memtable_bytes: Option<Bytes>,
    pub memtable_age: Option<Span>,
    pub log_retained_bytes: Option<Bytes>,
    pub append_window_bytes: Option<Bytes>,
    pub requests_per_connection: Option<u32>,
    pub requests_per_node: Option<u32>,
    pub purge_interval: Option<Span>,
    pub quiesce_after: Option<Span>,
}

/// See `StoreOptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "documented at `StoreOptions`")]
pub struct StoreSettings {
    pub log_map_bytes: Option<Bytes>,
    pub rows_map_bytes: Option<Bytes>,
}

/// See `ConnectionLimits`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "documented at `ConnectionLimits`")]
pub struct ConnectionSettings {
    pub connections_max: Option<u32>,
    pub request_bytes_max: Option<Bytes>,
    pub unsent_bytes_max: Option<Bytes>,
    pub stall_max: Option<Span>,
}

/// Shards of a new cluster if nothing else is said.
pub const SHARDS_DEFAULT: u32 = 12;
/// The data centre's name if nothing else is said.
pub const DATA_CENTER_DEFAULT: &str = "local";
/// The cluster's name if nothing else is said.
pub const CLUSTER_NAME_DEFAULT: &str = "Trefoil";

/// Sixteen bytes that look like a random uuid, made from a text.
#[must_use]
pub fn uuid_from(text: &str) -> [u8; 16] {
    let mut bytes = xxh3_128(text.as_bytes()).to_be_bytes();
    // Version 8: made in a way of one's own.
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// Turn random bytes into a random uuid.
pub fn mark_random(bytes: &mut [u8; 16]) {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
}

/// What drivers know a node by; stable as long as its cluster and id are.
#[must_use]
pub fn host_id(cluster_id: &[u8; 16], node: NodeId) -> [u8; 16] {
    uuid_from(&format!("{} node {node}", crate::store::uuid_text(cluster_id)))
}

/// The bytes of a uuid in its usual form.
#[must_use]
pub fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|char| *char != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok()?;
    (digits.len() == 32).then(|| number.to_be_bytes())
}

impl Settings {
    /// From a file and what stands above it.
    ///
    /// # Errors
    /// When the file cannot be read, or a key or value is wrong.
    pub fn load(path: Option<&Path>, overrides: &Overrides) -> Result<Settings, SettingsError> {
        layers::load(path, overrides)
    }

    /// The cluster that these settings describe.
    ///
    /// # Errors
    /// When something is missing or does not fit together.
    pub fn layout(&self) -> Result<Layout, SettingsError> {
        let cluster_name = self.cluster_name.clone().unwrap_or_else(|| CLUSTER_NAME_DEFAULT.into());
        let cluster_id = match &self.cluster_id {
            Some(text) => parse_uuid(text).ok_or_else(|| wrong("cluster_id", format!("'{text}' is not a uuid")))?,
            None => uuid_from(&cluster_name),
        };
        if self.zones.is_empty() || self.zones.len() > 64 {
            return Err(wrong("zones", "name the zones, for example zones = [\"a\", \"b\", \"c\"]"));
        }
        let mut nodes = Vec::new();
        for entry in &self.node {
            let zone = self.zones.iter().zip(0_u8..).find(|(name, _)| **name == entry.zone);
            let zone = zone.ok_or_else(|| wrong("node.zone", format!("'{}' is not one of the zones", entry.zone)))?.1;
            nodes.push(NodeInfo {
                id: NodeId(entry.id),
                zone: ZoneId(zone),
                host_id: host_id(&cluster_id, NodeId(entry.id)),
                cql_address: entry.cql_address,
                peer_address: entry.peer_address,
            });
        }
        nodes.sort_by_key(|node| node.id);
        if nodes.windows(2).any(|pair| pair[0].id == pair[1].id) {
            return Err(wrong("node.id", "two nodes have the same id"));
        }
        for (zone, number) in self.zones.iter().zip(0_u8..) {
            if !nodes.iter().any(|node| node.zone == ZoneId(number)) {
                return Err(wrong("zones", format!("there is no node in zone '{zone}'")));
            }
        }
        let shards = self.shards.unwrap_or(SHARDS_DEFAULT);
        if !(1..=4096).contains(&shards) {
            return Err(wrong("shards", "between 1 and 4096"));
        }
        let data_center = self.data_center.clone().unwrap_or_else(|| DATA_CENTER_DEFAULT.into());
        Ok(Layout { cluster_id, cluster_name, data_center, zones: self.zones.clone(), nodes, shards })
    }

    /// The node's numbers.
    #[must_use]
    pub fn tuning(&self) -> Tuning {
        let (set, default) = (&self.tuning, Tuning::default());
        let span = |value: Option<Span>, default: Duration| value.map_or(default, |span| span.0);
        let bytes = |value: Option<Bytes>, default: u64| value.map_or(default, |bytes| bytes.0);
        Tuning {
            election_timeout: span(set.election_timeout, default.election_timeout),
            heartbeat_interval: span(set.heartbeat_interval, default.heartbeat_interval),
            clock_drift_ppm: set.clock_drift_ppm.unwrap_or(default.clock_drift_ppm),
            max_clock_skew: span(set.max_clock_skew, default.max_clock_skew),
            request_timeout: span(set.request_timeout, default.request_timeout),
            schema_lease: span(set.schema_lease, default.schema_lease),
            memtable_bytes: bytes(set.memtable_bytes, default.memtable_bytes),
            memtable_age: span(set.memtable_age, default.memtable_age),
            log_retained_bytes: bytes(set.log_retained_bytes, default.log_retained_bytes),
            append_window_bytes: bytes(set.append_window_bytes, default.append_window_bytes),
            requests_per_connection: set.requests_per_connection.unwrap_or(default.requests_per_connection),
            requests_per_node: set.requests_per_node.unwrap_or(default.requests_per_node),
            purge_interval: span(set.purge_interval, default.purge_interval),
            quiesce_after: span(set.quiesce_after, default.quiesce_after),
        }
    }

    /// How stores are kept.
    #[must_use]
    pub fn stores(&self, durable: bool) -> StoreOptions {
        let default = StoreOptions::default();
        let bytes = |value: Option<Bytes>, default: u64| value.map_or(default, |bytes| bytes.0);
        StoreOptions {
            log_map_bytes: bytes(self.store.log_map_bytes, default.log_map_bytes),
            rows_map_bytes: bytes(self.store.rows_map_bytes, default.rows_map_bytes),
            durable,
        }
    }

    /// What clients may take up.
    #[must_use]
    pub fn limits(&self) -> ConnectionLimits {
        let (set, default) = (&self.connections, ConnectionLimits::default());
        let request_bytes = set.request_bytes_max.map(|bytes| u32::try_from(bytes.0).unwrap_or(u32::MAX));
        let unsent_bytes = set.unsent_bytes_max.map(|bytes| usize::try_from(bytes.0).unwrap_or(usize::MAX));
        ConnectionLimits {
            connections_max: set.connections_max.map_or(default.connections_max, |max| max as usize),
            request_bytes_max: request_bytes.unwrap_or(default.request_bytes_max),
            unsent_bytes_max: unsent_bytes.unwrap_or(default.unsent_bytes_max),
            stall_max: set.stall_max.map_or(default.stall_max, |span| span.0),
            ..default
        }
    }
}
