//! IF: what must hold for a write. The conditions are tested where the write is applied, so they travel with it.

use super::super::names::column_index;
use super::super::term::{InTerms, Scope, Term, TermContext};
use super::super::variables::Receiver;
use super::operation::value_column;
use super::using::UsingTerms;
use crate::command::{Operator, Test};
use crate::schema::{ColumnKind, Table};
use bytes::Bytes;
use trefoil_cql::ast::{self, Comparison, ConditionTarget, If, Predicate};
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// A conditional write takes the time of its turn.
pub(super) const OWN_TIMESTAMP: &str = "Cannot provide custom timestamp for conditional updates";

const UNSET: &str = "Invalid 'unset' value in condition";

/// What IF says.
#[derive(Clone, Debug)]
pub(in crate::statement) enum ConditionTerms {
    NotExists,
    Exists,
    Columns(Vec<ColumnCondition>),
}

/// A condition on a column.
#[derive(Clone, Debug)]
pub(in crate::statement) struct ColumnCondition {
    /// The column's position in its table.
    pub column: usize,
    element: Option<Element>,
    operator: Operator,
    values: Values,
}

#[derive(Clone, Debug)]
enum Element {
    Key(Term),
    Field(u16),
}

#[derive(Clone, Debug)]
enum Values {
    One(Term),
    /// Null is a value here.
    List(Vec<Term>),
    Many(InTerms),
}

impl ConditionTerms {
    /// `using` is that of the whole statement.
    pub fn resolve(
        condition: &If,
        using: &UsingTerms,
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<ConditionTerms, CqlError> {
        match condition {
            If::Exists => Ok(ConditionTerms::Exists),
            If::Conditions(_) if using.timestamp.is_some() && !table.is_counter() => {
                Err(CqlError::invalid(OWN_TIMESTAMP))
            }
            If::Conditions(conditions) => {
                let columns = conditions.iter().map(|condition| ColumnCondition::resolve(condition, table, context));
                columns.collect::<Result<_, _>>().map(ConditionTerms::Columns)
            }
        }
    }
}

impl ConditionTerms {
    /// What the answer shows: each once, regular columns before static ones.
    pub fn tested_columns(&self, table: &Table) -> Vec<usize> {
        let ConditionTerms::Columns(columns) = self else { return (0..table.columns.len()).collect() };
        let mut shown = Vec::with_capacity(columns.len());
        for of_static_row in [false, true] {
            for column in columns.iter().filter(|column| column.is_static(table) == of_static_row) {
                if !shown.contains(&column.column) {
                    shown.push(column.column);
                }
            }
        }
        shown
    }

