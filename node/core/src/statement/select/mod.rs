//! SELECT: the select clause, WHERE, ORDER BY, GROUP BY and the limits, analysed together. `plan` puts values in, `execution`
//! walks through commands and results, `paging` lets it go on in another request.

mod aggregate;
mod exact;
mod execution;
mod expression;
mod grouping;
mod ordering;
mod output;
mod paging;
mod plan;
mod selection;

pub use execution::SelectExecution;
pub use plan::ReadPlan;

pub(super) use aggregate::{Accumulator, AggregateKind};
pub(super) use expression::column_value;

use super::answer::Columns;
use super::names::Names;
use super::restrictions::{Purpose, Restrictions};
use super::term::{Term, TermContext};
use super::variables::{Receiver, Variables};
use crate::command::ClusteringOrder;
use crate::ids::ColumnId;
use crate::schema::{ColumnKind, Table};
use expression::KeyNeeds;
use grouping::Grouping;
use ordering::{OrderColumns, Ordering};
use selection::Selection;
use std::sync::Arc;
use trefoil_cql::ast;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// A SELECT, analysed.
#[derive(Debug)]
pub(super) struct Select {
    pub table: Arc<Table>,
    pub columns: Arc<Columns>,
    pub selection: Selection,
    pub restrictions: Restrictions,
    pub distinct: bool,
    pub ordering: Ordering,
    pub grouping: Option<Grouping>,
    pub limit: Option<Term>,
    pub per_partition_limit: Option<Term>,
    /// What rows must carry; `None`: everything.
    pub fetched: Option<Vec<ColumnId>>,
    /// Whether static columns must come along, or partitions that have nothing else.
    pub statics: bool,
    pub needs: KeyNeeds,
    pub clustering_types: Vec<(CqlType, ClusteringOrder)>,
}

impl Select {
    pub fn resolve(select: &ast::Select, names: Names<'_>, variables: &mut Variables) -> Result<Select, CqlError> {
        let table = names.table(&select.table)?;
        let context = &mut TermContext { names, variables };
        let order_columns = OrderColumns::resolve(&select.order_by, &table)?;
        let (selection, specs) = Selection::resolve(&select.selection, &table, context)?;
        let (selection, specs) = if select.json { selection.into_json(&specs, &table) } else { (selection, specs) };
        let purpose = Purpose::Select { allow_filtering: select.allow_filtering, only_statics: selection.only_statics };
        let restrictions = Restrictions::resolve(&select.relations, &table, purpose, context)?;
        if select.distinct {
            if select.per_partition_limit.is_some() {
                return Err(CqlError::invalid("PER PARTITION LIMIT is not allowed with SELECT DISTINCT queries"));
            }
            check_distinct(&selection, &restrictions, &table)?;
        }
        let grouping = Grouping::resolve(&select.group_by, &table, &restrictions, select.distinct, context)?;
        if select.per_partition_limit.is_some() && selection.is_aggregate() && grouping.is_none() {
            return Err(CqlError::invalid("PER PARTITION LIMIT is not allowed with aggregate queries."));
        }
        let ordering = order_columns.finish(&table, &restrictions)?;
        if let Some(column) =
            table.clustering().first().filter(|_| select.distinct && ordering.merged_columns.is_some())
        {
            // Rows that are ordered among each other are read with what they are ordered by.
            return Err(not_distinct(&column.name));
        }
        restrictions.check_filtering()?;
        let mut limit = |term: &Option<ast::Term>, name: &str| -> Result<Option<Term>, CqlError> {
            let receiver = Receiver::of(&table, name, &CqlType::Int);
            term.as_ref().map(|term| Term::resolve(term, receiver, context)).transpose()
        };
        let per_partition_limit = limit(&select.per_partition_limit, "[per_partition_limit]")?;
        let limit = limit(&select.limit, "[limit]")?;
        let fetched = fetched(&selection, &table);
        let statics = needs_statics(&selection, &restrictions, &table);
        let expressions = selection.outputs.iter();
        let arguments = selection.aggregates.iter().filter_map(|aggregate| aggregate.argument.as_ref());
        let needs =
            expressions.chain(arguments).map(expression::Expression::needs).fold(KeyNeeds::default(), KeyNeeds::or);
        let clustering_types = table.clustering_types();
        Ok(Select {
            columns: Arc::new(Columns::new(specs)),
            table,
            selection,
            restrictions,
            distinct: select.distinct,
            ordering,
            grouping,
            limit,
            per_partition_limit,
            fetched,
            statics,
            needs,
            clustering_types,
        })
    }

