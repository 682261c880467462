//! Random types and values for the laws of this module: mostly valid, with a taste for edges, and sometimes garbage.

use super::collection::{join_elements, join_fields, join_map, join_set};
use super::duration::Duration;
use super::vector::join_vector;
use super::{CqlType, NativeType, UserType};
use quickcheck::{Arbitrary, Gen};
use std::sync::Arc;

/// How deep types nest.
const DEPTH: usize = 3;

/// A type and some of its values.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) value_type: CqlType,
    pub(super) values: [Vec<u8>; 3],
}

/// The same with values that may be anything.
#[derive(Clone, Debug)]
pub(super) struct Garbage(pub(super) Sample);

/// A type by its name; `u` is a user type with the fields `a` and `B`.
pub(super) fn type_of(text: &str) -> CqlType {
    CqlType::parse(text, "ks", |name| {
        let fields = vec![("a".into(), CqlType::Int), ("B".into(), CqlType::Text)];
        (name == "u").then(|| Arc::new(UserType { keyspace: "ks".into(), name: "u".into(), fields }))
    })
    .unwrap_or_else(|error| panic!("{text}: {error}"))
}

impl Arbitrary for Sample {
    fn arbitrary(random: &mut Gen) -> Sample {
        let value_type = any_type(random, DEPTH);
        let values = std::array::from_fn(|_| value(&value_type, random));
        Sample { value_type, values }
    }
}

impl Arbitrary for Garbage {
    fn arbitrary(random: &mut Gen) -> Garbage {
        let mut sample = Sample::arbitrary(random);
        for value in &mut sample.values {
            match below(random, 4) {
                0 => *value = bytes(random, 40),
                1 => value.truncate(below(random, value.len() + 1)),
                2 if !value.is_empty() => {
                    let place = below(random, value.len());
                    value[place] = u8::arbitrary(random);
                }
                _ => {}
            }
        }
        Garbage(sample)
    }
}

fn below(random: &mut Gen, limit: usize) -> usize {
    usize::arbitrary(random) % limit.max(1)
}

fn bytes(random: &mut Gen, length_max: usize) -> Vec<u8> {
    (0..below(random, length_max + 1)).map(|_| u8::arbitrary(random)).collect()
}

fn any_type(random: &mut Gen, depth: usize) -> CqlType {
    let native = |random: &mut Gen| match CqlType::from(NativeType::ALL[below(random, NativeType::ALL.len())]) {
        // Counters cannot be inside anything.
        CqlType::Counter if depth < DEPTH => CqlType::BigInt,
        native => native,
    };
    if depth == 0 {
        return native(random);
    }
    let nested = |random: &mut Gen| Box::new(any_type(random, depth - 1));
    match below(random, 20) {
        0 => CqlType::List(nested(random)),
        1 => CqlType::Set(nested(random)),
        2 => CqlType::Map(nested(random), nested(random)),
        3 => CqlType::Frozen(Box::new(CqlType::Set(nested(random)))),
        4 => CqlType::Tuple((0..1 + below(random, 3)).map(|_| any_type(random, depth - 1)).collect()),
        5 => {
            let fields = (0..1 + below(random, 3)).map(|index| (format!("f{index}"), any_type(random, depth - 1)));
            CqlType::UserType(Arc::new(UserType { keyspace: "ks".into(), name: "u".into(), fields: fields.collect() }))
        }
        6 => CqlType::Vector(nested(random), 1 + below(random, 3) as u32),
        _ => native(random),
    }
}

