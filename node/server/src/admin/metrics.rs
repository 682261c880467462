//! What `/metrics` says: one snapshot of every node of this process, in the text format of OpenMetrics.
//!
//! Names start with `trefoil_`, carry their unit, and every series has the labels `node` and `zone`. Nothing is kept between two
//! scrapes: the nodes hold the counters.

use crate::shell::{Host, LATENCY_BOUNDS_SECONDS, Latency, NodeReport, NodeState, RequestKind, StoreReport};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use trefoil_core::ids::NodeId;
use trefoil_core::node::NodeStatus;

/// All metrics as text.
pub(super) fn text(host: &Host, reports: BTreeMap<NodeId, NodeReport>) -> Result<String, fmt::Error> {
    let zone = |node: &NodeId| {
        let zone = host.layout().node(*node).map_or(0, |info| usize::from(info.zone.0));
        host.layout().zones.get(zone).cloned().unwrap_or_default()
    };
    let nodes = host.states().into_iter().map(|(node, state)| Snapshot {
        labels: [("node", node.to_string()), ("zone", zone(&node))],
        up: state == NodeState::Running,
        report: reports.get(&node).cloned(),
    });
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshots(nodes.collect())));
    let mut out = String::new();
    prometheus_client::encoding::text::encode(&mut out, &registry)?;
    Ok(out)
}

type Labels = [(&'static str, String); 2];

#[derive(Debug)]
struct Snapshot {
    labels: Labels,
    up: bool,
    report: Option<NodeReport>,
}

#[derive(Debug)]
struct Snapshots(Vec<Snapshot>);

/// A histogram whose buckets were counted elsewhere.
struct Buckets<'a>(&'a Latency);

impl EncodeMetric for Buckets<'_> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let bounds = LATENCY_BOUNDS_SECONDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(self.0.buckets).collect();
        let count = self.0.buckets.iter().sum();
        encoder.encode_histogram::<[(&str, &str); 0]>(self.0.sum_seconds, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// One metric family over all nodes: each node gives any number of values with labels of their own.
struct Family<'a, 'e> {
    nodes: &'a [Snapshot],
    encoder: DescriptorEncoder<'e>,
}

impl Family<'_, '_> {
    fn counter<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Fn(&NodeReport) -> Vec<(L, u64)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Counter, |report| {
            values(report).into_iter().map(|(labels, value)| (labels, ConstCounter::new(value))).collect()
        })
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Fn(&NodeReport) -> f64) -> fmt::Result {
        self.family(name, help, MetricType::Gauge, |report| vec![(NO_LABELS, ConstGauge::new(value(report)))])
    }

    fn family<L: EncodeLabelSet, M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        values: impl Fn(&NodeReport) -> Vec<(L, M)>,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, kind)?;
        for node in self.nodes {
            for (labels, value) in node.report.iter().flat_map(&values) {
                value.encode(metric.encode_family(&Joined(&node.labels, labels))?)?;
            }
        }
        Ok(())
    }
}

/// The labels of a node and those of one of its series.
struct Joined<'a, L>(&'a Labels, L);

impl<L: EncodeLabelSet> EncodeLabelSet for Joined<'_, L> {
    fn encode(&self, encoder: &mut prometheus_client::encoding::LabelSetEncoder<'_>) -> fmt::Result {
        EncodeLabelSet::encode(self.0, encoder)?;
        self.1.encode(encoder)
    }
}

const NO_LABELS: [(&str, &str); 0] = [];

fn plain(value: u64) -> Vec<([(&'static str, &'static str); 0], u64)> {
    vec![(NO_LABELS, value)]
}

impl Collector for Snapshots {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut up = encoder.encode_descriptor("trefoil_node_up", "Whether the node runs", None, MetricType::Gauge)?;
        for node in &self.0 {
            ConstGauge::new(i64::from(node.up)).encode(up.encode_family(&node.labels)?)?;
        }
        let mut family = Family { nodes: &self.0, encoder };
        requests(&mut family)?;
        connections(&mut family)?;
        raft(&mut family)?;
        stores(&mut family)
    }
}

fn requests(family: &mut Family<'_, '_>) -> fmt::Result {
    family.counter("trefoil_requests", "Requests answered", |report| {
        let counts = report.requests.counts();
        let labelled = counts.map(|(kind, level, outcome, count)| {
            let consistency = level.map_or("none", |level| level.name());
            ([("kind", kind.label()), ("consistency", consistency), ("outcome", outcome.label())], count)
        });
        labelled.collect()
    })?;
    let mut metric = family.encoder.encode_descriptor(
        "trefoil_request_duration_seconds",
        "Time from reading a request to handing its answer to the socket",
        None,
        MetricType::Histogram,
    )?;
    for node in family.nodes {
        let Some(report) = &node.report else { continue };
        for (kind, latency) in RequestKind::ALL.iter().zip(&report.requests.latency) {
            let labels = Joined(&node.labels, [("kind", kind.label())]);
            Buckets(latency).encode(metric.encode_family(&labels)?)?;
        }
    }
    family
        .gauge("trefoil_requests_in_flight", "Requests without an answer", |report| report.requests_in_flight as f64)?;
    family.counter("trefoil_requests_overloaded", "Requests refused because too many were under way", |report| {
        plain(report.status.counters.overloaded)
    })?;
    family.counter("trefoil_requests_timed_out", "Requests that reached their deadline", |report| {
        plain(report.status.counters.timeouts)
    })
}

