//! WHERE: what the relations can be used for. Keys and ranges where they can be, filters where they must be, and errors
//! where Cassandra has them: ALLOW FILTERING is demanded exactly where Cassandra 5.0 demands it.

mod clustering;
mod filter;
mod partition;
mod relation;

pub(super) use clustering::{BoundClustering, ClusteringTerms};
pub(super) use filter::FilterTerms;
pub(super) use partition::{BoundPartitions, PartitionTerms, partition_key, serialize_key, split_key};

use super::system;
use super::term::{Term, TermContext};
use crate::schema::{Column, ColumnKind, Table};
use clustering::ClusteringPart;
use filter::{column_filters, inside_filter};
use partition::KeyTerms;
use relation::{Relations, Restriction};
use trefoil_cql::ast::Relation;
use trefoil_cql::protocol::response::CqlError;

const NEEDS_FILTERING: &str = "Cannot execute this query as it might involve data filtering and thus may have \
     unpredictable performance. If you want to execute this query despite the performance unpredictability, use ALLOW \
     FILTERING";

/// A WHERE clause, ready for values.
#[derive(Clone, Debug)]
pub(super) struct Restrictions {
    pub partition: PartitionTerms,
    pub clustering: ClusteringTerms,
    pub filters: Vec<FilterTerms>,
    /// Whether any clustering column is restricted, by range or by filter.
    pub restricts_clustering: bool,
    /// Whether any regular column is restricted.
    pub restricts_regular: bool,
}

/// What a WHERE clause is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// SELECT, which may filter if the statement says so.
    Select {
        /// ALLOW FILTERING
        allow_filtering: bool,
        /// Only static columns and the partition key are selected.
        only_statics: bool,
    },
    /// UPDATE: single rows.
    Update {
        /// Only static columns are written.
        only_statics: bool,
    },
    /// DELETE: rows and ranges.
    Delete {
        /// Only static columns are deleted.
        only_statics: bool,
        /// Columns are named, so rows must be, too.
        has_columns: bool,
    },
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::Select { .. } => "SELECT",
            Purpose::Update { .. } => "UPDATE",
            Purpose::Delete { .. } => "DELETE",
        }
    }

    fn only_statics(self) -> bool {
        match self {
            Purpose::Select { only_statics, .. }
            | Purpose::Update { only_statics }
            | Purpose::Delete { only_statics, .. } => only_statics,
        }
    }
}

impl Restrictions {
    /// The one row that an INSERT names: a term for each key column; without clustering columns, the static row.
    pub fn row(table: &Table, partition: Vec<Term>, clustering: Vec<Term>) -> Restrictions {
        let restricts_clustering = !clustering.is_empty();
        let parts = clustering.into_iter().map(|term| ClusteringPart::Column(Restriction::Equal(term))).collect();
        let names = table.clustering().iter().map(|column| column.name.clone()).collect();
        Restrictions {
            partition: PartitionTerms::Keys(partition.into_iter().map(KeyTerms::Equal).collect(), None),
            clustering: ClusteringTerms { types: table.clustering_types(), names, parts },
            filters: Vec::new(),
            restricts_clustering,
            restricts_regular: false,
        }
    }

