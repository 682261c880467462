//! What consensus itself costs: three replicas in one thread, messages handed over in memory, disks that are always done.
//! Propose, replicate, acknowledge and commit, per entry, in batches as large as a busy node makes them.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use trefoil_core::bugs::Bugs;
use trefoil_core::config::Tuning;
use trefoil_core::ids::{LogIndex, NodeId, ShardId};
use trefoil_core::raft::{AppliedThrough, Env, Raft, RaftConfig, ReadDecision, SavedLog, Start};
use trefoil_core::time::{HybridTime, Monotonic};

struct Clock(u64);

impl Bugs for Clock {}

impl Env for Clock {
    fn now(&self) -> Monotonic {
        Monotonic(self.0)
    }

    fn random_below(&mut self, _bound: u64) -> u64 {
        0
    }
}

struct Cluster {
    replicas: Vec<Raft>,
    clock: Clock,
}

impl Cluster {
    fn new(voters: u32) -> Cluster {
        let mut clock = Clock(0);
        let nodes: Vec<NodeId> = (1..=voters).map(NodeId).collect();
        let replicas = nodes.iter().map(|me| {
            let mut config = RaftConfig::new(ShardId(1), *me, nodes.clone(), &Tuning::default());
            config.preferred_leader = Some(NodeId(1));
            Raft::new(config, SavedLog::default(), AppliedThrough::default(), Start::Founding, &mut clock)
                .expect("nothing saved is consistent")
        });
        let mut cluster = Cluster { replicas: replicas.collect(), clock };
        cluster.replicas[0].tick(&mut cluster.clock);
        cluster.run();
        assert!(cluster.replicas[0].is_leader());
        cluster
    }

    /// Until nothing moves. Returns how many entries the leader applied.
    fn run(&mut self) -> u64 {
        let mut applied = 0;
        loop {
            let mut moved = false;
            for at in 0..self.replicas.len() {
                let effects = self.replicas[at].take_effects();
                if effects.is_empty() {
                    continue;
                }
                moved = true;
                let from = self.replicas[at].config().me;
                if !effects.log_ops.is_empty() {
                    black_box(&effects.log_ops);
                    self.replicas[at].durable(effects.sequence, &mut self.clock);
                }
                if let Some(committed) = effects.committed {
                    for index in committed.clone() {
                        black_box(self.replicas[at].entry(LogIndex(index)));
                    }
                    self.replicas[at].applied(LogIndex(*committed.end()));
                    applied += u64::from(at == 0) * (committed.end() - committed.start() + 1);
                }
                for (to, message) in effects.messages {
                    self.replicas[to.0 as usize - 1].step(from, message, &mut self.clock);
                }
            }
            if !moved {
                return applied;
            }
        }
    }

    fn propose(&mut self, payload: &Bytes, count: u64) {
        for _ in 0..count {
            let stamp = HybridTime(self.replicas[0].last_stamp().0 + 1);
            self.replicas[0].propose(stamp, payload.clone(), &mut self.clock).expect("it leads and has room");
        }
    }
}

fn replicate(criterion: &mut Criterion) {
    let payload = Bytes::from(vec![7; 150]);
    let mut group = criterion.benchmark_group("raft");
    for (voters, batch) in [(1, 64), (3, 1), (3, 16), (3, 64), (3, 256)] {
        let mut cluster = Cluster::new(voters);
        group.throughput(Throughput::Elements(batch));
        group.bench_function(format!("commit/{voters} voters/batches of {batch}"), |bencher| {
            bencher.iter(|| {
                cluster.propose(&payload, batch);
                assert_eq!(cluster.run(), batch);
            });
        });
    }
    let mut cluster = Cluster::new(3);
    group.throughput(Throughput::Elements(1));
    group.bench_function("read under a lease", |bencher| {
        bencher.iter(|| {
            let decision = cluster.replicas[0].read(1, &mut cluster.clock);
            assert!(matches!(decision, ReadDecision::ServeAt(_)));
        });
    });
    group.finish();
}

criterion_group!(benches, replicate);
criterion_main!(benches);
