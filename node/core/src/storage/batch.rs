//! What is submitted to the row store, and the transaction it is written with. A batch is atomic: rows and the record of how
//! far the log is applied to them can never disagree.

use super::clear::ClearPart;
use super::damage::Damage;
use super::encoding::Malformed;
use super::flush::FlushPart;
use super::key::physical;
use super::snapshot::InstallPart;
use super::stored::{self, BucketEntries};
use super::sweep::SweepPart;
use crate::ids::ShardId;
use std::collections::BTreeMap;

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
    /// What is purged and deleted is freed.
    Sweep(SweepPart),
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
    pub fn write<W: RowsWriter>(&self, writer: &mut W) -> Result<(), BatchError<W::Error>> {
        for part in &self.parts {
            match part {
                RowsPart::Flush(part) => part.write(writer)?,
                RowsPart::Clear(part) => part.write(writer)?,
                RowsPart::Install(part) => part.write(writer)?,
                RowsPart::Sweep(part) => part.write(writer)?,
            }
        }
        Ok(())
    }
}

impl From<FlushPart> for RowsPart {
    fn from(part: FlushPart) -> RowsPart {
        RowsPart::Flush(part)
    }
}

impl From<ClearPart> for RowsPart {
    fn from(part: ClearPart) -> RowsPart {
        RowsPart::Clear(part)
    }
}

impl From<InstallPart> for RowsPart {
    fn from(part: InstallPart) -> RowsPart {
        RowsPart::Install(part)
    }
}

impl From<SweepPart> for RowsPart {
    fn from(part: SweepPart) -> RowsPart {
        RowsPart::Sweep(part)
    }
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    /// It is now what was appended.
    Put,
    /// It goes.
    Delete,
    /// It stays as it is.
    Keep,
}

/// Writes by logical keys: seals values, and edits buckets. Call `finish` at the end.
pub(crate) struct LogicalWriter<'w, W> {
    writer: &'w mut W,
    shard: ShardId,
    value: Vec<u8>,
    bucket: Option<Bucket>,
}

/// The bucket being edited: keys come in order, so its entries come together.
struct Bucket {
    key: Vec<u8>,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    dirty: bool,
}

impl<'w, W: RowsWriter> LogicalWriter<'w, W> {
    pub(crate) fn new(writer: &'w mut W, shard: ShardId) -> LogicalWriter<'w, W> {
        LogicalWriter { writer, shard, value: Vec::new(), bucket: None }
    }

    /// Change the content under a logical key: `change` sees what is there and appends what shall be.
    pub(crate) fn update(
        &mut self,
        logical: &[u8],
        change: impl FnOnce(Option<&[u8]>, &mut Vec<u8>) -> Result<Update, Malformed>,
    ) -> Result<(), BatchError<W::Error>> {
        let (key, rest) = physical(logical);
        let shard = self.shard;
        let malformed = |_| BatchError::Damaged(stored::malformed(shard, key));
        if let Some(rest) = rest {
            let bucket = self.open_bucket(key)?;
            let mut content = Vec::new();
            let update = change(bucket.entries.get(rest).map(Vec::as_slice), &mut content).map_err(malformed)?;
            bucket.dirty |= match update {
                Update::Put => bucket.entries.insert(rest.to_vec(), content.clone()) != Some(content),
                Update::Delete => bucket.entries.remove(rest).is_some(),
                Update::Keep => false,
            };
            return Ok(());
        }
        stored::begin(&mut self.value);
        let old = self.writer.get(key).map_err(BatchError::Store)?;
        let content = old.map(|old| stored::open(self.shard, key, old)).transpose()?;
        let exists = content.is_some();
        match change(content, &mut self.value).map_err(malformed)? {
            Update::Put => {
                stored::seal(key, &mut self.value);
                self.writer.put(key, &self.value).map_err(BatchError::Store)
            }
            Update::Delete if exists => self.writer.delete(key).map_err(BatchError::Store),
            Update::Delete | Update::Keep => Ok(()),
        }
    }

    /// The content under a logical key.
    pub(crate) fn read(&mut self, logical: &[u8]) -> Result<Option<Vec<u8>>, BatchError<W::Error>> {
        let mut found = None;
        self.update(logical, |content, _| {
            found = content.map(<[u8]>::to_vec);
            Ok(Update::Keep)
        })?;
        Ok(found)
    }

    /// Write what is not yet written.
    pub(crate) fn finish(mut self) -> Result<(), BatchError<W::Error>> {
        self.close_bucket()
    }

    fn open_bucket(&mut self, key: &[u8]) -> Result<&mut Bucket, BatchError<W::Error>> {
        if self.bucket.as_ref().is_none_or(|bucket| bucket.key != key) {
            self.close_bucket()?;
            let mut entries = BTreeMap::new();
            if let Some(value) = self.writer.get(key).map_err(BatchError::Store)? {
                for entry in BucketEntries::new(stored::open(self.shard, key, value)?) {
                    let (rest, content) = entry.map_err(|_| stored::malformed(self.shard, key))?;
                    entries.insert(rest.to_vec(), content.to_vec());
                }
            }
            self.bucket = Some(Bucket { key: key.to_vec(), entries, dirty: false });
        }
        Ok(self.bucket.as_mut().expect("it was just opened"))
    }

    fn close_bucket(&mut self) -> Result<(), BatchError<W::Error>> {
        let Some(bucket) = self.bucket.take().filter(|bucket| bucket.dirty) else { return Ok(()) };
        if bucket.entries.is_empty() {
            return self.writer.delete(&bucket.key).map_err(BatchError::Store);
        }
        stored::begin(&mut self.value);
        for (rest, content) in &bucket.entries {
            stored::put_bucket_entry(rest, content, &mut self.value);
        }
        stored::seal(&bucket.key, &mut self.value);
        self.writer.put(&bucket.key, &self.value).map_err(BatchError::Store)
    }
}
