//! CREATE, ALTER and DROP TABLE.

use super::{Name, Property, QualifiedName, Term, TypeName};

/// `CREATE TABLE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateTable {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The table.
    pub table: QualifiedName,
    /// The columns in the order of the text.
    pub columns: Vec<ColumnDefinition>,
    /// Every `PRIMARY KEY`, of a column or separate; that there is exactly one is checked later.
    pub primary_keys: Vec<PrimaryKey>,
    /// `WITH ...`, in the order of the text.
    pub properties: Vec<TableProperty>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnDefinition {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub type_name: TypeName,
    /// `STATIC`
    pub is_static: bool,
    /// `MASKED WITH ...`
    pub mask: Option<ColumnMask>,
}

/// `MASKED WITH ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ColumnMask {
    /// `DEFAULT`
    Default,
    /// A function, with the arguments that follow the column's value.
    Function(QualifiedName, Vec<Term>),
}

/// `PRIMARY KEY ((a, b), c)`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PrimaryKey {
    /// The partition key; never empty.
    pub partition: Vec<Name>,
    /// The clustering columns.
    pub clustering: Vec<Name>,
}

/// One item of a table's WITH clause.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TableProperty {
    /// `name = value`
    Option(Property),
    /// `CLUSTERING ORDER BY (a DESC, b ASC)`: columns, and whether each descends; never empty
    ClusteringOrder(Vec<(Name, bool)>),
    /// `COMPACT STORAGE`
    CompactStorage,
}

/// `ALTER TABLE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterTable {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The table.
    pub table: QualifiedName,
    /// What changes.
    pub action: AlterTableAction,
}

/// What ALTER TABLE does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AlterTableAction {
    /// `ADD [IF NOT EXISTS] ...`
    Add {
        /// `IF NOT EXISTS`
        if_not_exists: bool,
        /// The columns; never empty.
        columns: Vec<ColumnDefinition>,
    },
    /// `DROP [IF EXISTS] ...`
    Drop {
        /// `IF EXISTS`
        if_exists: bool,
        /// The columns; never empty.
        columns: Vec<Name>,
        /// `USING TIMESTAMP`
        timestamp: Option<i64>,
    },
    /// `RENAME [IF EXISTS] a TO b AND c TO d`
    Rename {
        /// `IF EXISTS`
        if_exists: bool,
        /// Old and new names; never empty.
        columns: Vec<(Name, Name)>,
    },
    /// `ALTER column TYPE type`: always refused, but by its own message.
    Type(Name, TypeName),
    /// `ALTER [IF EXISTS] column MASKED WITH ...`, or `DROP MASKED`
    Mask {
        /// `IF EXISTS`
        if_exists: bool,
        /// The column.
        column: Name,
        /// The new mask; `None`: `DROP MASKED`.
        mask: Option<ColumnMask>,
    },
    /// `DROP COMPACT STORAGE`
    DropCompactStorage,
    /// `WITH ...`; never empty
    With(Vec<Property>),
}

/// `DROP TABLE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropTable {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The table.
    pub table: QualifiedName,
}
