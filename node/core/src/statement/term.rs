//! Terms: the values in a statement. Analysed once against what receives them, then bound as often as the statement is
//! executed. Null, unset and empty are three things and stay so.

use super::function::{self, Call, Function};
use super::inference::{Fit, Inference, fit_of_type, unknown_field};
use super::json_document::JsonColumn;
use super::names::Names;
use super::term_text::term_text;
use super::value;
use super::variables::{Receiver, Variables};
use crate::time::HybridTime;
use bytes::Bytes;
use rand_core::RngCore;
use trefoil_cql::ast;
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{CqlType, vector};

/// A term whose type is known.
#[derive(Clone, Debug)]
pub(super) enum Term {
    /// The same at every execution; `None` is null.
    Constant(Option<Bytes>),
    /// A bind variable.
    Marker(u16, CqlType),
    /// A collection, tuple or user type with parts that are not constant. Keys and values of maps alternate.
    Composite(Box<Composite>),
    /// A function of other terms.
    Call(Box<Call>),
    /// A column's value in a JSON document that is bound.
    JsonColumn(Box<JsonColumn>),
    /// What a JSON document leaves alone.
    Unset,
}

/// A value made of parts.
#[derive(Clone, Debug)]
pub(super) struct Composite {
    pub column_type: CqlType,
    pub parts: Vec<Term>,
}

/// What terms are bound with.
pub(super) struct Scope<'a> {
    pub values: &'a [Value],
    pub now: HybridTime,
    /// The time that the request gives, in seconds since 1970.
    pub request_seconds: Option<i64>,
    pub rng: &'a mut dyn RngCore,
}

/// The elements of an IN, or a marker for the whole list.
#[derive(Clone, Debug)]
pub(super) enum InTerms {
    List(Vec<Term>),
    /// A list of values of this type.
    Marker(u16, CqlType),
}

/// What a statement's terms are analysed with.
pub(super) struct TermContext<'a> {
    pub names: Names<'a>,
    pub variables: &'a mut Variables,
}

impl TermContext<'_> {
    /// For terms without columns.
    pub fn inference<'a>(&'a self, receiver: Receiver<'a>) -> Inference<'a> {
        Inference { names: self.names, keyspace: receiver.keyspace, table_name: receiver.table, columns: None }
    }
}

impl Term {
    /// Analyse a term that this receiver takes.
    pub fn resolve(term: &ast::Term, receiver: Receiver<'_>, context: &mut TermContext<'_>) -> Result<Term, CqlError> {
        match term {
            ast::Term::Literal(literal) => value::literal(literal, receiver).map(Term::Constant),
            ast::Term::Marker(marker) => {
                context.variables.set(marker, receiver);
                Ok(Term::Marker(marker.index, receiver.column_type.clone()))
            }
            ast::Term::List(elements) => resolve_list(elements, receiver, context),
            ast::Term::Set(elements) => resolve_set(elements, receiver, context),
            ast::Term::Map(entries) => resolve_map(entries, receiver, context),
            ast::Term::UserType(fields) => resolve_user_type(fields, receiver, context),
            ast::Term::Tuple(elements) => resolve_tuple(elements, receiver, context),
            ast::Term::Function(name, arguments) => {
                let inference = context.inference(receiver);
                let function = function::resolve_function(name, arguments, Some(receiver.column_type), &inference)?;
                let function = function.ok_or_else(|| function::unknown_function(name, false))?;
                resolve_call(function, arguments, receiver, context)
            }
            ast::Term::Cast(inner, native) => {
                let inference = context.inference(receiver);
                let function = function::resolve_cast(inner, *native, Some(receiver.column_type), &inference)?;
                resolve_call(function, std::slice::from_ref(inner), receiver, context)
            }
            ast::Term::Negation(inner) => {
                let inference = context.inference(receiver);
                let function = function::resolve_negation(inner, Some(receiver.column_type), &inference)?;
                resolve_call(function, std::slice::from_ref(inner), receiver, context)
            }
            ast::Term::Arithmetic(operator, left, right) => {
                let inference = context.inference(receiver);
                let wanted = Some(receiver.column_type);
                let function = function::resolve_operation(*operator, left, right, wanted, &inference)?;
                resolve_call(function, &[(**left).clone(), (**right).clone()], receiver, context)
            }
            ast::Term::TypeHint(type_name, inner) => {
                let hinted = context.names.resolve_type(receiver.keyspace, type_name)?.freeze();
                if context.inference(receiver).fit(inner, &hinted)? == Fit::No {
                    return Err(CqlError::Invalid(format!(
                        "Cannot cast value {} to type {type_name}",
                        term_text(inner, None)
                    )));
                }
                if fit_of_type(&hinted, receiver.column_type) == Fit::No {
                    return Err(CqlError::Invalid(format!(
                        "Cannot assign value {} to {} of type {}",
                        term_text(term, None),
                        receiver.name,
                        receiver.column_type
                    )));
                }
                Term::resolve(inner, receiver, context)
            }
            ast::Term::Column(_)
            | ast::Term::CountRows
            | ast::Term::Cell(..)
            | ast::Term::Field(..)
            | ast::Term::Element(..)
            | ast::Term::Slice(..) => Err(CqlError::Server(format!("{term} was taken for a value"))),
        }
    }

