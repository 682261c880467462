//! Names in places where some words mean something else.

use crate::ast::{Name, QualifiedName};
use crate::keyword::{Class, Keyword};
use std::fmt;

fn in_quotes(name: &Name, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(out, "\"{}\"", name.as_str().replace('"', "\"\""))
}

/// A name that is quoted whenever it is any keyword.
pub(super) struct NoKeyword<'a>(pub(super) &'a Name);

impl fmt::Display for NoKeyword<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if Keyword::from_word(self.0).is_some() { in_quotes(self.0, out) } else { self.0.fmt(out) }
    }
}

/// A qualified name whose first part is quoted whenever it is any keyword.
pub(super) struct NoLeadingKeyword<'a>(pub(super) &'a QualifiedName);

impl fmt::Display for NoLeadingKeyword<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.keyspace {
            Some(keyspace) => write!(out, "{}.{}", NoKeyword(keyspace), self.0.name),
            None => NoKeyword(&self.0.name).fmt(out),
        }
    }
}

/// The name of a function.
pub(super) struct FunctionName<'a>(pub(super) &'a QualifiedName);

impl fmt::Display for FunctionName<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(keyspace) = &self.0.keyspace {
            write!(out, "{keyspace}.")?;
        }
        LocalFunctionName(&self.0.name).fmt(out)
    }
}

/// The name of a function without a keyspace.
pub(super) struct LocalFunctionName<'a>(pub(super) &'a Name);

impl fmt::Display for LocalFunctionName<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Keyword::from_word(self.0) {
            Some(Keyword::Count) => self.0.fmt(out),
            Some(keyword) if keyword.class() == Class::CallSyntax => in_quotes(self.0, out),
            Some(Keyword::Token) if self.0.as_str() == "token" => out.write_str("token"),
            _ => self.0.fmt(out),
        }
    }
}

/// The name of a user type.
pub(super) struct UserTypeName<'a>(pub(super) &'a QualifiedName);

/// Words that may not name a user type without quotes.
const RESERVED_TYPE_NAMES: [&str; 6] = ["byte", "complex", "enum", "interval", "macaddr", "bitstring"];

impl fmt::Display for UserTypeName<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(keyspace) = &self.0.keyspace {
            write!(out, "{keyspace}.")?;
        }
        if RESERVED_TYPE_NAMES.contains(&self.0.name.as_str()) {
            return in_quotes(&self.0.name, out);
        }
        NoKeyword(&self.0.name).fmt(out)
    }
}
