//! Applying a write: conditions, operations that look at the row first, then all changes at once.
//!
//! Everything that can fail or has to be read comes before the first change, so a write is applied wholly or not at all. All its
//! changes carry one timestamp: the stamp of its log entry, unless the client gave one. What is read is the state before
//! the write, whatever order its statements have; only an operation on a list also sees what those before it in its own statement
//! did to the list. Counters add up. The result depends on the log alone.

use super::damage::Damage;
use super::key::RowRef;
use super::live::{Copies, collect_cells};
use super::memtable::Memtable;
use super::merge::{Normaliser, merge};
use super::rejection::rejection;
use super::row::{Cell, Content, Deletion, Header, Marker, RowView};
use super::view::{RowBytes, View};
use super::walk::{Item, Place};
use crate::bugs::{Bugs, PlantedBug};
use crate::command::{
    CellOperation, Change, Mutation, PartitionKey, ReadCell, RowChange, RowId, WriteCommand, WriteOutcome,
};
use crate::ids::{ColumnId, StorageId};
use crate::time::HybridTime;
use crate::world::Rows;
use bytes::Bytes;
use std::collections::BTreeMap;

/// What a write does to the memtable, once nothing can fail any more.
#[derive(Debug)]
pub(crate) enum Effect<'c> {
    /// Merge this encoded row.
    Row(&'c Mutation, RowRef<'c>, Vec<u8>),
    /// Delete rows of a range (`None`: the whole partition).
    Delete(&'c Mutation, Option<(&'c [u8], &'c [u8])>, Deletion),
}

impl Effect<'_> {
    /// What it changes.
    pub(crate) fn place(&self) -> Place {
        let (mutation, item) = match self {
            Effect::Row(mutation, row, _) => (mutation, Item::Row(row.to_row_id())),
            Effect::Delete(mutation, ..) => (mutation, Item::Deletions),
        };
        Place { table: mutation.table, partition: mutation.partition.clone(), item }
    }

    /// Do it.
    pub(crate) fn apply(self, memtable: &mut Memtable, bugs: &impl Bugs) {
        match self {
            Effect::Row(mutation, row, bytes) => memtable.insert(mutation.table, &mutation.partition, row, bytes, bugs),
            Effect::Delete(mutation, range, deletion) => {
                memtable.delete(mutation.table, &mutation.partition, range, deletion);
            }
        }
    }
}

/// Find out what a write does. `Err(outcome)`: it does nothing.
pub(crate) fn evaluate<'c, R: Rows, B: Bugs>(
    view: View<'_, R, B>,
    write: &'c WriteCommand,
    stamp: HybridTime,
) -> Result<Result<Vec<Effect<'c>>, WriteOutcome>, Damage> {
    // Only what expires goes by the request's time: tombstones are purged by the log's, which never goes back.
    let now = write.mutations.first().and_then(|mutation| mutation.now_seconds).unwrap_or(stamp.seconds());
    if !write.conditions.is_empty()
        && let Some(outcome) = rejection(view, write, now)?
    {
        return Ok(Err(outcome));
    }
    let mut writing = Writing { view, write, stamp, now, made_paths: 0, counters: None };
    let mut effects = Vec::with_capacity(write.mutations.len());
    let mutations = if view.bugs.planted(PlantedBug::BatchTorn) { 1 } else { usize::MAX };
    for mutation in write.mutations.iter().take(mutations) {
        if view.store.is_dropped(mutation.table) {
            continue;
        }
        for change in &mutation.changes {
            match writing.change(mutation, change)? {
                Ok(effect) => effects.extend(effect),
                Err(reason) => return Ok(Err(WriteOutcome::Invalid(reason))),
            }
        }
    }
    Ok(Ok(effects))
}

/// Where a counter is.
type Counter = (StorageId, PartitionKey, RowId, ColumnId);

/// State while one write is evaluated.
struct Writing<'v, 'w, R, B> {
    view: View<'v, R, B>,
    write: &'w WriteCommand,
    stamp: HybridTime,
    /// Seconds since 1970, by the request if it says so.
    now: i64,
    /// List operations so far: makes paths unique, and in statement order.
    made_paths: u32,
    /// What this write adds to each counter it has not come to yet; made at the first one.
    counters: Option<BTreeMap<Counter, i64>>,
}

