//! One value of a clustering column as bytes that sort as Cassandra compares its type, and back.
//!
//! First byte 1: the empty value, which sorts before all others; 2: a value follows, in a form that ends by itself.

use super::clustering::ClusteringError;
use super::decimal::{decode_decimal, decode_varint, encode_decimal, encode_varint};
use super::encoding::{Malformed, Reader};
use trefoil_cql::types::CqlType;
use trefoil_cql::types::vector::{join_vector, vector_elements};

const EMPTY: u8 = 1;
const VALUE: u8 = 2;

/// Inside collections and tuples: no more elements, a null field, another element.
const END: u8 = 0;
const NULL: u8 = 1;
const MORE: u8 = 2;

/// Inside escaped bytes: the end. Bytes 0 and 1 are written as (1, byte + 1), so that it is the least.
const TERMINATOR: u8 = 0;
const ESCAPE: u8 = 1;

/// Why a value has no component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    Value,
    Unordered,
}

impl Invalid {
    pub(crate) fn in_column(self, column: usize) -> ClusteringError {
        match self {
            Invalid::Value => ClusteringError::InvalidValue { column },
            Invalid::Unordered => ClusteringError::Unordered { column },
        }
    }
}

impl From<Malformed> for Invalid {
    fn from(_: Malformed) -> Invalid {
        Invalid::Value
    }
}

/// Reads a key, perhaps inverted.
#[derive(Debug)]
pub(crate) struct KeyReader<'a> {
    rest: &'a [u8],
    mask: u8,
}

impl<'a> KeyReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> KeyReader<'a> {
        KeyReader { rest: bytes, mask: 0 }
    }

    pub(crate) fn set_inverted(&mut self, inverted: bool) {
        self.mask = if inverted { 0xff } else { 0 };
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        let (&first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(first ^ self.mask)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed)?;
        self.rest = rest;
        Ok(head.map(|byte| byte ^ self.mask))
    }

    /// The next `length` bytes are appended to `out`.
    pub(crate) fn take(&mut self, length: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        out.extend(head.iter().map(|byte| byte ^ self.mask));
        Ok(())
    }
}

/// Append bytes so that none of these sequences begins another: 0 and 1 escaped, 0 at the end.
pub(crate) fn put_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(position) = rest.iter().position(|byte| *byte <= 1) {
        out.extend_from_slice(&rest[..position]);
        out.extend_from_slice(&[ESCAPE, rest[position] + 1]);
        rest = &rest[position + 1..];
    }
    out.extend_from_slice(rest);
    out.push(TERMINATOR);
}

/// Read what `put_escaped` wrote.
pub(crate) fn read_escaped(reader: &mut KeyReader<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    loop {
        match reader.u8()? {
            TERMINATOR => return Ok(()),
            ESCAPE => match reader.u8()? {
                escaped @ 1..=2 => out.push(escaped - 1),
                _ => return Err(Malformed),
            },
            byte => out.push(byte),
        }
    }
}

