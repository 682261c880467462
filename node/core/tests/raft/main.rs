//! Raft, from outside: whole small clusters of the real type with simulated disks, wires and clocks. `scenario` runs stories
//! that people read (`scenarios/*.txt`), `random` runs thousands that nobody wrote, and `oracle` judges both. `late` tells one replica
//! what can only come very late, `raw` what no cluster does.

#![allow(clippy::needless_range_loop, reason = "positions in a history are indices of others too")]
#![allow(clippy::disallowed_methods, reason = "tests may read the environment and record transcripts")]

mod disk;
mod late;
mod lonely;
mod oracle;
mod random;
mod raw;
mod replica;
mod scenario;
