//! Faults of disks: stalls, slowness, no space, errors of the device, values and logs that go bad. Their effects are in
//! `world::disk`; what destroys something is limited in `budget`.

use super::{Action, TimedAction};
use crate::world::disk::Store;
use crate::world::row_store::Rot;

pub(super) fn stall(at_ms: u64, node: u8, for_ms: u64) -> Vec<TimedAction> {
    vec![(at_ms, Action::StallDisk(usize::from(node))), (at_ms + for_ms, Action::UnstallDisk(usize::from(node)))]
}

pub(super) fn slow(at_ms: u64, node: u8, factor: u32, for_ms: u64) -> Vec<TimedAction> {
    let node = usize::from(node);
    vec![(at_ms, Action::SlowDisk { node, factor }), (at_ms + for_ms, Action::SlowDisk { node, factor: 1 })]
}

pub(super) fn full(at_ms: u64, node: u8, log_ppm: u32, rows_ppm: u32, for_ms: u64) -> Vec<TimedAction> {
    let node = usize::from(node);
    vec![
        (at_ms, Action::FillDisk { node, log_ppm, rows_ppm }),
        (at_ms + for_ms, Action::FillDisk { node, log_ppm: 0, rows_ppm: 0 }),
    ]
}

/// Somebody notices, and starts the node again.
pub(super) fn broken(at_ms: u64, node: u8, store: Store, for_ms: u64, down_ms: u64) -> Vec<TimedAction> {
    let node = usize::from(node);
    let noticed = at_ms + for_ms;
    vec![
        (at_ms, Action::BreakDisk { node, store }),
        (noticed, Action::Kill { node, after_effects: 0, silent: false }),
        (noticed + down_ms, Action::Start(node)),
    ]
}

pub(super) fn rot_rows(at_ms: u64, node: u8, kind: Rot) -> Vec<TimedAction> {
    vec![(at_ms, Action::RotRows { node: usize::from(node), kind })]
}

pub(super) fn rot_log(at_ms: u64, node: u8, down_ms: u64) -> Vec<TimedAction> {
    let node = usize::from(node);
    vec![
        (at_ms, Action::Kill { node, after_effects: 0, silent: false }),
        (at_ms, Action::RotLog(node)),
        (at_ms + down_ms, Action::Start(node)),
    ]
}
