//! `to_json` and `from_json`.

use super::super::value;
use super::{Body, Function};
use bytes::Bytes;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// The JSON of a value of this type; null is a document, too.
pub(super) fn to_json(name: &str, types: Vec<CqlType>, _: Option<&CqlType>) -> Result<Function, CqlError> {
    Ok(Function::new(name.to_owned(), types, CqlType::Text, Body::Lenient(run_to_json)))
}

fn run_to_json(function: &Function, values: &[Option<Bytes>]) -> Result<Option<Bytes>, CqlError> {
    match (function.arguments.first(), values.first()) {
        // To a function the empty value of a number or a date is null; in SELECT JSON it is an empty text.
        (Some(value_type), Some(Some(bytes))) if bytes.is_empty() && !has_empty_text(value_type) => {
            Ok(Some(Bytes::from_static(b"null")))
        }
        (Some(value_type), Some(Some(bytes))) => value::to_json(value_type, bytes).map(|text| Some(text.into())),
        _ => Ok(Some(Bytes::from_static(b"null"))),
    }
}

/// Whether no bytes at all are a value like others.
fn has_empty_text(value_type: &CqlType) -> bool {
    matches!(
        value_type,
        CqlType::Ascii | CqlType::Text | CqlType::Blob | CqlType::Custom(_) | CqlType::Tuple(_) | CqlType::Frozen(_)
    )
}

/// The value that a document is for the receiver. Under whatever name it is called, errors call it by the old one.
pub(super) fn from_json(name: &str, _: Vec<CqlType>, receiver: Option<&CqlType>) -> Result<Function, CqlError> {
    let Some(receiver) = receiver else {
        return Err(CqlError::Invalid(format!(
            "{name}() cannot be used in the selection clause of a SELECT statement"
        )));
    };
    Ok(Function::strict("fromjson", vec![CqlType::Text], receiver.clone(), |function, values| {
        let Some(document) = values.first() else { return Ok(None) };
        value::from_json(&function.returns, document).map_err(|error| match error {
            value::JsonProblem::Document(text) => function.failure(format!(
                "execution of 'system.{}[text]' failed: Could not decode JSON string {text}",
                function.name
            )),
            value::JsonProblem::Value(text) => {
                function.failure(format!("org.apache.cassandra.serializers.MarshalException: {text}"))
            }
        })
    }))
}
