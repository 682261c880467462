//! From a seed to a plan: the one place where the whole random configuration is drawn. Each part has a stream of its own,
//! so that a change in how clients are drawn leaves the faults of a seed as they are.

use super::cluster::ClusterPlan;
use super::environment::{ClockPlan, DiskPlan, MachinePlan, NetworkPlan};
use super::preset::{Preset, Shape, Work};
use super::{FORMAT, Plan, clients, language, schedule};
use crate::random::{MILLION, Stream};
use std::time::Duration;
use trefoil_core::bugs::PlantedBug;
use trefoil_core::config::Tuning;

const MS: u64 = 1_000_000;

/// Draw a plan.
#[must_use]
pub fn draw(seed: u64, preset: Preset, bugs: &[PlantedBug]) -> Plan {
    let shape = Shape::of(preset);
    let network = network(&mut Stream::new(seed, "plan network"), &shape);
    let disk = disk(&mut Stream::new(seed, "plan disk"), &shape);
    let cluster = cluster(&mut Stream::new(seed, "plan cluster"), &shape, &network, &disk);
    let clocks = clocks(&mut Stream::new(seed, "plan clocks"), &shape, &cluster);
    let machine = machine(&mut Stream::new(seed, "plan machine"));
    let workload_ms = Stream::new(seed, "plan length").between(4_000, 16_000);
    let mut stream = Stream::new(seed, "plan clients");
    let (tables, clients) = match &shape.work[..] {
        [Work::Language] => language::draw(&mut stream, &cluster, workload_ms),
        _ => (Vec::new(), clients::draw(&mut stream, &shape, &cluster, workload_ms)),
    };
    let faults = schedule::draw(&mut Stream::new(seed, "plan faults"), &shape, &cluster, workload_ms);
    let faults_end_ms = schedule::end_ms(&faults, &cluster).max(workload_ms);
    Plan {
        format: FORMAT,
        seed,
        preset,
        bugs: bugs.to_vec(),
        cluster,
        network,
        disk,
        clocks,
        machine,
        faults,
        faults_end_ms,
        tables,
        clients,
    }
}

fn network(stream: &mut Stream, shape: &Shape) -> NetworkPlan {
    let near_ns = stream.magnitude(50_000, MS);
    let mut across = || stream.magnitude(MS / 2, 5 * MS);
    let across_ns = [across(), across(), across()];
    let lossy = shape.bad_links || stream.chance(300_000);
    let doubling = shape.bad_links || stream.chance(300_000);
    NetworkPlan {
        near_ns,
        across_ns,
        jitter_per_mille: stream.magnitude(10, 1_000),
        tail_ppm: if stream.chance(300_000) { stream.below(20_000) as u32 } else { 0 },
        tail_ns: stream.magnitude(10, 3_000) * MS,
        loss_ppm: if lossy { stream.magnitude(1_000, 150_000) as u32 } else { 0 },
        duplicate_ppm: if doubling { stream.magnitude(1_000, 200_000) as u32 } else { 0 },
        ordered: stream.chance(400_000),
    }
}

fn disk(stream: &mut Stream, shape: &Shape) -> DiskPlan {
    let slow = if shape.slow_disks { stream.between(5, 30) * MS } else { 0 };
    DiskPlan {
        log_sync_ns: slow.max(stream.magnitude(50_000, 10 * MS)),
        rows_sync_ns: stream.magnitude(100_000, 100 * MS),
        jitter_per_mille: stream.magnitude(10, 1_000),
        tail_ppm: if stream.chance(200_000) { stream.below(10_000) as u32 } else { 0 },
        tail_ns: stream.magnitude(50, 3_000) * MS,
        report_every_ticket: stream.chance(300_000),
    }
}

fn cluster(stream: &mut Stream, shape: &Shape, network: &NetworkPlan, disk: &DiskPlan) -> ClusterPlan {
    let one_zone = stream.chance(shape.one_zone_ppm);
    let nodes_per_zone = if one_zone { 1 } else { stream.between(1, shape.nodes_per_zone_max) };
    ClusterPlan {
        zones: if one_zone { 1 } else { 3 },
        nodes_per_zone: nodes_per_zone as u8,
        shards: stream.between(2, shape.shards_max.max(2)) as u32,
        tuning: tuning(stream, shape, network, disk),
    }
}

