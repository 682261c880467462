//! Numbers of all numeric types under one roof: read from bytes, converted as Java converts, written back. Arithmetic, casts and
//! aggregates are made of these.
//!
//! Nothing here may take time or memory out of proportion to its operands: scales of decimals are bounded before digits are made.

use super::decimal::Decimal;
use super::error::invalid;
use super::{CqlType, InvalidValue};
use num_bigint::{BigInt, Sign};

/// The largest varint or decimal that is computed with, in bytes.
const OPERAND_BYTES_MAX: usize = 65_536;

/// A number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    /// Of tinyint, smallint, int, bigint or counter.
    Whole(i64),
    /// Of float.
    Single(f32),
    /// Of double.
    Double(f64),
    /// Of varint.
    Varint(BigInt),
    /// Of decimal.
    Decimal(Decimal),
}

/// Whether a type has numbers.
pub fn is_numeric(value_type: &CqlType) -> bool {
    matches!(
        value_type,
        CqlType::TinyInt
            | CqlType::SmallInt
            | CqlType::Int
            | CqlType::BigInt
            | CqlType::Counter
            | CqlType::Float
            | CqlType::Double
            | CqlType::Varint
            | CqlType::Decimal
    )
}

impl Number {
    /// The number that bytes are; the empty value is none.
    pub(super) fn read(value_type: &CqlType, bytes: &[u8]) -> Result<Option<Number>, InvalidValue> {
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.len() > OPERAND_BYTES_MAX {
            return invalid!("Numbers of more than {OPERAND_BYTES_MAX} bytes are not computed with");
        }
        fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], InvalidValue> {
            <[u8; N]>::try_from(bytes).map_err(|_| InvalidValue(format!("Expected {N} bytes ({})", bytes.len())))
        }
        Ok(Some(match value_type {
            CqlType::TinyInt => Number::Whole(i8::from_be_bytes(fixed(bytes)?).into()),
            CqlType::SmallInt => Number::Whole(i16::from_be_bytes(fixed(bytes)?).into()),
            CqlType::Int => Number::Whole(i32::from_be_bytes(fixed(bytes)?).into()),
            CqlType::BigInt | CqlType::Counter => Number::Whole(i64::from_be_bytes(fixed(bytes)?)),
            CqlType::Float => Number::Single(f32::from_be_bytes(fixed(bytes)?)),
            CqlType::Double => Number::Double(f64::from_be_bytes(fixed(bytes)?)),
            CqlType::Varint => Number::Varint(BigInt::from_signed_bytes_be(bytes)),
            CqlType::Decimal => match Decimal::from_bytes(bytes) {
                Some(decimal) => Number::Decimal(decimal),
                None => return invalid!("Expected 0 or at least 5 bytes ({})", bytes.len()),
            },
            other => return invalid!("{other} is no numeric type"),
        }))
    }

    /// Its bytes as a value of a numeric type: what does not fit wraps or saturates as in Java.
    pub(super) fn write(&self, value_type: &CqlType) -> Result<Vec<u8>, InvalidValue> {
        Ok(match value_type {
            CqlType::TinyInt => (self.to_i32() as i8).to_be_bytes().to_vec(),
            CqlType::SmallInt => (self.to_i32() as i16).to_be_bytes().to_vec(),
            CqlType::Int => self.to_i32().to_be_bytes().to_vec(),
            CqlType::BigInt | CqlType::Counter => self.to_i64().to_be_bytes().to_vec(),
            // There is one NaN: which one a processor makes of a computation is its own affair.
            CqlType::Float => {
                Some(self.to_f32()).filter(|value| !value.is_nan()).unwrap_or(f32::NAN).to_be_bytes().to_vec()
            }
            CqlType::Double => {
                Some(self.to_f64()).filter(|value| !value.is_nan()).unwrap_or(f64::NAN).to_be_bytes().to_vec()
            }
            CqlType::Varint => self.to_varint().to_signed_bytes_be(),
            CqlType::Decimal => self.to_decimal()?.to_bytes(),
            other => return invalid!("{other} is no numeric type"),
        })
    }

    /// Of whole numbers the lowest bits, of others the nearest to zero that fits.
    pub(super) fn to_i32(&self) -> i32 {
        match self {
            Number::Single(value) => *value as i32,
            Number::Double(value) => *value as i32,
            other => other.to_i64() as i32,
        }
    }

    pub(super) fn to_i64(&self) -> i64 {
        match self {
            Number::Whole(value) => *value,
            Number::Single(value) => *value as i64,
            Number::Double(value) => *value as i64,
            Number::Varint(value) => low_bits(value),
            Number::Decimal(value) => value.whole_part().as_ref().map_or(0, low_bits),
        }
    }

    pub(super) fn to_f32(&self) -> f32 {
        match self {
            Number::Whole(value) => *value as f32,
            Number::Single(value) => *value,
            Number::Double(value) => *value as f32,
            Number::Varint(value) => value.to_string().parse().unwrap_or(f32::NAN),
            Number::Decimal(value) => value.scientific().parse().unwrap_or(f32::NAN),
        }
    }

    pub(super) fn to_f64(&self) -> f64 {
        match self {
            Number::Whole(value) => *value as f64,
            Number::Single(value) => (*value).into(),
            Number::Double(value) => *value,
            Number::Varint(value) => value.to_string().parse().unwrap_or(f64::NAN),
            Number::Decimal(value) => value.scientific().parse().unwrap_or(f64::NAN),
        }
    }

    /// Of what has a fraction, the bigint that it converts to.
    pub(super) fn to_varint(&self) -> BigInt {
        match self {
            Number::Varint(value) => value.clone(),
            Number::Decimal(value) => value.whole_part().unwrap_or_else(|| self.to_i64().into()),
            other => other.to_i64().into(),
        }
    }

    /// Beside a decimal in a calculation: what is no varint becomes a double on the way (Cassandra's `NumberType.toBigDecimal`).
    pub(super) fn to_decimal_operand(&self) -> Result<Decimal, InvalidValue> {
        match self {
            Number::Whole(value) => decimal_of_float(*value as f64),
            other => other.to_decimal(),
        }
    }

    /// With the digits that its text has.
    pub(super) fn to_decimal(&self) -> Result<Decimal, InvalidValue> {
        match self {
            Number::Whole(value) => Ok(Decimal::new((*value).into(), 0)),
            Number::Varint(value) => Ok(Decimal::new(value.clone(), 0)),
            Number::Decimal(value) => Ok(value.clone()),
            Number::Single(value) => decimal_of_float(f64::from(*value)),
            Number::Double(value) => decimal_of_float(*value),
        }
    }
}

/// Of a number's shortest text, as Java has it.
pub(super) fn decimal_of_float(value: f64) -> Result<Decimal, InvalidValue> {
    if value.is_nan() {
        return invalid!("A NaN cannot be converted into a decimal");
    }
    if value.is_infinite() {
        return invalid!("An infinite number cannot be converted into a decimal");
    }
    Decimal::parse(&super::format::float_text(value, &format!("{value:e}")))
}

/// The lowest 64 bits.
fn low_bits(value: &BigInt) -> i64 {
    let magnitude = value.magnitude().iter_u64_digits().next().unwrap_or(0) as i64;
    if value.sign() == Sign::Minus { magnitude.wrapping_neg() } else { magnitude }
}
