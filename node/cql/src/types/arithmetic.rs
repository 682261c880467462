//! `+ - * / %` and negation on numbers, and durations added to timestamps and dates. Results have Cassandra's types: as wide as
//! the wider operand, floating if one of them is; whole numbers wrap.

use super::calendar::{DAY_MILLIS, add_months};
use super::decimal::Decimal;
use super::error::invalid;
use super::number::{Number, is_numeric};
use super::{CqlType, Duration, InvalidValue};
use crate::ast::ArithmeticOperator;
use num_bigint::{BigInt, Sign};

/// The type of an operation's result, if there is such an operation.
pub fn arithmetic_type(operator: ArithmeticOperator, left: &CqlType, right: &CqlType) -> Option<CqlType> {
    let is_shift = matches!(operator, ArithmeticOperator::Add | ArithmeticOperator::Subtract);
    if is_shift && matches!(left, CqlType::Timestamp | CqlType::Date) && *right == CqlType::Duration {
        return Some(left.clone());
    }
    if !is_numeric(left) || !is_numeric(right) {
        return None;
    }
    let is_floating = |number: &CqlType| matches!(number, CqlType::Float | CqlType::Double | CqlType::Decimal);
    let size = size(left).max(size(right));
    Some(match (is_floating(left) || is_floating(right), size) {
        (true, 4) => CqlType::Float,
        (true, 8) => CqlType::Double,
        (true, _) => CqlType::Decimal,
        (false, 1) => CqlType::TinyInt,
        (false, 2) => CqlType::SmallInt,
        (false, 4) => CqlType::Int,
        (false, 8) => CqlType::BigInt,
        (false, _) => CqlType::Varint,
    })
}

/// Bytes of a number's type; those without bounds count as the longest.
fn size(number: &CqlType) -> usize {
    match number {
        CqlType::TinyInt => 1,
        CqlType::SmallInt => 2,
        CqlType::Int | CqlType::Float => 4,
        CqlType::BigInt | CqlType::Counter | CqlType::Double => 8,
        _ => usize::MAX,
    }
}

/// The value of an operation on values of types that `arithmetic_type` knows; `None` if an operand is the empty value.
///
/// # Errors
/// What went wrong: division by zero, overflow of a decimal's scale, a duration with hours on a date.
pub fn compute(
    operator: ArithmeticOperator,
    (left_type, left): (&CqlType, &[u8]),
    (right_type, right): (&CqlType, &[u8]),
) -> Result<Option<Vec<u8>>, InvalidValue> {
    let Some(result_type) = arithmetic_type(operator, left_type, right_type) else {
        return invalid!("{left_type} {} {right_type} is no operation", operator.text());
    };
    if left.is_empty() || right.is_empty() {
        return Ok(None);
    }
    if *right_type == CqlType::Duration {
        let duration = Duration::from_bytes(right)?;
        return shift(left_type, left, duration, operator == ArithmeticOperator::Subtract).map(Some);
    }
    match (Number::read(left_type, left)?, Number::read(right_type, right)?) {
        (Some(left), Some(right)) => numbers(operator, &result_type, &left, &right)?.write(&result_type).map(Some),
        _ => Ok(None),
    }
}

/// The negative of a number; `None` of the empty value.
///
/// # Errors
/// For bytes that are no number.
pub fn negate(value_type: &CqlType, bytes: &[u8]) -> Result<Option<Vec<u8>>, InvalidValue> {
    let Some(number) = Number::read(value_type, bytes)? else { return Ok(None) };
    let negative = match number {
        Number::Whole(value) => Number::Whole(value.wrapping_neg()),
        Number::Single(value) => Number::Single(-value),
        Number::Double(value) => Number::Double(-value),
        Number::Varint(value) => Number::Varint(-value),
        Number::Decimal(value) => Number::Decimal(value.negated()),
    };
    negative.write(value_type).map(Some)
}