    /// Analyse a WHERE clause.
    pub fn resolve(
        relations: &[Relation],
        table: &Table,
        purpose: Purpose,
        context: &mut TermContext<'_>,
    ) -> Result<Restrictions, CqlError> {
        let mut found = Relations::resolve(relations, table, context)?;
        let filtering = match purpose {
            // Cassandra filters virtual tables without being asked; all system tables are such here.
            Purpose::Select { allow_filtering, .. } => allow_filtering || system::is_system_keyspace(&table.keyspace),
            Purpose::Update { .. } | Purpose::Delete { .. } => false,
        };
        let mut filters = Vec::new();
        let partition = partition_terms(&mut found, table, purpose, filtering, &mut filters)?;
        let restricts_clustering = restricts(&found, table, ColumnKind::Clustering);
        if restricts_clustering && purpose.only_statics() {
            return Err(CqlError::Invalid(match purpose {
                Purpose::Select { .. } => {
                    "Cannot restrict clustering columns when selecting only static columns".to_owned()
                }
                _ => format!(
                    "Invalid restrictions on clustering columns since the {} statement modifies only static columns",
                    purpose.name()
                ),
            }));
        }
        if restricts_clustering && partition.is_ring() && !filtering {
            // A key that comes after one that is not restricted gets the more helpful message below.
            check_clustering_order(&found, table)?;
            return Err(CqlError::invalid(NEEDS_FILTERING));
        }
        let clustering = clustering_terms(&mut found, table, filtering, &mut filters)?;
        check_rows(&clustering, table, purpose)?;
        let restricts_regular = restricts(&found, table, ColumnKind::Regular);
        let values: Vec<&Column> = (found.columns.keys())
            .chain(found.inside.iter().map(|(index, _)| index))
            .map(|index| &table.columns[*index])
            .collect();
        if !values.is_empty() {
            if !matches!(purpose, Purpose::Select { .. }) {
                let names: Vec<&str> = values.iter().map(|column| column.name.as_str()).collect();
                return Err(CqlError::Invalid(format!(
                    "Non PRIMARY KEY columns found in where clause: {} ",
                    names.join(", ")
                )));
            }
            if !filtering {
                return Err(CqlError::invalid(NEEDS_FILTERING));
            }
        }
        for (index, restriction) in found.columns {
            filters.extend(column_filters(&table.columns[index], table, restriction));
        }
        for (index, inside) in found.inside {
            filters.push(inside_filter(&table.columns[index], table, inside));
        }
        Ok(Restrictions { partition, clustering, filters, restricts_clustering, restricts_regular })
    }
}

fn restricts(found: &Relations, table: &Table, kind: ColumnKind) -> bool {
    let of_kind = |index: &usize| table.columns[*index].kind == kind;
    found.columns.keys().any(of_kind)
        || found.inside.iter().any(|(index, _)| of_kind(index))
        || (kind == ColumnKind::Clustering && !found.tuples.is_empty())
}

fn partition_terms(
    found: &mut Relations,
    table: &Table,
    purpose: Purpose,
    filtering: bool,
    filters: &mut Vec<FilterTerms>,
) -> Result<PartitionTerms, CqlError> {
    let count = table.partition_key().len();
    let is_write = !matches!(purpose, Purpose::Select { .. });
    let token = found.token.take();
    if is_write && token.is_some() {
        return Err(CqlError::Invalid(format!(
            "The token function cannot be used in WHERE clauses for {} statements",
            purpose.name()
        )));
    }
    let restricted: Vec<usize> = (0..count).filter(|index| found.columns.contains_key(index)).collect();
    let has_slice = restricted.iter().any(|index| matches!(found.columns.get(index), Some(Restriction::Slice(_))));
    let has_inside = found.inside.iter().any(|(index, _)| *index < count);
    if is_write {
        if restricted.len() < count {
            let missing: Vec<&str> = (0..count)
                .filter(|index| !restricted.contains(index))
                .map(|index| table.columns[index].name.as_str())
                .collect();
            return Err(CqlError::Invalid(format!("Some partition key parts are missing: {}", missing.join(", "))));
        }
        if has_slice {
            return Err(CqlError::Invalid(format!(
                "Only EQ and IN relation are supported on the partition key (unless you use the token() function) for \
                 {} statements",
                purpose.name()
            )));
        }
    }
    if restricted.is_empty() && !has_inside {
        return Ok(PartitionTerms::Ring(token));
    }
    if restricted.len() == count && !has_slice {
        let mut parts = Vec::with_capacity(count);
        for index in 0..count {
            match found.columns.remove(&index) {
                Some(Restriction::Equal(term)) => parts.push(KeyTerms::Equal(term)),
                Some(Restriction::In(terms)) => parts.push(KeyTerms::In(terms)),
                Some(Restriction::Slice(_)) | None => {}
            }
        }
        // CONTAINS on a frozen part of the key stays behind as a filter.
        return Ok(PartitionTerms::Keys(parts, token));
    }
    if !filtering {
        return Err(CqlError::invalid(NEEDS_FILTERING));
    }
    for index in restricted {
        if let Some(restriction) = found.columns.remove(&index) {
            filters.extend(column_filters(&table.columns[index], table, restriction));
        }
    }
    Ok(PartitionTerms::Ring(token))
}

