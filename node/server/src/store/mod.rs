//! A node's two LMDB environments: `log` (raft entries, terms and votes) and `rows` (the row store).
//!
//! They are apart because LMDB has one writer per environment and a slow flush must never hold up the log. Each has
//! a writer thread that makes everything waiting durable in one transaction (`writer`). Rotten data is an error that
//! names the shard; what was durable is never mistaken for what was never written (`log`, `load`).

mod check;
mod environment;
mod folder_lock;
mod identity;
mod load;
mod log;
mod rows;
mod seal;
mod windows;
mod writer;

#[cfg(test)]
mod tests;

pub use check::{CheckReport, check_folder, check_node};
pub use environment::{EnvironmentUse, StoreError};
pub use folder_lock::FolderLock;
pub use identity::Identity;
pub(crate) use identity::uuid_text;
pub use load::{Damage, DamageKind, LoadedLog};
pub use log::LogStore;
pub use rows::{RowsReader, RowsStore, RowsView};
pub use writer::{Completion, Completions, Outcome, Submission, Writer, WriterStats};

use environment::Environment;
use std::path::{Path, PathBuf};
use trefoil_core::ids::{Incarnation, NodeId};

/// How large the stores may grow, and whether they survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Address space reserved for the log; the file grows as it is used.
    pub log_map_bytes: u64,
    /// Address space reserved for the rows; the file grows as it is used.
    pub rows_map_bytes: u64,
    /// False for `--ephemeral`: commits are not synced to the device.
    pub durable: bool,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions { log_map_bytes: 64 << 30, rows_map_bytes: 1 << 40, durable: true }
    }
}

/// Both stores of one node, opened, checked and counted as a new life.
pub struct NodeStores {
    /// Raft entries, terms and votes; goes to the log's writer thread.
    pub log: LogStore,
    /// The row store; goes to the rows' writer thread.
    pub rows: RowsStore,
    /// What the log held.
    pub loaded: LoadedLog,
    /// This life's number, larger than all before it, durable.
    pub incarnation: Incarnation,
}

/// The folder of one node inside a data folder.
#[must_use]
pub fn node_folder(data_folder: &Path, node: NodeId) -> PathBuf {
    data_folder.join(format!("node-{node}"))
}

impl NodeStores {
    /// Open the stores in this node's folder, or make them when there are none.
    ///
    /// # Errors
    /// When the folder belongs to another node or cluster, has another format, or cannot be opened. Damaged entries are
    /// no error here: they are in `loaded`.
    pub fn open(folder: &Path, identity: &Identity, options: &StoreOptions) -> Result<NodeStores, StoreError> {
        // The rows come first: a crash in between leaves rows without a log, which is told apart from a lost log by its
        // number of lives.
        let rows_new = !Environment::exists(&folder.join("rows"));
        let log_new = !Environment::exists(&folder.join("log"));
        if rows_new && !log_new {
            return Err(StoreError::HalfMissing { folder: folder.into(), missing: "rows", present: "log" });
        }
        let rows = RowsStore::open(&folder.join("rows"), identity, options.rows_map_bytes, options.durable)?;
        if log_new && !rows.is_untouched()? {
            return Err(StoreError::HalfMissing { folder: folder.into(), missing: "log", present: "rows" });
        }
        let (log, loaded, incarnation) =
            LogStore::open(&folder.join("log"), identity, options.log_map_bytes, options.durable)?;
        Ok(NodeStores { log, rows, loaded, incarnation })
    }
}
