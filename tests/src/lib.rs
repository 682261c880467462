//! What crosses crates: drivers, crash loops, benchmarks against peers. The parts stand in folders of their own; `tests/run` runs all.
//!
//! Nothing here is part of the product.

pub mod client;
pub mod conformance;
