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

/// Rows that one read command asks a shard for at most, so that others get their turn. Larger answers are made of several.
pub const READ_CHUNK_ROWS: u32 = 5_000;

/// Stored bytes that one read command looks at, with the same reason.
pub const READ_CHUNK_BYTES: u32 = 4 << 20;

/// A page ends when it has about so many bytes, although it has fewer rows than the client asked for: it must fit a frame
/// and many clients' pages must fit memory.
pub const PAGE_BYTES: usize = 16 << 20;

/// Largest answer to a client that does not page: the native protocol's frame limit in Cassandra (256 MiB). More is INVALID.
pub const RESULT_BYTES: usize = 256 << 20;

/// A batch over several partitions larger than this is warned of: Cassandra's `batch_size_warn_threshold`.
pub const BATCH_WARN_BYTES: usize = 5 << 10;

/// A batch over several partitions larger than this is INVALID: Cassandra's `batch_size_fail_threshold`.
pub const BATCH_FAIL_BYTES: usize = 50 << 10;

/// An unlogged batch over more partitions than this is warned of: Cassandra's `unlogged_batch_across_partitions_warn_threshold`.
pub const UNLOGGED_BATCH_WARN_PARTITIONS: usize = 10;
