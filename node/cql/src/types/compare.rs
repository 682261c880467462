//! The order of serialised values: what clustering, sets and maps, ranges, IN and min/max go by. It is Cassandra's, type by
//! type, because a client sees it.
//!
//! Always a total order, also over bytes that `validate` would refuse: sorting must not go wrong on anything.

use super::decimal;
use super::{CqlType, collection, vector};
use std::cmp::Ordering;

/// Compares two values of a type. The empty value is the least.
pub fn compare(value_type: &CqlType, a: &[u8], b: &[u8]) -> Ordering {
    match value_type {
        CqlType::Ascii
        | CqlType::Text
        | CqlType::Blob
        | CqlType::Inet
        | CqlType::Date
        | CqlType::Time
        | CqlType::Duration
        | CqlType::Custom(_) => a.cmp(b),
        CqlType::TinyInt => fixed::<1>(a, b, |a, b| i8::from_be_bytes(a).cmp(&i8::from_be_bytes(b))),
        CqlType::SmallInt => fixed::<2>(a, b, |a, b| i16::from_be_bytes(a).cmp(&i16::from_be_bytes(b))),
        CqlType::Int => fixed::<4>(a, b, |a, b| i32::from_be_bytes(a).cmp(&i32::from_be_bytes(b))),
        CqlType::BigInt | CqlType::Counter | CqlType::Timestamp => {
            fixed::<8>(a, b, |a, b| i64::from_be_bytes(a).cmp(&i64::from_be_bytes(b)))
        }
        CqlType::Boolean => fixed::<1>(a, b, |a, b| (a[0] != 0).cmp(&(b[0] != 0))),
        CqlType::Float => fixed::<4>(a, b, |a, b| {
            let key = |bytes| Some(f32::from_be_bytes(bytes)).filter(|value| !value.is_nan()).unwrap_or(f32::NAN);
            key(a).total_cmp(&key(b))
        }),
        CqlType::Double => fixed::<8>(a, b, |a, b| {
            let key = |bytes| Some(f64::from_be_bytes(bytes)).filter(|value| !value.is_nan()).unwrap_or(f64::NAN);
            key(a).total_cmp(&key(b))
        }),
        CqlType::Uuid => fixed::<16>(a, b, compare_uuids),
        CqlType::TimeUuid => fixed::<16>(a, b, compare_time_uuids),
        CqlType::Varint => compare_varints(a, b),
        CqlType::Decimal => compare_decimals(a, b),
        CqlType::Frozen(inner) => compare(inner, a, b),
        CqlType::List(element) | CqlType::Set(element) => compare_collections(&[element], a, b),
        CqlType::Map(key, value) => compare_collections(&[key, value], a, b),
        CqlType::Tuple(types) => compare_fields(types.iter(), a, b),
        CqlType::UserType(user) => compare_fields(user.fields.iter().map(|(_, field)| field), a, b),
        CqlType::Vector(element, dimension) => compare_vectors(element, *dimension, a, b),
    }
}

/// Values of one size; others (the empty value among them) by length first.
fn fixed<const N: usize>(a: &[u8], b: &[u8], compare: impl FnOnce([u8; N], [u8; N]) -> Ordering) -> Ordering {
    match (<[u8; N]>::try_from(a), <[u8; N]>::try_from(b)) {
        (Ok(a), Ok(b)) => compare(a, b),
        _ => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
    }
}

/// The time of a version 1 uuid with its most significant part first.
fn time_of(bytes: &[u8; 16]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *bytes;
    u64::from_be_bytes([g, h, e, f, a, b, c, d])
}

/// By version; version 1 by time; then as unsigned bytes.
fn compare_uuids(a: [u8; 16], b: [u8; 16]) -> Ordering {
    let version = a[6] >> 4;
    version.cmp(&(b[6] >> 4)).then_with(|| {
        let by_time = if version == 1 { time_of(&a).cmp(&time_of(&b)) } else { Ordering::Equal };
        by_time.then_with(|| a.cmp(&b))
    })
}