    /// What people are told about combining many rows.
    pub fn warning(&self) -> Option<&'static str> {
        if !self.is_aggregate() {
            return None;
        }
        if !self.restrictions.restricts_partition {
            Some("Aggregation query used without partition key")
        } else if self.restrictions.partition_in {
            Some("Aggregation query used on multiple partition keys (IN restriction)")
        } else {
            None
        }
    }

    /// Whether nothing but the number of rows matters.
    pub fn counts_rows(&self) -> bool {
        let aggregates = &self.selection.aggregates;
        self.grouping.is_none()
            && !aggregates.is_empty()
            && aggregates.iter().all(|aggregate| aggregate.argument.is_none())
    }

    /// Whether rows are combined into other rows.
    pub fn is_aggregate(&self) -> bool {
        self.selection.is_aggregate() || self.grouping.is_some()
    }
}

/// DISTINCT is about partitions: only what is the same for all their rows can be asked for.
fn check_distinct(selection: &Selection, restrictions: &Restrictions, table: &Table) -> Result<(), CqlError> {
    if restrictions.restricts_clustering || restrictions.restricts_regular {
        return Err(CqlError::invalid(
            "SELECT DISTINCT with WHERE clause only supports restriction by partition key and/or static columns.",
        ));
    }
    let kind = |name: &String| table.column(name).map(|column| column.kind);
    let wrong = |name: &&String| !matches!(kind(name), Some(ColumnKind::PartitionKey | ColumnKind::Static));
    if let Some(name) = selection.used.iter().find(wrong) {
        return Err(not_distinct(name));
    }
    // The key may be left out when it is given.
    let missing = table.partition_key().iter().find(|column| !selection.used.contains(&column.name));
    match missing {
        Some(missing) if restrictions.partition.is_ring() => Err(CqlError::Invalid(format!(
            "SELECT DISTINCT queries must request all the partition key columns (missing {})",
            missing.name
        ))),
        _ => Ok(()),
    }
}

fn fetched(selection: &Selection, table: &Table) -> Option<Vec<ColumnId>> {
    let mut ids = Vec::new();
    selection.outputs.iter().for_each(|output| output.columns(&mut ids));
    let arguments = selection.aggregates.iter().filter_map(|aggregate| aggregate.argument.as_ref());
    arguments.for_each(|argument| argument.columns(&mut ids));
    ids.sort_unstable();
    ids.dedup();
    (ids.len() < table.values().len()).then_some(ids)
}

/// Static columns come along when they are asked for, and when a whole partition is read: then one that has nothing but
/// static values is a row, whatever columns are selected.
fn needs_statics(selection: &Selection, restrictions: &Restrictions, table: &Table) -> bool {
    if !table.has_statics() {
        return false;
    }
    let is_static = |id: ColumnId| table.column_by_id(id).is_some_and(|column| column.kind == ColumnKind::Static);
    let whole = !restrictions.restricts_clustering && !restrictions.restricts_regular;
    whole
        || table.statics().any(|column| selection.used.contains(&column.name))
        || restrictions.filters.iter().filter_map(|filter| filter.column()).any(is_static)
}

fn not_distinct(name: &str) -> CqlError {
    CqlError::Invalid(format!(
        "SELECT DISTINCT queries must only request partition key columns and/or static columns (not {name})"
    ))
}
