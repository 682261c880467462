//! PREPARE: remember this text.

use crate::protocol::error::ProtocolError;
use crate::protocol::reader::Reader;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;

/// Remember this text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// The statement.
    pub text: String,
    /// Instead of the connection's keyspace (version 5).
    pub keyspace: Option<String>,
}

/// Not the bit that the same thing has in QUERY.
const KEYSPACE: i32 = 0x01;

impl Prepare {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Prepare, ProtocolError> {
        let text = reader.long_string("query")?;
        let mut keyspace = None;
        if reader.version() >= ProtocolVersion::V5 && reader.int("flags")? & KEYSPACE != 0 {
            keyspace = Some(reader.string("keyspace")?);
        }
        Ok(Prepare { text, keyspace })
    }

    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        body.put_long_string(&self.text);
        if version >= ProtocolVersion::V5 {
            body.put_int(if self.keyspace.is_some() { KEYSPACE } else { 0 });
            if let Some(keyspace) = &self.keyspace {
                body.put_string(keyspace);
            }
        }
    }
}
