//! From JSON to bytes: what INSERT JSON and `from_json` make of a document, with the errors that Cassandra gives. Strings are
//! read for nearly every type as a literal of it would be.

use super::collection::{join_elements, join_fields, join_map, join_set};
use super::decimal::{Decimal, varint_from_text};
use super::error::invalid;
use super::json::{Json, is_whole};
use super::literal::{hex_to_bytes, text_to_bytes};
use super::number::decimal_of_float;
use super::vector::{self, join_vector};
use super::{CqlType, InvalidValue, UserType};

/// The bytes of a JSON value as a value of a type; null is `None`.
///
/// # Errors
/// Cassandra's text when it is no value of the type.
pub fn json_to_bytes(json: &Json, value_type: &CqlType) -> Result<Option<Vec<u8>>, InvalidValue> {
    if *json == Json::Null { Ok(None) } else { present(json, value_type).map(Some) }
}

fn expected<T>(what: &str, json: &Json) -> Result<T, InvalidValue> {
    invalid!("Expected {what}, but got a {}: {json}", json.kind())
}

fn present(json: &Json, value_type: &CqlType) -> Result<Vec<u8>, InvalidValue> {
    match value_type.unfrozen() {
        CqlType::List(element) => {
            join_all("a list", json, |json| element_of("Invalid null element in list", json, element))
                .map(|elements| join_elements(&elements))
        }
        CqlType::Set(element) => join_all("a list (representing a set)", json, |json| {
            element_of("Invalid null element in set", json, element)
        })
        .map(|elements| join_set(element, elements)),
        CqlType::Vector(element, dimension) => {
            let inner = unquoted(json)?;
            match inner.as_ref().unwrap_or(json) {
                Json::Array(elements) if elements.len() == vector::count(*dimension) => {
                    let elements =
                        elements.iter().map(|json| element_of("Invalid null element in list", json, element));
                    join_vector(element, &elements.collect::<Result<Vec<_>, _>>()?)
                }
                Json::Array(elements) => {
                    invalid!("List had incorrect size: expected {dimension} but given {}; {json}", elements.len())
                }
                other => expected("a list", other),
            }
        }
        CqlType::Map(key_type, entry_type) => map(json, key_type, entry_type),
        CqlType::Tuple(types) => tuple(json, types),
        CqlType::UserType(user) => user_type(json, user),
        scalar_type => scalar(json, scalar_type),
    }
}

/// Collections inside strings are read, too: keys of maps have no other form.
fn unquoted(json: &Json) -> Result<Option<Json>, InvalidValue> {
    match json {
        Json::String(text) => match Json::parse(text) {
            Ok(inner) => Ok(Some(inner)),
            Err(error) => invalid!("Error decoding JSON string: {}", error.0),
        },
        _ => Ok(None),
    }
}

fn element_of(null: &str, json: &Json, element: &CqlType) -> Result<Vec<u8>, InvalidValue> {
    match json_to_bytes(json, element)? {
        Some(bytes) => Ok(bytes),
        None => invalid!("{null}"),
    }
}

fn join_all(
    what: &str,
    json: &Json,
    element: impl Fn(&Json) -> Result<Vec<u8>, InvalidValue>,
) -> Result<Vec<Vec<u8>>, InvalidValue> {
    let inner = unquoted(json)?;
    match inner.as_ref().unwrap_or(json) {
        Json::Array(elements) => elements.iter().map(element).collect(),
        other => expected(what, other),
    }
}

fn map(json: &Json, key_type: &CqlType, entry_type: &CqlType) -> Result<Vec<u8>, InvalidValue> {
    let inner = unquoted(json)?;
    let Json::Object(fields) = inner.as_ref().unwrap_or(json) else {
        return expected("a map", inner.as_ref().unwrap_or(json));
    };
    let mut entries = Vec::with_capacity(fields.len());
    for (name, entry) in fields {
        if *entry == Json::Null {
            return invalid!("Invalid null value in map");
        }
        entries.push((present(&Json::String(name.clone()), key_type)?, present(entry, entry_type)?));
    }
    Ok(join_map(key_type, entries))
}

fn tuple(json: &Json, types: &[CqlType]) -> Result<Vec<u8>, InvalidValue> {
    let inner = unquoted(json)?;
    let Json::Array(elements) = inner.as_ref().unwrap_or(json) else {
        return expected("a list representation of a tuple", inner.as_ref().unwrap_or(json));
    };
    if elements.len() > types.len() {
        return invalid!("Tuple contains extra items (expected {}): {}", types.len(), inner.as_ref().unwrap_or(json));
    }
    if elements.len() < types.len() {
        return invalid!("Tuple is missing items (expected {}): {}", types.len(), inner.as_ref().unwrap_or(json));
    }
    let fields = elements.iter().zip(types).map(|(element, element_type)| json_to_bytes(element, element_type));
    Ok(join_fields(&fields.collect::<Result<Vec<_>, _>>()?))
}

/// What a name in JSON means: in quotes inside the quotes it is as it is, else it is folded.
pub fn json_name(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.to_owned(),
        None => name.to_lowercase(),
    }
}

