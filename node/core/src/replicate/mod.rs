//! A shard's replica: `start` makes it from what the stores hold, raft decides the order, `apply` turns entries into rows, `flush`
//! makes rows durable, `snapshot` brings a replica back that was away for too long, `rebuild` one that found damage.
//!
//! A replica never acknowledges what is not committed, applies every entry once and in order, and shows rows of one log
//! index only. What it did comes back as an `Output` for the node to carry out.

mod apply;
mod batch;
pub mod deduplication;
mod environment;
mod flush;
mod housekeeping;
mod output;
mod rebuild;
mod replica;
mod retire;
mod snapshot;
mod start;
pub mod state;
mod status;

pub use environment::RaftEnvironment;
pub use output::{Output, ReadAnswer, ReplicaEvent};
pub use rebuild::Health;
pub use replica::Replica;
pub use status::ReplicaStatus;
