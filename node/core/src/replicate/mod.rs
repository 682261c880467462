//! A shard's replica: raft decides the order, `apply` turns entries into rows, `flush` makes rows durable, `snapshot` brings a
//! replica back that was away for too long.
//!
//! A replica never acknowledges what is not committed, applies every entry once and in order, and shows rows of one log
//! index only. What it did comes back as an `Output` for the node to carry out.

mod apply;
mod batch;
pub mod deduplication;
mod environment;
mod flush;
mod housekeeping;
mod replica;
mod retire;
mod snapshot;
pub mod state;

pub use environment::RaftEnvironment;
pub use replica::{Health, Output, ReadAnswer, Replica, ReplicaEvent, ReplicaStatus};
