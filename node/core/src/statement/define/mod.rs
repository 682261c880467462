//! CREATE, ALTER, DROP: from a syntax tree to a `schema::Definition`, names and types looked up. Whether it can be applied is
//! decided when it is, by the catalogue.

mod keyspace;
mod property;
mod table;
mod user_type;

use super::context::BindContext;
use super::names::Names;
use super::system;
use crate::schema::{Definition, Truncate};
use trefoil_cql::ast::{Name, QualifiedName, Statement};
use trefoil_cql::protocol::response::CqlError;

/// A definition that waits for its execution.
#[derive(Clone, Debug)]
pub(super) struct Defined {
    statement: Box<Statement>,
    keyspace: Option<String>,
}

impl Defined {
    pub fn resolve(statement: &Statement, keyspace: Option<&str>) -> Result<Defined, CqlError> {
        let what = match statement {
            Statement::CreateKeyspace(_)
            | Statement::AlterKeyspace(_)
            | Statement::DropKeyspace(_)
            | Statement::CreateTable(_)
            | Statement::AlterTable(_)
            | Statement::DropTable(_)
            | Statement::CreateType(_)
            | Statement::AlterType(_)
            | Statement::DropType(_) => {
                let keyspace = keyspace.map(ToOwned::to_owned);
                return Ok(Defined { statement: Box::new(statement.clone()), keyspace });
            }
            Statement::CreateIndex(_) | Statement::DropIndex(_) => "Secondary indexes are",
            Statement::CreateView(_) | Statement::AlterView(_) | Statement::DropView(_) => "Materialized views are",
            Statement::CreateTrigger(_) | Statement::DropTrigger(_) => "Triggers are",
            Statement::CreateFunction(_) | Statement::DropFunction(_) => "User-defined functions are",
            Statement::CreateAggregate(_) | Statement::DropAggregate(_) => "User-defined aggregates are",
            _ => "Roles and permissions are",
        };
        Err(CqlError::Invalid(format!("{what} not supported yet")))
    }

    pub fn bind(&self, context: &mut BindContext<'_>) -> Result<Definition, CqlError> {
        let schema = context.schema;
        let names = Names { schema, keyspace: self.keyspace.as_deref() };
        let data_center = &context.facts.layout.data_center;
        match &*self.statement {
            Statement::CreateKeyspace(create) => keyspace::create(create, data_center),
            Statement::AlterKeyspace(alter) => keyspace::alter(alter, data_center),
            Statement::DropKeyspace(drop) => keyspace::drop(drop),
            Statement::CreateTable(create) => table::create(create, names, context.rng),
            Statement::AlterTable(alter) => table::alter(alter, names),
            Statement::DropTable(drop) => table::drop(drop, names),
            Statement::CreateType(create) => user_type::create(create, names),
            Statement::AlterType(alter) => user_type::alter(alter, names),
            Statement::DropType(drop) => user_type::drop(drop, names),
            _ => Err(CqlError::server("a definition was planned that is none")),
        }
    }
}

/// TRUNCATE is a definition, too: the table gets a new storage.
pub(super) fn truncate(table: &QualifiedName) -> Definition {
    Definition::Truncate(Truncate {
        keyspace: table.keyspace.as_ref().map(|keyspace| keyspace.as_str().to_owned()).unwrap_or_default(),
        name: table.name.as_str().to_owned(),
    })
}

/// Users do not define what belongs to the system.
fn check_user_keyspace(keyspace: &str) -> Result<String, CqlError> {
    if system::is_system_keyspace(keyspace) {
        return Err(CqlError::Unauthorized(format!("{keyspace} keyspace is not user-modifiable.")));
    }
    Ok(keyspace.to_owned())
}

/// The keyspace and name of something that is defined.
fn target<'a>(name: &'a QualifiedName, names: Names<'a>) -> Result<(String, String), CqlError> {
    Ok((check_user_keyspace(names.keyspace_of(name)?)?, name.name.as_str().to_owned()))
}

fn pairs(names: &[(Name, Name)]) -> Vec<(String, String)> {
    names.iter().map(|(from, to)| (from.as_str().to_owned(), to.as_str().to_owned())).collect()
}