pub(super) fn numbers(
    operator: ArithmeticOperator,
    result_type: &CqlType,
    left: &Number,
    right: &Number,
) -> Result<Number, InvalidValue> {
    use ArithmeticOperator::{Add, Divide, Modulo, Multiply, Subtract};
    macro_rules! floats {
        ($left:expr, $right:expr) => {
            match operator {
                Add => $left + $right,
                Subtract => $left - $right,
                Multiply => $left * $right,
                Divide => $left / $right,
                Modulo => $left % $right,
            }
        };
    }
    Ok(match result_type {
        CqlType::Float => Number::Single(floats!(left.to_f32(), right.to_f32())),
        CqlType::Double => Number::Double(floats!(left.to_f64(), right.to_f64())),
        CqlType::Decimal => {
            let (left, right) = (left.to_decimal_operand()?, right.to_decimal_operand()?);
            Number::Decimal(match operator {
                Add => left.plus(&right)?,
                Subtract => left.plus(&right.negated())?,
                Multiply => left.times(&right)?,
                Divide => left.divided_by(&right)?,
                Modulo => left.remainder(&right)?,
            })
        }
        CqlType::Varint => Number::Varint(varints(operator, &left.to_varint(), &right.to_varint())?),
        _ => {
            let (left, right) = (left.to_i64(), right.to_i64());
            Number::Whole(match operator {
                Add => left.wrapping_add(right),
                Subtract => left.wrapping_sub(right),
                Multiply => left.wrapping_mul(right),
                Divide | Modulo if right == 0 => return invalid!("/ by zero"),
                Divide => left.wrapping_div(right),
                Modulo => left.wrapping_rem(right),
            })
        }
    })
}

fn varints(operator: ArithmeticOperator, left: &BigInt, right: &BigInt) -> Result<BigInt, InvalidValue> {
    Ok(match operator {
        ArithmeticOperator::Add => left + right,
        ArithmeticOperator::Subtract => left - right,
        ArithmeticOperator::Multiply => left * right,
        ArithmeticOperator::Divide | ArithmeticOperator::Modulo if right.sign() == Sign::NoSign => {
            return invalid!("BigInteger divide by zero");
        }
        ArithmeticOperator::Divide => left / right,
        ArithmeticOperator::Modulo => left % right,
    })
}

/// A timestamp or date, so much later or earlier.
fn shift(value_type: &CqlType, bytes: &[u8], duration: Duration, backwards: bool) -> Result<Vec<u8>, InvalidValue> {
    const NANOS_PER_MILLI: i64 = 1_000_000;
    let sign = if backwards { -1 } else { 1 };
    let add = |millis: i64| {
        let moved = match duration.months {
            0 => Some(millis),
            months => add_months(millis, sign * i64::from(months)),
        };
        let days = i64::from(duration.days).wrapping_mul(DAY_MILLIS);
        let rest = days.wrapping_add(duration.nanoseconds / NANOS_PER_MILLI);
        moved.map(|moved| moved.wrapping_add(sign * rest))
    };
    let overflow = || InvalidValue("The result of the operation is out of range".into());
    if *value_type == CqlType::Date {
        let Ok(days) = <[u8; 4]>::try_from(bytes) else { return invalid!("Expected 4 byte long for date") };
        let day_nanos = DAY_MILLIS * NANOS_PER_MILLI;
        if duration.nanoseconds % day_nanos != 0 {
            return invalid!("The duration must have a day precision. Was: {duration}");
        }
        let millis = (i64::from(u32::from_be_bytes(days)) - (1 << 31)) * DAY_MILLIS;
        let moved = add(millis).ok_or_else(overflow)?.div_euclid(DAY_MILLIS) + (1 << 31);
        return Ok((moved as u32).to_be_bytes().to_vec());
    }
    let Ok(millis) = <[u8; 8]>::try_from(bytes) else { return invalid!("Expected 8 byte long for timestamp") };
    Ok(add(i64::from_be_bytes(millis)).ok_or_else(overflow)?.to_be_bytes().to_vec())
}

/// The most digits that a decimal's sum or product keeps.
const PRECISION: i64 = 10_000;
/// A quotient has at least so many digits, and at least so many behind the point.
const QUOTIENT_SCALE_MIN: i64 = 32;
/// And at most so many behind the point.
const QUOTIENT_SCALE_MAX: i64 = 1_000;
/// The most digits that an operation may need on the way.
const WORK_DIGITS: i64 = 200_000;

fn power_of_ten(exponent: i64) -> Result<BigInt, InvalidValue> {
    match u32::try_from(exponent) {
        Ok(exponent) if i64::from(exponent) <= WORK_DIGITS => Ok(BigInt::from(10).pow(exponent)),
        _ => invalid!("Overflow"),
    }
}

