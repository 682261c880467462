//! AUTH_RESPONSE: the client's side of a SASL exchange.

use crate::protocol::error::ProtocolError;
use crate::protocol::reader::Reader;
use crate::protocol::writer::Write;
use bytes::Bytes;

/// My credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthResponse {
    /// Whatever the mechanism wants; for SASL PLAIN: NUL, name, NUL, password.
    pub token: Option<Bytes>,
}

impl AuthResponse {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<AuthResponse, ProtocolError> {
        Ok(AuthResponse { token: reader.bytes("token")? })
    }

    pub(super) fn encode(&self, body: &mut Vec<u8>) {
        body.put_bytes(self.token.as_deref());
    }
}
