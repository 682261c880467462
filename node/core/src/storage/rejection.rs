//! Conditions of a write: what a write becomes when one of them does not hold, and the rows that the client is shown then.
//!
//! They see the state before the write, as of one time. What they find depends on the log alone, so replicas agree.

use super::damage::Damage;
use super::key::RowRef;
use super::live::{Copies, collect_cells, with_statics};
use super::predicate::condition_holds;
use super::view::View;
use crate::bugs::Bugs;
use crate::command::{Change, Condition, Mutation, PartitionKey, ReadCell, ReadRow, RowId, WriteCommand, WriteOutcome};
use crate::ids::StorageId;
use crate::world::Rows;
use bytes::Bytes;

/// What becomes of a write of which a condition does not hold at `now` seconds since 1970, or cannot be looked at.
pub(super) fn rejection<R: Rows, B: Bugs>(
    view: View<'_, R, B>,
    write: &WriteCommand,
    now: i64,
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
                let (exists, row) = read_row(view, condition.table, &condition.partition, &condition.row, now)?;
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
        rows.extend(first_row(view, &conditions[0], !writes_rows(&write.mutations), now)?);
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
    now: i64,
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
        let is_seen = next.row.is_some_and(|row| match only_marked {
            true => row.view().parts().0.marker.is_some_and(|marker| marker.is_live(now)),
            false => collect_cells(&row, now, |_| false, &[], &mut Copies::default(), &mut Vec::new()),
        });
        if is_seen {
            let row = RowId::Row(Bytes::copy_from_slice(&next.clustering));
            return Ok(Some(read_row(view, table, partition, &row, now)?.1));
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
    now: i64,
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
        Ok(found.is_some_and(|found| collect_cells(&found, now, |_| true, &[], &mut copies, cells)))
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
