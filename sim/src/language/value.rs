//! Values of generated programs: as they are written, and their bytes on the wire. They come from small domains, so that keys meet,
//! values tie and filters hit.

use super::kind::{Kind, Native, user_fields};
use super::order;
use rand::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// Of a native type.
    Native {
        /// As a literal.
        text: String,
        /// On the wire.
        bytes: Vec<u8>,
    },
    /// Elements in order.
    List(Vec<Value>),
    /// Elements as they were written, each once.
    Set(Vec<Value>),
    /// Entries as they were written, each key once.
    Map(Vec<(Value, Value)>),
    /// Components, some of them null.
    Tuple(Vec<Option<Value>>),
    /// Fields of `u`, some of them left out.
    User(Vec<Option<Value>>),
}

/// What stands where a value may stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Term {
    /// A value.
    Value(Value),
    /// `null`
    Null,
    /// Nothing is bound. Only in requests that bind.
    Unset,
    /// No bytes are bound. Only in requests that bind.
    Empty,
}

impl Term {
    /// As it is written: what is not a literal is in the notation of conformance files.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Term::Value(value) => value.text(),
            Term::Null => "null".to_owned(),
            Term::Unset => "unset".to_owned(),
            Term::Empty => "(empty)".to_owned(),
        }
    }
}

impl Value {
    /// A whole number.
    #[must_use]
    pub fn number(native: Native, number: i64) -> Value {
        Value::Native { text: number.to_string(), bytes: number_bytes(native, number) }
    }

    /// A value of this type.
    pub fn of(kind: &Kind, random: &mut impl Rng) -> Value {
        let many = |inner: &Kind, random: &mut _| {
            let count = Rng::random_range(random, 0..4);
            (0..count).map(|_| Value::of(inner, random)).collect::<Vec<Value>>()
        };
        match kind {
            Kind::Native(native) => native_value(*native, random),
            Kind::List(inner) => Value::List(many(inner, random)),
            Kind::Set(inner) => Value::Set(each_once(many(inner, random))),
            Kind::Map(key, value) => {
                // Which of two values of one key counts is a matter of chance in Cassandra: keys are given once.
                let keys = each_once(many(key, random));
                Value::Map(keys.into_iter().map(|key| (key, Value::of(value, random))).collect())
            }
            Kind::Tuple(parts) => Value::Tuple(
                parts.iter().map(|part| (!random.random_ratio(1, 10)).then(|| Value::of(part, random))).collect(),
            ),
            Kind::User => {
                let [(_, a), (_, b), _] = user_fields();
                let a = random.random_ratio(4, 5).then(|| Value::of(&a, random));
                let b = random.random_ratio(4, 5).then(|| Value::of(&b, random));
                let neither = a.is_none() && b.is_none();
                let c = (neither || random.random_ratio(1, 3))
                    .then(|| Value::List(vec![native_value(Native::Int, random)]));
                Value::User(vec![a, b, c])
            }
            Kind::Frozen(inner) => Value::of(inner, random),
        }
    }

