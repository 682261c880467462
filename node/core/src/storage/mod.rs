//! Rows: keys, merge, memtable, apply, read, flush, purge, snapshots.
//!
//! A shard's rows live in layers: the active memtable, frozen memtables on their way to disk, and the durable row store. Every
//! read merges them on the fly, every flush merges them for good, and nobody can tell from an answer which of the two has
//! happened. What a replica answers depends on its log index alone. Damaged values are found by checksum and never served.
//!
//! `ShardStore` is what `replicate` works with; `encode_clustering` and `ClusteringRange` are what planners work with;
//! `RowsBatch::write` is what worlds run inside their write transaction.

mod apply;
#[cfg(test)]
mod arbitrary_row;
mod batch;
mod clear;
mod clustering;
mod component;
mod damage;
mod decimal;
mod deletions;
mod digest;
mod encoding;
mod flush;
mod key;
mod layer;
mod live;
mod map_store;
mod memtable;
mod merge;
mod meta;
mod predicate;
mod purge;
mod ranges;
mod read;
mod rejection;
mod row;
mod scan;
mod shard;
mod snapshot;
mod stored;
mod sweep;
mod view;
mod walk;

pub(crate) use apply::out_of_range;
pub use batch::{BatchError, RowsBatch, RowsPart, RowsWriter};
pub use clear::{ClearPart, Clearing};
pub(crate) use clustering::decode_clustering_into;
pub use clustering::{ClusteringError, decode_clustering, encode_clustering};
pub use damage::Damage;
pub use digest::{Digest, DigestStep};
pub use flush::FlushPart;
pub(crate) use live::column_cells;
pub use map_store::MapStore;
pub use ranges::{SliceBound, clustering_slice};
pub use shard::{MemoryUse, ShardStore, TokenRange};
pub use snapshot::{InstallPart, SnapshotChunk, SnapshotEnd};
pub use stored::verify;
pub use sweep::{Sweep, SweepPart};

#[cfg(test)]
mod tests;
