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

impl Ordering {
    pub fn resolve(
        order_by: &[ast::Ordering],
        table: &Table,
        restrictions: &Restrictions,
    ) -> Result<Ordering, CqlError> {
        let Some(first) = order_by.first() else { return Ok(Ordering::default()) };
        if restrictions.partition.is_ring() {
            return Err(CqlError::invalid(
                "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.",
            ));
        }
        if first.nearest_to.is_some() {
            return Err(CqlError::invalid("ANN ordering by vector requires the column to be indexed using 'SAI'"));
        }
        let mut reversed = None;
        let mut expected = 0;
        for ordering in order_by {
            let index = column_index(table, &ordering.column)?;
            let column = &table.columns[index];
            if column.kind != ColumnKind::Clustering {
                return Err(CqlError::Invalid(format!(
                    "Order by is currently only supported on the clustered columns of the PRIMARY KEY, got {}",
                    ordering.column
                )));
            }
            let position = usize::from(column.position);
            // Columns with one value do not order anything and may be left out.
            while expected < position && is_fixed(restrictions, expected) {
                expected += 1;
            }
            if position != expected {
                return Err(CqlError::invalid(
                    "Order by currently only supports the ordering of columns following their declared order in the \
                     PRIMARY KEY",
                ));
            }
            expected += 1;
            let against = ordering.descending != (column.order == ClusteringOrder::Descending);
            if reversed.is_some_and(|reversed| reversed != against) {
                return Err(CqlError::invalid("Unsupported order by relation"));
            }
            reversed = Some(against);
        }
        let merged_columns = restrictions.partition.is_in().then_some(expected);
        Ok(Ordering { reversed: reversed.unwrap_or(false), merged_columns })
    }
}

fn is_fixed(restrictions: &Restrictions, position: usize) -> bool {
    position < restrictions.clustering.equal_columns() && !restrictions.clustering.has_in()
}
