//! The simulator: one seed, one world. Zones, links, clocks, disks, faults and clients around the very node code that
//! serves production traffic, driven by one event queue in virtual time.
//!
//! A seed becomes a `plan` (data), a `simulation` runs the plan, `oracle`s judge what the nodes do and what the clients
//! saw. Nothing here may read a clock, a file or ambient randomness while a run lasts: a run is a function of its plan.

pub mod faults;
pub mod hash;
pub mod plan;
pub mod random;
pub mod world;
