//! The begin of the stretch of time that a timestamp, date or time of day is in, when time is cut into stretches of one duration.

use super::calendar::{DAY_MILLIS, add_months};
use super::error::invalid;
use super::{CqlType, Duration, InvalidValue};

const NANOS_PER_MILLI: i64 = 1_000_000;
const DAY_NANOS: i64 = DAY_MILLIS * NANOS_PER_MILLI;
const DATE_CENTRE: i64 = 1 << 31;

/// `floor(value, duration, start)` of values of a type; without a start, stretches are counted from 1970 or midnight.
///
/// # Errors
/// For durations that are negative or do not suit the type, and a start that is later.
pub fn floor(
    value_type: &CqlType,
    value: &[u8],
    duration: &[u8],
    start: Option<&[u8]>,
) -> Result<Vec<u8>, InvalidValue> {
    let duration = Duration::from_bytes(duration)?;
    if duration.months < 0 || duration.days < 0 || duration.nanoseconds < 0 {
        return invalid!("Negative durations are not supported by the floor function");
    }
    match value_type {
        CqlType::Time => {
            if duration.months > 0 || duration.days > 0 || duration.nanoseconds > DAY_NANOS {
                return invalid!("For time values, the floor can only be computed for durations smaller that a day");
            }
            let nanos = long(value)?;
            let floor = if duration.nanoseconds == 0 { nanos } else { nanos - nanos % duration.nanoseconds };
            Ok(floor.to_be_bytes().to_vec())
        }
        CqlType::Date => {
            if duration.nanoseconds % DAY_NANOS != 0 {
                return invalid!(
                    "The floor on date values cannot be computed for the {duration} duration as precision is below 1 day"
                );
            }
            let start = start.map(days).transpose()?.unwrap_or(0);
            let floor = floor_millis(days(value)? * DAY_MILLIS, duration, start * DAY_MILLIS)?;
            Ok(((floor.div_euclid(DAY_MILLIS) + DATE_CENTRE) as u32).to_be_bytes().to_vec())
        }
        _ => {
            if duration.nanoseconds % NANOS_PER_MILLI != 0 {
                return invalid!(
                    "The floor cannot be computed for the {duration} duration as precision is below 1 millisecond"
                );
            }
            let start = start.map(long).transpose()?.unwrap_or(0);
            Ok(floor_millis(long(value)?, duration, start)?.to_be_bytes().to_vec())
        }
    }
}

fn long(bytes: &[u8]) -> Result<i64, InvalidValue> {
    match <[u8; 8]>::try_from(bytes) {
        Ok(bytes) => Ok(i64::from_be_bytes(bytes)),
        Err(_) => invalid!("Expected 8 bytes ({})", bytes.len()),
    }
}

/// Since 1970.
fn days(bytes: &[u8]) -> Result<i64, InvalidValue> {
    match <[u8; 4]>::try_from(bytes) {
        Ok(bytes) => Ok(i64::from(u32::from_be_bytes(bytes)) - DATE_CENTRE),
        Err(_) => invalid!("Expected 4 bytes ({})", bytes.len()),
    }
}

fn floor_millis(time: i64, duration: Duration, start: i64) -> Result<i64, InvalidValue> {
    if start > time {
        return invalid!("The floor function starting time is greater than the provided time");
    }
    let rest = i64::from(duration.days) * DAY_MILLIS + duration.nanoseconds / NANOS_PER_MILLI;
    if duration.months == 0 {
        return Ok(if rest == 0 { time } else { time - time.wrapping_sub(start) % rest });
    }
    // The last begin that is not later: begins are ascending.
    let begin = |count: i64| {
        let months = i64::from(duration.months).checked_mul(count)?;
        add_months(start, months)?.checked_add(rest.checked_mul(count)?)
    };
    let is_late = |count: i64| begin(count).is_none_or(|begin| begin > time);
    let (mut low, mut high) = (0i64, 1i64);
    while !is_late(high) {
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_late(middle) { high = middle } else { low = middle }
    }
    Ok(begin(low).unwrap_or(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::{Literal, Term};
    use crate::parser::parse_term;
    use crate::types::literal_to_bytes;

    fn bytes(text: &str, value_type: &CqlType) -> Vec<u8> {
        let Ok(Term::Literal(literal)) = parse_term(text) else { panic!("{text} is no literal") };
        assert!(!matches!(literal, Literal::Null));
        literal_to_bytes(&literal, value_type, "c").expect("fits").expect("not null")
    }

    #[test]
    fn floors() {
        for (value_type, value, duration, floored) in [
            (CqlType::Timestamp, "'2020-01-02 03:04:05Z'", "1h", "'2020-01-02 03:00:00Z'"),
            (CqlType::Timestamp, "'2020-01-02 03:04:05Z'", "1mo", "'2020-01-01'"),
            (CqlType::Timestamp, "'2020-01-02 03:04:05Z'", "2d", "'2020-01-01'"),
            (CqlType::Date, "'2020-01-31'", "1mo", "'2020-01-01'"),
            (CqlType::Date, "'2020-01-31'", "7d", "'2020-01-30'"),
            (CqlType::Time, "'01:02:03'", "30m", "'01:00:00'"),
        ] {
            let floor = floor(&value_type, &bytes(value, &value_type), &bytes(duration, &CqlType::Duration), None);
            assert_eq!(floor, Ok(bytes(floored, &value_type)), "{value} {duration}");
        }
        for (value_type, value, duration) in [
            (CqlType::Timestamp, "'2020-01-02'", "-1h"),
            (CqlType::Timestamp, "'1960-01-02'", "1h"),
            (CqlType::Timestamp, "'2020-01-02'", "1ms1us"),
            (CqlType::Date, "'2020-01-31'", "1h"),
            (CqlType::Time, "'01:02:03'", "1d"),
        ] {
            let duration = bytes(duration, &CqlType::Duration);
            assert!(floor(&value_type, &bytes(value, &value_type), &duration, None).is_err(), "{value}");
        }
    }
}
