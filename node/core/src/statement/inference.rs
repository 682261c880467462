//! What type a term has, and whether a type takes it, before it is resolved: what Cassandra asks when it chooses among the
//! overloads of a function. A constant has no type of its own, but likes some types more than others.

use super::function;
use super::names::{Names, column_index};
use super::value;
use crate::schema::Table;
use trefoil_cql::ast::{CellFunction, Literal, Term};
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{self, CqlType, vector};

/// How well a term fits a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is of this type, or likes it most.
    Exact,
    /// It can become one.
    Weak,
    /// It cannot.
    No,
}

impl Fit {
    /// Of all together: as good as the worst.
    fn and(self, other: Fit) -> Fit {
        match (self, other) {
            (Fit::No, _) | (_, Fit::No) => Fit::No,
            (Fit::Weak, _) | (_, Fit::Weak) => Fit::Weak,
            _ => Fit::Exact,
        }
    }
}

/// Where terms are looked at.
#[derive(Clone, Copy)]
pub(super) struct Inference<'a> {
    pub names: Names<'a>,
    /// Of the statement's table.
    pub keyspace: &'a str,
    /// The statement's table, whose `token` is meant.
    pub table_name: &'a str,
    /// The table whose columns terms may contain: in a select clause.
    pub columns: Option<&'a Table>,
}

/// How values of a type fit another.
pub(super) fn fit_of_type(from: &CqlType, to: &CqlType) -> Fit {
    if from.unfrozen() == to.unfrozen() {
        Fit::Exact
    } else if value::is_compatible(to, from) {
        Fit::Weak
    } else {
        Fit::No
    }
}

/// The type of what a function of one cell, or of several, gives.
pub(super) fn cell_type(function: CellFunction, has_many_cells: bool) -> CqlType {
    let single = match function {
        CellFunction::WriteTime | CellFunction::MaxWriteTime => CqlType::BigInt,
        CellFunction::Ttl => CqlType::Int,
    };
    let is_list = has_many_cells && function != CellFunction::MaxWriteTime;
    if is_list { CqlType::List(Box::new(single)) } else { single }
}

/// The type that a constant likes most.
fn preferred_type(literal: &Literal) -> Option<CqlType> {
    Some(match literal {
        Literal::Null => return None,
        Literal::Boolean(_) => CqlType::Boolean,
        Literal::Integer(text) if text.parse::<i32>().is_ok() => CqlType::Int,
        Literal::Integer(text) if text.parse::<i64>().is_ok() => CqlType::BigInt,
        Literal::Integer(_) => CqlType::Varint,
        Literal::Float(text) if types::is_exact_double(text) => CqlType::Double,
        Literal::Float(_) => CqlType::Decimal,
        Literal::String(text) if text.is_ascii() => CqlType::Ascii,
        Literal::String(_) => CqlType::Text,
        Literal::Uuid(uuid) if uuid.get_version_num() == 1 => CqlType::TimeUuid,
        Literal::Uuid(_) => CqlType::Uuid,
        Literal::Hex(_) => CqlType::Blob,
        Literal::Duration(_) => CqlType::Duration,
    })
}

fn frozen_list(element: CqlType) -> CqlType {
    CqlType::List(Box::new(element)).freeze()
}

fn frozen_set(element: CqlType) -> CqlType {
    CqlType::Set(Box::new(element)).freeze()
}

