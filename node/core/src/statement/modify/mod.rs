//! INSERT, UPDATE, DELETE: three ways to say one thing, a `Modification`: rows, and what happens to them. Binding it gives
//! mutations and conditions; `batch` puts several together.

mod applied;
mod batch;
mod batch_size;
mod condition;
mod delete;
mod insert;
mod operation;
mod update;
mod using;

pub(super) use applied::AppliedColumns;
pub use applied::ConditionalAnswer;
pub(super) use batch::{Batch, bind_batch, only_modifications};
pub(super) use using::UsingTerms;

use super::plan::{WriteAnswer, WritePlan};
use super::restrictions::{BoundClustering, BoundPartitions, Restrictions};
use super::term::Scope;
use crate::command::{
    CellChange, CellOperation, Change, ClusteringKey, ClusteringRange, Condition, Mutation, PartitionKey, RowChange,
    RowId, Test,
};
use crate::schema::{ColumnKind, Table};
use condition::ConditionTerms;
use operation::Operation;
use std::sync::Arc;
use trefoil_cql::protocol::response::{CqlError, WriteType};

/// A statement that changes rows, analysed.
#[derive(Debug)]
pub(super) struct Modification {
    pub table: Arc<Table>,
    pub verb: Verb,
    pub restrictions: Restrictions,
    pub operations: Vec<Operation>,
    pub using: UsingTerms,
    pub condition: Option<ConditionTerms>,
    /// The shapes of the answer to a conditional one.
    pub applied: Option<AppliedColumns>,
}

/// What a modification is made of.
struct Parts {
    table: Arc<Table>,
    verb: Verb,
    restrictions: Restrictions,
    operations: Vec<Operation>,
    using: UsingTerms,
    condition: Option<ConditionTerms>,
}

/// Which statement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Insert,
    Update,
    Delete,
}

/// What one execution of a modification does.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub conditions: Vec<Condition>,
    pub mutations: Vec<Mutation>,
}

/// Whether it adds to what is there, so that twice is more than once.
fn adds(operation: &CellOperation) -> bool {
    matches!(
        operation,
        CellOperation::CounterAdd(_)
            | CellOperation::ListAppend(_)
            | CellOperation::ListPrepend(_)
            | CellOperation::ListReplace(_)
    )
}

/// INSERT counts nothing.
fn check_insert(table: &Table) -> Result<(), CqlError> {
    if table.is_counter() {
        return Err(CqlError::invalid("INSERT statements are not allowed on counter tables, use UPDATE instead"));
    }
    Ok(())
}

impl Modification {
    /// A statement as a whole: its rules are checked, and the shape of its answer is made.
    fn new(parts: Parts) -> Result<Modification, CqlError> {
        let Parts { table, verb, restrictions, operations, using, condition } = parts;
        let mut modification = Modification { table, verb, restrictions, operations, using, condition, applied: None };
        modification.check()?;
        let (table, scope) = (&modification.table, modification.scope());
        let applied = modification.condition.as_ref().map(|condition| AppliedColumns::new(table, condition, scope));
        modification.applied = applied;
        Ok(modification)
    }

    /// Which parts of a partition it is about.
    fn scope(&self) -> applied::Scope {
        applied::Scope {
            statics: self.operations.iter().any(|operation| self.is_static(operation)),
            rows: self.table.clustering_columns == 0 || self.restrictions.restricts_clustering,
        }
    }

    /// Rules that concern the whole statement.
    fn check(&self) -> Result<(), CqlError> {
        if self.table.is_counter() {
            let refused = match self.verb {
                _ if self.condition.is_some() => Some("Conditional updates are not supported on counter tables"),
                _ if self.using.timestamp.is_some() => Some("Cannot provide custom timestamp for counter updates"),
                _ if self.using.ttl.is_some() => Some("Cannot provide custom TTL for counter updates"),
                _ => None,
            };
            if let Some(text) = refused {
                return Err(CqlError::invalid(text));
            }
        }
        if self.condition.is_some() {
            if self.using.timestamp.is_some() {
                return Err(CqlError::invalid(condition::OWN_TIMESTAMP));
            }
            if self.restrictions.partition.is_in() {
                return Err(CqlError::Invalid(format!(
                    "IN on the partition key is not supported with conditional {}",
                    self.plural()
                )));
            }
            self.check_one_row()?;
        }
        Ok(())
    }

