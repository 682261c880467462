//! Literals, markers and terms.

use super::name::FunctionName;
use super::{Pairs, Quoted, Separated, when};
use crate::ast::{Literal, Marker, Term};
use std::borrow::Cow;
use std::fmt;

impl Literal {
    /// The literal's text without quotes, which is what options are made of.
    pub fn raw_text(&self) -> Cow<'_, str> {
        match self {
            Literal::Null => "null".into(),
            Literal::Boolean(value) => (if *value { "true" } else { "false" }).into(),
            Literal::Integer(text) | Literal::Float(text) | Literal::String(text) | Literal::Duration(text) => {
                Cow::Borrowed(text)
            }
            Literal::Uuid(uuid) => uuid.to_string().into(),
            Literal::Hex(digits) => format!("0x{digits}").into(),
        }
    }

    /// What an error message calls the kind of the literal; `None` for null.
    pub fn kind(&self) -> Option<&'static str> {
        Some(match self {
            Literal::Null => return None,
            Literal::Boolean(_) => "BOOLEAN",
            Literal::Integer(_) => "INTEGER",
            Literal::Float(_) => "FLOAT",
            Literal::String(_) => "STRING",
            Literal::Uuid(_) => "UUID",
            Literal::Hex(_) => "HEX",
            Literal::Duration(_) => "DURATION",
        })
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => out.write_str("NULL"),
            Literal::String(text) => Quoted(text).fmt(out),
            Literal::Uuid(uuid) => uuid.fmt(out),
            other => out.write_str(&other.raw_text()),
        }
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(out, ":{name}"),
            None => out.write_str("?"),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Literal(literal) => literal.fmt(out),
            Term::Marker(marker) => marker.fmt(out),
            Term::List(elements) => write!(out, "[{}]", Separated(elements, ", ")),
            Term::Set(elements) => write!(out, "{{{}}}", Separated(elements, ", ")),
            Term::Map(entries) => write!(out, "{{{}}}", Pairs(entries, ": ", ", ")),
            Term::UserType(fields) => write!(out, "{{{}}}", Pairs(fields, ": ", ", ")),
            Term::Tuple(elements) => write!(out, "({})", Separated(elements, ", ")),
            Term::Function(name, arguments) => write!(out, "{}({})", FunctionName(name), Separated(arguments, ", ")),
            Term::Cast(term, native) => write!(out, "CAST({term} AS {})", native.text()),
            Term::TypeHint(type_name, term) => write!(out, "({type_name}) {term}"),
            // The space keeps the minus apart from digits, which would take it.
            Term::Negation(term) => write!(out, "- {term}"),
            Term::Arithmetic(operator, left, right) => write!(out, "{left} {} {right}", operator.text()),
            // At the start of a select clause these would be read as modifiers; after a type in parentheses, AS would
            // be read as the start of an alias.
            Term::Column(name) if matches!(name.as_str(), "json" | "distinct" | "as") => {
                write!(out, "\"{}\"", name.as_str())
            }
            Term::Column(name) => name.fmt(out),
            Term::CountRows => out.write_str("count(*)"),
            Term::Cell(function, cell) => write!(out, "{}({cell})", function.text()),
            Term::Field(receiver, field) => write!(out, "{receiver}{}.{field}", when(ends_in_number(receiver), " ")),
            Term::Element(receiver, element) => write!(out, "{receiver}[{element}]"),
            Term::Slice(receiver, from, to) => {
                write!(out, "{receiver}[")?;
                if let Some(from) = from {
                    write!(out, "{from} ")?;
                }
                out.write_str("..")?;
                if let Some(to) = to {
                    write!(out, " {to}")?;
                }
                out.write_str("]")
            }
        }
    }
}

/// Whether the text of a term ends in a number, which would take a point that follows.
fn ends_in_number(term: &Term) -> bool {
    match term {
        Term::Literal(literal) => matches!(literal, Literal::Integer(_) | Literal::Float(_)),
        Term::TypeHint(_, inner) => ends_in_number(inner),
        _ => false,
    }
}
