//! The shell around nodes: threads, sockets, clocks, channels. It decides nothing.
//!
//! One thread per node carries the node, its listeners and its connections, so a request is read, stepped and answered
//! without a thread switch; only commits (`store::Writer`) and messages from other nodes come from elsewhere, through
//! the `inbox`. Work is taken in batches: read all that is there, step it all, settle once, write each socket once.
//! When the thread goes, everything of the node goes with it, as in a crash.

mod clock;
mod connection;
mod connections;
mod host;
mod inbox;
mod listener;
mod machine;
mod node_loop;
mod node_thread;
pub mod peers;
mod report;
mod request_stats;
mod shell_world;
mod switchboard;

#[cfg(test)]
mod tests;

pub use clock::NodeClock;
pub use connection::{ConnectionLimits, serve};
pub use connections::Connections;
pub use host::{History, Host, HostError, HostSpec};
pub use inbox::{Control, Event, Inbox};
pub use machine::Machine;
pub use node_thread::{NodeSpec, NodeState, NodeThread, StartError};
pub use report::{NodeReport, StoreReport};
pub use request_stats::{LATENCY_BOUNDS_SECONDS, Latency, Outcome, RequestKind, RequestStats};
pub use switchboard::Switchboard;

/// What a panic said.
#[must_use]
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_string()))
        .unwrap_or_else(|| "a panic without text".into())
}
