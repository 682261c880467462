//! What must hold for every type: order, validation, conversion and text agree with one another.

use super::samples::{Garbage, Sample};
use super::{
    CqlType, canonicalise, collection, compare, literal_to_bytes, term_to_bytes, to_json, to_literal, validate,
};
use crate::ast::{Literal, Term};
use crate::parser::parse_term;
use quickcheck::{Gen, QuickCheck, TestResult, Testable};
use std::cmp::Ordering;

/// The same samples at every run.
fn check(law: impl Testable) {
    QuickCheck::new().rng(Gen::from_size_and_seed(40, 2026)).tests(3000).max_tests(30_000).quickcheck(law);
}

fn is_total_order(sample: &Sample) -> bool {
    let order = |a: usize, b: usize| compare(&sample.value_type, &sample.values[a], &sample.values[b]);
    let antisymmetric = (0..3).all(|a| (0..3).all(|b| order(a, b) == order(b, a).reverse()));
    let reflexive = (0..3).all(|a| order(a, a) == Ordering::Equal);
    let transitive = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]].into_iter().all(|[a, b, c]| {
        let chained = order(a, b).is_le() && order(b, c).is_le();
        !chained || (order(a, c).is_le() && (order(a, c).is_lt() || order(a, b).is_eq() && order(b, c).is_eq()))
    });
    antisymmetric && reflexive && transitive
}

#[test]
fn order_is_total() {
    check((|sample: Sample| is_total_order(&sample)) as fn(Sample) -> bool);
    check((|Garbage(sample): Garbage| is_total_order(&sample)) as fn(Garbage) -> bool);
}

/// Whether two different byte strings can be one value.
fn has_equal_forms(value_type: &CqlType) -> bool {
    match value_type {
        CqlType::Decimal | CqlType::Varint | CqlType::Float | CqlType::Double | CqlType::Boolean => true,
        CqlType::Frozen(inner) | CqlType::List(inner) | CqlType::Set(inner) | CqlType::Vector(inner, _) => {
            has_equal_forms(inner)
        }
        CqlType::Map(key, value) => has_equal_forms(key) || has_equal_forms(value),
        // Missing fields at the end equal nulls, but these samples have all fields.
        CqlType::Tuple(types) => types.iter().any(has_equal_forms),
        CqlType::UserType(user) => user.fields.iter().any(|(_, field)| has_equal_forms(field)),
        _ => false,
    }
}

#[test]
fn equal_values_are_equal_bytes_where_a_value_has_one_form() {
    fn law(sample: Sample) -> TestResult {
        if has_equal_forms(&sample.value_type) {
            return TestResult::discard();
        }
        let [a, b, _] = &sample.values;
        TestResult::from_bool((compare(&sample.value_type, a, b) == Ordering::Equal) == (a == b))
    }
    check(law as fn(Sample) -> TestResult);
}

#[test]
fn samples_are_valid_and_in_canonical_form() {
    fn law(sample: Sample) -> bool {
        sample.values.iter().all(|value| {
            let canonical = canonicalise(&sample.value_type, value).expect("can be taken apart");
            validate(&sample.value_type, value) == Ok(()) && *canonical == **value
        })
    }
    check(law as fn(Sample) -> bool);
}

#[test]
fn literals_read_back_as_the_value() {
    fn law(sample: Sample) -> TestResult {
        let value = &sample.values[0];
        let text = to_literal(&sample.value_type, value).expect("valid");
        // An empty tuple, or one inside others, has no literal with that many fields, and an empty varint none at all.
        let Ok(term) = parse_term(&text) else { return TestResult::error(text) };
        let bytes = match term_to_bytes(&term, "c", &sample.value_type) {
            Ok(Some(bytes)) => bytes,
            other => return TestResult::error(format!("{text}: {other:?}")),
        };
        let equal = compare(&sample.value_type, &bytes, value) == Ordering::Equal;
        TestResult::from_bool(equal && validate(&sample.value_type, &bytes) == Ok(()))
    }
    check(law as fn(Sample) -> TestResult);
}

/// Literals of every kind with every scalar type: refused, or valid bytes.
#[test]
fn converted_literals_are_valid() {
    fn law(seed: (u8, i64, String), sample: Sample) -> bool {
        let (kind, number, text) = seed;
        let literal = match kind % 7 {
            0 => Literal::Boolean(number > 0),
            1 => Literal::integer(number),
            2 => Literal::Float(format!("{number}.5e{}", number % 50).into()),
            3 => Literal::String(text.into()),
            4 => Literal::Uuid(uuid::Uuid::from_u64_pair(number as u64, !number as u64)),
            5 => Literal::Hex(format!("{number:x}").into()),
            _ => Literal::Duration(format!("{}d{}s", number & 0xffff, number & 0xff).into()),
        };
        match literal_to_bytes(&literal, &sample.value_type, "c") {
            Ok(Some(bytes)) => validate(&sample.value_type, &bytes) == Ok(()),
            Ok(None) => literal == Literal::Null,
            Err(error) => !error.0.is_empty(),
        }
    }
    check(law as fn((u8, i64, String), Sample) -> bool);
}

#[test]
fn nothing_panics_on_garbage_and_what_is_valid_has_text() {
    fn law(Garbage(sample): Garbage) -> bool {
        sample.values.iter().all(|value| {
            let valid = validate(&sample.value_type, value).is_ok();
            let canonical = canonicalise(&sample.value_type, value);
            let literal = to_literal(&sample.value_type, value);
            let json = to_json(&sample.value_type, value);
            let _ = collection::elements(value).map(|parts| parts.count());
            let _ = collection::fields(value).count();
            let _ = parse_term(&String::from_utf8_lossy(value)).map(|term| {
                let _: Term = term.clone();
                term_to_bytes(&term, "c", &sample.value_type)
            });
            valid == literal.is_ok() && valid == json.is_ok() && (!valid || canonical.is_ok())
        })
    }
    check(law as fn(Garbage) -> bool);
}