fn user_type(json: &Json, user: &UserType) -> Result<Vec<u8>, InvalidValue> {
    let inner = unquoted(json)?;
    let Json::Object(given) = inner.as_ref().unwrap_or(json) else {
        return expected("a map", inner.as_ref().unwrap_or(json));
    };
    let given: Vec<(String, &Json)> = given.iter().map(|(name, value)| (json_name(name), value)).collect();
    let mut fields = Vec::with_capacity(user.fields.len());
    for (name, field_type) in &user.fields {
        let value = given.iter().rev().find(|(given, _)| given == name).map(|(_, value)| *value);
        fields.push(json_to_bytes(value.unwrap_or(&Json::Null), field_type)?);
    }
    if let Some((unknown, _)) = given.iter().find(|(given, _)| !user.fields.iter().any(|(name, _)| name == given)) {
        return invalid!("Unknown field '{unknown}' in value of user defined type {}", user.name);
    }
    Ok(join_fields(&fields))
}

fn scalar(json: &Json, value_type: &CqlType) -> Result<Vec<u8>, InvalidValue> {
    let what = match value_type {
        CqlType::Ascii => "an ascii string",
        CqlType::Text => "a UTF-8 string",
        CqlType::TinyInt => "a byte value",
        CqlType::SmallInt => "a short value",
        CqlType::Int => "an int value",
        CqlType::BigInt | CqlType::Counter => "a bigint value",
        CqlType::Boolean => "a boolean value",
        CqlType::Float => "a float value",
        CqlType::Double => "a double value",
        CqlType::Blob | CqlType::Custom(_) => "a string representation of a blob value",
        CqlType::Uuid => "a string representation of a uuid",
        CqlType::TimeUuid => "a string representation of a timeuuid",
        CqlType::Timestamp => "a long or a datestring representation of a timestamp value",
        CqlType::Date => "a string representation of a date value",
        CqlType::Time => "a string representation of a time value",
        CqlType::Inet => "a string representation of an inet value",
        CqlType::Duration => "a string representation of a duration",
        _ => "a number",
    };
    if let (Json::String(text), CqlType::TimeUuid) = (json, value_type)
        && !text.is_empty()
    {
        return match text.parse::<uuid::Uuid>() {
            Ok(uuid) if uuid.get_version_num() != 1 => invalid!("TimeUUID supports only version 1 UUIDs"),
            Ok(uuid) if text.len() == 36 => Ok(uuid.as_bytes().to_vec()),
            _ => invalid!("Unknown timeuuid representation: {text}"),
        };
    }
    let fits = match (json, value_type) {
        (Json::Boolean(value), CqlType::Boolean) => return Ok(vec![u8::from(*value)]),
        (_, CqlType::Varint) => return varint(json),
        (_, CqlType::Decimal) => return decimal(json),
        (Json::String(text), CqlType::Blob | CqlType::Custom(_)) => return blob(text),
        (Json::String(_), _) => true,
        (Json::Number(text), CqlType::Int) => is_whole(text) && text.parse::<i32>().is_ok(),
        (Json::Number(text), CqlType::BigInt | CqlType::Counter) => is_whole(text) && text.parse::<i64>().is_ok(),
        // What Java reads as an int is no long.
        (Json::Number(_), CqlType::Timestamp) => json.kind() == "Long",
        (Json::Number(_), CqlType::TinyInt | CqlType::SmallInt | CqlType::Float | CqlType::Double) => true,
        _ => false,
    };
    match json {
        Json::String(text) | Json::Number(text) if fits => text_to_bytes(text, value_type),
        _ => expected(what, json),
    }
}

fn varint(json: &Json) -> Result<Vec<u8>, InvalidValue> {
    match json {
        Json::Number(text) | Json::String(text) if !text.starts_with('+') => varint_from_text(text),
        _ => varint_from_text("?"),
    }
    .map_err(|_| InvalidValue(format!("Value '{json}' is not a valid representation of a varint value")))
}

fn decimal(json: &Json) -> Result<Vec<u8>, InvalidValue> {
    match json {
        Json::String(text) if text.is_empty() => return Ok(Vec::new()),
        // Cassandra's reader of JSON makes a double of a number that is not whole, and the decimal is made of the double's text.
        Json::Number(text) if !is_whole(text) => match text.parse() {
            Ok(number) => decimal_of_float(number),
            Err(_) => invalid!(""),
        },
        Json::Number(text) | Json::String(text) => Decimal::parse(text),
        _ => invalid!(""),
    }
    .map(|decimal| decimal.to_bytes())
    .map_err(|_| InvalidValue(format!("Value '{json}' is not a valid representation of a decimal value")))
}

fn blob(text: &str) -> Result<Vec<u8>, InvalidValue> {
    let Some(digits) = text.strip_prefix("0x") else {
        return invalid!(
            "Value '{text}' is not a valid blob representation: String representation of blob is missing 0x prefix: {text}"
        );
    };
    hex_to_bytes(digits)
        .map_err(|error| InvalidValue(format!("Value '{text}' is not a valid blob representation: {}", error.0)))
}
