//! The catalogue: one shard holds the schema, and every node serves a copy of it under a lease.

pub mod lease;
