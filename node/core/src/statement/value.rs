//! Serialised values, as this module needs them: the type's own rules are `trefoil_cql::types`, here they meet receivers, shared
//! buffers and the errors that clients see.

use super::variables::Receiver;
use bytes::Bytes;
use std::borrow::Cow;
use std::cmp::Ordering;
use trefoil_cql::ast::Literal;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{self, CqlType, InvalidValue, collection, vector};

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

/// Whether every value of `from` is one of `to`.
pub(super) fn is_assignable(from: &CqlType, to: &CqlType) -> bool {
    let (from, to) = (from.unfrozen(), to.unfrozen());
    from == to
        || matches!(
            (from, to),
            (CqlType::Ascii, CqlType::Text)
                | (CqlType::TimeUuid, CqlType::Uuid)
                | (_, CqlType::Blob)
                | (CqlType::Counter, CqlType::BigInt)
                | (CqlType::BigInt, CqlType::Counter)
        ) && !(matches!(to, CqlType::Blob) && from.native().is_none())
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
