//! A run is a function of its plan: twice the same, whoever runs beside it, and the same in debug and in release builds.

use trefoil_sim::plan::Plan;
use trefoil_sim::plan::preset::Preset;
use trefoil_sim::simulation::{Keep, run};
use trefoil_sim::{determinism, guard, shrink};

#[test]
fn two_runs_of_a_seed_pass_through_the_same_states() {
    for preset in [Preset::Swarm, Preset::Storage, Preset::Clocks] {
        for seed in 100..104 {
            let plan = Plan::from_seed(seed, preset, &[]);
            if let Err(divergence) = determinism::run_twice(&plan) {
                panic!("seed {seed} of {}: {divergence}", preset.name());
            }
        }
    }
}

#[test]
fn a_record_changes_nothing() {
    let plan = Plan::from_seed(7, Preset::Swarm, &[]);
    let plain = run(&plan, Keep::default());
    let recorded = run(&plan, Keep { record: 1_000, trail: true });
    assert_eq!((plain.hash, plain.events), (recorded.hash, recorded.events));
}

#[test]
fn two_seeds_are_two_runs() {
    let hash = |seed| run(&Plan::from_seed(seed, Preset::Calm, &[]), Keep::default()).hash;
    assert_ne!(hash(1), hash(2));
}

/// A failure stays what it is while everything around it is left out.
#[test]
fn a_failing_plan_shrinks_to_one_that_fails_alike() {
    let bug = trefoil_core::bugs::PlantedBug::BatchTorn;
    let failing = (0..40).map(|seed| Plan::from_seed(seed, Preset::Paging, &[bug])).find_map(|plan| {
        let violation = guard::run(&plan, Keep::default()).violation?;
        Some((plan, violation))
    });
    let (plan, violation) = failing.expect("torn batches are found within forty seeds");
    let shrunk = shrink::shrink(&plan, 120).expect("the plan fails");
    assert_eq!(shrunk.violation.promise, violation.promise);
    assert!(shrunk.plan.steps() * 2 < plan.steps(), "{} of {} steps", shrunk.plan.steps(), plan.steps());
}
