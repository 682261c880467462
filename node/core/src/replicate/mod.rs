//! A shard's replica: raft, rows and what ties them together.

pub mod deduplication;
