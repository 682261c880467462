//! Rows: keys, merge, memtable, apply, read, flush, purge, snapshots.
//!
//! A shard's rows live in layers: the active memtable, frozen memtables on their way to disk, and the durable row store. Every
//! read merges them on the fly, every flush merges them for good, and nobody can tell from an answer which of the two has
//! happened. What a replica answers depends on its log index alone. Damaged values are found by checksum and never served.
//!
//! `ShardStore` is what `replicate` works with; `encode_clustering` and `ClusteringRange` are what planners work with;
//! `RowsBatch::write` is what worlds run inside their write transaction.

#[cfg(test)]
mod arbitrary_row;
mod batch;
mod clustering;
mod component;
mod damage;
mod decimal;
mod deletions;
mod encoding;
mod key;
mod memtable;
mod merge;
mod ranges;
mod row;
mod shard;
mod stored;

pub use batch::{BatchError, RowsBatch, RowsPart, RowsWriter};
pub use clustering::{ClusteringError, decode_clustering, encode_clustering};
pub use damage::Damage;
pub use ranges::{SliceBound, clustering_slice};
pub use shard::{
    ClearPart, Clearing, FlushPart, InstallPart, MemoryUse, ShardStore, SnapshotChunk, SnapshotEnd, TokenRange,
};
