//! The simulator: one seed, one world. Zones, links, clocks, disks, faults and clients around the very node code that
//! serves production traffic, driven by one event queue in virtual time.
//!
//! A seed becomes a `plan` (data), a `simulation` runs the plan, `oracle`s judge what the nodes do and what the clients
//! saw. Nothing here may read a clock, a file or ambient randomness while a run lasts: a run is a function of its plan.

pub mod client;
pub mod determinism;
pub mod diagram;
pub mod faults;
pub mod guard;
pub mod hash;
pub mod language;
pub mod marks;
pub mod oracle;
pub mod plan;
pub mod planted;
pub mod random;
pub mod record;
pub mod shrink;
pub mod simulation;
pub mod sweep;
pub mod world;
