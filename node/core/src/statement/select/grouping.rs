//! GROUP BY: neighbouring rows with the same partition, and the same first clustering columns, are one group.

use super::super::names::column_index;
use super::super::restrictions::Restrictions;
use crate::command::{ClusteringOrder, ReadRow};
use crate::schema::Table;
use crate::storage::{decode_clustering, encode_clustering};
use bytes::Bytes;
use trefoil_cql::ast::Term;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// What makes a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::statement) struct Grouping {
    /// So many clustering columns, besides the partition.
    pub clustering_columns: usize,
}

/// What the rows of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::statement) struct GroupKey {
    partition: Bytes,
    clustering: Option<Bytes>,
}

impl Grouping {
    pub fn resolve(
        group_by: &[Term],
        table: &Table,
        restrictions: &Restrictions,
        is_distinct: bool,
    ) -> Result<Option<Grouping>, CqlError> {
        if group_by.is_empty() {
            return Ok(None);
        }
        let fixed = |index: usize| restrictions.equal_columns.contains(&index);
        let mut next = 0;
        for selectable in group_by {
            let Term::Column(name) = selectable else {
                return Err(CqlError::invalid("Group by functions is not supported yet"));
            };
            let index = column_index(table, name)?;
            if !table.columns[index].kind.is_key() {
                return Err(CqlError::Invalid(format!(
                    "Group by is currently only supported on the columns of the PRIMARY KEY, got {name}"
                )));
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
        Ok(Some(Grouping { clustering_columns }))
    }

    /// The group of a row.
    pub fn key(&self, row: &ReadRow, types: &[(CqlType, ClusteringOrder)]) -> Result<GroupKey, CqlError> {
        let clustering = match &row.clustering {
            Some(key) if self.clustering_columns == types.len() => Some(key.clone()),
            Some(key) if self.clustering_columns > 0 => Some(prefix(key, self.clustering_columns, types)?),
            _ => None,
        };
        Ok(GroupKey { partition: row.partition.key.clone(), clustering })
    }
}

/// The first columns of an encoded key.
pub(super) fn prefix(key: &[u8], columns: usize, types: &[(CqlType, ClusteringOrder)]) -> Result<Bytes, CqlError> {
    let damaged = |error| CqlError::server(format!("a row has a damaged key: {error}"));
    let values = decode_clustering(key, types).map_err(damaged)?;
    encode_clustering(&values[..columns.min(values.len())], types).map_err(damaged)
}