fn checked_scale(scale: i64) -> Result<i32, InvalidValue> {
    i32::try_from(scale).or_else(|_| if scale > 0 { invalid!("Underflow") } else { invalid!("Overflow") })
}

/// The quotient, halves away from zero.
fn divide_half_up(dividend: &BigInt, divisor: &BigInt) -> BigInt {
    let (quotient, remainder) = (dividend / divisor, dividend % divisor);
    let doubled = BigInt::from_biguint(Sign::Plus, remainder.magnitude() * 2u32);
    if remainder.sign() == Sign::NoSign || doubled.magnitude() < divisor.magnitude() {
        return quotient;
    }
    let is_negative = (dividend.sign() == Sign::Minus) != (divisor.sign() == Sign::Minus);
    quotient + if is_negative { -1 } else { 1 }
}

impl Decimal {
    /// The digits of the unscaled number.
    fn precision(&self) -> i64 {
        if self.is_zero() { 1 } else { self.unscaled.magnitude().to_string().len() as i64 }
    }

    fn is_zero(&self) -> bool {
        self.unscaled.sign() == Sign::NoSign
    }

    pub(super) fn negated(&self) -> Decimal {
        Decimal::new(-&self.unscaled, self.scale)
    }

    /// With a larger scale; the value stays.
    fn rescaled(&self, scale: i64) -> Result<BigInt, InvalidValue> {
        Ok(&self.unscaled * power_of_ten(scale - i64::from(self.scale))?)
    }

    /// With no more digits than a result may have.
    fn rounded(self) -> Result<Decimal, InvalidValue> {
        let mut result = self;
        // Rounding 9.99 up gives a digit more.
        loop {
            let excess = result.precision() - PRECISION;
            if excess <= 0 {
                return Ok(result);
            }
            let unscaled = divide_half_up(&result.unscaled, &power_of_ten(excess)?);
            result = Decimal::new(unscaled, checked_scale(i64::from(result.scale) - excess)?);
        }
    }

    /// Without zeros at the end, while the scale is above a bound.
    fn stripped(self, scale_min: i64) -> Decimal {
        let (mut unscaled, mut scale) = (self.unscaled, i64::from(self.scale));
        if unscaled.sign() == Sign::NoSign {
            return Decimal::new(unscaled, scale_min.max(i64::from(i32::MIN)).min(scale) as i32);
        }
        let digits = unscaled.magnitude().to_string();
        let zeros = digits.bytes().rev().take_while(|digit| *digit == b'0').count() as i64;
        let surplus = zeros.min(scale - scale_min).max(0);
        if let (true, Ok(divisor)) = (surplus > 0, power_of_ten(surplus)) {
            unscaled /= divisor;
            scale -= surplus;
        }
        Decimal::new(unscaled, i32::try_from(scale).unwrap_or(self.scale))
    }

    pub(super) fn plus(&self, other: &Decimal) -> Result<Decimal, InvalidValue> {
        let scale = self.scale.max(other.scale);
        let highest = |decimal: &Decimal| decimal.precision() - i64::from(decimal.scale);
        let (large, small) = if highest(self) >= highest(other) { (self, other) } else { (other, self) };
        if large.is_zero() || small.is_zero() {
            let (some, zero) = if large.is_zero() { (small, large) } else { (large, small) };
            if some.is_zero() {
                return Ok(Decimal::new(BigInt::ZERO, scale));
            }
            let wanted = i64::from(zero.scale.max(some.scale));
            let room = (PRECISION - some.precision()).max(0);
            let scale = wanted.min(i64::from(some.scale) + room);
            return Decimal::new(some.rescaled(scale)?, checked_scale(scale)?).rounded();
        }
        // What lies far below the last digit that is kept counts as the least there is.
        let last = i64::from(large.scale).max(PRECISION - highest(large)) + 3;
        let adjusted;
        let small = if -highest(small) > last {
            adjusted = Decimal::new(
                BigInt::from(if small.unscaled.sign() == Sign::Minus { -1 } else { 1 }),
                checked_scale(last)?,
            );
            &adjusted
        } else {
            small
        };
        let scale = i64::from(large.scale.max(small.scale));
        Decimal::new(large.rescaled(scale)? + small.rescaled(scale)?, checked_scale(scale)?).rounded()
    }

