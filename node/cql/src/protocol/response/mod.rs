//! What the server answers and tells, one file a message. READY has no body and needs no file. Rows have a fast path,
//! `RowsWriter`, that writes cells straight into the envelope.

mod attachments;
mod auth;
mod authenticate;
mod error;
mod error_wire;
mod event;
mod failures;
mod metadata;
mod prepared;
mod result;
mod rows;
mod schema_change;
mod supported;
mod write_type;

pub use attachments::Attachments;
pub use error::CqlError;
pub use event::{Event, EventKind, StatusChange, TopologyChange};
pub use failures::{FailureReason, Failures};
pub use metadata::{ColumnSpec, EncodedColumns, MetadataForm, ResultMetadata};
pub use prepared::Prepared;
pub use result::QueryResult;
pub use rows::{Rows, RowsWriter};
pub use schema_change::{ChangeKind, SchemaChange, SchemaTarget};
pub use write_type::WriteType;

use super::envelope::{Direction, EVENT_STREAM, Opcode};
use super::error::ProtocolError;
use super::reader::Reader;
use super::version::ProtocolVersion;
use super::writer::EnvelopeWriter;
use bytes::Bytes;
use std::collections::BTreeMap;

/// A response, as a client received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseEnvelope {
    /// The version it is written in.
    pub version: ProtocolVersion,
    /// What joins it to its request.
    pub stream: i16,
    /// What comes along with it.
    pub attachments: Attachments,
    /// What is answered.
    pub response: Response,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// That did not work.
    Error(CqlError),
    /// Go on.
    Ready,
    /// Who are you? The name is that of Cassandra's class for the mechanism; drivers choose theirs by it.
    Authenticate(String),
    /// What may stand in STARTUP.
    Supported(BTreeMap<String, Vec<String>>),
    /// That worked.
    Result(QueryResult),
    /// By the way.
    Event(Event),
    /// The next step of a SASL exchange.
    AuthChallenge(Option<Bytes>),
    /// The end of one.
    AuthSuccess(Option<Bytes>),
}

impl Response {
    /// Its opcode.
    #[must_use]
    pub fn opcode(&self) -> Opcode {
        match self {
            Response::Error(_) => Opcode::Error,
            Response::Ready => Opcode::Ready,
            Response::Authenticate(_) => Opcode::Authenticate,
            Response::Supported(_) => Opcode::Supported,
            Response::Result(_) => Opcode::Result,
            Response::Event(_) => Opcode::Event,
            Response::AuthChallenge(_) => Opcode::AuthChallenge,
            Response::AuthSuccess(_) => Opcode::AuthSuccess,
        }
    }

    /// As one envelope with nothing attached. Events go to stream −1, whatever `stream` is.
    #[must_use]
    pub fn encode(&self, version: ProtocolVersion, stream: i16) -> Bytes {
        self.encode_with(version, stream, &Attachments::NONE)
    }

    /// As one envelope.
    #[must_use]
    pub fn encode_with(&self, version: ProtocolVersion, stream: i16, attachments: &Attachments) -> Bytes {
        let mut out = Vec::with_capacity(64);
        self.encode_into(&mut out, version, stream, attachments);
        Bytes::from(out)
    }

    /// As one envelope at the end of `out`.
    pub fn encode_into(&self, out: &mut Vec<u8>, version: ProtocolVersion, stream: i16, attachments: &Attachments) {
        let stream = if matches!(self, Response::Event(_)) { EVENT_STREAM } else { stream };
        let flags = attachments.flags(version);
        let mut envelope = EnvelopeWriter::new(out, version, Direction::Response, flags, stream, self.opcode());
        let body = envelope.body();
        attachments.encode(body, version);
        match self {
            Response::Error(error) => error.encode(body, version),
            Response::Ready => {}
            Response::Authenticate(class) => authenticate::encode(body, class),
            Response::Supported(options) => supported::encode(body, options),
            Response::Result(result) => result.encode(body, version),
            Response::Event(event) => event.encode(body, version),
            Response::AuthChallenge(token) | Response::AuthSuccess(token) => auth::encode(body, token.as_deref()),
        }
        envelope.finish();
    }
}

impl ResponseEnvelope {
    /// Reads a whole uncompressed envelope, as `Framer::next_envelope` gives it. What follows the last field we know is
    /// ignored, as the specification wants.
    ///
    /// # Errors
    /// `ProtocolError` says which field is wrong.
    pub fn decode(envelope: &Bytes) -> Result<ResponseEnvelope, ProtocolError> {
        let mut reader = Reader::new(envelope)?;
        let header = reader.header();
        if header.direction != Direction::Response {
            return Err(ProtocolError::WrongDirection { opcode: Some(header.opcode) });
        }
        let attachments = Attachments::decode(&mut reader)?;
        let response = match header.opcode {
            Opcode::Error => Response::Error(CqlError::decode(&mut reader)?),
            Opcode::Ready => Response::Ready,
            Opcode::Authenticate => Response::Authenticate(authenticate::decode(&mut reader)?),
            Opcode::Supported => Response::Supported(supported::decode(&mut reader)?),
            Opcode::Result => Response::Result(QueryResult::decode(&mut reader)?),
            Opcode::Event => Response::Event(Event::decode(&mut reader)?),
            Opcode::AuthChallenge => Response::AuthChallenge(auth::decode(&mut reader)?),
            Opcode::AuthSuccess => Response::AuthSuccess(auth::decode(&mut reader)?),
            _ => return Err(ProtocolError::WrongDirection { opcode: Some(header.opcode) }),
        };
        Ok(ResponseEnvelope { version: header.version, stream: header.stream, attachments, response })
    }

    /// As one envelope.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        self.response.encode_with(self.version, self.stream, &self.attachments)
    }
}
