//! Types on the wire: an option id and what belongs to it. Whether something is frozen is not told. A type that a
//! version does not know travels as `custom`, with the name of Cassandra's class (`marshal`).

use super::error::{Problem, ProtocolError};
use super::marshal;
use super::reader::Reader;
use super::version::ProtocolVersion;
use super::writer::Write;
use crate::types::{CqlType, NativeType, UserType};
use std::sync::Arc;

const CUSTOM: u16 = 0x00;
/// Another number for text, from the first versions; never written.
const OLD_TEXT: u16 = 0x0A;
const LIST: u16 = 0x20;
const MAP: u16 = 0x21;
const SET: u16 = 0x22;
const USER_TYPE: u16 = 0x30;
const TUPLE: u16 = 0x31;

/// Types inside types, at most; garbage could otherwise exhaust the stack.
const DEPTH: u32 = 64;

/// The option id of a scalar type and the first version that knows it.
fn option_id(native: NativeType) -> (u16, ProtocolVersion) {
    use ProtocolVersion::{V3, V4, V5};
    match native {
        NativeType::Ascii => (0x01, V3),
        NativeType::BigInt => (0x02, V3),
        NativeType::Blob => (0x03, V3),
        NativeType::Boolean => (0x04, V3),
        NativeType::Counter => (0x05, V3),
        NativeType::Decimal => (0x06, V3),
        NativeType::Double => (0x07, V3),
        NativeType::Float => (0x08, V3),
        NativeType::Int => (0x09, V3),
        NativeType::Timestamp => (0x0B, V3),
        NativeType::Uuid => (0x0C, V3),
        NativeType::Text => (0x0D, V3),
        NativeType::Varint => (0x0E, V3),
        NativeType::TimeUuid => (0x0F, V3),
        NativeType::Inet => (0x10, V3),
        NativeType::Date => (0x11, V4),
        NativeType::Time => (0x12, V4),
        NativeType::SmallInt => (0x13, V4),
        NativeType::TinyInt => (0x14, V4),
        NativeType::Duration => (0x15, V5),
    }
}

pub(super) fn encode(body: &mut Vec<u8>, cql_type: &CqlType, version: ProtocolVersion) {
    if let Some(native) = cql_type.native() {
        let (id, since) = option_id(native);
        return if version >= since { body.put_short(id) } else { encode_custom(body, &marshal::class_name(cql_type)) };
    }
    match cql_type {
        CqlType::List(element) => {
            body.put_short(LIST);
            encode(body, element, version);
        }
        CqlType::Set(element) => {
            body.put_short(SET);
            encode(body, element, version);
        }
        CqlType::Map(key, value) => {
            body.put_short(MAP);
            encode(body, key, version);
            encode(body, value, version);
        }
        CqlType::Frozen(inner) => encode(body, inner, version),
        CqlType::Tuple(elements) => {
            body.put_short(TUPLE);
            body.put_count(elements.len());
            for element in elements {
                encode(body, element, version);
            }
        }
        CqlType::UserType(user_type) => {
            body.put_short(USER_TYPE);
            body.put_string(&user_type.keyspace);
            body.put_string(&user_type.name);
            body.put_count(user_type.fields.len());
            for (name, field) in &user_type.fields {
                body.put_string(name);
                encode(body, field, version);
            }
        }
        CqlType::Custom(class) => encode_custom(body, class),
        // Vectors; scalars have been dealt with.
        other => encode_custom(body, &marshal::class_name(other)),
    }
}

fn encode_custom(body: &mut Vec<u8>, class: &str) {
    body.put_short(CUSTOM);
    body.put_string(class);
}

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<CqlType, ProtocolError> {
    decode_nested(reader, DEPTH)
}

fn decode_nested(reader: &mut Reader<'_>, depth: u32) -> Result<CqlType, ProtocolError> {
    let offset = reader.position();
    let Some(depth) = depth.checked_sub(1) else {
        return Err(reader.malformed("type", offset, Problem::TooDeep));
    };
    let id = reader.short("type")?;
    match id {
        CUSTOM => {
            let class = reader.str("class of custom type")?;
            Ok(marshal::parse_class_name(class).unwrap_or_else(|| CqlType::Custom(class.to_owned())))
        }
        OLD_TEXT => Ok(CqlType::Text),
        LIST => Ok(CqlType::List(Box::new(decode_nested(reader, depth)?))),
        SET => Ok(CqlType::Set(Box::new(decode_nested(reader, depth)?))),
        MAP => {
            let key = decode_nested(reader, depth)?;
            Ok(CqlType::Map(Box::new(key), Box::new(decode_nested(reader, depth)?)))
        }
        TUPLE => {
            let count = usize::from(reader.short("number of elements")?);
            let mut elements = Vec::with_capacity(reader.plausible(count, 2));
            for _ in 0..count {
                elements.push(decode_nested(reader, depth)?);
            }
            Ok(CqlType::Tuple(elements))
        }
        USER_TYPE => {
            let keyspace = reader.string("keyspace of type")?;
            let name = reader.string("name of type")?;
            let count = usize::from(reader.short("number of fields")?);
            let mut fields = Vec::with_capacity(reader.plausible(count, 4));
            for _ in 0..count {
                let field = reader.string("name of field")?;
                fields.push((field, decode_nested(reader, depth)?));
            }
            Ok(CqlType::UserType(Arc::new(UserType { keyspace, name, fields })))
        }
        _ => match NativeType::ALL.iter().find(|native| option_id(**native).0 == id) {
            Some(native) => Ok(CqlType::from(*native)),
            None => Err(reader.malformed("type", offset, Problem::UnknownNumber(i64::from(id)))),
        },
    }
}
