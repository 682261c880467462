//! What can be wrong with bytes that a peer sent. Each error knows which request it spoils, so that the server can
//! answer on that stream, and whether the connection can go on: after a bad checksum or an unreadable header nobody
//! knows where the next message starts.

use super::envelope::Opcode;
use super::response::CqlError;
use super::version::ProtocolVersion;

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A version that we do not speak. Drivers step down when they read this text.
    #[error(
        "Invalid or unsupported protocol version ({version}); supported versions are ({})",
        ProtocolVersion::SUPPORTED_TEXT
    )]
    UnsupportedVersion {
        /// The number received.
        version: u8,
        /// The stream of the message.
        stream: i16,
    },
    /// A connection has one version.
    #[error("Invalid message version. Got {version} but previous messages on this connection had version {connection}")]
    VersionChanged {
        /// The version of the message.
        version: ProtocolVersion,
        /// The version of the connection.
        connection: ProtocolVersion,
        /// The stream of the message.
        stream: i16,
    },
    /// A request came from a server or a response from a client.
    #[error("Invalid message direction of {}", opcode.map_or("unknown opcode", Opcode::name))]
    WrongDirection {
        /// The kind of message, if it has a known one.
        opcode: Option<Opcode>,
    },
    /// No message has this number.
    #[error("Unknown opcode {opcode}")]
    UnknownOpcode {
        /// The version of the message.
        version: ProtocolVersion,
        /// The stream of the message.
        stream: i16,
        /// The number received.
        opcode: u8,
    },
    /// Longer than we accept. The body is skipped, other streams are not disturbed.
    #[error("Request is too big: length {length} exceeds maximum allowed length {limit}.")]
    TooLarge {
        /// The version of the message.
        version: ProtocolVersion,
        /// The stream of the message.
        stream: i16,
        /// Bytes of the body.
        length: u32,
        /// The most we accept.
        limit: u32,
    },
    /// A body that cannot be read.
    #[error("{0}")]
    Malformed(Malformed),
    /// A compressed body that cannot be expanded, or one that should not be compressed.
    #[error("Compressed body: {problem}")]
    Compression {
        /// The version of the message.
        version: ProtocolVersion,
        /// The stream of the message.
        stream: i16,
        /// What is wrong.
        problem: CompressionProblem,
    },
    /// Version 5: a segment is damaged.
    #[error("{0}")]
    Segment(#[from] SegmentProblem),
    /// Not a whole envelope: our own mistake, or a test's.
    #[error("{bytes} bytes are not one envelope")]
    NoEnvelope {
        /// How many bytes there were.
        bytes: usize,
    },
}

impl ProtocolError {
    /// Whether the connection cannot go on, because the start of the next message is not known or must not be trusted.
    /// What can be answered should still be answered before it is closed.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            // Versions 1 and 2 have other headers.
            ProtocolError::UnsupportedVersion { version, .. } => *version < 3,
            ProtocolError::WrongDirection { .. } | ProtocolError::Segment(_) | ProtocolError::NoEnvelope { .. } => true,
            ProtocolError::VersionChanged { .. }
            | ProtocolError::UnknownOpcode { .. }
            | ProtocolError::TooLarge { .. }
            | ProtocolError::Malformed(_)
            | ProtocolError::Compression { .. } => false,
        }
    }

    /// The stream to answer on; 0 where the message has none that can be read.
    #[must_use]
    pub fn stream(&self) -> i16 {
        match self {
            ProtocolError::UnsupportedVersion { stream, .. }
            | ProtocolError::VersionChanged { stream, .. }
            | ProtocolError::UnknownOpcode { stream, .. }
            | ProtocolError::TooLarge { stream, .. }
            | ProtocolError::Malformed(Malformed { stream, .. })
            | ProtocolError::Compression { stream, .. } => *stream,
            ProtocolError::WrongDirection { .. } | ProtocolError::Segment(_) | ProtocolError::NoEnvelope { .. } => 0,
        }
    }

    /// The version to answer in: the message's own, or the newest that we speak.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        match self {
            ProtocolError::VersionChanged { connection: version, .. }
            | ProtocolError::UnknownOpcode { version, .. }
            | ProtocolError::TooLarge { version, .. }
            | ProtocolError::Malformed(Malformed { version, .. })
            | ProtocolError::Compression { version, .. } => *version,
            ProtocolError::UnsupportedVersion { .. }
            | ProtocolError::WrongDirection { .. }
            | ProtocolError::Segment(_)
            | ProtocolError::NoEnvelope { .. } => ProtocolVersion::NEWEST,
        }
    }

    /// What the client is told.
    #[must_use]
    pub fn to_cql_error(&self) -> CqlError {
        match self {
            // As Cassandra: its native_transport_max_frame_size makes an InvalidRequest, which drivers do not retry.
            ProtocolError::TooLarge { .. } => CqlError::invalid(self.to_string()),
            _ => CqlError::protocol(self.to_string()),
        }
    }
}

