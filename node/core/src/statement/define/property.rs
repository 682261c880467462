//! The values after WITH: whatever kind of constant was written, options look at its text.

use crate::schema::PropertyValue;
use trefoil_cql::ast::{self, Literal, Property};

/// Options by name, in the order written.
pub(super) fn properties<'a>(written: impl Iterator<Item = &'a Property>) -> Vec<(String, PropertyValue)> {
    written.map(|property| (property.name.as_str().to_owned(), value(&property.value))).collect()
}

fn value(written: &ast::PropertyValue) -> PropertyValue {
    match written {
        ast::PropertyValue::Literal(literal) => PropertyValue::Text(text(literal)),
        ast::PropertyValue::Word(name) => PropertyValue::Text(name.as_str().to_owned()),
        ast::PropertyValue::Map(entries) => {
            let entries = entries.iter().map(|(key, nested)| (text(key), value(nested)));
            PropertyValue::Map(entries.collect())
        }
    }
}

fn text(literal: &Literal) -> String {
    match literal {
        Literal::Null => "null".to_owned(),
        Literal::Boolean(value) => value.to_string(),
        Literal::Integer(text) | Literal::Float(text) | Literal::String(text) | Literal::Duration(text) => {
            text.to_string()
        }
        Literal::Hex(digits) => format!("0x{digits}"),
        Literal::Uuid(uuid) => uuid.to_string(),
    }
}
