//! The row store: `RowsView` is what a node reads, `RowsStore` is what the writer thread writes.
//!
//! The view is one read transaction, renewed by the node's thread after it has drained its inbox and only when
//! something was committed since: a view that stays open would keep LMDB from reusing pages. Values are opaque here; the core seals them.
//! A view must contain every batch that was reported durable.

use super::environment::{Environment, EnvironmentUse, StoreError, Table};
use super::identity::Identity;
use super::writer::{Store, WriteError};
use heed::{RoTxn, RwTxn, WithTls};
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use trefoil_core::storage::{BatchError, RowsBatch, RowsWriter};
use trefoil_core::world::{DiskFailure, Rows};

/// The rows environment; after opening, the writer thread owns it.
pub struct RowsStore {
    environment: Environment,
    table: Table,
    commits: Arc<AtomicU64>,
}

/// Reads of the row store as of the last renewal. Belongs to the node's thread.
pub struct RowsView {
    environment: Environment,
    table: Table,
    commits: Arc<AtomicU64>,
    seen: u64,
    // Replaced by `renew`; only `None` while that happens.
    txn: Option<RoTxn<'static, WithTls>>,
}

impl RowsStore {
    pub(super) fn open(
        folder: &Path,
        identity: &Identity,
        map_bytes: u64,
        durable: bool,
    ) -> Result<RowsStore, StoreError> {
        let environment = Environment::open(folder, map_bytes, 2, durable)?;
        let table = environment.table(Some("rows"))?;
        identity.claim(&environment, environment.table(Some("meta"))?)?;
        Ok(RowsStore { environment, table, commits: Arc::new(AtomicU64::new(0)) })
    }

    /// Whether nothing was ever flushed.
    pub(super) fn is_untouched(&self) -> Result<bool, StoreError> {
        let read = || self.environment.env.read_txn().and_then(|txn| self.table.is_empty(&txn));
        read().map_err(|source| self.environment.error(source))
    }

    #[cfg(test)]
    pub(super) fn put(&self, txn: &mut RwTxn<'_>, key: &[u8], value: &[u8]) {
        self.table.put(txn, key, value).expect("a test's store can be written");
    }

    /// What makes the view, on the thread that reads.
    #[must_use]
    pub fn reader(&self) -> RowsReader {
        RowsReader { environment: self.environment.clone(), table: self.table, commits: self.commits.clone() }
    }
}

/// Makes a view of the row store on the thread that reads.
pub struct RowsReader {
    environment: Environment,
    table: Table,
    commits: Arc<AtomicU64>,
}

impl RowsReader {
    /// A view for the thread that calls this.
    ///
    /// # Errors
    /// When LMDB cannot start a read transaction.
    pub fn view(self) -> Result<RowsView, StoreError> {
        let RowsReader { environment, table, commits } = self;
        let mut view = RowsView { environment, table, commits, seen: 0, txn: None };
        view.begin().map_err(|source| view.environment.error(source))?;
        Ok(view)
    }
}

impl RowsView {
    fn begin(&mut self) -> heed::Result<()> {
        // Read before the transaction begins: a commit in between is seen twice, never missed.
        self.seen = self.commits.load(Ordering::Acquire);
        self.txn = None;
        self.txn = Some(self.environment.env.clone().static_read_txn()?);
        Ok(())
    }

    /// See everything committed so far.
    pub fn renew(&mut self) {
        if self.seen != self.commits.load(Ordering::Acquire) {
            self.begin().unwrap_or_else(|error| self.unreadable(error));
        }
    }

    fn txn(&self) -> &RoTxn<'static, WithTls> {
        self.txn.as_ref().expect("a view always has a transaction outside of `begin`")
    }

    /// A row store that cannot be read must not be mistaken for an empty one: this node stops, the others go on.
    fn unreadable(&self, error: heed::Error) -> ! {
        panic!("the row store in {} cannot be read: {error}", self.environment.folder.display())
    }

    fn bounds<'k>(start: &'k [u8], end: &'k [u8]) -> (Bound<&'k [u8]>, Bound<&'k [u8]>) {
        // LMDB knows no empty keys.
        let start = if start.is_empty() { Bound::Unbounded } else { Bound::Included(start) };
        (start, Bound::Excluded(end))
    }
}

impl Rows for RowsView {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        if key.is_empty() {
            // LMDB knows no empty keys.
            return None;
        }
        self.table.get(self.txn(), key).unwrap_or_else(|error| self.unreadable(error))
    }

    fn range<'a>(&'a self, start: &[u8], end: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let range = (start < end).then(|| {
            let range = self.table.range(self.txn(), &RowsView::bounds(start, end));
            range.unwrap_or_else(|error| self.unreadable(error))
        });
        range.into_iter().flatten().map(|item| item.unwrap_or_else(|error| self.unreadable(error)))
    }

    fn range_reversed<'a>(&'a self, start: &[u8], end: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let range = (start < end).then(|| {
            let range = self.table.rev_range(self.txn(), &RowsView::bounds(start, end));
            range.unwrap_or_else(|error| self.unreadable(error))
        });
        range.into_iter().flatten().map(|item| item.unwrap_or_else(|error| self.unreadable(error)))
    }
}

/// A write transaction of the row store as `RowsBatch::write` sees it.
struct RowsTransaction<'a, 'env> {
    table: Table,
    txn: &'a mut RwTxn<'env>,
}

impl RowsWriter for RowsTransaction<'_, '_> {
    type Error = heed::Error;

    fn get(&mut self, key: &[u8]) -> heed::Result<Option<&[u8]>> {
        self.table.get(self.txn, key)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> heed::Result<()> {
        self.table.put(self.txn, key, value)
    }

    fn delete(&mut self, key: &[u8]) -> heed::Result<()> {
        self.table.delete(self.txn, key).map(|_| ())
    }

    fn delete_range(&mut self, start: &[u8], end: &[u8]) -> heed::Result<()> {
        if start < end {
            self.table.delete_range(self.txn, &RowsView::bounds(start, end))?;
        }
        Ok(())
    }
}

impl Store for RowsStore {
    type Batch = RowsBatch;

    /// Nobody waits for a flush, but on a machine with few cores a flush keeps requests waiting. Not more: on a busy core it must
    /// still keep up with the writes.
    const NICENESS: i32 = 5;

    fn environment(&self) -> &Environment {
        &self.environment
    }

    fn apply(&mut self, txn: &mut RwTxn<'_>, batch: &RowsBatch) -> Result<(), WriteError> {
        batch.write(&mut RowsTransaction { table: self.table, txn }).map_err(|error| match error {
            BatchError::Store(error) => WriteError::Lmdb(error),
            BatchError::Damaged(damage) => WriteError::Damaged(damage),
        })
    }

    fn before_commit(&mut self, _txn: &mut RwTxn<'_>, _idle: bool) -> Result<(), WriteError> {
        Ok(())
    }

    fn committed(&mut self) {
        self.commits.fetch_add(1, Ordering::Release);
    }

    fn rolled_back(&mut self) {}

    fn housekeeping_after(&self) -> Option<Duration> {
        None
    }

    fn make_room(&mut self, _batch: Option<&RowsBatch>, _failure: DiskFailure) -> bool {
        // The node's thread has a view open, so the map must not change.
        false
    }

    fn usage(&self) -> EnvironmentUse {
        self.environment.usage()
    }
}
