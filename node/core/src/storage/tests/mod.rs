//! The whole of storage against a naive model: random writes, reads, pages, purges, drops, flushes, failures, restarts, sweeps and
//! snapshots on replicas that flush at different moments. All must answer alike, and as the model does.

mod golden;
mod naive;
mod order;
mod random;
mod scenarios;
mod store;
