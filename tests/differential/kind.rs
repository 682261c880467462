//! Types and values of generated programs. Values come from small domains, so that keys meet, values tie and filters hit.

use rand::Rng;
use rand::seq::IndexedRandom;

/// A column's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A native type by its name.
    Native(&'static str),
    /// `list<...>`
    List(Box<Kind>),
    /// `set<...>`
    Set(Box<Kind>),
    /// `map<..., ...>`
    Map(Box<Kind>, Box<Kind>),
    /// `tuple<...>`
    Tuple(Vec<Kind>),
    /// The user type `u`, which has the fields `a int`, `b text` and `c frozen<list<int>>`.
    User,
    /// `frozen<...>`
    Frozen(Box<Kind>),
}

/// Types of keys: decimals are left out, whose scale does not survive in Trefoil's clustering keys (a difference on purpose).
const KEYS: [&str; 14] = [
    "int",
    "text",
    "bigint",
    "boolean",
    "uuid",
    "timeuuid",
    "blob",
    "date",
    "timestamp",
    "tinyint",
    "varint",
    "inet",
    "double",
    "time",
];
const VALUES: [&str; 10] =
    ["int", "text", "bigint", "double", "decimal", "boolean", "smallint", "float", "varint", "duration"];

impl Kind {
    /// A type of a key column.
    pub fn of_key(random: &mut impl Rng) -> Kind {
        match random.random_range(0..10) {
            0 => Kind::Frozen(Box::new(Kind::Set(Box::new(Kind::Native("int"))))),
            1 => Kind::Tuple(vec![Kind::Native("int"), Kind::Native("text")]),
            2..=5 => Kind::Native(["int", "text"][random.random_range(0..2)]),
            _ => Kind::Native(KEYS.choose(random).expect("there are some")),
        }
    }

    /// A type of another column.
    pub fn of_value(random: &mut impl Rng) -> Kind {
        let native = |random: &mut _| Kind::Native(KEYS.choose(random).expect("there are some"));
        match random.random_range(0..14) {
            0 => Kind::List(Box::new(native(random))),
            1 => Kind::Set(Box::new(native(random))),
            2 => Kind::Map(Box::new(native(random)), Box::new(native(random))),
            3 => Kind::User,
            4 => Kind::Frozen(Box::new(Kind::User)),
            5 => Kind::Frozen(Box::new(Kind::Map(Box::new(native(random)), Box::new(native(random))))),
            6 => Kind::Tuple(vec![native(random), native(random)]),
            7 => Kind::Frozen(Box::new(Kind::List(Box::new(native(random))))),
            8..=10 => Kind::Native("int"),
            _ => Kind::Native(VALUES.choose(random).expect("there are some")),
        }
    }

    /// As it stands in a definition.
    pub fn text(&self) -> String {
        match self {
            Kind::Native(name) => (*name).to_owned(),
            Kind::List(inner) => format!("list<{}>", inner.text()),
            Kind::Set(inner) => format!("set<{}>", inner.text()),
            Kind::Map(key, value) => format!("map<{}, {}>", key.text(), value.text()),
            Kind::Tuple(parts) => format!("tuple<{}>", parts.iter().map(Kind::text).collect::<Vec<_>>().join(", ")),
            Kind::User => "u".to_owned(),
            Kind::Frozen(inner) => format!("frozen<{}>", inner.text()),
        }
    }

    /// Whether it is a collection that is not frozen.
    pub fn is_multi_cell(&self) -> bool {
        matches!(self, Kind::List(_) | Kind::Set(_) | Kind::Map(..) | Kind::User)
    }

    /// Whether values can be compared by `<`.
    pub fn is_ordered(&self) -> bool {
        !matches!(self, Kind::Native("duration"))
    }

    /// A literal of it.
    pub fn literal(&self, random: &mut impl Rng) -> String {
        let many = |inner: &Kind, random: &mut _| {
            let count = Rng::random_range(random, 0..4);
            (0..count).map(|_| inner.literal(random)).collect::<Vec<_>>()
        };
        match self {
            Kind::Native(name) => native_literal(name, random),
            Kind::List(inner) => format!("[{}]", many(inner, random).join(", ")),
            Kind::Set(inner) => {
                let mut parts = many(inner, random);
                dedup(&mut parts);
                format!("{{{}}}", parts.join(", "))
            }
            Kind::Map(key, value) => {
                // Which of two values of one key counts is a matter of chance in Cassandra: keys are given once.
                let mut keys = many(key, random);
                dedup(&mut keys);
                let entries: Vec<String> =
                    keys.into_iter().map(|key| format!("{key}: {}", value.literal(random))).collect();
                format!("{{{}}}", entries.join(", "))
            }
            Kind::Tuple(parts) => {
                let parts: Vec<String> = parts
                    .iter()
                    .map(|part| if random.random_ratio(1, 10) { "null".to_owned() } else { part.literal(random) })
                    .collect();
                format!("({})", parts.join(", "))
            }
            Kind::User => {
                let mut fields = Vec::new();
                if random.random_ratio(4, 5) {
                    fields.push(format!("a: {}", native_literal("int", random)));
                }
                if random.random_ratio(4, 5) {
                    fields.push(format!("b: {}", native_literal("text", random)));
                }
                if fields.is_empty() || random.random_ratio(1, 3) {
                    fields.push(format!("c: [{}]", native_literal("int", random)));
                }
                format!("{{{}}}", fields.join(", "))
            }
            Kind::Frozen(inner) => inner.literal(random),
        }
    }
}

fn dedup(parts: &mut Vec<String>) {
    let mut seen: Vec<String> = Vec::new();
    parts.retain(|part| {
        let is_new = !seen.contains(part);
        seen.push(part.clone());
        is_new
    });
}

fn native_literal(name: &str, random: &mut impl Rng) -> String {
    let domain: &[&str] = match name {
        "int" | "bigint" | "smallint" | "varint" => &["0", "1", "2", "3", "-1", "300"],
        "tinyint" => &["0", "1", "2", "-1", "-128"],
        "text" => &["'a'", "'b'", "'c'", "''", "'ab'", "'é'"],
        "boolean" => &["true", "false"],
        "uuid" => &[
            "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "50554d6e-29bb-11e5-b345-feff819cdc9f",
            "60554d6e-29ba-11e5-b345-feff819cdc9f",
            "00000000-0000-0000-0000-000000000000",
        ],
        "timeuuid" => &[
            "50554d6e-29bb-11e5-b345-feff819cdc9f",
            "60554d6e-29ba-11e5-b345-feff819cdc9f",
            "50554d6e-29bb-11e5-8345-7eff819cdc9f",
        ],
        "blob" => &["0x", "0x00", "0x01", "0xff", "0x0100"],
        "date" => &["'1970-01-01'", "'2024-02-29'", "'1969-12-31'"],
        "time" => &["'00:00:00'", "'12:34:56.789'", "'23:59:59.999999999'"],
        "timestamp" => &["0", "'2024-02-29 12:34:56+0000'", "-1"],
        "inet" => &["'127.0.0.1'", "'10.0.0.1'", "'::1'", "'255.0.0.1'"],
        "double" | "float" => &["0.0", "1.5", "-1.5", "1e10", "NaN", "-0.0", "Infinity"],
        "decimal" => &["0", "1.5", "-1.5", "1e3", "1.50"],
        "duration" => &["1d", "2h", "1mo", "-1d"],
        _ => &["null"],
    };
    (*domain.choose(random).expect("there are some")).to_owned()
}
