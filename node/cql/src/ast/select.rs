//! SELECT: what is selected, and the relations that WHERE clauses of all statements consist of.

use super::{Marker, Name, QualifiedName, Term};

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
    pub group_by: Vec<Term>,
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
    pub term: Term,
    /// `AS alias`
    pub alias: Option<Name>,
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
    /// `CONTAINS a`
    Contains(Term),
    /// `CONTAINS KEY a`
    ContainsKey(Term),
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
    /// `(a, b)`, with `Compare` or `In`, whose terms are tuples or markers; never empty
    Columns(Vec<Name>),
    /// `token(a, b)`, with `Compare`; never empty
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
