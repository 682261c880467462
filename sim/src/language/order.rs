//! The order of values by their type, on their bytes: a second opinion, which shares nothing with the node's.

use super::kind::{Kind, Native, user_fields};
use std::cmp::Ordering;

/// How two values of a type compare. Empty ones come first.
#[must_use]
pub fn compare(kind: &Kind, left: &[u8], right: &[u8]) -> Ordering {
    if left.is_empty() || right.is_empty() {
        return left.len().cmp(&right.len());
    }
    match kind.thawed() {
        Kind::Native(native) => native_order(*native, left, right),
        Kind::List(inner) | Kind::Set(inner) => each(&elements(left), &elements(right), |_| inner.as_ref().clone()),
        Kind::Map(key, value) => {
            let kind = |at: usize| if at.is_multiple_of(2) { key.as_ref().clone() } else { value.as_ref().clone() };
            each(&elements(left), &elements(right), kind)
        }
        Kind::Tuple(kinds) => each(&parts(left), &parts(right), |at| kinds[at].clone()),
        Kind::User => each(&parts(left), &parts(right), |at| user_fields()[at].1.clone()),
        Kind::Frozen(_) => unreachable!("thawed"),
    }
}

/// The first part that differs decides; then who has more.
fn each(left: &[Option<Vec<u8>>], right: &[Option<Vec<u8>>], kind: impl Fn(usize) -> Kind) -> Ordering {
    for (at, (left, right)) in left.iter().zip(right).enumerate() {
        let order = match (left, right) {
            (Some(left), Some(right)) => compare(&kind(at), left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

/// The elements of a collection, keys and values of a map in turn.
#[must_use]
pub fn elements(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    bytes.get(4..).map(parts).unwrap_or_default()
}

/// Parts with their lengths before them.
#[must_use]
pub fn parts(mut bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = i32::from_be_bytes(*length);
        let end = usize::try_from(length).unwrap_or(0).min(rest.len());
        parts.push((length >= 0).then(|| rest[..end].to_vec()));
        bytes = &rest[end..];
    }
    parts
}

fn native_order(native: Native, left: &[u8], right: &[u8]) -> Ordering {
    match native {
        Native::Text | Native::Blob | Native::Date | Native::Inet | Native::Duration => left.cmp(right),
        Native::Boolean => (left[0] != 0).cmp(&(right[0] != 0)),
        Native::Int
        | Native::Bigint
        | Native::Tinyint
        | Native::Smallint
        | Native::Varint
        | Native::Time
        | Native::Timestamp
        | Native::Counter => whole(left).cmp(&whole(right)),
        Native::Float | Native::Double => java_order(float(left), float(right)),
        Native::Decimal => decimal_order(left, right),
        Native::Uuid => uuid_order(left, right),
        Native::Timeuuid => timeuuid_order(left, right),
    }
}

/// A whole number of up to sixteen bytes in two's complement.
#[must_use]
pub fn whole(bytes: &[u8]) -> i128 {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |number, byte| number << 8 | i128::from(*byte))
}

/// A `float` or a `double`.
#[must_use]
pub fn float(bytes: &[u8]) -> f64 {
    match bytes.len() {
        4 => f64::from(f32::from_be_bytes(bytes.try_into().expect("four bytes"))),
        8 => f64::from_be_bytes(bytes.try_into().expect("eight bytes")),
        _ => f64::NAN,
    }
}

/// Java's order: -0.0 before 0.0, NaN last.
fn java_order(left: f64, right: f64) -> Ordering {
    match (left.is_nan(), right.is_nan()) {
        (false, false) => left.total_cmp(&right),
        (left, right) => left.cmp(&right),
    }
}

/// Scale and unscaled number of a `decimal`.
#[must_use]
pub fn decimal(bytes: &[u8]) -> (i32, i128) {
    let (scale, unscaled) = bytes.split_at(bytes.len().min(4));
    (whole(scale) as i32, whole(unscaled))
}

fn decimal_order(left: &[u8], right: &[u8]) -> Ordering {
    let ((left_scale, left), (right_scale, right)) = (decimal(left), decimal(right));
    let most = left_scale.max(right_scale);
    let at = |number: i128, scale: i32| number.saturating_mul(10i128.saturating_pow(most.saturating_sub(scale) as u32));
    at(left, left_scale).cmp(&at(right, right_scale))
}

fn version(uuid: &[u8]) -> u8 {
    uuid.get(6).map_or(0, |byte| byte >> 4)
}

/// The time in a version 1 uuid: its words stand in reverse.
fn time(uuid: &[u8]) -> [u8; 8] {
    let mut time = [0; 8];
    time[..2].copy_from_slice(&uuid[6..8]);
    time[2..4].copy_from_slice(&uuid[4..6]);
    time[4..].copy_from_slice(&uuid[..4]);
    time
}

/// By version, then those of version 1 by time, then by bytes.
fn uuid_order(left: &[u8], right: &[u8]) -> Ordering {
    let by_time = || if version(left) == 1 { time(left).cmp(&time(right)) } else { Ordering::Equal };
    version(left).cmp(&version(right)).then_with(by_time).then_with(|| left.cmp(right))
}

/// By time, then by bytes, which count as signed.
fn timeuuid_order(left: &[u8], right: &[u8]) -> Ordering {
    let signed = |uuid: &[u8]| uuid[8..].iter().map(|byte| *byte as i8).collect::<Vec<i8>>();
    time(left).cmp(&time(right)).then_with(|| signed(left).cmp(&signed(right)))
}
