//! One direction of a connection, leaving: whole uncompressed envelopes in, bytes for the socket out. As many envelopes as
//! fit share a segment, because a checksum and a system call for each of them would cost more than the envelopes do.

use super::compression::Compression;
use super::envelope::{Flags, HEADER_BYTES};
use super::segment::{self, PAYLOAD_BYTES_MAX, SegmentForm, SegmentHeader, TRAILER_BYTES};

/// Shorter ones are not compressed: there is nothing to gain.
const COMPRESSED_BYTES_MIN: usize = 128;

/// The leaving direction.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    /// Compression of bodies, outside segments.
    compression: Compression,
    /// How segments look; none: bare envelopes.
    segments: Option<SegmentForm>,
    /// Payload of a segment that is to be compressed.
    payload: Vec<u8>,
    /// Where in the output the segment under construction starts.
    open: Option<usize>,
}

impl Outbound {
    /// Both sides have agreed.
    pub fn begin(&mut self, compression: Compression, segments: Option<SegmentForm>) {
        self.compression = compression;
        self.segments = segments;
    }

    /// Adds one envelope. `flush` must follow the last one.
    #[inline]
    pub fn add(&mut self, envelope: &[u8], out: &mut Vec<u8>) {
        match self.segments {
            None => self.add_bare(envelope, out),
            Some(SegmentForm::Plain) => self.add_plain(envelope, out),
            Some(SegmentForm::Lz4) => self.add_lz4(envelope, out),
        }
    }

    /// Ends the segment under construction.
    #[inline]
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        if let Some(start) = self.open.take() {
            close_plain(out, start, true);
        }
        if !self.payload.is_empty() {
            write_lz4(&self.payload, true, out);
            self.payload.clear();
        }
    }

    fn add_bare(&mut self, envelope: &[u8], out: &mut Vec<u8>) {
        let (header, body) = envelope.split_at(HEADER_BYTES);
        let start = out.len();
        out.extend_from_slice(header);
        if body.len() >= COMPRESSED_BYTES_MIN && self.compression.compress(body, out) {
            out[start + 1] |= Flags::COMPRESSION.0;
            let length = u32::try_from(out.len() - start - HEADER_BYTES).expect("it is shorter than before");
            out[start + HEADER_BYTES - 4..start + HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
        } else {
            out.extend_from_slice(body);
        }
    }

    #[inline]
    fn add_plain(&mut self, envelope: &[u8], out: &mut Vec<u8>) {
        let header_bytes = SegmentForm::Plain.header_bytes();
        if let Some(start) = self.open
            && out.len() - start - header_bytes + envelope.len() > PAYLOAD_BYTES_MAX
        {
            self.flush(out);
        }
        if envelope.len() > PAYLOAD_BYTES_MAX {
            for part in envelope.chunks(PAYLOAD_BYTES_MAX) {
                let start = open_plain(out);
                out.extend_from_slice(part);
                close_plain(out, start, false);
            }
            return;
        }
        if self.open.is_none() {
            self.open = Some(open_plain(out));
        }
        out.extend_from_slice(envelope);
    }

    fn add_lz4(&mut self, envelope: &[u8], out: &mut Vec<u8>) {
        if self.payload.len() + envelope.len() > PAYLOAD_BYTES_MAX {
            self.flush(out);
        }
        if envelope.len() > PAYLOAD_BYTES_MAX {
            for part in envelope.chunks(PAYLOAD_BYTES_MAX) {
                write_lz4(part, false, out);
            }
            return;
        }
        self.payload.extend_from_slice(envelope);
    }
}

/// Leaves room for a header and says where.
#[inline]
fn open_plain(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.resize(start + SegmentForm::Plain.header_bytes(), 0);
    start
}

/// Fills in the header and adds the checksum of everything since.
#[inline]
fn close_plain(out: &mut Vec<u8>, start: usize, is_self_contained: bool) {
    let form = SegmentForm::Plain;
    let payload = &out[start + form.header_bytes()..];
    let header = SegmentHeader { payload_bytes: payload.len(), expanded_bytes: 0, is_self_contained };
    let checksum = segment::crc32(payload);
    form.write_header(header, &mut out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// Writes a segment, compressed if that makes it shorter.
fn write_lz4(payload: &[u8], is_self_contained: bool, out: &mut Vec<u8>) {
    let form = SegmentForm::Lz4;
    let start = out.len();
    let body = start + form.header_bytes();
    let mut compressed = None;
    if payload.len() >= COMPRESSED_BYTES_MIN {
        out.resize(body + lz4_flex::block::get_maximum_output_size(payload.len()) + TRAILER_BYTES, 0);
        let length = lz4_flex::block::compress_into(payload, &mut out[body..]).ok();
        compressed = length.filter(|length| *length < payload.len());
    }
    let (payload_bytes, expanded_bytes) = match compressed {
        Some(length) => {
            out.truncate(body + length);
            (length, payload.len())
        }
        None => {
            out.resize(body, 0);
            out.extend_from_slice(payload);
            (payload.len(), 0)
        }
    };
    form.write_header(SegmentHeader { payload_bytes, expanded_bytes, is_self_contained }, &mut out[start..]);
    let checksum = segment::crc32(&out[body..]);
    out.extend_from_slice(&checksum.to_le_bytes());
}