/// A valid value that is not empty, unless nothing has content.
fn value(value_type: &CqlType, random: &mut Gen) -> Vec<u8> {
    macro_rules! number {
        ($number:ty) => {{
            let any = <$number>::arbitrary(random);
            let edges = [<$number>::MIN, -1i8 as $number, 0i8 as $number, 1i8 as $number, <$number>::MAX, any];
            edges[below(random, edges.len())]
        }};
    }
    match value_type {
        CqlType::Ascii => bytes(random, 3).into_iter().map(|byte| byte & 0x7f).collect(),
        CqlType::Text => {
            random.choose(&["", "a", "A", "aa", "é", "'", "\"", "\u{10ffff}"]).expect("not empty").as_bytes().to_vec()
        }
        CqlType::Blob | CqlType::Custom(_) => bytes(random, 3),
        CqlType::Boolean => vec![u8::from(bool::arbitrary(random))],
        CqlType::TinyInt => number!(i8).to_be_bytes().to_vec(),
        CqlType::SmallInt => number!(i16).to_be_bytes().to_vec(),
        CqlType::Int => number!(i32).to_be_bytes().to_vec(),
        CqlType::BigInt | CqlType::Counter | CqlType::Timestamp => number!(i64).to_be_bytes().to_vec(),
        CqlType::Float => number!(f32).to_be_bytes().to_vec(),
        CqlType::Double => number!(f64).to_be_bytes().to_vec(),
        CqlType::Date => number!(i32).to_be_bytes().to_vec(),
        CqlType::Time => (number!(i64).rem_euclid(86_400_000_000_000)).to_be_bytes().to_vec(),
        CqlType::Varint => [vec![*random.choose(&[0, 0xff, 1, 0x80]).expect("not empty")], bytes(random, 10)].concat(),
        CqlType::Decimal => {
            let scale = *random.choose(&[0, 1, 2, -1, 30, i32::MIN, i32::MAX]).expect("not empty");
            [scale.to_be_bytes().to_vec(), vec![u8::arbitrary(random)], bytes(random, 10)].concat()
        }
        CqlType::Uuid | CqlType::TimeUuid => {
            let mut uuid = [0; 16];
            uuid.iter_mut().for_each(|byte| *byte = *random.choose(&[0, 1, 0x7f, 0x80, 0xff]).expect("not empty"));
            let version =
                if *value_type == CqlType::TimeUuid { 1 } else { *random.choose(&[1, 1, 4]).expect("not empty") };
            uuid[6] = uuid[6] & 0x0f | version << 4;
            uuid.to_vec()
        }
        CqlType::Inet => {
            let length = if bool::arbitrary(random) { 4 } else { 16 };
            (0..length).map(|_| u8::arbitrary(random) | 1).collect()
        }
        CqlType::Duration => {
            let sign = if bool::arbitrary(random) { 1 } else { -1 };
            let part = |random: &mut Gen| i32::arbitrary(random).saturating_abs() * sign;
            Duration { months: part(random), days: part(random), nanoseconds: part(random).into() }.to_bytes()
        }
        CqlType::Frozen(inner) => value(inner, random),
        CqlType::List(element) => join_elements(&some(element, random)),
        CqlType::Set(element) => join_set(element, some(element, random)),
        CqlType::Map(key, mapped) => {
            let entries = (0..below(random, 3)).map(|_| (value(key, random), value(mapped, random)));
            join_map(key, entries.collect())
        }
        CqlType::Tuple(types) => join_fields(&types.iter().map(|inner| optional(inner, random)).collect::<Vec<_>>()),
        CqlType::UserType(user) => {
            join_fields(&user.fields.iter().map(|(_, inner)| optional(inner, random)).collect::<Vec<_>>())
        }
        CqlType::Vector(element, dimension) => {
            let parts: Vec<Vec<u8>> = (0..*dimension).map(|_| value(element, random)).collect();
            join_vector(element, &parts).expect("values have their sizes")
        }
    }
}

fn some(element: &CqlType, random: &mut Gen) -> Vec<Vec<u8>> {
    (0..below(random, 4)).map(|_| value(element, random)).collect()
}

fn optional(inner: &CqlType, random: &mut Gen) -> Option<Vec<u8>> {
    bool::arbitrary(random).then(|| value(inner, random))
}
