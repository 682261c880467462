//! Raft, from outside: whole small clusters of the real type with simulated disks, wires and clocks. `scenario` runs stories
//! that people read (`scenarios/*.txt`), `random` runs thousands that nobody wrote, and `oracle` judges both.

mod disk;
mod oracle;
mod random;
mod replica;
mod scenario;
