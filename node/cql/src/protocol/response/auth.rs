//! AUTH_CHALLENGE and AUTH_SUCCESS: the server's side of a SASL exchange. Both are one token.

use crate::protocol::error::ProtocolError;
use crate::protocol::reader::Reader;
use crate::protocol::writer::Write;
use bytes::Bytes;

pub(super) fn encode(body: &mut Vec<u8>, token: Option<&[u8]>) {
    body.put_bytes(token);
}

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Option<Bytes>, ProtocolError> {
    reader.bytes("token")
}
