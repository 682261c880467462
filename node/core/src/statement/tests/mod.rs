//! Tests of the whole: text and values in; plans, rows and errors out.

mod bench;
mod definitions;
mod errors;
mod markers;
mod memory;
mod paging;
mod reading;
mod system_tables;
mod writing;
