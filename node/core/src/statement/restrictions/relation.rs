//! From the relations of a WHERE clause to what each column is restricted by. Here the types of terms are fixed and
//! contradictory or repeated relations are refused; what the restrictions can be used for is decided afterwards.

use super::tuple::{InTuples, TupleTerm};
use crate::schema::{Column, ColumnKind, Table};
use crate::statement::names::column_index;
use crate::statement::term::{InTerms, Term, TermContext};
use crate::statement::variables::Receiver;
use std::collections::BTreeMap;
use std::ops::Range;
use trefoil_cql::ast::{self, Comparison, Name, Predicate, Relation, RelationTarget};
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// One side of a slice.
#[derive(Clone, Debug)]
pub(in crate::statement) struct Bound<T> {
    pub term: T,
    pub inclusive: bool,
}

/// Both sides of a slice.
#[derive(Clone, Debug)]
pub(in crate::statement) struct Slice<T> {
    pub lower: Option<Bound<T>>,
    pub upper: Option<Bound<T>>,
}

impl<T> Default for Slice<T> {
    fn default() -> Slice<T> {
        Slice { lower: None, upper: None }
    }
}

/// What a column, or a tuple of columns, must be.
#[derive(Clone, Debug)]
pub(in crate::statement) enum Restriction<T, I> {
    Equal(T),
    In(I),
    Slice(Slice<T>),
}

pub(in crate::statement) type ColumnRestriction = Restriction<Term, InTerms>;
pub(in crate::statement) type TupleRestriction = Restriction<TupleTerm, InTuples>;

/// What is asked of the inside of a collection.
#[derive(Clone, Debug)]
pub(in crate::statement) enum Inside {
    Contains(Term),
    ContainsKey(Term),
    Entry(Term, Term),
}

/// Everything that a WHERE clause says, column by column.
#[derive(Debug, Default)]
pub(super) struct Relations {
    /// By the column's position in its table.
    pub columns: BTreeMap<usize, ColumnRestriction>,
    /// By the position of the first column; columns are consecutive clustering columns.
    pub tuples: BTreeMap<usize, (usize, TupleRestriction)>,
    pub inside: Vec<(usize, Inside)>,
    pub token: Option<ColumnRestriction>,
}

const TOKEN_NAME: &str = "partition key token";

/// What a WHERE clause may say depends on the statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// UPDATE or DELETE, by name.
    pub write: Option<&'static str>,
    /// Rows that are read may be tested.
    pub filtering: bool,
}

/// What two restrictions of the same columns conflict about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Equal,
    In,
    Slice,
    Inside,
}

impl<T, I> Restriction<T, I> {
    fn form(&self) -> Form {
        match self {
            Restriction::Equal(_) => Form::Equal,
            Restriction::In(_) => Form::In,
            Restriction::Slice(_) => Form::Slice,
        }
    }

    pub fn is_slice(&self) -> bool {
        self.form() == Form::Slice
    }
}

impl Relations {
    pub fn resolve(
        relations: &[Relation],
        table: &Table,
        rules: Rules,
        context: &mut TermContext<'_>,
    ) -> Result<Relations, CqlError> {
        let mut found = Relations::default();
        for relation in relations {
            let Relation::Restriction(target, predicate) = relation else {
                return Err(CqlError::Invalid(format!("Invalid index expression: {relation}")));
            };
            check_predicate(relation, predicate, rules)?;
            match target {
                RelationTarget::Column(name) => {
                    let column = column_index(table, name)?;
                    found.add_column(column, predicate, table, rules, context)?;
                }
                RelationTarget::Element(name, key) => {
                    let column = column_index(table, name)?;
                    found.add_element(column, key, predicate, table, context)?;
                }
                RelationTarget::Columns(names) => {
                    found.add_tuple(relation, names, predicate, table, rules, context)?;
                }
                RelationTarget::Token(names) => found.add_token(names, predicate, table, context)?,
            }
            if matches!(predicate, Predicate::Like(_)) {
                return Err(CqlError::Invalid(format!(
                    "LIKE restriction is only supported on properly indexed columns. {relation} is not valid."
                )));
            }
        }
        Ok(found)
    }

