//! Applying a write: conditions, operations that look at the row first, then all changes at once.
//!
//! Everything that can fail or has to be read comes before the first change, so a write is applied wholly or not at all. All its
//! changes carry one timestamp: the stamp of its log entry, unless the client gave one. What is read is the state before
//! the write, whatever order its statements have; only an operation on a list also sees what those before it in its own statement
//! did to the list. Counters add up. The result depends on the log alone.

use super::damage::Damage;
use super::key::RowRef;
use super::live::{Copies, collect_cells, with_statics};
use super::memtable::Memtable;
use super::merge::{Normaliser, merge};
use super::predicate::condition_holds;
use super::row::{Cell, Content, Deletion, Header, Marker, RowView};
use super::view::{RowBytes, View};
use super::walk::{Item, Place};
use crate::bugs::{Bugs, PlantedBug};
use crate::command::{
    CellOperation, Change, Condition, Mutation, PartitionKey, ReadCell, ReadRow, RowChange, RowId, WriteCommand,
    WriteOutcome,
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
    if !write.conditions.is_empty()
        && let Some(outcome) = rejection(view, write, stamp)?
    {
        return Ok(Err(outcome));
    }
    let mut writing = Writing { view, write, stamp, made_paths: 0, counters: None };
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

/// What becomes of a write of which a condition does not hold, or cannot be looked at.
fn rejection<R: Rows, B: Bugs>(
    view: View<'_, R, B>,
    write: &WriteCommand,
    stamp: HybridTime,
) -> Result<Option<WriteOutcome>, Damage> {
    let conditions = &write.conditions;
    // Each row is read once, in order of appearance: the answer shows them all.
    let mut rows: Vec<(StorageId, &PartitionKey, &RowId, bool, ReadRow)> = Vec::new();
    let mut read = Vec::with_capacity(conditions.len());
    for condition in conditions {
        let found = rows.iter().position(|(table, partition, row, ..)| {
            *table == condition.table && **partition == condition.partition && **row == condition.row
        });
        let index = match found {
            Some(index) => index,
            None => {
                let (exists, row) = read_row(view, condition.table, &condition.partition, &condition.row, stamp)?;
                rows.push((condition.table, &condition.partition, &condition.row, exists, row));
                rows.len() - 1
            }
        };
        read.push((condition, index));
    }
    // The static row first, then row by row: the first that does not hold decides, and those behind it are not looked at.
    read.sort_by(|(one, _), (two, _)| one.row.cmp(&two.row));
    let mut applies = true;
    for (condition, index) in read {
        let (.., exists, row) = &rows[index];
        match condition_holds(&condition.test, *exists, &row.cells) {
            Ok(true) => {}
            Ok(false) => {
                applies = false;
                break;
            }
            Err(reason) => return Ok(Some(WriteOutcome::Invalid(reason))),
        }
    }
    if applies {
        return Ok(None);
    }
    let mut rows: Vec<ReadRow> = rows.into_iter().map(|(.., row)| row).collect();
    if conditions.iter().all(|condition| condition.row == RowId::Static) {
        rows.extend(first_row(view, &conditions[0], !writes_rows(&write.mutations), stamp)?);
    }
    Ok(Some(WriteOutcome::Rejected { rows }))
}

/// Whether rows are named as written, and not only static columns or the whole partition.
fn writes_rows(mutations: &[Mutation]) -> bool {
    let is_row = |change: &Change| match change {
        Change::DeletePartition => false,
        Change::DeleteRange(_) | Change::DeleteRow(_) => true,
        Change::Row(change) => change.row != RowId::Static,
    };
    mutations.iter().any(|mutation| mutation.changes.iter().any(is_row))
}

/// The first row of a partition of which only the static row was tested: the answer tells whether there is any. A write that is not
/// about rows reads none of their columns in Cassandra, so it sees only those that have a marker.
fn first_row<R: Rows, B: Bugs>(
    view: View<'_, R, B>,
    condition: &Condition,
    only_marked: bool,
    stamp: HybridTime,
) -> Result<Option<ReadRow>, Damage> {
    let (table, partition) = (condition.table, &condition.partition);
    if view.store.is_dropped(table) {
        return Ok(None);
    }
    let deletions = view.deletions(table, partition)?;
    let horizon = view.horizon(table);
    // Without a limit on what is looked at: how much that is depends on when replicas flush, and they must agree.
    let mut cursor = view.cursor(table, partition, &[], &[], false);
    while let Some(next) = cursor.next(&view, horizon, &deletions)? {
        let seconds = stamp.seconds();
        let is_seen = next.row.is_some_and(|row| match only_marked {
            true => row.view().parts().0.marker.is_some_and(|marker| marker.is_live(seconds)),
            false => collect_cells(&row, seconds, |_| false, &[], &mut Copies::default(), &mut Vec::new()),
        });
        if is_seen {
            let row = RowId::Row(Bytes::copy_from_slice(&next.clustering));
            return Ok(Some(read_row(view, table, partition, &row, stamp)?.1));
        }
    }
    Ok(None)
}

/// A row with its partition's static values, and whether it exists by itself.
fn read_row<R: Rows, B: Bugs>(
    view: View<'_, R, B>,
    table: StorageId,
    partition: &PartitionKey,
    row: &RowId,
    stamp: HybridTime,
) -> Result<(bool, ReadRow), Damage> {
    let mut read = ReadRow { partition: partition.clone(), clustering: None, cells: Vec::new() };
    if view.store.is_dropped(table) {
        return Ok((false, read));
    }
    let deletions = view.deletions(table, partition)?;
    let mut exists = false;
    let mut copies = Copies::default();
    let mut collect = |row: RowRef<'_>, cells: &mut Vec<ReadCell>| {
        let (found, _) = view.row(table, partition, row, &deletions)?;
        Ok(found.is_some_and(|found| collect_cells(&found, stamp.seconds(), |_| true, &[], &mut copies, cells)))
    };
    if let RowId::Row(key) = row {
        exists = collect(RowRef::Row(key), &mut read.cells)?;
        read.clustering = exists.then(|| key.clone());
    }
    let mut statics = Vec::new();
    let has_statics = collect(RowRef::Static, &mut statics)?;
    with_statics(&mut read.cells, &statics);
    if *row == RowId::Static {
        exists = has_statics;
    }
    Ok((exists, read))
}

/// Where a counter is.
type Counter = (StorageId, PartitionKey, RowId, ColumnId);

/// State while one write is evaluated.
struct Writing<'v, 'w, R, B> {
    view: View<'v, R, B>,
    write: &'w WriteCommand,
    stamp: HybridTime,
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
        Ok(Ok(Some(self.encode(change, change.marker.then_some(timestamp), new.iter()))))
    }

    /// The encoded row of these cells, with a marker of that timestamp.
    fn encode<'n, 'c: 'n>(
        &self,
        change: &RowChange,
        marker: Option<i64>,
        new: impl ExactSizeIterator<Item = &'n NewCell<'c>>,
    ) -> Vec<u8> {
        let seconds = self.seconds();
        let expires = if change.ttl == 0 { 0 } else { seconds + i64::from(change.ttl) };
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
        let pending = self.encode(change, None, pending.into_iter());
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
        collect_cells(row, self.seconds(), |wanted| wanted == column, &[], &mut Copies::default(), &mut cells);
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
