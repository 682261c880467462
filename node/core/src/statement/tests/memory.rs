//! The simplest thing that can hold rows: what was written last counts, nothing expires. It knows nothing of how the real
//! store works, so that plans are tested against what they mean.

use crate::command::{
    CellChange, CellOperation, Change, Condition, Mutation, Operator, PartitionKey, ReadCell, ReadCommand, ReadResult,
    ReadRow, RowChange, RowId, Test, WriteOutcome,
};
use crate::ids::{ColumnId, StorageId};
use crate::statement::system::read::read as read_rows;
use bytes::Bytes;
use std::collections::BTreeMap;

/// When a cell was written, for how long, and what is in it.
type Stored = (i64, u32, Bytes);
type Cells = BTreeMap<(ColumnId, Bytes), Stored>;

#[derive(Clone, Debug, Default)]
struct Partition {
    statics: Cells,
    /// Rows by key, with their marker.
    rows: BTreeMap<Bytes, (bool, Cells)>,
}

/// Rows of many tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    partitions: BTreeMap<(StorageId, PartitionKey), Partition>,
    lists: u64,
}

pub(super) const NOW_SECONDS: i64 = 1_000_000;

impl Memory {
    pub fn write(&mut self, conditions: &[Condition], mutations: &[Mutation], stamp: i64) -> WriteOutcome {
        if !conditions.iter().all(|condition| self.holds(condition)) {
            let mut rows: Vec<ReadRow> = Vec::new();
            for condition in conditions {
                let row = self.row(condition);
                if !rows.contains(&row) {
                    rows.push(row);
                }
            }
            return WriteOutcome::Rejected { rows };
        }
        for mutation in mutations {
            let stamp = mutation.timestamp.unwrap_or(stamp);
            let key = (mutation.table, mutation.partition.clone());
            let mut partition = self.partitions.remove(&key).unwrap_or_default();
            for change in &mutation.changes {
                match change {
                    Change::DeletePartition => partition = Partition::default(),
                    Change::DeleteRange(range) => partition
                        .rows
                        .retain(|key, _| *key < range.start || (!range.end.is_empty() && *key >= range.end)),
                    Change::DeleteRow(key) => drop(partition.rows.remove(key)),
                    Change::Row(change) => self.change_row(&mut partition, change, stamp),
                }
            }
            partition.rows.retain(|_, (marker, cells)| *marker || !cells.is_empty());
            if !partition.rows.is_empty() || !partition.statics.is_empty() {
                self.partitions.insert(key, partition);
            }
        }
        WriteOutcome::Applied
    }

    fn change_row(&mut self, partition: &mut Partition, change: &RowChange, stamp: i64) {
        let cells = match &change.row {
            RowId::Static => &mut partition.statics,
            RowId::Row(key) => {
                let (marker, cells) = partition.rows.entry(key.clone()).or_default();
                *marker |= change.marker;
                cells
            }
        };
        for cell in &change.cells {
            self.change_cell(cells, cell, change.ttl, stamp);
        }
    }

