//! Snapshots: a shard's content for a replica that lags too far behind or has lost everything, in bounded chunks.
//!
//! The sender goes on applying and flushing meanwhile. A walk over everything runs first; what changes behind it is remembered
//! and sent again, until nothing is left: then the receiver has exactly what the sender has at that entry. So no old
//! version has to be kept, neither a read transaction nor a memtable. Chunks are asked for by number and kept until the
//! next is asked for, so lost messages do no harm. Rows carry the purge horizon they are sent under, like rows in the store.

use super::batch::{BatchError, LogicalWriter, RowsWriter, Update};
use super::damage::Damage;
use super::deletions::Deletions;
use super::encoding::{Malformed, Reader, put_bytes, put_signed, put_varint};
use super::key::{self, RowRef};
use super::meta::Meta;
use super::row::RowView;
use super::stored;
use super::view::View;
use super::walk::{Found, Item, Place, look, walk};
use crate::bugs::Bugs;
use crate::command::{PartitionKey, RowId};
use crate::ids::{ShardId, StorageId};
use crate::raft::AppliedThrough;
use crate::world::Rows;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use trefoil_cql::token::Token;

/// What changed behind the walk is sent before it goes on when it is this much.
const CHANGED_FIRST: usize = 10_000;

/// A snapshot whose receiver is slower than this much change is given up; the leader tries again later.
const CHANGED_MAX: usize = 1_000_000;

/// Kinds of items in a chunk.
const ITEM_DELETIONS: u8 = 0;
const ITEM_STATIC: u8 = 1;
const ITEM_ROW: u8 = 2;
/// Added: the partition is that of the item before.
const SAME_PARTITION: u8 = 4;
/// Added: nothing is there any more.
const ABSENT: u8 = 8;

/// A bounded piece of a shard's content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SnapshotChunk {
    /// Counts from 0.
    pub number: u64,
    /// Encoded rows, with a checksum.
    pub rows: Bytes,
    /// With the last chunk.
    pub end: Option<SnapshotEnd>,
}

/// What completes a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SnapshotEnd {
    /// The snapshot is the shard's content after exactly this entry.
    pub applied: AppliedThrough,
    /// The shard's meta record, with the opaque state in it.
    pub meta: Bytes,
}

/// A snapshot being sent.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    /// Kept until the next one is asked for.
    pub(crate) last: SnapshotChunk,
    /// How far the walk is; `None` before its first step.
    after: Option<Place>,
    walked: bool,
    /// Behind the walk, changed since.
    changed: BTreeSet<Place>,
}

impl Sending {
    pub(crate) fn new() -> Sending {
        let last = SnapshotChunk { number: u64::MAX, rows: Bytes::new(), end: None };
        Sending { last, after: None, walked: false, changed: BTreeSet::new() }
    }

    /// Something changes. Says whether the receiver can still keep up.
    pub(crate) fn note_change(&mut self, place: Place) -> bool {
        if self.walked || self.after.as_ref().is_some_and(|after| place <= *after) {
            self.changed.insert(place);
        }
        self.changed.len() <= CHANGED_MAX
    }

    /// Make the next chunk.
    pub(crate) fn advance<R: Rows, B: Bugs>(
        &mut self,
        view: &View<'_, R, B>,
        bytes_max: usize,
        meta: impl FnOnce() -> Meta,
    ) -> Result<(), Damage> {
        let mut writer = ChunkWriter::new(bytes_max);
        let horizon = |table: StorageId| view.horizon(table);
        if self.walked || self.changed.len() > CHANGED_FIRST {
            while !writer.is_full()
                && let Some(place) = self.changed.first()
            {
                writer.put(place, look(view, place)?, horizon(place.table));
                self.changed.pop_first();
            }
        }
        if !self.walked && !writer.is_full() {
            let stopped = walk(view, self.after.as_ref(), |place, found| {
                writer.put(place, Some(found), horizon(place.table));
                writer.is_full()
            })?;
            self.walked = stopped.is_none();
            self.after = stopped;
        }
        let complete = self.walked && self.changed.is_empty();
        self.last = SnapshotChunk {
            number: self.last.number.wrapping_add(1),
            rows: writer.finish(),
            end: complete.then(|| {
                let meta = meta();
                let mut out = Vec::new();
                meta.encode(&mut out);
                SnapshotEnd { applied: meta.applied, meta: out.into() }
            }),
        };
        Ok(())
    }
}

struct ChunkWriter {
    out: Vec<u8>,
    bytes_max: usize,
    partition: Option<(StorageId, PartitionKey)>,
}

impl ChunkWriter {
    fn new(bytes_max: usize) -> ChunkWriter {
        let mut out = Vec::with_capacity(bytes_max + bytes_max / 8);
        stored::begin(&mut out);
        ChunkWriter { out, bytes_max, partition: None }
    }

    fn is_full(&self) -> bool {
        // At least one item, or the snapshot would never end.
        self.partition.is_some() && self.out.len() >= self.bytes_max
    }

