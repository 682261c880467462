//! The fault model: what goes wrong in a simulated world, what never does, and why.
//!
//! **Machines.** A node may stop at any moment, also between two effects of one step: what it had sent is on its way,
//! what it had submitted and not synced is lost in order (a prefix of the submitted batches survives, see `world::disk`),
//! everything in memory is gone. It may lose its power together with its zone, stop gracefully, or stand still while its
//! clock runs on (a long pause: leases lapse, its inbox fills). A node may be wiped: it comes back with empty stores under
//! its old name, which only happens while nothing depends on what it knew (`budget`).
//! **Links.** Messages between nodes may be lost, doubled, late, out of order; never altered, because the peer frame has a
//! checksum. Links are cut one way or both ways between any two groups of places, whole zones included, or clogged: what
//! is sent stays on its way until the clog is gone. Client connections are TCP: in order, stalled by a cut, late after
//! it heals, reset when a node dies.
//! **Clocks.** Wall clocks are off, drift, jump either way, swing, and stand still, by more than the cluster tolerates if the
//! plan says so. Monotonic clocks never go back and never drift apart by more than `Tuning::clock_drift_ppm`: leases
//! rest on that, and a world that breaks it proves nothing.
//! **Disks.** Syncs are slow or stall. Next: full, failing, rotten, misdirected, forgetful disks; their place is
//! `world::disk`, their budget is one damaged replica of a shard at a time.
//! **Not modelled.** Nodes that lie, messages altered on the way, more power cuts than the disk has synced through.
//!
//! A fault in the schedule is a story with a beginning and an end; `Fault::actions` turns it into single actions. When the
//! schedule ends everything is healed, and from then on the cluster must converge and serve (`oracle::liveness`).

pub mod budget;
mod clocks;
mod disks;
pub mod links;
mod machines;

use crate::plan::cluster::ClusterPlan;
use crate::world::disk::Store;
use crate::world::row_store::Rot;
use serde::{Deserialize, Serialize};

/// A fault and when it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedFault {
    /// Virtual milliseconds since the workload began.
    pub at_ms: u64,
    /// What happens.
    pub fault: Fault,
}

/// Something that goes wrong for a while. Nodes and zones are named by their place, from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// A zone loses its power; its nodes return one after the other.
    ZonePower {
        /// Which.
        zone: u8,
        /// How long it is dark.
        down_ms: u64,
        /// Between the return of one node and the next.
        stagger_ms: u64,
    },
    /// A zone is cut off, clients in it included.
    ZoneIsolation {
        /// Which.
        zone: u8,
        /// How long.
        for_ms: u64,
    },
    /// A zone is cut off and comes back, again and again.
    ZoneFlapping {
        /// Which.
        zone: u8,
        /// How often.
        times: u32,
        /// How long it is cut off each time.
        cut_ms: u64,
        /// How long it is back each time.
        back_ms: u64,
    },
    /// A node dies.
    Crash {
        /// Which.
        node: u8,
        /// After so many more of its effects; 0: between two steps.
        after_effects: u32,
        /// How long it is gone.
        down_ms: u64,
    },
    /// A node is asked to stop, stops when it is drained, and returns.
    Restart {
        /// Which.
        node: u8,
        /// How long it is gone at most, its draining included.
        down_ms: u64,
    },
    /// A node stands still; its clock runs on.
    Pause {
        /// Which.
        node: u8,
        /// How long.
        for_ms: u64,
    },
    /// A node dies and comes back with empty stores, if the budget allows it at that moment.
    Wipe {
        /// Which.
        node: u8,
        /// How long it is gone.
        down_ms: u64,
    },
    /// Nothing gets from some nodes to others.
    Cut {
        /// Nodes on one side, a bit each.
        from: u32,
        /// Nodes on the other side, a bit each.
        to: u32,
        /// Only in that direction.
        one_way: bool,
        /// How long.
        for_ms: u64,
    },
    /// What is sent between some nodes stays on its way until the end, then arrives in a rush.
    Clog {
        /// Nodes on one side, a bit each.
        from: u32,
        /// Nodes on the other side, a bit each.
        to: u32,
        /// How long.
        for_ms: u64,
    },
    /// All links are bad.
    Storm {
        /// Additional loss.
        loss_ppm: u32,
        /// Additional duplication.
        duplicate_ppm: u32,
        /// Additional mean latency.
        delay_ms: u64,
        /// How long.
        for_ms: u64,
    },
    /// A wall clock jumps.
    WallStep {
        /// Whose.
        node: u8,
        /// By how much, either way.
        by_us: i64,
    },
    /// A wall clock swings between right and wrong.
    WallStrobe {
        /// Whose.
        node: u8,
        /// How far.
        by_us: i64,
        /// How long it stays on either side.
        period_ms: u64,
        /// How often it swings there and back.
        times: u32,
    },
    /// A wall clock stands still.
    WallFreeze {
        /// Whose.
        node: u8,
        /// How long.
        for_ms: u64,
    },
    /// A monotonic clock changes its rate, within the bound.
    Drift {
        /// Whose.
        node: u8,
        /// To what.
        ppm: i32,
    },
    /// Syncs of a node do not return.
    DiskStall {
        /// Whose.
        node: u8,
        /// How long.
        for_ms: u64,
    },
    /// Syncs of a node are slower.
    DiskSlow {
        /// Whose.
        node: u8,
        /// How many times slower.
        factor: u32,
        /// How long.
        for_ms: u64,
    },
    /// A node's disk has no space left.
    DiskFull {
        /// Whose.
        node: u8,
        /// Of a million batches of the log, so many do not fit.
        log_ppm: u32,
        /// Of a million batches of rows.
        rows_ppm: u32,
        /// How long.
        for_ms: u64,
    },
    /// A node's disk fails, until the node is started again.
    DiskBroken {
        /// Whose.
        node: u8,
        /// What of it.
        store: Store,
        /// How long nobody notices.
        for_ms: u64,
        /// How long the node is down then.
        down_ms: u64,
    },
    /// A stored value goes bad, if the shard can do without.
    RotRows {
        /// Whose.
        node: u8,
        /// In which way.
        kind: Rot,
    },
    /// The log of a shard goes bad while the node is down, if the shard can do without.
    RotLog {
        /// Whose.
        node: u8,
        /// How long it is down.
        down_ms: u64,
    },
}