    /// The columns that are tested by name.
    pub fn named_columns(&self) -> impl Iterator<Item = usize> {
        let columns = if let ConditionTerms::Columns(columns) = self { columns.as_slice() } else { &[] };
        columns.iter().map(|column| column.column)
    }
}

impl ColumnCondition {
    fn resolve(
        condition: &ast::Condition,
        table: &Table,
        context: &mut TermContext<'_>,
    ) -> Result<ColumnCondition, CqlError> {
        let (ConditionTarget::Column(name) | ConditionTarget::Element(name, _) | ConditionTarget::Field(name, _)) =
            &condition.target;
        let index = column_index(table, name)?;
        let column = &table.columns[index];
        if column.kind.is_key() {
            return Err(CqlError::Invalid(format!("PRIMARY KEY column '{name}' cannot have IF conditions")));
        }
        let index = value_column(table, name, "IF part")?;
        let receiver = Receiver::column(table, column);
        if column.column_type == CqlType::Counter {
            return Err(CqlError::invalid("Conditions on counters are not supported"));
        }
        let value_name = format!("value({})", column.name);
        let field_name;
        let (element, receiver) = match &condition.target {
            ConditionTarget::Column(_) => (None, receiver),
            ConditionTarget::Element(_, key) => {
                let (key_name, key_type, value_type) = match column.column_type.unfrozen() {
                    CqlType::Map(key, value) => (format!("key({})", column.name), &**key, &**value),
                    CqlType::List(element) => (format!("idx({})", column.name), &CqlType::Int, &**element),
                    other => {
                        let kind = if matches!(other, CqlType::Set(_)) { "set" } else { "non-collection" };
                        return Err(CqlError::Invalid(format!(
                            "Invalid element access syntax for {kind} column {name}"
                        )));
                    }
                };
                let key = Term::resolve(key, receiver.part(&key_name, key_type), context)?;
                (Some(Element::Key(key)), receiver.part(&value_name, value_type))
            }
            ConditionTarget::Field(_, field) => {
                let CqlType::UserType(user) = column.column_type.unfrozen() else {
                    return Err(CqlError::Invalid(format!(
                        "Cannot use UDT field access on column {name} of type {}",
                        column.column_type
                    )));
                };
                let position = user.fields.iter().position(|(known, _)| *field == **known);
                let position =
                    position.ok_or_else(|| CqlError::Invalid(format!("Unknown field {field} for column {name}")))?;
                field_name = format!("{}.{}", column.name, user.fields[position].0);
                (Some(Element::Field(position as u16)), receiver.part(&field_name, &user.fields[position].1))
            }
        };
        let (operator, values) = match &condition.predicate {
            Predicate::Compare(comparison, term) => {
                if *comparison != Comparison::Equal
                    && *comparison != Comparison::NotEqual
                    && *receiver.column_type == CqlType::Duration
                {
                    return Err(CqlError::Invalid(format!(
                        "Slice conditions ( {} ) are not supported on durations",
                        operator_text(operator_of(*comparison))
                    )));
                }
                (operator_of(*comparison), Values::One(Term::resolve(term, receiver, context)?))
            }
            Predicate::In(ast::InValues::List(terms)) => {
                let terms = terms.iter().map(|term| Term::resolve(term, receiver, context));
                (Operator::In, Values::List(terms.collect::<Result<_, _>>()?))
            }
            Predicate::In(values) => (Operator::In, Values::Many(InTerms::resolve(values, receiver, context)?)),
            Predicate::Contains(term) => {
                let (CqlType::List(inner) | CqlType::Set(inner) | CqlType::Map(_, inner)) =
                    receiver.column_type.unfrozen()
                else {
                    return Err(CqlError::Invalid(format!("Cannot use CONTAINS on non-collection column {name}")));
                };
                let term = Term::resolve(term, receiver.part(&value_name, inner), context)?;
                (Operator::Contains, Values::One(term))
            }
            Predicate::ContainsKey(term) => {
                let CqlType::Map(key, _) = receiver.column_type.unfrozen() else {
                    return Err(CqlError::Invalid(format!("Cannot use CONTAINS KEY on non-map column {name}")));
                };
                let term = Term::resolve(term, receiver.part(&format!("key({})", column.name), key), context)?;
                (Operator::ContainsKey, Values::One(term))
            }
            _ => return Err(CqlError::Invalid(format!("Unsupported condition on column {name}"))),
        };
        Ok(ColumnCondition { column: index, element, operator, values })
    }

    /// Whether it is about the static row.
    pub fn is_static(&self, table: &Table) -> bool {
        table.columns[self.column].kind == ColumnKind::Static
    }

