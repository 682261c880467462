//! Consistency levels: how many replicas, and of which zones, must have answered.

use serde::{Deserialize, Serialize};

/// A consistency level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u16)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum Consistency {
    Any = 0x0,
    One = 0x1,
    Two = 0x2,
    Three = 0x3,
    Quorum = 0x4,
    All = 0x5,
    LocalQuorum = 0x6,
    EachQuorum = 0x7,
    Serial = 0x8,
    LocalSerial = 0x9,
    LocalOne = 0xA,
}

impl Consistency {
    /// All of them, by number.
    pub const ALL: [Consistency; 11] = [
        Consistency::Any,
        Consistency::One,
        Consistency::Two,
        Consistency::Three,
        Consistency::Quorum,
        Consistency::All,
        Consistency::LocalQuorum,
        Consistency::EachQuorum,
        Consistency::Serial,
        Consistency::LocalSerial,
        Consistency::LocalOne,
    ];

    /// The level with this number.
    #[inline]
    #[must_use]
    pub fn from_number(number: u16) -> Option<Consistency> {
        Consistency::ALL.get(usize::from(number)).copied()
    }

    /// Its number.
    #[inline]
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// Whether this is a level of the conditional part of a write, or of a read that sees such writes.
    #[inline]
    #[must_use]
    pub fn is_serial(self) -> bool {
        matches!(self, Consistency::Serial | Consistency::LocalSerial)
    }

    /// Its name, as in `CONSISTENCY LOCAL_QUORUM` and in error texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Consistency::Any => "ANY",
            Consistency::One => "ONE",
            Consistency::Two => "TWO",
            Consistency::Three => "THREE",
            Consistency::Quorum => "QUORUM",
            Consistency::All => "ALL",
            Consistency::LocalQuorum => "LOCAL_QUORUM",
            Consistency::EachQuorum => "EACH_QUORUM",
            Consistency::Serial => "SERIAL",
            Consistency::LocalSerial => "LOCAL_SERIAL",
            Consistency::LocalOne => "LOCAL_ONE",
        }
    }
}

impl std::fmt::Display for Consistency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_positions() {
        for (number, level) in (0u16..).zip(Consistency::ALL) {
            assert_eq!(level.number(), number);
            assert_eq!(Consistency::from_number(number), Some(level));
        }
        assert_eq!(Consistency::from_number(11), None);
    }
}
