//! Restrictions that no key helps with: rows are read and tested (ALLOW FILTERING).

use super::relation::{ColumnRestriction, Inside, Restriction, TupleRestriction};
use super::tuple::{InTuples, TupleTerm};
use crate::command::{ClusteringOrder, Filter, FilterTarget, Operator};
use crate::ids::ColumnId;
use crate::schema::{Column, ColumnKind, Table};
use crate::statement::term::{InTerms, Scope, Term};
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// A test that waits for its values.
#[derive(Clone, Debug)]
pub(in crate::statement) struct FilterTerms {
    name: String,
    target: Target,
    target_type: CqlType,
    operator: Operator,
    values: Values,
}

#[derive(Clone, Debug)]
enum Target {
    Column(ColumnId),
    MapEntry(ColumnId, Term),
    PartitionKeyPart(u16, u16),
    ClusteringPart(u16, Vec<(CqlType, ClusteringOrder)>),
}

#[derive(Clone, Debug)]
enum Values {
    One(Term),
    Many(InTerms),
    /// A component of a tuple.
    Part(TupleTerm, usize),
    /// The first components of tuples.
    FirstParts(InTuples),
}

/// The tests that a column's restriction asks for.
pub(super) fn column_filters(column: &Column, table: &Table, restriction: ColumnRestriction) -> Vec<FilterTerms> {
    let filter = |operator, values| FilterTerms {
        name: column.name.clone(),
        target: target(column, table),
        target_type: column.column_type.clone(),
        operator,
        values,
    };
    match restriction {
        Restriction::Equal(term) => vec![filter(Operator::Equal, Values::One(term))],
        Restriction::In(terms) => vec![filter(Operator::In, Values::Many(terms))],
        Restriction::Slice(slice) => {
            let lower = slice.lower.map(|bound| {
                let operator = if bound.inclusive { Operator::GreaterOrEqual } else { Operator::Greater };
                filter(operator, Values::One(bound.term))
            });
            let upper = slice.upper.map(|bound| {
                let operator = if bound.inclusive { Operator::LessOrEqual } else { Operator::Less };
                filter(operator, Values::One(bound.term))
            });
            lower.into_iter().chain(upper).collect()
        }
    }
}

/// The tests that a restriction of several clustering columns asks for.
pub(super) fn tuple_filters(
    columns: &[Column],
    table: &Table,
    restriction: TupleRestriction,
) -> Result<Vec<FilterTerms>, CqlError> {
    let filter = |column: &Column, operator, values| FilterTerms {
        name: column.name.clone(),
        target: target(column, table),
        target_type: column.column_type.clone(),
        operator,
        values,
    };
    match restriction {
        Restriction::Equal(tuple) => {
            let part = |(index, column)| filter(column, Operator::Equal, Values::Part(tuple.clone(), index));
            Ok(columns.iter().enumerate().map(part).collect())
        }
        Restriction::In(tuples) if columns.len() == 1 => {
            Ok(vec![filter(&columns[0], Operator::In, Values::FirstParts(tuples))])
        }
        Restriction::In(_) => Err(CqlError::invalid("Multicolumn IN filters are not supported")),
        Restriction::Slice(_) => {
            Err(CqlError::invalid("Multi-column slice restrictions cannot be used for filtering."))
        }
    }
}

/// The test that looks into a collection.
pub(super) fn inside_filter(column: &Column, table: &Table, inside: Inside) -> FilterTerms {
    let name = column.name.clone();
    match inside {
        Inside::Contains(term) => FilterTerms {
            name,
            target: target(column, table),
            target_type: column.column_type.clone(),
            operator: Operator::Contains,
            values: Values::One(term),
        },
        Inside::ContainsKey(term) => FilterTerms {
            name,
            target: target(column, table),
            target_type: column.column_type.clone(),
            operator: Operator::ContainsKey,
            values: Values::One(term),
        },
        Inside::Entry(key, term) => {
            let target_type = match &column.column_type {
                CqlType::Map(_, value) => (**value).clone(),
                other => other.clone(),
            };
            let target = Target::MapEntry(column.id, key);
            FilterTerms { name, target, target_type, operator: Operator::Equal, values: Values::One(term) }
        }
    }
}

fn target(column: &Column, table: &Table) -> Target {
    match column.kind {
        ColumnKind::PartitionKey => Target::PartitionKeyPart(column.position, table.partition_columns),
        ColumnKind::Clustering => {
            let mut types = table.clustering_types();
            types.truncate(usize::from(column.position) + 1);
            Target::ClusteringPart(column.position, types)
        }
        ColumnKind::Static | ColumnKind::Regular => Target::Column(column.id),
    }
}

impl FilterTerms {
    pub fn bind(&self, scope: &mut Scope<'_>) -> Result<Filter, CqlError> {
        let refuse = |what| format!("Unsupported {what} value for column {}", self.name);
        let refuse_list = |what| format!("Invalid {what} value for column {}", self.name);
        let target = match &self.target {
            Target::Column(id) => FilterTarget::Column(*id),
            Target::MapEntry(id, key) => {
                let refuse = |what| format!("Unsupported {what} map key for column {}", self.name);
                FilterTarget::MapEntry(*id, key.bind_required(scope, refuse)?)
            }
            Target::PartitionKeyPart(position, count) => FilterTarget::PartitionKeyPart(*position, *count),
            Target::ClusteringPart(position, types) => FilterTarget::ClusteringPart(*position, types.clone()),
        };
        let values = match &self.values {
            Values::One(term) if matches!(self.target, Target::MapEntry(..)) => {
                vec![
                    term.bind_required(scope, |what| format!("Unsupported {what} map value for column {}", self.name))?,
                ]
            }
            Values::One(term) => vec![term.bind_required(scope, refuse)?],
            // Nothing equals null: it may stand there.
            Values::Many(InTerms::List(terms)) => {
                let mut values = Vec::with_capacity(terms.len());
                for term in terms {
                    if let Value::Set(value) = term.bind(scope)? {
                        values.push(value);
                    }
                }
                values
            }
            Values::Many(terms) => terms.bind(scope, refuse_list)?.into_iter().flatten().collect(),
            Values::Part(tuple, index) => {
                let mut parts = tuple.bind(scope, std::slice::from_ref(&self.name), |_, what| refuse(what))?;
                vec![parts.swap_remove(*index)]
            }
            Values::FirstParts(tuples) => {
                let tuples = tuples.bind(scope, std::slice::from_ref(&self.name))?;
                tuples.into_iter().filter_map(|parts| parts.into_iter().next()).collect()
            }
        };
        Ok(Filter { target, target_type: self.target_type.clone(), operator: self.operator, values })
    }

    /// The column whose cells must be there for the test, if it is not part of the key.
    pub fn column(&self) -> Option<ColumnId> {
        match &self.target {
            Target::Column(id) | Target::MapEntry(id, _) => Some(*id),
            Target::PartitionKeyPart(..) | Target::ClusteringPart(..) => None,
        }
    }
}
