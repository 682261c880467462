//! GROUP BY: neighbouring rows with the same partition, and the same first clustering columns, are one group. The last of
//! these may be rounded by a function, such as `floor(time, 1h)`, which must keep the order.

use super::super::function::Function;
use super::super::names::column_index;
use super::super::restrictions::Restrictions;
use super::super::term::TermContext;
use super::expression::{Evaluation, Expression, KeyNeeds, RowView};
use super::selection::Selection;
use crate::command::{ClusteringOrder, ReadRow};
use crate::schema::{ColumnKind, Table};
use crate::storage::{decode_clustering, encode_clustering};
use bytes::Bytes;
use trefoil_cql::ast::{self, Term};
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// What makes a group.
#[derive(Clone, Debug)]
pub(in crate::statement) struct Grouping {
    /// So many clustering columns, besides the partition.
    pub clustering_columns: usize,
    /// A function of the clustering column after them.
    pub function: Option<Selection>,
}

/// What the rows of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::statement) struct GroupKey {
    partition: Bytes,
    clustering: Option<Bytes>,
    /// What the function gives.
    value: Option<Bytes>,
}

impl Grouping {
    pub fn resolve(
        group_by: &[Term],
        table: &Table,
        restrictions: &Restrictions,
        is_distinct: bool,
        context: &mut TermContext<'_>,
    ) -> Result<Option<Grouping>, CqlError> {
        if group_by.is_empty() {
            return Ok(None);
        }
        let fixed = |index: usize| restrictions.equal_columns.contains(&index);
        let mut next = 0;
        let mut function = None;
        for term in group_by {
            let index = match term {
                Term::Column(name) => column_index(table, name)?,
                _ => {
                    let selection = select_function(term, table, context)?;
                    let index = function_column(&selection, table)?;
                    check_order_kept(term, &selection)?;
                    function = Some(selection);
                    index
                }
            };
            if !table.columns[index].kind.is_key() {
                return Err(CqlError::Invalid(format!(
                    "Group by is currently only supported on the columns of the PRIMARY KEY, got {}",
                    table.columns[index].name
                )));
            }
            if function.is_some() && matches!(term, Term::Column(_)) {
                return Err(CqlError::invalid(
                    "Functions are only supported on the last element of the GROUP BY clause",
                ));
            }
            while next < index && fixed(next) {
                next += 1;
            }
            if index != next {
                return Err(CqlError::invalid(
                    "Group by currently only support groups of columns following their declared order in the PRIMARY KEY",
                ));
            }
            next += 1;
        }
        let partition = table.partition_key().len();
        if next < partition {
            return Err(CqlError::invalid("Group by is not supported on only a part of the partition key"));
        }
        let clustering_columns = next.saturating_sub(partition);
        if clustering_columns > 0 && is_distinct {
            return Err(CqlError::invalid("Grouping on clustering columns is not allowed for SELECT DISTINCT queries"));
        }
        // The function's own column is compared through its value.
        let clustering_columns = clustering_columns - usize::from(function.is_some());
        Ok(Some(Grouping { clustering_columns, function }))
    }

    /// The group of a row.
    pub fn key(&self, row: &ReadRow, view: &mut RowView, evaluation: &Evaluation<'_>) -> Result<GroupKey, CqlError> {
        let types = evaluation.clustering_types;
        let value = match self.function.as_ref().and_then(|selection| selection.outputs.first()) {
            Some(expression) if row.clustering.is_some() => {
                view.enter(row, KeyNeeds { partition: false, clustering: true }, evaluation)?;
                expression.evaluate(view, row, evaluation)?
            }
            _ => None,
        };
        let clustering = match &row.clustering {
            Some(key) if self.clustering_columns == types.len() => Some(key.clone()),
            Some(key) if self.clustering_columns > 0 => Some(prefix(key, self.clustering_columns, types)?),
            _ => None,
        };
        Ok(GroupKey { partition: row.partition.key.clone(), clustering, value })
    }
}

fn select_function(term: &Term, table: &Table, context: &mut TermContext<'_>) -> Result<Selection, CqlError> {
    let selector = ast::Selector { term: term.clone(), alias: None };
    let (selection, _) = Selection::resolve(&ast::Selection::Selectors(vec![selector]), table, context)?;
    if let Some(aggregate) = selection.aggregates.first() {
        return Err(CqlError::Invalid(format!(
            "Aggregate functions are not supported within the GROUP BY clause, got: system.{}",
            aggregate.kind.name()
        )));
    }
    Ok(selection)
}

/// Groups are neighbours only if their values are.
fn check_order_kept(term: &Term, selection: &Selection) -> Result<(), CqlError> {
    let refused = if matches!(term, Term::Function(..)) {
        let function = selection.outputs.iter().find_map(disordering);
        function.map(|function| format!("{} ", function.signature()))
    } else {
        Some(term.to_string())
    };
    match refused {
        Some(what) => Err(CqlError::Invalid(format!(
            "Only monotonic functions are supported in the GROUP BY clause. Got: {what}"
        ))),
        None => Ok(()),
    }
}

/// The first function called, from outside, that may not keep the order of its arguments.
fn disordering(expression: &Expression) -> Option<&Function> {
    match expression {
        Expression::Call(function, _) if !function.keeps_order() => Some(function),
        Expression::Call(_, arguments) => arguments.iter().find_map(disordering),
        _ => None,
    }
}

/// The one clustering column that a function rounds.
fn function_column(selection: &Selection, table: &Table) -> Result<usize, CqlError> {
    let mut used = selection.used.clone();
    used.dedup();
    let [name] = &used[..] else {
        return Err(CqlError::Invalid(if used.is_empty() {
            "GROUP BY functions must have one clustering column name as parameter".to_owned()
        } else {
            format!("GROUP BY functions accept only one clustering column as parameter, got: {}", used.join(","))
        }));
    };
    match table.columns.iter().position(|column| column.name == *name) {
        Some(index) if table.columns[index].kind == ColumnKind::Clustering => Ok(index),
        _ => Err(CqlError::Invalid(format!("Group by functions are only supported on clustering columns, got {name}"))),
    }
}

/// The first columns of an encoded key.
pub(super) fn prefix(key: &[u8], columns: usize, types: &[(CqlType, ClusteringOrder)]) -> Result<Bytes, CqlError> {
    let damaged = |error| CqlError::server(format!("a row has a damaged key: {error}"));
    let values = decode_clustering(key, types).map_err(damaged)?;
    encode_clustering(&values[..columns.min(values.len())], types).map_err(damaged)
}
