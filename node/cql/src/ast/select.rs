//! SELECT: what is selected, and the relations that WHERE clauses of all statements consist of.

use super::{ArithmeticOperator, Literal, Marker, Name, QualifiedName, Term, TypeName};
use crate::types::NativeType;

/// `SELECT ... FROM ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Select {
    /// `SELECT JSON`
    pub json: bool,
    /// `DISTINCT`
    pub distinct: bool,
    /// What is selected.
    pub selection: Selection,
    /// The table or view.
    pub table: QualifiedName,
    /// The relations, all of which must hold.
    pub relations: Vec<Relation>,
    /// `GROUP BY`
    pub group_by: Vec<Selectable>,
    /// `ORDER BY`
    pub order_by: Vec<Ordering>,
    /// `PER PARTITION LIMIT`: an integer literal or a marker.
    pub per_partition_limit: Option<Term>,
    /// `LIMIT`: an integer literal or a marker.
    pub limit: Option<Term>,
    /// `ALLOW FILTERING`
    pub allow_filtering: bool,
}

/// What a SELECT returns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selection {
    /// `*`
    All,
    /// A list; never empty.
    Selectors(Vec<Selector>),
}

/// One returned column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector {
    /// What it is computed from.
    pub selectable: Selectable,
    /// `AS alias`
    pub alias: Option<Name>,
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

/// An expression over the columns of a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selectable {
    /// A column.
    Column(Name),
    /// A constant.
    Literal(Literal),
    /// A bind variable.
    Marker(Marker),
    /// `count(*)` (and `count(1)` is an ordinary function call)
    CountRows,
    /// `writetime(c)`, `ttl(c)`, `maxwritetime(c)`; the argument is a column with elements, slices or fields of it.
    Cell(CellFunction, Box<Selectable>),
    /// `f(a, b)`
    Function(QualifiedName, Vec<Selectable>),
    /// `CAST(a AS type)`
    Cast(Box<Selectable>, NativeType),
    /// `(type) a`
    TypeHint(TypeName, Box<Selectable>),
    /// `a.field`
    Field(Box<Selectable>, Name),
    /// `a[key]`
    Element(Box<Selectable>, Box<Term>),
    /// `a[from..to]`; one bound may be missing.
    Slice(Box<Selectable>, Option<Box<Term>>, Option<Box<Term>>),
    /// `[a, b]`
    List(Vec<Selectable>),
    /// `{a, b}`, and `{}`
    Set(Vec<Selectable>),
    /// `{a: b, c: d}`: a map, or a user type whose fields parse as columns; never empty
    Map(Vec<(Selectable, Selectable)>),
    /// `(a)` for grouping or a tuple of one, `(a, b)`; never empty
    Tuple(Vec<Selectable>),
    /// `-a` where `a` is not a number literal
    Negation(Box<Selectable>),
    /// `a + b`
    Arithmetic(ArithmeticOperator, Box<Selectable>, Box<Selectable>),
}

/// One item of ORDER BY.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ordering {
    /// The column.
    pub column: Name,
    /// `ANN OF vector`: by similarity.
    pub nearest_to: Option<Term>,
    /// `DESC`
    pub descending: bool,
}

/// `= != < <= > >=`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the variants are the operators
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// As written.
    pub fn text(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

/// The right side of IN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum InValues {
    /// `(a, b)`; may be empty.
    List(Vec<Term>),
    /// `?`: one bind variable for the whole list.
    Marker(Marker),
}

/// Something that is asked of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Predicate {
    /// `= a`, `< a`, ...
    Compare(Comparison, Term),
    /// `IN (a, b)`
    In(InValues),
    /// `NOT IN (a, b)` (accepted by the grammar; newer than Cassandra 5.0)
    NotIn(InValues),
    /// `CONTAINS a`
    Contains(Term),
    /// `CONTAINS KEY a`
    ContainsKey(Term),
    /// `NOT CONTAINS a` (newer than Cassandra 5.0)
    NotContains(Term),
    /// `NOT CONTAINS KEY a` (newer than Cassandra 5.0)
    NotContainsKey(Term),
    /// `BETWEEN a AND b` (newer than Cassandra 5.0)
    Between(Term, Term),
    /// `LIKE a`
    Like(Term),
    /// `IS NOT NULL`
    IsNotNull,
}

/// What a relation restricts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RelationTarget {
    /// `column`
    Column(Name),
    /// `column[key]`, with a `Compare` predicate
    Element(Name, Term),
    /// `(a, b)`, with `Compare`, `In`, `NotIn` or `Between`, whose terms are tuples or markers; never empty
    Columns(Vec<Name>),
    /// `token(a, b)`, with `Compare` or `Between`; never empty
    Token(Vec<Name>),
}

/// One part of a WHERE clause.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// A target and what it must fulfil.
    Restriction(RelationTarget, Predicate),
    /// `expr(index, value)`: for custom indexes.
    IndexExpression(QualifiedName, Term),
}
