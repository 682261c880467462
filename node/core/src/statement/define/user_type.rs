//! CREATE, ALTER and DROP TYPE.

use super::super::names::Names;
use super::{pairs, target};
use crate::schema::{AlterType, CreateType, Definition, DropType, TypeChange};
use trefoil_cql::ast::{self, AlterTypeAction, TypeName};
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

pub(super) fn create(create: &ast::CreateType, names: Names<'_>) -> Result<Definition, CqlError> {
    let (keyspace, name) = target(&create.name, names)?;
    let mut fields = Vec::with_capacity(create.fields.len());
    for (field, type_name) in &create.fields {
        fields.push((field.as_str().to_owned(), field_type(&keyspace, type_name, names)?));
    }
    Ok(Definition::CreateType(CreateType { keyspace, name, if_not_exists: create.if_not_exists, fields }))
}

/// Fields may be collections, but user types in them are frozen.
fn field_type(keyspace: &str, type_name: &TypeName, names: Names<'_>) -> Result<CqlType, CqlError> {
    if matches!(type_name, TypeName::User(_)) {
        return Err(CqlError::invalid("A user type cannot contain non-frozen UDTs"));
    }
    names.resolve_type(keyspace, type_name)
}

pub(super) fn alter(alter: &ast::AlterType, names: Names<'_>) -> Result<Definition, CqlError> {
    let (keyspace, name) = target(&alter.name, names)?;
    let change = match &alter.action {
        AlterTypeAction::Add { if_not_exists, field, type_name } => TypeChange::Add {
            if_not_exists: *if_not_exists,
            field: field.as_str().to_owned(),
            field_type: field_type(&keyspace, type_name, names)?,
        },
        AlterTypeAction::Type(..) => return Err(CqlError::invalid("Altering field types is no longer supported")),
        AlterTypeAction::Rename { if_exists, fields } => {
            TypeChange::Rename { if_exists: *if_exists, names: pairs(fields) }
        }
    };
    Ok(Definition::AlterType(AlterType { keyspace, name, if_exists: alter.if_exists, change }))
}

pub(super) fn drop(drop: &ast::DropType, names: Names<'_>) -> Result<Definition, CqlError> {
    let (keyspace, name) = target(&drop.name, names)?;
    Ok(Definition::DropType(DropType { keyspace, name, if_exists: drop.if_exists }))
}
