//! ORDER BY: the clustering order, or its exact reverse.

use super::super::names::column_index;
use super::super::restrictions::Restrictions;
use crate::command::ClusteringOrder;
use crate::schema::{ColumnKind, Table};
use trefoil_cql::ast;
use trefoil_cql::protocol::response::CqlError;

/// In which order rows come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::statement) struct Ordering {
    /// Against the clustering order.
    pub reversed: bool,
    /// So many clustering columns order the rows of several partitions among each other.
    pub merged_columns: Option<usize>,
}

/// The columns of an ORDER BY, each once, with the direction given last.
#[derive(Debug)]
pub(super) struct OrderColumns {
    columns: Vec<(usize, bool)>,
    is_nearest: bool,
}

impl OrderColumns {
    pub fn resolve(order_by: &[ast::Ordering], table: &Table) -> Result<OrderColumns, CqlError> {
        let mut columns: Vec<(usize, bool)> = Vec::with_capacity(order_by.len());
        for ordering in order_by {
            let index = column_index(table, &ordering.column)?;
            match columns.iter_mut().find(|(known, _)| *known == index) {
                Some((_, descending)) => *descending = ordering.descending,
                None => columns.push((index, ordering.descending)),
            }
        }
        Ok(OrderColumns { columns, is_nearest: order_by.iter().any(|ordering| ordering.nearest_to.is_some()) })
    }

    /// What the order of rows is, if it can be had.
    pub fn finish(&self, table: &Table, restrictions: &Restrictions) -> Result<Ordering, CqlError> {
        if self.columns.is_empty() {
            return Ok(Ordering::default());
        }
        if self.is_nearest {
            return Err(CqlError::invalid("ANN ordering by vector requires the column to be indexed using 'SAI'"));
        }
        if restrictions.partition.is_ring() {
            return Err(CqlError::invalid(
                "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.",
            ));
        }
        let mut agreed = None;
        let mut disagree = false;
        let mut expected = 0;
        for (index, descending) in &self.columns {
            let column = &table.columns[*index];
            if column.kind != ColumnKind::Clustering {
                return Err(CqlError::Invalid(format!(
                    "Order by is currently only supported on the clustered columns of the PRIMARY KEY, got {}",
                    column.name
                )));
            }
            let position = usize::from(column.position);
            // Columns with one value do not order anything and may be left out.
            let first = usize::from(table.partition_columns);
            while expected < position && restrictions.equal_columns.contains(&(first + expected)) {
                expected += 1;
            }
            if position != expected {
                return Err(CqlError::invalid(
                    "Order by currently only supports the ordering of columns following their declared order in the \
                     PRIMARY KEY",
                ));
            }
            expected += 1;
            let reversed = *descending != (column.order == ClusteringOrder::Descending);
            disagree |= agreed.is_some_and(|agreed| agreed != reversed);
            agreed = Some(reversed);
        }
        if disagree {
            return Err(CqlError::invalid("Unsupported order by relation"));
        }
        let merged_columns = restrictions.partition.is_in().then_some(expected);
        Ok(Ordering { reversed: agreed.unwrap_or(false), merged_columns })
    }
}
