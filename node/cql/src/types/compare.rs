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

/// Whether `compare` is the order of the bytes.
#[must_use]
pub fn is_byte_ordered(value_type: &CqlType) -> bool {
    match value_type {
        CqlType::Ascii
        | CqlType::Text
        | CqlType::Blob
        | CqlType::Inet
        | CqlType::Date
        | CqlType::Time
        | CqlType::Duration
        | CqlType::Boolean
        | CqlType::Custom(_) => true,
        CqlType::Frozen(inner) => is_byte_ordered(inner),
        _ => false,
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

fn compare_vectors(element: &CqlType, dimension: u32, a: &[u8], b: &[u8]) -> Ordering {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::parse_term;
    use crate::types::samples::type_of;
    use crate::types::term_to_bytes;

    fn value(value_type: &CqlType, term: &str) -> Vec<u8> {
        let term = parse_term(term).unwrap_or_else(|error| panic!("{term}: {error}"));
        term_to_bytes(&term, "c", value_type).expect("fits").expect("not null")
    }

    /// The empty value, then these in this order, each less than all after it.
    fn check_ascending(value_type: &str, terms: &[&str]) {
        let value_type = type_of(value_type);
        let mut values = vec![Vec::new()];
        values.extend(terms.iter().map(|term| value(&value_type, term)));
        for (index, a) in values.iter().enumerate() {
            for (other, b) in values.iter().enumerate() {
                assert_eq!(compare(&value_type, a, b), index.cmp(&other), "{value_type}: {a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn scalars() {
        check_ascending("boolean", &["false", "true"]);
        check_ascending("int", &["-2147483648", "-1", "0", "1"]);
        check_ascending("tinyint", &["-128", "-1", "0", "127"]);
        check_ascending("timestamp", &["-1", "0", "1"]);
        check_ascending("date", &["'1969-12-31'", "'1970-01-01'", "'1970-01-02'"]);
        check_ascending("time", &["'00:00:00'", "'23:59:59'"]);
        check_ascending("text", &["'A'", "'a'", "'aa'", "'b'", "'é'"]);
        check_ascending("inet", &["'::1'", "'0.0.0.1'", "'1.2.3.4'", "'128.0.0.1'", "'ff00::'"]);
        check_ascending("varint", &["-65536", "-129", "-128", "-1", "0", "1", "127", "128", "65536"]);
        check_ascending("decimal", &["-10", "-1.5", "0", "1e-10", "1.5", "10", "1e10"]);
        for float in ["float", "double"] {
            check_ascending(float, &["-Infinity", "-1", "-0.0", "0.0", "1e-30", "1", "Infinity", "NaN"]);
        }
    }

    #[test]
    fn numbers_with_several_forms_are_equal() {
        let equal = |value_type: &CqlType, a: &[u8], b: &[u8]| compare(value_type, a, b) == Ordering::Equal;
        assert!(equal(&CqlType::Varint, &[0, 0, 1], &[1]) && equal(&CqlType::Varint, &[0xff, 0xff], &[0xff]));
        assert!(equal(&CqlType::Decimal, &[0, 0, 0, 1, 10], &[0, 0, 0, 2, 100]));
        assert!(equal(&CqlType::Boolean, &[1], &[5]));
        let negative_nan = (-f64::NAN).to_be_bytes();
        assert!(equal(&CqlType::Double, &negative_nan, &f64::NAN.to_be_bytes()));
    }

    #[test]
    fn uuids_go_by_version_then_time() {
        check_ascending(
            "uuid",
            &[
                "ffffffff-ffff-1000-0000-000000000000", // version 1, early: the first group is the least of the time
                "00000000-0000-1001-0000-000000000000",
                "00000001-0000-1001-7fff-000000000000",
                "00000001-0000-1001-8000-000000000000", // then unsigned bytes
                "00000000-0000-4000-8000-000000000000",
                "00000000-0000-4000-8000-000000000001",
                "ffffffff-ffff-4fff-8000-000000000000",
            ],
        );
        check_ascending(
            "timeuuid",
            &[
                "ffffffff-ffff-1000-0000-000000000000",
                "00000000-0000-1001-8000-000000000000", // signed bytes: 0x80 is the least
                "00000000-0000-1001-0000-000000000080",
                "00000000-0000-1001-0000-00000000007f",
                "00000000-0000-1001-7f00-000000000000",
            ],
        );
    }

    #[test]
    fn values_with_parts() {
        check_ascending("frozen<list<int>>", &["[]", "[-1]", "[1]", "[1, 0]", "[2]"]);
        check_ascending("frozen<set<int>>", &["{}", "{-1}", "{-1, 2}", "{1}"]);
        check_ascending(
            "frozen<map<int, text>>",
            &["{}", "{1: ''}", "{1: 'a'}", "{1: 'a', 2: ''}", "{1: 'b'}", "{2: ''}"],
        );
        check_ascending("tuple<int, text>", &["(null, 'a')", "(-1, null)", "(-1, '')", "(0, 'z')", "(1, 'a')"]);
        check_ascending("frozen<u>", &["{\"B\": ''}", "{a: -1}", "{a: 1}", "{a: 1, \"B\": ''}"]);
        check_ascending("vector<float, 2>", &["[-1, 5]", "[1, -1]", "[1, 2]"]);
        check_ascending("vector<text, 2>", &["['', 'z']", "['a', 'a']", "['b', '']"]);
        let tuple = type_of("tuple<int, text>");
        let (short, full) = (value(&tuple, "(1)"), value(&tuple, "(1, null)"));
        assert_eq!(compare(&tuple, &short, &full), Ordering::Equal);
    }
}
