//! Whether bytes are a value of a type: lengths, text encodings, and the same for everything inside. What passes here, the
//! rest of the server may rely on.

use super::duration::Duration;
use super::error::invalid;
use super::{CqlType, InvalidValue, collection, vector};

/// Checks that `bytes` are a value of the type. An empty value is legal for most types and is not null.
///
/// # Errors
/// Cassandra's text for what is wrong.
pub fn validate(value_type: &CqlType, bytes: &[u8]) -> Result<(), InvalidValue> {
    let length = bytes.len();
    match value_type {
        CqlType::Blob | CqlType::Varint | CqlType::Custom(_) => Ok(()),
        CqlType::Ascii => match bytes.iter().find(|byte| !byte.is_ascii()) {
            Some(byte) => invalid!("Invalid byte for ascii: {}", *byte as i8),
            None => Ok(()),
        },
        CqlType::Text => match core::str::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(_) => invalid!("String didn't validate."),
        },
        CqlType::Boolean if length > 1 => invalid!("Expected 1 or 0 byte value ({length})"),
        CqlType::TinyInt if length != 1 => invalid!("Expected 1 byte for a tinyint ({length})"),
        CqlType::SmallInt if length != 2 => invalid!("Expected 2 bytes for a smallint ({length})"),
        CqlType::Int if !matches!(length, 0 | 4) => invalid!("Expected 4 or 0 byte int ({length})"),
        CqlType::BigInt | CqlType::Counter if !matches!(length, 0 | 8) => {
            invalid!("Expected 8 or 0 byte long ({length})")
        }
        CqlType::Float if !matches!(length, 0 | 4) => invalid!("Expected 4 or 0 byte value for a float ({length})"),
        CqlType::Double if !matches!(length, 0 | 8) => invalid!("Expected 8 or 0 byte value for a double ({length})"),
        CqlType::Timestamp if !matches!(length, 0 | 8) => invalid!("Expected 8 or 0 byte long for date ({length})"),
        CqlType::Date if length != 4 => invalid!("Expected 4 byte long for date ({length})"),
        CqlType::Time if length != 8 => invalid!("Expected 8 byte long for time ({length})"),
        CqlType::Uuid | CqlType::TimeUuid if !matches!(length, 0 | 16) => {
            invalid!("UUID should be 16 or 0 bytes ({length})")
        }
        CqlType::TimeUuid if length == 16 && bytes[6] >> 4 != 1 => invalid!("Invalid version for TimeUUID type."),
        CqlType::Inet if !matches!(length, 0 | 4 | 16) => {
            invalid!("Expected 4 or 16 byte inetaddress; got {}", super::format::hex(bytes).trim_start_matches("0x"))
        }
        CqlType::Decimal if (1..5).contains(&length) => invalid!("Expected 0 or at least 5 bytes ({length})"),
        CqlType::Duration => Duration::from_bytes(bytes).map(|_| ()),
        CqlType::Frozen(inner) => validate(inner, bytes),
        CqlType::List(element) => validate_elements("list", element, bytes),
        CqlType::Set(element) => validate_elements("set", element, bytes),
        CqlType::Map(key, value) => validate_map(key, value, bytes),
        CqlType::Tuple(types) => validate_fields("tuple", types.iter(), bytes),
        CqlType::UserType(user) => validate_fields("UDT", user.fields.iter().map(|(_, field)| field), bytes),
        CqlType::Vector(element, dimension) => validate_vector(element, *dimension, bytes),
        // Their lengths are checked above.
        CqlType::Boolean
        | CqlType::TinyInt
        | CqlType::SmallInt
        | CqlType::Int
        | CqlType::BigInt
        | CqlType::Counter
        | CqlType::Float
        | CqlType::Double
        | CqlType::Timestamp
        | CqlType::Date
        | CqlType::Time
        | CqlType::Uuid
        | CqlType::TimeUuid
        | CqlType::Inet
        | CqlType::Decimal => Ok(()),
    }
}

fn validate_elements(what: &str, element: &CqlType, bytes: &[u8]) -> Result<(), InvalidValue> {
    let Ok(mut elements) = collection::elements(bytes) else { return invalid!("Not enough bytes to read a {what}") };
    for part in elements.by_ref() {
        validate(element, part?)?;
    }
    no_rest(what, elements.rest())
}

fn validate_map(key: &CqlType, value: &CqlType, bytes: &[u8]) -> Result<(), InvalidValue> {
    let Ok(mut entries) = collection::entries(bytes) else { return invalid!("Not enough bytes to read a map") };
    while let Some(part) = entries.next() {
        validate(key, part?)?;
        match entries.next() {
            Some(part) => validate(value, part?)?,
            None => return invalid!("Not enough bytes to read a map"),
        }
    }
    no_rest("map", entries.rest())
}