    /// As a literal.
    #[must_use]
    pub fn text(&self) -> String {
        let join = |parts: &[Value]| parts.iter().map(Value::text).collect::<Vec<_>>().join(", ");
        match self {
            Value::Native { text, .. } => text.clone(),
            Value::List(parts) => format!("[{}]", join(parts)),
            Value::Set(parts) => format!("{{{}}}", join(parts)),
            Value::Map(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{}: {}", key.text(), value.text())).collect();
                format!("{{{}}}", entries.join(", "))
            }
            Value::Tuple(parts) => {
                let parts: Vec<String> =
                    parts.iter().map(|part| part.as_ref().map_or("null".to_owned(), Value::text)).collect();
                format!("({})", parts.join(", "))
            }
            Value::User(fields) => {
                let given = user_fields().into_iter().zip(fields);
                let given = given.filter_map(|((name, _), value)| Some(format!("{name}: {}", value.as_ref()?.text())));
                format!("{{{}}}", given.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// On the wire: sets and maps in the order of their type, as servers answer them.
    #[must_use]
    pub fn bytes(&self, kind: &Kind) -> Vec<u8> {
        match (self, kind.thawed()) {
            (Value::Native { bytes, .. }, _) => bytes.clone(),
            (Value::List(parts), Kind::List(inner)) => {
                collection(parts.len(), parts.iter().map(|part| part.bytes(inner)))
            }
            (Value::Set(parts), Kind::Set(inner)) => {
                let mut parts: Vec<Vec<u8>> = parts.iter().map(|part| part.bytes(inner)).collect();
                parts.sort_by(|left, right| order::compare(inner, left, right));
                collection(parts.len(), parts.into_iter())
            }
            (Value::Map(entries), Kind::Map(key_kind, value_kind)) => {
                let mut entries: Vec<(Vec<u8>, Vec<u8>)> =
                    entries.iter().map(|(key, value)| (key.bytes(key_kind), value.bytes(value_kind))).collect();
                entries.sort_by(|(left, _), (right, _)| order::compare(key_kind, left, right));
                collection(entries.len(), entries.into_iter().flat_map(|(key, value)| [key, value]))
            }
            (Value::Tuple(parts), Kind::Tuple(kinds)) => {
                components(parts.iter().zip(kinds).map(|(part, kind)| part.as_ref().map(|part| part.bytes(kind))))
            }
            (Value::User(parts), _) => {
                let fields = parts.iter().zip(user_fields());
                components(fields.map(|(part, (_, kind))| part.as_ref().map(|part| part.bytes(&kind))))
            }
            (value, kind) => unreachable!("{value:?} is no {}", kind.text()),
        }
    }
}

/// A collection on the wire: how many, then each with its length.
#[must_use]
pub fn collection(count: usize, parts: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut bytes = (count as i32).to_be_bytes().to_vec();
    bytes.extend(components(parts.map(Some)));
    bytes
}

/// Components of a tuple or a user type on the wire; null has length -1.
#[must_use]
pub fn components(parts: impl Iterator<Item = Option<Vec<u8>>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        let length = part.as_ref().map_or(-1, |part| part.len() as i32);
        bytes.extend(length.to_be_bytes());
        bytes.extend(part.unwrap_or_default());
    }
    bytes
}

fn each_once(mut parts: Vec<Value>) -> Vec<Value> {
    let mut seen: Vec<Value> = Vec::new();
    parts.retain(|part| {
        let is_new = !seen.contains(part);
        seen.push(part.clone());
        is_new
    });
    parts
}

/// A whole number on the wire.
#[must_use]
pub fn number_bytes(native: Native, number: i64) -> Vec<u8> {
    match native {
        Native::Tinyint => vec![number as u8],
        Native::Smallint => (number as i16).to_be_bytes().to_vec(),
        Native::Int => (number as i32).to_be_bytes().to_vec(),
        Native::Varint => shortest(number),
        _ => number.to_be_bytes().to_vec(),
    }
}

/// A number in two's complement, in as few bytes as it takes.
#[must_use]
pub fn shortest(number: i64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let is_spare =
        |at: usize| bytes[at] == if number < 0 { 0xff } else { 0 } && (bytes[at + 1] ^ bytes[at]) & 0x80 == 0;
    let first = (0..7).find(|at| !is_spare(*at)).unwrap_or(7);
    bytes[first..].to_vec()
}

fn native_value(native: Native, random: &mut impl Rng) -> Value {
    let (text, bytes) = domain(native).choose(random).cloned().expect("there are some");
    Value::Native { text: text.to_owned(), bytes }
}

/// The values of a native type that programs use.
fn domain(native: Native) -> Vec<(&'static str, Vec<u8>)> {
    let numbers = |numbers: &[(&'static str, i64)]| {
        numbers.iter().map(|(text, number)| (*text, number_bytes(native, *number))).collect()
    };
    match native {
        Native::Int | Native::Bigint | Native::Smallint | Native::Varint | Native::Counter => {
            numbers(&[("0", 0), ("1", 1), ("2", 2), ("3", 3), ("-1", -1), ("300", 300)])
        }
        Native::Tinyint => numbers(&[("0", 0), ("1", 1), ("2", 2), ("-1", -1), ("-128", -128)]),
        Native::Text => ["'a'", "'b'", "'c'", "''", "'ab'", "'é'"]
            .into_iter()
            .map(|text| (text, text.trim_matches('\'').as_bytes().to_vec()))
            .collect(),
        Native::Boolean => vec![("true", vec![1]), ("false", vec![0])],
        Native::Uuid => [
            "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "50554d6e-29bb-11e5-b345-feff819cdc9f",
            "60554d6e-29ba-11e5-b345-feff819cdc9f",
            "00000000-0000-0000-0000-000000000000",
        ]
        .into_iter()
        .map(|text| (text, hexadecimal(text)))
        .collect(),
        Native::Timeuuid => [
            "50554d6e-29bb-11e5-b345-feff819cdc9f",
            "60554d6e-29ba-11e5-b345-feff819cdc9f",
            "50554d6e-29bb-11e5-8345-7eff819cdc9f",
        ]
        .into_iter()
        .map(|text| (text, hexadecimal(text)))
        .collect(),
        Native::Blob => {
            ["0x", "0x00", "0x01", "0xff", "0x0100"].into_iter().map(|text| (text, hexadecimal(&text[2..]))).collect()
        }
        // Days since 1970, shifted by half the range.
        Native::Date => [("'1970-01-01'", 0), ("'2024-02-29'", 19_782), ("'1969-12-31'", -1)]
            .into_iter()
            .map(|(text, days): (_, i32)| (text, ((days as u32) ^ (1 << 31)).to_be_bytes().to_vec()))
            .collect(),
        Native::Time => numbers(&[
            ("'00:00:00'", 0),
            ("'12:34:56.789'", 45_296_789_000_000),
            ("'23:59:59.999999999'", 86_399_999_999_999),
        ]),
        Native::Timestamp => numbers(&[("0", 0), ("'2024-02-29 12:34:56+0000'", 1_709_210_096_000), ("-1", -1)]),
        Native::Inet => vec![
            ("'127.0.0.1'", vec![127, 0, 0, 1]),
            ("'10.0.0.1'", vec![10, 0, 0, 1]),
            ("'::1'", vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            ("'255.0.0.1'", vec![255, 0, 0, 1]),
        ],
        Native::Double => FLOATS.iter().map(|(text, number)| (*text, number.to_be_bytes().to_vec())).collect(),
        Native::Float => FLOATS.iter().map(|(text, number)| (*text, (*number as f32).to_be_bytes().to_vec())).collect(),
        // The scale, then the unscaled number.
        Native::Decimal => [("0", 0, 0), ("1.5", 1, 15), ("-1.5", 1, -15), ("1e3", -3, 1), ("1.50", 2, 150)]
            .into_iter()
            .map(|(text, scale, unscaled): (_, i32, i64)| {
                (text, [&scale.to_be_bytes()[..], &shortest(unscaled)].concat())
            })
            .collect(),
        // Months, days and nanoseconds, each zigzag in a variable length.
        Native::Duration => vec![
            ("1d", vec![0, 2, 0]),
            ("2h", vec![0, 0, 0xfc, 0x0d, 0x18, 0xc2, 0xe2, 0x80, 0x00]),
            ("1mo", vec![2, 0, 0]),
            ("-1d", vec![0, 1, 0]),
        ],
    }
}

const FLOATS: [(&str, f64); 7] = [
    ("0.0", 0.0),
    ("1.5", 1.5),
    ("-1.5", -1.5),
    ("1e10", 1e10),
    ("NaN", f64::NAN),
    ("-0.0", -0.0),
    ("Infinity", f64::INFINITY),
];

/// The bytes of hexadecimal digits; dashes are left out.
fn hexadecimal(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}
