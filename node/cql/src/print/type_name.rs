//! Types as written.

use super::name::UserTypeName;
use super::{Quoted, Separated};
use crate::ast::TypeName;
use std::fmt;

impl fmt::Display for TypeName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypeName::Native(native) => out.write_str(native.text()),
            TypeName::List(element) => write!(out, "list<{element}>"),
            TypeName::Set(element) => write!(out, "set<{element}>"),
            TypeName::Map(key, value) => write!(out, "map<{key}, {value}>"),
            TypeName::Frozen(inner) => write!(out, "frozen<{inner}>"),
            TypeName::Tuple(elements) => write!(out, "tuple<{}>", Separated(elements, ", ")),
            TypeName::Vector(element, dimension) => write!(out, "vector<{element}, {dimension}>"),
            TypeName::User(name) => UserTypeName(name).fmt(out),
            TypeName::Custom(class) => Quoted(class).fmt(out),
        }
    }
}