    fn add_column(
        &mut self,
        index: usize,
        predicate: &Predicate,
        table: &Table,
        rules: Rules,
        context: &mut TermContext<'_>,
    ) -> Result<(), CqlError> {
        let column = &table.columns[index];
        let receiver = Receiver::column(table, column);
        check_slice_of_durations(column, predicate)?;
        check_collection(column, predicate)?;
        let added = match predicate {
            Predicate::Compare(comparison, term) => {
                let resolved = Term::resolve(term, receiver, context)?;
                if let (Comparison::Equal, ast::Term::Marker(marker)) = (comparison, term) {
                    context.variables.set_partition_key(table, column, marker);
                }
                compare(*comparison, resolved)
            }
            Predicate::In(values) => {
                if let ast::InValues::List(terms) = values {
                    let markers = terms.iter().filter_map(|term| match term {
                        ast::Term::Marker(marker) => Some(marker),
                        _ => None,
                    });
                    // Drivers route by the last of them.
                    markers.for_each(|marker| context.variables.set_partition_key(table, column, marker));
                }
                match InTerms::resolve(values, receiver, context)? {
                    // One value is the same as an equality, in every respect.
                    InTerms::List(mut terms) if terms.len() == 1 => Restriction::Equal(terms.remove(0)),
                    terms => Restriction::In(terms),
                }
            }
            Predicate::Contains(term) => {
                let element = match column.column_type.unfrozen() {
                    CqlType::List(element) | CqlType::Set(element) | CqlType::Map(_, element) => element,
                    _ => return Err(not_contained("CONTAINS on non-collection", column)),
                };
                let part = format!("value({})", column.name);
                let term = Term::resolve(term, receiver.part(&part, element), context)?;
                return self.add_inside(index, Inside::Contains(term), table);
            }
            Predicate::ContainsKey(term) => {
                let CqlType::Map(key, _) = column.column_type.unfrozen() else {
                    return Err(not_contained("CONTAINS KEY on non-map", column));
                };
                let part = format!("key({})", column.name);
                let term = Term::resolve(term, receiver.part(&part, key), context)?;
                return self.add_inside(index, Inside::ContainsKey(term), table);
            }
            Predicate::Like(term) => {
                Term::resolve(term, receiver, context)?;
                return Ok(());
            }
            other => return Err(unsupported(&column.name, other)),
        };
        let columns = index..index + 1;
        self.check_conflict(&columns, added.form(), table)?;
        if column.kind == ColumnKind::Clustering {
            self.check_order(index, added.is_slice(), table, rules)?;
        }
        match (self.covering_tuple(index), added) {
            // Only two slices get here.
            (Some(first), Restriction::Slice(slice)) => self.merge_tuple(first, 1, tuple_slice(slice), table),
            (_, added) => {
                let merged = match (self.columns.remove(&index), added) {
                    (Some(Restriction::Slice(before)), Restriction::Slice(added)) => {
                        Restriction::Slice(merge_slices(before, added, &column.name)?)
                    }
                    (_, added) => added,
                };
                self.columns.insert(index, merged);
                Ok(())
            }
        }
    }

    fn add_inside(&mut self, index: usize, inside: Inside, table: &Table) -> Result<(), CqlError> {
        self.check_conflict(&(index..index + 1), Form::Inside, table)?;
        self.inside.push((index, inside));
        Ok(())
    }

