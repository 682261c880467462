//! Tests of the whole: text and values in; plans, rows and errors out.

mod bench;
mod definitions;
mod errors;
mod markers;
mod paging;
mod reading;
mod store;
mod system_tables;
mod writing;
