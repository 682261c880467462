//! Lists that a write over several shards names elements of by index: they are read before anything is written, so that an index
//! which a list does not have refuses the whole, and no shard can refuse its share alone once another has taken its own.
//!
//! An index becomes the path of the element that stands there when the list is read; the write then says the same to every shard,
//! whenever it is applied. Inside one shard none of this is needed: there the entry itself is applied wholly or not at all.

use super::read::{Purpose, ReadOperation};
use crate::command::{
    CellChange, CellOperation, Change, ClusteringRange, Mutation, Partitions, ReadCommand, ReadResult, RowChange, RowId,
};
use crate::node::Node;
use crate::session::{Client, Options};
use crate::statement::WritePlan;
use crate::storage::{column_cells, out_of_range};
use crate::world::World;
use trefoil_cql::protocol::response::CqlError;

/// A write whose lists are being read.
#[derive(Debug)]
pub(super) struct ListReads {
    plan: WritePlan,
    /// Whose list is read next: mutation, change, cell.
    next: Option<(usize, usize, usize)>,
}

impl Node {
    /// Whether a write has to look at lists before it is cut at shard borders.
    pub(super) fn must_read_lists(&self, plan: &WritePlan) -> bool {
        let [first, others @ ..] = &plan.mutations[..] else { return false };
        let shard = |mutation: &Mutation| self.config.layout.shard_of(mutation.partition.token);
        others.iter().any(|other| shard(other) != shard(first)) && first_index(plan).is_some()
    }

    pub(super) fn read_lists<W: World>(&mut self, client: Client, plan: WritePlan, options: Options, world: &mut W) {
        crate::sometimes!(world, "write over several shards reads lists first");
        let next = first_index(&plan);
        let read = ReadOperation::new(Purpose::Lists(ListReads { plan, next }), options);
        self.go_on_reading(None, client, Box::new(read), world);
    }
}

/// The first element named by index.
fn first_index(plan: &WritePlan) -> Option<(usize, usize, usize)> {
    plan.mutations.iter().enumerate().find_map(|(mutation, Mutation { changes, .. })| {
        changes.iter().enumerate().find_map(|(change, content)| {
            let Change::Row(row) = content else { return None };
            let names_index =
                |cell: &CellChange| matches!(cell.operation, CellOperation::ListSet(..) | CellOperation::ListHas(_));
            let cell = row.cells.iter().position(names_index)?;
            Some((mutation, change, cell))
        })
    })
}

impl ListReads {
    /// What to read next; `None`: every list is read.
    pub(super) fn next_command(&self) -> Option<ReadCommand> {
        let (mutation, change, cell) = self.next?;
        let mutation = &self.plan.mutations[mutation];
        let Change::Row(RowChange { row, cells, .. }) = &mutation.changes[change] else { return None };
        let clustering = match row {
            RowId::Static => Vec::new(),
            RowId::Row(key) => vec![ClusteringRange::row(key)],
        };
        Some(ReadCommand {
            clustering,
            columns: Some(vec![cells[cell].column]),
            statics: *row == RowId::Static,
            now_seconds: mutation.now_seconds,
            ..ReadCommand::of(mutation.table, Partitions::Keys(vec![mutation.partition.clone()]), 1)
        })
    }

    /// A list as it is: the index becomes a path.
    ///
    /// # Errors
    /// It has no such element.
    pub(super) fn absorb(&mut self, result: &ReadResult) -> Result<(), CqlError> {
        let Some((mutation, change, cell)) = self.next else { return Ok(()) };
        if let Change::Row(row) = &mut self.plan.mutations[mutation].changes[change] {
            let column = row.cells[cell].column;
            let list = result.rows.first().map_or(&[][..], |row| column_cells(&row.cells, column));
            let path = |index: i32, setting: bool| {
                let element = usize::try_from(index).ok().and_then(|index| list.get(index));
                let refused = || CqlError::Invalid(out_of_range(index, list.len(), setting));
                element.map(|element| element.path.clone()).ok_or_else(refused)
            };
            let resolved = match &row.cells[cell].operation {
                CellOperation::ListSet(index, Some(value)) => {
                    Some(CellOperation::Put(vec![(path(*index, true)?, value.clone())]))
                }
                CellOperation::ListSet(index, None) => Some(CellOperation::Remove(vec![path(*index, false)?])),
                CellOperation::ListHas(index) => {
                    path(*index, true)?;
                    None
                }
                other => Some(other.clone()),
            };
            match resolved {
                Some(operation) => row.cells[cell].operation = operation,
                None => drop(row.cells.remove(cell)),
            }
        }
        self.next = first_index(&self.plan);
        Ok(())
    }

    /// The write, without indexes.
    pub(super) fn into_plan(self) -> WritePlan {
        self.plan
    }
}
