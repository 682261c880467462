//! The protocol as others see it: every message there and back, against an independent codec, against recorded bytes, and
//! against garbage.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod allocation;
mod cassandra_protocol;
mod framer;
mod garbage;
mod golden;
mod messages;
mod round_trip;
mod scylla;