    /// The value of this execution.
    pub fn bind(&self, scope: &mut Scope<'_>) -> Result<Value, CqlError> {
        match self {
            Term::Constant(Some(bytes)) => Ok(Value::Set(bytes.clone())),
            Term::Constant(None) => Ok(Value::Null),
            Term::Marker(index, column_type) => {
                let bound = &scope.values[usize::from(*index)];
                match bound {
                    Value::Set(bytes) => value::received(column_type, bytes).map(Value::Set),
                    Value::Null | Value::Unset => Ok(bound.clone()),
                }
            }
            Term::Composite(composite) => composite.bind(scope),
            Term::Call(call) => call.bind(scope),
            Term::JsonColumn(column) => column.bind(scope),
            Term::Unset => Ok(Value::Unset),
        }
    }

    /// Whether it depends on a bind variable.
    fn has_marker(&self) -> bool {
        match self {
            Term::Constant(_) | Term::Unset => false,
            Term::Marker(..) | Term::JsonColumn(_) => true,
            Term::Composite(composite) => composite.parts.iter().any(Term::has_marker),
            Term::Call(call) => call.arguments.iter().any(Term::has_marker),
        }
    }

    /// The value, which must not be null or unset.
    pub fn bind_required(
        &self,
        scope: &mut Scope<'_>,
        describe: impl FnOnce(&'static str) -> String,
    ) -> Result<Bytes, CqlError> {
        match self.bind(scope)? {
            Value::Set(bytes) => Ok(bytes),
            Value::Null => Err(CqlError::Invalid(describe("null"))),
            Value::Unset => Err(CqlError::Invalid(describe("unset"))),
        }
    }
}

impl InTerms {
    /// Analyse the right side of an IN; `receiver` takes one of its values.
    pub fn resolve(
        values: &ast::InValues,
        receiver: Receiver<'_>,
        context: &mut TermContext<'_>,
    ) -> Result<InTerms, CqlError> {
        match values {
            ast::InValues::List(terms) => {
                let terms = terms.iter().map(|term| Term::resolve(term, receiver, context));
                terms.collect::<Result<_, _>>().map(InTerms::List)
            }
            ast::InValues::Marker(marker) => {
                let list = CqlType::List(Box::new(receiver.column_type.clone()));
                let name = format!("in({})", receiver.name);
                context.variables.set(marker, receiver.part(&name, &list));
                Ok(InTerms::Marker(marker.index, list))
            }
        }
    }

