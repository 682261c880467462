//! From the relations of a WHERE clause to what each column is restricted by. Here the types of terms are fixed and
//! contradictory or repeated relations are refused (`refusal`); what the restrictions can be used for is decided afterwards.

use super::refusal::{
    Form, check_collection, check_predicate, check_slice_of_durations, check_token_arguments, names_of, not_contained,
    unsupported,
};
use super::tuple::{InTuples, TupleTerm};
use crate::schema::{ColumnKind, Table};
use crate::statement::names::column_index;
use crate::statement::term::{InTerms, Term, TermContext};
use crate::statement::variables::Receiver;
use std::collections::BTreeMap;
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

impl<T, I> Restriction<T, I> {
    pub(super) fn form(&self) -> Form {
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

fn tuple_slice(slice: Slice<Term>) -> Slice<TupleTerm> {
    let bound = |bound: Bound<Term>| Bound { term: TupleTerm::Parts(vec![bound.term]), inclusive: bound.inclusive };
    Slice { lower: slice.lower.map(bound), upper: slice.upper.map(bound) }
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
