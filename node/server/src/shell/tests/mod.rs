//! The shell's own tests: connections over turmoil's network, nodes on real threads and stores.

mod connection;
mod echo;
mod node_thread;
