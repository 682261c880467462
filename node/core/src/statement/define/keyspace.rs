//! CREATE, ALTER and DROP KEYSPACE.

use super::super::system;
use super::check_user_keyspace;
use super::property::properties;
use crate::schema::{
    AlterKeyspace, CreateKeyspace, Definition, DropKeyspace, PropertyValue, Replication, boolean_property,
};
use trefoil_cql::ast::{self, Property};
use trefoil_cql::protocol::response::CqlError;

/// What WITH says.
struct Options {
    replication: Option<Replication>,
    durable_writes: Option<bool>,
}

pub(super) fn create(create: &ast::CreateKeyspace, data_center: &str) -> Result<Definition, CqlError> {
    // In other words than those of all other definitions.
    if system::is_system_keyspace(&create.keyspace) {
        return Err(CqlError::Invalid(format!("System keyspace '{}' is not user-modifiable", create.keyspace)));
    }
    let keyspace = create.keyspace.as_str().to_owned();
    let options = options(&keyspace, &create.properties, data_center)?;
    let Some(replication) = options.replication else {
        return Err(CqlError::invalid("Missing mandatory option 'replication'"));
    };
    let durable_writes = options.durable_writes.unwrap_or(true);
    let if_not_exists = create.if_not_exists;
    Ok(Definition::CreateKeyspace(CreateKeyspace { keyspace, if_not_exists, replication, durable_writes }))
}

pub(super) fn alter(alter: &ast::AlterKeyspace, data_center: &str) -> Result<Definition, CqlError> {
    let keyspace = check_user_keyspace(&alter.keyspace)?;
    let Options { replication, durable_writes } = options(&keyspace, &alter.properties, data_center)?;
    let if_exists = alter.if_exists;
    Ok(Definition::AlterKeyspace(AlterKeyspace { keyspace, if_exists, replication, durable_writes }))
}

pub(super) fn drop(drop: &ast::DropKeyspace) -> Result<Definition, CqlError> {
    let keyspace = check_user_keyspace(&drop.keyspace)?;
    Ok(Definition::DropKeyspace(DropKeyspace { keyspace, if_exists: drop.if_exists }))
}

fn options(keyspace: &str, written: &[Property], data_center: &str) -> Result<Options, CqlError> {
    let mut options = Options { replication: None, durable_writes: None };
    for (name, value) in properties(written.iter()) {
        match name.as_str() {
            "replication" => {
                let PropertyValue::Map(entries) = &value else {
                    return Err(CqlError::syntax("Invalid value for property 'replication'. It should be a map."));
                };
                let entries = entries.iter().filter_map(|(name, value)| match value {
                    PropertyValue::Text(text) => Some((name.clone(), text.clone())),
                    PropertyValue::Map(_) => None,
                });
                let entries: Vec<(String, String)> = entries.collect();
                // To alter nothing is allowed.
                if !entries.is_empty() {
                    options.replication = Some(Replication::from_options(keyspace, &entries, data_center)?);
                }
            }
            "durable_writes" => options.durable_writes = Some(boolean_property(&name, &value)?),
            _ => return Err(CqlError::Syntax(format!("Unknown property '{name}'"))),
        }
    }
    Ok(options)
}
