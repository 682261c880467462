//! From whole terms to bytes: collections, tuples and user types are put together from their parts. What is not constant
//! (markers, functions, arithmetic) is asked of the caller.

use super::collection::{join_elements, join_fields, join_map, join_set};
use super::error::invalid;
use super::vector::{self, join_vector};
use super::{CqlType, InvalidValue, UserType, literal_to_bytes};
use crate::ast::{Name, Term};

/// The value of something that is not constant, for a receiver of a type.
pub type Evaluate<'a> = dyn FnMut(&Term, &str, &CqlType) -> Result<Option<Vec<u8>>, InvalidValue> + 'a;

/// The bytes of a constant term as a value of a type; null is `None`. `receiver` is what the value is for, as errors call it.
///
/// # Errors
/// Cassandra's text when the term does not fit the type.
pub fn term_to_bytes(term: &Term, receiver: &str, value_type: &CqlType) -> Result<Option<Vec<u8>>, InvalidValue> {
    term_to_bytes_with(term, receiver, value_type, &mut |term, receiver, value_type| {
        invalid!("{term} is no constant for {receiver} of type {value_type}")
    })
}

/// The bytes of a term whose markers, functions, casts and arithmetic `evaluate` knows the values of.
///
/// # Errors
/// As `term_to_bytes`, and what `evaluate` says.
pub fn term_to_bytes_with(
    term: &Term,
    receiver: &str,
    value_type: &CqlType,
    evaluate: &mut Evaluate<'_>,
) -> Result<Option<Vec<u8>>, InvalidValue> {
    let value = match (term, value_type.unfrozen()) {
        (Term::Literal(literal), _) => return literal_to_bytes(literal, value_type, receiver),
        (Term::List(elements), CqlType::List(element)) => {
            join_elements(&parts("list", elements, receiver, element, evaluate)?)
        }
        (Term::List(elements), CqlType::Vector(element, dimension)) => {
            if elements.len() != vector::count(*dimension) {
                return invalid!(
                    "Invalid vector literal for {receiver} of type {value_type}; expected {dimension} elements, but given {}",
                    elements.len()
                );
            }
            join_vector(element, &parts("vector", elements, receiver, element, evaluate)?)?
        }
        (Term::Set(elements), CqlType::Set(element)) => {
            join_set(element, parts("set", elements, receiver, element, evaluate)?)
        }
        (Term::Set(elements), CqlType::Map(..)) if elements.is_empty() => join_elements(&[] as &[&[u8]]),
        (Term::Map(entries), CqlType::Map(key, value)) => {
            let (key_name, value_name) = (format!("key({receiver})"), format!("value({receiver})"));
            let entries = entries.iter().map(|(one, other)| {
                Ok((part(one, &key_name, key, evaluate)?, part(other, &value_name, value, evaluate)?))
            });
            join_map(key, entries.collect::<Result<_, InvalidValue>>()?)
        }
        (Term::Tuple(elements), CqlType::Tuple(types)) => tuple(elements, receiver, value_type, types, evaluate)?,
        // Parentheses around one term are only parentheses.
        (Term::Tuple(elements), _) if elements.len() == 1 => {
            return term_to_bytes_with(&elements[0], receiver, value_type, evaluate);
        }
        (Term::UserType(fields), CqlType::UserType(user)) => user_type(fields, receiver, user, evaluate)?,
        (Term::List(_), _) => return invalid!("Invalid list literal for {receiver} of type {value_type}"),
        (Term::Set(_), _) => return invalid!("Invalid set literal for {receiver} of type {value_type}"),
        (Term::Map(_), _) => return invalid!("Invalid map literal for {receiver} of type {value_type}"),
        (Term::Tuple(_), _) => return invalid!("Invalid tuple literal for {receiver} of type {value_type}"),
        (Term::UserType(_), _) => return invalid!("Invalid user type literal for {receiver} of type {value_type}"),
        (
            Term::Marker(_)
            | Term::Function(..)
            | Term::Cast(..)
            | Term::TypeHint(..)
            | Term::Negation(_)
            | Term::Arithmetic(..)
            | Term::Column(_)
            | Term::CountRows
            | Term::Cell(..)
            | Term::Field(..)
            | Term::Element(..)
            | Term::Slice(..),
            _,
        ) => return evaluate(term, receiver, value_type),
    };
    Ok(Some(value))
}

/// A part of a collection, which cannot be null.
fn part(
    term: &Term,
    receiver: &str,
    part_type: &CqlType,
    evaluate: &mut Evaluate<'_>,
) -> Result<Vec<u8>, InvalidValue> {
    match term_to_bytes_with(term, receiver, part_type, evaluate)? {
        Some(bytes) => Ok(bytes),
        None => invalid!("null is not supported inside collections"),
    }
}

fn parts(
    kind: &str,
    elements: &[Term],
    receiver: &str,
    element_type: &CqlType,
    evaluate: &mut Evaluate<'_>,
) -> Result<Vec<Vec<u8>>, InvalidValue> {
    let name = format!("value({receiver})");
    let parts = elements.iter().map(|element| match element {
        Term::Literal(literal) if !super::literal_fits(literal, element_type) => {
            invalid!("Invalid {kind} literal for {receiver}: value {element} is not of type {element_type}")
        }
        _ => part(element, &name, element_type, evaluate),
    });
    parts.collect()
}

