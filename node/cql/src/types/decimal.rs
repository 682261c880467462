//! Numbers without bounds: varint and decimal, to and from text and bytes. A decimal is a 4-byte scale and an integer; 1.0 and
//! 1.00 are different bytes but one value.
//!
//! The number of digits read from text is bounded: conversion takes time that grows with its square.

use super::InvalidValue;
use super::error::invalid;
use num_bigint::{BigInt, Sign};
use std::cmp::Ordering;
use std::fmt;

/// The most digits that a literal may have. The numbers of a full key, 65,535 bytes, have 157,826.
const DIGITS_MAX: usize = 160_000;

/// The bytes of an integer literal as a varint.
pub(super) fn varint_from_text(text: &str) -> Result<Vec<u8>, InvalidValue> {
    match integer(text) {
        Some(value) => Ok(value.to_signed_bytes_be()),
        None => invalid!("unable to make int from '{text}'"),
    }
}

/// The text of a varint.
pub(super) fn varint_to_text(bytes: &[u8]) -> String {
    BigInt::from_signed_bytes_be(bytes).to_string()
}

fn integer(text: &str) -> Option<BigInt> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.len() <= DIGITS_MAX && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Whether a float literal is a double as it stands; others are rather decimals. What is no number counts as double.
pub fn is_exact_double(text: &str) -> bool {
    let (Some(exact), Ok(double)) = (Decimal::parse_parts(text), text.parse::<f64>()) else { return true };
    if !double.is_finite() {
        return false;
    }
    Decimal::parse_parts(&format!("{double:e}")).is_some_and(|double| double.compare(&exact).is_eq())
}

/// `unscaled * 10^-scale`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) unscaled: BigInt,
    pub(super) scale: i32,
}

impl Decimal {
    pub(super) fn new(unscaled: BigInt, scale: i32) -> Decimal {
        Decimal { unscaled, scale }
    }

    /// The value of bytes, if they are one.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Decimal> {
        let (scale, unscaled) = bytes.split_first_chunk::<4>()?;
        if unscaled.is_empty() {
            return None;
        }
        Some(Decimal { unscaled: BigInt::from_signed_bytes_be(unscaled), scale: i32::from_be_bytes(*scale) })
    }

    /// Its bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let unscaled = self.unscaled.to_signed_bytes_be();
        let mut out = Vec::with_capacity(4 + unscaled.len());
        out.extend_from_slice(&self.scale.to_be_bytes());
        out.extend_from_slice(&unscaled);
        out
    }

    /// The value of a text such as `-1.50e3`, with the scale that it shows.
    pub(super) fn parse(text: &str) -> Result<Decimal, InvalidValue> {
        match Decimal::parse_parts(text) {
            Some(decimal) => Ok(decimal),
            None => invalid!("unable to make BigDecimal from '{text}'"),
        }
    }

    fn parse_parts(text: &str) -> Option<Decimal> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(place) => (&text[..place], text[place + 1..].parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let scale = i64::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        Some(Decimal { unscaled: integer(&format!("{whole}{fraction}"))?, scale: i32::try_from(scale).ok()? })
    }

    /// By value.
    pub(super) fn compare(&self, other: &Decimal) -> Ordering {
        let (sign, other_sign) = (self.unscaled.sign(), other.unscaled.sign());
        if sign != other_sign || sign == Sign::NoSign {
            return sign.cmp(&other_sign);
        }
        if self.scale == other.scale {
            return self.unscaled.cmp(&other.unscaled);
        }
        let order = self.compare_magnitude(other);
        if sign == Sign::Minus { order.reverse() } else { order }
    }

    /// By the place of the first digit, then digit by digit: scales may differ too much to bring them to one.
    fn compare_magnitude(&self, other: &Decimal) -> Ordering {
        let digits = |decimal: &Decimal| decimal.unscaled.magnitude().to_radix_be(10);
        let (mine, others) = (digits(self), digits(other));
        let place = |digits: &[u8], scale: i32| digits.len() as i64 - i64::from(scale);
        place(&mine, self.scale)
            .cmp(&place(&others, other.scale))
            .then_with(|| trim_zeros(&mine).cmp(trim_zeros(&others)))
    }
}

fn trim_zeros(mut digits: &[u8]) -> &[u8] {
    while let [head @ .., 0] = digits {
        digits = head;
    }
    digits
}

/// As Java prints it: plain where that is short, else with an exponent, so that the scale can be read back.
impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.unscaled.magnitude().to_string();
        if self.unscaled.sign() == Sign::Minus {
            out.write_str("-")?;
        }
        let exponent = digits.len() as i64 - 1 - i64::from(self.scale);
        if self.scale == 0 {
            return out.write_str(&digits);
        }
        if self.scale > 0 && exponent >= -6 {
            let scale = self.scale as usize;
            let padded = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = padded.split_at(padded.len() - scale);
            return write!(out, "{whole}.{fraction}");
        }
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        write!(out, "{first}{point}{rest}E{exponent:+}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn decimals_keep_their_scale() {
        for (text, bytes, printed) in [
            ("0", &[0, 0, 0, 0, 0][..], "0"),
            ("1.0", &[0, 0, 0, 1, 10], "1.0"),
            ("1.00", &[0, 0, 0, 2, 100], "1.00"),
            ("-0.5", &[0, 0, 0, 1, 0xfb], "-0.5"),
            ("1e2", &[0xff, 0xff, 0xff, 0xfe, 1], "1E+2"),
            ("12.5E3", &[0xff, 0xff, 0xff, 0xfe, 125], "1.25E+4"),
            ("0.000001", &[0, 0, 0, 6, 1], "0.000001"),
            ("0.0000001", &[0, 0, 0, 7, 1], "1E-7"),
            ("5.", &[0, 0, 0, 0, 5], "5"),
            ("128", &[0, 0, 0, 0, 0, 128], "128"),
        ] {
            assert_eq!(decimal(text).to_bytes(), bytes, "{text}");
            assert_eq!(decimal(text).to_string(), printed);
            assert_eq!(decimal(printed), decimal(text));
            assert_eq!(Decimal::from_bytes(bytes), Some(decimal(text)));
        }
    }

    #[test]
    fn decimals_compare_by_value() {
        let ascending = [
            "-1e2147483647",
            "-10",
            "-9.99",
            "-1e-9",
            "0",
            "1e-2147483647",
            "0.5",
            "1.0",
            "1.01",
            "9",
            "1e1",
            "1e2147483647",
        ];
        for (index, a) in ascending.iter().enumerate() {
            for (other, b) in ascending.iter().enumerate() {
                assert_eq!(decimal(a).compare(&decimal(b)), index.cmp(&other), "{a} {b}");
            }
        }
        for (a, b) in [("1.0", "1.00"), ("100", "1e2"), ("0", "0.000"), ("-1.5", "-1.500")] {
            assert_eq!(decimal(a).compare(&decimal(b)), Ordering::Equal);
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", ".", "e5", "1e", "1e99999999999", "NaN", "1..2", "0x1", "1e3000000000", "--1"] {
            let error = Decimal::parse(text).expect_err(text);
            assert_eq!(error.0, format!("unable to make BigDecimal from '{text}'"));
        }
        assert!(varint_from_text(&"9".repeat(DIGITS_MAX + 1)).is_err());
        assert_eq!(varint_from_text("-129"), Ok(vec![0xff, 0x7f]));
        assert_eq!(varint_to_text(&[0xff, 0x7f]), "-129");
    }
}
