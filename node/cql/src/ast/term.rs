//! Terms: the values that statements contain, and what select clauses compute from rows. Columns, and what looks into them,
//! stand only in select clauses and GROUP BY; the parser makes no such term elsewhere.

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

/// The functions that look at a cell instead of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CellFunction {
    /// `writetime(column)`
    WriteTime,
    /// `maxwritetime(column)`
    MaxWriteTime,
    /// `ttl(column)`
    Ttl,
}

impl CellFunction {
    /// The function's name.
    pub fn text(self) -> &'static str {
        match self {
            CellFunction::WriteTime => "writetime",
            CellFunction::MaxWriteTime => "maxwritetime",
            CellFunction::Ttl => "ttl",
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
    /// `{a: b, c: d}`; never empty. Over columns also a user type, whose fields parse as columns.
    Map(Vec<(Term, Term)>),
    /// `{field: a, field: b}`; never empty, and not over columns
    UserType(Vec<(Name, Term)>),
    /// `(a, b)`; never empty. `(a)` is a tuple of one, or `a` in parentheses.
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
    /// A column.
    Column(Name),
    /// `count(*)` (and `count(1)` is an ordinary function call)
    CountRows,
    /// `writetime(c)`, `ttl(c)`, `maxwritetime(c)`; the argument is a column with elements, slices or fields of it.
    Cell(CellFunction, Box<Term>),
    /// `a.field`
    Field(Box<Term>, Name),
    /// `a[key]`; the key has no columns.
    Element(Box<Term>, Box<Term>),
    /// `a[from..to]`; one bound may be missing, and they have no columns.
    Slice(Box<Term>, Option<Box<Term>>, Option<Box<Term>>),
}
