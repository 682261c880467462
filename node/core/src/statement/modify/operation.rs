//! What an INSERT, UPDATE or DELETE does to one column, and how that becomes a change of its cells. Unset values do nothing,
//! null deletes, and a whole collection that is assigned replaces what was there.

use super::super::names::column_index;
use super::super::term::{Scope, Term, TermContext};
use super::super::value;
use super::super::variables::Receiver;
use crate::command::{CellChange, CellOperation};
use crate::schema::{Column, Table};
use bytes::Bytes;
use trefoil_cql::ast::{self, Assignment, Deletion, Name};
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{CqlType, UserType};

/// What happens to a column.
#[derive(Clone, Debug)]
pub(in crate::statement) struct Operation {
    /// The column's position in its table.
    pub column: usize,
    pub action: Action,
}

#[derive(Clone, Debug)]
pub(in crate::statement) enum Action {
    /// One value, whatever it is made of.
    Set(Term),
    /// A whole collection or user type of many cells.
    Replace(Term),
    /// More elements.
    Add(Term),
    /// Fewer elements: values of a set or list, keys of a map.
    Subtract(Term),
    /// More elements in front of a list.
    Prepend(Term),
    /// The value under a map's key or at a list's index.
    SetElement(Term, Term),
    /// A user type's field.
    SetField(u16, Term),
    /// All of the column.
    Delete,
    /// The value under a map's key, at a list's index, or in a set.
    DeleteElement(Term),
    /// A user type's field.
    DeleteField(u16),
    /// To a counter; the other way round if true.
    Count(Term, bool),
}

/// An operation as Cassandra prints it in errors; that it prints a minus in front of a list is its own mistake.
fn printed(assignment: &Assignment) -> String {
    match assignment {
        Assignment::Set(name, term) => format!("{name} = {term}"),
        Assignment::Add(name, term) => format!("{name} = {name} + {term}"),
        Assignment::Subtract(name, term) => format!("{name} = {name} - {term}"),
        Assignment::Prepend(name, term) => format!("{name} = {term} - {name}"),
        Assignment::SetElement(name, key, term) => format!("{name}[{key}] = {term}"),
        Assignment::SetField(name, field, term) => format!("{name}.{field} = {term}"),
    }
}

fn refused(assignment: &Assignment, what: &str, column: &Column) -> CqlError {
    CqlError::Invalid(format!("Invalid operation ({}) for {what} column {}", printed(assignment), column.name))
}

