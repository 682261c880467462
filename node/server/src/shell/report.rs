//! What a node's thread tells of itself when it is asked: for the admin endpoint and for metrics.

use super::peers::LinkStats;
use super::request_stats::RequestStats;
use crate::store::WriterStats;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use trefoil_core::ids::NodeId;
use trefoil_core::node::NodeStatus;

/// A node and its shell at one moment.
#[derive(Clone, Debug)]
pub struct NodeReport {
    /// The node itself.
    pub status: NodeStatus,
    /// Requests so far.
    pub requests: RequestStats,
    /// Requests without a reply.
    pub requests_in_flight: u64,
    /// Client connections open now.
    pub connections_open: u64,
    /// Client connections accepted so far.
    pub connections_accepted: u64,
    /// Messages from nodes of this process that were dropped.
    pub messages_dropped: u64,
    /// The log store.
    pub log: StoreReport,
    /// The row store.
    pub rows: StoreReport,
    /// Lines to nodes elsewhere.
    pub links: BTreeMap<NodeId, LinkStats>,
}

/// A store and its writer at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StoreReport {
    /// Transactions made durable.
    pub commits: u64,
    /// Batches made durable.
    pub batches: u64,
    /// Batches that failed.
    pub failed: u64,
    /// Time spent in transactions.
    pub busy_seconds: f64,
    /// Batches that wait.
    pub waiting: u64,
    /// Size of the file.
    pub file_bytes: u64,
    /// Size of the map.
    pub map_bytes: u64,
}

impl StoreReport {
    pub(super) fn of(stats: &WriterStats, waiting: usize) -> StoreReport {
        StoreReport {
            commits: stats.commits.load(Ordering::Relaxed),
            batches: stats.batches.load(Ordering::Relaxed),
            failed: stats.failed.load(Ordering::Relaxed),
            busy_seconds: stats.busy_nanos.load(Ordering::Relaxed) as f64 / 1e9,
            waiting: waiting as u64,
            file_bytes: stats.file_bytes.load(Ordering::Relaxed),
            map_bytes: stats.map_bytes.load(Ordering::Relaxed),
        }
    }
}
