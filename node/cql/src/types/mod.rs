//! CQL's types: what a value's bytes must look like, how values compare, how literals become bytes and bytes become text.
//! One file per question; a type that is missing in one of them does not compile.

mod arithmetic;
mod calendar;
mod canonical;
mod cast;
pub mod collection;
mod compare;
mod decimal;
mod duration;
mod error;
mod floor;
mod format;
mod json;
mod json_value;
mod literal;
mod math;
mod number;
mod resolve;
mod term;
mod validate;
pub mod vector;
mod vint;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod samples;

pub use arithmetic::{arithmetic_type, compute, negate};
pub use canonical::canonicalise;
pub use cast::{cast, is_castable};
pub use compare::{compare, is_byte_ordered};
pub use decimal::is_exact_double;
pub use duration::Duration;
pub use error::{InvalidType, InvalidValue};
pub use floor::floor;
pub use format::{json_field_name, to_json, to_literal};
pub use json::Json;
pub use json_value::{json_name, json_to_bytes};
pub use literal::{literal_fits, literal_to_bytes};
pub use math::MathFunction;
pub use number::is_numeric;
pub use resolve::resolve;
pub use term::{term_to_bytes, term_to_bytes_with};
pub use validate::validate;

use crate::ast::write_name;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A CQL data type, user types resolved. In normal form, which `resolve` and the parser of type texts produce: everything
/// inside `Frozen` is frozen; tuples are always frozen and never wrapped in `Frozen`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CqlType {
    /// 7-bit text.
    Ascii,
    /// 8-byte signed integer.
    BigInt,
    /// Bytes.
    Blob,
    /// One byte.
    Boolean,
    /// 8-byte signed integer that is only added to.
    Counter,
    /// Unbounded decimal: 4-byte scale, then a varint.
    Decimal,
    /// 8-byte IEEE 754.
    Double,
    /// 4-byte IEEE 754.
    Float,
    /// 4-byte signed integer.
    Int,
    /// Milliseconds since 1970, 8 bytes signed.
    Timestamp,
    /// 16 bytes, any version.
    Uuid,
    /// UTF-8 text; `varchar` is the same.
    Text,
    /// Unbounded integer, two's complement, shortest form.
    Varint,
    /// 16 bytes, version 1.
    TimeUuid,
    /// 4 or 16 bytes.
    Inet,
    /// Days, 4 bytes unsigned, 1970-01-01 is 2^31.
    Date,
    /// Nanoseconds since midnight, 8 bytes.
    Time,
    /// 2-byte signed integer.
    SmallInt,
    /// 1-byte signed integer.
    TinyInt,
    /// Months, days and nanoseconds as signed variable-length integers.
    Duration,
    /// `list<...>`
    List(Box<CqlType>),
    /// `set<...>`
    Set(Box<CqlType>),
    /// `map<..., ...>`
    Map(Box<CqlType>, Box<CqlType>),
    /// A collection or user type that is stored and compared as one value.
    Frozen(Box<CqlType>),
    /// `tuple<...>`; always frozen
    Tuple(Vec<CqlType>),
    /// A user-defined type.
    UserType(Arc<UserType>),
    /// `vector<..., n>`
    Vector(Box<CqlType>, u32),
    /// A Java class we know only by name; its values are bytes.
    Custom(String),
}

/// A user-defined type with its fields, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserType {
    /// The keyspace it belongs to.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// Names and types of its fields.
    pub fields: Vec<(String, CqlType)>,
}

macro_rules! native_types {
    ($($variant:ident $text:literal,)*) => {
        /// A built-in scalar type.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // the variants are the types; see `CqlType`
        pub enum NativeType { $($variant,)* }

        impl NativeType {
            /// All of them.
            pub const ALL: &'static [NativeType] = &[$(NativeType::$variant,)*];

            /// Its name in CQL.
            pub fn text(self) -> &'static str {
                match self { $(NativeType::$variant => $text,)* }
            }
        }

        impl From<NativeType> for CqlType {
            fn from(native: NativeType) -> CqlType {
                match native { $(NativeType::$variant => CqlType::$variant,)* }
            }
        }

        impl CqlType {
            /// The scalar type that this is.
            pub fn native(&self) -> Option<NativeType> {
                match self { $(CqlType::$variant => Some(NativeType::$variant),)* _ => None }
            }
        }
    };
}

native_types! {
    Ascii "ascii",
    BigInt "bigint",
    Blob "blob",
    Boolean "boolean",
    Counter "counter",
    Decimal "decimal",
    Double "double",
    Float "float",
    Int "int",
    Timestamp "timestamp",
    Uuid "uuid",
    Text "text",
    Varint "varint",
    TimeUuid "timeuuid",
    Inet "inet",
    Date "date",
    Time "time",
    SmallInt "smallint",
    TinyInt "tinyint",
    Duration "duration",
}

impl CqlType {
    /// The type inside `Frozen`, or itself.
    pub fn unfrozen(&self) -> &CqlType {
        match self {
            CqlType::Frozen(inner) => inner,
            other => other,
        }
    }

    /// Whether it is stored as several cells: a collection or user type that is not frozen.
    pub fn is_multi_cell(&self) -> bool {
        matches!(self, CqlType::List(_) | CqlType::Set(_) | CqlType::Map(..) | CqlType::UserType(_))
    }

    /// Whether it is a list, set or map, frozen or not.
    pub fn is_collection(&self) -> bool {
        matches!(self.unfrozen(), CqlType::List(_) | CqlType::Set(_) | CqlType::Map(..))
    }

    /// The type with everything in it frozen.
    pub fn freeze(self) -> CqlType {
        let freeze_box = |inner: Box<CqlType>| Box::new(inner.freeze());
        match self {
            CqlType::List(element) => CqlType::Frozen(Box::new(CqlType::List(freeze_box(element)))),
            CqlType::Set(element) => CqlType::Frozen(Box::new(CqlType::Set(freeze_box(element)))),
            CqlType::Map(key, value) => CqlType::Frozen(Box::new(CqlType::Map(freeze_box(key), freeze_box(value)))),
            CqlType::UserType(_) => CqlType::Frozen(Box::new(self)),
            CqlType::Frozen(inner) => inner.freeze(),
            CqlType::Tuple(types) => CqlType::Tuple(types.into_iter().map(CqlType::freeze).collect()),
            CqlType::Vector(element, dimension) => CqlType::Vector(freeze_box(element), dimension),
            scalar => scalar,
        }
    }
}

/// As CQL text, in the form of `system_schema.columns.type`.
impl fmt::Display for CqlType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CqlType::List(element) => write!(out, "list<{element}>"),
            CqlType::Set(element) => write!(out, "set<{element}>"),
            CqlType::Map(key, value) => write!(out, "map<{key}, {value}>"),
            CqlType::Frozen(inner) => write!(out, "frozen<{inner}>"),
            CqlType::Tuple(types) => {
                out.write_str("frozen<tuple<")?;
                for (index, element) in types.iter().enumerate() {
                    write!(out, "{}{element}", if index > 0 { ", " } else { "" })?;
                }
                out.write_str(">>")
            }
            CqlType::UserType(user) => write_name(&user.name, out),
            CqlType::Vector(element, dimension) => write!(out, "vector<{element}, {dimension}>"),
            CqlType::Custom(class) => write!(out, "'{}'", class.replace('\'', "''")),
            scalar => out.write_str(scalar.native().map_or("", NativeType::text)),
        }
    }
}
