//! Thousands of short lives of a cluster, each from a seed: messages lost, doubled, delayed and out of order; crashes that lose
//! what was not durable; disks that are slow, fail or are replaced; clocks that run apart as far as allowed; handovers. After
//! every event the oracle looks. Then the faults end, and everything must converge. Planted bugs show that the oracle can fail.

mod convergence;
mod faults;
mod weather;
mod world;

use crate::oracle::{Violation, no_bugs};
use crate::replica::Wire;
use std::collections::BTreeSet;
use trefoil_core::bugs::PlantedBug;
use trefoil_core::raft::RaftMessage;
use weather::MILLISECOND;
use world::{Event, Stats, World};

fn run(seed: u64, bugs: BTreeSet<PlantedBug>) -> Result<Stats, Violation> {
    let mut world = World::new(seed, bugs);
    world.run_until(8_000 * MILLISECOND)?;
    world.converge()?;
    Ok(world.stats)
}

fn seeds() -> u64 {
    std::env::var("TREFOIL_RAFT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(300)
}

#[test]
fn every_seed_is_safe_and_converges() {
    let mut total = Stats::default();
    for seed in 0..seeds() {
        let stats = run(seed, no_bugs()).unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
        total.events += stats.events;
        total.committed += stats.committed;
        total.leaders += stats.leaders;
        total.reads += stats.reads;
        total.lease_reads += stats.lease_reads;
        total.snapshots += stats.snapshots;
        total.rebuilds += stats.rebuilds;
        total.quiescent += stats.quiescent;
    }
    println!("{total:?}");
    for (what, count) in [
        ("committed", total.committed),
        ("elections", total.leaders),
        ("reads by a round", total.reads),
        ("reads under a lease", total.lease_reads),
        ("snapshots", total.snapshots),
        ("rebuilds", total.rebuilds),
        ("quiescence", total.quiescent),
    ] {
        assert!(count > 0, "no seed has seen any {what}");
    }
}

#[test]
fn a_seed_runs_the_same_way_twice() {
    for seed in [3, 14, 15] {
        assert_eq!(run(seed, no_bugs()), run(seed, no_bugs()), "seed {seed}");
    }
}

/// Within how many seeds a planted bug is caught, and by what.
fn caught(bug: PlantedBug, within: u64) {
    let found = (0..within).find_map(|seed| run(seed, BTreeSet::from([bug])).err().map(|violation| (seed, violation)));
    let (seed, violation) = found.unwrap_or_else(|| panic!("{bug:?} was not caught in {within} seeds"));
    println!("{bug:?}: seed {seed}: {violation}");
}

macro_rules! planted {
    ($($name:ident: $bug:ident within $seeds:literal;)*) => {
        $(#[test]
        fn $name() {
            caught(PlantedBug::$bug, $seeds);
        })*
    };
}

// `VoteNotPersisted` and `CommitOldTermByCounting` need more coincidences than chance provides; `trefoil-model` finds them.
planted! {
    a_lease_not_shortened_for_drift_is_caught: LeaseNotShortenedForDrift within 300;
    an_acknowledgement_before_durability_is_caught: AcknowledgeBeforeDurable within 1500;
    a_leader_that_counts_itself_early_is_caught: LeaderCountsUndurable within 100;
    a_lease_forgotten_by_restart_is_caught: RestartForgetsLease within 100;
    a_conflicting_suffix_kept_is_caught: ConflictingSuffixKept within 100;
    a_read_from_a_deposed_leader_is_caught: ReadFromDeposedLeader within 200;
    a_read_before_the_own_term_is_committed_is_caught: ReadBeforeOwnTermCommitted within 100;
    a_lease_kept_after_a_handover_is_caught: TransferKeepsLease within 1000;
}

/// Messages stay small enough to travel: what one append carries is bounded.
#[test]
fn an_append_is_bounded() {
    let mut world = World::new(1, no_bugs());
    world.faults = false;
    for _ in 0..20_000 {
        let Some(entry) = world.queue.first_entry() else { break };
        world.now = entry.key().0;
        let event = entry.remove();
        if let Event::Deliver { wire: Wire::Raft(RaftMessage::Append(append)), .. } = &event {
            let bytes: usize = append.entries.iter().map(|entry| entry.payload.len()).sum();
            let bound = world.replicas[0].config.append_message_bytes;
            assert!(append.entries.len() <= 1 || bytes as u64 <= bound, "{bytes} bytes in one append");
        }
        world.happen(event).expect("nothing goes wrong in good weather");
    }
}
