//! Seals: every record that is not a row starts with a format byte and a checksum over its key and its content, so that
//! rotten, stale and misdirected records are detected. LMDB itself has no page checksums.
//!
//! Layout: format (1 byte), XXH3-64 of the content seeded with the XXH3-64 of the key (8 bytes, little endian), content.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The format of sealed records; another one is refused.
pub(super) const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 9;

/// Why a record was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SealError {
    #[error("it is too short")]
    Short,
    #[error("it has record format {0}, this program knows {FORMAT}")]
    Format(u8),
    #[error("its checksum does not match")]
    Checksum,
}

fn checksum(key: &[u8], content: &[u8]) -> u64 {
    xxh3_64_with_seed(content, xxh3_64(key))
}

/// Make a record in `record`: what `content` appends, sealed for this key.
pub(super) fn seal(key: &[u8], record: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    record.clear();
    record.extend_from_slice(&[0; HEADER_BYTES]);
    content(record);
    let sum = checksum(key, &record[HEADER_BYTES..]);
    record[0] = FORMAT;
    record[1..HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
}

/// The content of a record, if it is what was once written under this key.
pub(super) fn open<'a>(key: &[u8], record: &'a [u8]) -> Result<&'a [u8], SealError> {
    let (header, content) = record.split_at_checked(HEADER_BYTES).ok_or(SealError::Short)?;
    if header[0] != FORMAT {
        return Err(SealError::Format(header[0]));
    }
    if header[1..] != checksum(key, content).to_le_bytes() {
        return Err(SealError::Checksum);
    }
    Ok(content)
}

/// Takes numbers off the front of a record's content.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], SealError> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(SealError::Short)?;
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn u64(&mut self) -> Result<u64, SealError> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, SealError> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, SealError> {
        Ok(i64::from_le_bytes(self.bytes()?))
    }
}