/// Append the component of a serialised value.
pub(crate) fn encode_component(value_type: &CqlType, value: &[u8], out: &mut Vec<u8>) -> Result<(), Invalid> {
    if value.is_empty() {
        out.push(EMPTY);
        return Ok(());
    }
    out.push(VALUE);
    match value_type.unfrozen() {
        CqlType::Ascii | CqlType::Text | CqlType::Blob | CqlType::Inet | CqlType::Custom(_) => put_escaped(value, out),
        CqlType::Boolean => out.push(u8::from(fixed::<1>(value)? != [0])),
        CqlType::TinyInt => put_signed(fixed::<1>(value)?, out),
        CqlType::SmallInt => put_signed(fixed::<2>(value)?, out),
        CqlType::Int => put_signed(fixed::<4>(value)?, out),
        CqlType::BigInt | CqlType::Timestamp => put_signed(fixed::<8>(value)?, out),
        CqlType::Date => out.extend_from_slice(&fixed::<4>(value)?),
        CqlType::Time => out.extend_from_slice(&fixed::<8>(value)?),
        CqlType::Float => {
            let float = f32::from_be_bytes(fixed(value)?);
            let bits = if float.is_nan() { f32::NAN.to_bits() & !(1 << 31) } else { float.to_bits() };
            out.extend_from_slice(&(bits ^ (((bits as i32 >> 31) as u32) | 1 << 31)).to_be_bytes());
        }
        CqlType::Double => {
            let double = f64::from_be_bytes(fixed(value)?);
            let bits = if double.is_nan() { f64::NAN.to_bits() & !(1 << 63) } else { double.to_bits() };
            out.extend_from_slice(&(bits ^ (((bits as i64 >> 63) as u64) | 1 << 63)).to_be_bytes());
        }
        CqlType::Uuid => {
            // By version; version 1 then by time; the rest as unsigned bytes.
            let bytes = fixed::<16>(value)?;
            let version = bytes[6] >> 4;
            out.push(version);
            if version == 1 {
                out.extend_from_slice(&time_first(&bytes));
                out.extend_from_slice(&bytes[8..]);
            } else {
                out.extend_from_slice(&bytes);
            }
        }
        CqlType::TimeUuid => {
            // By time; the rest as signed bytes, for compatibility with Cassandra's oldest versions.
            let bytes = fixed::<16>(value)?;
            put_signed(time_first(&bytes), out);
            out.extend(bytes[8..].iter().map(|byte| byte ^ 0x80));
        }
        CqlType::Varint => encode_varint(value, out),
        CqlType::Decimal => encode_decimal(value, out)?,
        CqlType::List(element) | CqlType::Set(element) => encode_elements(&[element], value, out)?,
        CqlType::Map(key, mapped) => encode_elements(&[key, mapped], value, out)?,
        CqlType::Tuple(types) => encode_fields(types.iter(), value, out)?,
        CqlType::UserType(user) => encode_fields(user.fields.iter().map(|(_, field)| field), value, out)?,
        CqlType::Vector(element, dimension) => encode_vector(element, *dimension, value, out)?,
        CqlType::Counter | CqlType::Duration => return Err(Invalid::Unordered),
        CqlType::Frozen(_) => return Err(Invalid::Value),
    }
    Ok(())
}

/// Append the serialised value of the component that comes next.
pub(crate) fn decode_component(
    value_type: &CqlType,
    reader: &mut KeyReader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    match reader.u8()? {
        EMPTY => return Ok(()),
        VALUE => {}
        _ => return Err(Malformed),
    }
    match value_type.unfrozen() {
        CqlType::Ascii | CqlType::Text | CqlType::Blob | CqlType::Inet | CqlType::Custom(_) => {
            read_escaped(reader, out)?;
        }
        CqlType::Boolean => out.push(reader.u8()?),
        CqlType::TinyInt => out.extend_from_slice(&flip_sign(reader.array::<1>()?)),
        CqlType::SmallInt => out.extend_from_slice(&flip_sign(reader.array::<2>()?)),
        CqlType::Int => out.extend_from_slice(&flip_sign(reader.array::<4>()?)),
        CqlType::BigInt | CqlType::Timestamp => out.extend_from_slice(&flip_sign(reader.array::<8>()?)),
        CqlType::Date => out.extend_from_slice(&reader.array::<4>()?),
        CqlType::Time => out.extend_from_slice(&reader.array::<8>()?),
        CqlType::Float => {
            let bits = u32::from_be_bytes(reader.array()?);
            let mask = if bits >> 31 == 1 { 1 << 31 } else { u32::MAX };
            out.extend_from_slice(&(bits ^ mask).to_be_bytes());
        }
        CqlType::Double => {
            let bits = u64::from_be_bytes(reader.array()?);
            let mask = if bits >> 63 == 1 { 1 << 63 } else { u64::MAX };
            out.extend_from_slice(&(bits ^ mask).to_be_bytes());
        }
        CqlType::Uuid => {
            if reader.u8()? == 1 {
                out.extend_from_slice(&time_last(reader.array()?));
                reader.take(8, out)?;
            } else {
                reader.take(16, out)?;
            }
        }
        CqlType::TimeUuid => {
            out.extend_from_slice(&time_last(flip_sign(reader.array()?)));
            out.extend(reader.array::<8>()?.iter().map(|byte| byte ^ 0x80));
        }
        CqlType::Varint => decode_varint(reader, out)?,
        CqlType::Decimal => decode_decimal(reader, out)?,
        CqlType::List(element) | CqlType::Set(element) => decode_elements(&[element], reader, out)?,
        CqlType::Map(key, mapped) => decode_elements(&[key, mapped], reader, out)?,
        CqlType::Tuple(types) => decode_fields(types.iter(), reader, out)?,
        CqlType::UserType(user) => decode_fields(user.fields.iter().map(|(_, field)| field), reader, out)?,
        CqlType::Vector(element, dimension) => decode_vector(element, *dimension, reader, out)?,
        CqlType::Counter | CqlType::Duration | CqlType::Frozen(_) => return Err(Malformed),
    }
    Ok(())
}

fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], Invalid> {
    value.try_into().map_err(|_| Invalid::Value)
}

fn flip_sign<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    bytes[0] ^= 0x80;
    bytes
}

fn put_signed<const N: usize>(bytes: [u8; N], out: &mut Vec<u8>) {
    out.extend_from_slice(&flip_sign(bytes));
}

/// The first half of a version 1 uuid with its time's most significant bits first.
fn time_first(uuid: &[u8; 16]) -> [u8; 8] {
    [uuid[6], uuid[7], uuid[4], uuid[5], uuid[0], uuid[1], uuid[2], uuid[3]]
}

fn time_last(half: [u8; 8]) -> [u8; 8] {
    [half[4], half[5], half[6], half[7], half[2], half[3], half[0], half[1]]
}

/// Elements of a frozen list, set (one type) or map (two types): a count, then each with its length.
fn encode_elements(types: &[&CqlType], value: &[u8], out: &mut Vec<u8>) -> Result<(), Invalid> {
    let mut reader = Reader::new(value);
    let count = u32::from_be_bytes(reader.array()?);
    for _ in 0..count {
        out.push(MORE);
        for element_type in types {
            let length = i32::from_be_bytes(reader.array()?);
            let element = reader.take(usize::try_from(length).map_err(|_| Invalid::Value)?)?;
            encode_component(element_type, element, out)?;
        }
    }
    out.push(END);
    if reader.is_empty() { Ok(()) } else { Err(Invalid::Value) }
}

fn decode_elements(types: &[&CqlType], reader: &mut KeyReader<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut count = 0u32;
    loop {
        match reader.u8()? {
            END => break,
            MORE => count += 1,
            _ => return Err(Malformed),
        }
        for element_type in types {
            decode_sized(element_type, reader, out)?;
        }
    }
    out[start..start + 4].copy_from_slice(&count.to_be_bytes());
    Ok(())
}

/// A 4-byte length, then the value.
fn decode_sized(value_type: &CqlType, reader: &mut KeyReader<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    decode_component(value_type, reader, out)?;
    let length = u32::try_from(out.len() - start - 4).map_err(|_| Malformed)?;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Fields of a tuple or user type. Missing ones are null, and nulls at the end are not written: they compare equal.
fn encode_fields<'t>(types: impl Iterator<Item = &'t CqlType>, value: &[u8], out: &mut Vec<u8>) -> Result<(), Invalid> {
    let mut reader = Reader::new(value);
    let mut nulls = 0;
    for field_type in types {
        if reader.is_empty() {
            break;
        }
        let length = i32::from_be_bytes(reader.array()?);
        if length < 0 {
            nulls += 1;
            continue;
        }
        out.extend(std::iter::repeat_n(NULL, nulls));
        nulls = 0;
        out.push(MORE);
        encode_component(field_type, reader.take(length as usize)?, out)?;
    }
    out.push(END);
    if reader.is_empty() { Ok(()) } else { Err(Invalid::Value) }
}

fn decode_fields<'t>(
    types: impl Iterator<Item = &'t CqlType>,
    reader: &mut KeyReader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut ended = false;
    for field_type in types {
        let tag = if ended { END } else { reader.u8()? };
        match tag {
            MORE => decode_sized(field_type, reader, out)?,
            NULL => out.extend_from_slice(&(-1i32).to_be_bytes()),
            END => {
                ended = true;
                out.extend_from_slice(&(-1i32).to_be_bytes());
            }
            _ => return Err(Malformed),
        }
    }
    if !ended && reader.u8()? != END {
        return Err(Malformed);
    }
    Ok(())
}

/// Elements of a vector: as many as its dimension, so neither count nor end is written.
fn encode_vector(element: &CqlType, dimension: u32, value: &[u8], out: &mut Vec<u8>) -> Result<(), Invalid> {
    let mut elements = vector_elements(element, dimension, value);
    for part in &mut elements {
        encode_component(element, part.map_err(|_| Invalid::Value)?, out)?;
    }
    if elements.rest().is_empty() { Ok(()) } else { Err(Invalid::Value) }
}

fn decode_vector(
    element: &CqlType,
    dimension: u32,
    reader: &mut KeyReader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut elements = Vec::new();
    for _ in 0..dimension {
        let mut value = Vec::new();
        decode_component(element, reader, &mut value)?;
        elements.push(value);
    }
    out.extend_from_slice(&join_vector(element, &elements).map_err(|_| Malformed)?);
    Ok(())
}
