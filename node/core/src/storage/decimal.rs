//! Integers and decimals without bounds, as bytes that sort by value and end by themselves.

use super::component::{Invalid, KeyReader};
use super::encoding::Malformed;
use num_bigint::{BigInt, BigUint, Sign};

/// Up to this many bytes a varint's length is in its first byte; longer ones have four more bytes for it.
const SHORT: usize = 64;

/// Exponents are written in five bytes around this.
const EXPONENT_BIAS: i64 = 1 << 39;

/// A whole number is given back with scale 0, not in powers of ten, if that takes at most so many zeros.
const WHOLE_ZEROS: i64 = 38;

/// More zeros than the digits of the longest value (65,535 bytes) were never stripped: such bytes are not ours.
const ZEROS_MAX: i64 = 160_000;

/// Append a varint: a first byte for sign and length, then the shortest two's complement.
pub(crate) fn encode_varint(value: &[u8], out: &mut Vec<u8>) {
    let mut shortest = value;
    while let [first, second, ..] = shortest {
        let redundant = (*first == 0 && *second < 0x80) || (*first == 0xff && *second >= 0x80);
        if !redundant {
            break;
        }
        shortest = &shortest[1..];
    }
    let length = shortest.len();
    let negative = shortest.first().is_some_and(|first| *first >= 0x80);
    let short = length.min(SHORT + 1) as u8;
    out.push(if negative { 0x80 - short } else { 0x80 + short });
    if length > SHORT {
        let length = length as u32;
        out.extend_from_slice(&(if negative { !length } else { length }).to_be_bytes());
    }
    out.extend_from_slice(shortest);
}

/// Append the serialised form of what `encode_varint` wrote.
pub(crate) fn decode_varint(reader: &mut KeyReader<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let first = reader.u8()?;
    let negative = first < 0x80;
    let mut length = usize::from(if negative { 0x80 - first } else { first - 0x80 });
    if length > SHORT {
        let long = u32::from_be_bytes(reader.array()?);
        length = (if negative { !long } else { long }) as usize;
    }
    reader.take(length, out)
}

/// Append a decimal: sign, exponent, then digits in pairs. The value is sign 0.d1d2d3... times 10 to the exponent, without
/// trailing zeros, so that equal values have equal bytes.
pub(crate) fn encode_decimal(value: &[u8], out: &mut Vec<u8>) -> Result<(), Invalid> {
    let (scale, unscaled) = value.split_first_chunk::<4>().ok_or(Invalid::Value)?;
    if unscaled.is_empty() {
        return Err(Invalid::Value);
    }
    let (sign, mut digits) = digits_of(unscaled);
    if sign == Sign::NoSign {
        out.push(1);
        return Ok(());
    }
    let exponent = digits.len() as i64 - i64::from(i32::from_be_bytes(*scale));
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let start = out.len();
    out.push(2);
    out.extend_from_slice(&(exponent + EXPONENT_BIAS).to_be_bytes()[3..]);
    out.extend(digits.chunks(2).map(|pair| pair[0] * 10 + pair.get(1).copied().unwrap_or(0) + 1));
    out.push(0);
    if sign == Sign::Minus {
        out[start] = 0;
        out[start + 1..].iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(())
}

fn digits_of(unscaled: &[u8]) -> (Sign, Vec<u8>) {
    if unscaled.len() <= 8 {
        let fill = if unscaled[0] >= 0x80 { 0xff } else { 0 };
        let mut bytes = [fill; 8];
        bytes[8 - unscaled.len()..].copy_from_slice(unscaled);
        let number = i64::from_be_bytes(bytes);
        let sign = if number < 0 { Sign::Minus } else { Sign::Plus };
        return match number {
            0 => (Sign::NoSign, vec![]),
            _ => (sign, number.unsigned_abs().to_string().bytes().map(|digit| digit - b'0').collect()),
        };
    }
    let (sign, magnitude) = BigInt::from_signed_bytes_be(unscaled).into_parts();
    (sign, magnitude.to_radix_be(10))
}

/// Append the serialised form of what `encode_decimal` wrote, without trailing zeros behind the point.
pub(crate) fn decode_decimal(reader: &mut KeyReader<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let (sign, mask) = match reader.u8()? {
        0 => (Sign::Minus, 0xff),
        1 => {
            out.extend_from_slice(&[0; 5]);
            return Ok(());
        }
        2 => (Sign::Plus, 0),
        _ => return Err(Malformed),
    };
    let mut exponent = [0; 8];
    exponent[3..].copy_from_slice(&reader.array::<5>()?.map(|byte| byte ^ mask));
    let exponent = i64::from_be_bytes(exponent) - EXPONENT_BIAS;
    let mut digits = Vec::new();
    loop {
        match reader.u8()? ^ mask {
            0 => break,
            pair @ 1..=100 => digits.extend_from_slice(&[(pair - 1) / 10, (pair - 1) % 10]),
            _ => return Err(Malformed),
        }
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let mut scale = digits.len() as i64 - exponent;
    let zeros = if (-WHOLE_ZEROS..0).contains(&scale) { -scale } else { (i64::from(i32::MIN) - scale).max(0) };
    if zeros > ZEROS_MAX {
        return Err(Malformed);
    }
    digits.resize(digits.len() + zeros as usize, 0);
    scale += zeros;
    let magnitude = BigUint::from_radix_be(&digits, 10).ok_or(Malformed)?;
    out.extend_from_slice(&i32::try_from(scale).map_err(|_| Malformed)?.to_be_bytes());
    out.extend_from_slice(&BigInt::from_biguint(sign, magnitude).to_signed_bytes_be());
    Ok(())
}
