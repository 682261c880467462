//! Cassandra's guard rails for batches: large ones, and unlogged ones over many partitions, are warned of, and very large ones
//! are refused. They hold for batches of several partitions only; sizes are counted nearly as there.

use crate::command::{CellOperation, Change, Mutation};
use crate::limits::{BATCH_FAIL_BYTES, BATCH_WARN_BYTES, UNLOGGED_BATCH_WARN_PARTITIONS};
use crate::schema::Table;
use std::collections::BTreeSet;
use trefoil_cql::protocol::request::BatchKind;
use trefoil_cql::protocol::response::CqlError;

/// What Cassandra counts for a row besides its values...
const ROW_BYTES: usize = 46;
/// ...and for a cell.
const CELL_BYTES: usize = 24;

/// What is to be said about a batch.
///
/// # Errors
/// INVALID when it is too large.
pub(super) fn check_size<'t>(
    kind: BatchKind,
    mutations: &[Mutation],
    tables: impl Iterator<Item = &'t Table>,
) -> Result<Vec<String>, CqlError> {
    let partitions: BTreeSet<_> = mutations.iter().map(|mutation| &mutation.partition).collect();
    let mut warnings = Vec::new();
    if partitions.len() <= 1 {
        return Ok(warnings);
    }
    let size: usize = mutations.iter().flat_map(|mutation| &mutation.changes).map(change_bytes).sum();
    if size > BATCH_FAIL_BYTES {
        return Err(CqlError::invalid("Batch too large"));
    }
    let is_large = size > BATCH_WARN_BYTES;
    let is_wide = kind == BatchKind::Unlogged && partitions.len() > UNLOGGED_BATCH_WARN_PARTITIONS;
    if !is_large && !is_wide {
        return Ok(warnings);
    }
    let names: BTreeSet<String> = tables.map(|table| format!("{}.{}", table.keyspace, table.name)).collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    if is_large {
        warnings.push(format!(
            "Batch for [{names}] is of size {size}, exceeding specified threshold of {BATCH_WARN_BYTES} by {}.",
            size - BATCH_WARN_BYTES
        ));
    }
    if is_wide {
        warnings.push(format!(
            "Unlogged batch covering {} partitions detected against table{plural} [{names}]. You should use a logged batch \
             for atomicity, or asynchronous writes for performance.",
            partitions.len()
        ));
    }
    Ok(warnings)
}

fn change_bytes(change: &Change) -> usize {
    match change {
        Change::Row(row) => ROW_BYTES + row.cells.iter().map(|cell| operation_bytes(&cell.operation)).sum::<usize>(),
        Change::DeleteRow(key) => ROW_BYTES + key.len(),
        Change::DeleteRange(range) => ROW_BYTES + range.start.len() + range.end.len(),
        Change::DeletePartition => ROW_BYTES,
    }
}

fn operation_bytes(operation: &CellOperation) -> usize {
    match operation {
        CellOperation::Set(value) => CELL_BYTES + value.len(),
        CellOperation::Delete | CellOperation::CounterAdd(_) => CELL_BYTES,
        CellOperation::ListHas(_) | CellOperation::Refused(_) => 0,
        CellOperation::Replace(entries) | CellOperation::Put(entries) => {
            entries.iter().map(|(path, value)| CELL_BYTES + path.len() + value.len()).sum()
        }
        CellOperation::Remove(values)
        | CellOperation::ListReplace(values)
        | CellOperation::ListAppend(values)
        | CellOperation::ListPrepend(values)
        | CellOperation::ListRemove(values) => values.iter().map(|value| CELL_BYTES + value.len()).sum(),
        CellOperation::ListSet(_, value) => CELL_BYTES + value.as_ref().map_or(0, |value| value.len()),
    }
}
