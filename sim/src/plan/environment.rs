//! What surrounds the nodes of a plan when nothing is wrong: links, disks, clocks and machines. Faults make these worse
//! for a while; see `faults`.

use serde::{Deserialize, Serialize};

/// Links between nodes and between clients and nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkPlan {
    /// One-way latency inside a zone.
    pub near_ns: u64,
    /// One-way latency between zones, by (lower zone, higher zone): (0,1), (0,2), (1,2).
    pub across_ns: [u64; 3],
    /// Mean of the exponential part of latency, in parts per thousand of the fixed part.
    pub jitter_per_mille: u64,
    /// How often a message is late by much more.
    pub tail_ppm: u32,
    /// By up to how much.
    pub tail_ns: u64,
    /// How often a message between nodes is lost.
    pub loss_ppm: u32,
    /// How often it arrives twice.
    pub duplicate_ppm: u32,
    /// Whether messages between two nodes arrive in the order they were sent in, as over one TCP connection.
    pub ordered: bool,
}

/// Both stores of every node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiskPlan {
    /// Fixed part of a sync of the log store.
    pub log_sync_ns: u64,
    /// Fixed part of a sync of the row store.
    pub rows_sync_ns: u64,
    /// Mean of the exponential part, in parts per thousand of the fixed part.
    pub jitter_per_mille: u64,
    /// How often a sync takes much longer by itself.
    pub tail_ppm: u32,
    /// By up to how much.
    pub tail_ns: u64,
    /// Whether every ticket is reported, or only the last of those that became durable together.
    pub report_every_ticket: bool,
}

/// The clocks of one node at the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockPlan {
    /// What its wall clock is wrong by, in microseconds.
    pub wall_offset_us: i64,
    /// How fast that error grows, in parts per million.
    pub wall_drift_ppm: i32,
    /// How wrong the rate of its monotonic clock is, in parts per million. Two nodes together stay within the bound that
    /// `Tuning::clock_drift_ppm` states.
    pub monotonic_drift_ppm: i32,
}

/// How nodes work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachinePlan {
    /// What an input costs; while a node works, its inbox fills.
    pub step_cost_ns: u64,
    /// How many inputs a node takes from its inbox before it settles.
    pub inputs_per_settle_max: u32,
    /// Messages that wait for a node before more are dropped.
    pub inbox_messages_max: u32,
    /// Whether every message goes through its encoding, as between processes.
    pub encode_messages: bool,
    /// Whether fault points in the code fire.
    pub buggify: bool,
}
