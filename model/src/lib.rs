//! Small, complete worlds: stateright takes the core's own types, not models of them, through every order of events within stated
//! bounds. Each world is a file: its bounds in prose, its properties, the number of states it has, and the planted bugs on which
//! it must fail. A number that changes is a change of behaviour, or of the bounds, and somebody has to say which.
//!
//! What is too large to be explored is told as stories, one order of events to a replica or node: `ordered`, `interrupted`,
//! `withdrawal`, `restored`, `coordinating`.

mod check;
mod cluster;
mod coordinating;
pub mod election;
mod interrupted;
pub mod lease;
mod ordered;
pub mod rebuild;
pub mod recovery;
mod restored;
mod site;
pub mod takeover;
mod withdrawal;
