//! QUERY: run this text.

use super::parameters::QueryParameters;
use crate::protocol::error::ProtocolError;
use crate::protocol::reader::Reader;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;

/// Run this text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The statement.
    pub text: String,
    /// How to run it.
    pub parameters: QueryParameters,
}

impl Query {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Query, ProtocolError> {
        let text = reader.long_string("query")?;
        Ok(Query { text, parameters: QueryParameters::decode(reader)? })
    }

    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        body.put_long_string(&self.text);
        self.parameters.encode(body, version);
    }
}