/// A single change of the world. Those that have a contrary are counted, so that faults may overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Kill a node; it stays down until as many `Start` as `Kill` and `Stop` have come.
    Kill {
        /// Its place.
        node: usize,
        /// After so many more effects.
        after_effects: u32,
        /// Whether its peers and clients see a reset, or nothing at all (power cut).
        silent: bool,
    },
    /// Ask a node to stop; it is killed when drained.
    Stop(usize),
    /// The contrary of `Kill` and `Stop`.
    Start(usize),
    /// Empty the stores of a node that is down.
    Wipe(usize),
    /// A node stands still.
    Pause(usize),
    /// It goes on.
    Resume(usize),
    /// Nothing gets from these places to those (bits; see `links::client_place`).
    Block {
        /// Bits of places.
        from: u32,
        /// Bits of places.
        to: u32,
    },
    /// The contrary.
    Unblock {
        /// Bits of places.
        from: u32,
        /// Bits of places.
        to: u32,
    },
    /// What is sent from here to there waits.
    Clog {
        /// Bits of places.
        from: u32,
        /// Bits of places.
        to: u32,
    },
    /// The contrary.
    Unclog {
        /// Bits of places.
        from: u32,
        /// Bits of places.
        to: u32,
    },
    /// All links become worse by this.
    Storm {
        /// Loss.
        loss_ppm: u32,
        /// Duplication.
        duplicate_ppm: u32,
        /// Latency.
        delay_ns: u64,
    },
    /// All links are as planned again.
    Calm,
    /// A wall clock jumps.
    StepWall {
        /// Whose.
        node: usize,
        /// By how much.
        by_us: i64,
    },
    /// A wall clock stands still.
    FreezeWall(usize),
    /// It goes on where it stands.
    ThawWall(usize),
    /// A monotonic clock changes its rate.
    SetDrift {
        /// Whose.
        node: usize,
        /// To what.
        ppm: i32,
    },
    /// Syncs do not return.
    StallDisk(usize),
    /// The contrary.
    UnstallDisk(usize),
    /// Syncs take this many times as long.
    SlowDisk {
        /// Whose.
        node: usize,
        /// How many times.
        factor: u32,
    },
    /// Of a million batches so many do not fit from now on.
    FillDisk {
        /// Whose.
        node: usize,
        /// Of the log.
        log_ppm: u32,
        /// Of the rows.
        rows_ppm: u32,
    },
    /// A store takes nothing more in this life of the node.
    BreakDisk {
        /// Whose.
        node: usize,
        /// Which.
        store: Store,
    },
    /// A stored value goes bad, if that may be.
    RotRows {
        /// Whose.
        node: usize,
        /// In which way.
        kind: Rot,
    },
    /// A log of a node that is down goes bad, if that may be.
    RotLog(usize),
}

