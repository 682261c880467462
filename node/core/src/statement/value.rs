//! Serialised values, as this module needs them: the type's own rules are `trefoil_cql::types`, here they meet receivers, shared
//! buffers and the errors that clients see.

use super::variables::Receiver;
use bytes::Bytes;
use std::borrow::Cow;
use std::cmp::Ordering;
use trefoil_cql::ast::Literal;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{self, CqlType, InvalidValue, Json, MathFunction, collection, vector};

fn invalid(error: InvalidValue) -> CqlError {
    CqlError::Invalid(error.0)
}

/// The bytes of a constant; `None` is null.
pub(super) fn literal(literal: &Literal, receiver: Receiver<'_>) -> Result<Option<Bytes>, CqlError> {
    let bytes = types::literal_to_bytes(literal, receiver.column_type, receiver.name).map_err(invalid)?;
    Ok(bytes.map(Bytes::from))
}

/// Whether bytes are a value of the type.
pub(super) fn validate(column_type: &CqlType, bytes: &[u8]) -> Result<(), CqlError> {
    types::validate(column_type, bytes).map_err(invalid)
}

pub(super) fn compare(column_type: &CqlType, a: &[u8], b: &[u8]) -> Ordering {
    types::compare(column_type, a, b)
}

/// Whether values of one type can be read as another: what is allowed where a function's result meets a receiver.
pub(super) fn is_compatible(to: &CqlType, from: &CqlType) -> bool {
    let all = |to: &[CqlType], from: &[CqlType]| {
        to.len() >= from.len() && to.iter().zip(from).all(|(to, from)| is_compatible(to, from))
    };
    match (to.unfrozen(), from.unfrozen()) {
        (to, from) if to == from => true,
        (CqlType::Blob, _) => true,
        (CqlType::Text, CqlType::Ascii)
        | (CqlType::Uuid, CqlType::TimeUuid)
        | (CqlType::Varint, CqlType::Int | CqlType::BigInt | CqlType::Timestamp)
        | (CqlType::BigInt, CqlType::Timestamp)
        | (CqlType::Timestamp | CqlType::Time, CqlType::BigInt)
        | (CqlType::Date, CqlType::Int) => true,
        (CqlType::List(to), CqlType::List(from)) | (CqlType::Set(to), CqlType::Set(from)) => is_compatible(to, from),
        (CqlType::Map(to_key, to_value), CqlType::Map(key, value)) => {
            is_compatible(to_key, key) && is_compatible(to_value, value)
        }
        (CqlType::Tuple(to), CqlType::Tuple(from)) => all(to, from),
        (CqlType::Vector(to, to_dimension), CqlType::Vector(from, dimension)) => {
            to_dimension == dimension && is_compatible(to, from)
        }
        _ => false,
    }
}

/// A value as one of another type (`types::cast`).
pub(super) fn cast(from: &CqlType, to: &CqlType, bytes: &[u8]) -> Result<Option<Bytes>, CqlError> {
    types::cast(from, to, bytes).map(|cast| cast.map(Bytes::from)).map_err(invalid)
}

/// The negative of a number.
pub(super) fn negate(number: &CqlType, bytes: &[u8]) -> Result<Option<Bytes>, CqlError> {
    types::negate(number, bytes).map(|negative| negative.map(Bytes::from)).map_err(invalid)
}

/// A function of a number.
pub(super) fn apply(function: MathFunction, number: &CqlType, bytes: &[u8]) -> Result<Option<Bytes>, CqlError> {
    function.apply(number, bytes).map(|result| result.map(Bytes::from)).map_err(invalid)
}

/// The JSON of a value.
pub(super) fn to_json(value_type: &CqlType, bytes: &[u8]) -> Result<String, CqlError> {
    types::to_json(value_type, bytes).map_err(invalid)
}

/// The value of a JSON document; null is `None`.
pub(super) fn from_json(value_type: &CqlType, document: &[u8]) -> Result<Option<Bytes>, JsonProblem> {
    let text = std::str::from_utf8(document).map_err(|_| JsonProblem::Document("of invalid UTF-8".to_owned()))?;
    let json = Json::parse(text).map_err(|error| JsonProblem::Document(format!("'{text}': {}", error.0)))?;
    json_value(value_type, &json)
}

/// The value that a part of a JSON document is.
pub(super) fn json_value(value_type: &CqlType, json: &Json) -> Result<Option<Bytes>, JsonProblem> {
    let bytes = types::json_to_bytes(json, value_type).map_err(|error| JsonProblem::Value(error.0))?;
    Ok(bytes.map(Bytes::from))
}

/// What is wrong with JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JsonProblem {
    /// It is none.
    #[error("{0}")]
    Document(String),
    /// It is no value of the type.
    #[error("{0}")]
    Value(String),
}

/// A value that a client sent: checked, and in the one form in which it is stored and compared. Sets and maps may come in any
/// order.
pub(super) fn received(column_type: &CqlType, bytes: &Bytes) -> Result<Bytes, CqlError> {
    validate(column_type, bytes)?;
    if column_type.native().is_some() {
        return Ok(bytes.clone());
    }
    Ok(match types::canonicalise(column_type, bytes).map_err(invalid)? {
        Cow::Borrowed(_) => bytes.clone(),
        Cow::Owned(canonical) => canonical.into(),
    })
}

/// The elements of a list or set.
pub(super) fn elements(bytes: &Bytes) -> Result<Vec<Bytes>, CqlError> {
    let parts = collection::elements(bytes).map_err(invalid)?;
    parts.map(|part| part.map(|part| bytes.slice_ref(part))).collect::<Result<_, _>>().map_err(invalid)
}

