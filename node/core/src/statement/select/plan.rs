//! A SELECT with its values: which partitions and rows, how many, and where to go on.

use super::super::restrictions::{BoundClustering, BoundPartitions, is_of_empty_key, split_key};
use super::super::term::{Scope, Term};
use super::Select;
use super::paging::{PagingState, table_tag};
use crate::command::{ClusteringRange, PartitionKey, Partitions, ReadCommand};
use crate::limits::{READ_CHUNK_BYTES, READ_CHUNK_ROWS};
use crate::schema::Table;
use bytes::Bytes;
use std::sync::Arc;
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::request::QueryParameters;
use trefoil_cql::protocol::response::CqlError;

/// A SELECT with its values.
#[derive(Clone, Debug)]
pub struct ReadPlan {
    pub(super) select: Arc<Select>,
    /// Everything but where to go on and how much; with several keys also without them.
    pub(super) template: ReadCommand,
    /// Several keys, in the order of rows in the result.
    pub(super) keys: Vec<PartitionKey>,
    /// At most one row can be meant.
    pub(super) is_point: bool,
    /// Values of the select clause's terms.
    pub(super) bound: Vec<Option<Bytes>>,
    /// Values of the terms in GROUP BY.
    pub(super) group_bound: Vec<Option<Bytes>>,
    /// Rows that LIMIT still allows.
    pub(super) limit: Option<u32>,
    /// For groups; rows are limited by the command.
    pub(super) groups_per_partition: Option<u32>,
    /// Rows wanted at once.
    pub(super) page_size: Option<u32>,
    pub(super) state: Option<PagingState>,
}

impl ReadPlan {
    /// For people: what is read.
    #[must_use]
    pub fn describe(&self) -> String {
        let table = self.table();
        match &self.template.partitions {
            Partitions::Keys(keys) => {
                format!("{} partitions of {}.{}", keys.len() + self.keys.len(), table.keyspace, table.name)
            }
            Partitions::Range { .. } => format!("a range of {}.{}", table.keyspace, table.name),
        }
    }

    /// The table that is read.
    pub(in crate::statement) fn table(&self) -> &Table {
        &self.select.table
    }

    /// The first components of the keys that are read, if it is keys.
    pub(in crate::statement) fn first_keys(&self) -> Option<Vec<Bytes>> {
        let components = usize::from(self.select.table.partition_columns);
        let first = |key: &PartitionKey| split_key(&key.key, components).into_iter().next();
        match &self.template.partitions {
            Partitions::Keys(keys) => Some(keys.iter().chain(&self.keys).filter_map(first).collect()),
            Partitions::Range { .. } => None,
        }
    }
}

impl Select {
    /// What is sorted as a whole has no pages. Where nothing can be found Cassandra does not mind, unless it has to count that.
    fn check_paging(&self, page_size: Option<u32>, can_have_rows: bool) -> Result<(), CqlError> {
        let is_merged = self.ordering.merged_columns.is_some();
        if page_size.is_some() && is_merged && (can_have_rows || self.is_aggregate()) {
            return Err(CqlError::invalid(
                "Cannot page queries with both ORDER BY and a IN restriction on the partition key; you must either remove \
                 the ORDER BY or the IN and sort client side, or disable paging for this query",
            ));
        }
        Ok(())
    }

