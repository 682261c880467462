//! abs, exp, log, log10 and round of every numeric type: computed as double where there is a double, with 32 digits for decimals.
//! Results are of the argument's type, so those of whole numbers lose their fraction.

use super::decimal::Decimal;
use super::error::invalid;
use super::number::Number;
use super::{CqlType, InvalidValue};
use num_bigint::{BigInt, Sign};

/// One of these functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MathFunction {
    /// Without its sign.
    Absolute,
    /// e to this power.
    Exponential,
    /// The natural logarithm.
    NaturalLogarithm,
    /// The logarithm to base 10.
    DecimalLogarithm,
    /// The nearest whole number, halves up; of decimals, away from zero.
    Round,
}

impl MathFunction {
    /// Its value for a value of a numeric type; `None` of the empty value.
    ///
    /// # Errors
    /// For a decimal's logarithm that does not exist, and results without bounds.
    pub fn apply(self, value_type: &CqlType, bytes: &[u8]) -> Result<Option<Vec<u8>>, InvalidValue> {
        let Some(number) = Number::read(value_type, bytes)? else { return Ok(None) };
        let result = match (self, number) {
            (MathFunction::Absolute, number) => absolute(number),
            (MathFunction::Round, Number::Single(value)) => Number::Single((value + 0.5).floor() as i32 as f32),
            (MathFunction::Round, Number::Double(value)) => Number::Double((value + 0.5).floor() as i64 as f64),
            (MathFunction::Round, Number::Decimal(value)) => Number::Decimal(value.rounded_whole()?),
            (MathFunction::Round, whole) => whole,
            (function, number @ (Number::Decimal(_) | Number::Varint(_))) => {
                Number::Decimal(function.of_decimal(&number.to_decimal()?)?)
            }
            (function, number) => Number::Double(function.of_double(number.to_f64())),
        };
        result.write(value_type).map(Some)
    }

    fn of_double(self, value: f64) -> f64 {
        match self {
            MathFunction::Absolute => value.abs(),
            MathFunction::Exponential => value.exp(),
            MathFunction::NaturalLogarithm => value.ln(),
            MathFunction::DecimalLogarithm => value.log10(),
            MathFunction::Round => value.round(),
        }
    }

    fn of_decimal(self, value: &Decimal) -> Result<Decimal, InvalidValue> {
        match self {
            MathFunction::Exponential => exponential(value),
            MathFunction::DecimalLogarithm => {
                let ten = natural_logarithm(&Decimal::new(BigInt::from(10), 0))?;
                Ok(to_result(natural_logarithm(value)? * power(WORK_SCALE) / ten))
            }
            _ => natural_logarithm(value).map(to_result),
        }
    }
}

fn absolute(number: Number) -> Number {
    match number {
        Number::Whole(value) => Number::Whole(value.wrapping_abs()),
        Number::Single(value) => Number::Single(value.abs()),
        Number::Double(value) => Number::Double(value.abs()),
        Number::Varint(value) => Number::Varint(BigInt::from_biguint(Sign::Plus, value.magnitude().clone())),
        Number::Decimal(value) => {
            let magnitude = BigInt::from_biguint(Sign::Plus, value.unscaled.magnitude().clone());
            Number::Decimal(Decimal::new(magnitude, value.scale))
        }
    }
}

/// Digits of a result.
const RESULT_DIGITS: i64 = 32;
/// Digits behind the point on the way.
const WORK_SCALE: u32 = 80;
/// The largest exponent that is computed.
const EXPONENT_MAX: i64 = 10_000;

