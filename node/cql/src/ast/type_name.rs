//! A type as it is written; `types::resolve` makes a `CqlType` of it once user types are known.

use super::QualifiedName;
use crate::types::NativeType;

/// A type as written in a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TypeName {
    /// A built-in scalar type.
    Native(NativeType),
    /// `list<...>`
    List(Box<TypeName>),
    /// `set<...>`
    Set(Box<TypeName>),
    /// `map<..., ...>`
    Map(Box<TypeName>, Box<TypeName>),
    /// `frozen<...>`
    Frozen(Box<TypeName>),
    /// `tuple<..., ...>`; never empty
    Tuple(Vec<TypeName>),
    /// `vector<..., n>`
    Vector(Box<TypeName>, i32),
    /// A user-defined type.
    User(QualifiedName),
    /// A class name in quotes.
    Custom(Box<str>),
}
