//! Opening LMDB, and what its errors mean to a node.
//!
//! The one place with unsafe code of this crate: LMDB asks its caller to promise that nobody else writes the files,
//! which `folder_lock` guarantees for whole data folders.

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, MdbError, WithTls};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trefoil_core::world::DiskFailure;

/// Why a store cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("{folder} is in use by another process{}; stop that one first, or choose another folder", holder.map(|id| format!(" (process {id})")).unwrap_or_default())]
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// The other process, as far as it said so.
        holder: Option<u32>,
    },
    /// It holds the data of another cluster.
    #[error("{folder} belongs to cluster {found}, and this is cluster {expected}: choose another folder")]
    OtherCluster {
        /// The store.
        folder: PathBuf,
        /// Whose it is.
        found: String,
        /// Who asks.
        expected: String,
    },
    /// It holds the data of another node.
    #[error("{folder} belongs to node {found}, and this is node {expected}: choose another folder")]
    OtherNode {
        /// The store.
        folder: PathBuf,
        /// Whose it is.
        found: u32,
        /// Who asks.
        expected: u32,
    },
    /// It was written by a program that stores data differently.
    #[error(
        "{folder} has format {found}, and this version of trefoil reads format {known}: {}",
        if found > known { "use the newer version that wrote it" } else { "use an older version to export it" }
    )]
    Format {
        /// The store.
        folder: PathBuf,
        /// The version found.
        found: u32,
        /// The version this program knows.
        known: u32,
    },
    /// One of the two stores is gone.
    #[error(
        "{folder} has a `{present}` store but no `{missing}` store. Starting empty would forget what was promised to other nodes; bring the missing store back, or remove {folder} as a whole to have the node rebuilt"
    )]
    HalfMissing {
        /// The node's folder.
        folder: PathBuf,
        /// The store that is gone.
        missing: &'static str,
        /// The store that is there.
        present: &'static str,
    },
    /// Its description of itself is rotten or absent.
    #[error("{folder} is damaged: {what}")]
    Unreadable {
        /// The store.
        folder: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file could not be opened or made.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// LMDB refused.
    #[error("{folder}: {source}")]
    Lmdb {
        /// The store.
        folder: PathBuf,
        /// What LMDB said.
        source: heed::Error,
    },
}

/// A database of bytes.
pub(super) type Table = Database<'static, Bytes, Bytes>;

/// An open LMDB environment.
#[derive(Clone)]
pub(super) struct Environment {
    pub(super) env: Env<WithTls>,
    pub(super) folder: Arc<Path>,
    /// The size that was asked for; the map itself may be larger (`make_room`).
    pub(super) map_bytes: u64,
}

/// How much of an environment is used, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentUse {
    /// Size of the file, free pages included.
    pub file_bytes: u64,
    /// Size of the map.
    pub map_bytes: u64,
}

const MAP_GRANULE_BYTES: u64 = 1 << 20;

impl Environment {
    /// Whether there is a store in this folder.
    pub(super) fn exists(folder: &Path) -> bool {
        folder.join("data.mdb").exists()
    }

