//! Proof that the oracles can fail: every planted bug that the node makes on request falls within the seeds of its net
//! (`planted::NETS`, the one table). `trefoil-sim bugs` does the same from the command line.

use trefoil_sim::planted::{NETS, find};

#[test]
fn every_planted_bug_is_caught_within_its_seeds() {
    let missed: Vec<String> = NETS
        .iter()
        .filter(|net| find(net, 2).is_none())
        .map(|net| format!("{:?} in {} seeds of {}", net.bug, net.seeds, net.preset.name()))
        .collect();
    assert!(missed.is_empty(), "missed: {}", missed.join("; "));
}
