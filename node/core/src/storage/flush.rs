//! Flush: frozen memtables are merged into the store, with the meta record, in one transaction.
//!
//! Runs on the world's writer thread, so it reads only what it owns and the transaction. Layers are merged from the oldest up, each
//! row purged by the horizon its layer began with: the same fold that reads do (`view`), done for good.

use super::batch::{BatchError, LogicalWriter, RowsWriter, Update};
use super::deletions::Deletions;
use super::encoding::Malformed;
use super::key::{self, RowRef};
use super::layer::Layer;
use super::memtable::{MemPartition, MemRow};
use super::meta::Meta;
use super::stored;
use super::view::{Fold, RowBytes};
use crate::bugs::NoBugs;
use crate::command::PartitionKey;
use crate::ids::{ShardId, StorageId};
use std::collections::BTreeSet;
use std::sync::Arc;
use trefoil_cql::token::Token;

/// Memtables of one shard to be merged into the row store, with the shard's meta record.
#[derive(Clone, Debug)]
pub struct FlushPart {
    pub(crate) shard: ShardId,
    /// Oldest first.
    pub(crate) layers: Vec<Arc<Layer>>,
    pub(crate) meta: Meta,
    /// Tables with deletions larger than a row, in the store or in the layers.
    pub(crate) with_deletions: BTreeSet<StorageId>,
}

impl FlushPart {
    /// The shard.
    #[must_use]
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// Roughly how many bytes it writes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.layers.iter().map(|layer| layer.memtable.bytes()).sum()
    }

    pub(crate) fn write<W: RowsWriter>(&self, writer: &mut W) -> Result<(), BatchError<W::Error>> {
        let mut writer = LogicalWriter::new(writer, self.shard);
        for layer in &self.layers {
            for (table, token, partition) in self.partitions(layer) {
                if let Some(deletions) = partition.deletions() {
                    write_deletions(&mut writer, table, &partition_key(token, partition), deletions)?;
                }
            }
        }
        for layer in &self.layers {
            for (table, token, partition) in self.partitions(layer) {
                self.write_rows(&mut writer, layer, table, &partition_key(token, partition), partition)?;
            }
        }
        writer.update(&key::meta_key(self.shard), |_, out| {
            self.meta.encode(out);
            Ok(Update::Put)
        })?;
        writer.finish()
    }

    fn partitions<'a>(&'a self, layer: &'a Layer) -> impl Iterator<Item = (StorageId, Token, &'a MemPartition)> {
        layer.memtable.all().filter(|(table, ..)| !self.meta.dropped.contains(table))
    }

    fn write_rows<W: RowsWriter>(
        &self,
        writer: &mut LogicalWriter<'_, W>,
        layer: &Layer,
        table: StorageId,
        partition: &PartitionKey,
        rows: &MemPartition,
    ) -> Result<(), BatchError<W::Error>> {
        let mut deletions = Deletions::default();
        if self.with_deletions.contains(&table) {
            let key = key::deletions_key(table, partition);
            if let Some(content) = writer.read(&key)? {
                deletions = Deletions::decode(&content).map_err(|_| stored::malformed(self.shard, &key))?;
            }
        }
        let horizon = layer.horizons.of(table);
        let mut logical = key::partition_key(key::Space::Rows, table, partition, 64);
        let prefix = logical.len();
        let static_row = rows.row(RowRef::Static).map(|row| (RowRef::Static, row));
        for (place, row) in static_row.into_iter().chain(rows.rows(&[], &[]).map(|(key, row)| (RowRef::Row(key), row)))
        {
            logical.truncate(prefix);
            key::put_row(place, &mut logical);
            writer.update(&logical, |old, out| merge_row(old, row, place, horizon, &deletions, out))?;
        }
        Ok(())
    }
}

fn partition_key(token: Token, partition: &MemPartition) -> PartitionKey {
    PartitionKey { token, key: partition.key().clone() }
}

fn write_deletions<W: RowsWriter>(
    writer: &mut LogicalWriter<'_, W>,
    table: StorageId,
    partition: &PartitionKey,
    new: &Deletions,
) -> Result<(), BatchError<W::Error>> {
    writer.update(&key::deletions_key(table, partition), |old, out| {
        match old {
            None => new.encode(out),
            Some(old) => {
                let mut merged = Deletions::decode(old)?;
                merged.merge(new);
                merged.encode(out);
            }
        }
        Ok(Update::Put)
    })
}

fn merge_row(
    old: Option<&[u8]>,
    row: &MemRow,
    place: RowRef<'_>,
    horizon: i64,
    deletions: &Deletions,
    out: &mut Vec<u8>,
) -> Result<Update, Malformed> {
    let mut fold = Fold::default();
    if let Some(old) = old {
        let stored = stored::read_row(old)?;
        let through = deletions.deleted_through(place.clustering(), stored.horizon);
        fold.add(RowBytes::Stored(stored.row.bytes()), stored.horizon, through, &NoBugs);
    }
    let through = deletions.deleted_through(place.clustering(), horizon);
    for version in row.versions() {
        fold.add(RowBytes::Memory(version), horizon, through, &NoBugs);
    }
    Ok(match fold.finish(horizon, &NoBugs) {
        None => Update::Delete,
        Some(row) => {
            stored::put_row(horizon, row.view().bytes(), out);
            Update::Put
        }
    })
}