fn tuning(stream: &mut Stream, shape: &Shape, network: &NetworkPlan, disk: &DiskPlan) -> Tuning {
    // An election must be able to succeed: its timeout is several times what a round with two syncs usually takes.
    let round_ns = 2 * network.across_ns.iter().max().copied().unwrap_or(MS) + 2 * disk.log_sync_ns;
    let usual_round_ms = round_ns * (1_000 + network.jitter_per_mille.max(disk.jitter_per_mille)) / 1_000 / MS + 1;
    let election_ms = (usual_round_ms * stream.between(8, 16)).max(stream.magnitude(150, 1_200));
    let duration = |ms: u64| Duration::from_millis(ms);
    let tiny = shape.tiny_memory || stream.chance(300_000);
    let bytes = |stream: &mut Stream, usual: u64| {
        if tiny { stream.magnitude(300, 8_000) } else { stream.magnitude(2_000, usual) }
    };
    Tuning {
        election_timeout: duration(election_ms),
        heartbeat_interval: duration((election_ms / stream.between(4, 10)).max(1)),
        clock_drift_ppm: if shape.drift_at_bound {
            stream.between(shape.drift_ppm.0, shape.drift_ppm.1) as u32
        } else {
            stream.magnitude(100, 50_000) as u32
        },
        max_clock_skew: duration(stream.between(100, 1_000)),
        request_timeout: duration(election_ms * stream.between(4, 12)),
        schema_lease: duration(election_ms * stream.between(3, 8)),
        memtable_bytes: bytes(stream, 1 << 20),
        memtable_age: duration(stream.magnitude(200, if tiny { 3_000 } else { 60_000 })),
        log_retained_bytes: bytes(stream, 1 << 20),
        append_window_bytes: bytes(stream, 1 << 20).max(1_000),
        requests_per_connection: stream.magnitude(4, 2_048) as u32,
        requests_per_node: stream.magnitude(64, 16_384) as u32,
        purge_interval: duration(stream.magnitude(500, 60_000)),
        quiesce_after: duration(stream.magnitude(200, 10_000)),
    }
}

fn clocks(stream: &mut Stream, shape: &Shape, cluster: &ClusterPlan) -> Vec<ClockPlan> {
    let skew_us = cluster.tuning.max_clock_skew.as_micros() as i64;
    let drift_max = drift_max_ppm(cluster);
    let wild = shape.wild_wall_clocks || stream.chance(100_000);
    // In one zone, or no shard may have a leader from the beginning; faults make the others wrong later.
    let wrong_zone = stream.below(u64::from(cluster.zones)) as usize;
    let mut clock = |place: usize| {
        let drift = signed(stream, drift_max);
        let at_bound = if place.is_multiple_of(2) { drift_max } else { -drift_max };
        let far_off = wild && cluster.zone(place) == wrong_zone && stream.chance(600_000);
        ClockPlan {
            wall_offset_us: signed(stream, if far_off { 300 * i64::from(MILLION) } else { skew_us / 2 }),
            wall_drift_ppm: signed(stream, 500) as i32,
            monotonic_drift_ppm: if shape.drift_at_bound { at_bound as i32 } else { drift as i32 },
        }
    };
    (0..cluster.nodes()).map(&mut clock).collect()
}

fn machine(stream: &mut Stream) -> MachinePlan {
    MachinePlan {
        step_cost_ns: stream.magnitude(1_000, 200_000),
        inputs_per_settle_max: stream.magnitude(1, 256) as u32,
        inbox_messages_max: stream.magnitude(256, 65_536) as u32,
        encode_messages: stream.chance(150_000),
        buggify: stream.chance(500_000),
    }
}

/// How far a monotonic clock may be from true time so that no two run apart by more than the bound, one ahead and one
/// behind: (1 + x) / (1 - x) <= 1 + bound.
pub(super) fn drift_max_ppm(cluster: &ClusterPlan) -> i64 {
    let bound = i64::from(cluster.tuning.clock_drift_ppm);
    bound * i64::from(MILLION) / (2 * i64::from(MILLION) + bound)
}

/// Uniform in `-most..=most`.
pub(super) fn signed(stream: &mut Stream, most: i64) -> i64 {
    stream.between(0, 2 * most.unsigned_abs()) as i64 - most.abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_repeat_and_survive_their_file() {
        for preset in Preset::ALL {
            let plan = draw(42, preset, &[PlantedBug::BatchTorn]);
            assert_eq!(plan, draw(42, preset, &[PlantedBug::BatchTorn]));
            assert_ne!(plan, draw(43, preset, &[PlantedBug::BatchTorn]));
            let text = serde_json::to_string(&plan).expect("plans are plain data");
            assert_eq!(serde_json::from_str::<Plan>(&text).expect("and so is their file"), plan);
        }
    }

    #[test]
    fn monotonic_clocks_stay_within_the_bound_that_leases_rest_on() {
        for seed in 0..200 {
            let plan = draw(seed, if seed % 2 == 0 { Preset::Swarm } else { Preset::Leases }, &[]);
            let drifts = plan.clocks.iter().map(|clock| i64::from(clock.monotonic_drift_ppm));
            let (low, high) = drifts.fold((0, 0), |(low, high), ppm| (ppm.min(low), ppm.max(high)));
            let million = i64::from(MILLION);
            let bound = million + i64::from(plan.cluster.tuning.clock_drift_ppm);
            assert!((million + high) * million <= (million + low) * bound, "seed {seed}");
        }
    }
}
