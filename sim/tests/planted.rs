//! Proof that the oracles can fail: every planted bug that the node makes on request breaks one of its promises within the seeds of
//! its net (`planted::NETS`, the one table), at a seed that is clean without it. `trefoil-sim bugs` does the same from the command line.

use trefoil_core::bugs::PlantedBug;
use trefoil_sim::planted::{Find, NETS, Net, find};

#[test]
fn every_planted_bug_is_caught_within_its_seeds() {
    let missed: Vec<String> = NETS
        .iter()
        .map(|net| (net, find(net, 2)))
        .filter(|(_, found)| !matches!(found, Find::Caught(_)))
        .map(|(net, found)| format!("{:?} in {} seeds of {}: {found:?}", net.bug, net.seeds, net.preset.name()))
        .collect();
    assert!(missed.is_empty(), "missed: {}", missed.join("; "));
}

#[test]
fn a_broken_promise_that_the_bug_has_nothing_to_do_with_is_no_catch() {
    let torn = NETS.iter().find(|net| net.bug == PlantedBug::BatchTorn).expect("it has a net");
    let net = Net { promises: &["ELECTION-SAFETY"], ..*torn };
    assert!(matches!(find(&net, 2), Find::Missed(others) if !others.is_empty()));
}
