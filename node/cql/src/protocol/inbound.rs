//! One direction of a connection, arriving: bytes in, whole uncompressed envelopes out. Nothing is copied unless it is
//! compressed or spread over several segments. Memory grows with the bytes that came, never with a length that was
//! announced; what is too large is skipped, and the connection goes on.

use super::compression::Compression;
use super::envelope::{Direction, Flags, HEADER_BYTES, Header, RESPONSE_BIT};
use super::error::{CompressionProblem, ProtocolError, SegmentProblem};
use super::segment::{self, SegmentForm, SegmentHeader, TRAILER_BYTES};
use super::version::ProtocolVersion;
use bytes::{Buf, Bytes, BytesMut};

/// The arriving direction.
#[derive(Debug)]
pub(super) struct Inbound {
    /// What must come.
    direction: Direction,
    /// The longest body accepted, expanded.
    body_bytes_max: u32,
    /// What the socket gave and has not been used.
    buffer: BytesMut,
    /// Bytes of a refused body that are still to come, outside segments.
    skip: usize,
    /// The version, once both sides have agreed.
    version: Option<ProtocolVersion>,
    /// Compression of bodies, outside segments.
    compression: Compression,
    /// How segments look; none: bare envelopes.
    segments: Option<SegmentForm>,
    /// What is left of a self-contained segment.
    contained: Bytes,
    /// An envelope that comes in several segments.
    partial: Option<Partial>,
    /// After a fatal error nothing more is read.
    broken: Option<ProtocolError>,
}

/// An envelope of which some segments are there.
#[derive(Debug, Default)]
struct Partial {
    bytes: BytesMut,
    /// Bytes of the envelope, once its header is there.
    wanted: Option<usize>,
    /// Bytes of a refused envelope that went by; nothing is kept of it.
    skipped: Option<usize>,
}

impl Inbound {
    pub fn new(direction: Direction, body_bytes_max: u32) -> Inbound {
        Inbound {
            direction,
            body_bytes_max,
            buffer: BytesMut::new(),
            skip: 0,
            version: None,
            compression: Compression::None,
            segments: None,
            contained: Bytes::new(),
            partial: None,
            broken: None,
        }
    }

    pub fn set_body_bytes_max(&mut self, body_bytes_max: u32) {
        self.body_bytes_max = body_bytes_max;
    }

    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    pub fn set_compression(&mut self, compression: Compression) {
        self.compression = compression;
    }

    /// Both sides have agreed: from here on everything is in this version, and in segments if it has them.
    pub fn begin(&mut self, version: ProtocolVersion, compression: Compression) {
        self.version = Some(version);
        self.compression = compression;
        if version.has_segments() {
            let is_lz4 = compression == Compression::Lz4;
            self.segments = Some(if is_lz4 { SegmentForm::Lz4 } else { SegmentForm::Plain });
        }
    }