/// The elements of a bound list. Drivers send a null among them without bytes, which is a value of its own only where any
/// bytes are one.
pub(super) fn nullable_elements(list: &CqlType, bytes: &Bytes) -> Result<Vec<Option<Bytes>>, CqlError> {
    let is_value = |element: &Bytes| match list {
        CqlType::List(inner) => {
            !element.is_empty()
                || inner.native().is_none()
                || matches!(**inner, CqlType::Text | CqlType::Ascii | CqlType::Blob)
        }
        _ => true,
    };
    Ok(elements(bytes)?.into_iter().map(|element| Some(element).filter(is_value)).collect())
}

/// The keys and values of a map.
pub(super) fn entries(bytes: &Bytes) -> Result<Vec<(Bytes, Bytes)>, CqlError> {
    let mut parts = collection::entries(bytes).map_err(invalid)?;
    let mut entries = Vec::with_capacity(parts.remaining().min(bytes.len()) / 2);
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        entries.push((bytes.slice_ref(key.map_err(invalid)?), bytes.slice_ref(value.map_err(invalid)?)));
    }
    Ok(entries)
}

/// The fields of a tuple or user type that are there.
pub(super) fn fields(bytes: &Bytes) -> Result<Vec<Option<Bytes>>, CqlError> {
    let fields = collection::fields(bytes).map(|field| field.map(|field| field.map(|field| bytes.slice_ref(field))));
    fields.collect::<Result<_, _>>().map_err(invalid)
}

/// A map's value under a key; a set's element, if it has it.
pub(super) fn element(column_type: &CqlType, collection: &Bytes, key: &Bytes) -> Result<Option<Bytes>, CqlError> {
    Ok(match column_type.unfrozen() {
        CqlType::Map(key_type, _) => {
            let found = entries(collection)?.into_iter().find(|(have, _)| compare(key_type, have, key).is_eq());
            found.map(|(_, value)| value)
        }
        CqlType::Set(element_type) => {
            elements(collection)?.into_iter().find(|have| compare(element_type, have, key).is_eq())
        }
        _ => None,
    })
}

/// Whether a list, set or map has no elements.
pub(super) fn is_empty_collection(bytes: &[u8]) -> bool {
    bytes == 0i32.to_be_bytes()
}

/// The elements of a map or set between two bounds; none of what is not frozen is null.
pub(super) fn slice(
    column_type: &CqlType,
    collection: &Bytes,
    from: Option<&Bytes>,
    to: Option<&Bytes>,
) -> Result<Option<Bytes>, CqlError> {
    let within = |element_type: &CqlType, element: &Bytes| {
        from.is_none_or(|from| compare(element_type, element, from).is_ge())
            && to.is_none_or(|to| compare(element_type, element, to).is_le())
    };
    let (count, parts) = match column_type.unfrozen() {
        CqlType::Map(key_type, _) => {
            let kept = entries(collection)?.into_iter().filter(|(key, _)| within(key_type, key));
            let parts: Vec<Bytes> = kept.flat_map(|(key, value)| [key, value]).collect();
            (parts.len() / 2, parts)
        }
        CqlType::Set(element_type) => {
            let kept = elements(collection)?.into_iter().filter(|element| within(element_type, element));
            let parts: Vec<Bytes> = kept.collect();
            (parts.len(), parts)
        }
        _ => return Ok(None),
    };
    let is_frozen = matches!(column_type, CqlType::Frozen(_));
    Ok((count > 0 || is_frozen).then(|| collection::join(count, &parts).into()))
}

/// A collection, tuple or user type of its parts; keys and values of maps alternate. In lists of a select clause there may be
/// nulls.
pub(super) fn join(value_type: &CqlType, parts: Vec<Option<Bytes>>) -> Result<Bytes, CqlError> {
    match value_type.unfrozen() {
        CqlType::Tuple(_) | CqlType::UserType(_) => return Ok(join_fields(&parts)),
        CqlType::List(_) if parts.iter().any(Option::is_none) => {
            let count = i32::try_from(parts.len()).unwrap_or(i32::MAX).to_be_bytes();
            return Ok([&count[..], &join_fields(&parts)[..]].concat().into());
        }
        _ => {}
    }
    let Some(parts) = parts.into_iter().collect::<Option<Vec<Bytes>>>() else {
        return Err(CqlError::invalid("null is not supported inside collections"));
    };
    Ok(match value_type.unfrozen() {
        CqlType::Set(element) => join_set(element, parts),
        CqlType::Map(key, _) => join_map(key, parts),
        CqlType::Vector(..) => join_vector(value_type, &parts)?,
        _ => join_elements(&parts),
    })
}

pub(super) fn join_fields(fields: &[Option<Bytes>]) -> Bytes {
    collection::join_fields(fields).into()
}

pub(super) fn join_elements(elements: &[Bytes]) -> Bytes {
    collection::join_elements(elements).into()
}

pub(super) fn join_set(element_type: &CqlType, elements: Vec<Bytes>) -> Bytes {
    collection::join_set(element_type, elements).into()
}

/// Of keys and values, alternating.
pub(super) fn join_map(key_type: &CqlType, parts: Vec<Bytes>) -> Bytes {
    let mut entries = Vec::with_capacity(parts.len() / 2);
    let mut parts = parts.into_iter();
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        entries.push((key, value));
    }
    collection::join_map(key_type, entries).into()
}

pub(super) fn join_vector(column_type: &CqlType, elements: &[Bytes]) -> Result<Bytes, CqlError> {
    match column_type.unfrozen() {
        CqlType::Vector(element, _) => vector::join_vector(element, elements).map(Bytes::from).map_err(invalid),
        other => Err(CqlError::Server(format!("{other} was taken for a vector"))),
    }
}