/// An action and when it happens; virtual milliseconds since the workload began.
pub type TimedAction = (u64, Action);

impl Fault {
    /// The single actions of this fault when it begins at `at_ms`.
    #[must_use]
    pub fn actions(&self, at_ms: u64, cluster: &ClusterPlan) -> Vec<TimedAction> {
        match *self {
            Fault::ZonePower { zone, down_ms, stagger_ms } => {
                machines::zone_power(cluster, at_ms, zone, down_ms, stagger_ms)
            }
            Fault::Crash { node, after_effects, down_ms } => machines::crash(at_ms, node, after_effects, down_ms),
            Fault::Restart { node, down_ms } => machines::restart(at_ms, node, down_ms),
            Fault::Pause { node, for_ms } => machines::pause(at_ms, node, for_ms),
            Fault::Wipe { node, down_ms } => machines::wipe(at_ms, node, down_ms),
            Fault::ZoneIsolation { zone, for_ms } => links::zone_isolation(cluster, at_ms, zone, for_ms),
            Fault::ZoneFlapping { zone, times, cut_ms, back_ms } => {
                links::zone_flapping(cluster, at_ms, zone, times, cut_ms, back_ms)
            }
            Fault::Cut { from, to, one_way, for_ms } => links::cut(at_ms, from, to, one_way, for_ms),
            Fault::Clog { from, to, for_ms } => links::clog(at_ms, from, to, for_ms),
            Fault::Storm { loss_ppm, duplicate_ppm, delay_ms, for_ms } => {
                links::storm(at_ms, loss_ppm, duplicate_ppm, delay_ms, for_ms)
            }
            Fault::WallStep { node, by_us } => clocks::wall_step(at_ms, node, by_us),
            Fault::WallStrobe { node, by_us, period_ms, times } => {
                clocks::wall_strobe(at_ms, node, by_us, period_ms, times)
            }
            Fault::WallFreeze { node, for_ms } => clocks::wall_freeze(at_ms, node, for_ms),
            Fault::Drift { node, ppm } => clocks::drift(at_ms, node, ppm),
            Fault::DiskStall { node, for_ms } => disks::stall(at_ms, node, for_ms),
            Fault::DiskSlow { node, factor, for_ms } => disks::slow(at_ms, node, factor, for_ms),
            Fault::DiskFull { node, log_ppm, rows_ppm, for_ms } => disks::full(at_ms, node, log_ppm, rows_ppm, for_ms),
            Fault::DiskBroken { node, store, for_ms, down_ms } => disks::broken(at_ms, node, store, for_ms, down_ms),
            Fault::RotRows { node, kind } => disks::rot_rows(at_ms, node, kind),
            Fault::RotLog { node, down_ms } => disks::rot_log(at_ms, node, down_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::plan::preset::Preset;

    /// Whatever begins also ends: counted actions come in pairs, and no fault outlives the schedule.
    #[test]
    fn every_fault_ends_before_the_schedule_does() {
        for seed in 0..300 {
            let plan = Plan::from_seed(seed, Preset::Swarm, &[]);
            for fault in &plan.faults {
                let actions = fault.fault.actions(fault.at_ms, &plan.cluster);
                let count = |wanted: fn(&Action) -> bool| actions.iter().filter(|(_, action)| wanted(action)).count();
                assert!(actions.iter().all(|(at, _)| *at <= plan.faults_end_ms), "seed {seed}: {fault:?}");
                let down = count(|action| matches!(action, Action::Kill { .. } | Action::Stop(_)));
                assert_eq!(down, count(|action| matches!(action, Action::Start(_))), "{fault:?}");
                let pairs: [(fn(&Action) -> bool, fn(&Action) -> bool); 4] = [
                    (|a| matches!(a, Action::Block { .. }), |a| matches!(a, Action::Unblock { .. })),
                    (|a| matches!(a, Action::Clog { .. }), |a| matches!(a, Action::Unclog { .. })),
                    (|a| matches!(a, Action::Pause(_)), |a| matches!(a, Action::Resume(_))),
                    (|a| matches!(a, Action::StallDisk(_)), |a| matches!(a, Action::UnstallDisk(_))),
                ];
                for (begin, end) in pairs {
                    assert_eq!(count(begin), count(end), "{fault:?}");
                }
            }
        }
    }
}