    /// The values of this execution, in the order written; `None` is null, which only a bound list can have in it.
    pub fn bind(
        &self,
        scope: &mut Scope<'_>,
        describe: impl Fn(&'static str) -> String,
    ) -> Result<Vec<Option<Bytes>>, CqlError> {
        match self {
            InTerms::List(terms) => terms.iter().map(|term| term.bind_required(scope, &describe).map(Some)).collect(),
            InTerms::Marker(index, list) => match &scope.values[usize::from(*index)] {
                Value::Set(bytes) => value::nullable_elements(list, &value::received(list, bytes)?),
                Value::Null => Err(CqlError::Invalid(describe("null"))),
                Value::Unset => Err(CqlError::Invalid(describe("unset"))),
            },
        }
    }
}

/// A composite of constants is a constant.
fn composite(column_type: &CqlType, parts: Vec<Term>) -> Result<Term, CqlError> {
    let composite = Composite { column_type: column_type.clone(), parts };
    if !composite.parts.iter().all(|part| matches!(part, Term::Constant(_))) {
        return Ok(Term::Composite(Box::new(composite)));
    }
    let parts = composite.parts.iter().map(|part| match part {
        Term::Constant(Some(bytes)) => Value::Set(bytes.clone()),
        _ => Value::Null,
    });
    match composite.assemble(&parts.collect::<Vec<_>>())? {
        Value::Set(bytes) => Ok(Term::Constant(Some(bytes))),
        Value::Null | Value::Unset => Ok(Term::Constant(None)),
    }
}

impl Composite {
    fn bind(&self, scope: &mut Scope<'_>) -> Result<Value, CqlError> {
        let parts: Vec<Value> = self.parts.iter().map(|part| part.bind(scope)).collect::<Result<_, _>>()?;
        self.assemble(&parts)
    }

    fn assemble(&self, parts: &[Value]) -> Result<Value, CqlError> {
        let composite_type = self.column_type.unfrozen();
        if let CqlType::Tuple(_) | CqlType::UserType(_) = composite_type {
            let mut fields = Vec::with_capacity(parts.len());
            for (index, part) in parts.iter().enumerate() {
                match part {
                    Value::Set(bytes) => fields.push(Some(bytes.clone())),
                    Value::Null => fields.push(None),
                    // Where its fields are cells of their own, Cassandra stores one that is unset, without bytes.
                    Value::Unset if self.column_type.is_multi_cell() => fields.push(Some(Bytes::new())),
                    Value::Unset => return Err(unset_field(composite_type, index)),
                }
            }
            return Ok(Value::Set(value::join_fields(&fields)));
        }
        let mut elements = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Value::Set(bytes) => elements.push(bytes.clone()),
                Value::Null if matches!(composite_type, CqlType::Vector(..)) => {
                    return Err(CqlError::invalid("null is not supported inside vectors"));
                }
                Value::Null => return Err(CqlError::invalid("null is not supported inside collections")),
                Value::Unset => return Ok(Value::Unset),
            }
        }
        Ok(Value::Set(match composite_type {
            CqlType::Set(element) => value::join_set(element, elements),
            CqlType::Map(key, _) => value::join_map(key, elements),
            CqlType::Vector(..) => value::join_vector(&self.column_type, &elements)?,
            _ => value::join_elements(&elements),
        }))
    }
}

fn unset_field(composite_type: &CqlType, index: usize) -> CqlError {
    match composite_type {
        CqlType::UserType(user) => CqlError::Invalid(format!(
            "Invalid unset value for field '{}' of user defined type {}",
            user.fields.get(index).map_or("", |(name, _)| name),
            user.name
        )),
        _ => CqlError::Invalid(format!("Invalid unset value for tuple field number {index}")),
    }
}