    pub fn next_envelope(&mut self) -> Result<Option<Bytes>, ProtocolError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let next = match self.segments {
            None => self.next_bare(),
            Some(form) => self.next_from_segments(form),
        };
        if let Err(error) = &next
            && error.is_fatal()
        {
            self.broken = Some(error.clone());
            self.buffer = BytesMut::new();
            self.contained = Bytes::new();
            self.partial = None;
        }
        next
    }

    /// Checks a header whose envelope is bare or in segments. An error other than a fatal one leaves the body to be skipped.
    fn check(&self, raw: [u8; HEADER_BYTES]) -> Result<Header, ProtocolError> {
        let header = Header::parse(raw)?;
        let Header { version, stream, length, .. } = header;
        if let Some(connection) = self.version
            && connection != version
        {
            return Err(ProtocolError::VersionChanged { version, connection, stream });
        }
        if length > self.body_bytes_max {
            return Err(ProtocolError::TooLarge { version, stream, length, limit: self.body_bytes_max });
        }
        Ok(header)
    }

    /// Whether the first byte of an envelope can be right at all.
    fn check_direction(&self, first: u8) -> Result<(), ProtocolError> {
        let direction = if first & RESPONSE_BIT == 0 { Direction::Request } else { Direction::Response };
        if direction == self.direction { Ok(()) } else { Err(ProtocolError::WrongDirection { opcode: None }) }
    }

    fn next_bare(&mut self) -> Result<Option<Bytes>, ProtocolError> {
        let skipped = self.skip.min(self.buffer.len());
        self.buffer.advance(skipped);
        self.skip -= skipped;
        let Some(first) = self.buffer.first().copied() else { return Ok(None) };
        self.check_direction(first)?;
        let version = first & !RESPONSE_BIT;
        if version < ProtocolVersion::V3.number() {
            // Their stream has one byte, so the header has eight.
            let Some(stream) = self.buffer.get(2) else { return Ok(None) };
            return Err(ProtocolError::UnsupportedVersion { version, stream: i16::from(stream.cast_signed()) });
        }
        let Some(raw) = self.buffer.first_chunk::<HEADER_BYTES>().copied() else { return Ok(None) };
        let header = match self.check(raw) {
            Ok(header) => header,
            Err(error) => {
                self.buffer.advance(HEADER_BYTES);
                self.skip = body_bytes(raw);
                return Err(error);
            }
        };
        let wanted = HEADER_BYTES + header.length as usize;
        if self.buffer.len() < wanted {
            return Ok(None);
        }
        let envelope = self.buffer.split_to(wanted).freeze();
        if header.flags.has(Flags::COMPRESSION) { self.expand(header, &envelope).map(Some) } else { Ok(Some(envelope)) }
    }

    fn expand(&self, header: Header, envelope: &Bytes) -> Result<Bytes, ProtocolError> {
        let Header { version, stream, .. } = header;
        let failed = |problem: CompressionProblem| ProtocolError::Compression { version, stream, problem };
        let mut out = vec![0; HEADER_BYTES];
        let limit = self.body_bytes_max as usize;
        self.compression.expand(&envelope[HEADER_BYTES..], limit, &mut out).map_err(failed)?;
        let flags = Flags(header.flags.0 & !Flags::COMPRESSION.0);
        let length = u32::try_from(out.len() - HEADER_BYTES).expect("it is within the limit, which is a u32");
        out[..HEADER_BYTES].copy_from_slice(&Header { flags, length, ..header }.to_bytes());
        Ok(Bytes::from(out))
    }

    fn next_from_segments(&mut self, form: SegmentForm) -> Result<Option<Bytes>, ProtocolError> {
        loop {
            if !self.contained.is_empty() {
                return self.next_contained().map(Some);
            }
            let Some((header, payload)) = self.next_segment(form)? else { return Ok(None) };
            if !header.is_self_contained {
                if let Some(envelope) = self.next_part(&payload)? {
                    return Ok(Some(envelope));
                }
            } else if self.partial.is_some() {
                return Err(SegmentProblem::Overrun.into());
            } else {
                self.contained = payload;
            }
        }
    }

    fn next_segment(&mut self, form: SegmentForm) -> Result<Option<(SegmentHeader, Bytes)>, ProtocolError> {
        let Some(header) = form.parse_header(&self.buffer)? else { return Ok(None) };
        if self.buffer.len() < form.header_bytes() + header.payload_bytes + TRAILER_BYTES {
            return Ok(None);
        }
        self.buffer.advance(form.header_bytes());
        let payload = self.buffer.split_to(header.payload_bytes).freeze();
        let mut trailer = [0; TRAILER_BYTES];
        self.buffer.copy_to_slice(&mut trailer);
        segment::check_payload(&payload, trailer)?;
        if header.expanded_bytes == 0 {
            return Ok(Some((header, payload)));
        }
        let mut expanded = vec![0; header.expanded_bytes];
        match lz4_flex::block::decompress_into(&payload, &mut expanded) {
            Ok(length) if length == expanded.len() => Ok(Some((header, Bytes::from(expanded)))),
            _ => Err(SegmentProblem::Payload { claimed: header.expanded_bytes }.into()),
        }
    }

    /// The next envelope of a self-contained segment.
    fn next_contained(&mut self) -> Result<Bytes, ProtocolError> {
        let Some(raw) = self.contained.first_chunk::<HEADER_BYTES>().copied() else {
            return Err(SegmentProblem::NotContained.into());
        };
        self.check_direction(raw[0])?;
        let wanted = HEADER_BYTES + body_bytes(raw);
        if self.contained.len() < wanted {
            return Err(SegmentProblem::NotContained.into());
        }
        let envelope = self.contained.split_to(wanted);
        self.check(raw).map(|_| envelope)
    }

    /// One more part of an envelope in several segments.
    fn next_part(&mut self, payload: &[u8]) -> Result<Option<Bytes>, ProtocolError> {
        let mut partial = self.partial.take().unwrap_or_default();
        let error =
            partial.add(payload).and_then(|raw| self.check_direction(raw[0]).and_then(|()| self.check(raw)).err());
        let is_complete = match (partial.wanted, partial.have()) {
            (Some(wanted), have) if have > wanted => return Err(SegmentProblem::Overrun.into()),
            (Some(wanted), have) => have == wanted,
            (None, _) => false,
        };
        if let Some(error) = error {
            if !is_complete {
                self.partial = Some(partial.refused());
            }
            return Err(error);
        }
        if !is_complete {
            self.partial = Some(partial);
            return Ok(None);
        }
        Ok(if partial.skipped.is_some() { None } else { Some(partial.bytes.freeze()) })
    }
}

impl Partial {
    /// Takes one more payload. Returns the header when it has just become complete.
    fn add(&mut self, payload: &[u8]) -> Option<[u8; HEADER_BYTES]> {
        if let Some(skipped) = &mut self.skipped {
            *skipped += payload.len();
            return None;
        }
        self.bytes.extend_from_slice(payload);
        let raw = *self.bytes.first_chunk::<HEADER_BYTES>()?;
        if self.wanted.is_some() {
            return None;
        }
        self.wanted = Some(HEADER_BYTES + body_bytes(raw));
        Some(raw)
    }

    fn have(&self) -> usize {
        self.skipped.unwrap_or(self.bytes.len())
    }

    /// The rest of it will be skipped.
    fn refused(self) -> Partial {
        Partial { skipped: Some(self.bytes.len()), bytes: BytesMut::new(), wanted: self.wanted }
    }
}

fn body_bytes(raw: [u8; HEADER_BYTES]) -> usize {
    let [.., a, b, c, d] = raw;
    u32::from_be_bytes([a, b, c, d]) as usize
}