fn connections(family: &mut Family<'_, '_>) -> fmt::Result {
    family.gauge("trefoil_connections", "Client connections open", |report| report.connections_open as f64)?;
    family.counter("trefoil_connections_accepted", "Client connections accepted", |report| {
        plain(report.connections_accepted)
    })?;
    family.counter(
        "trefoil_inbox_messages_dropped",
        "Messages dropped because the node was too far behind",
        |report| plain(report.messages_dropped),
    )?;
    let links = |report: &NodeReport, value: fn(&crate::shell::peers::LinkStats) -> u64| {
        report.links.iter().map(|(peer, link)| ([("peer", peer.to_string())], value(link))).collect()
    };
    family.counter("trefoil_peer_messages_sent", "Messages handed to the line to a peer", |report| {
        links(report, |link| link.sent)
    })?;
    family.counter("trefoil_peer_messages_dropped", "Messages dropped for want of a line to a peer", |report| {
        links(report, |link| link.dropped)
    })?;
    family.counter("trefoil_peer_calls", "Lines made to a peer", |report| links(report, |link| link.calls))
}

fn raft(family: &mut Family<'_, '_>) -> fmt::Result {
    let total = |status: &NodeStatus, value: fn(&trefoil_core::replicate::ReplicaStatus) -> u64| {
        status.replicas.iter().map(value).sum::<u64>() as f64
    };
    family.gauge("trefoil_ready", "Whether the node answers queries", |report| {
        f64::from(u8::from(report.status.ready))
    })?;
    family.gauge("trefoil_peers_alive", "Nodes that are heard, this one included", |report| {
        report.status.alive.len() as f64
    })?;
    family.gauge("trefoil_raft_leaderships", "Shards led", |report| {
        total(&report.status, |replica| u64::from(replica.leads))
    })?;
    family.gauge("trefoil_raft_leases", "Shards led under a valid lease", |report| {
        total(&report.status, |replica| u64::from(replica.lease))
    })?;
    family.gauge("trefoil_raft_leaderless", "Replicas that know no leader", |report| {
        total(&report.status, |replica| u64::from(replica.leader.is_none()))
    })?;
    family.gauge("trefoil_raft_unsound", "Replicas withdrawn because of damage", |report| {
        total(&report.status, |replica| u64::from(!replica.sound))
    })?;
    family.gauge("trefoil_raft_unapplied_entries", "Entries committed and not applied", |report| {
        total(&report.status, |replica| replica.commit.saturating_sub(replica.applied))
    })?;
    family.gauge("trefoil_raft_unflushed_entries", "Entries applied and not flushed to rows", |report| {
        total(&report.status, |replica| replica.applied.saturating_sub(replica.flushed))
    })?;
    family.counter("trefoil_raft_entries_committed", "Entries committed, over all shards and lives", |report| {
        plain(report.status.replicas.iter().map(|replica| replica.commit).sum())
    })?;
    family.gauge("trefoil_memtable_bytes", "Bytes in memtables", |report| {
        total(&report.status, |replica| replica.memtable_bytes)
    })?;
    family.gauge("trefoil_disk_full", "Whether writes are refused because the disk is full", |report| {
        f64::from(u8::from(report.status.disk_full))
    })?;
    family.gauge("trefoil_disk_broken", "Whether writes are refused because the disk has failed", |report| {
        f64::from(u8::from(report.status.disk_broken))
    })?;
    family.gauge("trefoil_clock_wrong", "Whether the clock is so wrong that the node does not lead", |report| {
        f64::from(u8::from(report.status.clock_wrong))
    })?;
    family.gauge("trefoil_clock_offset_seconds", "By how much the others' clocks are ahead", |report| {
        report.status.clock_offset_micros.map_or(0.0, |micros| micros as f64 / 1e6)
    })
}

fn stores(family: &mut Family<'_, '_>) -> fmt::Result {
    let both = |report: &NodeReport, value: fn(&StoreReport) -> u64| {
        vec![([("store", "log")], value(&report.log)), ([("store", "rows")], value(&report.rows))]
    };
    family
        .counter("trefoil_store_commits", "Transactions made durable", |report| both(report, |store| store.commits))?;
    family.counter("trefoil_store_batches", "Batches made durable; several share a commit", |report| {
        both(report, |store| store.batches)
    })?;
    family.counter("trefoil_store_batches_failed", "Batches that could not be written", |report| {
        both(report, |store| store.failed)
    })?;
    family.counter("trefoil_store_commit_microseconds", "Time spent in transactions", |report| {
        both(report, |store| (store.busy_seconds * 1e6) as u64)
    })?;
    let gauges: [(&str, &str, fn(&StoreReport) -> u64); 3] = [
        ("trefoil_store_batches_waiting", "Batches that wait for the writer", |store| store.waiting),
        ("trefoil_store_file_bytes", "Size of the LMDB file, free pages included", |store| store.file_bytes),
        ("trefoil_store_map_bytes", "Size of the LMDB map: what the file may grow to", |store| store.map_bytes),
    ];
    for (name, help, value) in gauges {
        family.family(name, help, MetricType::Gauge, |report| {
            let gauge = |(labels, value): ([(&'static str, &'static str); 1], u64)| {
                (labels, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)))
            };
            both(report, value).into_iter().map(gauge).collect()
        })?;
    }
    Ok(())
}