    /// Put values in.
    pub fn bind(self: &Arc<Select>, parameters: &QueryParameters, scope: &mut Scope<'_>) -> Result<ReadPlan, CqlError> {
        let limit = bind_limit(self.limit.as_ref(), scope)?;
        let per_partition_limit = bind_limit(self.per_partition_limit.as_ref(), scope)?;
        let page_size = parameters.page_size.and_then(|size| u32::try_from(size).ok()).filter(|size| *size > 0);
        let state = match &parameters.paging_state {
            Some(bytes) => Some(PagingState::decode(bytes, table_tag(&self.table.id))?),
            None => None,
        };
        let bound = match self.restrictions.partition.bind(&self.table, scope) {
            Err(error) if !is_of_empty_key(&error) => return Err(error),
            bound => bound,
        };
        let mut is_impossible = false;
        let (clustering, can_match) = match self.restrictions.clustering.bind(scope)? {
            BoundClustering::All => (Vec::new(), true),
            // Rows of a table without clustering columns are whole partitions: looked up by their keys, or all in a stretch.
            BoundClustering::Rows(_) if self.clustering_types.is_empty() && self.restrictions.partition.is_ring() => {
                (Vec::new(), true)
            }
            BoundClustering::Rows(rows) => {
                let can_match = !rows.is_empty();
                (rows.iter().map(ClusteringRange::row).collect(), can_match)
            }
            BoundClustering::Ranges(ranges) => {
                is_impossible = ranges.is_empty();
                (ranges, !is_impossible)
            }
        };
        let (partitions, mut keys) = match bound {
            Err(_) if is_impossible => (Partitions::Keys(Vec::new()), Vec::new()),
            Err(error) => return Err(error),
            Ok(BoundPartitions::Range(start, end)) => (Partitions::Range { start, end }, Vec::new()),
            Ok(BoundPartitions::Keys(keys)) if keys.len() <= 1 => (Partitions::Keys(keys), Vec::new()),
            Ok(BoundPartitions::Keys(keys)) => (Partitions::Keys(Vec::new()), keys),
        };
        let has_keys = !keys.is_empty() || !matches!(&partitions, Partitions::Keys(keys) if keys.is_empty());
        self.check_paging(page_size, has_keys && !is_impossible)?;
        let filters = self.restrictions.filters.iter().map(|filter| filter.bind(scope)).collect::<Result<_, _>>()?;
        let bound = self.selection.bind(scope)?;
        let group_bound = match self.grouping.as_ref().and_then(|grouping| grouping.function.as_ref()) {
            Some(function) => function.bind(scope)?,
            None => Vec::new(),
        };
        let is_one_row = matches!(&clustering[..], [range] if range.as_row().is_some());
        let is_one_key = matches!(&partitions, Partitions::Keys(keys) if keys.len() == 1);
        let partitions = if can_match { partitions } else { Partitions::Keys(Vec::new()) };
        if !can_match {
            keys.clear();
        }
        let template = ReadCommand {
            table: self.table.storage,
            partitions,
            clustering,
            reversed: self.ordering.reversed,
            columns: self.fetched.clone(),
            statics: self.statics,
            distinct: self.distinct,
            filters,
            per_partition_limit: per_partition_limit.filter(|_| self.grouping.is_none()),
            row_limit: READ_CHUNK_ROWS,
            byte_budget: READ_CHUNK_BYTES,
            resume: None,
            now_seconds: parameters.now_in_seconds.map(i64::from),
            dropped: self.table.dropped_cells(),
        };
        let limit = state.as_ref().map_or(limit, |state| state.rows_left);
        Ok(ReadPlan {
            select: Arc::clone(self),
            template,
            keys,
            is_point: is_one_row && is_one_key && can_match && !self.is_aggregate(),
            bound,
            group_bound,
            limit,
            groups_per_partition: per_partition_limit.filter(|_| self.grouping.is_some()),
            page_size,
            state,
        })
    }
}

fn bind_limit(term: Option<&Term>, scope: &mut Scope<'_>) -> Result<Option<u32>, CqlError> {
    let Some(term) = term else { return Ok(None) };
    match term.bind(scope)? {
        Value::Unset => Ok(None),
        Value::Null => Err(CqlError::invalid("Invalid null value of limit")),
        Value::Set(bytes) => {
            let number = <[u8; 4]>::try_from(&bytes[..]).map(i32::from_be_bytes);
            let number = number.map_err(|_| CqlError::invalid("Invalid limit value"))?;
            match u32::try_from(number) {
                Ok(limit) if limit > 0 => Ok(Some(limit)),
                _ => Err(CqlError::invalid("LIMIT must be strictly positive")),
            }
        }
    }
}