    fn put(&mut self, place: &Place, found: Option<Found<'_>>, horizon: i64) {
        let same = self
            .partition
            .as_ref()
            .is_some_and(|(table, partition)| *table == place.table && *partition == place.partition);
        let kind = match &place.item {
            Item::Deletions => ITEM_DELETIONS,
            Item::Row(RowId::Static) => ITEM_STATIC,
            Item::Row(RowId::Row(_)) => ITEM_ROW,
        };
        self.out.push(kind + if same { SAME_PARTITION } else { 0 } + if found.is_none() { ABSENT } else { 0 });
        if !same {
            put_varint(&mut self.out, u64::from(place.table.0));
            self.out.extend_from_slice(&place.partition.token.0.to_le_bytes());
            put_bytes(&mut self.out, &place.partition.key);
            self.partition = Some((place.table, place.partition.clone()));
        }
        if let Item::Row(RowId::Row(key)) = &place.item {
            put_bytes(&mut self.out, key);
        }
        match found {
            None => {}
            Some(Found::Row(row)) => {
                put_signed(&mut self.out, horizon);
                put_bytes(&mut self.out, row.view().bytes());
            }
            Some(Found::Deletions(deletions)) => {
                let mut content = Vec::new();
                deletions.encode(&mut content);
                put_bytes(&mut self.out, &content);
            }
        }
    }

    fn finish(mut self) -> Bytes {
        stored::seal(&[], &mut self.out);
        self.out.into()
    }
}

/// One item of a chunk: logical key, and content (`None`: delete it).
struct ChunkItem<'a> {
    logical: Vec<u8>,
    horizon: i64,
    content: Option<&'a [u8]>,
    is_row: bool,
}

struct ChunkReader<'a> {
    reader: Reader<'a>,
    partition: Option<(StorageId, PartitionKey)>,
}

impl<'a> ChunkReader<'a> {
    fn next(&mut self) -> Result<Option<ChunkItem<'a>>, Malformed> {
        if self.reader.is_empty() {
            return Ok(None);
        }
        let reader = &mut self.reader;
        let kind = reader.u8()?;
        if kind & SAME_PARTITION == 0 {
            let table = StorageId(reader.varint_u32()?);
            let token = Token(reader.i64()?);
            self.partition = Some((table, PartitionKey { token, key: Bytes::copy_from_slice(reader.bytes()?) }));
        }
        let (table, partition) = self.partition.as_ref().ok_or(Malformed)?;
        let logical = match kind & !(SAME_PARTITION | ABSENT) {
            ITEM_DELETIONS => key::deletions_key(*table, partition),
            ITEM_STATIC => key::row_key(*table, partition, RowRef::Static),
            ITEM_ROW => key::row_key(*table, partition, RowRef::Row(reader.bytes()?)),
            _ => return Err(Malformed),
        };
        let is_row = kind & 3 != ITEM_DELETIONS;
        if kind & ABSENT != 0 {
            return Ok(Some(ChunkItem { logical, horizon: 0, content: None, is_row }));
        }
        let horizon = if is_row { reader.signed()? } else { 0 };
        let content = reader.bytes()?;
        if is_row {
            RowView::validate(content)?;
        } else {
            Deletions::decode(content)?;
        }
        Ok(Some(ChunkItem { logical, horizon, content: Some(content), is_row }))
    }
}

/// A snapshot chunk to be written.
#[derive(Clone, Debug)]
pub struct InstallPart {
    shard: ShardId,
    rows: Bytes,
    meta: Option<Bytes>,
}

impl InstallPart {
    /// Chunk of a snapshot to be installed by a replica that has been cleared. With the last one the shard's meta record is
    /// written: until that is durable, `ShardStore::recover` finds nothing.
    ///
    /// # Errors
    /// When the chunk is not one, or of a version this node does not know.
    pub fn new(shard: ShardId, chunk: &SnapshotChunk) -> Result<InstallPart, Damage> {
        let part =
            InstallPart { shard, rows: chunk.rows.clone(), meta: chunk.end.as_ref().map(|end| end.meta.clone()) };
        let mut items = part.items()?;
        while items.next().map_err(|_| stored::malformed(shard, &[]))?.is_some() {}
        if let Some(meta) = &part.meta {
            Meta::decode(meta).map_err(|_| stored::malformed(shard, &[]))?;
        }
        Ok(part)
    }

    fn items(&self) -> Result<ChunkReader<'_>, Damage> {
        let content = stored::open(self.shard, &[], &self.rows)?;
        Ok(ChunkReader { reader: Reader::new(content), partition: None })
    }

    pub(crate) fn write<W: RowsWriter>(&self, writer: &mut W) -> Result<(), BatchError<W::Error>> {
        let mut writer = LogicalWriter::new(writer, self.shard);
        let mut items = self.items()?;
        while let Some(item) = items.next().map_err(|_| stored::malformed(self.shard, &[]))? {
            let Some(content) = item.content else {
                writer.update(&item.logical, |_, _| Ok(Update::Delete))?;
                continue;
            };
            writer.update(&item.logical, |_, out| {
                if item.is_row {
                    stored::put_row(item.horizon, content, out);
                } else {
                    out.extend_from_slice(content);
                }
                Ok(Update::Put)
            })?;
        }
        if let Some(meta) = &self.meta {
            writer.update(&key::meta_key(self.shard), |_, out| {
                out.extend_from_slice(meta);
                Ok(Update::Put)
            })?;
        }
        writer.finish()
    }
}
