//! The syntax tree: what a statement says, nothing of what it means. Names are folded, literals keep their kind and their
//! text, markers are numbered in the order in which they stand in the text.
//!
//! Every tree that `parser` produces can be printed by `print`, and parsing the result gives an equal tree.

mod access;
mod data;
mod definition;
mod describe;
mod function;
mod name;
mod select;
mod table;
mod term;
mod type_name;

pub use access::{
    AddIdentity, AlterRole, CreateRole, DropIdentity, DropRole, GrantPermissions, GrantRole, ListPermissions,
    ListRoles, Password, Permission, Permissions, Resource, RevokePermissions, RevokeRole, RoleOption, RoleStyle,
};
pub use data::{
    Assignment, Batch, BatchKind, Condition, ConditionTarget, Delete, Deletion, If, Insert, InsertSource, JsonDefault,
    JsonDocument, Truncate, Update, Use, Using,
};
pub use definition::{
    AlterKeyspace, AlterType, AlterTypeAction, AlterView, CreateIndex, CreateKeyspace, CreateTrigger, CreateType,
    CreateView, DropIndex, DropKeyspace, DropTrigger, DropType, DropView, IndexTarget, Property, PropertyValue,
};
pub use describe::{Describe, DescribeTarget};
pub use function::{CreateAggregate, CreateFunction, DropAggregate, DropFunction};
pub use name::{Name, QualifiedName, write_name};
pub use select::{Comparison, InValues, Ordering, Predicate, Relation, RelationTarget, Select, Selection, Selector};
pub use table::{
    AlterTable, AlterTableAction, ColumnDefinition, ColumnMask, CreateTable, DropTable, PrimaryKey, TableProperty,
};
pub use term::{ArithmeticOperator, CellFunction, Literal, Marker, Term};
pub use type_name::TypeName;

/// A statement as parsed, with its bind variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Parsed {
    /// The statement.
    pub statement: Statement,
    /// One for each marker, in text order: the name of `:name`, none for `?`. A name that occurs twice is here twice.
    pub markers: Vec<Option<Name>>,
}

/// A CQL statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the variants are named after what they hold
pub enum Statement {
    Select(Select),
    Insert(Insert),
    Update(Update),
    Delete(Delete),
    Batch(Batch),
    Use(Use),
    Truncate(Truncate),
    CreateKeyspace(CreateKeyspace),
    AlterKeyspace(AlterKeyspace),
    DropKeyspace(DropKeyspace),
    CreateTable(CreateTable),
    AlterTable(AlterTable),
    DropTable(DropTable),
    CreateType(CreateType),
    AlterType(AlterType),
    DropType(DropType),
    CreateIndex(CreateIndex),
    DropIndex(DropIndex),
    CreateView(CreateView),
    AlterView(AlterView),
    DropView(DropView),
    CreateTrigger(CreateTrigger),
    DropTrigger(DropTrigger),
    CreateFunction(CreateFunction),
    DropFunction(DropFunction),
    CreateAggregate(CreateAggregate),
    DropAggregate(DropAggregate),
    CreateRole(CreateRole),
    AlterRole(AlterRole),
    DropRole(DropRole),
    AddIdentity(AddIdentity),
    DropIdentity(DropIdentity),
    GrantRole(GrantRole),
    RevokeRole(RevokeRole),
    ListRoles(ListRoles),
    GrantPermissions(GrantPermissions),
    RevokePermissions(RevokePermissions),
    ListPermissions(ListPermissions),
    Describe(Describe),
}