    /// Open or make the environment in this folder.
    #[allow(unsafe_code)]
    pub(super) fn open(folder: &Path, map_bytes: u64, tables: u32, durable: bool) -> Result<Environment, StoreError> {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::File { path: folder.into(), source })?;
        let map_bytes = map_bytes.next_multiple_of(MAP_GRANULE_BYTES);
        let mut options = EnvOpenOptions::new();
        options.map_size(usize::try_from(map_bytes).unwrap_or(usize::MAX)).max_dbs(tables).max_readers(16);
        if !durable {
            // SAFETY: without syncs a power cut may leave a corrupt file; ephemeral stores are removed, never reopened after one.
            unsafe { options.flags(EnvFlags::NO_SYNC | EnvFlags::NO_META_SYNC) };
        }
        // SAFETY: the folder lock keeps other processes out, and this process opens each environment once.
        let env =
            unsafe { options.open(folder) }.map_err(|source| StoreError::Lmdb { folder: folder.into(), source })?;
        let environment = Environment { env, folder: folder.into(), map_bytes };
        environment.env.clear_stale_readers().map_err(|source| environment.error(source))?;
        Ok(environment)
    }

    /// Open what is there, never to write; `None` when there is no store.
    #[allow(unsafe_code)]
    pub(super) fn open_to_read(folder: &Path) -> Result<Option<Environment>, StoreError> {
        if !Environment::exists(folder) {
            return Ok(None);
        }
        let mut options = EnvOpenOptions::new();
        // SAFETY: the folder lock keeps writers out.
        let env = unsafe { options.max_dbs(2).flags(EnvFlags::READ_ONLY).open(folder) }
            .map_err(|source| StoreError::Lmdb { folder: folder.into(), source })?;
        let map_bytes = env.info().map_size as u64;
        Ok(Some(Environment { env, folder: folder.into(), map_bytes }))
    }

    /// Open one of its tables, if it is there.
    pub(super) fn existing_table(&self, name: Option<&'static str>) -> Result<Option<Table>, StoreError> {
        let open = || {
            let txn = self.env.read_txn()?;
            self.env.open_databases_and_commit(txn, |opener, txn| {
                opener.open_database::<Bytes, Bytes>(txn, name).map(CommitOrAbort::<_, ()>::Commit)
            })
        };
        Ok(open().map_err(|source: heed::Error| self.error(source))?.unwrap_commit())
    }

    /// Open or make one of its tables (`None`: the unnamed one).
    pub(super) fn table(&self, name: Option<&'static str>) -> Result<Table, StoreError> {
        let create = || {
            let txn = self.env.write_txn()?;
            self.env.create_databases_and_commit(txn, |opener, txn| {
                opener.create_database::<Bytes, Bytes>(txn, name).map(CommitOrAbort::<_, ()>::Commit)
            })
        };
        Ok(create().map_err(|source: heed::Error| self.error(source))?.unwrap_commit())
    }

    /// Give an error the name of this store.
    pub(super) fn error(&self, source: heed::Error) -> StoreError {
        StoreError::Lmdb { folder: self.folder.to_path_buf(), source }
    }

    /// Give a finding the name of this store.
    pub(super) fn unreadable(&self, what: impl Into<String>) -> StoreError {
        StoreError::Unreadable { folder: self.folder.to_path_buf(), what: what.into() }
    }

    /// What an error of a write transaction means for a batch.
    pub(super) fn failure(&self, error: &heed::Error) -> DiskFailure {
        match error {
            heed::Error::Mdb(MdbError::MapFull) => DiskFailure::Full,
            heed::Error::Io(error) => match error.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => DiskFailure::Full,
                // LMDB says EIO for a short write, and a write is short when space ends in the middle of it.
                _ if self.device_is_full() => DiskFailure::Full,
                _ => DiskFailure::Broken,
            },
            _ => DiskFailure::Broken,
        }
    }

    fn device_is_full(&self) -> bool {
        const NEARLY_NOTHING_BYTES: u64 = 4 << 20;
        rustix::fs::statvfs(&*self.folder)
            .is_ok_and(|device| device.f_bavail.saturating_mul(device.f_frsize) < NEARLY_NOTHING_BYTES)
    }

    /// Enlarge the map a little beyond what was asked for, so that deleting (which writes new pages first) can free space in a full map.
    ///
    /// Only the thread that alone uses this environment may call this, between transactions.
    #[allow(unsafe_code)]
    pub(super) fn make_room(&self) -> Result<(), heed::Error> {
        let size = self.env.info().map_size as u64;
        let limit = self.map_bytes.saturating_add(64 * MAP_GRANULE_BYTES);
        let larger = size.saturating_add(MAP_GRANULE_BYTES);
        if larger > limit {
            return Err(heed::Error::Mdb(MdbError::MapFull));
        }
        // SAFETY: no transaction is active, as the caller promises.
        unsafe { self.env.resize(usize::try_from(larger).unwrap_or(usize::MAX)) }
    }

    /// How much is used.
    pub(super) fn usage(&self) -> EnvironmentUse {
        let info = self.env.info();
        EnvironmentUse { file_bytes: (info.last_page_number as u64 + 1) * 4096, map_bytes: info.map_size as u64 }
    }
}
