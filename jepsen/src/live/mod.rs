//! Live runs: real processes of the server, a real driver, real faults, the same checkers.
//!
//! `cluster` starts the processes (each in its own network namespace where the machine permits it), `workload` is what the
//! clients do and how it is recorded, `nemesis` breaks things, `run` puts them together and judges. What a client cannot know
//! is recorded as unknown; nothing is retried behind the recorder's back.

pub mod cluster;
pub mod nemesis;
pub mod network;
pub mod process;
pub mod run;
pub mod workload;
