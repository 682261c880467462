//! Restrictions that no key helps with: rows are read and tested (ALLOW FILTERING).

use super::relation::{ColumnRestriction, Inside, Restriction};
use crate::command::{ClusteringOrder, Filter, FilterTarget, Operator};
use crate::ids::ColumnId;
use crate::schema::{Column, ColumnKind, Table};
use crate::statement::term::{InTerms, Scope, Term};
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
        let target = match &self.target {
            Target::Column(id) => FilterTarget::Column(*id),
            Target::MapEntry(id, key) => FilterTarget::MapEntry(*id, key.bind_required(scope, refuse)?),
            Target::PartitionKeyPart(position, count) => FilterTarget::PartitionKeyPart(*position, *count),
            Target::ClusteringPart(position, types) => FilterTarget::ClusteringPart(*position, types.clone()),
        };
        let values = match &self.values {
            Values::One(term) => vec![term.bind_required(scope, refuse)?],
            Values::Many(terms) => terms.bind(scope, refuse)?,
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