fn power(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

/// Of a number with `WORK_SCALE` digits behind the point.
fn to_result(scaled: BigInt) -> Decimal {
    let digits = scaled.magnitude().to_string().len() as i64;
    if scaled.sign() == Sign::NoSign {
        return Decimal::new(BigInt::ZERO, 0);
    }
    let work = Decimal::new(scaled, WORK_SCALE as i32);
    let scale = i64::from(WORK_SCALE) + RESULT_DIGITS - digits;
    // Between these scales there is always a quotient.
    work.quotient(&Decimal::new(BigInt::from(1), 0), scale).unwrap_or(work)
}

fn exponential(value: &Decimal) -> Result<Decimal, InvalidValue> {
    let limit = Decimal::new(BigInt::from(EXPONENT_MAX), 0);
    if value.compare(&limit).is_gt() || value.compare(&limit.negated()).is_lt() {
        return invalid!("The exponential of {value} has too many digits");
    }
    // e^x = (e^(x / 2^k))^(2^k); squaring costs k bits, and large results need digits before the point.
    const HALVINGS: u32 = 20;
    const SCALE: u32 = WORK_SCALE + 4_500;
    let one = power(SCALE);
    let scaled = value.quotient(&Decimal::new(BigInt::from(1), 0), SCALE.into())?.unscaled;
    let small = scaled >> HALVINGS;
    let (mut sum, mut term) = (one.clone(), one.clone());
    for index in 1..=400u32 {
        term = term * &small / &one / index;
        if term.sign() == Sign::NoSign {
            break;
        }
        sum += &term;
    }
    for _ in 0..HALVINGS {
        sum = &sum * &sum / &one;
    }
    let digits = sum.magnitude().to_string().len() as i64;
    let result = Decimal::new(sum, SCALE as i32);
    result.quotient(&Decimal::new(BigInt::from(1), 0), i64::from(SCALE) + RESULT_DIGITS - digits)
}

/// With `WORK_SCALE` digits behind the point.
fn natural_logarithm(value: &Decimal) -> Result<BigInt, InvalidValue> {
    if value.unscaled.sign() != Sign::Plus {
        return invalid!("Natural log of number zero or less");
    }
    let one = power(WORK_SCALE);
    // value = mantissa * 10^exponent, the mantissa from 1 to 10
    let digits = value.unscaled.magnitude().to_string().len() as i64;
    let exponent = digits - 1 - i64::from(value.scale);
    let mantissa = Decimal::new(value.unscaled.clone(), i32::try_from(digits - 1).unwrap_or(i32::MAX));
    let mantissa = mantissa.quotient(&Decimal::new(BigInt::from(1), 0), WORK_SCALE.into())?.unscaled;
    let logarithm = logarithm_series(&mantissa, &one);
    if exponent == 0 {
        return Ok(logarithm);
    }
    Ok(logarithm + logarithm_series(&(&one * 10), &one) * exponent)
}

/// ln m = 2 (y + y^3 / 3 + y^5 / 5 ...) with y = (m - 1) / (m + 1)
fn logarithm_series(mantissa: &BigInt, one: &BigInt) -> BigInt {
    let y = (mantissa - one) * one / (mantissa + one);
    let square = &y * &y / one;
    let (mut sum, mut power) = (y.clone(), y);
    for index in 1..1_000u32 {
        power = power * &square / one;
        if power.sign() == Sign::NoSign {
            break;
        }
        sum += &power / (2 * index + 1);
    }
    sum * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Vec<u8> {
        Decimal::parse(text).expect("a number").to_bytes()
    }

    #[test]
    fn decimals_have_32_digits() {
        for (function, argument, result) in [
            (MathFunction::Exponential, "1", "2.7182818284590452353602874713527"),
            (MathFunction::Exponential, "8.25", "3827.6258214399062273051977412101"),
            (MathFunction::NaturalLogarithm, "2", "0.69314718055994530941723212145818"),
            (MathFunction::NaturalLogarithm, "8.25", "2.1102132003465896166227245719713"),
            (MathFunction::DecimalLogarithm, "1000", "3.0000000000000000000000000000000"),
            (MathFunction::DecimalLogarithm, "8.25", "0.91645394854992508761775008504915"),
            (MathFunction::Round, "-2.5", "-3"),
            (MathFunction::Round, "2.4", "2"),
        ] {
            let computed = function.apply(&CqlType::Decimal, &decimal(argument)).expect("computed");
            assert_eq!(computed, Some(decimal(result)), "{function:?} of {argument}");
        }
        assert!(MathFunction::NaturalLogarithm.apply(&CqlType::Decimal, &decimal("0")).is_err());
        assert!(MathFunction::Exponential.apply(&CqlType::Decimal, &decimal("1e9")).is_err());
    }

    #[test]
    fn whole_numbers_lose_their_fraction() {
        let int = |value: i32| value.to_be_bytes().to_vec();
        for (function, argument, result) in [
            (MathFunction::Exponential, 4, 54),
            (MathFunction::Exponential, 1000, i32::MAX),
            (MathFunction::NaturalLogarithm, 0, i32::MIN),
            (MathFunction::NaturalLogarithm, -1, 0),
            (MathFunction::Absolute, -5, 5),
            (MathFunction::Absolute, i32::MIN, i32::MIN),
        ] {
            assert_eq!(function.apply(&CqlType::Int, &int(argument)), Ok(Some(int(result))), "{function:?} {argument}");
        }
        let double = |value: f64| value.to_be_bytes().to_vec();
        assert_eq!(MathFunction::Round.apply(&CqlType::Double, &double(-2.5)), Ok(Some(double(-2.0))));
        assert_eq!(MathFunction::Round.apply(&CqlType::Double, &[]), Ok(None));
    }
}
