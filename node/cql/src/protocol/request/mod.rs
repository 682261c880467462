//! What clients ask, one file a message. Decoding copies nothing but text; encoding is for clients: the simulator's,
//! the tests'.

mod auth_response;
mod batch;
mod execute;
mod options;
mod parameters;
mod prepare;
mod query;
mod register;
mod startup;

pub use auth_response::AuthResponse;
pub use batch::{Batch, BatchKind, BatchQuery, BatchStatement};
pub use execute::Execute;
pub use parameters::QueryParameters;
pub use prepare::Prepare;
pub use query::Query;
pub use register::Register;
pub use startup::Startup;

use super::envelope::{Direction, Flags, HEADER_BYTES, Opcode};
use super::error::ProtocolError;
use super::reader::Reader;
use super::version::ProtocolVersion;
use super::writer::{EnvelopeWriter, Write};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Data for extensions on both sides. We carry it and have no use for it.
pub type CustomPayload = BTreeMap<String, Option<Bytes>>;

/// A request, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestEnvelope {
    /// The version it is written in. The answer must be in the same.
    pub version: ProtocolVersion,
    /// What joins the answer to it.
    pub stream: i16,
    /// Whether the client wants it traced.
    pub tracing: bool,
    /// For extensions (version 4 and later).
    pub custom_payload: Option<CustomPayload>,
    /// What is asked.
    pub request: Request,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Begin.
    Startup(Startup),
    /// What is supported? Also a heartbeat.
    Options,
    /// Tell me of events.
    Register(Register),
    /// Run this text.
    Query(Query),
    /// Remember this text.
    Prepare(Prepare),
    /// Run what is remembered.
    Execute(Execute),
    /// Run these together.
    Batch(Batch),
    /// My credentials.
    AuthResponse(AuthResponse),
}

impl Request {
    /// Its opcode.
    #[must_use]
    pub fn opcode(&self) -> Opcode {
        match self {
            Request::Startup(_) => Opcode::Startup,
            Request::Options => Opcode::Options,
            Request::Register(_) => Opcode::Register,
            Request::Query(_) => Opcode::Query,
            Request::Prepare(_) => Opcode::Prepare,
            Request::Execute(_) => Opcode::Execute,
            Request::Batch(_) => Opcode::Batch,
            Request::AuthResponse(_) => Opcode::AuthResponse,
        }
    }

    /// As one envelope without tracing and payload.
    #[must_use]
    pub fn encode(&self, version: ProtocolVersion, stream: i16) -> Bytes {
        let mut out = Vec::with_capacity(128);
        self.encode_into(&mut out, version, stream, false, None);
        Bytes::from(out)
    }

    /// As one envelope at the end of `out`. A payload needs version 4 and is left out in version 3.
    pub fn encode_into(
        &self,
        out: &mut Vec<u8>,
        version: ProtocolVersion,
        stream: i16,
        tracing: bool,
        custom_payload: Option<&CustomPayload>,
    ) {
        let custom_payload = custom_payload.filter(|_| version >= ProtocolVersion::V4);
        let mut flags = Flags::default();
        if tracing {
            flags = flags.with(Flags::TRACING);
        }
        if custom_payload.is_some() {
            flags = flags.with(Flags::CUSTOM_PAYLOAD);
        }
        let mut envelope = EnvelopeWriter::new(out, version, Direction::Request, flags, stream, self.opcode());
        let body = envelope.body();
        if let Some(payload) = custom_payload {
            body.put_bytes_map(payload);
        }
        match self {
            Request::Startup(startup) => startup.encode(body),
            Request::Options => options::encode(body),
            Request::Register(register) => register.encode(body),
            Request::Query(query) => query.encode(body, version),
            Request::Prepare(prepare) => prepare.encode(body, version),
            Request::Execute(execute) => execute.encode(body, version),
            Request::Batch(batch) => batch.encode(body, version),
            Request::AuthResponse(response) => response.encode(body),
        }
        envelope.finish();
    }
}

impl RequestEnvelope {
    /// Reads a whole uncompressed envelope, as `Framer::next_envelope` and the core's `Input::Request` have it. What
    /// follows the last field we know is ignored, as the specification wants.
    ///
    /// # Errors
    /// `ProtocolError` says which field is wrong; it knows the stream and the version to answer in.
    pub fn decode(envelope: &Bytes) -> Result<RequestEnvelope, ProtocolError> {
        let mut reader = Reader::new(envelope)?;
        let header = reader.header();
        if header.direction != Direction::Request || header.opcode.direction() != Direction::Request {
            return Err(ProtocolError::WrongDirection { opcode: Some(header.opcode) });
        }
        let has_payload = header.flags.has(Flags::CUSTOM_PAYLOAD) && header.version >= ProtocolVersion::V4;
        let custom_payload = if has_payload { Some(reader.bytes_map("custom payload")?) } else { None };
        let request = match header.opcode {
            Opcode::Startup => Request::Startup(Startup::decode(&mut reader)?),
            Opcode::Options => Request::Options,
            Opcode::Register => Request::Register(Register::decode(&mut reader)?),
            Opcode::Query => Request::Query(Query::decode(&mut reader)?),
            Opcode::Prepare => Request::Prepare(Prepare::decode(&mut reader)?),
            Opcode::Execute => Request::Execute(Execute::decode(&mut reader)?),
            Opcode::Batch => Request::Batch(Batch::decode(&mut reader)?),
            Opcode::AuthResponse => Request::AuthResponse(AuthResponse::decode(&mut reader)?),
            _ => return Err(ProtocolError::WrongDirection { opcode: Some(header.opcode) }),
        };
        Ok(RequestEnvelope {
            version: header.version,
            stream: header.stream,
            tracing: header.flags.has(Flags::TRACING),
            custom_payload,
            request,
        })
    }

    /// As one envelope.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(HEADER_BYTES + 119);
        self.request.encode_into(&mut out, self.version, self.stream, self.tracing, self.custom_payload.as_ref());
        Bytes::from(out)
    }
}