/// A body that cannot be read: which message, which field, where and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {field} at byte {offset}: {problem}", opcode.name())]
pub struct Malformed {
    /// The version of the message.
    pub version: ProtocolVersion,
    /// The stream of the message.
    pub stream: i16,
    /// The kind of message.
    pub opcode: Opcode,
    /// The field that was being read.
    pub field: &'static str,
    /// Where it starts, counted from the start of the envelope.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The body ends inside it.
    #[error("{wanted} bytes wanted, {left} left")]
    Truncated {
        /// Bytes that the field needs.
        wanted: usize,
        /// Bytes that are there.
        left: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// A negative length that means nothing.
    #[error("Invalid ByteBuf length {0}")]
    Length(i32),
    /// No consistency level has this number.
    #[error("Unknown code {0} for a consistency level")]
    Consistency(u16),
    /// A number that stands for nothing.
    #[error("unknown value {0}")]
    UnknownNumber(i64),
    /// A name that stands for nothing.
    #[error("unknown name '{0}'")]
    UnknownName(String),
    /// Types inside types, too deep.
    #[error("nested too deep")]
    TooDeep,
    /// The most negative timestamp means "none" and cannot be given.
    #[error("Out of bound timestamp, must be in [{min}, {max}] (got {0})", min = i64::MIN + 1, max = i64::MAX)]
    Timestamp(i64),
    /// Something that this version of the protocol does not have.
    #[error("not in this version of the protocol")]
    NotInVersion,
}

/// What is wrong with a compressed body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompressionProblem {
    /// None was agreed in STARTUP.
    #[error("no compression was agreed upon")]
    NotAgreed,
    /// It claims to expand to more than is accepted, or than its length can hold.
    #[error("claims to expand to {claimed} bytes")]
    Length {
        /// Bytes claimed.
        claimed: usize,
    },
    /// The compressed data are damaged.
    #[error("damaged")]
    Damaged,
    /// STARTUP wants an algorithm that we do not have.
    #[error("Unknown compression algorithm: {0}")]
    Unknown(String),
    /// STARTUP wants an algorithm that its version does not have.
    #[error("Snappy compression is not supported in protocol V5")]
    NotInVersion,
}

/// What is wrong with a segment. Always fatal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SegmentProblem {
    /// The header's checksum is not that of its bytes.
    #[error("Invalid segment header: CRC24 is {computed:06x}, header says {stored:06x}")]
    HeaderChecksum {
        /// In the header.
        stored: u32,
        /// Of its bytes.
        computed: u32,
    },
    /// The payload's checksum is not that of its bytes.
    #[error("Invalid segment payload: CRC32 is {computed:08x}, trailer says {stored:08x}")]
    PayloadChecksum {
        /// After the payload.
        stored: u32,
        /// Of the payload.
        computed: u32,
    },
    /// The payload does not expand to what the header says.
    #[error("Invalid segment payload: LZ4 does not expand to {claimed} bytes")]
    Payload {
        /// Bytes that the header says.
        claimed: usize,
    },
    /// A self-contained segment ends inside an envelope.
    #[error("Invalid segment: self-contained, but ends inside an envelope")]
    NotContained,
    /// An envelope in several segments is followed by something else.
    #[error("Invalid segment: more than the envelope it continues")]
    Overrun,
}
