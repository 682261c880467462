//! Seeded randomness in named streams. Each purpose (a node, the network, a part of the plan) draws from a stream of
//! its own, so that a change in one place does not shift the draws of all others. Integers only: floating point
//! functions differ between machines, and a seed must mean the same run everywhere.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// One part in this many is the unit of all probabilities.
pub const MILLION: u32 = 1_000_000;

/// A stream of random numbers that depends on a seed and a purpose only.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of this seed for this purpose.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Stream {
        Stream(ChaCha8Rng::seed_from_u64(xxh3_64_with_seed(purpose.as_bytes(), seed)))
    }

    /// The stream of this seed for one of many with the same purpose.
    #[must_use]
    pub fn numbered(seed: u64, purpose: &str, number: u64) -> Stream {
        Stream(ChaCha8Rng::seed_from_u64(xxh3_64_with_seed(purpose.as_bytes(), seed) ^ number.rotate_left(32)))
    }

    /// Uniform in `0..bound`; 0 if the bound is 0.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        // Multiply and shift: the bias is below bound / 2^64, nothing a simulation could notice.
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Uniform in `low..=high`; `low` if the range is empty.
    #[inline]
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Uniform in magnitude: as likely between 1 and 10 as between 100 and 1000. Finds the ends of wide ranges.
    pub fn magnitude(&mut self, low: u64, high: u64) -> u64 {
        let (low, high) = (low.max(1), high.max(low.max(1)));
        let octaves = u64::from(high.ilog2() - low.ilog2());
        let floor = low << self.between(0, octaves);
        self.between(floor.max(low), floor.saturating_mul(2).min(high).max(low)).clamp(low, high)
    }

    /// True with this probability in parts per million.
    #[inline]
    pub fn chance(&mut self, per_million: u32) -> bool {
        per_million > 0 && self.below(u64::from(MILLION)) < u64::from(per_million)
    }

    /// True once in `n` times.
    #[inline]
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// About exponentially distributed with this mean: a geometric number of halvings, straight lines between them.
    #[inline]
    pub fn exponential(&mut self, mean: u64) -> u64 {
        let bits = self.0.next_u64();
        let halvings = u64::from(bits.leading_zeros().min(40));
        let fraction = bits & 0xffff;
        // ln 2 as 45426 / 65536: each halving is that much of a mean.
        let parts = (halvings << 16) + fraction;
        ((u128::from(mean) * u128::from(parts) * 45_426) >> 32) as u64
    }

    /// One of these; the list must not be empty.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }

    /// In random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

impl RngCore for Stream {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, destination: &mut [u8]) {
        self.0.fill_bytes(destination);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_differ_by_purpose_and_repeat() {
        let draw = |purpose: &str| (0..4).map(|_| Stream::new(7, purpose).next_u64()).collect::<Vec<_>>();
        assert_eq!(draw("network"), draw("network"));
        assert_ne!(draw("network"), draw("disk"));
        assert_ne!(Stream::numbered(7, "node", 1).next_u64(), Stream::numbered(7, "node", 2).next_u64());
    }

    #[test]
    fn distributions_keep_their_bounds_and_means() {
        let mut stream = Stream::new(1, "test");
        let (mut sum, mut low, mut high) = (0u64, u64::MAX, 0);
        for _ in 0..20_000 {
            sum += stream.exponential(1_000);
            let drawn = stream.magnitude(3, 70_000);
            (low, high) = (low.min(drawn), high.max(drawn));
            assert!((5..=9).contains(&stream.between(5, 9)));
        }
        let mean = sum / 20_000;
        assert!((900..1_200).contains(&mean), "mean {mean}");
        assert!((3..10).contains(&low) && (40_000..=70_000).contains(&high), "{low}..{high}");
        assert!((0..1_000).filter(|_| stream.chance(500_000)).count() > 400);
        assert_eq!(stream.below(0), 0);
    }
}
