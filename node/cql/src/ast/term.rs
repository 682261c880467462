//! Terms: the values that statements contain. There are no column references in a term; see `Selectable` for those.

use super::{Name, QualifiedName, TypeName};
use crate::types::NativeType;
use uuid::Uuid;

/// A bind variable, `?` or `:name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Marker {
    /// The position of the marker among the statement's markers, in text order.
    pub index: u16,
    /// The name of a `:name` marker.
    pub name: Option<Name>,
}

/// A constant. Which types it fits is decided by `types::literal`; numbers keep their text, as CQL does not bound them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean(bool),
    /// Digits with an optional minus.
    Integer(Box<str>),
    /// Digits with a point or an exponent, or `NaN`, `Infinity`, `-Infinity`.
    Float(Box<str>),
    /// `'...'` or `$$...$$`, without the quotes.
    String(Box<str>),
    /// A uuid without quotes.
    Uuid(Uuid),
    /// `0x...`, the digits only; their number may be odd, which no type accepts.
    Hex(Box<str>),
    /// `1h30m`, `P1DT2H`, ... as written.
    Duration(Box<str>),
}

/// `+ - * / %`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the variants are the operators
pub enum ArithmeticOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl ArithmeticOperator {
    /// As written.
    pub fn text(self) -> &'static str {
        match self {
            ArithmeticOperator::Add => "+",
            ArithmeticOperator::Subtract => "-",
            ArithmeticOperator::Multiply => "*",
            ArithmeticOperator::Divide => "/",
            ArithmeticOperator::Modulo => "%",
        }
    }
}

/// A value in a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// A constant.
    Literal(Literal),
    /// A bind variable.
    Marker(Marker),
    /// `[a, b]`: a list, or a vector.
    List(Vec<Term>),
    /// `{a, b}`. `{}` is the empty set here; it stands for an empty map, too.
    Set(Vec<Term>),
    /// `{a: b, c: d}`; never empty
    Map(Vec<(Term, Term)>),
    /// `{field: a, field: b}`; never empty
    UserType(Vec<(Name, Term)>),
    /// `(a, b)`; never empty. `(a)` is a tuple of one.
    Tuple(Vec<Term>),
    /// `f(a, b)`
    Function(QualifiedName, Vec<Term>),
    /// `CAST(a AS type)`
    Cast(Box<Term>, NativeType),
    /// `(type) a`
    TypeHint(TypeName, Box<Term>),
    /// `-a` where `a` is not a number literal
    Negation(Box<Term>),
    /// `a + b`
    Arithmetic(ArithmeticOperator, Box<Term>, Box<Term>),
}
