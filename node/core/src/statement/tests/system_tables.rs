//! What drivers ask when they connect, and what tools look at.

use super::bench::{Bench, text};
use crate::command::WriteOutcome;
use crate::statement::{TraceEvent, TraceRecord, system, trace_id, trace_plan};
use crate::time::HybridTime;
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::request::QueryParameters;

/// The queries of `facts` section 1.2: what Python, cqlsh, Node, Java, gocql, Rust and latte send.
const DRIVERS_QUERIES: &[&str] = &[
    "SELECT * FROM system.local WHERE key='local'",
    "SELECT * FROM system.local",
    "select * from system.local where key = 'local'",
    "SELECT * FROM system.peers",
    "SELECT * FROM system.peers_v2",
    "SELECT cluster_name FROM system.local",
    "SELECT cluster_name, release_version FROM system.local",
    "SELECT host_id, rpc_address, data_center, rack, tokens FROM system.peers",
    "SELECT host_id, rpc_address, data_center, rack, tokens, cluster_name FROM system.local WHERE key='local'",
    "SELECT schema_version FROM system.local WHERE key='local'",
    "SELECT schema_version FROM system.local",
    "SELECT peer, host_id, schema_version FROM system.peers",
    "SELECT * FROM system_schema.keyspaces",
    "SELECT * FROM system_schema.tables",
    "SELECT * FROM system_schema.columns",
    "SELECT * FROM system_schema.types",
    "SELECT * FROM system_schema.functions",
    "SELECT * FROM system_schema.aggregates",
    "SELECT * FROM system_schema.triggers",
    "SELECT * FROM system_schema.indexes",
    "SELECT * FROM system_schema.views",
    "SELECT * FROM system_schema.dropped_columns",
    "SELECT * FROM system_schema.column_masks",
    "SELECT * FROM system_virtual_schema.keyspaces",
    "SELECT * FROM system_virtual_schema.tables",
    "SELECT * FROM system_virtual_schema.columns",
    "SELECT keyspace_name, replication, durable_writes FROM system_schema.keyspaces",
    "SELECT keyspace_name, type_name, field_names, field_types FROM system_schema.types",
    "SELECT keyspace_name, table_name FROM system_schema.tables",
    "SELECT keyspace_name, table_name, column_name, kind, position, type FROM system_schema.columns",
    "SELECT keyspace_name, view_name, base_table_name FROM system_schema.views",
    "SELECT * FROM system_schema.tables WHERE keyspace_name IN ('ks', 'system')",
    "SELECT column_name, clustering_order, type, kind, position FROM system_schema.columns WHERE keyspace_name = 'ks' AND table_name = 't'",
    "SELECT prepared_id FROM system.prepared_statements",
    "SELECT * FROM system_traces.sessions WHERE session_id = 50554d6e-29bb-11e5-b345-feff819cdc9f",
    "SELECT * FROM system_traces.events WHERE session_id = 50554d6e-29bb-11e5-b345-feff819cdc9f",
    "SELECT * FROM system.size_estimates WHERE keyspace_name = 'ks' AND table_name = 't'",
    "SELECT * FROM system_views.clients",
];

fn bench() -> Bench {
    Bench::new(&["CREATE TABLE t (k int, c int, v text, PRIMARY KEY (k, c)) WITH CLUSTERING ORDER BY (c DESC)"])
}

#[test]
fn every_query_of_a_driver_is_answered_prepared_and_paged() {
    let mut bench = bench();
    for query in DRIVERS_QUERIES {
        let whole = bench.run(query).lines();
        let prepared = bench.prepare(query).expect("it was just run");
        let (mut lines, mut paging_state) = (Vec::new(), None);
        loop {
            let parameters = QueryParameters { page_size: Some(7), paging_state, ..QueryParameters::default() };
            let outcome = bench.execute(&prepared, &parameters).unwrap_or_else(|error| panic!("{query}: {error}"));
            lines.extend(outcome.lines());
            paging_state = outcome.rows.paging_state;
            if paging_state.is_none() {
                break;
            }
        }
        assert_eq!(lines, whole, "{query}");
    }
}

