//! A small sweep of every preset: the seeds that every change is tried against first. The large ones are run by the command.

use trefoil_sim::plan::preset::Preset;
use trefoil_sim::sweep::{Sweep, sweep};

fn clean(preset: Preset, count: u64) {
    let wanted = Sweep { from: 0, count, jobs: 2, preset, bugs: Vec::new(), twice_every: 10, stop_at_failure: true };
    let summary = sweep(&wanted, |_| {});
    let first = summary.failures.first();
    assert!(
        first.is_none(),
        "cargo run --release -p trefoil-sim -- run --seed {} --preset {}\n{}",
        first.map_or(0, |failure| failure.seed),
        preset.name(),
        first.map(|failure| failure.violation.to_string()).unwrap_or_default()
    );
    // A world in which nothing succeeds would be clean too. Where tables come and go, most requests find none.
    assert!(summary.operations.1 * 4 > summary.operations.0, "{:?} operations", summary.operations);
}

#[test]
fn the_swarm_is_clean() {
    clean(Preset::Swarm, 12);
}

#[test]
fn calm_worlds_are_clean() {
    clean(Preset::Calm, 20);
}

#[test]
fn every_corner_is_clean() {
    for preset in Preset::ALL.into_iter().filter(|preset| !matches!(preset, Preset::Swarm | Preset::Calm)) {
        clean(preset, 8);
    }
}
