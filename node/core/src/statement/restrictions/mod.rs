//! WHERE: what the relations can be used for. Keys and ranges where they can be, filters where they must be, and errors
//! where Cassandra has them: ALLOW FILTERING is demanded exactly where Cassandra 5.0 demands it.

mod clustering;
mod filter;
mod partition;
mod refusal;
mod relation;
mod tuple;

pub(super) use clustering::{BoundClustering, ClusteringTerms};
pub(super) use filter::FilterTerms;
pub(super) use partition::{BoundPartitions, PartitionTerms, is_of_empty_key, partition_key, serialize_key, split_key};

use super::system;
use super::term::{Term, TermContext};
use crate::schema::{Column, ColumnKind, Table};
use clustering::ClusteringPart;
use filter::{column_filters, inside_filter, tuple_filters};
use partition::KeyTerms;
use relation::{Relations, Restriction, Rules};
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
    /// More would be read than answered, and nobody asked for that: refused when the rest of the statement is sound.
    lacks_filtering: bool,
    /// Columns that have one value, by their positions in the table.
    pub equal_columns: Vec<usize>,
    /// Whether anything is said of the partition key.
    pub restricts_partition: bool,
    /// Whether a component of the partition key has several values, even if that is tested row by row.
    pub partition_in: bool,
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
            | Purpose::Delete { only_statics } => only_statics,
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
            clustering: ClusteringTerms { types: table.clustering_types(), names, parts, is_read: false },
            filters: Vec::new(),
            restricts_clustering,
            restricts_regular: false,
            lacks_filtering: false,
            equal_columns: Vec::new(),
            restricts_partition: true,
            partition_in: false,
        }
    }

    /// Analyse a WHERE clause.
    pub fn resolve(
        relations: &[Relation],
        table: &Table,
        purpose: Purpose,
        context: &mut TermContext<'_>,
    ) -> Result<Restrictions, CqlError> {
        let filtering = match purpose {
            // Virtual tables are filtered without being asked.
            Purpose::Select { allow_filtering, .. } => allow_filtering || system::is_virtual_keyspace(&table.keyspace),
            Purpose::Update { .. } | Purpose::Delete { .. } => false,
        };
        let write = (!matches!(purpose, Purpose::Select { .. })).then(|| purpose.name());
        let mut found = Relations::resolve(relations, table, Rules { write, filtering }, context)?;
        let equal_columns = found.equal_columns();
        let restricts_partition = found.token.is_some() || restricts(&found, table, ColumnKind::PartitionKey);
        let is_in = |index: usize| matches!(found.columns.get(&index), Some(Restriction::In(_)));
        let partition_in = found.token.is_none() && (0..table.partition_key().len()).any(is_in);
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
        let lacks_filtering = restricts_clustering && partition.is_ring() && !filtering;
        check_update(&found, table, purpose)?;
        let mut clustering = clustering_terms(&mut found, table, filtering, &mut filters)?;
        clustering.is_read = write.is_none();
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
        Ok(Restrictions {
            partition,
            clustering,
            filters,
            restricts_clustering,
            restricts_regular,
            lacks_filtering,
            equal_columns,
            restricts_partition,
            partition_in,
        })
    }
}

impl Restrictions {
    /// Refuses to read more than is answered, unless the statement allows that.
    pub fn check_filtering(&self) -> Result<(), CqlError> {
        if self.lacks_filtering { Err(CqlError::invalid(NEEDS_FILTERING)) } else { Ok(()) }
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

/// Positions of restricted clustering columns must have no gap.
fn check_clustering_order(found: &Relations, table: &Table) -> Result<(), CqlError> {
    let start = usize::from(table.partition_columns);
    let singles = found.columns.range(start..start + table.clustering().len()).map(|(index, _)| *index..index + 1);
    let tuples = found.tuples.iter().map(|(first, (count, _))| *first..first + count);
    let mut restricted: Vec<usize> = singles.chain(tuples).flatten().collect();
    restricted.sort_unstable();
    match restricted.iter().enumerate().find(|(position, index)| start + position != **index) {
        Some((position, index)) => Err(CqlError::Invalid(format!(
            "PRIMARY KEY column \"{}\" cannot be restricted as preceding column \"{}\" is not restricted",
            table.columns[*index].name,
            table.columns[start + position].name
        ))),
        None => Ok(()),
    }
}

/// Takes out of `found` what ranges can express; with filtering the rest of the clustering columns become filters.
fn clustering_terms(
    found: &mut Relations,
    table: &Table,
    filtering: bool,
    filters: &mut Vec<FilterTerms>,
) -> Result<ClusteringTerms, CqlError> {
    if !filtering {
        if found.inside.iter().any(|(index, _)| table.columns[*index].kind == ColumnKind::Clustering) {
            return Err(CqlError::invalid(
                "Clustering columns can only be restricted with CONTAINS with a secondary index or filtering",
            ));
        }
        check_clustering_order(found, table)?;
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
    for (first, (count, restriction)) in std::mem::take(&mut found.tuples) {
        filters.extend(tuple_filters(&table.columns[first..first + count], table, restriction)?);
    }
    for index in start..end {
        if let Some(restriction) = found.columns.remove(&index) {
            filters.extend(column_filters(&table.columns[index], table, restriction));
        }
    }
    let names = table.clustering().iter().map(|column| column.name.clone()).collect();
    Ok(ClusteringTerms { types: table.clustering_types(), names, parts, is_read: false })
}

/// UPDATE names whole rows.
fn check_update(found: &Relations, table: &Table, purpose: Purpose) -> Result<(), CqlError> {
    let Purpose::Update { only_statics } = purpose else { return Ok(()) };
    let start = usize::from(table.partition_columns);
    let columns = start..start + table.clustering().len();
    let tuples = || found.tuples.iter();
    let has_slice = found.columns.range(columns.clone()).any(|(_, restriction)| restriction.is_slice())
        || tuples().any(|(_, (_, restriction))| restriction.is_slice());
    if has_slice {
        return Err(CqlError::invalid(
            "Slice restrictions are not supported on the clustering columns in UPDATE statements",
        ));
    }
    let is_named = |index: &usize| {
        found.columns.contains_key(index) || tuples().any(|(first, (count, _))| (*first..first + count).contains(index))
    };
    let missing: Vec<&str> =
        columns.filter(|index| !is_named(index)).map(|index| table.columns[index].name.as_str()).collect();
    if missing.is_empty() || only_statics {
        return Ok(());
    }
    Err(CqlError::Invalid(format!("Some clustering keys are missing: {}", missing.join(", "))))
}