    fn add_element(
        &mut self,
        index: usize,
        key: &ast::Term,
        predicate: &Predicate,
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<(), CqlError> {
        let column = &table.columns[index];
        let name = &column.name;
        let (key_type, value_type) = match &column.column_type {
            CqlType::Map(key, value) => (key, value),
            other => {
                return Err(CqlError::Invalid(match other.unfrozen() {
                    CqlType::List(_) => {
                        format!("Indexes on list entries ({name}[index] = value) are not currently supported.")
                    }
                    CqlType::Map(..) => {
                        format!("Map-entry equality predicates on frozen map column {name} are not supported")
                    }
                    _ => format!("Column {name} cannot be used as a map"),
                }));
            }
        };
        let Predicate::Compare(Comparison::Equal, term) = predicate else {
            return Err(CqlError::invalid("Only EQ relations are supported on map entries"));
        };
        let receiver = Receiver::column(table, column);
        let (key_name, value_name) = (format!("key({name})"), format!("value({name})"));
        let key = Term::resolve(key, receiver.part(&key_name, key_type), context)?;
        let value = Term::resolve(term, receiver.part(&value_name, value_type), context)?;
        self.add_inside(index, Inside::Entry(key, value), table)
    }

    fn add_tuple(
        &mut self,
        relation: &Relation,
        names: &[Name],
        predicate: &Predicate,
        table: &Table,
        rules: Rules,
        context: &mut TermContext<'_>,
    ) -> Result<(), CqlError> {
        let mut indexes: Vec<usize> = Vec::with_capacity(names.len());
        for name in names {
            let index = column_index(table, name)?;
            let column = &table.columns[index];
            if column.kind != ColumnKind::Clustering {
                return Err(CqlError::Invalid(format!(
                    "Multi-column relations can only be applied to clustering columns but was applied to: {}",
                    column.name
                )));
            }
            if indexes.contains(&index) {
                return Err(CqlError::Invalid(format!(
                    "Column \"{}\" appeared twice in a relation: {relation}",
                    column.name
                )));
            }
            if indexes.last().is_some_and(|last| index != last + 1) {
                return Err(CqlError::Invalid(format!(
                    "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: {relation}"
                )));
            }
            indexes.push(index);
        }
        let first = indexes[0];
        let range = first..first + indexes.len();
        let columns = &table.columns[range.clone()];
        let added = match predicate {
            Predicate::Compare(comparison, term) => {
                compare(*comparison, TupleTerm::resolve(term, columns, table, context)?)
            }
            Predicate::In(values) => match InTuples::resolve(values, columns, table, context)? {
                InTuples::List(mut tuples) if tuples.len() == 1 => Restriction::Equal(tuples.remove(0)),
                tuples => Restriction::In(tuples),
            },
            other => return Err(unsupported(&columns[0].name, other)),
        };
        self.check_conflict(&range, added.form(), table)?;
        self.check_order(first, added.is_slice(), table, rules)?;
        let single = match self.columns.remove(&first) {
            Some(Restriction::Slice(slice)) => Some(tuple_slice(slice)),
            _ => None,
        };
        if let Some(slice) = single {
            self.tuples.insert(first, (1, Restriction::Slice(slice)));
        }
        match added {
            Restriction::Slice(slice) => self.merge_tuple(first, indexes.len(), slice, table),
            added => {
                self.tuples.insert(first, (indexes.len(), added));
                Ok(())
            }
        }
    }

    /// A slice that starts at this column, together with one that is there already.
    fn merge_tuple(
        &mut self,
        first: usize,
        count: usize,
        slice: Slice<TupleTerm>,
        table: &Table,
    ) -> Result<(), CqlError> {
        let (count, slice) = match self.tuples.remove(&first) {
            Some((before_count, Restriction::Slice(before))) => {
                let commons = names_of(table, first..first + count.min(before_count));
                (count.max(before_count), merge_slices(before, slice, &commons)?)
            }
            _ => (count, slice),
        };
        self.tuples.insert(first, (count, Restriction::Slice(slice)));
        Ok(())
    }

    /// Columns that have one value.
    pub fn equal_columns(&self) -> Vec<usize> {
        let singles = self.columns.iter().filter(|(_, restriction)| restriction.form() == Form::Equal);
        let tuples = self.tuples.iter().filter(|(_, (_, restriction))| restriction.form() == Form::Equal);
        let tuples = tuples.flat_map(|(first, (count, _))| *first..first + count);
        singles.map(|(index, _)| *index).chain(tuples).collect()
    }

    /// The first column of the tuple that restricts a column.
    fn covering_tuple(&self, index: usize) -> Option<usize> {
        let (first, (count, _)) = self.tuples.range(..=index).next_back()?;
        (index < first + count).then_some(*first)
    }

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

    fn check_conflict(&self, columns: &Range<usize>, added: Form, table: &Table) -> Result<(), CqlError> {
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
    fn check_order(&self, first: usize, is_slice: bool, table: &Table, rules: Rules) -> Result<(), CqlError> {
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

    fn add_token(
        &mut self,
        names: &[Name],
        predicate: &Predicate,
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<(), CqlError> {
        let receiver = Receiver::of(table, TOKEN_NAME, &CqlType::BigInt);
        let Predicate::Compare(comparison, term) = predicate else {
            return Err(unsupported("token", predicate));
        };
        check_token_arguments(names, table)?;
        let added = compare(*comparison, Term::resolve(term, receiver, context)?);
        let commons: Vec<&str> = names.iter().map(Name::as_str).collect();
        let commons = commons.join(", ");
        self.token = Some(match (self.token.take(), added) {
            (None, added) => added,
            (Some(Restriction::Slice(before)), Restriction::Slice(added)) => {
                Restriction::Slice(merge_slices(before, added, &commons)?)
            }
            (Some(Restriction::Slice(_)), _) => {
                return Err(CqlError::Invalid(format!(
                    "Columns \"{commons}\" cannot be restricted by both an equality and an inequality relation"
                )));
            }
            (Some(Restriction::Equal(_) | Restriction::In(_)), _) => {
                return Err(CqlError::Invalid(format!(
                    "{commons} cannot be restricted by more than one relation if it includes an Equal"
                )));
            }
        });
        Ok(())
    }
}

/// What is refused whatever the columns are.
fn check_predicate(relation: &Relation, predicate: &Predicate, rules: Rules) -> Result<(), CqlError> {
    Err(CqlError::Invalid(match (predicate, rules.write) {
        (Predicate::Contains(_), Some(statement)) => format!("Cannot use {statement} with CONTAINS"),
        (Predicate::ContainsKey(_), Some(statement)) => format!("Cannot use {statement} with CONTAINS KEY"),
        (Predicate::IsNotNull, _) => format!("Unsupported restriction: {relation}"),
        (Predicate::Compare(Comparison::NotEqual, _), _) => format!("Unsupported \"!=\" relation: {relation}"),
        _ => return Ok(()),
    }))
}

/// As Cassandra lists columns that two restrictions have in common.
fn names_of(table: &Table, columns: Range<usize>) -> String {
    let names: Vec<&str> = table.columns[columns].iter().map(|column| column.name.as_str()).collect();
    names.join(" ,")
}

fn tuple_slice(slice: Slice<Term>) -> Slice<TupleTerm> {
    let bound = |bound: Bound<Term>| Bound { term: TupleTerm::Parts(vec![bound.term]), inclusive: bound.inclusive };
    Slice { lower: slice.lower.map(bound), upper: slice.upper.map(bound) }
}

/// Durations have no order.
fn check_slice_of_durations(column: &Column, predicate: &Predicate) -> Result<(), CqlError> {
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

fn check_token_arguments(names: &[Name], table: &Table) -> Result<(), CqlError> {
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
    if given.len() != expected.len() {
        return Err(CqlError::invalid("The token() function must contains only partition key components"));
    }
    Err(CqlError::Invalid(format!(
        "The token function arguments must be in the partition key order: {}",
        expected.join(", ")
    )))
}

/// Whole collections can be compared only if they are frozen.
fn check_collection(column: &Column, predicate: &Predicate) -> Result<(), CqlError> {
    let operator = match predicate {
        Predicate::Compare(comparison, _) => comparison.text(),
        Predicate::In(_) => "IN",
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

fn compare<T, I>(comparison: Comparison, term: T) -> Restriction<T, I> {
    let lower = |term, inclusive| Slice { lower: Some(Bound { term, inclusive }), upper: None };
    let upper = |term, inclusive| Slice { lower: None, upper: Some(Bound { term, inclusive }) };
    match comparison {
        // Relations with `!=` were refused before.
        Comparison::Equal | Comparison::NotEqual => Restriction::Equal(term),
        Comparison::Greater => Restriction::Slice(lower(term, false)),
        Comparison::GreaterOrEqual => Restriction::Slice(lower(term, true)),
        Comparison::Less => Restriction::Slice(upper(term, false)),
        Comparison::LessOrEqual => Restriction::Slice(upper(term, true)),
    }
}

fn merge_slices<T>(before: Slice<T>, added: Slice<T>, name: &str) -> Result<Slice<T>, CqlError> {
    let twice =
        |bound: &str| CqlError::Invalid(format!("More than one restriction was found for the {bound} bound on {name}"));
    if before.lower.is_some() && added.lower.is_some() {
        return Err(twice("start"));
    }
    if before.upper.is_some() && added.upper.is_some() {
        return Err(twice("end"));
    }
    Ok(Slice { lower: before.lower.or(added.lower), upper: before.upper.or(added.upper) })
}

fn not_contained(what: &str, column: &Column) -> CqlError {
    CqlError::Invalid(format!("Cannot use {what} column {}", column.name))
}

/// What the grammar has no place for.
fn unsupported(name: &str, predicate: &Predicate) -> CqlError {
    CqlError::Invalid(format!("Unsupported relation: {name}{predicate}"))
}