    /// A conditional write names each row that it writes.
    fn check_one_row(&self) -> Result<(), CqlError> {
        if self.restrictions.clustering.has_in() {
            return Err(CqlError::Invalid(format!(
                "IN on the clustering key columns is not supported with conditional {}",
                self.plural()
            )));
        }
        Ok(())
    }

    fn plural(&self) -> &'static str {
        match self.verb {
            Verb::Insert | Verb::Update => "updates",
            Verb::Delete => "deletions",
        }
    }

    fn is_static(&self, operation: &Operation) -> bool {
        self.table.columns[operation.column].kind == ColumnKind::Static
    }

    /// What this execution does. `timestamp`: of the batch or the driver, if it counts.
    pub fn effects(&self, timestamp: Option<i64>, scope: &mut Scope<'_>) -> Result<Effects, CqlError> {
        let BoundPartitions::Keys(partitions) = self.restrictions.partition.bind(&self.table, scope)? else {
            return Err(CqlError::server("a write was planned without its partition"));
        };
        let clustering = self.restrictions.clustering.bind(scope)?;
        if partitions.is_empty() {
            return Ok(Effects::default());
        }
        let timestamp = self.using.bind_timestamp(scope)?.or(timestamp);
        let conditions = self.conditions(&partitions, &clustering, scope)?;
        let changes = self.changes(clustering, scope)?;
        let mutation = |partition: PartitionKey, changes: Vec<Change>| Mutation {
            table: self.table.storage,
            partition,
            timestamp,
            now_seconds: scope.request_seconds,
            changes,
        };
        let mutations = match &partitions[..] {
            // A condition is judged by the time that comes with what would be written, though that is nothing.
            _ if changes.is_empty() && conditions.is_empty() => Vec::new(),
            [single] => vec![mutation(single.clone(), changes)],
            several => several.iter().map(|partition| mutation(partition.clone(), changes.clone())).collect(),
        };
        Ok(Effects { conditions, mutations })
    }

    fn changes(&self, clustering: BoundClustering, scope: &mut Scope<'_>) -> Result<Vec<Change>, CqlError> {
        if self.verb == Verb::Delete && self.operations.is_empty() {
            return Ok(self.deletions(clustering));
        }
        let ttl = if self.verb == Verb::Delete { 0 } else { self.using.bind_ttl(&self.table, scope)? };
        let mut statics = Vec::new();
        let mut regulars = Vec::with_capacity(self.operations.len());
        for operation in &self.operations {
            let change = match operation.bind(&self.table, scope) {
                // Cassandra looks at what a conditional write would write only once its conditions hold.
                Err(CqlError::Invalid(text)) if self.condition.is_some() => Some(CellChange {
                    column: self.table.columns[operation.column].id,
                    operation: CellOperation::Refused(text),
                }),
                bound => bound?,
            };
            if let Some(change) = change {
                if self.is_static(operation) { statics.push(change) } else { regulars.push(change) }
            }
        }
        let rows = match clustering {
            BoundClustering::Rows(rows) => rows,
            // No row can fit.
            BoundClustering::Ranges(ranges) if ranges.is_empty() => return Ok(Vec::new()),
            BoundClustering::All | BoundClustering::Ranges(_) if !regulars.is_empty() => {
                return Err(CqlError::invalid("Range deletions are not supported for specific columns"));
            }
            // Only static columns are written.
            BoundClustering::All | BoundClustering::Ranges(_) => Vec::new(),
        };
        let marker = self.verb == Verb::Insert;
        let mut changes = Vec::with_capacity(rows.len() + 1);
        let row = |row: RowId, marker: bool, cells: Vec<CellChange>| Change::Row(RowChange { row, marker, ttl, cells });
        if !statics.is_empty() {
            // Cassandra writes them with every row that is named. It shows where twice is not once, and costs a large value many times.
            let again: Vec<CellChange> = statics.iter().filter(|cell| adds(&cell.operation)).cloned().collect();
            let more = if again.is_empty() { 0 } else { rows.len().saturating_sub(1) };
            changes.push(row(RowId::Static, false, statics));
            changes.extend((0..more).map(|_| row(RowId::Static, false, again.clone())));
        }
        // A conditional write names its row even if nothing of it changes: the answer depends on it.
        if marker || !regulars.is_empty() || self.condition.is_some() {
            let (last, others) = match rows.split_last() {
                Some((last, others)) => (Some(last), others),
                None => (None, &[] as &[ClusteringKey]),
            };
            changes.extend(others.iter().map(|key| row(RowId::Row(key.clone()), marker, regulars.clone())));
            changes.extend(last.map(|key| row(RowId::Row(key.clone()), marker, regulars)));
        }
        Ok(changes)
    }

    /// DELETE without columns.
    fn deletions(&self, clustering: BoundClustering) -> Vec<Change> {
        match clustering {
            BoundClustering::All => vec![Change::DeletePartition],
            BoundClustering::Rows(rows) => rows.into_iter().map(Change::DeleteRow).collect(),
            BoundClustering::Ranges(ranges) => {
                let whole = |range: &ClusteringRange| range.start.is_empty() && range.end.is_empty();
                let deletion = |range| if whole(&range) { Change::DeletePartition } else { Change::DeleteRange(range) };
                ranges.into_iter().map(deletion).collect()
            }
        }
    }

    fn conditions(
        &self,
        partitions: &[PartitionKey],
        clustering: &BoundClustering,
        scope: &mut Scope<'_>,
    ) -> Result<Vec<Condition>, CqlError> {
        let (Some(terms), [partition]) = (&self.condition, partitions) else { return Ok(Vec::new()) };
        let row = match clustering {
            BoundClustering::Rows(rows) if rows.len() == 1 => RowId::Row(rows[0].clone()),
            _ => RowId::Static,
        };
        let condition =
            |row: RowId, test: Test| Condition { table: self.table.storage, partition: partition.clone(), row, test };
        Ok(match terms {
            ConditionTerms::NotExists => vec![condition(row, Test::NotExists)],
            ConditionTerms::Exists => vec![condition(row, Test::Exists)],
            ConditionTerms::Columns(columns) => {
                let mut conditions = Vec::with_capacity(columns.len());
                for column in columns {
                    let target = if column.is_static(&self.table) { RowId::Static } else { row.clone() };
                    conditions.push(condition(target, column.bind(&self.table, scope)?));
                }
                conditions
            }
        })
    }

    /// The plan of this statement alone.
    pub fn bind(&self, driver_timestamp: Option<i64>, scope: &mut Scope<'_>) -> Result<WritePlan, CqlError> {
        let counts = self.table.options.client_side_timestamps() && self.condition.is_none();
        let effects = self.effects(driver_timestamp.filter(|_| counts), scope)?;
        let write_type = if self.condition.is_some() {
            WriteType::Cas
        } else if self.table.is_counter() {
            WriteType::Counter
        } else if effects.mutations.len() > 1 {
            WriteType::UnloggedBatch
        } else {
            WriteType::Simple
        };
        let answer = match &self.applied {
            Some(applied) => WriteAnswer::Conditional(ConditionalAnswer::new(Arc::clone(&self.table), applied.clone())),
            None => WriteAnswer::Void,
        };
        let Effects { conditions, mutations } = effects;
        Ok(WritePlan { write_type, conditions, mutations, answer, warnings: Vec::new() })
    }
}
