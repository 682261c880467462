//! Which relations of a WHERE clause are refused, alone or together, whatever they could be used for; in Cassandra's words.

use super::relation::{Relations, Rules};
use crate::schema::{Column, Table};
use crate::statement::names::column_index;
use std::ops::Range;
use trefoil_cql::ast::{Comparison, Name, Predicate, Relation};
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// What two restrictions of the same columns conflict about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Equal,
    In,
    Slice,
    Inside,
}

impl Relations {
    /// What these columns are restricted by already, with the columns of that.
    fn existing(&self, columns: &Range<usize>) -> Option<(Form, Range<usize>)> {
        let tuple =
            self.tuples.iter().find(|(first, (count, _))| **first < columns.end && columns.start < *first + count);
        if let Some((first, (count, restriction))) = tuple {
            return Some((restriction.form(), *first..first + count));
        }
        let single = self.columns.range(columns.clone()).next();
        if let Some((index, restriction)) = single {
            return Some((restriction.form(), *index..index + 1));
        }
        let inside = self.inside.iter().find(|(index, _)| columns.contains(index));
        inside.map(|(index, _)| (Form::Inside, *index..index + 1))
    }

    pub fn check_conflict(&self, columns: &Range<usize>, added: Form, table: &Table) -> Result<(), CqlError> {
        let Some((before, restricted)) = self.existing(columns) else { return Ok(()) };
        let commons = names_of(table, restricted.start.max(columns.start)..restricted.end.min(columns.end));
        Err(CqlError::Invalid(match (before, added) {
            (Form::Equal, _) => {
                format!("{commons} cannot be restricted by more than one relation if it includes an Equal")
            }
            (Form::In, _) => format!("{commons} cannot be restricted by more than one relation if it includes a IN"),
            (Form::Slice, Form::Slice) if restricted.start == columns.start => return Ok(()),
            (Form::Slice, Form::Slice) => format!(
                "Column \"{commons}\" cannot be restricted by two inequalities not starting with the same column"
            ),
            (Form::Slice, _) => {
                format!("Column \"{commons}\" cannot be restricted by both an equality and an inequality relation")
            }
            (Form::Inside, Form::Inside) => return Ok(()),
            (Form::Inside, _) => format!(
                "Collection column {commons} can only be restricted by CONTAINS, CONTAINS KEY, or map-entry equality"
            ),
        }))
    }

    /// Without filtering, nothing may follow a slice.
    pub fn check_order(&self, first: usize, is_slice: bool, table: &Table, rules: Rules) -> Result<(), CqlError> {
        let start = usize::from(table.partition_columns);
        let end = start + table.clustering().len();
        let single = self.columns.range(start..end).next_back();
        let single = single.map(|(index, restriction)| (*index, restriction.is_slice()));
        let tuple = self.tuples.iter().next_back().map(|(first, (_, restriction))| (*first, restriction.is_slice()));
        let Some((last, last_is_slice)) = single.max(tuple) else { return Ok(()) };
        if rules.filtering {
            return Ok(());
        }
        let name = |index: usize| &table.columns[index].name;
        if last_is_slice && first > last {
            return Err(CqlError::Invalid(format!(
                "Clustering column \"{}\" cannot be restricted (preceding column \"{}\" is restricted by a non-EQ \
                 relation)",
                name(first),
                name(last)
            )));
        }
        if is_slice && first < last {
            let next = (first + 1..=last).find(|index| self.existing(&(*index..index + 1)).is_some()).unwrap_or(last);
            return Err(CqlError::Invalid(format!(
                "PRIMARY KEY column \"{}\" cannot be restricted (preceding column \"{}\" is restricted by a non-EQ \
                 relation)",
                name(next),
                name(first)
            )));
        }
        Ok(())
    }
}

