//! The rolling state hash of a run: over every input and every effect of every node, in order. Two runs of one plan
//! must give the same hash, in debug and in release builds; the first event at which they differ is where determinism
//! was lost. Short writes are folded with one multiplication, byte strings go through xxh3, so hashing stays cheap.

use std::hash::Hasher;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A hasher without random keys whose state is one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateHash(u64);

/// Builds hashers for maps that are looked up and never walked through.
pub type FixedHasher = std::hash::BuildHasherDefault<StateHash>;

impl Default for StateHash {
    fn default() -> StateHash {
        StateHash::new(0)
    }
}

impl StateHash {
    /// The hash of nothing, for this seed.
    #[must_use]
    pub fn new(seed: u64) -> StateHash {
        StateHash(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// The hash of all so far.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }

    #[inline]
    fn fold(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * 0xa076_1d64_78bd_642f_u128;
        self.0 = (product as u64) ^ ((product >> 64) as u64) ^ value.rotate_left(23);
    }
}

impl Hasher for StateHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.fold(u64::from(value));
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.fold(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.fold(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.fold(value);
    }

    // Lengths and discriminants: folded as 64 bits, so that the width of a pointer does not matter.
    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.fold(value as u64);
    }

    #[inline]
    fn write_isize(&mut self, value: isize) {
        self.fold(value as i64 as u64);
    }

    #[inline]
    fn write_i64(&mut self, value: i64) {
        self.fold(value as u64);
    }

    #[inline]
    fn write_i32(&mut self, value: i32) {
        self.fold(u64::from(value as u32));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::Hash;

    #[test]
    fn order_and_content_matter() {
        let of = |values: &[u64]| {
            let mut hash = StateHash::new(1);
            values.hash(&mut hash);
            hash.value()
        };
        assert_eq!(of(&[1, 2]), of(&[1, 2]));
        assert_ne!(of(&[1, 2]), of(&[2, 1]));
        assert_ne!(of(&[0]), of(&[0, 0]));
    }
}
