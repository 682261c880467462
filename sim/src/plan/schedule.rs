//! The fault schedule of a plan: which faults, when, how long. Durations are drawn around the election timeout, because that
//! is where behaviour changes: shorter than a lease, longer than an election, longer than a request.

use super::cluster::ClusterPlan;
use super::draw::{drift_max_ppm, signed};
use super::preset::{FaultKind, Shape};
use crate::faults::{Fault, TimedFault};
use crate::random::{MILLION, Stream};
use crate::world::disk::Store;
use crate::world::row_store::Rot;

/// Draw the faults of a run whose programs last about `workload_ms`.
#[must_use]
pub fn draw(stream: &mut Stream, shape: &Shape, cluster: &ClusterPlan, workload_ms: u64) -> Vec<TimedFault> {
    if let Some(drill) = shape.drill {
        return super::drill::draw(drill, stream, cluster, workload_ms);
    }
    let kinds: Vec<FaultKind> =
        shape.faults.iter().copied().filter(|_| !shape.swarm || stream.chance(500_000)).collect();
    if kinds.is_empty() {
        return Vec::new();
    }
    let count = stream.between(if shape.swarm { 0 } else { shape.faults_max / 3 }, shape.faults_max);
    let mut faults: Vec<TimedFault> = (0..count)
        .map(|_| {
            let kind = *stream.pick(&kinds);
            TimedFault { at_ms: stream.between(0, workload_ms), fault: fault(stream, kind, shape, cluster) }
        })
        .collect();
    faults.sort_by_key(|fault| fault.at_ms);
    faults
}

/// When the last fault is over.
#[must_use]
pub fn end_ms(faults: &[TimedFault], cluster: &ClusterPlan) -> u64 {
    let actions = faults.iter().flat_map(|fault| fault.fault.actions(fault.at_ms, cluster));
    actions.map(|(at, _)| at).max().unwrap_or(0)
}

/// A group of nodes and all the others: one node, a zone, or any minority or majority.
fn two_sides(stream: &mut Stream, cluster: &ClusterPlan) -> (u32, u32) {
    let nodes = cluster.nodes() as u64;
    let all = (1u32 << nodes) - 1;
    let one = 1u32 << stream.below(nodes);
    let side = match stream.below(4) {
        0 | 1 => one,
        2 => {
            let zone = stream.below(u64::from(cluster.zones)) as usize;
            (0..cluster.nodes()).filter(|&node| cluster.zone(node) == zone).fold(0, |bits, node| bits | 1 << node)
        }
        _ => (stream.below(u64::from(all)) as u32 & all) | one,
    };
    // A bridge: one link only, the rest of the world stays connected.
    if stream.one_in(4) {
        return (one, 1 << stream.below(nodes));
    }
    (side, all & !side)
}

fn fault(stream: &mut Stream, kind: FaultKind, shape: &Shape, cluster: &ClusterPlan) -> Fault {
    let election_ms = cluster.tuning.election_timeout.as_millis() as u64;
    let skew_us = cluster.tuning.max_clock_skew.as_micros() as i64;
    let zone = stream.below(u64::from(cluster.zones)) as u8;
    let node = stream.below(cluster.nodes() as u64) as u8;
    let for_ms = stream.magnitude((election_ms / 4).max(1), election_ms * 8);
    match kind {
        FaultKind::ZonePower => Fault::ZonePower { zone, down_ms: for_ms, stagger_ms: stream.below(election_ms * 2) },
        FaultKind::ZoneIsolation => Fault::ZoneIsolation { zone, for_ms },
        FaultKind::ZoneFlapping => Fault::ZoneFlapping {
            zone,
            times: stream.between(2, 6) as u32,
            cut_ms: stream.magnitude(election_ms / 4 + 1, election_ms * 2),
            back_ms: stream.magnitude(election_ms / 4 + 1, election_ms * 2),
        },
        FaultKind::Crash => {
            let after_effects = if stream.one_in(3) { 0 } else { stream.below(12) as u32 };
            // Many crashes are short: back before anybody has noticed.
            let down_ms = if stream.one_in(2) { stream.between(1, election_ms) } else { for_ms };
            Fault::Crash { node, after_effects, down_ms }
        }
        FaultKind::Restart => Fault::Restart { node, down_ms: election_ms + for_ms },
        FaultKind::Pause => Fault::Pause { node, for_ms },
        FaultKind::Wipe => Fault::Wipe { node, down_ms: for_ms },
        FaultKind::Cut | FaultKind::CutOneWay => {
            let (from, to) = two_sides(stream, cluster);
            let (from, to) = if stream.one_in(2) { (from, to) } else { (to, from) };
            Fault::Cut { from, to, one_way: kind == FaultKind::CutOneWay, for_ms }
        }
        FaultKind::Clog => {
            let (from, to) = two_sides(stream, cluster);
            Fault::Clog { from, to, for_ms }
        }
        FaultKind::Storm => Fault::Storm {
            loss_ppm: stream.magnitude(1_000, 300_000) as u32,
            duplicate_ppm: stream.magnitude(1_000, 200_000) as u32,
            delay_ms: stream.magnitude(1, election_ms),
            for_ms,
        },
        FaultKind::WallStep => Fault::WallStep { node, by_us: wall_error_us(stream, shape, skew_us) },
        FaultKind::WallStrobe => Fault::WallStrobe {
            node,
            by_us: wall_error_us(stream, shape, skew_us),
            period_ms: stream.magnitude(2, 1_000),
            times: stream.between(2, 20) as u32,
        },
        FaultKind::WallFreeze => Fault::WallFreeze { node, for_ms },
        FaultKind::Drift => {
            let most = drift_max_ppm(cluster);
            Fault::Drift { node, ppm: if stream.one_in(2) { signed(stream, most) as i32 } else { most as i32 } }
        }
        FaultKind::DiskStall => Fault::DiskStall { node, for_ms },
        FaultKind::DiskSlow => Fault::DiskSlow { node, factor: stream.magnitude(2, 50) as u32, for_ms },
        FaultKind::DiskFull => {
            // Nothing fits, or what is small does; one file system or two.
            let ppm = if stream.one_in(2) { MILLION } else { stream.between(100_000, 900_000) as u32 };
            let (log_ppm, rows_ppm) = *stream.pick(&[(ppm, ppm), (ppm, 0), (0, ppm)]);
            Fault::DiskFull { node, log_ppm, rows_ppm, for_ms: for_ms.max(election_ms) }
        }
        FaultKind::DiskBroken => {
            let store = *stream.pick(&[Store::Log, Store::Rows]);
            Fault::DiskBroken { node, store, for_ms, down_ms: stream.between(1, election_ms) }
        }
        FaultKind::RotRows => {
            Fault::RotRows { node, kind: *stream.pick(&[Rot::Flipped, Rot::Flipped, Rot::CutShort, Rot::Misdirected]) }
        }
        FaultKind::RotLog => Fault::RotLog { node, down_ms: stream.between(1, election_ms * 2) },
    }
}

/// Usually less than the cluster tolerates, sometimes much more.
fn wall_error_us(stream: &mut Stream, shape: &Shape, skew_us: i64) -> i64 {
    let far = shape.wild_wall_clocks || stream.one_in(5);
    signed(stream, if far { 100 * skew_us } else { skew_us / 2 })
}
