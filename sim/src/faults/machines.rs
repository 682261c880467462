//! Faults of machines: crash, power cut of a zone, graceful restart, pause, wipe. Each begins with the loss and ends with
//! the return; what a crash leaves on disk is decided in `world::disk`, whether a wipe may happen in `budget`.

use super::{Action, TimedAction};
use crate::plan::cluster::ClusterPlan;

pub(super) fn zone_power(
    cluster: &ClusterPlan,
    at_ms: u64,
    zone: u8,
    down_ms: u64,
    stagger_ms: u64,
) -> Vec<TimedAction> {
    let nodes = (0..cluster.nodes()).filter(|&node| cluster.zone(node) == usize::from(zone));
    nodes
        .enumerate()
        .flat_map(|(turn, node)| {
            let back = at_ms + down_ms + stagger_ms * turn as u64;
            [(at_ms, Action::Kill { node, after_effects: 0, silent: true }), (back, Action::Start(node))]
        })
        .collect()
}

pub(super) fn crash(at_ms: u64, node: u8, after_effects: u32, down_ms: u64) -> Vec<TimedAction> {
    let node = usize::from(node);
    vec![(at_ms, Action::Kill { node, after_effects, silent: false }), (at_ms + down_ms, Action::Start(node))]
}

pub(super) fn restart(at_ms: u64, node: u8, down_ms: u64) -> Vec<TimedAction> {
    vec![(at_ms, Action::Stop(usize::from(node))), (at_ms + down_ms, Action::Start(usize::from(node)))]
}

pub(super) fn pause(at_ms: u64, node: u8, for_ms: u64) -> Vec<TimedAction> {
    vec![(at_ms, Action::Pause(usize::from(node))), (at_ms + for_ms, Action::Resume(usize::from(node)))]
}

pub(super) fn wipe(at_ms: u64, node: u8, down_ms: u64) -> Vec<TimedAction> {
    let node = usize::from(node);
    vec![
        (at_ms, Action::Kill { node, after_effects: 0, silent: false }),
        (at_ms, Action::Wipe(node)),
        (at_ms + down_ms, Action::Start(node)),
    ]
}