/// By time, then as *signed* bytes: so it was in the first version, and so it stays.
fn compare_time_uuids(a: [u8; 16], b: [u8; 16]) -> Ordering {
    let signed = |bytes: &[u8; 16]| {
        let mut low = [0; 8];
        low.iter_mut().zip(&bytes[8..]).for_each(|(out, byte)| *out = byte ^ 0x80);
        low
    };
    (time_of(&a) as i64).cmp(&(time_of(&b) as i64)).then_with(|| signed(&a).cmp(&signed(&b)))
}

/// Without the bytes that only repeat the sign.
fn shortest(mut varint: &[u8]) -> &[u8] {
    while let [first, second, ..] = varint {
        if (*first == 0 && *second < 0x80) || (*first == 0xff && *second >= 0x80) {
            varint = &varint[1..];
        } else {
            break;
        }
    }
    varint
}

fn compare_varints(a: &[u8], b: &[u8]) -> Ordering {
    if a.is_empty() || b.is_empty() {
        return a.len().cmp(&b.len());
    }
    let (a, b) = (shortest(a), shortest(b));
    let negative = |varint: &[u8]| varint[0] >= 0x80;
    match (negative(a), negative(b)) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        (true, true) => b.len().cmp(&a.len()).then_with(|| a.cmp(b)),
    }
}

/// By value: 1.0 equals 1.00.
fn compare_decimals(a: &[u8], b: &[u8]) -> Ordering {
    match (decimal::Decimal::from_bytes(a), decimal::Decimal::from_bytes(b)) {
        (Some(a), Some(b)) => a.compare(&b),
        // Too short to be a decimal, the empty value among them.
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (None, None) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
    }
}

/// Part by part, then by number of parts. The parts of a list or set have one type, those of a map alternate between two.
fn compare_collections(types: &[&CqlType], a: &[u8], b: &[u8]) -> Ordering {
    let parts = |bytes| collection::parts(bytes, types.len());
    let (mut left, mut right) = match (parts(a), parts(b)) {
        (Ok(left), Ok(right)) => (left, right),
        // Without a count (the empty value among them): before all others.
        (left, right) => return left.is_ok().cmp(&right.is_ok()).then_with(|| a.cmp(b)),
    };
    let (left_count, right_count) = (left.remaining(), right.remaining());
    for part_type in types.iter().cycle() {
        let order = match (left.next(), right.next()) {
            (Some(Ok(one)), Some(Ok(other))) => compare(part_type, one, other),
            (None | Some(Err(_)), None | Some(Err(_))) => break,
            (None | Some(Err(_)), _) => return Ordering::Less,
            (_, None | Some(Err(_))) => return Ordering::Greater,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left_count.cmp(&right_count).then_with(|| left.rest().cmp(right.rest()))
}

/// Field by field; null before any value; missing fields at the end are null.
fn compare_fields<'a>(types: impl Iterator<Item = &'a CqlType>, a: &[u8], b: &[u8]) -> Ordering {
    if a.is_empty() || b.is_empty() {
        return a.len().cmp(&b.len());
    }
    let (mut left, mut right) = (collection::fields(a), collection::fields(b));
    for field_type in types {
        let one = left.next().and_then(Result::ok).flatten();
        let other = right.next().and_then(Result::ok).flatten();
        let order = match (one, other) {
            (Some(one), Some(other)) => compare(field_type, one, other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn compare_vectors(element: &CqlType, dimension: u16, a: &[u8], b: &[u8]) -> Ordering {
    let mut left = vector::vector_elements(element, dimension, a);
    let mut right = vector::vector_elements(element, dimension, b);
    loop {
        let order = match (left.next(), right.next()) {
            (Some(Ok(one)), Some(Ok(other))) => compare(element, one, other),
            (None | Some(Err(_)), None | Some(Err(_))) => return left.rest().cmp(right.rest()),
            (None | Some(Err(_)), _) => return Ordering::Less,
            (_, None | Some(Err(_))) => return Ordering::Greater,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}
