//! CREATE and DROP of user-defined functions and aggregates.

use super::{Name, QualifiedName, Term, TypeName};

/// `CREATE FUNCTION ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateFunction {
    /// `OR REPLACE`
    pub or_replace: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// Its arguments.
    pub arguments: Vec<(Name, TypeName)>,
    /// `CALLED ON NULL INPUT`, else `RETURNS NULL ON NULL INPUT`
    pub called_on_null: bool,
    /// `RETURNS type`
    pub returns: TypeName,
    /// `LANGUAGE name`
    pub language: Name,
    /// `AS 'body'`
    pub body: Box<str>,
}

/// `DROP FUNCTION ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropFunction {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// The types of its arguments, if given.
    pub arguments: Option<Vec<TypeName>>,
}

/// `CREATE AGGREGATE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateAggregate {
    /// `OR REPLACE`
    pub or_replace: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// The types of its arguments.
    pub arguments: Vec<TypeName>,
    /// `SFUNC name`
    pub state_function: Name,
    /// `STYPE type`
    pub state_type: TypeName,
    /// `FINALFUNC name`
    pub final_function: Option<Name>,
    /// `INITCOND term`
    pub initial: Option<Term>,
}

/// `DROP AGGREGATE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropAggregate {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// The types of its arguments, if given.
    pub arguments: Option<Vec<TypeName>>,
}