    fn change_cell(&mut self, cells: &mut Cells, change: &CellChange, ttl: u32, stamp: i64) {
        let column = change.column;
        let clear = |cells: &mut Cells| cells.retain(|(id, _), _| *id != column);
        let path_at = |cells: &Cells, index: u32| {
            cells.keys().filter(|(id, _)| *id == column).nth(index as usize).map(|(_, path)| path.clone())
        };
        let mut next = |count: usize, sign: i128| -> Vec<Bytes> {
            self.lists += count as u64;
            let last = i128::from(self.lists);
            let places = (0..count as i128).map(|offset| i128::from(u64::MAX) + sign * last + offset * sign.abs());
            places.map(|place| Bytes::copy_from_slice(&place.to_be_bytes())).collect()
        };
        let put = |cells: &mut Cells, path: Bytes, value: Bytes| {
            cells.insert((column, path), (stamp, ttl, value));
        };
        match &change.operation {
            CellOperation::Set(value) => put(cells, Bytes::new(), value.clone()),
            CellOperation::Delete => clear(cells),
            CellOperation::Replace(elements) => {
                clear(cells);
                elements.iter().for_each(|(path, value)| put(cells, path.clone(), value.clone()));
            }
            CellOperation::Put(elements) => {
                elements.iter().for_each(|(path, value)| put(cells, path.clone(), value.clone()));
            }
            CellOperation::Remove(paths) => paths.iter().for_each(|path| drop(cells.remove(&(column, path.clone())))),
            CellOperation::ListReplace(values) => {
                clear(cells);
                next(values.len(), 1).into_iter().zip(values).for_each(|(path, value)| put(cells, path, value.clone()));
            }
            CellOperation::ListAppend(values) => {
                next(values.len(), 1).into_iter().zip(values).for_each(|(path, value)| put(cells, path, value.clone()));
            }
            CellOperation::ListPrepend(values) => {
                next(values.len(), -1)
                    .into_iter()
                    .zip(values)
                    .for_each(|(path, value)| put(cells, path, value.clone()));
            }
            CellOperation::ListSet(index, value) => {
                let path = path_at(cells, *index).expect("tests stay inside their lists");
                match value {
                    Some(value) => put(cells, path, value.clone()),
                    None => drop(cells.remove(&(column, path))),
                }
            }
            CellOperation::ListRemove(values) => {
                cells.retain(|(id, _), (.., value)| *id != column || !values.contains(value));
            }
            CellOperation::CounterAdd(amount) => {
                let before = cells
                    .get(&(column, Bytes::new()))
                    .map_or(0, |(.., value)| i64::from_be_bytes(value[..].try_into().expect("counters have 8 bytes")));
                put(cells, Bytes::new(), Bytes::copy_from_slice(&(before + amount).to_be_bytes()));
            }
        }
    }

    fn row(&self, condition: &Condition) -> ReadRow {
        let partition = self.partitions.get(&(condition.table, condition.partition.clone()));
        let mut row = ReadRow { partition: condition.partition.clone(), clustering: None, cells: Vec::new() };
        let Some(partition) = partition else { return row };
        row.cells = read_cells(&partition.statics);
        if let RowId::Row(key) = &condition.row
            && let Some((_, cells)) = partition.rows.get(key)
        {
            row.clustering = Some(key.clone());
            row.cells.extend(read_cells(cells));
            row.cells.sort();
        }
        row
    }

    /// Only what the tests ask: existence, and whether a whole simple column equals a value.
    fn holds(&self, condition: &Condition) -> bool {
        let row = self.row(condition);
        let exists = match condition.row {
            RowId::Static => !row.cells.is_empty(),
            RowId::Row(_) => row.clustering.is_some(),
        };
        match &condition.test {
            Test::NotExists => !exists,
            Test::Exists => exists,
            Test::Column { column, operator, values, .. } => {
                let have = row.cells.iter().find(|cell| cell.column == *column).map(|cell| &cell.value);
                let is_one = values.iter().any(|wanted| wanted.as_ref() == have);
                match operator {
                    Operator::NotEqual => !is_one,
                    _ => is_one,
                }
            }
        }
    }

    pub fn read(&self, command: &ReadCommand) -> ReadResult {
        let mut rows = Vec::new();
        for ((table, key), partition) in &self.partitions {
            if *table != command.table {
                continue;
            }
            let statics = if command.statics { read_cells(&partition.statics) } else { Vec::new() };
            for (clustering, (_, cells)) in &partition.rows {
                let mut all = statics.clone();
                all.extend(read_cells(cells));
                all.sort();
                rows.push(ReadRow { partition: key.clone(), clustering: Some(clustering.clone()), cells: all });
            }
            if partition.rows.is_empty() && !statics.is_empty() {
                rows.push(ReadRow { partition: key.clone(), clustering: None, cells: statics });
            }
        }
        let mut result = read_rows(&rows, command, NOW_SECONDS);
        if let Some(columns) = &command.columns {
            result.rows.iter_mut().for_each(|row| row.cells.retain(|cell| columns.contains(&cell.column)));
        }
        result
    }
}

fn read_cells(cells: &Cells) -> Vec<ReadCell> {
    let cell = |((column, path), (timestamp, ttl, value)): (&(ColumnId, Bytes), &Stored)| ReadCell {
        column: *column,
        path: path.clone(),
        timestamp: *timestamp,
        ttl: *ttl,
        expires: if *ttl == 0 { 0 } else { NOW_SECONDS + i64::from(*ttl) },
        value: value.clone(),
    };
    cells.iter().map(cell).collect()
}
