//! Latencies in logarithmic buckets of 1/64: memory is constant, an error below 1.6 %.

use std::time::Duration;

const SUB_BITS: u32 = 6;
const BUCKETS: usize = 64 << SUB_BITS;

/// How often each latency was seen.
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { counts: vec![0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    /// Count one.
    pub fn record(&mut self, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Add another's counts.
    pub fn merge(&mut self, other: &Histogram) {
        for (own, more) in self.counts.iter_mut().zip(&other.counts) {
            *own += more;
        }
        self.total += other.total;
    }

    /// The latency that this share of all did not exceed.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return Duration::from_nanos(upper(bucket));
            }
        }
        Duration::ZERO
    }
}

fn bucket(nanoseconds: u64) -> usize {
    let exponent = nanoseconds.ilog2();
    if exponent < SUB_BITS {
        return nanoseconds as usize;
    }
    let sub = (nanoseconds >> (exponent - SUB_BITS)) as usize & ((1 << SUB_BITS) - 1);
    ((exponent - SUB_BITS + 1) as usize) << SUB_BITS | sub
}

fn upper(bucket: usize) -> u64 {
    let (octave, sub) = (bucket >> SUB_BITS, bucket as u64 & ((1 << SUB_BITS) - 1));
    if octave == 0 {
        return sub;
    }
    ((1 << SUB_BITS | sub) + 1) << (octave - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_close_and_never_too_small() {
        let mut histogram = Histogram::default();
        for microseconds in 1..=10_000u64 {
            histogram.record(Duration::from_micros(microseconds));
        }
        for (share, exact) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.999, 9_990.0), (1.0, 10_000.0)] {
            let seen = histogram.quantile(share).as_nanos() as f64 / 1_000.0;
            assert!(seen >= exact && seen < exact * 1.02, "{share}: {seen} for {exact}");
        }
    }
}
