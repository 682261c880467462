//! Faults of disks: stalls and slowness. Full, failing and rotten disks will be further faults here, with their effects in
//! `world::disk` and their limit (one damaged replica of a shard at a time) in `budget`.

use super::{Action, TimedAction};

pub(super) fn stall(at_ms: u64, node: u8, for_ms: u64) -> Vec<TimedAction> {
    vec![(at_ms, Action::StallDisk(usize::from(node))), (at_ms + for_ms, Action::UnstallDisk(usize::from(node)))]
}

pub(super) fn slow(at_ms: u64, node: u8, factor: u32, for_ms: u64) -> Vec<TimedAction> {
    let node = usize::from(node);
    vec![(at_ms, Action::SlowDisk { node, factor }), (at_ms + for_ms, Action::SlowDisk { node, factor: 1 })]
}
