//! What may come along with any response, before its own body: tracing id, warnings, custom payload, in this order.

use crate::protocol::envelope::Flags;
use crate::protocol::error::ProtocolError;
use crate::protocol::reader::Reader;
use crate::protocol::request::CustomPayload;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;
use std::collections::BTreeMap;

/// What comes along with a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachments {
    /// Where the trace of the request is found.
    pub tracing_id: Option<[u8; 16]>,
    /// Warnings to show to people (version 4 and later; left out before).
    pub warnings: Vec<String>,
    /// For extensions (version 4 and later; left out before).
    pub custom_payload: CustomPayload,
}

impl Attachments {
    /// Nothing.
    pub const NONE: Attachments =
        Attachments { tracing_id: None, warnings: Vec::new(), custom_payload: BTreeMap::new() };

    /// The flags that announce them.
    #[inline]
    #[must_use]
    pub fn flags(&self, version: ProtocolVersion) -> Flags {
        let mut flags = Flags::default();
        if self.tracing_id.is_some() {
            flags = flags.with(Flags::TRACING);
        }
        if version >= ProtocolVersion::V4 && !self.warnings.is_empty() {
            flags = flags.with(Flags::WARNING);
        }
        if version >= ProtocolVersion::V4 && !self.custom_payload.is_empty() {
            flags = flags.with(Flags::CUSTOM_PAYLOAD);
        }
        flags
    }

    #[inline]
    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        let flags = self.flags(version);
        if let Some(id) = &self.tracing_id {
            body.extend_from_slice(id);
        }
        if flags.has(Flags::WARNING) {
            body.put_string_list(&self.warnings);
        }
        if flags.has(Flags::CUSTOM_PAYLOAD) {
            body.put_bytes_map(&self.custom_payload);
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Attachments, ProtocolError> {
        let flags = reader.header().flags;
        let mut attachments = Attachments::NONE;
        if flags.has(Flags::TRACING) {
            attachments.tracing_id = Some(reader.uuid("tracing id")?);
        }
        if reader.version() >= ProtocolVersion::V4 {
            if flags.has(Flags::WARNING) {
                attachments.warnings = reader.string_list("warnings")?;
            }
            if flags.has(Flags::CUSTOM_PAYLOAD) {
                attachments.custom_payload = reader.bytes_map("custom payload")?;
            }
        }
        Ok(attachments)
    }
}
