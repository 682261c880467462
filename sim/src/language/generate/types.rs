//! Types of generated columns.

use crate::language::kind::{Kind, Native};
use rand::Rng;
use rand::seq::IndexedRandom;

/// Types of keys: decimals are left out, whose scale does not survive in Trefoil's clustering keys (a difference on purpose).
const KEYS: [Native; 14] = [
    Native::Int,
    Native::Text,
    Native::Bigint,
    Native::Boolean,
    Native::Uuid,
    Native::Timeuuid,
    Native::Blob,
    Native::Date,
    Native::Timestamp,
    Native::Tinyint,
    Native::Varint,
    Native::Inet,
    Native::Double,
    Native::Time,
];

const VALUES: [Native; 10] = [
    Native::Int,
    Native::Text,
    Native::Bigint,
    Native::Double,
    Native::Decimal,
    Native::Boolean,
    Native::Smallint,
    Native::Float,
    Native::Varint,
    Native::Duration,
];

fn one_of(natives: &[Native], random: &mut impl Rng) -> Kind {
    Kind::Native(*natives.choose(random).expect("there are some"))
}

/// A type of a key column.
pub(super) fn of_key(random: &mut impl Rng) -> Kind {
    match random.random_range(0..10) {
        0 => Kind::Frozen(Box::new(Kind::Set(Box::new(Kind::Native(Native::Int))))),
        1 => Kind::Tuple(vec![Kind::Native(Native::Int), Kind::Native(Native::Text)]),
        2..=5 => one_of(&[Native::Int, Native::Text], random),
        _ => one_of(&KEYS, random),
    }
}

/// A type of another column.
pub(super) fn of_value(random: &mut impl Rng) -> Kind {
    let native = |random: &mut _| Box::new(one_of(&KEYS, random));
    match random.random_range(0..14) {
        0 => Kind::List(native(random)),
        1 => Kind::Set(native(random)),
        2 => Kind::Map(native(random), native(random)),
        3 => Kind::User,
        4 => Kind::Frozen(Box::new(Kind::User)),
        5 => Kind::Frozen(Box::new(Kind::Map(native(random), native(random)))),
        6 => Kind::Tuple(vec![*native(random), *native(random)]),
        7 => Kind::Frozen(Box::new(Kind::List(native(random)))),
        8..=10 => Kind::Native(Native::Int),
        _ => one_of(&VALUES, random),
    }
}
