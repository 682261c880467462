//! CREATE, ALTER, DROP: from a syntax tree to a `schema::Definition`, names and types looked up. Whether it can be applied is
//! decided when it is, by the catalogue.

mod keyspace;
mod property;
mod table;
mod user_type;

use super::answer::Answer;
use super::context::BindContext;
use super::names::Names;
use super::plan::Plan;
use super::system;
use crate::schema::{Definition, Schema, Truncate};
use trefoil_cql::ast::{Name, QualifiedName, Statement, TypeName};
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
            Statement::CreateIndex(_) => "Secondary indexes are",
            Statement::CreateView(_) | Statement::AlterView(_) => "Materialized views are",
            Statement::CreateTrigger(_) => "Triggers are",
            Statement::CreateFunction(_) => "User-defined functions are",
            Statement::CreateAggregate(_) => "User-defined aggregates are",
            Statement::CreateKeyspace(_)
            | Statement::AlterKeyspace(_)
            | Statement::DropKeyspace(_)
            | Statement::CreateTable(_)
            | Statement::AlterTable(_)
            | Statement::DropTable(_)
            | Statement::CreateType(_)
            | Statement::AlterType(_)
            | Statement::DropType(_)
            | Statement::DropIndex(_)
            | Statement::DropView(_)
            | Statement::DropTrigger(_)
            | Statement::DropFunction(_)
            | Statement::DropAggregate(_) => {
                let keyspace = keyspace.map(ToOwned::to_owned);
                return Ok(Defined { statement: Box::new(statement.clone()), keyspace });
            }
            _ => "Roles and permissions are",
        };
        Err(CqlError::Invalid(format!("{what} not supported yet")))
    }

    /// Nothing exists of what cannot be created yet.
    fn drop_nothing(&self, names: Names<'_>) -> Option<Result<Plan, CqlError>> {
        let (what, name, if_exists, end): (_, _, _, String) = match &*self.statement {
            Statement::DropIndex(drop) => ("Index", &drop.name, drop.if_exists, "'".into()),
            Statement::DropView(drop) => ("Materialized view", &drop.name, drop.if_exists, "'".into()),
            Statement::DropFunction(drop) => {
                ("Function", &drop.name, drop.if_exists, listed(drop.arguments.as_deref()))
            }
            Statement::DropAggregate(drop) => {
                ("Aggregate", &drop.name, drop.if_exists, listed(drop.arguments.as_deref()))
            }
            Statement::DropTrigger(drop) => ("Trigger", &drop.table, drop.if_exists, String::new()),
            _ => return None,
        };
        Some(match names.keyspace_of(name) {
            Err(error) => Err(error),
            Ok(_) if if_exists => Ok(Plan::Answer(Answer::Void)),
            Ok(keyspace) => Err(CqlError::Invalid(match &*self.statement {
                Statement::DropTrigger(drop) => {
                    format!("{what} '{}' on '{keyspace}.{}' doesn't exist", drop.name, name.name)
                }
                // The second quote after the name of an index is Cassandra's.
                Statement::DropIndex(_) => format!("{what} '{keyspace}.{}' doesn't exist'", name.name),
                _ => format!("{what} '{keyspace}.{}{end} doesn't exist", name.name),
            })),
        })
    }

    /// What is to be done. Whatever else may be wrong with it, what exists cannot be created; the catalogue would say the same.
    pub fn bind(&self, context: &mut BindContext<'_>) -> Result<Plan, CqlError> {
        if let Some(nothing) = self.drop_nothing(Names { schema: context.schema, keyspace: self.keyspace.as_deref() }) {
            return nothing;
        }
        match self.definition(context) {
            Ok(definition) => Ok(Plan::Schema(definition)),
            Err(error @ CqlError::Syntax(_)) if matches!(*self.statement, Statement::CreateKeyspace(_)) => Err(error),
            Err(error) => match self.existing(context.schema) {
                Some((true, _)) => Ok(Plan::Answer(Answer::Void)),
                Some((false, exists)) => Err(exists),
                None => Err(error),
            },
        }
    }

    /// If what shall be created exists: whether that is no error, and the error that it is otherwise.
    fn existing(&self, schema: &Schema) -> Option<(bool, CqlError)> {
        match &*self.statement {
            Statement::CreateKeyspace(create) => schema
                .keyspace(&create.keyspace)
                .map(|keyspace| (create.if_not_exists, CqlError::keyspace_exists(keyspace.name.clone()))),
            Statement::CreateTable(create) => {
                let keyspace = Names { schema, keyspace: self.keyspace.as_deref() }.keyspace_of(&create.table).ok()?;
                schema.table(keyspace, &create.table.name).map(|table| {
                    (create.if_not_exists, CqlError::table_exists(table.keyspace.clone(), table.name.clone()))
                })
            }
            _ => None,
        }
    }

    fn definition(&self, context: &mut BindContext<'_>) -> Result<Definition, CqlError> {
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

/// The types of a function's arguments, as they stand behind its name, and the quote that ends both.
fn listed(arguments: Option<&[TypeName]>) -> String {
    match arguments {
        Some(types) => {
            let types: Vec<String> = types.iter().map(ToString::to_string).collect();
            format!("({})'", types.join(", "))
        }
        None => "'".to_owned(),
    }
}
