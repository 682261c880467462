//! After the faults: the cluster must converge within its patience, and then every key that anybody has touched is read at
//! quorum and from every single node. The audit's reads are part of the history, so the client oracles see whether
//! what was acknowledged is still there; that they are answered at all is liveness.

use super::{PROBE_NS, Phase, Simulation};
use crate::client::driver::{Client, Script};
use crate::client::history::Outcome;
use crate::language::program::{Request, Select, Statement};
use crate::plan::program::{Half, Operation, Routing, Step};
use crate::world::surroundings::Event;
use std::collections::BTreeSet;
use trefoil_core::ids::ShardId;
use trefoil_cql::protocol::ProtocolVersion;

impl Simulation<'_> {
    /// The end of the faults, or a look at how far the cluster has come.
    pub(super) fn probe(&mut self) {
        match self.phase {
            Phase::SetUp | Phase::Done => {}
            Phase::Workload => self.heal(),
            Phase::Healing => {
                if self.clients.iter().all(Client::is_done) && self.not_converged().is_none() {
                    self.begin_audit();
                }
                self.probe_again();
            }
            Phase::Audit => {
                if self.clients.iter().all(Client::is_done) {
                    self.end_audit();
                } else {
                    self.probe_again();
                }
            }
        }
    }

    fn probe_again(&mut self) {
        let at = self.around.now().plus(PROBE_NS);
        self.around.queue.push(at, Event::Probe);
    }

    /// What is still missing.
    pub(super) fn unfinished(&self) -> String {
        let busy = self.clients.iter().filter(|client| !client.is_done()).count();
        let apart = self.not_converged().unwrap_or_else(|| "all replicas agree".to_owned());
        format!("{busy} clients are not done, and {apart}")
    }

    /// Why the cluster has not converged: a node that is not ready, a shard without exactly one leader, a replica behind.
    fn not_converged(&self) -> Option<String> {
        let statuses: Vec<_> =
            self.nodes.iter().map(|process| process.node.as_ref().map(|node| node.status())).collect();
        for (place, status) in statuses.iter().enumerate() {
            match status {
                None => return Some(format!("node {place} is down")),
                Some(status) if !status.ready => return Some(format!("node {place} is not ready")),
                Some(_) => {}
            }
        }
        for shard in self.plan.cluster.all_shards() {
            let replicas: Vec<_> = statuses
                .iter()
                .flatten()
                .flat_map(|status| status.replicas.iter().map(|replica| (status.node, replica)))
                .filter(|(_, replica)| replica.shard == shard)
                .collect();
            let leaders = replicas.iter().filter(|(_, replica)| replica.leads).count();
            let applied: BTreeSet<u64> = replicas.iter().map(|(_, replica)| replica.applied).collect();
            let whole = replicas
                .iter()
                .all(|(_, replica)| replica.sound && replica.applied == replica.last && replica.batches_under_way == 0);
            if leaders != 1 || applied.len() != 1 || !whole {
                let states: Vec<String> =
                    replicas.iter().map(|(node, replica)| format!("{node}: {replica:?}")).collect();
                let name =
                    if shard == ShardId::CATALOGUE { "the catalogue".to_owned() } else { format!("shard {shard}") };
                return Some(format!("{name} has not converged: {}", states.join("; ")));
            }
        }
        let versions: BTreeSet<u64> = statuses.iter().flatten().map(|status| status.schema_version).collect();
        (versions.len() != 1).then(|| format!("nodes serve different schemas: {versions:?}"))
    }

    /// Reads of everything that was touched: at quorum by one client, and one client for each node that asks only that.
    fn begin_audit(&mut self) {
        self.phase = Phase::Audit;
        let (mut quorum, mut near) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for entry in &self.history.entries {
            for read in reads_of(&entry.operation) {
                // Operations are compared by their text: few, and only here.
                if seen.insert(format!("{read:?}")) {
                    if let Operation::RegisterRead { key } = read {
                        near.push(Operation::RegisterReadNear { key });
                    }
                    quorum.push(read);
                }
            }
        }
        let steps = |operations: &[Operation]| {
            let step = |operation: &Operation| Step { pause_ms: 0, operation: operation.clone() };
            Script::Program(operations.iter().map(step).collect())
        };
        let timeout_ms = self.plan.cluster.tuning.request_timeout.as_millis() as u64 * 2 + 1_000;
        for node in 0..self.nodes.len() {
            let routing = Routing::Pinned(node as u8);
            let reads = if node == 0 { [quorum.clone(), near.clone()].concat() } else { near.clone() };
            let number = self.clients.len();
            let (version, seed) = (ProtocolVersion::V4, self.plan.seed);
            let nodes = vec![node];
            let client = Client::with_scripts(number, version, routing, timeout_ms, nodes, vec![steps(&reads)], seed);
            let client = client.auditing().with_tables(&self.plan.tables);
            self.add_client(client, self.plan.cluster.zone(node) as u8);
        }
        self.limit = self.around.now().plus(self.patience_ns());
    }

    /// All audits were answered, or the cluster does not serve.
    fn end_audit(&mut self) {
        let unanswered = self.history.entries.iter().enumerate().filter(|(_, entry)| entry.audit);
        let unanswered: Vec<(usize, String)> = unanswered
            .filter(|(_, entry)| matches!(entry.outcome, Outcome::Failed(_) | Outcome::Unknown(_) | Outcome::Open))
            .map(|(number, entry)| (number, entry.to_string()))
            .collect();
        if let Some((_, first)) = unanswered.first() {
            let text = format!("the cluster has converged but does not serve: {first}");
            self.around.broken("LIVENESS", text);
        }
        self.phase = Phase::Done;
    }
}

/// The reads that show what an operation has left.
fn reads_of(operation: &Operation) -> Vec<Operation> {
    vec![match *operation {
        Operation::RegisterWrite { key, .. } | Operation::RegisterDelete { key } => Operation::RegisterRead { key },
        Operation::CasInsert { key, .. } | Operation::CasUpdate { key, .. } | Operation::CasDelete { key } => {
            Operation::CasRead { key }
        }
        Operation::ListAppend { key, .. } | Operation::SetAdd { key, .. } => Operation::CollectionRead { key },
        Operation::RowWrite { partition, .. }
        | Operation::RowDelete { partition, .. }
        | Operation::RangeDelete { partition, .. }
        | Operation::PartitionDelete { partition } => Operation::Scan { partition, page_size: 5, reversed: false },
        Operation::BatchWrite { partition, .. } => {
            return [Half::Right, Half::Left].map(|half| Operation::BatchRead { partition, half }).to_vec();
        }
        Operation::SpreadWrite { ref partitions, .. } => {
            return partitions.iter().map(|&partition| Operation::SpreadRead { partition }).collect();
        }
        Operation::CounterAdd { ref counters } => {
            return counters.iter().map(|&(key, _)| Operation::CounterRead { key }).collect();
        }
        Operation::ExpiringWrite { key, .. } => Operation::ExpiringRead { key },
        Operation::TableWrite { table, key, .. } => Operation::TableRead { table, key },
        Operation::Statement { table, .. } => {
            let everything =
                Request { statement: Statement::Select(Select::everything()), binds: false, page: Some(7), now: None };
            Operation::Statement { table, request: Box::new(everything) }
        }
        _ => return Vec::new(),
    }]
}