impl Inference<'_> {
    /// The keyspace, in a select clause.
    pub fn select_in(&self) -> Option<&str> {
        self.columns.map(|_| self.keyspace)
    }

    /// The type of a term, if it can have only one.
    pub fn exact_type(&self, term: &Term) -> Result<Option<CqlType>, CqlError> {
        Ok(match term {
            Term::Literal(_) | Term::Marker(_) | Term::UserType(_) => None,
            Term::List(elements) => self.first(elements, Self::exact_type)?.map(frozen_list),
            Term::Set(elements) => self.first(elements, Self::exact_type)?.map(frozen_set),
            Term::Map(_) if self.columns.is_some() => None,
            Term::Map(entries) => self.map_type(entries, Self::exact_type)?,
            Term::Tuple(elements) if elements.len() == 1 && self.columns.is_some() => None,
            Term::Tuple(elements) => self.tuple_type(elements, Self::exact_type)?,
            Term::TypeHint(type_name, _) => Some(self.names.resolve_type(self.keyspace, type_name)?.freeze()),
            Term::Cast(_, native) => Some((*native).into()),
            Term::Function(name, arguments) => {
                let function = function::resolve_function(name, arguments, None, self);
                self.lenient(function.map(|function| function.map(|function| function.returns)), None)?
            }
            Term::Negation(argument) => {
                let function = function::resolve_negation(argument, None, self);
                self.lenient(function.map(|function| Some(function.returns)), None)?
            }
            Term::Arithmetic(operator, left, right) => {
                let function = function::resolve_operation(*operator, left, right, None, self);
                self.lenient(function.map(|function| Some(function.returns)), None)?
            }
            Term::Column(name) => match self.columns {
                Some(table) => Some(table.columns[column_index(table, name)?].column_type.clone()),
                None => None,
            },
            Term::CountRows => Some(CqlType::BigInt),
            Term::Cell(function, inner) => match (&**inner, self.columns) {
                (Term::Column(name), Some(table)) => {
                    let column_type = &table.columns[column_index(table, name)?].column_type;
                    Some(cell_type(*function, column_type.is_multi_cell()))
                }
                _ => None,
            },
            Term::Field(inner, field) => match self.exact_type(inner)?.as_ref().map(CqlType::unfrozen) {
                Some(CqlType::UserType(user)) => {
                    user.fields.iter().find(|(name, _)| *field == **name).map(|(_, field_type)| field_type.clone())
                }
                _ => None,
            },
            Term::Element(inner, _) => match self.exact_type(inner)?.as_ref().map(CqlType::unfrozen) {
                Some(CqlType::Map(_, value)) => Some((**value).clone()),
                Some(CqlType::Set(element) | CqlType::List(element)) => Some((**element).clone()),
                _ => None,
            },
            Term::Slice(inner, ..) => self.exact_type(inner)?.filter(CqlType::is_collection),
        })
    }

    /// The type of a term, or one that it likes.
    pub fn preferred_type(&self, term: &Term) -> Result<Option<CqlType>, CqlError> {
        Ok(match term {
            Term::Literal(literal) => preferred_type(literal),
            // As a value it could be a vector as well.
            Term::List(_) if self.columns.is_none() => None,
            Term::List(elements) => self.first(elements, Self::preferred_type)?.map(frozen_list),
            Term::Set(elements) => self.first(elements, Self::preferred_type)?.map(frozen_set),
            Term::Map(entries) if self.columns.is_none() => self.map_type(entries, Self::preferred_type)?,
            Term::Tuple(elements) if elements.len() > 1 => self.tuple_type(elements, Self::preferred_type)?,
            _ => self.exact_type(term)?,
        })
    }

    /// How well a type takes a term.
    pub fn fit(&self, term: &Term, to: &CqlType) -> Result<Fit, CqlError> {
        let inside = to.unfrozen();
        Ok(match (term, inside) {
            (Term::Literal(literal), _) if preferred_type(literal).as_ref() == Some(to) => Fit::Exact,
            (Term::Literal(literal), _) => {
                if types::literal_fits(literal, to) {
                    Fit::Weak
                } else {
                    Fit::No
                }
            }
            (Term::Marker(_), _) => Fit::Weak,
            (Term::Tuple(elements), other) if elements.len() == 1 && !matches!(other, CqlType::Tuple(_)) => {
                self.fit(&elements[0], to)?
            }
            (Term::List(elements), CqlType::List(element)) => {
                self.fit_all(elements.iter().map(|term| (term, &**element)))?
            }
            (Term::List(elements), CqlType::Vector(element, dimension)) => {
                if elements.len() == vector::count(*dimension) {
                    self.fit_all(elements.iter().map(|term| (term, &**element)))?
                } else {
                    Fit::No
                }
            }
            (Term::Set(elements), CqlType::Set(element)) => {
                self.fit_all(elements.iter().map(|term| (term, &**element)))?
            }
            (Term::Set(elements), CqlType::Map(..)) if elements.is_empty() => Fit::Weak,
            (Term::Map(entries), CqlType::Map(key_type, value_type)) => {
                let both = entries.iter().flat_map(|(key, value)| [(key, &**key_type), (value, &**value_type)]);
                self.fit_all(both)?
            }
            (Term::Map(entries), CqlType::UserType(user)) if self.columns.is_some() => {
                let mut fit = Fit::Exact;
                for (key, value) in entries {
                    let field = field_name(key, &user.name)?;
                    let Some((_, field_type)) = user.fields.iter().find(|(name, _)| name == field) else {
                        return Err(unknown_field(field, &user.name));
                    };
                    fit = fit.and(self.fit(value, field_type)?);
                }
                fit
            }
            (Term::UserType(fields), CqlType::UserType(user)) => {
                let mut fit = Fit::Exact;
                for (field, value) in fields {
                    match user.fields.iter().find(|(name, _)| *field == **name) {
                        Some((_, field_type)) => fit = fit.and(self.fit(value, field_type)?),
                        None => return Ok(Fit::No),
                    }
                }
                fit
            }
            (Term::Tuple(elements), CqlType::Tuple(types)) if elements.len() <= types.len() => {
                self.fit_all(elements.iter().zip(types))?
            }
            (Term::Tuple(elements), CqlType::UserType(user)) if elements.len() <= user.fields.len() => {
                self.fit_all(elements.iter().zip(user.fields.iter().map(|(_, field_type)| field_type)))?
            }
            (Term::List(_) | Term::Set(_) | Term::Map(_) | Term::UserType(_) | Term::Tuple(_), _) => Fit::No,
            (Term::Function(name, arguments), _) if self.columns.is_none() => {
                match function::resolve_function(name, arguments, Some(to), self) {
                    // What is wrong with the call is said when it is resolved.
                    Ok(None) | Err(_) => Fit::Weak,
                    // What is made for its arguments could have been made otherwise.
                    Ok(Some(_)) if function::is_made_to_fit(name) => Fit::Weak,
                    Ok(Some(function)) => fit_of_type(&function.returns, to),
                }
            }
            (Term::Negation(argument), _) if self.columns.is_none() => {
                let function = function::resolve_negation(argument, Some(to), self);
                function.map_or(Fit::Weak, |function| fit_of_type(&function.returns, to))
            }
            (Term::Arithmetic(operator, left, right), _) if self.columns.is_none() => {
                let function = function::resolve_operation(*operator, left, right, Some(to), self);
                function.map_or(Fit::Weak, |function| fit_of_type(&function.returns, to))
            }
            _ => self.exact_type(term)?.map_or(Fit::No, |from| fit_of_type(&from, to)),
        })
    }

    /// Inside values, what is wrong with a call is said when it is resolved.
    fn lenient<T>(&self, result: Result<T, CqlError>, otherwise: T) -> Result<T, CqlError> {
        if self.columns.is_some() { result } else { Ok(result.unwrap_or(otherwise)) }
    }

    fn fit_all<'t>(&self, parts: impl Iterator<Item = (&'t Term, &'t CqlType)>) -> Result<Fit, CqlError> {
        let mut fit = None;
        for (term, part_type) in parts {
            fit = Some(fit.unwrap_or(Fit::Exact).and(self.fit(term, part_type)?));
        }
        // Nothing fits all.
        Ok(fit.unwrap_or(Fit::Weak))
    }

    fn first(
        &self,
        terms: &[Term],
        type_of: fn(&Self, &Term) -> Result<Option<CqlType>, CqlError>,
    ) -> Result<Option<CqlType>, CqlError> {
        for term in terms {
            if let Some(found) = type_of(self, term)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn map_type(
        &self,
        entries: &[(Term, Term)],
        type_of: fn(&Self, &Term) -> Result<Option<CqlType>, CqlError>,
    ) -> Result<Option<CqlType>, CqlError> {
        for (key, value) in entries {
            if let (Some(key), Some(value)) = (type_of(self, key)?, type_of(self, value)?) {
                return Ok(Some(CqlType::Map(Box::new(key), Box::new(value)).freeze()));
            }
        }
        Ok(None)
    }

    fn tuple_type(
        &self,
        elements: &[Term],
        type_of: fn(&Self, &Term) -> Result<Option<CqlType>, CqlError>,
    ) -> Result<Option<CqlType>, CqlError> {
        let types = elements.iter().map(|element| type_of(self, element)).collect::<Result<Option<Vec<_>>, _>>()?;
        Ok(types.map(|types| CqlType::Tuple(types).freeze()))
    }
}

/// A field's name where the grammar sees a column.
pub(super) fn field_name<'t>(key: &'t Term, user_type: &str) -> Result<&'t str, CqlError> {
    match key {
        Term::Column(name) => Ok(name.as_str()),
        other => Err(CqlError::Invalid(format!("{other} is not a valid field identifier of type {user_type} "))),
    }
}

pub(super) fn unknown_field(field: &str, user_type: &str) -> CqlError {
    CqlError::Invalid(format!("Unknown field '{field}' in value of user defined type {user_type}"))
}
