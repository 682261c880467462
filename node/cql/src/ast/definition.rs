//! Definitions other than tables: keyspaces, types, indexes, views, triggers; and the properties that WITH clauses hold.

use super::{Literal, Name, PrimaryKey, QualifiedName, Relation, Selection, TableProperty, TypeName};

/// `name = value`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Property {
    /// The option.
    pub name: Name,
    /// Its value.
    pub value: PropertyValue,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PropertyValue {
    /// A constant; never null.
    Literal(Literal),
    /// A word without quotes, which means its text.
    Word(Name),
    /// `{'a': 'b', 'c': {'d': 1}}`: each key once; may be empty. Cassandra knows only flat maps, Amazon Keyspaces nests them.
    Map(Vec<(Literal, PropertyValue)>),
}

/// `CREATE KEYSPACE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateKeyspace {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The keyspace.
    pub keyspace: Name,
    /// `WITH ...`; never empty
    pub properties: Vec<Property>,
}

/// `ALTER KEYSPACE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterKeyspace {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The keyspace.
    pub keyspace: Name,
    /// `WITH ...`; never empty
    pub properties: Vec<Property>,
}

/// `DROP KEYSPACE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropKeyspace {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The keyspace.
    pub keyspace: Name,
}

/// `CREATE TYPE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateType {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The type.
    pub name: QualifiedName,
    /// Its fields; never empty.
    pub fields: Vec<(Name, TypeName)>,
}

/// `ALTER TYPE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterType {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The type.
    pub name: QualifiedName,
    /// What changes.
    pub action: AlterTypeAction,
}

/// What ALTER TYPE does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AlterTypeAction {
    /// `ADD [IF NOT EXISTS] field type`
    Add {
        /// `IF NOT EXISTS`
        if_not_exists: bool,
        /// The field.
        field: Name,
        /// Its type.
        type_name: TypeName,
    },
    /// `ALTER field TYPE type`: always refused, but by its own message.
    Type(Name, TypeName),
    /// `RENAME [IF EXISTS] a TO b AND c TO d`
    Rename {
        /// `IF EXISTS`
        if_exists: bool,
        /// Old and new names; never empty.
        fields: Vec<(Name, Name)>,
    },
}

/// `DROP TYPE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropType {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The type.
    pub name: QualifiedName,
}

/// `CREATE INDEX ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateIndex {
    /// `CUSTOM`
    pub custom: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// Its name, if given; a keyspace before it is accepted.
    pub name: Option<QualifiedName>,
    /// The table.
    pub table: QualifiedName,
    /// What is indexed; may be empty for custom indexes.
    pub targets: Vec<IndexTarget>,
    /// `USING 'class'`
    pub using: Option<Box<str>>,
    /// `WITH ...`
    pub properties: Vec<Property>,
}

/// What an index looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IndexTarget {
    /// `(c)`
    Simple(Name),
    /// `(values(c))`
    Values(Name),
    /// `(keys(c))`
    Keys(Name),
    /// `(entries(c))`
    Entries(Name),
    /// `(full(c))`
    Full(Name),
}

/// `DROP INDEX ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropIndex {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The index.
    pub name: QualifiedName,
}

/// `CREATE MATERIALIZED VIEW ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateView {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The view.
    pub name: QualifiedName,
    /// What it selects.
    pub selection: Selection,
    /// Its base table.
    pub table: QualifiedName,
    /// The WHERE clause.
    pub relations: Vec<Relation>,
    /// `PRIMARY KEY (...)`
    pub primary_key: PrimaryKey,
    /// `WITH ...`
    pub properties: Vec<TableProperty>,
}

/// `ALTER MATERIALIZED VIEW ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterView {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The view.
    pub name: QualifiedName,
    /// `WITH ...`; never empty
    pub properties: Vec<Property>,
}

/// `DROP MATERIALIZED VIEW ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropView {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The view.
    pub name: QualifiedName,
}

/// `CREATE TRIGGER ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateTrigger {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// Its name.
    pub name: Name,
    /// The table.
    pub table: QualifiedName,
    /// The class.
    pub using: Box<str>,
}

/// `DROP TRIGGER ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropTrigger {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// Its name.
    pub name: Name,
    /// The table.
    pub table: QualifiedName,
}
