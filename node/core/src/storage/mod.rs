//! Rows: keys, merge, memtable, flush (placeholder of the interface; being written).

/// A change of the row store; atomic. The world calls `write` with its transaction.
#[derive(Clone, Debug)]
pub struct RowsBatch {}

/// A write transaction of the row store, as a world offers it to `RowsBatch::write`.
pub trait RowsWriter {
    /// What can go wrong.
    type Error;

    /// The value at this key now, inside the transaction.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Error>;

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

impl RowsBatch {
    /// Apply this batch to a store's transaction.
    ///
    /// # Errors
    /// The transaction's own.
    pub fn write<W: RowsWriter>(&self, _writer: &mut W) -> Result<(), W::Error> {
        Ok(())
    }
}