/// A call whose function is known.
fn resolve_call(
    function: Function,
    arguments: &[ast::Term],
    receiver: Receiver<'_>,
    context: &mut TermContext<'_>,
) -> Result<Term, CqlError> {
    if function.is_aggregate() {
        return Err(CqlError::invalid("Aggregation function are not supported in the where clause"));
    }
    if fit_of_type(&function.returns, receiver.column_type) == Fit::No
        || receiver.column_type.is_multi_cell() && !function.returns.is_multi_cell()
    {
        return Err(CqlError::Invalid(format!(
            "Type error: cannot assign result of function {} (type {}) to {} (type {})",
            function.full_name(),
            function.returns,
            receiver.name,
            receiver.column_type
        )));
    }
    let mut terms = Vec::with_capacity(arguments.len());
    for (index, (argument, argument_type)) in arguments.iter().zip(&function.arguments).enumerate() {
        let name = function.argument_name(index);
        terms.push(Term::resolve(argument, receiver.part(&name, argument_type), context)?);
    }
    Call { function, arguments: terms }.into_term()
}

fn wrong_literal(kind: &str, receiver: Receiver<'_>) -> CqlError {
    CqlError::Invalid(format!("Invalid {kind} literal for {} of type {}", receiver.name, receiver.column_type))
}

fn resolve_list(
    elements: &[ast::Term],
    receiver: Receiver<'_>,
    context: &mut TermContext<'_>,
) -> Result<Term, CqlError> {
    let element_type = match receiver.column_type.unfrozen() {
        CqlType::List(element) => element,
        CqlType::Vector(element, dimension) if elements.len() == vector::count(*dimension) => element,
        CqlType::Vector(_, dimension) => {
            return Err(CqlError::Invalid(format!(
                "Invalid vector literal for {} of type {}; expected {dimension} elements, but given {}",
                receiver.name,
                receiver.column_type,
                elements.len()
            )));
        }
        _ => {
            return Err(CqlError::Invalid(format!(
                "Unexpected receiver type '{}'; only list and vector are expected",
                receiver.column_type
            )));
        }
    };
    let is_vector = matches!(receiver.column_type.unfrozen(), CqlType::Vector(..));
    let kind = if is_vector { "vector" } else { "list" };
    let name = format!("value({})", receiver.name);
    let mut parts = Vec::with_capacity(elements.len());
    for element in elements {
        check_part(element, element_type, kind, "value", receiver, context)?;
        let part = Term::resolve(element, receiver.part(&name, element_type), context)?;
        parts.push(if is_vector { part } else { without_markers(part, kind, receiver)? });
    }
    composite(receiver.column_type, parts)
}

/// An element must be of the collection's type, which is said before anything else about it.
fn check_part(
    term: &ast::Term,
    part_type: &CqlType,
    kind: &str,
    part: &str,
    receiver: Receiver<'_>,
    context: &TermContext<'_>,
) -> Result<(), CqlError> {
    // Constants of the right type are nearly everything.
    if context.inference(receiver).fit(term, part_type)? != Fit::No {
        return Ok(());
    }
    Err(CqlError::Invalid(format!(
        "Invalid {kind} literal for {}: {part} {} is not of type {part_type}",
        receiver.name,
        term_text(term, None)
    )))
}

/// Cassandra knows no markers inside collections.
fn without_markers(part: Term, kind: &str, receiver: Receiver<'_>) -> Result<Term, CqlError> {
    if part.has_marker() {
        return Err(CqlError::Invalid(format!(
            "Invalid {kind} literal for {}: bind variables are not supported inside collection literals",
            receiver.name
        )));
    }
    Ok(part)
}

fn resolve_set(
    elements: &[ast::Term],
    receiver: Receiver<'_>,
    context: &mut TermContext<'_>,
) -> Result<Term, CqlError> {
    match receiver.column_type.unfrozen() {
        CqlType::Set(element_type) => {
            let name = format!("value({})", receiver.name);
            let mut parts = Vec::with_capacity(elements.len());
            for element in elements {
                check_part(element, element_type, "set", "value", receiver, context)?;
                let part = Term::resolve(element, receiver.part(&name, element_type), context)?;
                parts.push(without_markers(part, "set", receiver)?);
            }
            composite(receiver.column_type, parts)
        }
        // `{}` is a map as well.
        CqlType::Map(..) if elements.is_empty() => composite(receiver.column_type, Vec::new()),
        _ => Err(wrong_literal("set", receiver)),
    }
}

