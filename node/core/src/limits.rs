//! The limits of the system, each with its reason and what a user sees when it is reached.

/// Longest physical key of a store. LMDB's default build allows 511 bytes; longer logical keys take the overflow form
/// (`storage::key`), so users never see this.
pub const PHYSICAL_KEY_BYTES: usize = 511;

/// Longest partition key and longest clustering key (CQL native protocol: two-byte lengths). One more byte is INVALID.
pub const KEY_BYTES: usize = 65_535;

/// Largest time to live, in seconds: 20 years, as Cassandra (`Attributes.MAX_TTL`). More is INVALID.
pub const TTL_SECONDS: u32 = 630_720_000;

/// Prepared statements that a node remembers; the least recently used is forgotten and answered with UNPREPARED.
pub const PREPARED_STATEMENTS: usize = 10_000;
