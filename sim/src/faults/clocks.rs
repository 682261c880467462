//! Faults of clocks. Wall clocks may do anything; monotonic clocks only change their rate within the bound that leases
//! rest on, which the schedule keeps and `world::clock` checks.

use super::{Action, TimedAction};

pub(super) fn wall_step(at_ms: u64, node: u8, by_us: i64) -> Vec<TimedAction> {
    vec![(at_ms, Action::StepWall { node: usize::from(node), by_us })]
}

pub(super) fn wall_strobe(at_ms: u64, node: u8, by_us: i64, period_ms: u64, times: u32) -> Vec<TimedAction> {
    let node = usize::from(node);
    (0..u64::from(times))
        .flat_map(|turn| {
            let there = at_ms + turn * 2 * period_ms;
            [
                (there, Action::StepWall { node, by_us }),
                (there + period_ms, Action::StepWall { node, by_us: by_us.saturating_neg() }),
            ]
        })
        .collect()
}

pub(super) fn wall_freeze(at_ms: u64, node: u8, for_ms: u64) -> Vec<TimedAction> {
    vec![(at_ms, Action::FreezeWall(usize::from(node))), (at_ms + for_ms, Action::ThawWall(usize::from(node)))]
}

pub(super) fn drift(at_ms: u64, node: u8, ppm: i32) -> Vec<TimedAction> {
    vec![(at_ms, Action::SetDrift { node: usize::from(node), ppm })]
}