/// What is refused whatever the columns are.
pub(super) fn check_predicate(relation: &Relation, predicate: &Predicate, rules: Rules) -> Result<(), CqlError> {
    Err(CqlError::Invalid(match (predicate, rules.write) {
        (Predicate::Contains(_), Some(statement)) => format!("Cannot use {statement} with CONTAINS"),
        (Predicate::ContainsKey(_), Some(statement)) => format!("Cannot use {statement} with CONTAINS KEY"),
        (Predicate::IsNotNull, _) => format!("Unsupported restriction: {relation}"),
        (Predicate::Compare(Comparison::NotEqual, _), _) => format!("Unsupported \"!=\" relation: {relation}"),
        _ => return Ok(()),
    }))
}

/// As Cassandra lists columns that two restrictions have in common.
pub(super) fn names_of(table: &Table, columns: Range<usize>) -> String {
    let names: Vec<&str> = table.columns[columns].iter().map(|column| column.name.as_str()).collect();
    names.join(" ,")
}

/// Durations have no order.
pub(super) fn check_slice_of_durations(column: &Column, predicate: &Predicate) -> Result<(), CqlError> {
    let is_slice = matches!(predicate, Predicate::Compare(comparison, _)
        if !matches!(comparison, Comparison::Equal | Comparison::NotEqual));
    if !is_slice || !contains_duration(&column.column_type) {
        return Ok(());
    }
    let what = match column.column_type.unfrozen() {
        CqlType::List(_) | CqlType::Set(_) | CqlType::Map(..) => "collections containing durations",
        CqlType::Tuple(_) => "tuples containing durations",
        CqlType::UserType(_) => "UDTs containing durations",
        _ => "duration columns",
    };
    Err(CqlError::Invalid(format!("Slice restrictions are not supported on {what}")))
}

fn contains_duration(column_type: &CqlType) -> bool {
    match column_type.unfrozen() {
        CqlType::Duration => true,
        CqlType::List(element) | CqlType::Set(element) | CqlType::Vector(element, _) => contains_duration(element),
        CqlType::Map(key, value) => contains_duration(key) || contains_duration(value),
        CqlType::Tuple(elements) => elements.iter().any(contains_duration),
        CqlType::UserType(user) => user.fields.iter().any(|(_, field)| contains_duration(field)),
        _ => false,
    }
}

pub(super) fn check_token_arguments(names: &[Name], table: &Table) -> Result<(), CqlError> {
    let keys = table.partition_key();
    for name in names {
        column_index(table, name)?;
    }
    let expected: Vec<&str> = keys.iter().map(|column| column.name.as_str()).collect();
    let given: Vec<&str> = names.iter().map(Name::as_str).collect();
    if given == expected {
        return Ok(());
    }
    if !expected.iter().all(|name| given.contains(name)) {
        return Err(CqlError::invalid(
            "The token() function must be applied to all partition key components or none of them",
        ));
    }
    if (1..given.len()).any(|at| given[..at].contains(&given[at])) {
        return Err(CqlError::invalid("The token() function contains duplicate partition key components"));
    }
    if given.len() != expected.len() {
        return Err(CqlError::invalid("The token() function must contains only partition key components"));
    }
    Err(CqlError::Invalid(format!(
        "The token function arguments must be in the partition key order: {}",
        expected.join(", ")
    )))
}

/// Whole collections can be compared only if they are frozen.
pub(super) fn check_collection(column: &Column, predicate: &Predicate) -> Result<(), CqlError> {
    let operator = match predicate {
        Predicate::Compare(comparison, _) => comparison.text(),
        Predicate::In(_) => "IN",
        Predicate::Like(_) => "LIKE",
        _ => return Ok(()),
    };
    if !column.column_type.is_multi_cell() {
        return Ok(());
    }
    Err(CqlError::Invalid(if column.column_type.is_collection() {
        format!(
            "Collection column '{}' ({}) cannot be restricted by a '{operator}' relation",
            column.name, column.column_type
        )
    } else {
        format!("Non-frozen UDT column '{}' ({}) cannot be restricted by any relation", column.name, column.column_type)
    }))
}

pub(super) fn not_contained(what: &str, column: &Column) -> CqlError {
    CqlError::Invalid(format!("Cannot use {what} column {}", column.name))
}

/// What the grammar has no place for.
pub(super) fn unsupported(name: &str, predicate: &Predicate) -> CqlError {
    CqlError::Invalid(format!("Unsupported relation: {name}{predicate}"))
}
