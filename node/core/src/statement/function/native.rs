//! The functions there are, by name. Some have overloads; others are made for the arguments of a call by a factory, because their
//! arguments may be of any type, or of infinitely many.

use super::super::inference::Inference;
use super::{Body, Environment, Function, blob, cast, collection, json, mask, math, operation, time, vector};
use bytes::Bytes;
use std::fmt;
use trefoil_cql::ast::{ArithmeticOperator, Literal, Term};
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{CqlType, is_numeric};

/// What a name stands for.
pub(super) enum Known {
    Overloads(Vec<Function>),
    Factory(Factory),
}

/// Makes functions for the arguments of calls.
pub(super) struct Factory {
    pub parameters: &'static [Parameter],
    pub make: fn(&str, Vec<CqlType>, Option<&CqlType>) -> Result<Function, CqlError>,
}

/// What a factory's function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// Anything whose type is known.
    Any,
    /// Anything; what has no type is what the receiver is.
    AnyOrReceiver,
    /// What the first argument is.
    SameAsFirst,
    Text,
    Int,
    /// `text`, and may be left out.
    OptionalText,
    Strings,
    Collection,
    SetOrList,
    NumericSetOrList,
    Map,
    FloatVector,
}

impl fmt::Display for Parameter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Parameter::Any | Parameter::AnyOrReceiver => "any",
            Parameter::SameAsFirst => "same",
            Parameter::Text => "text",
            Parameter::Int => "int",
            Parameter::OptionalText => "[text]",
            Parameter::Strings => "[text|varchar|ascii]",
            Parameter::Collection => "collection",
            Parameter::SetOrList | Parameter::NumericSetOrList => "numeric_set_or_list",
            Parameter::Map => "map",
            Parameter::FloatVector => "vector<float, n>",
        })
    }
}

impl Parameter {
    pub fn is_optional(self) -> bool {
        self == Parameter::OptionalText
    }

    /// The type of an argument.
    pub fn infer<'t>(
        self,
        argument: &Term,
        mut others: impl Iterator<Item = &'t Term>,
        receiver: Option<&CqlType>,
        before: &[CqlType],
        inference: &Inference<'_>,
    ) -> Result<Option<CqlType>, CqlError> {
        let preferred = || inference.preferred_type(argument);
        Ok(match self {
            Parameter::SameAsFirst => before.first().cloned(),
            Parameter::Text | Parameter::OptionalText | Parameter::Strings => preferred()?.or(Some(CqlType::Text)),
            Parameter::Int => preferred()?.or(Some(CqlType::Int)),
            Parameter::AnyOrReceiver => preferred()?.or_else(|| receiver.cloned()),
            Parameter::FloatVector => match (argument, inference.exact_type(argument)?) {
                (_, Some(known)) => Some(known),
                (Term::List(elements), None) => u32::try_from(elements.len())
                    .ok()
                    .map(|dimension| CqlType::Vector(Box::new(CqlType::Float), dimension)),
                // The other one says what it is.
                _ => others.find_map(|other| inference.exact_type(other).transpose()).transpose()?,
            },
            Parameter::Any
            | Parameter::Collection
            | Parameter::SetOrList
            | Parameter::NumericSetOrList
            | Parameter::Map => preferred()?,
        })
    }

    /// What is wanted instead of this type, if it is refused.
    pub fn refuses(self, given: &CqlType) -> Option<String> {
        let inside = given.unfrozen();
        let accepted = match self {
            Parameter::Any | Parameter::AnyOrReceiver | Parameter::SameAsFirst => true,
            Parameter::Text | Parameter::OptionalText | Parameter::Strings => {
                matches!(inside, CqlType::Text | CqlType::Ascii)
            }
            Parameter::Int => *inside == CqlType::Int,
            Parameter::Collection => inside.is_collection(),
            Parameter::SetOrList => matches!(inside, CqlType::Set(_) | CqlType::List(_)),
            Parameter::NumericSetOrList => {
                matches!(inside, CqlType::Set(element) | CqlType::List(element) if is_numeric(element))
            }
            Parameter::Map => matches!(inside, CqlType::Map(..)),
            Parameter::FloatVector => matches!(inside, CqlType::Vector(element, _) if **element == CqlType::Float),
        };
        if accepted {
            return None;
        }
        Some(match self {
            Parameter::Collection => "a collection argument".to_owned(),
            Parameter::SetOrList => "a set or list argument".to_owned(),
            Parameter::NumericSetOrList => "a numeric set/list argument".to_owned(),
            Parameter::Map => "a map argument".to_owned(),
            Parameter::FloatVector => "a float vector argument".to_owned(),
            Parameter::OptionalText => "an argument of type text".to_owned(),
            other => format!("an argument of type {other}"),
        })
    }
}