#[test]
fn the_node_tells_what_drivers_need() {
    let mut bench = bench();
    let local = bench.run("SELECT * FROM system.local WHERE key='local'");
    assert_eq!(local.names().len(), 20);
    let line = bench.run(
        "SELECT key, bootstrapped, cluster_name, cql_version, data_center, native_protocol_version, partitioner, rack, \
         release_version, rpc_port FROM system.local",
    );
    assert_eq!(
        line.cell(),
        "local,COMPLETED,Test Cluster,3.4.7,local,5,org.apache.cassandra.dht.Murmur3Partitioner,a,5.0.6,9042"
    );
    let peers = bench.run("SELECT peer, rack, data_center, schema_version, tokens FROM system.peers").lines();
    assert_eq!(peers.len(), 2);
    let version = bench.run("SELECT schema_version FROM system.local").cell();
    assert!(peers.iter().all(|peer| peer.contains(&version) && !peer.ends_with("[]")), "{peers:?}");
    let before = version;
    bench.run("CREATE TABLE another (k int PRIMARY KEY)");
    assert_ne!(bench.run("SELECT schema_version FROM system.local").cell(), before);
}

#[test]
fn the_schema_tables_show_what_was_defined() {
    let mut bench = bench();
    bench.run("ALTER TABLE t DROP v");
    let columns = bench.run_with(
        "SELECT column_name, kind, position, clustering_order, type FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?",
        &[text("ks"), text("t")],
    );
    assert_eq!(columns.lines(), ["c,clustering,0,desc,int", "k,partition_key,0,none,int"]);
    let dropped =
        bench.run("SELECT column_name, kind, type FROM system_schema.dropped_columns WHERE keyspace_name = 'ks'");
    assert_eq!(dropped.lines(), ["v,regular,text"]);
    let table = bench.run(
        "SELECT flags, compaction, gc_grace_seconds, comment FROM system_schema.tables WHERE keyspace_name = 'ks'",
    );
    assert_eq!(
        table.cell(),
        "[compound],{class:org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy max_threshold:32 min_threshold:4},864000,"
    );
    let keyspace = bench.run("SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = 'ks'");
    assert_eq!(keyspace.cell(), "{class:org.apache.cassandra.locator.SimpleStrategy replication_factor:3}");
}

#[test]
fn every_system_table_can_be_described_and_read() {
    let mut bench = bench();
    for table in system::all_tables() {
        let name = format!("{}.\"{}\"", table.keyspace, table.name);
        bench.run(&format!("SELECT * FROM {name}"));
        bench.run(&format!("DESCRIBE TABLE {name}"));
    }
}

#[test]
fn a_trace_is_rows_that_every_node_can_read() {
    let mut bench = bench();
    let id = trace_id(HybridTime(1_000_000_000_000), &mut ChaCha8Rng::seed_from_u64(7));
    let event = |elapsed: i32, activity: &str| TraceEvent { elapsed, activity: activity.to_owned() };
    let record = TraceRecord {
        id,
        started: HybridTime(1_000_000_000_000),
        duration: 42,
        client: [10, 0, 0, 1].into(),
        coordinator: ([127, 0, 0, 1], 9042).into(),
        request: "Execute CQL3 query",
        parameters: vec![("query".into(), "SELECT 1".into())],
        events: vec![event(1, "first"), event(1, "second"), event(9, "last")],
    };
    let plan = trace_plan(&record).expect("the tables are there");
    assert_eq!(bench.store.write(&plan.conditions, &plan.mutations, 1_000_000_000_000), WriteOutcome::Applied);
    let id = [Value::Set(Bytes::copy_from_slice(&id))];
    let session = "SELECT request, duration, coordinator_port, parameters, ttl(duration) FROM system_traces.sessions \
                   WHERE session_id = ?";
    assert_eq!(bench.run_with(session, &id).lines(), ["Execute CQL3 query,42,9042,{query:SELECT 1},86400"]);
    let events = "SELECT activity, source_elapsed FROM system_traces.events WHERE session_id = ?";
    assert_eq!(bench.run_with(events, &id).lines(), ["first,1", "second,1", "last,9"], "in the order of the story");
}
