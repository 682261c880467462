//! Statements that change data: INSERT, UPDATE, DELETE, BATCH, TRUNCATE; and USE.

use super::{Literal, Marker, Name, Predicate, QualifiedName, Relation, Statement, Term};

/// `USE keyspace`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Use {
    /// The keyspace.
    pub keyspace: Name,
}

/// `TRUNCATE [TABLE] table`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Truncate {
    /// The table.
    pub table: QualifiedName,
}

/// `USING TIMESTAMP a AND TTL b`; each an integer literal or a marker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Using {
    /// Microseconds.
    pub timestamp: Option<Term>,
    /// Seconds; never in DELETE.
    pub ttl: Option<Term>,
}

/// `INSERT INTO table ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Insert {
    /// The table.
    pub table: QualifiedName,
    /// The values.
    pub source: InsertSource,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// `USING ...`
    pub using: Using,
}

/// Where an INSERT has its values from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum InsertSource {
    /// `(a, b) VALUES (c, d)`: the counts may differ, which is refused later. Neither is empty.
    Values {
        /// The columns.
        columns: Vec<Name>,
        /// The values.
        values: Vec<Term>,
    },
    /// `JSON '...'`
    Json {
        /// The document: a string literal or a marker.
        document: JsonDocument,
        /// What becomes of columns that the document does not name.
        default: JsonDefault,
    },
}

/// The document of INSERT JSON.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JsonDocument {
    /// In the text.
    Literal(Box<str>),
    /// Bound.
    Marker(Marker),
}

/// `DEFAULT NULL | UNSET`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum JsonDefault {
    /// Not said, or `DEFAULT NULL`: columns that are left out are set to null.
    #[default]
    Null,
    /// `DEFAULT UNSET`: they are left alone.
    Unset,
}

/// `UPDATE table SET ... WHERE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Update {
    /// The table.
    pub table: QualifiedName,
    /// `USING ...`
    pub using: Using,
    /// The assignments; never empty.
    pub assignments: Vec<Assignment>,
    /// The WHERE clause; never empty.
    pub relations: Vec<Relation>,
    /// `IF ...`
    pub condition: Option<If>,
}

/// One assignment of an UPDATE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Assignment {
    /// `c = a`
    Set(Name, Term),
    /// `c = c + a` and `c += a`: append to a list, add to a set, map or counter.
    Add(Name, Term),
    /// `c = c - a` and `c -= a`
    Subtract(Name, Term),
    /// `c = a + c`
    Prepend(Name, Term),
    /// `c[k] = a`
    SetElement(Name, Term, Term),
    /// `c.f = a`
    SetField(Name, Name, Term),
}

/// `IF ...` of UPDATE and DELETE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum If {
    /// `IF EXISTS`
    Exists,
    /// `IF a = b AND ...`; never empty
    Conditions(Vec<Condition>),
}

/// A condition on a column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// What is looked at.
    pub target: ConditionTarget,
    /// What must hold: `Compare` or `In`, for whole columns also `Contains` and `ContainsKey`.
    pub predicate: Predicate,
}

/// What a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConditionTarget {
    /// `c`
    Column(Name),
    /// `c[k]`
    Element(Name, Term),
    /// `c.f`
    Field(Name, Name),
}

/// `DELETE ... FROM table WHERE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delete {
    /// What is deleted of each row; empty: all of it.
    pub deletions: Vec<Deletion>,
    /// The table.
    pub table: QualifiedName,
    /// `USING TIMESTAMP`
    pub using: Using,
    /// The WHERE clause; never empty.
    pub relations: Vec<Relation>,
    /// `IF ...`
    pub condition: Option<If>,
}

/// Something that DELETE removes from a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Deletion {
    /// `c`
    Column(Name),
    /// `c[k]`
    Element(Name, Term),
    /// `c.f`
    Field(Name, Name),
}

/// `BEGIN ... BATCH`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BatchKind {
    /// All or nothing.
    #[default]
    Logged,
    /// Only all or nothing within a partition.
    Unlogged,
    /// Of counter updates.
    Counter,
}

/// `BEGIN BATCH ... APPLY BATCH`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Batch {
    /// Its kind.
    pub kind: BatchKind,
    /// `USING ...` for the whole.
    pub using: Using,
    /// INSERT, UPDATE and DELETE statements only; may be empty.
    pub statements: Vec<Statement>,
}

impl Literal {
    /// An integer literal.
    pub fn integer(value: i64) -> Literal {
        Literal::Integer(value.to_string().into())
    }
}

impl Assignment {
    /// The column that is assigned.
    pub fn column(&self) -> &Name {
        match self {
            Assignment::Set(column, _)
            | Assignment::Add(column, _)
            | Assignment::Subtract(column, _)
            | Assignment::Prepend(column, _)
            | Assignment::SetElement(column, _, _)
            | Assignment::SetField(column, _, _) => column,
        }
    }
}
