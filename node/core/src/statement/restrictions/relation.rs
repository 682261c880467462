//! From the relations of a WHERE clause to what each column is restricted by. Here the types of terms are fixed and
//! contradictory or repeated relations are refused; what the restrictions can be used for is decided afterwards.

use crate::schema::{Column, ColumnKind, Table};
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

/// A tuple of values: its parts, or a marker for the whole.
#[derive(Clone, Debug)]
pub(in crate::statement) enum TupleTerm {
    Parts(Vec<Term>),
    Marker(u16, CqlType),
}

/// The tuples of an IN.
#[derive(Clone, Debug)]
pub(in crate::statement) enum InTuples {
    List(Vec<TupleTerm>),
    /// A list of tuples of this type (the list's).
    Marker(u16, CqlType),
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
    pub token: Option<Slice<Term>>,
}

const TOKEN_NAME: &str = "partition key token";

impl Relations {
    pub fn resolve(
        relations: &[Relation],
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<Relations, CqlError> {
        let mut found = Relations::default();
        for relation in relations {
            match relation {
                Relation::Restriction(RelationTarget::Column(name), predicate) => {
                    found.add_column(name, predicate, table, context)?;
                }
                Relation::Restriction(RelationTarget::Element(name, key), predicate) => {
                    found.add_element(name, key, predicate, table, context)?;
                }
                Relation::Restriction(RelationTarget::Columns(names), predicate) => {
                    found.add_tuple(names, predicate, table, context)?;
                }
                Relation::Restriction(RelationTarget::Token(names), predicate) => {
                    found.add_token(names, predicate, table, context)?;
                }
                Relation::IndexExpression(name, _) => {
                    return Err(CqlError::Invalid(format!("Invalid index expression: index {name} does not exist")));
                }
            }
        }
        found.check_tuples(table)?;
        Ok(found)
    }

    fn add_column(
        &mut self,
        name: &Name,
        predicate: &Predicate,
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<(), CqlError> {
        let index = column_index(table, name)?;
        let column = &table.columns[index];
        let receiver = Receiver::column(table, column);
        check_collection(column, predicate)?;
        let added = match predicate {
            Predicate::Compare(comparison, term) => {
                let resolved = Term::resolve(term, receiver, context)?;
                if let (Comparison::Equal, ast::Term::Marker(marker)) = (comparison, term) {
                    context.variables.set_partition_key(table, column, marker);
                }
                compare(*comparison, resolved, || format!("{name} != {}", show(term)))?
            }
            Predicate::In(values) => Restriction::In(InTerms::resolve(values, receiver, context)?),
            Predicate::Between(lower, upper) => Restriction::Slice(Slice {
                lower: Some(Bound { term: Term::resolve(lower, receiver, context)?, inclusive: true }),
                upper: Some(Bound { term: Term::resolve(upper, receiver, context)?, inclusive: true }),
            }),
            Predicate::Contains(term) => {
                let element = match column.column_type.unfrozen() {
                    CqlType::List(element) | CqlType::Set(element) | CqlType::Map(_, element) => element,
                    _ => return Err(not_contained("CONTAINS on non-collection", name)),
                };
                let part = format!("value({})", column.name);
                let term = Term::resolve(term, receiver.part(&part, element), context)?;
                self.inside.push((index, Inside::Contains(term)));
                return Ok(());
            }
            Predicate::ContainsKey(term) => {
                let CqlType::Map(key, _) = column.column_type.unfrozen() else {
                    return Err(not_contained("CONTAINS KEY on non-map", name));
                };
                let part = format!("key({})", column.name);
                let term = Term::resolve(term, receiver.part(&part, key), context)?;
                self.inside.push((index, Inside::ContainsKey(term)));
                return Ok(());
            }
            other => return Err(unsupported(name, other)),
        };
        if matches!(added, Restriction::Slice(_)) && column.column_type == CqlType::Duration {
            return Err(CqlError::invalid("Slice restrictions are not supported on duration columns"));
        }
        let merged = match self.columns.remove(&index) {
            Some(before) => merge(before, added, name.as_str())?,
            None => added,
        };
        self.columns.insert(index, merged);
        Ok(())
    }

    fn add_element(
        &mut self,
        name: &Name,
        key: &ast::Term,
        predicate: &Predicate,
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<(), CqlError> {
        let index = column_index(table, name)?;
        let column = &table.columns[index];
        let CqlType::Map(key_type, value_type) = &column.column_type else {
            return Err(CqlError::Invalid(format!("Column {name} cannot be used as a map")));
        };
        let Predicate::Compare(Comparison::Equal, term) = predicate else {
            return Err(CqlError::invalid("Only EQ relations are supported on map entries"));
        };
        let receiver = Receiver::column(table, column);
        let (key_name, value_name) = (format!("key({})", column.name), format!("value({})", column.name));
        let key = Term::resolve(key, receiver.part(&key_name, key_type), context)?;
        let value = Term::resolve(term, receiver.part(&value_name, value_type), context)?;
        self.inside.push((index, Inside::Entry(key, value)));
        Ok(())
    }

    fn add_tuple(
        &mut self,
        names: &[Name],
        predicate: &Predicate,
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<(), CqlError> {
        let indexes: Vec<usize> = names.iter().map(|name| column_index(table, name)).collect::<Result<_, _>>()?;
        let first = indexes[0];
        for (offset, index) in indexes.iter().enumerate() {
            let column = &table.columns[*index];
            if column.kind != ColumnKind::Clustering {
                return Err(CqlError::Invalid(format!(
                    "Multi-column relations can only be applied to clustering columns but was applied to: {}",
                    column.name
                )));
            }
            if indexes[..offset].contains(index) {
                return Err(CqlError::Invalid(format!("Column \"{}\" appeared twice in a relation", column.name)));
            }
            if *index != first + offset {
                let names: Vec<&str> = names.iter().map(Name::as_str).collect();
                return Err(CqlError::Invalid(format!(
                    "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: ({})",
                    names.join(", ")
                )));
            }
        }
        let columns = &table.columns[first..first + indexes.len()];
        let added = match predicate {
            Predicate::Compare(comparison, term) => {
                let tuple = TupleTerm::resolve(term, columns, table, context)?;
                compare(*comparison, tuple, || format!("({}) != {}", names[0], show(term)))?
            }
            Predicate::In(values) => Restriction::In(InTuples::resolve(values, columns, table, context)?),
            Predicate::Between(lower, upper) => Restriction::Slice(Slice {
                lower: Some(Bound { term: TupleTerm::resolve(lower, columns, table, context)?, inclusive: true }),
                upper: Some(Bound { term: TupleTerm::resolve(upper, columns, table, context)?, inclusive: true }),
            }),
            other => return Err(unsupported(&names[0], other)),
        };
        let merged = match self.tuples.remove(&first) {
            Some((_, before)) => merge(before, added, &columns[0].name)?,
            None => added,
        };
        self.tuples.insert(first, (indexes.len(), merged));
        Ok(())
    }

    fn add_token(
        &mut self,
        names: &[Name],
        predicate: &Predicate,
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<(), CqlError> {
        check_token_arguments(names, table)?;
        let receiver = Receiver::of(table, TOKEN_NAME, &CqlType::BigInt);
        let bound = |term| Bound { term, inclusive: true };
        let added = match predicate {
            Predicate::Compare(Comparison::Equal, term) => {
                let term = Term::resolve(term, receiver, context)?;
                Slice { lower: Some(bound(term.clone())), upper: Some(bound(term)) }
            }
            Predicate::Compare(comparison, term) => {
                let term = Term::resolve(term, receiver, context)?;
                match compare::<_, InTerms>(*comparison, term, || "token() != value".to_owned())? {
                    Restriction::Slice(slice) => slice,
                    Restriction::Equal(_) | Restriction::In(_) => Slice::default(),
                }
            }
            Predicate::Between(lower, upper) => Slice {
                lower: Some(bound(Term::resolve(lower, receiver, context)?)),
                upper: Some(bound(Term::resolve(upper, receiver, context)?)),
            },
            other => return Err(unsupported(&names[0], other)),
        };
        let merged = match self.token.take() {
            Some(before) => merge_slices(before, added, names[0].as_str())?,
            None => added,
        };
        self.token = Some(merged);
        Ok(())
    }

    /// A column cannot be restricted alone and in a tuple.
    fn check_tuples(&self, table: &Table) -> Result<(), CqlError> {
        let mut end = 0;
        for (first, (count, _)) in &self.tuples {
            let covered = (*first..first + count).find(|index| *index < end || self.columns.contains_key(index));
            if let Some(index) = covered {
                return Err(CqlError::Invalid(format!(
                    "Column \"{}\" cannot be restricted by both a tuple notation inequality and a single column \
                     inequality on it",
                    table.columns[index].name
                )));
            }
            end = first + count;
        }
        Ok(())
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
    let all = given.len() == expected.len() && given.iter().all(|name| expected.contains(name));
    Err(if all {
        CqlError::Invalid(format!(
            "The token function arguments must be in the partition key order: {}",
            expected.join(", ")
        ))
    } else {
        CqlError::invalid("The token() function must be applied to all partition key components or none of them")
    })
}

/// Whole collections can be compared only if they are frozen.
fn check_collection(column: &Column, predicate: &Predicate) -> Result<(), CqlError> {
    let operator = match predicate {
        Predicate::Compare(comparison, _) => comparison.text(),
        Predicate::In(_) => "IN",
        Predicate::Between(..) => "BETWEEN",
        _ => return Ok(()),
    };
    if !column.column_type.is_multi_cell() {
        return Ok(());
    }
    let kind = if column.column_type.is_collection() { "Collection" } else { "Non-frozen UDT" };
    Err(CqlError::Invalid(format!(
        "{kind} column '{}' ({}) cannot be restricted by a '{operator}' relation",
        column.name, column.column_type
    )))
}

fn compare<T, I>(
    comparison: Comparison,
    term: T,
    show: impl FnOnce() -> String,
) -> Result<Restriction<T, I>, CqlError> {
    let lower = |term, inclusive| Slice { lower: Some(Bound { term, inclusive }), upper: None };
    let upper = |term, inclusive| Slice { lower: None, upper: Some(Bound { term, inclusive }) };
    Ok(match comparison {
        Comparison::Equal => Restriction::Equal(term),
        Comparison::Greater => Restriction::Slice(lower(term, false)),
        Comparison::GreaterOrEqual => Restriction::Slice(lower(term, true)),
        Comparison::Less => Restriction::Slice(upper(term, false)),
        Comparison::LessOrEqual => Restriction::Slice(upper(term, true)),
        Comparison::NotEqual => {
            return Err(CqlError::Invalid(format!("Unsupported \"!=\" relation: {}", show())));
        }
    })
}

fn merge<T, I>(before: Restriction<T, I>, added: Restriction<T, I>, name: &str) -> Result<Restriction<T, I>, CqlError> {
    match (before, added) {
        (Restriction::Slice(before), Restriction::Slice(added)) => {
            merge_slices(before, added, name).map(Restriction::Slice)
        }
        (Restriction::Equal(_), _) | (_, Restriction::Equal(_)) => Err(CqlError::Invalid(format!(
            "{name} cannot be restricted by more than one relation if it includes an Equal"
        ))),
        _ => {
            Err(CqlError::Invalid(format!("{name} cannot be restricted by more than one relation if it includes a IN")))
        }
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

fn not_contained(what: &str, name: &Name) -> CqlError {
    CqlError::Invalid(format!("Cannot use {what} column {name}"))
}

fn unsupported(name: &Name, predicate: &Predicate) -> CqlError {
    CqlError::Invalid(match predicate {
        Predicate::IsNotNull => format!("Unsupported restriction: {name} IS NOT NULL"),
        Predicate::Like(_) => {
            format!("LIKE restriction is only supported on properly indexed columns. {name} LIKE is not valid.")
        }
        Predicate::NotIn(_) => format!("Unsupported \"NOT IN\" relation on {name}"),
        Predicate::NotContains(_) | Predicate::NotContainsKey(_) => {
            format!("Unsupported \"NOT CONTAINS\" relation on {name}")
        }
        _ => format!("Unsupported relation on {name}"),
    })
}

fn show(term: &ast::Term) -> &'static str {
    match term {
        ast::Term::Marker(_) => "?",
        _ => "...",
    }
}

impl TupleTerm {
    fn resolve(
        term: &ast::Term,
        columns: &[Column],
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<TupleTerm, CqlError> {
        match term {
            ast::Term::Tuple(elements) => {
                if elements.len() != columns.len() {
                    return Err(CqlError::Invalid(format!(
                        "Expected {} elements in value tuple, but got {}",
                        columns.len(),
                        elements.len()
                    )));
                }
                let parts = elements.iter().zip(columns);
                let parts =
                    parts.map(|(element, column)| Term::resolve(element, Receiver::column(table, column), context));
                parts.collect::<Result<_, _>>().map(TupleTerm::Parts)
            }
            ast::Term::Marker(marker) => {
                let (name, tuple) = tuple_of(columns);
                context.variables.set(marker, Receiver::of(table, &name, &tuple));
                Ok(TupleTerm::Marker(marker.index, tuple))
            }
            _ => Err(CqlError::invalid("Multi-column relations need a tuple or a bind variable on their right side")),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            TupleTerm::Parts(parts) => parts.len(),
            TupleTerm::Marker(_, CqlType::Tuple(types)) => types.len(),
            TupleTerm::Marker(..) => 0,
        }
    }
}

impl InTuples {
    fn resolve(
        values: &ast::InValues,
        columns: &[Column],
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<InTuples, CqlError> {
        match values {
            ast::InValues::List(terms) => {
                let tuples = terms.iter().map(|term| TupleTerm::resolve(term, columns, table, context));
                tuples.collect::<Result<_, _>>().map(InTuples::List)
            }
            ast::InValues::Marker(marker) => {
                let (name, tuple) = tuple_of(columns);
                let list = CqlType::List(Box::new(tuple));
                context.variables.set(marker, Receiver::of(table, &format!("in{name}"), &list));
                Ok(InTuples::Marker(marker.index, list))
            }
        }
    }
}

/// What drivers know a marker for a tuple of these columns by: `(a,b)`.
fn tuple_of(columns: &[Column]) -> (String, CqlType) {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let types = columns.iter().map(|column| column.column_type.clone()).collect();
    (format!("({})", names.join(",")), CqlType::Tuple(types))
}
