//! Framing of one connection, for a server or a client: what a socket gives becomes whole uncompressed envelopes, and
//! envelopes become what a socket takes. It watches the handshake go by, so it changes to compression or segments at the
//! one right moment for each direction: after READY or AUTHENTICATE, which are themselves sent as before.

use super::compression::Compression;
use super::envelope::{Direction, HEADER_BYTES, Header, Opcode};
use super::error::ProtocolError;
use super::inbound::Inbound;
use super::outbound::Outbound;
use super::request::{Request, RequestEnvelope};
use super::segment::SegmentForm;
use super::version::ProtocolVersion;
use bytes::{Bytes, BytesMut};

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Takes requests.
    Server,
    /// Makes them.
    Client,
}

/// The longest body that a server takes if nothing else is said: Cassandra's `native_transport_max_frame_size`.
pub const REQUEST_BYTES_MAX: u32 = 16 << 20;

/// The longest body that a client takes if nothing else is said: the specification's limit.
pub const RESPONSE_BYTES_MAX: u32 = 256 << 20;

/// Framing of one connection.
#[derive(Debug)]
pub struct Framer {
    role: Role,
    inbound: Inbound,
    outbound: Outbound,
    handshake: Handshake,
}

/// How far the two sides have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handshake {
    /// No STARTUP yet.
    Fresh,
    /// STARTUP went by and is not answered.
    Asked { stream: i16, version: ProtocolVersion, compression: Compression },
    /// READY or AUTHENTICATE went by.
    Done { version: ProtocolVersion, compression: Compression },
}

impl Framer {
    /// A new connection's.
    #[must_use]
    pub fn new(role: Role) -> Framer {
        let inbound = match role {
            Role::Server => Inbound::new(Direction::Request, REQUEST_BYTES_MAX),
            Role::Client => Inbound::new(Direction::Response, RESPONSE_BYTES_MAX),
        };
        Framer { role, inbound, outbound: Outbound::default(), handshake: Handshake::Fresh }
    }

    /// Takes bodies of up to so many bytes, expanded.
    #[must_use]
    pub fn with_body_bytes_max(mut self, body_bytes_max: u32) -> Framer {
        self.inbound.set_body_bytes_max(body_bytes_max);
        self
    }

    /// The version, once STARTUP has been accepted.
    #[must_use]
    pub fn version(&self) -> Option<ProtocolVersion> {
        match self.handshake {
            Handshake::Done { version, .. } => Some(version),
            _ => None,
        }
    }

    /// The compression, once STARTUP has been accepted.
    #[must_use]
    pub fn compression(&self) -> Compression {
        match self.handshake {
            Handshake::Done { compression, .. } => compression,
            _ => Compression::None,
        }
    }

    /// Takes what came from the socket. Call `next_envelope` until it has nothing before feeding more.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.inbound.buffer().extend_from_slice(bytes);
    }

    /// Where to read from the socket directly, instead of `feed`. Only append.
    pub fn buffer(&mut self) -> &mut BytesMut {
        self.inbound.buffer()
    }

    /// The next whole envelope, uncompressed: header and body. `None`: more bytes are needed.
    ///
    /// # Errors
    /// When what came is wrong. Unless the error `is_fatal`, the offending envelope is skipped and reading can go on; after
    /// a fatal one the same error comes again and again.
    #[inline]
    pub fn next_envelope(&mut self) -> Result<Option<Bytes>, ProtocolError> {
        let envelope = self.inbound.next_envelope()?;
        if let Some(envelope) = &envelope
            && !matches!(self.handshake, Handshake::Done { .. })
        {
            self.watch(envelope);
        }
        Ok(envelope)
    }

    /// Appends one envelope, as it must go to the socket.
    #[inline]
    pub fn encode(&mut self, envelope: &[u8], out: &mut Vec<u8>) {
        self.encode_many([envelope], out);
    }

    /// Appends envelopes, as they must go to the socket. In version 5 they share segments.
    ///
    /// # Panics
    /// When one of them is shorter than a header: they must be whole envelopes of our own making.
    pub fn encode_many<'a>(&mut self, envelopes: impl IntoIterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
        for envelope in envelopes {
            assert!(envelope.len() >= HEADER_BYTES, "an envelope has a header");
            self.outbound.add(envelope, out);
            if !matches!(self.handshake, Handshake::Done { .. }) {
                self.watch(envelope);
            }
        }
        self.outbound.flush(out);
    }

    /// Looks at an envelope going by, in either direction, while the handshake lasts.
    #[cold]
    fn watch(&mut self, envelope: &[u8]) {
        let Some(Ok(header)) = envelope.first_chunk::<HEADER_BYTES>().map(|raw| Header::parse(*raw)) else { return };
        match (header.opcode, self.handshake) {
            (Opcode::Startup, _) => self.asked(envelope),
            (Opcode::Ready | Opcode::Authenticate, Handshake::Asked { stream, version, compression })
                if stream == header.stream =>
            {
                self.agreed(version, compression);
            }
            (Opcode::Error, Handshake::Asked { stream, .. }) if stream == header.stream => {
                self.handshake = Handshake::Fresh;
                self.inbound.set_compression(Compression::None);
            }
            _ => {}
        }
    }

    fn asked(&mut self, envelope: &[u8]) {
        let Ok(RequestEnvelope { version, stream, request: Request::Startup(startup), .. }) =
            RequestEnvelope::decode(&Bytes::copy_from_slice(envelope))
        else {
            // It will be answered with an error.
            return;
        };
        let compression = startup.compression(version).unwrap_or_default();
        self.handshake = Handshake::Asked { stream, version, compression };
        if self.role == Role::Client && !version.has_segments() {
            // The answer may already be compressed.
            self.inbound.set_compression(compression);
        }
    }

    fn agreed(&mut self, version: ProtocolVersion, compression: Compression) {
        self.handshake = Handshake::Done { version, compression };
        self.inbound.begin(version, compression);
        let form = if compression == Compression::Lz4 { SegmentForm::Lz4 } else { SegmentForm::Plain };
        self.outbound.begin(compression, version.has_segments().then_some(form));
    }
}