impl Operation {
    /// A value for a column: of INSERT, or of UPDATE SET.
    pub fn assign(
        index: usize,
        term: &ast::Term,
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<Operation, CqlError> {
        let column = &table.columns[index];
        if column.column_type == CqlType::Counter {
            return Err(CqlError::Invalid(match term {
                ast::Term::Literal(ast::Literal::Null) => format!("{NULL_COUNT}/decrement"),
                _ => format!(
                    "Cannot set the value of counter column {} (counters can only be incremented/decremented, not set)",
                    column.name
                ),
            }));
        }
        let term = Term::resolve(term, Receiver::column(table, column), context)?;
        Ok(Operation::whole(index, term, table))
    }

    /// A whole value for a column.
    pub fn whole(index: usize, term: Term, table: &Table) -> Operation {
        let is_many = table.columns[index].column_type.is_multi_cell();
        Operation { column: index, action: if is_many { Action::Replace(term) } else { Action::Set(term) } }
    }

    /// One assignment of an UPDATE.
    pub fn update(
        assignment: &Assignment,
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<Operation, CqlError> {
        let name = match assignment {
            Assignment::Set(name, _)
            | Assignment::Add(name, _)
            | Assignment::Subtract(name, _)
            | Assignment::Prepend(name, _)
            | Assignment::SetElement(name, ..)
            | Assignment::SetField(name, ..) => name,
        };
        let index = value_column(table, name, "SET part")?;
        let column = &table.columns[index];
        let receiver = Receiver::column(table, column);
        let refused = |what: &str| Err(refused(assignment, what, column));
        let action = match (assignment, &column.column_type) {
            (Assignment::Set(_, term), _) => return Operation::assign(index, term, table, context),
            (Assignment::Add(_, term), CqlType::Counter) => {
                Action::Count(Term::resolve(term, receiver, context)?, false)
            }
            (Assignment::Subtract(_, term), CqlType::Counter) => {
                Action::Count(Term::resolve(term, receiver, context)?, true)
            }
            (Assignment::Add(_, term), CqlType::List(_) | CqlType::Set(_)) => {
                Action::Add(Term::resolve(term, receiver, context)?)
            }
            (Assignment::Add(_, term), CqlType::Map(..)) => Action::Add(
                Term::resolve(term, receiver, context).map_err(|error| not_a("map addition", "map", term, error))?,
            ),
            (Assignment::Subtract(_, term), CqlType::List(_) | CqlType::Set(_)) => {
                Action::Subtract(Term::resolve(term, receiver, context)?)
            }
            // Keys are taken out of a map.
            (Assignment::Subtract(_, term), CqlType::Map(key, _)) => {
                let keys = CqlType::Set(key.clone());
                let term = Term::resolve(term, receiver.part(&column.name, &keys), context)
                    .map_err(|error| not_a("map substraction", "set", term, error))?;
                Action::Subtract(term)
            }
            (Assignment::Prepend(_, term), CqlType::List(_)) => {
                Action::Prepend(Term::resolve(term, receiver, context)?)
            }
            (Assignment::Prepend(..), frozen) if is_frozen_list(frozen) => return refused("frozen list"),
            (Assignment::Prepend(..), _) => return refused("non list"),
            (Assignment::Add(..) | Assignment::Subtract(..), other) => {
                let is_addition = matches!(assignment, Assignment::Add(..));
                return refused(match other.unfrozen() {
                    CqlType::Tuple(_) | CqlType::UserType(_) if is_addition => "tuple",
                    frozen if frozen.is_collection() => "frozen collection",
                    _ => "non counter",
                });
            }
            (Assignment::SetElement(_, key, term), CqlType::List(element) | CqlType::Map(_, element)) => {
                let key = resolve_key(column, key, receiver, context)?;
                let name = format!("value({})", column.name);
                Action::SetElement(key, Term::resolve(term, receiver.part(&name, element), context)?)
            }
            (Assignment::SetElement(..), CqlType::Set(_)) => return refused("set"),
            (Assignment::SetElement(..), other) => {
                let is_collection = other.unfrozen().is_collection();
                return refused(if is_collection { "frozen collection" } else { "non collection" });
            }
            (Assignment::SetField(_, field, term), CqlType::UserType(user)) => {
                let (position, field_type) = field_of(column, user, field)?;
                let name = format!("{}.{}", column.name, field.as_str());
                Action::SetField(position, Term::resolve(term, receiver.part(&name, field_type), context)?)
            }
            (Assignment::SetField(..), other) => {
                let is_user_type = matches!(other.unfrozen(), CqlType::UserType(_));
                return refused(if is_user_type { "frozen UDT" } else { "non-UDT" });
            }
        };
        Ok(Operation { column: index, action })
    }

    /// One item of a DELETE.
    pub fn delete(deletion: &Deletion, table: &Table, context: &mut TermContext<'_>) -> Result<Operation, CqlError> {
        let (Deletion::Column(name) | Deletion::Element(name, _) | Deletion::Field(name, _)) = deletion;
        let index = column_index(table, name)?;
        let column = &table.columns[index];
        if column.kind.is_key() {
            return Err(CqlError::Invalid(format!(
                "Invalid identifier {name} for deletion (should not be a PRIMARY KEY part)"
            )));
        }
        let invalid = |text: String| Err(CqlError::Invalid(text));
        let receiver = Receiver::column(table, column);
        let action = match (deletion, &column.column_type) {
            (Deletion::Column(_), _) => Action::Delete,
            (Deletion::Element(_, key), CqlType::Set(element)) => {
                let name = format!("value({})", column.name);
                Action::DeleteElement(Term::resolve(key, receiver.part(&name, element), context)?)
            }
            (Deletion::Element(_, key), CqlType::List(_) | CqlType::Map(..)) => {
                Action::DeleteElement(resolve_key(column, key, receiver, context)?)
            }
            (Deletion::Element(..), other) => {
                let kind = if other.unfrozen().is_collection() { "frozen" } else { "non" };
                return invalid(format!("Invalid deletion operation for {kind} collection column {name}"));
            }
            (Deletion::Field(_, field), CqlType::UserType(user)) => {
                Action::DeleteField(field_of(column, user, field)?.0)
            }
            (Deletion::Field(..), CqlType::Frozen(inner)) if matches!(**inner, CqlType::UserType(_)) => {
                return invalid(format!("Frozen UDT column {name} does not support field deletions"));
            }
            (Deletion::Field(..), _) => {
                return invalid(format!("Invalid field deletion operation for non-UDT column {name}"));
            }
        };
        Ok(Operation { column: index, action })
    }

    /// Whether it is about the whole column, so that nothing else can be said about it.
    pub fn replaces_all(&self) -> bool {
        matches!(self.action, Action::Set(_) | Action::Replace(_) | Action::Delete)
    }

    /// The change of this execution; `None`: nothing.
    pub fn bind(&self, table: &Table, scope: &mut Scope<'_>) -> Result<Option<CellChange>, CqlError> {
        let column = &table.columns[self.column];
        let operation = match &self.action {
            Action::Set(term) => match term.bind(scope)? {
                Value::Set(bytes) => Some(CellOperation::Set(bytes)),
                Value::Null => Some(CellOperation::Delete),
                Value::Unset => None,
            },
            Action::Delete => Some(CellOperation::Delete),
            Action::Replace(term) => match term.bind(scope)? {
                Value::Set(bytes) => Some(replace(&column.column_type, &bytes)?),
                Value::Null => Some(replace_by_nothing(&column.column_type)),
                Value::Unset => None,
            },
            Action::Add(term) => match term.bind(scope)? {
                Value::Set(bytes) => add(&column.column_type, &bytes)?,
                Value::Null | Value::Unset => None,
            },
            Action::Prepend(term) => match term.bind(scope)? {
                Value::Set(bytes) => some_elements(value::elements(&bytes)?, CellOperation::ListPrepend),
                Value::Null | Value::Unset => None,
            },
            Action::Subtract(term) => match term.bind(scope)? {
                Value::Set(bytes) => {
                    let is_list = matches!(column.column_type, CqlType::List(_));
                    let make = if is_list { CellOperation::ListRemove } else { CellOperation::Remove };
                    some_elements(value::elements(&bytes)?, make)
                }
                Value::Null | Value::Unset => None,
            },
            Action::SetElement(key, term) => {
                let key = bind_key(key, column, scope)?.ok_or_else(|| bad_key("unset", column))?;
                match (key, term.bind(scope)?) {
                    (Key::Index(index), Value::Unset) => Some(CellOperation::ListHas(index)),
                    (Key::Path(_), Value::Unset) => None,
                    (Key::Index(index), value) => Some(CellOperation::ListSet(index, value.bytes().cloned())),
                    (Key::Path(path), Value::Set(bytes)) => Some(CellOperation::Put(vec![(path, bytes)])),
                    (Key::Path(path), Value::Null) => Some(CellOperation::Remove(vec![path])),
                }
            }
            Action::SetField(position, term) => match term.bind(scope)? {
                Value::Set(bytes) => Some(CellOperation::Put(vec![(field_path(*position), bytes)])),
                Value::Null => Some(CellOperation::Remove(vec![field_path(*position)])),
                Value::Unset => None,
            },
            Action::DeleteElement(key) => match bind_key(key, column, scope)? {
                Some(Key::Index(index)) => Some(CellOperation::ListSet(index, None)),
                Some(Key::Path(path)) => Some(CellOperation::Remove(vec![path])),
                // Nothing was named; of a map Cassandra wants to know.
                None if matches!(column.column_type, CqlType::Map(..)) => return Err(bad_key("unset", column)),
                None => None,
            },
            Action::DeleteField(position) => Some(CellOperation::Remove(vec![field_path(*position)])),
            Action::Count(term, is_negative) => match term.bind(scope)? {
                Value::Set(bytes) => {
                    let number = <[u8; 8]>::try_from(&bytes[..]).map(i64::from_be_bytes);
                    let number = number.map_err(|_| CqlError::invalid("Invalid counter value"))?;
                    let number =
                        if *is_negative { number.checked_neg().ok_or_else(|| no_negation(number))? } else { number };
                    Some(CellOperation::CounterAdd(number))
                }
                Value::Null => return Err(CqlError::invalid(NULL_COUNT)),
                Value::Unset => None,
            },
        };
        Ok(operation.map(|operation| CellChange { column: column.id, operation }))
    }
}

/// A column that can be written.
pub(in crate::statement) fn value_column(table: &Table, name: &Name, place: &str) -> Result<usize, CqlError> {
    let index = column_index(table, name)?;
    if table.columns[index].kind.is_key() {
        return Err(CqlError::Invalid(format!("PRIMARY KEY part {name} found in {place}")));
    }
    Ok(index)
}

const NULL_COUNT: &str = "Invalid null value for counter increment";

fn no_negation(number: i64) -> CqlError {
    CqlError::Invalid(format!(
        "The negation of {number} overflows supported counter precision (signed 8 bytes integer)"
    ))
}

/// The misspelling is Cassandra's.
fn not_a(operation: &str, what: &str, term: &ast::Term, error: CqlError) -> CqlError {
    match term {
        ast::Term::List(_) | ast::Term::Set(_) | ast::Term::Map(_) | ast::Term::Tuple(_) => {
            CqlError::Invalid(format!("Value for a {operation} has to be a {what}, but was: '{term}'"))
        }
        _ => error,
    }
}

fn is_frozen_list(column_type: &CqlType) -> bool {
    matches!(column_type, CqlType::Frozen(inner) if matches!(**inner, CqlType::List(_)))
}

/// A map's key or a list's index.
fn resolve_key(
    column: &Column,
    key: &ast::Term,
    receiver: Receiver<'_>,
    context: &mut TermContext<'_>,
) -> Result<Term, CqlError> {
    let (name, key_type) = match &column.column_type {
        CqlType::Map(key_type, _) => (format!("key({})", column.name), &**key_type),
        _ => (format!("idx({})", column.name), &CqlType::Int),
    };
    Term::resolve(key, receiver.part(&name, key_type), context)
}

enum Key {
    Index(i32),
    Path(Bytes),
}

/// The key of this execution; `None`: unset.
fn bind_key(term: &Term, column: &Column, scope: &mut Scope<'_>) -> Result<Option<Key>, CqlError> {
    Ok(match term.bind(scope)? {
        Value::Null => return Err(bad_key("null", column)),
        Value::Unset => None,
        Value::Set(bytes) if matches!(column.column_type, CqlType::List(_)) => {
            let index = <[u8; 4]>::try_from(&bytes[..]).map_err(|_| CqlError::invalid("Invalid list index"))?;
            Some(Key::Index(i32::from_be_bytes(index)))
        }
        Value::Set(bytes) => Some(Key::Path(bytes)),
    })
}

fn bad_key(problem: &str, column: &Column) -> CqlError {
    CqlError::Invalid(match column.column_type {
        CqlType::List(_) => format!("Invalid {problem} value for list index"),
        CqlType::Set(_) => format!("Invalid {problem} set element"),
        _ => format!("Invalid {problem} map key"),
    })
}

fn field_of<'a>(column: &Column, user: &'a UserType, field: &Name) -> Result<(u16, &'a CqlType), CqlError> {
    let position = user.fields.iter().position(|(name, _)| *field == **name);
    let position = position
        .ok_or_else(|| CqlError::Invalid(format!("UDT column {} does not have a field named {field}", column.name)))?;
    Ok((position as u16, &user.fields[position].1))
}

fn field_path(position: u16) -> Bytes {
    Bytes::copy_from_slice(&position.to_be_bytes())
}

fn set_paths(elements: Vec<Bytes>) -> Vec<(Bytes, Bytes)> {
    elements.into_iter().map(|element| (element, Bytes::new())).collect()
}

fn replace(column_type: &CqlType, bytes: &Bytes) -> Result<CellOperation, CqlError> {
    Ok(match column_type {
        CqlType::List(_) => CellOperation::ListReplace(value::elements(bytes)?),
        CqlType::Set(_) => CellOperation::Replace(set_paths(value::elements(bytes)?)),
        CqlType::Map(..) => CellOperation::Replace(value::entries(bytes)?),
        _ => {
            let fields = value::fields(bytes)?.into_iter().enumerate();
            let present = fields.filter_map(|(position, field)| Some((field_path(position as u16), field?)));
            CellOperation::Replace(present.collect())
        }
    })
}

fn replace_by_nothing(column_type: &CqlType) -> CellOperation {
    match column_type {
        CqlType::List(_) => CellOperation::ListReplace(Vec::new()),
        _ => CellOperation::Replace(Vec::new()),
    }
}

fn add(column_type: &CqlType, bytes: &Bytes) -> Result<Option<CellOperation>, CqlError> {
    Ok(match column_type {
        CqlType::List(_) => some_elements(value::elements(bytes)?, CellOperation::ListAppend),
        CqlType::Set(_) => some_elements(set_paths(value::elements(bytes)?), CellOperation::Put),
        _ => some_elements(value::entries(bytes)?, CellOperation::Put),
    })
}

fn some_elements<T>(elements: Vec<T>, make: impl FnOnce(Vec<T>) -> CellOperation) -> Option<CellOperation> {
    (!elements.is_empty()).then(|| make(elements))
}
