//! The envelope: nine bytes of header and a body. It is what a message is, whatever carries it: bare and perhaps
//! compressed in versions 3 and 4, inside segments in version 5. The core sees whole, uncompressed envelopes only.

use super::error::ProtocolError;
use super::version::ProtocolVersion;
use bytes::Bytes;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 9;

/// The bit of the first byte that says "response".
pub(super) const RESPONSE_BIT: u8 = 0x80;

/// The stream of messages that answer nothing: events.
pub const EVENT_STREAM: i16 = -1;

/// Which way an envelope goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From a client.
    Request,
    /// From a server.
    Response,
}

/// The flags of a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// The body is compressed (versions 3 and 4).
    pub const COMPRESSION: Flags = Flags(0x01);
    /// Request: please trace. Response: the body starts with the tracing id.
    pub const TRACING: Flags = Flags(0x02);
    /// The body has a custom payload (version 4 and later).
    pub const CUSTOM_PAYLOAD: Flags = Flags(0x04);
    /// The body has warnings (version 4 and later).
    pub const WARNING: Flags = Flags(0x08);
    /// The client accepts versions that are not final.
    pub const USE_BETA: Flags = Flags(0x10);

    /// Whether all of these are set.
    #[inline]
    #[must_use]
    pub fn has(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These as well.
    #[inline]
    #[must_use]
    pub fn with(self, flags: Flags) -> Flags {
        Flags(self.0 | flags.0)
    }
}

/// What kind of message a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum Opcode {
    Error = 0x00,
    Startup = 0x01,
    Ready = 0x02,
    Authenticate = 0x03,
    Options = 0x05,
    Supported = 0x06,
    Query = 0x07,
    Result = 0x08,
    Prepare = 0x09,
    Execute = 0x0A,
    Register = 0x0B,
    Event = 0x0C,
    Batch = 0x0D,
    AuthChallenge = 0x0E,
    AuthResponse = 0x0F,
    AuthSuccess = 0x10,
}

impl Opcode {
    /// All of them.
    pub const ALL: [Opcode; 16] = [
        Opcode::Error,
        Opcode::Startup,
        Opcode::Ready,
        Opcode::Authenticate,
        Opcode::Options,
        Opcode::Supported,
        Opcode::Query,
        Opcode::Result,
        Opcode::Prepare,
        Opcode::Execute,
        Opcode::Register,
        Opcode::Event,
        Opcode::Batch,
        Opcode::AuthChallenge,
        Opcode::AuthResponse,
        Opcode::AuthSuccess,
    ];

    /// The opcode with this number.
    #[inline]
    #[must_use]
    pub fn from_number(number: u8) -> Option<Opcode> {
        match number {
            0x00..=0x03 => Some(Opcode::ALL[usize::from(number)]),
            0x05..=0x10 => Some(Opcode::ALL[usize::from(number) - 1]),
            _ => None,
        }
    }

    /// Who sends it.
    #[must_use]
    pub fn direction(self) -> Direction {
        match self {
            Opcode::Startup
            | Opcode::Options
            | Opcode::Query
            | Opcode::Prepare
            | Opcode::Execute
            | Opcode::Register
            | Opcode::Batch
            | Opcode::AuthResponse => Direction::Request,
            Opcode::Error
            | Opcode::Ready
            | Opcode::Authenticate
            | Opcode::Supported
            | Opcode::Result
            | Opcode::Event
            | Opcode::AuthChallenge
            | Opcode::AuthSuccess => Direction::Response,
        }
    }

    /// Its name as the specification writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Opcode::Error => "ERROR",
            Opcode::Startup => "STARTUP",
            Opcode::Ready => "READY",
            Opcode::Authenticate => "AUTHENTICATE",
            Opcode::Options => "OPTIONS",
            Opcode::Supported => "SUPPORTED",
            Opcode::Query => "QUERY",
            Opcode::Result => "RESULT",
            Opcode::Prepare => "PREPARE",
            Opcode::Execute => "EXECUTE",
            Opcode::Register => "REGISTER",
            Opcode::Event => "EVENT",
            Opcode::Batch => "BATCH",
            Opcode::AuthChallenge => "AUTH_CHALLENGE",
            Opcode::AuthResponse => "AUTH_RESPONSE",
            Opcode::AuthSuccess => "AUTH_SUCCESS",
        }
    }
}

/// A header that we understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// The version of the message.
    pub version: ProtocolVersion,
    /// Which way it goes.
    pub direction: Direction,
    /// Its flags.
    pub flags: Flags,
    /// What joins a response to its request.
    pub stream: i16,
    /// The kind of message.
    pub opcode: Opcode,
    /// Bytes of the body.
    pub length: u32,
}

impl Header {
    /// The header of a whole envelope, as `Framer::next_envelope` gives it.
    ///
    /// # Errors
    /// When it is no header of ours, or its length is not that of the body.
    #[inline]
    pub fn of(envelope: &Bytes) -> Result<Header, ProtocolError> {
        let Some(raw) = envelope.first_chunk::<HEADER_BYTES>() else {
            return Err(ProtocolError::NoEnvelope { bytes: envelope.len() });
        };
        let header = Header::parse(*raw)?;
        if envelope.len() - HEADER_BYTES != header.length as usize {
            return Err(ProtocolError::NoEnvelope { bytes: envelope.len() });
        }
        Ok(header)
    }

    /// Reads nine bytes.
    ///
    /// # Errors
    /// When the version is not one of ours, or the opcode is unknown.
    #[inline]
    pub fn parse(raw: [u8; HEADER_BYTES]) -> Result<Header, ProtocolError> {
        let [first, flags, stream_high, stream_low, opcode, length @ ..] = raw;
        let stream = i16::from_be_bytes([stream_high, stream_low]);
        let Some(version) = ProtocolVersion::from_number(first & !RESPONSE_BIT) else {
            return Err(ProtocolError::UnsupportedVersion { version: first & !RESPONSE_BIT, stream });
        };
        let Some(opcode) = Opcode::from_number(opcode) else {
            return Err(ProtocolError::UnknownOpcode { version, stream, opcode });
        };
        let direction = if first & RESPONSE_BIT == 0 { Direction::Request } else { Direction::Response };
        Ok(Header { version, direction, flags: Flags(flags), stream, opcode, length: u32::from_be_bytes(length) })
    }

    /// The nine bytes.
    #[inline]
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let direction = if self.direction == Direction::Response { RESPONSE_BIT } else { 0 };
        let [stream_high, stream_low] = self.stream.to_be_bytes();
        let [a, b, c, d] = self.length.to_be_bytes();
        let first = self.version.number() | direction;
        [first, self.flags.0, stream_high, stream_low, self.opcode as u8, a, b, c, d]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_have_the_numbers_of_the_specification() {
        for number in 0..=255u8 {
            match Opcode::from_number(number) {
                Some(opcode) => assert_eq!(opcode as u8, number),
                None => assert!(number == 4 || number > 0x10),
            }
        }
    }

    #[test]
    fn header_survives_the_wire() {
        let header = Header {
            version: ProtocolVersion::V4,
            direction: Direction::Response,
            flags: Flags::TRACING.with(Flags::WARNING),
            stream: -2,
            opcode: Opcode::Result,
            length: 0x0102_0304,
        };
        assert_eq!(header.to_bytes(), [0x84, 0x0A, 0xFF, 0xFE, 0x08, 1, 2, 3, 4]);
        assert_eq!(Header::parse(header.to_bytes()), Ok(header));
    }
}