    /// The test of this execution. What cannot be compared is found out only when the test is reached.
    pub fn bind(&self, table: &Table, scope: &mut Scope<'_>) -> Result<Test, CqlError> {
        let column = &table.columns[self.column];
        let element = match &self.element {
            Some(Element::Key(key)) => match key.bind(scope)? {
                Value::Set(key) => Some(key),
                Value::Unset if matches!(column.column_type.unfrozen(), CqlType::Map(..)) => Some(Bytes::new()),
                Value::Unset => return Ok(Test::Refused(UNSET.to_owned())),
                Value::Null => {
                    let is_list = matches!(column.column_type.unfrozen(), CqlType::List(_));
                    let kind = if is_list { "list" } else { "map" };
                    return Ok(Test::Refused(format!("Invalid null value for {kind} element access")));
                }
            },
            Some(Element::Field(position)) => Some(Bytes::copy_from_slice(&position.to_be_bytes())),
            None => None,
        };
        let looks_inside = matches!(self.operator, Operator::Contains | Operator::ContainsKey);
        let values = match &self.values {
            Values::One(term) => match self.bind_value(term, scope)? {
                Bound::Value(value) => vec![value],
                // Cassandra looks for a value without bytes.
                Bound::Unset if looks_inside && column.column_type.is_multi_cell() => vec![Some(Bytes::new())],
                Bound::Unset => return Ok(Test::Refused(UNSET.to_owned())),
                Bound::Refused(text) => return Ok(Test::Refused(text)),
            },
            Values::List(terms) => {
                let mut values = Vec::with_capacity(terms.len());
                for term in terms {
                    match self.bind_value(term, scope)? {
                        Bound::Value(value) => values.push(value),
                        // What is unset is not in the list.
                        Bound::Unset => {}
                        Bound::Refused(text) => return Ok(Test::Refused(text)),
                    }
                }
                values
            }
            Values::Many(terms) => {
                let refuse = |what| match what {
                    "unset" => UNSET.to_owned(),
                    _ => format!("Invalid {what} list in IN condition"),
                };
                terms.bind(scope, refuse)?
            }
        };
        if element.is_none()
            && let Some(text) = self.refuse_empty(&column.column_type, &values)
        {
            return Ok(Test::Refused(text));
        }
        let column_type = column.column_type.clone();
        Ok(Test::Column { column: column.id, column_type, element, operator: self.operator, values })
    }

    /// A collection that is not frozen is never empty, only absent: nothing is less or greater than an empty one.
    fn refuse_empty(&self, column_type: &CqlType, values: &[Option<Bytes>]) -> Option<String> {
        let kind = match column_type {
            CqlType::List(_) => "list",
            CqlType::Set(_) => "set",
            CqlType::Map(..) => "map",
            _ => return None,
        };
        let is_slice = matches!(
            self.operator,
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual
        );
        // Nothing but the number of elements.
        let is_empty = |value: &Option<Bytes>| value.as_ref().is_some_and(|bytes| bytes.len() <= 4);
        (is_slice && values.iter().any(is_empty)).then(|| {
            format!("Invalid comparison with an empty {kind} for operator \"{}\"", operator_text(self.operator))
        })
    }

    fn bind_value(&self, term: &Term, scope: &mut Scope<'_>) -> Result<Bound, CqlError> {
        Ok(match term.bind(scope)? {
            Value::Set(bytes) => Bound::Value(Some(bytes)),
            Value::Unset => Bound::Unset,
            Value::Null => match self.operator {
                Operator::Equal | Operator::NotEqual | Operator::In => Bound::Value(None),
                operator => {
                    Bound::Refused(format!("Invalid comparison with null for operator \"{}\"", operator_text(operator)))
                }
            },
        })
    }
}

/// A value of one execution.
enum Bound {
    /// It can be compared with; `None` is null.
    Value(Option<Bytes>),
    Unset,
    /// It cannot be compared with.
    Refused(String),
}

fn operator_of(comparison: Comparison) -> Operator {
    match comparison {
        Comparison::Equal => Operator::Equal,
        Comparison::NotEqual => Operator::NotEqual,
        Comparison::Less => Operator::Less,
        Comparison::LessOrEqual => Operator::LessOrEqual,
        Comparison::Greater => Operator::Greater,
        Comparison::GreaterOrEqual => Operator::GreaterOrEqual,
    }
}

fn operator_text(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "=",
        Operator::NotEqual => "!=",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
        Operator::In => "IN",
        Operator::Contains => "CONTAINS",
        Operator::ContainsKey => "CONTAINS KEY",
    }
}
