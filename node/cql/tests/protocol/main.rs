//! The protocol as others see it: every message there and back, against an independent codec, against recorded bytes, and
//! against garbage.

mod allocation;
mod framer;
mod garbage;
mod golden;
mod messages;
mod round_trip;
mod scylla;