/// Positions of restricted clustering columns must have no gap, and nothing may follow a slice.
fn check_clustering_order(found: &Relations, table: &Table) -> Result<(), CqlError> {
    let start = usize::from(table.partition_columns);
    let end = start + table.clustering().len();
    let mut expected = start;
    let mut slice_at: Option<usize> = None;
    let singles = found
        .columns
        .range(start..end)
        .map(|(index, restriction)| (*index, 1, matches!(restriction, Restriction::Slice(_))));
    let tuples = found
        .tuples
        .iter()
        .map(|(first, (count, restriction))| (*first, *count, matches!(restriction, Restriction::Slice(_))));
    let mut parts: Vec<(usize, usize, bool)> = singles.chain(tuples).collect();
    parts.sort_unstable();
    for (first, count, is_slice) in parts {
        let name = &table.columns[first].name;
        if let Some(before) = slice_at {
            return Err(CqlError::Invalid(format!(
                "Clustering column \"{name}\" cannot be restricted (preceding column \"{}\" is restricted by a non-EQ \
                 relation)",
                table.columns[before].name
            )));
        }
        if first != expected {
            return Err(CqlError::Invalid(format!(
                "PRIMARY KEY column \"{name}\" cannot be restricted as preceding column \"{}\" is not restricted",
                table.columns[expected].name
            )));
        }
        if is_slice {
            slice_at = Some(first);
        }
        expected = first + count;
    }
    Ok(())
}

/// Takes out of `found` what ranges can express; with filtering the rest of the clustering columns become filters.
fn clustering_terms(
    found: &mut Relations,
    table: &Table,
    filtering: bool,
    filters: &mut Vec<FilterTerms>,
) -> Result<ClusteringTerms, CqlError> {
    if !filtering {
        check_clustering_order(found, table)?;
        if found.inside.iter().any(|(index, _)| table.columns[*index].kind == ColumnKind::Clustering) {
            return Err(CqlError::invalid(
                "Clustering columns can only be restricted with CONTAINS with a secondary index or filtering",
            ));
        }
    }
    let start = usize::from(table.partition_columns);
    let end = start + table.clustering().len();
    let mut parts = Vec::new();
    let mut next = start;
    while next < end {
        let part = if let Some(restriction) = found.columns.remove(&next) {
            ClusteringPart::Column(restriction)
        } else if let Some((count, restriction)) = found.tuples.remove(&next) {
            ClusteringPart::Tuple(count, restriction)
        } else {
            break;
        };
        next += match &part {
            ClusteringPart::Column(_) => 1,
            ClusteringPart::Tuple(count, _) => *count,
        };
        let is_slice = part.is_slice();
        parts.push(part);
        if is_slice {
            break;
        }
    }
    if let Some(first) = found.tuples.keys().next() {
        return Err(CqlError::Invalid(format!(
            "Multi-column relations that need filtering are not supported yet (column \"{}\")",
            table.columns[*first].name
        )));
    }
    for index in start..end {
        if let Some(restriction) = found.columns.remove(&index) {
            filters.extend(column_filters(&table.columns[index], table, restriction));
        }
    }
    let names = table.clustering().iter().map(|column| column.name.clone()).collect();
    Ok(ClusteringTerms { types: table.clustering_types(), names, parts })
}

/// Writes name whole rows; DELETE may name ranges if it deletes all of them.
fn check_rows(clustering: &ClusteringTerms, table: &Table, purpose: Purpose) -> Result<(), CqlError> {
    let needs_rows = match purpose {
        Purpose::Select { .. } => false,
        Purpose::Update { only_statics } => !only_statics,
        Purpose::Delete { only_statics, has_columns } => has_columns && !only_statics,
    };
    if matches!(purpose, Purpose::Update { .. }) && clustering.has_slice() {
        return Err(CqlError::Invalid(format!(
            "Slice restrictions are not supported on the clustering columns in {} statements",
            purpose.name()
        )));
    }
    if !needs_rows || clustering.is_full() {
        return Ok(());
    }
    if matches!(purpose, Purpose::Delete { .. }) {
        return Err(CqlError::invalid("Range deletions are not supported for specific columns"));
    }
    let missing: Vec<&str> =
        table.clustering()[clustering.equal_columns()..].iter().map(|column| column.name.as_str()).collect();
    Err(CqlError::Invalid(format!("Some clustering keys are missing: {}", missing.join(", "))))
}
