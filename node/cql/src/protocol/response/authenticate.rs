//! AUTHENTICATE: who are you? From here on a version 5 connection speaks in segments.

use crate::protocol::error::ProtocolError;
use crate::protocol::reader::Reader;
use crate::protocol::writer::Write;

pub(super) fn encode(body: &mut Vec<u8>, class: &str) {
    body.put_string(class);
}

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<String, ProtocolError> {
    reader.string("authenticator")
}