/// A cell being made; what is made here rather than given is owned.
struct NewCell<'c> {
    column: ColumnId,
    path: Option<Part<'c>>,
    timestamp: i64,
    /// `None`: deleted.
    value: Option<Part<'c>>,
}

enum Part<'c> {
    Given(&'c [u8]),
    Path([u8; 16]),
    Counter([u8; 8]),
    Found(Bytes),
}

impl Part<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Part::Given(bytes) => bytes,
            Part::Path(bytes) => bytes,
            Part::Counter(bytes) => bytes,
            Part::Found(bytes) => bytes,
        }
    }
}

impl<R: Rows, B: Bugs> Writing<'_, '_, R, B> {
    fn change<'c>(
        &mut self,
        mutation: &'c Mutation,
        change: &'c Change,
    ) -> Result<Result<Option<Effect<'c>>, String>, Damage> {
        let timestamp = mutation.timestamp.unwrap_or(self.stamp.0);
        let deletion = Deletion { timestamp, seconds: self.seconds() };
        // What a conditional batch deletes as a range is what was there before: the rows that it writes stay.
        let before = if self.write.conditions.is_empty() { timestamp } else { timestamp.saturating_sub(1) };
        let range_deletion = Deletion { timestamp: before, ..deletion };
        Ok(Ok(match change {
            Change::DeletePartition => Some(Effect::Delete(mutation, None, range_deletion)),
            Change::DeleteRange(range) => {
                Some(Effect::Delete(mutation, Some((&range.start, &range.end)), range_deletion))
            }
            Change::DeleteRow(key) => {
                let mut out = Vec::with_capacity(16);
                let header = Header { marker: None, deletion: Some(deletion) };
                Normaliser::new(header, &mut out, self.view.bugs).finish();
                Some(Effect::Row(mutation, RowRef::Row(key), out))
            }
            Change::Row(change) => match self.row(mutation, change, timestamp)? {
                Ok(bytes) => bytes.map(|bytes| Effect::Row(mutation, RowRef::of(&change.row), bytes)),
                Err(reason) => return Ok(Err(reason)),
            },
        }))
    }

    fn seconds(&self) -> i64 {
        self.stamp.seconds()
    }

    /// The encoded row of a change; `None` if it changes nothing.
    fn row(
        &mut self,
        mutation: &Mutation,
        change: &RowChange,
        timestamp: i64,
    ) -> Result<Result<Option<Vec<u8>>, String>, Damage> {
        let mut new = Vec::with_capacity(change.cells.len());
        for cell in &change.cells {
            if let Err(reason) = self.cell(mutation, change, cell.column, &cell.operation, timestamp, &mut new)? {
                return Ok(Err(reason));
            }
        }
        if !change.marker && new.is_empty() {
            return Ok(Ok(None));
        }
        Ok(Ok(Some(self.encode(mutation.table, change, change.marker.then_some(timestamp), new.iter()))))
    }

    /// The encoded row of these cells, with a marker of that timestamp.
    fn encode<'n, 'c: 'n>(
        &self,
        table: StorageId,
        change: &RowChange,
        marker: Option<i64>,
        new: impl ExactSizeIterator<Item = &'n NewCell<'c>>,
    ) -> Vec<u8> {
        let seconds = self.seconds();
        // What was written long ago, it says, is dead at once; yet it counts until the next purge, as all that is applied now.
        let counted = || (self.now + i64::from(change.ttl)).max(self.view.horizon(table));
        let expires = if change.ttl == 0 { 0 } else { counted() };
        let marker = marker.map(|timestamp| Marker { timestamp, ttl: change.ttl, expires });
        let mut cells: Vec<Cell<'_>> = Vec::with_capacity(new.len());
        cells.extend(new.map(|cell| Cell {
            column: cell.column,
            path: cell.path.as_ref().map(Part::bytes),
            timestamp: cell.timestamp,
            content: match &cell.value {
                Some(value) => Content::Value { value: value.bytes(), ttl: change.ttl, expires },
                None => Content::Deleted { seconds },
            },
        }));
        if !cells.is_sorted_by(|one, two| one.order(two).is_lt()) {
            cells.sort_by(Cell::order);
        }
        let size = |cell: &Cell<'_>| match cell.content {
            Content::Value { value, .. } => value.len() + cell.path.map_or(0, <[u8]>::len) + 12,
            Content::Deleted { .. } => cell.path.map_or(0, <[u8]>::len) + 20,
        };
        let mut out = Vec::with_capacity(24 + cells.iter().map(size).sum::<usize>());
        let mut normaliser = Normaliser::new(Header { marker, deletion: None }, &mut out, self.view.bugs);
        cells.iter().for_each(|cell| normaliser.push(*cell));
        normaliser.finish();
        out
    }

    fn cell<'c>(
        &mut self,
        mutation: &Mutation,
        change: &RowChange,
        column: ColumnId,
        operation: &'c CellOperation,
        timestamp: i64,
        new: &mut Vec<NewCell<'c>>,
    ) -> Result<Result<(), String>, Damage> {
        let delete_column = |timestamp| NewCell { column, path: None, timestamp, value: None };
        let element = |path, value| NewCell { column, path: Some(path), timestamp, value };
        match operation {
            CellOperation::Set(value) => {
                new.push(NewCell { column, path: None, timestamp, value: Some(Part::Given(value)) });
            }
            CellOperation::Delete => new.push(delete_column(timestamp)),
            CellOperation::Replace(elements) | CellOperation::Put(elements) => {
                if matches!(operation, CellOperation::Replace(_)) {
                    new.push(delete_column(timestamp.saturating_sub(1)));
                }
                new.extend(elements.iter().map(|(path, value)| element(Part::Given(path), Some(Part::Given(value)))));
            }
            CellOperation::Remove(paths) => new.extend(paths.iter().map(|path| element(Part::Given(path), None))),
            CellOperation::ListReplace(values) | CellOperation::ListAppend(values) => {
                if matches!(operation, CellOperation::ListReplace(_)) {
                    new.push(delete_column(timestamp.saturating_sub(1)));
                }
                let paths = self.make_paths(false);
                let elements =
                    paths.zip(values).map(|(path, value)| element(Part::Path(path), Some(Part::Given(value))));
                new.extend(elements);
            }
            CellOperation::ListPrepend(values) => {
                let paths = self.make_paths(true);
                let elements =
                    paths.zip(values).map(|(path, value)| element(Part::Path(path), Some(Part::Given(value))));
                new.extend(elements);
            }
            CellOperation::ListSet(index, value) => {
                let list = self.read_list(mutation, change, column, new)?;
                let Some(old) = usize::try_from(*index).ok().and_then(|index| list.get(index)) else {
                    return Ok(Err(out_of_range(*index, list.len(), value.is_some())));
                };
                new.push(element(Part::Found(old.path.clone()), value.as_deref().map(Part::Given)));
            }
            CellOperation::Refused(reason) => return Ok(Err(reason.clone())),
            CellOperation::ListHas(index) => {
                let list = self.read_list(mutation, change, column, new)?;
                if usize::try_from(*index).map_or(true, |index| index >= list.len()) {
                    return Ok(Err(out_of_range(*index, list.len(), true)));
                }
            }
            CellOperation::ListRemove(values) => {
                let list = self.read_list(mutation, change, column, new)?;
                let gone = list.into_iter().filter(|old| values.contains(&old.value));
                new.extend(gone.map(|old| element(Part::Found(old.path), None)));
            }
            CellOperation::CounterAdd(_) => {
                let total = self.counter_total(mutation, change, column)?;
                let cell = |total: i64| NewCell {
                    column,
                    path: None,
                    timestamp,
                    value: Some(Part::Counter(total.to_be_bytes())),
                };
                new.extend(total.map(cell));
            }
        }
        Ok(Ok(()))
    }

    /// Paths of new list elements, in order. Those of later writes sort behind (or before, to prepend) those of earlier ones.
    fn make_paths(&mut self, prepend: bool) -> impl Iterator<Item = [u8; 16]> + use<R, B> {
        self.made_paths += 1;
        let time = (self.stamp.0 as u64 & (u64::MAX >> 1)) | 1 << 63;
        let operation = self.made_paths;
        let (time, operation) = if prepend { (!time, !operation) } else { (time, operation) };
        (0u32..).map(move |element| {
            let mut path = [0; 16];
            path[..8].copy_from_slice(&time.to_be_bytes());
            path[8..12].copy_from_slice(&operation.to_be_bytes());
            path[12..].copy_from_slice(&element.to_be_bytes());
            path
        })
    }

    /// The live cells of a list: as before this write, with what its statement did to the list so far.
    fn read_list(
        &self,
        mutation: &Mutation,
        change: &RowChange,
        column: ColumnId,
        new: &[NewCell<'_>],
    ) -> Result<Vec<ReadCell>, Damage> {
        let pending: Vec<&NewCell<'_>> = new.iter().filter(|cell| cell.column == column).collect();
        if pending.is_empty() {
            return self.read_column(mutation, &change.row, column);
        }
        let pending = self.encode(mutation.table, change, None, pending.into_iter());
        let deletions = self.view.deletions(mutation.table, &mutation.partition)?;
        let (found, _) = self.view.row(mutation.table, &mutation.partition, RowRef::of(&change.row), &deletions)?;
        let row = RowBytes::Merged(match found {
            Some(found) => {
                let mut merged = Vec::new();
                merge(found.view(), RowView::trusted(&pending), &mut merged, self.view.bugs);
                merged
            }
            None => pending,
        });
        Ok(self.live_cells(&row, column))
    }

    fn read_column(&self, mutation: &Mutation, row: &RowId, column: ColumnId) -> Result<Vec<ReadCell>, Damage> {
        let deletions = self.view.deletions(mutation.table, &mutation.partition)?;
        let (found, _) = self.view.row(mutation.table, &mutation.partition, RowRef::of(row), &deletions)?;
        Ok(found.map_or_else(Vec::new, |found| self.live_cells(&found, column)))
    }

    fn live_cells(&self, row: &RowBytes<'_>, column: ColumnId) -> Vec<ReadCell> {
        let mut cells = Vec::new();
        collect_cells(row, self.now, |wanted| wanted == column, &[], &mut Copies::default(), &mut cells);
        cells
    }

    /// What a counter comes to with everything that this write adds to it; `None` if that was said before: of two cells with one
    /// timestamp the larger would win. Reading, adding and writing is exact, because an entry is applied once and in order.
    fn counter_total(
        &mut self,
        mutation: &Mutation,
        change: &RowChange,
        column: ColumnId,
    ) -> Result<Option<i64>, Damage> {
        let place = (mutation.table, mutation.partition.clone(), change.row.clone(), column);
        let write = self.write;
        let counters = self.counters.get_or_insert_with(|| sum_of_additions(write));
        let Some(added) = counters.remove(&place) else { return Ok(None) };
        let view = self.view;
        self.view.memtables = !(self.view.store.is_flushing() && view.bugs.planted(PlantedBug::IncrementMissesMemory));
        let cells = self.read_column(mutation, &change.row, column)?;
        self.view = view;
        let before = cells.first().and_then(|cell| (*cell.value).try_into().ok()).map_or(0, i64::from_be_bytes);
        Ok(Some(before.wrapping_add(added)))
    }
}

/// What a write adds to each counter.
fn sum_of_additions(write: &WriteCommand) -> BTreeMap<Counter, i64> {
    let mut sums = BTreeMap::new();
    for mutation in &write.mutations {
        for change in &mutation.changes {
            let Change::Row(change) = change else { continue };
            for cell in &change.cells {
                if let CellOperation::CounterAdd(delta) = cell.operation {
                    let place = (mutation.table, mutation.partition.clone(), change.row.clone(), cell.column);
                    let sum: &mut i64 = sums.entry(place).or_default();
                    *sum = sum.wrapping_add(delta);
                }
            }
        }
    }
    sums
}

/// What a client is told of an index that a list does not have, in Cassandra's words.
pub(crate) fn out_of_range(index: i32, length: usize, setting: bool) -> String {
    match (length, setting) {
        (0, true) => "Attempted to set an element on a list which is null".to_owned(),
        (0, false) => "Attempted to delete an element from a list which is null".to_owned(),
        _ => format!("List index {index} out of bound, list has size {length}"),
    }
}