/// The factory of this name.
pub(super) fn factory(name: &str) -> Option<Factory> {
    let (parameters, make): (&'static [Parameter], fn(&str, Vec<CqlType>, Option<&CqlType>) -> _) = match name {
        "min" | "max" => (&[Parameter::AnyOrReceiver], aggregate_of_same),
        "to_json" | "tojson" => (&[Parameter::Any], json::to_json),
        "from_json" | "fromjson" => (&[Parameter::Text], json::from_json),
        "map_keys" | "map_values" => (&[Parameter::Map], collection::make),
        "collection_count" => (&[Parameter::Collection], collection::make),
        "collection_min" | "collection_max" => (&[Parameter::SetOrList], collection::make),
        "collection_sum" | "collection_avg" => (&[Parameter::NumericSetOrList], collection::make),
        "similarity_cosine" | "similarity_euclidean" | "similarity_dot_product" => {
            (&[Parameter::FloatVector, Parameter::FloatVector], vector::make)
        }
        "mask_null" | "mask_default" => (&[Parameter::AnyOrReceiver], mask::make),
        "mask_replace" => (&[Parameter::AnyOrReceiver, Parameter::SameAsFirst], mask::make),
        "mask_inner" | "mask_outer" => {
            (&[Parameter::Strings, Parameter::Int, Parameter::Int, Parameter::OptionalText], mask::make)
        }
        "mask_hash" => (&[Parameter::Any, Parameter::OptionalText], mask::make),
        _ => return None,
    };
    Some(Factory { parameters, make })
}

fn aggregate_of_same(name: &str, types: Vec<CqlType>, _: Option<&CqlType>) -> Result<Function, CqlError> {
    let returns = types.first().cloned().unwrap_or(CqlType::Blob);
    Ok(Function::new(name.to_owned(), types, returns, Body::Aggregate))
}

/// All that a name stands for.
pub(super) fn known(name: &str, inference: &Inference<'_>) -> Option<Known> {
    if let Some(factory) = factory(name) {
        return Some(Known::Factory(factory));
    }
    let overloads = match name {
        "count" => count(),
        "sum" | "avg" => sums(name),
        "token" => vec![token(inference)?],
        "abs" | "exp" | "log" | "log10" | "round" => math::overloads(name),
        "floor" => time::floors(),
        "_negate" => operation::negations(),
        "_add" => operation::operations(ArithmeticOperator::Add),
        "_substract" => operation::operations(ArithmeticOperator::Subtract),
        "_multiply" => operation::operations(ArithmeticOperator::Multiply),
        "_divide" => operation::operations(ArithmeticOperator::Divide),
        "_modulo" => operation::operations(ArithmeticOperator::Modulo),
        _ => match time::overloads(name).or_else(|| cast::of_name(name)) {
            Some(overloads) => overloads,
            None => vec![blob::candidate(name)?],
        },
    };
    Some(Known::Overloads(overloads))
}

/// The numeric types.
pub(super) const NUMBERS: [CqlType; 9] = [
    CqlType::TinyInt,
    CqlType::SmallInt,
    CqlType::Int,
    CqlType::BigInt,
    CqlType::Float,
    CqlType::Double,
    CqlType::Decimal,
    CqlType::Varint,
    CqlType::Counter,
];

/// `count(a)`: its argument may be anything, and is not converted.
fn count() -> Vec<Function> {
    vec![Function::new("count", vec![CqlType::Blob], CqlType::BigInt, Body::Aggregate)]
}

/// Sums of every numeric type; of counters they are bigints.
fn sums(name: &str) -> Vec<Function> {
    let sum = |number: CqlType| Function::new(name.to_owned(), vec![number.clone()], number, Body::Aggregate);
    NUMBERS.into_iter().map(sum).collect()
}

/// `token(...)` is that of the statement's table.
fn token(inference: &Inference<'_>) -> Option<Function> {
    let of_columns = |table: &crate::schema::Table| {
        table.partition_key().iter().map(|column| column.column_type.clone()).collect::<Vec<_>>()
    };
    let types = match inference.columns {
        Some(table) => of_columns(table),
        None => of_columns(inference.names.schema.table(inference.keyspace, inference.table_name)?),
    };
    Some(Function::strict("token", types, CqlType::BigInt, |_, key| {
        let key = super::super::restrictions::serialize_key(key)?;
        // No partition has an empty key; its token is the least one in Cassandra, which is the end of the ring as well.
        let token = if key.is_empty() { i64::MIN } else { trefoil_cql::token::Token::of(&key).0 };
        Ok(Some(Bytes::copy_from_slice(&token.to_be_bytes())))
    }))
}

/// A function of time or chance.
pub(super) fn of_context(name: &'static str, returns: CqlType, run: fn(&mut Environment<'_>) -> Bytes) -> Function {
    Function::new(name, Vec::new(), returns, Body::Context(run))
}

/// Whether `count` of this counts rows: of a constant that is not null.
pub(in crate::statement) fn counts_rows(argument: &Term) -> bool {
    matches!(argument, Term::Literal(literal) if *literal != Literal::Null)
}
