//! From names in a text to things of the schema. Errors are in Cassandra's words; drivers look at their code, 0x2200.

use super::system;
use crate::schema::{Column, Schema, Table};
use std::sync::Arc;
use trefoil_cql::ast::{Name, QualifiedName, TypeName};
use trefoil_cql::protocol::marshal;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// Where names are looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    pub schema: &'a Schema,
    /// The keyspace of USE, or of the request.
    pub keyspace: Option<&'a str>,
}

impl<'a> Names<'a> {
    /// The keyspace that a name is in.
    pub fn keyspace_of(self, name: &'a QualifiedName) -> Result<&'a str, CqlError> {
        match (&name.keyspace, self.keyspace) {
            (Some(keyspace), _) => Ok(keyspace.as_str()),
            (None, Some(keyspace)) => Ok(keyspace),
            (None, None) => Err(CqlError::invalid(
                "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename",
            )),
        }
    }

    /// A table of a user or of the system.
    pub fn table(self, name: &'a QualifiedName) -> Result<Arc<Table>, CqlError> {
        let keyspace = self.keyspace_of(name)?;
        let table = match self.schema.keyspace(keyspace) {
            Some(found) => found.tables.get(name.name.as_str()),
            None if system::is_system_keyspace(keyspace) => system::table(keyspace, &name.name),
            None => return Err(CqlError::Invalid(format!("keyspace {keyspace} does not exist"))),
        };
        table.cloned().ok_or_else(|| CqlError::Invalid(format!("table {} does not exist", name.name.as_str())))
    }

    /// A table that a client may change.
    pub fn writable_table(self, name: &'a QualifiedName) -> Result<Arc<Table>, CqlError> {
        let keyspace = self.keyspace_of(name)?;
        let table = self.table(name)?;
        if system::is_virtual_keyspace(keyspace) {
            return Err(CqlError::Invalid(format!("Modification is not supported by table {keyspace}.{}", table.name)));
        }
        if system::is_system_keyspace(keyspace) {
            return Err(CqlError::Unauthorized(format!("{keyspace} keyspace is not user-modifiable.")));
        }
        Ok(table)
    }

    /// A type as written, user-defined types looked up.
    pub fn resolve_type(self, keyspace: &str, type_name: &TypeName) -> Result<CqlType, CqlError> {
        let types = self.schema.keyspace(keyspace).map(|keyspace| &keyspace.types);
        let resolved =
            trefoil_cql::types::resolve(type_name, keyspace, |name| types.and_then(|types| types.get(name)).cloned());
        match resolved.map_err(|error| CqlError::Invalid(error.to_string()))? {
            CqlType::Custom(class) => type_of_class(class),
            other => Ok(other),
        }
    }
}

/// What a class in quotes stands for: Cassandra's own are the types that they implement, others are not there.
fn type_of_class(class: String) -> Result<CqlType, CqlError> {
    match marshal::parse_class_name(&class) {
        // A user type is meant by its name, not by the fields that are written here.
        Some(known) if !class.contains("UserType(") => Ok(known),
        _ if marshal::is_known_class(&class) => Ok(CqlType::Custom(class)),
        _ => Err(CqlError::Syntax(format!(
            "Error setting type {class}: Unable to find abstract-type class '{}'",
            marshal::full_class(&class)
        ))),
    }
}

/// A column of a table.
pub(super) fn column<'a>(table: &'a Table, name: &Name) -> Result<&'a Column, CqlError> {
    table.column(name).ok_or_else(|| {
        CqlError::Invalid(format!("Undefined column name {name} in table {}.{}", table.keyspace, table.name))
    })
}

/// The position of a column in its table.
pub(super) fn column_index(table: &Table, name: &Name) -> Result<usize, CqlError> {
    let found = column(table, name)?;
    Ok(table.columns.iter().position(|column| column.id == found.id).expect("the column is one of the table's"))
}
