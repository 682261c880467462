//! What a program is made of: a table, and requests in the order in which they are sent. All of it is data, which can be printed,
//! kept, left out part by part, and interpreted.

use super::kind::Kind;
use super::value::Term;
use serde::{Deserialize, Serialize};

/// A program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The table that it works on.
    pub table: Table,
    /// What is asked, in order.
    pub requests: Vec<Request>,
}

/// A table; the user type `u` stands beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name, perhaps with the keyspace's before it.
    pub name: String,
    /// Columns of the partition key.
    pub partition: Vec<Column>,
    /// Clustering columns, each with whether it is stored in descending order.
    pub clustering: Vec<(Column, bool)>,
    /// Static columns.
    pub statics: Vec<Column>,
    /// The other columns.
    pub regular: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
}

/// A statement and how it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What is asked.
    pub statement: Statement,
    /// Values are bound instead of written.
    pub binds: bool,
    /// Rows a page; all pages are fetched.
    pub page: Option<u32>,
    /// The second that it is, as the request says.
    pub now: Option<i32>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statement {
    /// INSERT
    Insert(Insert),
    /// UPDATE
    Update(Update),
    /// DELETE
    Delete(Delete),
    /// BEGIN BATCH ... APPLY BATCH
    Batch(Batch),
    /// SELECT
    Select(Select),
}

/// `USING ...`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Using {
    /// `TIMESTAMP`, in microseconds.
    pub timestamp: Option<i64>,
    /// `TTL`, in seconds.
    pub ttl: Option<i32>,
}

/// INSERT
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Insert {
    /// Columns and their values.
    pub values: Vec<(String, Term)>,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// `USING ...`
    pub using: Using,
}

/// UPDATE
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// `USING ...`
    pub using: Using,
    /// Columns and what becomes of them.
    pub assignments: Vec<(String, Assignment)>,
    /// `WHERE ...`
    pub relations: Vec<Relation>,
    /// `IF ...`
    pub condition: Option<Condition>,
}

/// What becomes of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Assignment {
    /// `c = value`
    Set(Term),
    /// `c = c + value`
    Add(Term),
    /// `c = value + c`
    Prepend(Term),
    /// `c = c - value`
    Subtract(Term),
    /// `c[key] = value`
    Element(Term, Term),
    /// `c.field = value`
    Field(String, Term),
}

/// DELETE
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delete {
    /// Columns or parts of them; none: whole rows.
    pub targets: Vec<Target>,
    /// `USING ...`
    pub using: Using,
    /// `WHERE ...`
    pub relations: Vec<Relation>,
    /// `IF ...`
    pub condition: Option<Condition>,
}

/// What is deleted in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// A column.
    Column(String),
    /// `c[key]`
    Element(String, Term),
    /// `c.field`
    Field(String, String),
}

/// BATCH
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Which kind.
    pub kind: BatchKind,
    /// Its statements, none of them a batch or a SELECT.
    pub parts: Vec<Statement>,
}

/// Which kind of batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BatchKind {
    /// Logged.
    Logged,
    /// `UNLOGGED`
    Unlogged,
    /// `COUNTER`
    Counter,
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A relation of WHERE, or of a condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Relation {
    /// `c < value`
    Compare(String, Operator, Term),
    /// `c IN (values)`
    In(String, Vec<Term>),
    /// `(c, d) < (values)`
    Columns(Vec<String>, Operator, Vec<Term>),
    /// `token(partition key) < token`
    Token(Operator, i64),
    /// `c CONTAINS value`
    Contains(String, Term),
    /// `c CONTAINS KEY value`
    ContainsKey(String, Term),
    /// `c[key] < value`
    Element(String, Term, Operator, Term),
}

/// `IF ...`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// `EXISTS`
    Exists,
    /// Relations that all hold.
    All(Vec<Relation>),
}

/// SELECT
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Select {
    /// `DISTINCT`
    pub distinct: bool,
    /// What is selected; nothing is everything.
    pub selection: Vec<Selection>,
    /// `WHERE ...`
    pub relations: Vec<Relation>,
    /// `GROUP BY ...`
    pub group_by: Vec<String>,
    /// `ORDER BY`: the column, and whether descending.
    pub order_by: Option<(String, bool)>,
    /// `PER PARTITION LIMIT`
    pub per_partition_limit: Option<u32>,
    /// `LIMIT`
    pub limit: Option<u32>,
    /// `ALLOW FILTERING`
    pub allow_filtering: bool,
}

/// Something selected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selection {
    /// A column.
    Column(String),
    /// `writetime(c)`
    WriteTime(String),
    /// `ttl(c)`
    TimeToLive(String),
    /// `token(partition key)`
    Token,
    /// `count(*)`
    CountRows,
    /// A function over all rows of a group.
    Aggregate(Aggregate, String),
}

/// A function over the values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aggregate {
    /// How many are not null.
    Count,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// Their sum.
    Sum,
    /// Their average.
    Avg,
}

impl Select {
    /// `SELECT * FROM table`
    #[must_use]
    pub fn everything() -> Select {
        Select {
            distinct: false,
            selection: Vec::new(),
            relations: Vec::new(),
            group_by: Vec::new(),
            order_by: None,
            per_partition_limit: None,
            limit: None,
            allow_filtering: false,
        }
    }
}

impl Statement {
    /// Whether doing it again, at any time, changes nothing: it only reads, or it gives its timestamp itself, and writes no cells
    /// whose place depends on when or on what was there.
    #[must_use]
    pub fn is_idempotent(&self, table: &Table) -> bool {
        let is_list = |name: &str| table.column(name).is_some_and(|column| matches!(column.kind, Kind::List(_)));
        match self {
            Statement::Select(_) => true,
            Statement::Insert(insert) => {
                insert.using.timestamp.is_some()
                    && !insert.if_not_exists
                    && insert.values.iter().all(|(name, _)| !is_list(name))
            }
            Statement::Update(update) => {
                update.using.timestamp.is_some()
                    && update.condition.is_none()
                    && update.assignments.iter().all(|(name, _)| !is_list(name))
            }
            Statement::Delete(delete) => delete.using.timestamp.is_some() && delete.condition.is_none(),
            Statement::Batch(batch) => batch.parts.iter().all(|part| part.is_idempotent(table)),
        }
    }
}

impl Table {
    /// Whether its columns are counters.
    #[must_use]
    pub fn counts(&self) -> bool {
        use super::kind::Native;
        self.regular.iter().any(|column| column.kind == Kind::Native(Native::Counter))
    }

    /// Columns of the primary key.
    pub fn key(&self) -> impl Iterator<Item = &Column> {
        self.partition.iter().chain(self.clustering.iter().map(|(column, _)| column))
    }

    /// All columns.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.key().chain(&self.statics).chain(&self.regular)
    }

    /// A column by its name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns().find(|column| column.name == name)
    }

    /// Whether a column is static.
    #[must_use]
    pub fn is_static(&self, name: &str) -> bool {
        self.statics.iter().any(|column| column.name == name)
    }
}