fn validate_fields<'a>(what: &str, types: impl Iterator<Item = &'a CqlType>, bytes: &[u8]) -> Result<(), InvalidValue> {
    let mut fields = collection::fields(bytes);
    // Fields at the end may be missing: they were added later.
    for (field_type, field) in types.zip(fields.by_ref()) {
        if let Some(field) = field? {
            validate(field_type, field)?;
        }
    }
    match fields.next() {
        None => Ok(()),
        Some(_) => invalid!("Invalid remaining data after end of {what} value"),
    }
}

fn validate_vector(element: &CqlType, dimension: u32, bytes: &[u8]) -> Result<(), InvalidValue> {
    if bytes.is_empty() {
        return invalid!("Invalid empty vector value");
    }
    let mut elements = vector::vector_elements(element, dimension, bytes);
    for part in elements.by_ref() {
        let Ok(part) = part else { return invalid!("Not enough bytes to read a vector<{element}, {dimension}>") };
        validate(element, part)?;
    }
    match elements.rest().len() {
        0 => Ok(()),
        rest => invalid!("Unexpected {rest} extraneous bytes after vector<{element}, {dimension}> value"),
    }
}

fn no_rest(what: &str, rest: &[u8]) -> Result<(), InvalidValue> {
    if rest.is_empty() { Ok(()) } else { invalid!("Unexpected extraneous bytes after {what} value") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::UserType;
    use std::sync::Arc;

    #[test]
    fn lengths_are_checked() {
        for (value_type, good) in [
            (CqlType::Boolean, &[0, 1][..]),
            (CqlType::TinyInt, &[1]),
            (CqlType::SmallInt, &[2]),
            (CqlType::Int, &[0, 4]),
            (CqlType::BigInt, &[0, 8]),
            (CqlType::Counter, &[0, 8]),
            (CqlType::Float, &[0, 4]),
            (CqlType::Double, &[0, 8]),
            (CqlType::Timestamp, &[0, 8]),
            (CqlType::Date, &[4]),
            (CqlType::Time, &[8]),
            (CqlType::Uuid, &[0, 16]),
            (CqlType::Inet, &[0, 4, 16]),
            (CqlType::Blob, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]),
        ] {
            for length in 0..18 {
                let valid = validate(&value_type, &vec![0; length]).is_ok();
                assert_eq!(valid, good.contains(&length), "{value_type} of {length} bytes");
            }
        }
    }

    #[test]
    fn contents_are_checked() {
        assert!(validate(&CqlType::Ascii, b"a\x80").is_err());
        assert!(validate(&CqlType::Text, "é".as_bytes()).is_ok());
        assert!(validate(&CqlType::Text, b"\xc3").is_err());
        assert!(validate(&CqlType::TimeUuid, &[0x10; 16]).is_ok());
        assert!(validate(&CqlType::TimeUuid, &[0x40; 16]).is_err());
        assert!(validate(&CqlType::Decimal, &[0; 4]).is_err());
        assert!(validate(&CqlType::Decimal, &[0; 5]).is_ok());
    }

    #[test]
    fn what_is_inside_is_checked() {
        let list = CqlType::List(Box::new(CqlType::Int));
        assert!(validate(&list, b"\0\0\0\x01\0\0\0\x04abcd").is_ok());
        assert!(validate(&list, b"").is_err());
        assert!(validate(&list, b"\0\0\0\x01\0\0\0\x03abc").is_err());
        assert!(validate(&list, b"\0\0\0\x01\0\0\0\x04abcdX").is_err());
        let map = CqlType::Map(Box::new(CqlType::Text), Box::new(list.clone()));
        assert!(validate(&map, b"\0\0\0\x01\0\0\0\x01k\0\0\0\x04\0\0\0\0").is_ok());
        assert!(validate(&map, b"\0\0\0\x01\0\0\0\x01k").is_err());
        assert!(validate(&map, b"\0\0\0\x01\0\0\0\x01k\0\0\0\x02\0\0").is_err());
        let tuple = CqlType::Tuple(vec![CqlType::Int, CqlType::Text]);
        assert!(validate(&tuple, b"").is_ok());
        assert!(validate(&tuple, b"\xff\xff\xff\xff\0\0\0\x01a").is_ok());
        assert!(validate(&tuple, b"\0\0\0\x01a").is_err());
        assert!(validate(&tuple, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
        let fields = vec![("a".to_string(), CqlType::Int)];
        let user = CqlType::UserType(Arc::new(UserType { keyspace: "k".into(), name: "u".into(), fields }));
        assert!(validate(&user, b"\0\0\0\x04abcd").is_ok());
        assert!(validate(&user, b"\0\0\0\x04abcd\0").is_err());
        let vector = CqlType::Vector(Box::new(CqlType::Float), 2);
        assert!(validate(&vector, &[0; 8]).is_ok());
        assert!(validate(&vector, &[0; 7]).is_err());
        assert!(validate(&vector, &[0; 9]).is_err());
    }
}