    pub(super) fn times(&self, other: &Decimal) -> Result<Decimal, InvalidValue> {
        let scale = checked_scale(i64::from(self.scale) + i64::from(other.scale))?;
        Decimal::new(&self.unscaled * &other.unscaled, scale).rounded()
    }

    pub(super) fn divided_by(&self, other: &Decimal) -> Result<Decimal, InvalidValue> {
        if other.is_zero() {
            return invalid!("BigInteger divide by zero");
        }
        let highest = |decimal: &Decimal| decimal.precision() - i64::from(decimal.scale);
        let scale = (QUOTIENT_SCALE_MIN - (highest(self) - highest(other)))
            .max(i64::from(self.scale))
            .max(i64::from(other.scale))
            .clamp(QUOTIENT_SCALE_MIN, QUOTIENT_SCALE_MAX);
        let quotient = self.quotient(other, scale)?;
        // Java strips nothing of every scale to the scale 0.
        Ok(if quotient.is_zero() { Decimal::new(BigInt::ZERO, 0) } else { quotient.stripped(i64::from(i32::MIN)) })
    }

    /// With a given scale, halves away from zero.
    pub(super) fn quotient(&self, other: &Decimal, scale: i64) -> Result<Decimal, InvalidValue> {
        if self.is_zero() {
            return Ok(Decimal::new(BigInt::ZERO, 0));
        }
        let shift = scale + i64::from(other.scale) - i64::from(self.scale);
        let quotient = if shift >= 0 {
            divide_half_up(&(&self.unscaled * power_of_ten(shift)?), &other.unscaled)
        } else if -shift > WORK_DIGITS {
            // More digits are dropped than there are.
            BigInt::ZERO
        } else {
            divide_half_up(&self.unscaled, &(&other.unscaled * power_of_ten(-shift)?))
        };
        Ok(Decimal::new(quotient, checked_scale(scale)?))
    }

    pub(super) fn remainder(&self, other: &Decimal) -> Result<Decimal, InvalidValue> {
        if other.is_zero() {
            return invalid!("Division by zero");
        }
        let highest = |decimal: &Decimal| decimal.precision() - i64::from(decimal.scale);
        if highest(self) < highest(other) {
            return Ok(self.clone());
        }
        let scale = i64::from(self.scale.max(other.scale));
        let (dividend, divisor) = (self.rescaled(scale)?, other.rescaled(scale)?);
        let wanted = i64::from(self.scale) - i64::from(other.scale);
        // The scale is that of a subtraction of the divisor as often as it fits.
        let whole = Decimal::new(&dividend / &divisor, 0).stripped(wanted.min(0));
        let product_scale = if wanted >= 0 { wanted } else { i64::from(whole.scale) } + i64::from(other.scale);
        let result_scale = i64::from(self.scale).max(product_scale);
        let remainder = Decimal::new(dividend % divisor, checked_scale(scale)?);
        if result_scale >= scale {
            return Ok(Decimal::new(remainder.rescaled(result_scale)?, checked_scale(result_scale)?));
        }
        Ok(remainder.stripped(result_scale))
    }

    /// The part before the point; `None` if that has more digits than are computed with (and its lowest 64 bits are zeros).
    pub(super) fn whole_part(&self) -> Option<BigInt> {
        let scale = i64::from(self.scale);
        if scale >= self.precision() {
            return Some(BigInt::ZERO);
        }
        let power = power_of_ten(scale.abs()).ok()?;
        Some(if scale > 0 { &self.unscaled / power } else { &self.unscaled * power })
    }

    /// Rounded to a whole number, halves away from zero.
    pub(super) fn rounded_whole(&self) -> Result<Decimal, InvalidValue> {
        let scale = i64::from(self.scale);
        if scale <= 0 {
            return Ok(Decimal::new(&self.unscaled * power_of_ten(-scale)?, 0));
        }
        self.quotient(&Decimal::new(BigInt::from(1), 0), 0)
    }

    /// Its digits and exponent, as Rust reads them.
    pub(super) fn scientific(&self) -> String {
        format!("{}e{}", self.unscaled, -i64::from(self.scale))
    }
}
