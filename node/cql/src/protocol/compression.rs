//! Compression of bodies in versions 3 and 4: LZ4 with a big-endian length in front, or Snappy. Version 5 has LZ4 only, and
//! in segments. An expanded length from outside is never believed beyond what its input could hold.

use super::error::CompressionProblem;
use super::version::ProtocolVersion;

/// What STARTUP agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// None.
    #[default]
    None,
    /// LZ4, in all versions.
    Lz4,
    /// Snappy, in versions 3 and 4.
    Snappy,
}

/// LZ4 cannot expand more than this, plus a few bytes: a run's length grows by 255 for each byte.
const LZ4_RATIO: usize = 255;

/// Snappy cannot expand more than this: a copy of 64 bytes takes 3, its length's ends a few more.
const SNAPPY_RATIO: usize = 22;

impl Compression {
    /// The names of what we can do in this version, as SUPPORTED lists them.
    #[must_use]
    pub fn names(version: ProtocolVersion) -> &'static [&'static str] {
        if version >= ProtocolVersion::V5 { &["lz4"] } else { &["snappy", "lz4"] }
    }

    /// The algorithm with this name, in whatever case.
    ///
    /// # Errors
    /// When there is none, or none in this version.
    pub fn from_name(name: &str, version: ProtocolVersion) -> Result<Compression, CompressionProblem> {
        match name.to_ascii_lowercase().as_str() {
            "" => Ok(Compression::None),
            "lz4" => Ok(Compression::Lz4),
            "snappy" if version >= ProtocolVersion::V5 => Err(CompressionProblem::NotInVersion),
            "snappy" => Ok(Compression::Snappy),
            _ => Err(CompressionProblem::Unknown(name.to_owned())),
        }
    }

    /// Its name in STARTUP.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Compression::None => None,
            Compression::Lz4 => Some("lz4"),
            Compression::Snappy => Some("snappy"),
        }
    }

    /// Appends the compressed form of a body, if that is shorter. Otherwise leaves `out` as it was and says so.
    #[must_use]
    pub(super) fn compress(self, body: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let length = match self {
            Compression::None => return false,
            Compression::Lz4 => {
                let Ok(prefix) = u32::try_from(body.len()) else { return false };
                out.extend_from_slice(&prefix.to_be_bytes());
                out.resize(start + 4 + lz4_flex::block::get_maximum_output_size(body.len()), 0);
                lz4_flex::block::compress_into(body, &mut out[start + 4..]).map(|length| length + 4).ok()
            }
            Compression::Snappy => {
                out.resize(start + snap::raw::max_compress_len(body.len()), 0);
                snap::raw::Encoder::new().compress(body, &mut out[start..]).ok()
            }
        };
        match length {
            Some(length) if length < body.len() => {
                out.truncate(start + length);
                true
            }
            _ => {
                out.truncate(start);
                false
            }
        }
    }

    /// Appends the expanded form of a body.
    pub(super) fn expand(self, body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), CompressionProblem> {
        let start = out.len();
        let (claimed, possible) = match self {
            Compression::None => return Err(CompressionProblem::NotAgreed),
            Compression::Lz4 => {
                let prefix = body.first_chunk::<4>().ok_or(CompressionProblem::Damaged)?;
                (u32::from_be_bytes(*prefix) as usize, (body.len() - 4).saturating_mul(LZ4_RATIO).saturating_add(16))
            }
            Compression::Snappy => {
                let claimed = snap::raw::decompress_len(body).map_err(|_| CompressionProblem::Damaged)?;
                (claimed, body.len().saturating_mul(SNAPPY_RATIO))
            }
        };
        if claimed > limit || claimed > possible {
            return Err(CompressionProblem::Length { claimed });
        }
        out.resize(start + claimed, 0);
        let expanded = match self {
            Compression::Snappy => snap::raw::Decoder::new().decompress(body, &mut out[start..]).ok(),
            // An empty body may come as a length of zero and nothing else.
            _ if claimed == 0 => Some(0),
            _ => lz4_flex::block::decompress_into(&body[4..], &mut out[start..]).ok(),
        };
        if expanded == Some(claimed) { Ok(()) } else { Err(CompressionProblem::Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_survive() {
        for algorithm in [Compression::Lz4, Compression::Snappy] {
            for length in [1usize, 20, 100, 1000, 1 << 20] {
                let body = vec![7; length];
                let mut compressed = Vec::new();
                if algorithm.compress(&body, &mut compressed) {
                    assert!(compressed.len() < length);
                    let mut expanded = Vec::new();
                    assert_eq!(algorithm.expand(&compressed, length, &mut expanded), Ok(()));
                    assert_eq!(expanded, body);
                    let too_long = algorithm.expand(&compressed, length - 1, &mut Vec::new());
                    assert_eq!(too_long, Err(CompressionProblem::Length { claimed: length }));
                } else {
                    assert!(compressed.is_empty() && length < 100);
                }
            }
        }
    }

    #[test]
    fn the_densest_input_is_believed() {
        // Nothing compresses better than zeros: if these are taken, the ratios are not too small.
        for algorithm in [Compression::Lz4, Compression::Snappy] {
            let body = vec![0; 8 << 20];
            let mut compressed = Vec::new();
            assert!(algorithm.compress(&body, &mut compressed));
            let mut expanded = Vec::new();
            assert_eq!(algorithm.expand(&compressed, body.len(), &mut expanded), Ok(()));
        }
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        let lz4 = [0x10, 0, 0, 0, 0x50, 1, 2, 3, 4, 5];
        let claimed = 0x1000_0000;
        let mut out = Vec::new();
        assert_eq!(Compression::Lz4.expand(&lz4, claimed, &mut out), Err(CompressionProblem::Length { claimed }));
        let snappy = [0x80, 0x80, 0x80, 0x80, 0x01, 0, 0];
        assert_eq!(Compression::Snappy.expand(&snappy, claimed, &mut out), Err(CompressionProblem::Length { claimed }));
        assert_eq!(out.capacity(), 0);
    }
}
