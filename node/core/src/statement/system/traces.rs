//! Keyspace `system_traces`: the stories of traced requests. Unlike other system tables these have rows in the shards, in storages
//! of their own that no user's table can have, so every node shows what any node has traced.

use super::super::plan::{WriteAnswer, WritePlan};
use super::build::Definition;
use super::build::Kind::{Clustering, Partition, Regular};
use super::local::none;
use crate::command::{CellChange, CellOperation, Change, ClusteringKey, Mutation, RowChange, RowId};
use crate::schema::Table;
use crate::statement::function::timeuuid;
use crate::statement::restrictions::partition_key;
use crate::storage::encode_clustering;
use crate::time::HybridTime;
use bytes::Bytes;
use rand_core::RngCore;
use std::net::{IpAddr, SocketAddr};
use trefoil_cql::protocol::response::WriteType;

/// Seconds that traces live: Cassandra's `tracetype_query_ttl`.
const TTL_SECONDS: u32 = 86_400;
/// Version 1 uuids count in tenths of microseconds.
const TICKS_PER_MICRO: i64 = 10;

pub(super) static TABLES: &[Definition] = &[
    Definition {
        keyspace: "system_traces",
        name: "sessions",
        comment: "tracing sessions",
        columns: &[
            ("session_id", Partition, "uuid"),
            ("client", Regular, "inet"),
            ("command", Regular, "text"),
            ("coordinator", Regular, "inet"),
            ("coordinator_port", Regular, "int"),
            ("duration", Regular, "int"),
            ("parameters", Regular, "map<text, text>"),
            ("request", Regular, "text"),
            ("started_at", Regular, "timestamp"),
        ],
        rows: none,
    },
    Definition {
        keyspace: "system_traces",
        name: "events",
        comment: "tracing events",
        columns: &[
            ("session_id", Partition, "uuid"),
            ("event_id", Clustering, "timeuuid"),
            ("activity", Regular, "text"),
            ("source", Regular, "inet"),
            ("source_elapsed", Regular, "int"),
            ("source_port", Regular, "int"),
            ("thread", Regular, "text"),
        ],
        rows: none,
    },
];

/// The story of a request.
#[derive(Clone, Debug)]
pub struct TraceRecord {
    /// What the client was told; see `trace_id`.
    pub id: [u8; 16],
    /// When it came.
    pub started: HybridTime,
    /// Microseconds until it was answered.
    pub duration: i32,
    /// Who asked.
    pub client: IpAddr,
    /// Who answered.
    pub coordinator: SocketAddr,
    /// What was asked, in Cassandra's words.
    pub request: &'static str,
    /// What it was asked with.
    pub parameters: Vec<(String, String)>,
    /// What happened, in order.
    pub events: Vec<TraceEvent>,
}

/// Something that happened to a request.
#[derive(Clone, Debug)]
pub struct TraceEvent {
    /// Microseconds since it came.
    pub elapsed: i32,
    /// What happened.
    pub activity: String,
}

/// The id of a new trace: a time uuid, as drivers expect.
pub fn trace_id(now: HybridTime, rng: &mut dyn RngCore) -> [u8; 16] {
    let mut rest = [0u8; 8];
    rng.fill_bytes(&mut rest);
    rest[0] = (rest[0] & 0x3f) | 0x80;
    rest[2] |= 0x01;
    timeuuid(now.0.wrapping_mul(TICKS_PER_MICRO), rest)
}

/// The write that keeps a trace; `None` if it cannot be written.
#[must_use]
pub fn trace_plan(record: &TraceRecord) -> Option<WritePlan> {
    let sessions = super::table("system_traces", "sessions")?;
    let events = super::table("system_traces", "events")?;
    let mut session = Cells::new(sessions);
    session.set("client", address(record.client))?;
    session.set("command", Bytes::from_static(b"QUERY"))?;
    session.set("coordinator", address(record.coordinator.ip()))?;
    session.set("coordinator_port", int(i32::from(record.coordinator.port())))?;
    session.set("duration", int(record.duration))?;
    session.set("request", Bytes::from_static(record.request.as_bytes()))?;
    let millis = record.started.0.div_euclid(1_000);
    session.set("started_at", Bytes::copy_from_slice(&millis.to_be_bytes()))?;
    let parameters = record.parameters.iter().map(|(name, value)| (text(name), text(value))).collect();
    session.change("parameters", CellOperation::Put(parameters))?;
    let types = events.clustering_types();
    let mut ticks = record.started.0.wrapping_mul(TICKS_PER_MICRO);
    let mut changes = Vec::with_capacity(record.events.len());
    for event in &record.events {
        // Events of one moment keep their order.
        let at = (record.started.0 + i64::from(event.elapsed)).wrapping_mul(TICKS_PER_MICRO);
        ticks = at.max(ticks + 1);
        let rest: [u8; 8] = record.id[8..].try_into().ok()?;
        let key = encode_clustering(&[Bytes::copy_from_slice(&timeuuid(ticks, rest))], &types).ok()?;
        let mut row = Cells::new(events);
        row.set("activity", text(&event.activity))?;
        row.set("source", address(record.coordinator.ip()))?;
        row.set("source_elapsed", int(event.elapsed))?;
        row.set("source_port", int(i32::from(record.coordinator.port())))?;
        row.set("thread", Bytes::from_static(b"node"))?;
        changes.push(row.into_change(key));
    }
    let partition = partition_key(Bytes::copy_from_slice(&record.id)).ok()?;
    let mutation = |table: &Table, changes: Vec<Change>| Mutation {
        table: table.storage,
        partition: partition.clone(),
        timestamp: None,
        now_seconds: None,
        changes,
    };
    Some(WritePlan {
        write_type: WriteType::Simple,
        conditions: Vec::new(),
        mutations: vec![mutation(sessions, vec![session.into_change(ClusteringKey::new())]), mutation(events, changes)],
        answer: WriteAnswer::Void,
        warnings: Vec::new(),
    })
}

/// A row being made.
struct Cells<'t> {
    table: &'t Table,
    cells: Vec<CellChange>,
}

impl<'t> Cells<'t> {
    fn new(table: &'t Table) -> Cells<'t> {
        Cells { table, cells: Vec::new() }
    }

    fn set(&mut self, name: &str, value: Bytes) -> Option<()> {
        self.change(name, CellOperation::Set(value))
    }

    fn change(&mut self, name: &str, operation: CellOperation) -> Option<()> {
        let column = self.table.column(name)?.id;
        self.cells.push(CellChange { column, operation });
        Some(())
    }

    fn into_change(self, key: ClusteringKey) -> Change {
        Change::Row(RowChange { row: RowId::Row(key), marker: true, ttl: TTL_SECONDS, cells: self.cells })
    }
}

fn text(value: &str) -> Bytes {
    Bytes::copy_from_slice(value.as_bytes())
}

fn int(value: i32) -> Bytes {
    Bytes::copy_from_slice(&value.to_be_bytes())
}

fn address(value: IpAddr) -> Bytes {
    super::build::inet(value).unwrap_or_default()
}
