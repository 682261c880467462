//! Conversations with a CQL server as plain text: what is asked, what Cassandra answered. `script` is the file format,
//! `session` asks, `answer` and `value` write down what came. Shared by the conformance runner, which plays and records
//! files, and the differential fuzzer, which compares two servers and prints what differs in the same form.
//!
//! Writing an answer down may never hide a difference: null, empty value and empty collection stay three things.

pub mod answer;
pub mod script;
pub mod session;
pub mod value;
