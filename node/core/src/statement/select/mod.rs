//! SELECT.

mod execution;

pub use execution::{ReadPlan, SelectExecution};