fn resolve_map(
    entries: &[(ast::Term, ast::Term)],
    receiver: Receiver<'_>,
    context: &mut TermContext<'_>,
) -> Result<Term, CqlError> {
    let CqlType::Map(key_type, value_type) = receiver.column_type.unfrozen() else {
        return Err(wrong_literal("map", receiver));
    };
    let (key_name, value_name) = (format!("key({})", receiver.name), format!("value({})", receiver.name));
    let mut parts = Vec::with_capacity(entries.len() * 2);
    for (key, entry_value) in entries {
        check_part(key, key_type, "map", "key", receiver, context)?;
        check_part(entry_value, value_type, "map", "value", receiver, context)?;
        for (term, name, part_type) in [(key, &key_name, key_type), (entry_value, &value_name, value_type)] {
            let part = Term::resolve(term, receiver.part(name, part_type), context)?;
            parts.push(without_markers(part, "map", receiver)?);
        }
    }
    composite(receiver.column_type, parts)
}

fn resolve_tuple(
    elements: &[ast::Term],
    receiver: Receiver<'_>,
    context: &mut TermContext<'_>,
) -> Result<Term, CqlError> {
    let types: Vec<&CqlType> = match receiver.column_type.unfrozen() {
        CqlType::Tuple(types) => types.iter().collect(),
        // A user type is a tuple, too.
        CqlType::UserType(user) if elements.len() > 1 => user.fields.iter().map(|(_, field_type)| field_type).collect(),
        // Parentheses around one term are only parentheses.
        _ if elements.len() == 1 => return Term::resolve(&elements[0], receiver, context),
        _ => return Err(wrong_literal("tuple type", receiver)),
    };
    if elements.len() > types.len() {
        return Err(CqlError::Invalid(format!(
            "Invalid tuple literal for {}: too many elements. Type {} expects {} but got {}",
            receiver.name,
            receiver.column_type,
            types.len(),
            elements.len()
        )));
    }
    let mut parts = Vec::with_capacity(elements.len());
    for (index, (element, element_type)) in elements.iter().zip(types).enumerate() {
        if context.inference(receiver).fit(element, element_type)? == Fit::No {
            return Err(CqlError::Invalid(format!(
                "Invalid tuple literal for {}: component {index} is not of type {element_type}",
                receiver.name
            )));
        }
        let name = format!("{}[{index}]", receiver.name);
        parts.push(Term::resolve(element, receiver.part(&name, element_type), context)?);
    }
    composite(receiver.column_type, parts)
}

fn resolve_user_type(
    fields: &[(ast::Name, ast::Term)],
    receiver: Receiver<'_>,
    context: &mut TermContext<'_>,
) -> Result<Term, CqlError> {
    let CqlType::UserType(user) = receiver.column_type.unfrozen() else {
        return Err(wrong_literal("user type", receiver));
    };
    if let Some((unknown, _)) = fields.iter().find(|(name, _)| !user.fields.iter().any(|(known, _)| *name == **known)) {
        return Err(unknown_field(unknown.as_str(), &user.name));
    }
    let mut parts = Vec::with_capacity(user.fields.len());
    for (name, field_type) in &user.fields {
        // Of a field that is given twice, the later value counts.
        let part = match fields.iter().rev().find(|(given, _)| *given == **name) {
            Some((_, term)) => {
                if context.inference(receiver).fit(term, field_type)? == Fit::No {
                    return Err(CqlError::Invalid(format!(
                        "Invalid user type literal for {}: field {name} is not of type {field_type}",
                        receiver.name
                    )));
                }
                let name = format!("{}.{name}", receiver.name);
                Term::resolve(term, receiver.part(&name, field_type), context)?
            }
            None => Term::Constant(None),
        };
        parts.push(part);
    }
    composite(receiver.column_type, parts)
}
