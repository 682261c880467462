//! Sums that lose nothing: decimals without bounds, and floating-point numbers whose sum may be out of range though their
//! average is not. Rounding is Cassandra's, so that the same rows give the same digits.

use bytes::Bytes;
use num_bigint::{BigInt, Sign};
use trefoil_cql::protocol::response::CqlError;

/// Digits that numbers may be apart; more would be memory for zeros.
const SCALES_APART: u32 = 10_000;

/// `unscaled * 10^-scale`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decimal {
    unscaled: BigInt,
    scale: i32,
}

impl Decimal {
    /// The value of valid bytes.
    pub fn of(bytes: &[u8]) -> Decimal {
        match bytes.split_first_chunk::<4>() {
            Some((scale, unscaled)) => {
                Decimal { unscaled: BigInt::from_signed_bytes_be(unscaled), scale: i32::from_be_bytes(*scale) }
            }
            None => Decimal::default(),
        }
    }

    pub fn to_bytes(&self) -> Bytes {
        [&self.scale.to_be_bytes()[..], &self.unscaled.to_signed_bytes_be()].concat().into()
    }

    pub fn negated(&self) -> Decimal {
        Decimal { unscaled: -&self.unscaled, scale: self.scale }
    }

    pub fn add(&self, other: &Decimal) -> Result<Decimal, CqlError> {
        let scale = self.scale.max(other.scale);
        Ok(Decimal { unscaled: self.at_scale(scale)? + other.at_scale(scale)?, scale })
    }

    /// A scale that is not smaller than its own.
    fn at_scale(&self, scale: i32) -> Result<BigInt, CqlError> {
        let zeros = self.scale.abs_diff(scale);
        if zeros > SCALES_APART {
            return Err(CqlError::invalid("Decimals of too different scales cannot be added"));
        }
        Ok(&self.unscaled * BigInt::from(10u8).pow(zeros))
    }

    /// With as many digits, the last one rounded to the nearest, ties to the even one.
    pub fn divided(&self, divisor: u64) -> Decimal {
        let divisor = BigInt::from(divisor.max(1));
        let quotient = &self.unscaled / &divisor;
        let remainder = &self.unscaled - &quotient * &divisor;
        let twice = BigInt::from(remainder.magnitude().clone()) * 2u8;
        let is_odd = quotient.bit(0);
        let rounds = twice > divisor || (twice == divisor && is_odd);
        let step = if self.unscaled.sign() == Sign::Minus { -1 } else { 1 };
        Decimal { unscaled: if rounds { quotient + step } else { quotient }, scale: self.scale }
    }
}

/// A sum of floating-point numbers with what rounding lost (Kahan), and the same sum made small enough never to overflow.
#[derive(Clone, Debug, Default)]
pub(super) struct RealSum {
    sum: f64,
    lost: f64,
    plain: f64,
    scaled: f64,
    has_infinite: bool,
}

/// A power of two, so that scaling is exact.
const SCALE: f64 = (1u64 << 60) as f64;

impl RealSum {
    pub fn add(&mut self, number: f64) {
        self.plain += number;
        self.scaled += number / SCALE;
        self.has_infinite |= !number.is_finite();
        let corrected = number - self.lost;
        let sum = self.sum + corrected;
        self.lost = (sum - self.sum) - corrected;
        self.sum = sum;
    }

    /// The sum, or the average of so many numbers. There is one NaN: which one a processor makes is its own affair.
    pub fn divided(&self, divisor: u64) -> f64 {
        let value = self.quotient(divisor);
        if value.is_nan() { f64::NAN } else { value }
    }

    fn quotient(&self, divisor: u64) -> f64 {
        if divisor > 1 && !self.has_infinite && !self.plain.is_finite() {
            return self.scaled / divisor as f64 * SCALE;
        }
        let total = self.sum - self.lost;
        if total.is_nan() && !self.plain.is_nan() {
            return self.plain / divisor as f64;
        }
        total / divisor as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(unscaled: i64, scale: i32) -> Decimal {
        Decimal { unscaled: unscaled.into(), scale }
    }

    #[test]
    fn decimals_keep_all_digits() {
        let sum = decimal(123, 2).add(&decimal(45_678, 4)).and_then(|sum| sum.add(&decimal(-1, -10)));
        assert_eq!(sum, Ok(decimal(-99_999_999_942_022, 4)));
        assert!(decimal(1, i32::MAX).add(&decimal(1, i32::MIN)).is_err());
    }

    #[test]
    fn ties_go_to_the_even_digit() {
        let cases = [(5, 2, 2), (15, 10, 2), (25, 10, 2), (-5, 2, -2), (-15, 10, -2), (7, 3, 2), (-8, 3, -3)];
        for (number, divisor, expected) in cases {
            assert_eq!(decimal(number, 1).divided(divisor), decimal(expected, 1), "{number} / {divisor}");
        }
    }

    #[test]
    fn an_average_is_in_range_though_the_sum_is_not() {
        let mut sum = RealSum::default();
        for number in [1e308, 1.7e308, 0.0] {
            sum.add(number);
        }
        assert_eq!(sum.divided(1), f64::INFINITY);
        assert!((sum.divided(3) / 9e307 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn there_is_one_nan() {
        let mut sum = RealSum::default();
        [f64::INFINITY, f64::NEG_INFINITY].into_iter().for_each(|number| sum.add(number));
        assert_eq!(sum.divided(1).to_bits(), f64::NAN.to_bits());
        assert_eq!(sum.divided(2).to_bits(), f64::NAN.to_bits());
    }
}
