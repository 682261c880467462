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
use trefoil_cql::types::CqlType;

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

fn element_type(column: &Column) -> Option<&CqlType> {
    match &column.column_type {
        CqlType::List(element) | CqlType::Set(element) | CqlType::Map(_, element) => Some(element),
        _ => None,
    }
}

fn refused(operation: &str, column: &Column) -> CqlError {
    CqlError::Invalid(format!(
        "Invalid operation ({operation}) for {} column {}",
        match &column.column_type {
            CqlType::Counter => "counter",
            frozen if frozen.is_collection() => "frozen collection",
            _ => "non collection",
        },
        column.name
    ))
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
            return Err(CqlError::Invalid(format!(
                "Cannot set the value of counter column {} (counters can only be incremented/decremented, not set)",
                column.name
            )));
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
        let is_counter = column.column_type == CqlType::Counter;
        let many = column.column_type.is_multi_cell() && element_type(column).is_some();
        let action = match assignment {
            Assignment::Set(_, term) => return Operation::assign(index, term, table, context),
            Assignment::Add(_, term) if is_counter => {
                Action::Count(Term::resolve(term, receiver.part(&column.name, &CqlType::BigInt), context)?, false)
            }
            Assignment::Subtract(_, term) if is_counter => {
                Action::Count(Term::resolve(term, receiver.part(&column.name, &CqlType::BigInt), context)?, true)
            }
            Assignment::Add(_, term) if many => Action::Add(Term::resolve(term, receiver, context)?),
            Assignment::Subtract(_, term) if many => match &column.column_type {
                // Keys are taken out of a map.
                CqlType::Map(key, _) => {
                    let keys = CqlType::Set(key.clone());
                    Action::Subtract(Term::resolve(term, receiver.part(&column.name, &keys), context)?)
                }
                _ => Action::Subtract(Term::resolve(term, receiver, context)?),
            },
            Assignment::Prepend(_, term) if matches!(column.column_type, CqlType::List(_)) => {
                Action::Prepend(Term::resolve(term, receiver, context)?)
            }
            Assignment::Add(..) => return Err(refused(&format!("{name} = {name} + ..."), column)),
            Assignment::Subtract(..) => return Err(refused(&format!("{name} = {name} - ..."), column)),
            Assignment::Prepend(..) => return Err(refused(&format!("{name} = ... + {name}"), column)),
            Assignment::SetElement(_, key, term) => {
                let (key, element) = resolve_key(column, key, receiver, context)?;
                let name = format!("value({})", column.name);
                Action::SetElement(key, Term::resolve(term, receiver.part(&name, element), context)?)
            }
            Assignment::SetField(_, field, term) => {
                let (position, field_type) = field_of(column, field)?;
                let name = format!("{}.{}", column.name, field.as_str());
                Action::SetField(position, Term::resolve(term, receiver.part(&name, field_type), context)?)
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
        let action = match deletion {
            Deletion::Column(_) => Action::Delete,
            Deletion::Element(_, key) => match &column.column_type {
                CqlType::Set(element) => {
                    let name = format!("value({})", column.name);
                    let receiver = Receiver::column(table, column).part(&name, element);
                    Action::DeleteElement(Term::resolve(key, receiver, context)?)
                }
                _ => Action::DeleteElement(resolve_key(column, key, Receiver::column(table, column), context)?.0),
            },
            Deletion::Field(_, field) => Action::DeleteField(field_of(column, field)?.0),
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
                let key = bind_key(key, column, scope)?;
                match (key, term.bind(scope)?) {
                    (_, Value::Unset) => None,
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
            Action::DeleteElement(key) => Some(match bind_key(key, column, scope)? {
                Key::Index(index) => CellOperation::ListSet(index, None),
                Key::Path(path) => CellOperation::Remove(vec![path]),
            }),
            Action::DeleteField(position) => Some(CellOperation::Remove(vec![field_path(*position)])),
            Action::Count(term, is_negative) => match term.bind(scope)? {
                Value::Set(bytes) => {
                    let number = <[u8; 8]>::try_from(&bytes[..]).map(i64::from_be_bytes);
                    let number = number.map_err(|_| CqlError::invalid("Invalid counter value"))?;
                    Some(CellOperation::CounterAdd(if *is_negative { number.wrapping_neg() } else { number }))
                }
                Value::Null => return Err(CqlError::invalid("Invalid null value for counter increment")),
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

/// A map's key or a list's index, and the type of what is there.
fn resolve_key<'a>(
    column: &'a Column,
    key: &ast::Term,
    receiver: Receiver<'_>,
    context: &mut TermContext<'_>,
) -> Result<(Term, &'a CqlType), CqlError> {
    match &column.column_type {
        CqlType::List(element) => {
            let name = format!("idx({})", column.name);
            Ok((Term::resolve(key, receiver.part(&name, &CqlType::Int), context)?, element))
        }
        CqlType::Map(key_type, element) => {
            let name = format!("key({})", column.name);
            Ok((Term::resolve(key, receiver.part(&name, key_type), context)?, element))
        }
        _ => Err(refused(&format!("{}[...]", column.name), column)),
    }
}

enum Key {
    Index(u32),
    Path(Bytes),
}

fn bind_key(term: &Term, column: &Column, scope: &mut Scope<'_>) -> Result<Key, CqlError> {
    let is_list = matches!(column.column_type, CqlType::List(_));
    let what = if is_list { "list index" } else { "map key" };
    let bytes = term.bind_required(scope, |problem| format!("Invalid {problem} {what}"))?;
    if !is_list {
        return Ok(Key::Path(bytes));
    }
    let index = <[u8; 4]>::try_from(&bytes[..]).map(i32::from_be_bytes).unwrap_or(-1);
    let index = u32::try_from(index).map_err(|_| CqlError::Invalid(format!("List index {index} out of bound")))?;
    Ok(Key::Index(index))
}

fn field_of<'a>(column: &'a Column, field: &Name) -> Result<(u16, &'a CqlType), CqlError> {
    let CqlType::UserType(user) = &column.column_type else {
        return Err(CqlError::Invalid(format!(
            "Invalid operation ({}.{field}) for column {} of type {}: only fields of non-frozen user types can be set",
            column.name, column.name, column.column_type
        )));
    };
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