fn tuple(
    elements: &[Term],
    receiver: &str,
    value_type: &CqlType,
    types: &[CqlType],
    evaluate: &mut Evaluate<'_>,
) -> Result<Vec<u8>, InvalidValue> {
    if elements.len() > types.len() {
        return invalid!(
            "Invalid tuple literal for {receiver}: too many elements. Type {value_type} expects {} but got {}",
            types.len(),
            elements.len()
        );
    }
    let fields = elements.iter().zip(types).enumerate().map(|(index, (element, element_type))| {
        term_to_bytes_with(element, &format!("{receiver}[{index}]"), element_type, evaluate)
    });
    Ok(join_fields(&fields.collect::<Result<Vec<_>, _>>()?))
}

fn user_type(
    fields: &[(Name, Term)],
    receiver: &str,
    user: &UserType,
    evaluate: &mut Evaluate<'_>,
) -> Result<Vec<u8>, InvalidValue> {
    if let Some((unknown, _)) = fields.iter().find(|(name, _)| !user.fields.iter().any(|(known, _)| *name == **known)) {
        return invalid!("Unknown field '{unknown}' in value of user defined type {}", user.name);
    }
    let values = user.fields.iter().map(|(name, field_type)| {
        // Of a field that is given twice, the later value counts.
        match fields.iter().rev().find(|(given, _)| *given == **name) {
            Some((_, term)) => term_to_bytes_with(term, &format!("{receiver}.{name}"), field_type, evaluate),
            None => Ok(None),
        }
    });
    Ok(join_fields(&values.collect::<Result<Vec<_>, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::parse_term;
    use crate::types::samples::type_of;
    use crate::types::validate;

    fn convert(term: &str, value_type: &str) -> Result<Option<Vec<u8>>, InvalidValue> {
        let term = parse_term(term).unwrap_or_else(|error| panic!("{term}: {error}"));
        term_to_bytes(&term, "c", &type_of(value_type))
    }

    #[test]
    fn constants_of_every_shape() {
        for (term, value_type, bytes) in [
            ("[1, 2]", "list<tinyint>", &b"\0\0\0\x02\0\0\0\x01\x01\0\0\0\x01\x02"[..]),
            ("[]", "list<int>", b"\0\0\0\0"),
            ("{2, 1, 2}", "set<tinyint>", b"\0\0\0\x02\0\0\0\x01\x01\0\0\0\x01\x02"),
            ("{}", "map<int, int>", b"\0\0\0\0"),
            ("{'b': 1, 'a': 2}", "map<text, tinyint>", b"\0\0\0\x02\0\0\0\x01a\0\0\0\x01\x02\0\0\0\x01b\0\0\0\x01\x01"),
            ("(1, null)", "tuple<tinyint, text>", b"\0\0\0\x01\x01\xff\xff\xff\xff"),
            ("(1)", "tuple<tinyint, text>", b"\0\0\0\x01\x01"),
            ("((1))", "tinyint", b"\x01"),
            ("{\"B\": 'x'}", "frozen<u>", b"\xff\xff\xff\xff\0\0\0\x01x"),
            ("[1, 2]", "vector<float, 2>", b"\x3f\x80\0\0\x40\0\0\0"),
            (
                "[{1}, {}]",
                "frozen<list<set<tinyint>>>",
                b"\0\0\0\x02\0\0\0\x09\0\0\0\x01\0\0\0\x01\x01\0\0\0\x04\0\0\0\0",
            ),
        ] {
            assert_eq!(convert(term, value_type), Ok(Some(bytes.to_vec())), "{term} as {value_type}");
            assert_eq!(validate(&type_of(value_type), bytes), Ok(()));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (term, value_type, message) in [
            ("[1]", "set<int>", "Invalid list literal for c of type set<int>"),
            ("{1}", "map<int, int>", "Invalid set literal for c of type map<int, int>"),
            ("{1: 2}", "set<int>", "Invalid map literal for c of type set<int>"),
            ("(1, 2)", "int", "Invalid tuple literal for c of type int"),
            ("{a: 1}", "int", "Invalid user type literal for c of type int"),
            ("['x']", "list<int>", "Invalid list literal for c: value 'x' is not of type int"),
            ("[null]", "list<int>", "null is not supported inside collections"),
            ("{1: 'x'}", "map<int, int>", "Invalid STRING constant (x) for \"value(c)\" of type int"),
            (
                "(1, 2, 3)",
                "tuple<int>",
                "Invalid tuple literal for c: too many elements. Type frozen<tuple<int>> expects 1 but got 3",
            ),
            ("{z: 1}", "u", "Unknown field 'z' in value of user defined type u"),
            (
                "[1]",
                "vector<int, 2>",
                "Invalid vector literal for c of type vector<int, 2>; expected 2 elements, but given 1",
            ),
            ("f()", "int", "f() is no constant for c of type int"),
        ] {
            assert_eq!(convert(term, value_type), Err(InvalidValue(message.into())), "{term} as {value_type}");
        }
    }

    #[test]
    fn parts_that_are_not_constant_are_asked_for() {
        let term = parse_term("[f(), 1]").expect("term");
        let mut asked = Vec::new();
        let bytes = term_to_bytes_with(&term, "c", &type_of("list<tinyint>"), &mut |term, receiver, value_type| {
            asked.push(format!("{term} for {receiver} of type {value_type}"));
            Ok(Some(vec![9]))
        });
        assert_eq!(bytes, Ok(Some(b"\0\0\0\x02\0\0\0\x01\x09\0\0\0\x01\x01".to_vec())));
        assert_eq!(asked, ["f() for value(c) of type tinyint"]);
    }
}
