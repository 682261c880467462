//! Versions of the native protocol that we speak. Everything that differs between them asks this type, so that a new
//! version is found by the compiler and not by a client.

use serde::{Deserialize, Serialize};

/// A version of the native protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ProtocolVersion {
    /// Version 3 (Cassandra 2.1).
    V3 = 3,
    /// Version 4 (Cassandra 2.2): unset values, warnings, custom payloads, partition key positions.
    V4 = 4,
    /// Version 5 (Cassandra 4.0): segments with checksums, result metadata ids, keyspace and time of a request.
    V5 = 5,
}

impl ProtocolVersion {
    /// All we speak, oldest first.
    pub const SUPPORTED: [ProtocolVersion; 3] = [ProtocolVersion::V3, ProtocolVersion::V4, ProtocolVersion::V5];

    /// The newest; errors about unknown versions are sent in it, and clients take the version to use from there.
    pub const NEWEST: ProtocolVersion = ProtocolVersion::V5;

    /// The list as SUPPORTED answers and error texts have it. Drivers look for this exact form.
    pub const SUPPORTED_TEXT: &str = "3/v3, 4/v4, 5/v5";

    /// The version with this number (without the direction bit), if we speak it.
    #[inline]
    #[must_use]
    pub fn from_number(number: u8) -> Option<ProtocolVersion> {
        match number {
            3 => Some(ProtocolVersion::V3),
            4 => Some(ProtocolVersion::V4),
            5 => Some(ProtocolVersion::V5),
            _ => None,
        }
    }

    /// Its number.
    #[inline]
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Whether envelopes travel in checksummed segments once the connection has been set up.
    #[inline]
    #[must_use]
    pub fn has_segments(self) -> bool {
        self >= ProtocolVersion::V5
    }
}

impl std::fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{0}/v{0}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_lists_what_is_supported() {
        let listed: Vec<String> = ProtocolVersion::SUPPORTED.iter().map(ToString::to_string).collect();
        assert_eq!(listed.join(", "), ProtocolVersion::SUPPORTED_TEXT);
        for number in 0..=255 {
            let version = ProtocolVersion::from_number(number);
            assert_eq!(version.is_some(), ProtocolVersion::SUPPORTED.iter().any(|v| v.number() == number));
        }
    }
}
