//! The answer to a conditional write, shaped as Cassandra shapes it: `[applied]` alone when it was applied, or when there is
//! no row to show; otherwise with the columns that were tested, or with all of them after `IF [NOT] EXISTS`. In a batch the key
//! comes along, and there is a row for every row that is there. Cassandra reads no more than a statement is about: static
//! columns that it neither writes nor tests are null in the answer, and so are regular ones.

use super::super::answer::{Answer, Columns, ResultRows};
use super::super::select::column_value;
use super::condition::ConditionTerms;
use crate::command::{ReadRow, WriteOutcome};
use crate::ids::ColumnId;
use crate::schema::{ColumnKind, Table};
use bytes::Bytes;
use std::sync::Arc;
use trefoil_cql::protocol::response::{ColumnSpec, CqlError};
use trefoil_cql::types::CqlType;

/// The shapes of the answer.
#[derive(Clone, Debug)]
pub(in crate::statement) struct AppliedColumns {
    /// `[applied]`
    success: Arc<Columns>,
    /// `[applied]` and what follows.
    failure: Arc<Columns>,
    /// What follows: positions in the table, and whether they are read.
    shown: Arc<[(usize, bool)]>,
    /// The static columns that are read, in order: a static row is there if it has any of them.
    statics: Arc<[ColumnId]>,
}

/// What is needed to make the answer.
#[derive(Clone, Debug)]
pub struct ConditionalAnswer {
    table: Arc<Table>,
    columns: AppliedColumns,
}

/// What a conditional write is about.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::statement) struct Scope {
    /// It writes static columns.
    pub statics: bool,
    /// It writes rows.
    pub rows: bool,
}

impl AppliedColumns {
    pub fn new(table: &Table, condition: &ConditionTerms, scope: Scope) -> AppliedColumns {
        AppliedColumns::showing(table, condition.tested_columns(table), scope, std::iter::once(condition))
    }

    /// For a batch: the key, then what any of its statements tests.
    pub fn of_batch<'a>(
        table: &Table,
        conditions: impl Iterator<Item = &'a ConditionTerms> + Clone,
        scope: Scope,
    ) -> AppliedColumns {
        let keys = usize::from(table.partition_columns + table.clustering_columns);
        let mut shown: Vec<usize> = (0..keys).collect();
        for condition in conditions.clone() {
            if !matches!(condition, ConditionTerms::Columns(_)) {
                shown = (0..table.columns.len()).collect();
                break;
            }
            for column in condition.tested_columns(table) {
                if !shown.contains(&column) {
                    shown.push(column);
                }
            }
        }
        AppliedColumns::showing(table, shown, scope, conditions)
    }

    fn showing<'a>(
        table: &Table,
        shown: Vec<usize>,
        scope: Scope,
        conditions: impl Iterator<Item = &'a ConditionTerms>,
    ) -> AppliedColumns {
        let tested: Vec<usize> = conditions.flat_map(|condition| condition.named_columns()).collect();
        let is_read = |index: usize| match table.columns[index].kind {
            ColumnKind::PartitionKey | ColumnKind::Clustering => true,
            ColumnKind::Static => scope.statics || tested.contains(&index),
            ColumnKind::Regular => scope.rows || tested.contains(&index),
        };
        let spec = |name: &str, column_type: CqlType| ColumnSpec {
            keyspace: table.keyspace.clone(),
            table: table.name.clone(),
            name: name.to_owned(),
            column_type,
        };
        let applied = || spec("[applied]", CqlType::Boolean);
        let columns = shown.iter().map(|index| &table.columns[*index]);
        let columns = columns.map(|column| spec(&column.name, column.column_type.clone()));
        let statics = (0..table.columns.len())
            .filter(|index| table.columns[*index].kind == ColumnKind::Static && is_read(*index))
            .map(|index| table.columns[index].id);
        AppliedColumns {
            success: Arc::new(Columns::new(vec![applied()])),
            failure: Arc::new(Columns::new(std::iter::once(applied()).chain(columns).collect())),
            statics: statics.collect(),
            shown: shown.into_iter().map(|index| (index, is_read(index))).collect(),
        }
    }
}

impl ConditionalAnswer {
    pub(in crate::statement) fn new(table: Arc<Table>, columns: AppliedColumns) -> ConditionalAnswer {
        ConditionalAnswer { table, columns }
    }

    pub(in crate::statement) fn answer(&self, outcome: &WriteOutcome) -> Result<Answer, CqlError> {
        let boolean = |value: bool| Some(Bytes::from_static(if value { &[1] } else { &[0] }));
        let WriteOutcome::Rejected { rows } = outcome else {
            return Ok(one_row(&self.columns.success, vec![boolean(true)]));
        };
        let mut rows: Vec<&ReadRow> = rows.iter().filter(|row| self.is_there(row)).collect();
        // A partition is shown in clustering order, and its static row only if it has no others.
        if rows.iter().any(|row| row.clustering.is_some()) {
            rows.retain(|row| row.clustering.is_some());
        }
        rows.sort_by(|a, b| a.clustering.cmp(&b.clustering));
        rows.dedup_by(|a, b| a.clustering == b.clustering);
        if rows.is_empty() {
            return Ok(one_row(&self.columns.success, vec![boolean(false)]));
        }
        let mut shown = Vec::with_capacity(rows.len());
        for row in rows {
            let mut cells = vec![boolean(false)];
            cells.extend(self.show(row)?);
            shown.push(cells);
        }
        Ok(Answer::Rows(ResultRows {
            columns: Arc::clone(&self.columns.failure),
            rows: shown,
            paging_state: None,
            warning: None,
        }))
    }

    fn is_there(&self, row: &ReadRow) -> bool {
        row.clustering.is_some() || row.cells.iter().any(|cell| self.columns.statics.contains(&cell.column))
    }

    fn show(&self, row: &ReadRow) -> Result<Vec<Option<Bytes>>, CqlError> {
        let cell = |(index, is_read): &(usize, bool)| {
            if *is_read { column_value(row, &self.table, &self.table.columns[*index]) } else { Ok(None) }
        };
        self.columns.shown.iter().map(cell).collect()
    }
}

fn one_row(columns: &Arc<Columns>, row: Vec<Option<Bytes>>) -> Answer {
    Answer::Rows(ResultRows { columns: Arc::clone(columns), rows: vec![row], paging_state: None, warning: None })
}
