//! Clients that run generated programs: each lane has a program and a table of its own, so that what it is answered is decided by
//! what it asked alone, and the reference interpreter can judge it.

use super::cluster::ClusterPlan;
use super::program::{ClientPlan, Operation, Routing, Step};
use crate::language::generate::{Wanted, generate};
use crate::language::program::Table;
use crate::random::Stream;

/// Draw tables, and the clients of a run that lasts about `workload_ms`.
#[must_use]
pub fn draw(stream: &mut Stream, cluster: &ClusterPlan, workload_ms: u64) -> (Vec<Table>, Vec<ClientPlan>) {
    let mut tables = Vec::new();
    let clients = (0..stream.between(1, 2))
        .map(|_| ClientPlan {
            zone: stream.below(u64::from(cluster.zones)) as u8,
            protocol: if stream.one_in(2) { 5 } else { 4 },
            routing: *stream.pick(&[Routing::OwnZone, Routing::RoundRobin, Routing::Sticky]),
            timeout_ms: cluster.tuning.request_timeout.as_millis() as u64 * stream.between(1, 2) + 200,
            lanes: (0..stream.between(1, 2)).map(|_| lane(stream, &mut tables, workload_ms)).collect(),
        })
        .collect();
    (tables, clients)
}

fn lane(stream: &mut Stream, tables: &mut Vec<Table>, workload_ms: u64) -> Vec<Step> {
    let requests = stream.between(30, 120);
    let wanted = Wanted { requests: requests as usize, request_time: false, interpreted: true };
    let table = tables.len() as u32;
    let program = generate(stream.below(u64::MAX), &format!("sim.language_{table}"), wanted);
    tables.push(program.table);
    let step = |request| {
        let pause_ms = if stream.one_in(2) { 0 } else { stream.exponential(workload_ms / requests) as u32 };
        Step { pause_ms, operation: Operation::Statement { table, request: Box::new(request) } }
    };
    program.requests.into_iter().map(step).collect()
}
