//! Faults of links: cuts one way and both ways, zones isolated and flapping, clogs, storms. Places are nodes (bit = place
//! of the node) and the clients of each zone (bits from `CLIENT_PLACES`), so that isolating a zone leaves its clients
//! with its own nodes.

use super::{Action, TimedAction};
use crate::plan::cluster::ClusterPlan;

/// The place of the clients of zone 0; the other zones follow.
pub const CLIENT_PLACES: usize = 16;

/// How many places there are.
pub const PLACES: usize = CLIENT_PLACES + 3;

/// The place of the clients of a zone.
#[must_use]
pub fn client_place(zone: u8) -> usize {
    CLIENT_PLACES + usize::from(zone)
}

fn places_of_zone(cluster: &ClusterPlan, zone: u8) -> u32 {
    let nodes = (0..cluster.nodes()).filter(|&node| cluster.zone(node) == usize::from(zone));
    nodes.fold(1 << client_place(zone), |bits, node| bits | 1 << node)
}

fn all_places(cluster: &ClusterPlan) -> u32 {
    (0..cluster.zones).fold(0, |bits, zone| bits | places_of_zone(cluster, zone))
}

pub(super) fn zone_isolation(cluster: &ClusterPlan, at_ms: u64, zone: u8, for_ms: u64) -> Vec<TimedAction> {
    let inside = places_of_zone(cluster, zone);
    let outside = all_places(cluster) & !inside;
    cut(at_ms, inside, outside, false, for_ms)
}

pub(super) fn zone_flapping(
    cluster: &ClusterPlan,
    at_ms: u64,
    zone: u8,
    times: u32,
    cut_ms: u64,
    back_ms: u64,
) -> Vec<TimedAction> {
    let turns = (0..u64::from(times)).map(|turn| at_ms + turn * (cut_ms + back_ms));
    turns.flat_map(|at| zone_isolation(cluster, at, zone, cut_ms)).collect()
}

pub(super) fn cut(at_ms: u64, from: u32, to: u32, one_way: bool, for_ms: u64) -> Vec<TimedAction> {
    let mut actions = vec![(at_ms, Action::Block { from, to }), (at_ms + for_ms, Action::Unblock { from, to })];
    if !one_way {
        actions.push((at_ms, Action::Block { from: to, to: from }));
        actions.push((at_ms + for_ms, Action::Unblock { from: to, to: from }));
    }
    actions
}

pub(super) fn clog(at_ms: u64, from: u32, to: u32, for_ms: u64) -> Vec<TimedAction> {
    vec![(at_ms, Action::Clog { from, to }), (at_ms + for_ms, Action::Unclog { from, to })]
}

pub(super) fn storm(at_ms: u64, loss_ppm: u32, duplicate_ppm: u32, delay_ms: u64, for_ms: u64) -> Vec<TimedAction> {
    let delay_ns = delay_ms * 1_000_000;
    vec![(at_ms, Action::Storm { loss_ppm, duplicate_ppm, delay_ns }), (at_ms + for_ms, Action::Calm)]
}
