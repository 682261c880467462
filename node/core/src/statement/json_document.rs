//! The document of INSERT JSON: a JSON object whose names are columns. What it does not name is null, or left alone with DEFAULT
//! UNSET.

use super::term::{Scope, Term, TermContext};
use super::value;
use super::variables::Receiver;
use crate::schema::Table;
use bytes::Bytes;
use std::sync::Arc;
use trefoil_cql::ast::{JsonDefault, JsonDocument};
use trefoil_cql::protocol::Value;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{CqlType, Json, json_name};

/// A column's value in a document that is bound.
#[derive(Clone, Debug)]
pub(super) struct JsonColumn {
    marker: u16,
    column: String,
    column_type: CqlType,
    default: JsonDefault,
    /// In one of the columns: all of them, as the document may name no other.
    columns: Option<Arc<[String]>>,
}

/// The values of all columns of a table, in their order.
pub(super) fn resolve_document(
    document: &JsonDocument,
    default: JsonDefault,
    table: &Table,
    context: &mut TermContext<'_>,
) -> Result<Vec<Term>, CqlError> {
    let names: Arc<[String]> = table.columns.iter().map(|column| column.name.clone()).collect();
    match document {
        JsonDocument::Literal(text) => {
            let fields = fields_of(text)?;
            check_names(&fields, &names)?;
            let values = table.columns.iter().map(|column| {
                let value = value_of(&fields, &column.name, &column.column_type, default)?;
                Ok(match value {
                    Value::Set(bytes) => Term::Constant(Some(bytes)),
                    Value::Null => Term::Constant(None),
                    Value::Unset => Term::Unset,
                })
            });
            values.collect()
        }
        JsonDocument::Marker(marker) => {
            context.variables.set(marker, Receiver::of(table, "[json]", &CqlType::Text));
            let columns = table.columns.iter().enumerate().map(|(index, column)| {
                Term::JsonColumn(Box::new(JsonColumn {
                    marker: marker.index,
                    column: column.name.clone(),
                    column_type: column.column_type.clone(),
                    default,
                    columns: (index == 0).then(|| Arc::clone(&names)),
                }))
            });
            Ok(columns.collect())
        }
    }
}

impl JsonColumn {
    pub fn bind(&self, scope: &Scope<'_>) -> Result<Value, CqlError> {
        let text = match &scope.values[usize::from(self.marker)] {
            Value::Set(bytes) => text_of(bytes)?,
            Value::Null => return Err(CqlError::invalid("Got null for INSERT JSON values")),
            Value::Unset => return Err(CqlError::invalid("Invalid unset value for INSERT JSON")),
        };
        let fields = fields_of(text)?;
        if let Some(columns) = &self.columns {
            check_names(&fields, columns)?;
        }
        value_of(&fields, &self.column, &self.column_type, self.default)
    }
}

fn text_of(bytes: &Bytes) -> Result<&str, CqlError> {
    std::str::from_utf8(bytes).map_err(|_| CqlError::invalid("String didn't validate."))
}

fn fields_of(text: &str) -> Result<Vec<(String, Json)>, CqlError> {
    let refused = |problem: &str| {
        CqlError::Invalid(format!("Could not decode JSON string as a map: {problem}. (String was: {text})"))
    };
    match Json::parse(text) {
        Ok(Json::Object(fields)) => Ok(fields.into_iter().map(|(name, value)| (json_name(&name), value)).collect()),
        Ok(Json::Null) => Err(CqlError::invalid("Got null for INSERT JSON values")),
        Ok(_) => Err(refused("it is no object")),
        Err(error) => Err(refused(&error.0)),
    }
}

fn check_names(fields: &[(String, Json)], columns: &[String]) -> Result<(), CqlError> {
    match fields.iter().find(|(name, _)| !columns.contains(name)) {
        Some((name, _)) => Err(CqlError::Invalid(format!("JSON values map contains unrecognized column: {name}"))),
        None => Ok(()),
    }
}

fn value_of(
    fields: &[(String, Json)],
    column: &str,
    column_type: &CqlType,
    default: JsonDefault,
) -> Result<Value, CqlError> {
    // Of a name that occurs twice the last one counts.
    let Some((_, json)) = fields.iter().rev().find(|(name, _)| name == column) else {
        return Ok(match default {
            JsonDefault::Null => Value::Null,
            JsonDefault::Unset => Value::Unset,
        });
    };
    match value::json_value(column_type, json) {
        Ok(value) => Ok(Value::from(value)),
        Err(problem) => Err(CqlError::Invalid(format!("Error decoding JSON value for {column}: {problem}"))),
    }
}
