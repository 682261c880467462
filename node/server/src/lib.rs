//! The Trefoil server: the production world around `trefoil_core::Node`.
//!
//! `store` keeps a node's log and rows in LMDB, `shell` runs each node on a thread of its own together with its
//! sockets, `admin` answers over HTTP, `settings` and `commands` are what an operator sees. Nothing in here
//! decides anything about data: that is the core's, and the core is what the simulator and the models check.

pub mod admin;
pub mod commands;
mod entropy;
pub mod logging;
pub mod settings;
pub mod shell;
pub mod store;
