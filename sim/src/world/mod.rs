//! The simulated world: time, links, clocks and disks, and what one node sees of them during one step.

pub mod clock;
pub mod connections;
pub mod disk;
pub mod log_store;
pub mod network;
pub mod queue;
pub mod row_store;
pub mod surroundings;
pub mod view;
