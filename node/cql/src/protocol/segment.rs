//! Segments: what carries envelopes in version 5. A header of three or five bytes, little-endian, with a CRC24; at most
//! 128 KiB − 1 of payload; a CRC32. A self-contained segment holds whole envelopes, any other one a part of a single
//! envelope. With LZ4 the payload is compressed unless the header says 0 for its expanded length.

use super::error::SegmentProblem;

/// The most a segment carries, on the wire and expanded: its lengths have 17 bits.
pub const PAYLOAD_BYTES_MAX: usize = (1 << 17) - 1;

/// The CRC32 after the payload.
pub const TRAILER_BYTES: usize = 4;

const CRC24_BYTES: usize = 3;
const LENGTH_BITS: u32 = 17;

/// Whether segments may be compressed; it decides the form of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SegmentForm {
    /// Never.
    Plain,
    /// With LZ4.
    Lz4,
}

/// What a segment's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SegmentHeader {
    /// Bytes of the payload on the wire.
    pub payload_bytes: usize,
    /// Bytes of the payload expanded; 0: it is not compressed.
    pub expanded_bytes: usize,
    /// Whether it holds whole envelopes.
    pub is_self_contained: bool,
}

impl SegmentForm {
    /// Bytes of a header with its checksum.
    #[inline]
    #[must_use]
    pub fn header_bytes(self) -> usize {
        self.field_bytes() + CRC24_BYTES
    }

    /// Bytes that the checksum covers.
    #[inline]
    fn field_bytes(self) -> usize {
        match self {
            SegmentForm::Plain => 3,
            SegmentForm::Lz4 => 5,
        }
    }

    /// Reads a header from the start of `raw`, if it is there.
    ///
    /// # Errors
    /// When the checksum is wrong.
    #[inline]
    pub fn parse_header(self, raw: &[u8]) -> Result<Option<SegmentHeader>, SegmentProblem> {
        let Some(raw) = raw.get(..self.header_bytes()) else { return Ok(None) };
        let (fields, checksum) = raw.split_at(self.field_bytes());
        let (stored, computed) = (little_endian(checksum), crc24(fields));
        // Three bytes, so both fit.
        let (stored, computed) = (stored as u32, computed);
        if stored != computed {
            return Err(SegmentProblem::HeaderChecksum { stored, computed });
        }
        let bits = little_endian(fields);
        let length = |shift: u32| (bits >> shift) as usize & PAYLOAD_BYTES_MAX;
        let (expanded_bytes, flag) = match self {
            SegmentForm::Plain => (0, LENGTH_BITS),
            SegmentForm::Lz4 => (length(LENGTH_BITS), 2 * LENGTH_BITS),
        };
        Ok(Some(SegmentHeader { payload_bytes: length(0), expanded_bytes, is_self_contained: bits >> flag & 1 == 1 }))
    }

    /// Writes a header to the start of `raw`.
    #[inline]
    pub(super) fn write_header(self, header: SegmentHeader, raw: &mut [u8]) {
        debug_assert!(header.payload_bytes <= PAYLOAD_BYTES_MAX && header.expanded_bytes <= PAYLOAD_BYTES_MAX);
        let flag = u64::from(header.is_self_contained);
        let bits = match self {
            SegmentForm::Plain => header.payload_bytes as u64 | flag << LENGTH_BITS,
            SegmentForm::Lz4 => {
                header.payload_bytes as u64 | (header.expanded_bytes as u64) << LENGTH_BITS | flag << (2 * LENGTH_BITS)
            }
        };
        let (fields, checksum) = raw[..self.header_bytes()].split_at_mut(self.field_bytes());
        fields.copy_from_slice(&bits.to_le_bytes()[..fields.len()]);
        checksum.copy_from_slice(&crc24(fields).to_le_bytes()[..CRC24_BYTES]);
    }
}

/// Checks a payload against the four bytes after it.
///
/// # Errors
/// When they differ.
#[inline]
pub fn check_payload(payload: &[u8], trailer: [u8; TRAILER_BYTES]) -> Result<(), SegmentProblem> {
    let (stored, computed) = (u32::from_le_bytes(trailer), crc32(payload));
    if stored == computed { Ok(()) } else { Err(SegmentProblem::PayloadChecksum { stored, computed }) }
}

#[inline]
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

const CRC24_INITIAL: u32 = 0x87_5060;
const CRC24_POLYNOMIAL: u32 = 0x197_4F0B;

/// Remainders of all bytes: the checksum goes byte by byte instead of bit by bit.
static CRC24_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut remainder = (byte as u32) << 16;
        let mut bit = 0;
        while bit < 8 {
            remainder <<= 1;
            if remainder & 0x100_0000 != 0 {
                remainder ^= CRC24_POLYNOMIAL;
            }
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
};

/// The checksum of a header.
#[inline]
#[must_use]
pub fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(CRC24_INITIAL, |crc, byte| {
        let index = (crc >> 16) as u8 ^ byte;
        crc << 8 & 0xFF_FFFF ^ CRC24_TABLE[usize::from(index)]
    })
}

/// The checksum of FA 2D 55 CA, which Cassandra puts before every payload so that zeros do not have the checksum zero.
const CRC32_INITIAL: u32 = 0x4477_7ED3;

/// The checksum of a payload.
#[inline]
#[must_use]
pub fn crc32(payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(CRC32_INITIAL);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_initial_checksum_is_that_of_the_four_bytes() {
        assert_eq!(crc32fast::hash(&[0xFA, 0x2D, 0x55, 0xCA]), CRC32_INITIAL);
    }

    #[test]
    fn headers_survive_and_their_damage_is_seen() {
        for form in [SegmentForm::Plain, SegmentForm::Lz4] {
            for payload_bytes in [0, 1, 255, 65_536, PAYLOAD_BYTES_MAX] {
                for is_self_contained in [false, true] {
                    let expanded_bytes = if form == SegmentForm::Lz4 { PAYLOAD_BYTES_MAX - payload_bytes } else { 0 };
                    let header = SegmentHeader { payload_bytes, expanded_bytes, is_self_contained };
                    let mut raw = vec![0; form.header_bytes()];
                    form.write_header(header, &mut raw);
                    assert_eq!(form.parse_header(&raw), Ok(Some(header)));
                    assert_eq!(form.parse_header(&raw[1..]), Ok(None));
                    for bit in 0..raw.len() * 8 {
                        raw[bit / 8] ^= 1 << (bit % 8);
                        assert!(form.parse_header(&raw).is_err());
                        raw[bit / 8] ^= 1 << (bit % 8);
                    }
                }
            }
        }
    }
}
