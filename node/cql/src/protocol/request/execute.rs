//! EXECUTE: run what was prepared. The hottest request of all.

use super::parameters::QueryParameters;
use crate::protocol::error::ProtocolError;
use crate::protocol::reader::Reader;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;
use bytes::Bytes;

/// Run what was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execute {
    /// What PREPARED called it.
    pub id: Bytes,
    /// Which description of the result's columns the client has (version 5; empty before).
    pub result_metadata_id: Bytes,
    /// How to run it.
    pub parameters: QueryParameters,
}

impl Execute {
    #[inline]
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Execute, ProtocolError> {
        let id = reader.short_bytes("statement id")?;
        let mut result_metadata_id = Bytes::new();
        if reader.version() >= ProtocolVersion::V5 {
            result_metadata_id = reader.short_bytes("result metadata id")?;
        }
        Ok(Execute { id, result_metadata_id, parameters: QueryParameters::decode(reader)? })
    }

    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        body.put_short_bytes(&self.id);
        if version >= ProtocolVersion::V5 {
            body.put_short_bytes(&self.result_metadata_id);
        }
        self.parameters.encode(body, version);
    }
}
