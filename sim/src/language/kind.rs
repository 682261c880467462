//! Types of columns in generated programs.

use serde::{Deserialize, Serialize};

/// A native type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Native {
    /// `int`
    Int,
    /// `text`
    Text,
    /// `bigint`
    Bigint,
    /// `boolean`
    Boolean,
    /// `uuid`
    Uuid,
    /// `timeuuid`
    Timeuuid,
    /// `blob`
    Blob,
    /// `date`
    Date,
    /// `timestamp`
    Timestamp,
    /// `tinyint`
    Tinyint,
    /// `smallint`
    Smallint,
    /// `varint`
    Varint,
    /// `inet`
    Inet,
    /// `double`
    Double,
    /// `float`
    Float,
    /// `time`
    Time,
    /// `decimal`
    Decimal,
    /// `duration`
    Duration,
    /// `counter`
    Counter,
}

/// A column's type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A native type.
    Native(Native),
    /// `list<...>`
    List(Box<Kind>),
    /// `set<...>`
    Set(Box<Kind>),
    /// `map<..., ...>`
    Map(Box<Kind>, Box<Kind>),
    /// `tuple<...>`
    Tuple(Vec<Kind>),
    /// The user type `u`; its fields are `user_fields`.
    User,
    /// `frozen<...>`
    Frozen(Box<Kind>),
}

/// The fields of the user type `u`.
#[must_use]
pub fn user_fields() -> [(&'static str, Kind); 3] {
    let list = Kind::List(Box::new(Kind::Native(Native::Int)));
    [("a", Kind::Native(Native::Int)), ("b", Kind::Native(Native::Text)), ("c", Kind::Frozen(Box::new(list)))]
}

impl Native {
    /// Its name in a definition.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Native::Int => "int",
            Native::Text => "text",
            Native::Bigint => "bigint",
            Native::Boolean => "boolean",
            Native::Uuid => "uuid",
            Native::Timeuuid => "timeuuid",
            Native::Blob => "blob",
            Native::Date => "date",
            Native::Timestamp => "timestamp",
            Native::Tinyint => "tinyint",
            Native::Smallint => "smallint",
            Native::Varint => "varint",
            Native::Inet => "inet",
            Native::Double => "double",
            Native::Float => "float",
            Native::Time => "time",
            Native::Decimal => "decimal",
            Native::Duration => "duration",
            Native::Counter => "counter",
        }
    }
}

impl Kind {
    /// As it stands in a definition.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Kind::Native(native) => native.name().to_owned(),
            Kind::List(inner) => format!("list<{}>", inner.text()),
            Kind::Set(inner) => format!("set<{}>", inner.text()),
            Kind::Map(key, value) => format!("map<{}, {}>", key.text(), value.text()),
            Kind::Tuple(parts) => format!("tuple<{}>", parts.iter().map(Kind::text).collect::<Vec<_>>().join(", ")),
            Kind::User => "u".to_owned(),
            Kind::Frozen(inner) => format!("frozen<{}>", inner.text()),
        }
    }

    /// Whether it is stored as several cells.
    #[must_use]
    pub fn is_multi_cell(&self) -> bool {
        matches!(self, Kind::List(_) | Kind::Set(_) | Kind::Map(..) | Kind::User)
    }

    /// Whether values can be compared by `<`.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        *self != Kind::Native(Native::Duration)
    }

    /// Whether a value may have no bytes at all and not be null.
    #[must_use]
    pub fn may_be_empty(&self) -> bool {
        matches!(self, Kind::Native(native) if !matches!(native, Native::Text | Native::Blob | Native::Counter))
    }

    /// Whether it has sums and averages.
    #[must_use]
    pub fn is_number(&self) -> bool {
        use Native::{Bigint, Decimal, Double, Float, Int, Smallint, Varint};
        matches!(self, Kind::Native(Int | Bigint | Smallint | Varint | Decimal | Double | Float))
    }

    /// Without `frozen<...>` around it.
    #[must_use]
    pub fn thawed(&self) -> &Kind {
        match self {
            Kind::Frozen(inner) => inner.thawed(),
            kind => kind,
        }
    }
}
