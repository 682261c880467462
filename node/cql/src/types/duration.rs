//! Durations: months, days and nanoseconds, which cannot be converted into one another; in three notations.

use super::InvalidValue;
use super::error::invalid;
use super::vint;
use std::fmt;

/// A duration. Its parts are all at least zero or all at most zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration {
    /// Months.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Nanoseconds.
    pub nanoseconds: i64,
}

const MICRO: i64 = 1000;
const MILLI: i64 = 1000 * MICRO;
const SECOND: i64 = 1000 * MILLI;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// What a unit adds to, and how much of it.
#[derive(Clone, Copy)]
enum Part {
    Months(i64),
    Days(i64),
    Nanoseconds(i64),
}

/// A unit, by the order in which units must come.
#[derive(Clone, Copy)]
struct Unit {
    order: u8,
    name: &'static str,
    part: Part,
}

const YEARS: Unit = Unit { order: 1, name: "years", part: Part::Months(12) };
const MONTHS: Unit = Unit { order: 2, name: "months", part: Part::Months(1) };
const WEEKS: Unit = Unit { order: 3, name: "weeks", part: Part::Days(7) };
const DAYS: Unit = Unit { order: 4, name: "days", part: Part::Days(1) };
const HOURS: Unit = Unit { order: 5, name: "hours", part: Part::Nanoseconds(HOUR) };
const MINUTES: Unit = Unit { order: 6, name: "minutes", part: Part::Nanoseconds(MINUTE) };
const SECONDS: Unit = Unit { order: 7, name: "seconds", part: Part::Nanoseconds(SECOND) };
const MILLISECONDS: Unit = Unit { order: 8, name: "milliseconds", part: Part::Nanoseconds(MILLI) };
const MICROSECONDS: Unit = Unit { order: 9, name: "microseconds", part: Part::Nanoseconds(MICRO) };
const NANOSECONDS: Unit = Unit { order: 10, name: "nanoseconds", part: Part::Nanoseconds(1) };

impl Duration {
    /// Reads the serialised form.
    ///
    /// # Errors
    /// Cassandra's text for what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Duration, InvalidValue> {
        if bytes.len() < 3 {
            return invalid!("Expected at least 3 bytes for a duration ({})", bytes.len());
        }
        let mut rest = bytes;
        let mut next = || vint::take_signed(&mut rest);
        let (Some(months), Some(days), Some(nanoseconds)) = (next(), next(), next()) else {
            return invalid!("Not enough bytes to read a duration");
        };
        if !rest.is_empty() {
            return invalid!("Unexpected extraneous bytes after duration value");
        }
        let Ok(months) = i32::try_from(months) else {
            return invalid!("The duration months must be a 32 bits integer but was: {months}");
        };
        let Ok(days) = i32::try_from(days) else {
            return invalid!("The duration days must be a 32 bits integer but was: {days}");
        };
        let positive = months >= 0 && days >= 0 && nanoseconds >= 0;
        let negative = months <= 0 && days <= 0 && nanoseconds <= 0;
        if !positive && !negative {
            return invalid!(
                "The duration months, days and nanoseconds must be all of the same sign ({months}, {days}, {nanoseconds})"
            );
        }
        Ok(Duration { months, days, nanoseconds })
    }

    /// Its serialised form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(12);
        vint::put_signed(self.months.into(), &mut out);
        vint::put_signed(self.days.into(), &mut out);
        vint::put_signed(self.nanoseconds, &mut out);
        out
    }

    /// Reads `1h30m`, `P1DT2H`, `P2W` or `P0001-02-03T04:05:06`, each with an optional minus.
    ///
    /// # Errors
    /// Text that is none of these, and amounts that are too large.
    pub fn parse(text: &str) -> Result<Duration, InvalidValue> {
        let (negative, source) = match text.strip_prefix('-') {
            Some(source) => (true, source),
            None => (false, text),
        };
        let mut builder = Builder { source, order: 0, unit: "", months: 0, days: 0, nanoseconds: 0 };
        match source.strip_prefix('P') {
            Some(iso) if iso.contains('-') => builder.alternative(iso)?,
            Some(iso) => builder.designators(iso)?,
            None => builder.standard()?,
        }
        let sign = if negative { -1 } else { 1 };
        Ok(Duration {
            months: builder.months as i32 * sign,
            days: builder.days as i32 * sign,
            nanoseconds: builder.nanoseconds * i64::from(sign),
        })
    }
}

/// Adds up the parts of a duration; its sums never leave their ranges.
struct Builder<'a> {
    source: &'a str,
    order: u8,
    unit: &'static str,
    months: i64,
    days: i64,
    nanoseconds: i64,
}

impl Builder<'_> {
    fn refuse<T>(&self) -> Result<T, InvalidValue> {
        invalid!("Unable to convert '{}' to a duration", self.source)
    }

    fn add(&mut self, digits: &str, unit: Unit) -> Result<(), InvalidValue> {
        if unit.order == self.order {
            return invalid!("Invalid duration. The {} are specified multiple times", unit.name);
        }
        if unit.order < self.order {
            return invalid!("Invalid duration. The {} should be after {}", self.unit, unit.name);
        }
        (self.order, self.unit) = (unit.order, unit.name);
        let (sum, factor, limit, name) = match unit.part {
            Part::Months(factor) => (&mut self.months, factor, i64::from(i32::MAX), "months"),
            Part::Days(factor) => (&mut self.days, factor, i64::from(i32::MAX), "days"),
            Part::Nanoseconds(factor) => (&mut self.nanoseconds, factor, i64::MAX, "nanoseconds"),
        };
        let amount = digits.parse::<i64>().ok().and_then(|number| number.checked_mul(factor));
        match amount.and_then(|amount| sum.checked_add(amount)).filter(|total| *total <= limit) {
            Some(total) => *sum = total,
            None => {
                return invalid!("Invalid duration. The total number of {name} must be less or equal to {}", i32::MAX);
            }
        }
        Ok(())
    }

    /// `1h30m`
    fn standard(&mut self) -> Result<(), InvalidValue> {
        let mut rest = self.source;
        if rest.is_empty() {
            return self.refuse();
        }
        while !rest.is_empty() {
            let Some((digits, tail)) = split_digits(rest) else { return self.refuse() };
            let end = tail.find(|character: char| character.is_ascii_digit()).unwrap_or(tail.len());
            let unit = match tail[..end].to_lowercase().as_str() {
                "y" => YEARS,
                "mo" => MONTHS,
                "w" => WEEKS,
                "d" => DAYS,
                "h" => HOURS,
                "m" => MINUTES,
                "s" => SECONDS,
                "ms" => MILLISECONDS,
                "us" | "\u{b5}s" => MICROSECONDS,
                "ns" => NANOSECONDS,
                _ => return self.refuse(),
            };
            self.add(digits, unit)?;
            rest = &tail[end..];
        }
        Ok(())
    }

    /// `1Y2M3DT4H5M6S` or `2W`, after the P
    fn designators(&mut self, iso: &str) -> Result<(), InvalidValue> {
        if let Some(weeks) = iso.strip_suffix('W') {
            if weeks.is_empty() || split_digits(weeks).is_none_or(|(_, tail)| !tail.is_empty()) {
                return self.refuse();
            }
            return self.add(weeks, WEEKS);
        }
        let mut rest = iso;
        let mut in_time = false;
        let mut last = 0;
        while !rest.is_empty() {
            if let Some(time) = rest.strip_prefix('T').filter(|_| !in_time) {
                (in_time, rest) = (true, time);
                continue;
            }
            let Some((digits, tail)) = split_digits(rest) else { return self.refuse() };
            let unit = match (in_time, tail.as_bytes().first()) {
                (false, Some(b'Y')) => YEARS,
                (false, Some(b'M')) => MONTHS,
                (false, Some(b'D')) => DAYS,
                (true, Some(b'H')) => HOURS,
                (true, Some(b'M')) => MINUTES,
                (true, Some(b'S')) => SECONDS,
                _ => return self.refuse(),
            };
            if unit.order <= last {
                return self.refuse();
            }
            last = unit.order;
            self.add(digits, unit)?;
            rest = &tail[1..];
        }
        Ok(())
    }

    /// `0001-02-03T04:05:06`, after the P
    fn alternative(&mut self, iso: &str) -> Result<(), InvalidValue> {
        const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
        let fits = iso.len() == SHAPE.len()
            && iso.bytes().zip(SHAPE).all(|(byte, shape)| byte.is_ascii_digit() && *shape == b'd' || byte == *shape);
        if !fits {
            return self.refuse();
        }
        for (place, unit) in
            [(0..4, YEARS), (5..7, MONTHS), (8..10, DAYS), (11..13, HOURS), (14..16, MINUTES), (17..19, SECONDS)]
        {
            self.add(&iso[place], unit)?;
        }
        Ok(())
    }
}

/// Digits at the front and the rest, if there are digits.
fn split_digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

impl fmt::Display for Duration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.months < 0 || self.days < 0 || self.nanoseconds < 0 {
            out.write_str("-")?;
        }
        let months = u64::from(self.months.unsigned_abs());
        let days = u64::from(self.days.unsigned_abs());
        let nanoseconds = self.nanoseconds.unsigned_abs();
        let parts = [(months / 12, "y"), (months % 12, "mo"), (days, "d")];
        for (amount, unit) in parts.into_iter().filter(|(amount, _)| *amount > 0) {
            write!(out, "{amount}{unit}")?;
        }
        let mut rest = nanoseconds;
        for (size, unit) in [(HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (MILLI, "ms"), (MICRO, "us"), (1, "ns")] {
            let size = size.unsigned_abs();
            if rest >= size {
                write!(out, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_notations_are_read() {
        let duration = |months, days, nanoseconds| Duration { months, days, nanoseconds };
        for (text, expected) in [
            ("1y2mo", duration(14, 0, 0)),
            ("1Y2MO3W4D", duration(14, 25, 0)),
            ("12h30m5s", duration(0, 0, 12 * HOUR + 30 * MINUTE + 5 * SECOND)),
            ("1s2ms3us4ns", duration(0, 0, SECOND + 2 * MILLI + 3 * MICRO + 4)),
            ("5\u{b5}s", duration(0, 0, 5 * MICRO)),
            ("-2d10m", duration(0, -2, -10 * MINUTE)),
            ("P1Y2D", duration(12, 2, 0)),
            ("P1Y2M3DT4H5M6S", duration(14, 3, 4 * HOUR + 5 * MINUTE + 6 * SECOND)),
            ("PT5M", duration(0, 0, 5 * MINUTE)),
            ("-P2W", duration(0, -14, 0)),
            ("P0001-02-03T04:05:06", duration(14, 3, 4 * HOUR + 5 * MINUTE + 6 * SECOND)),
            ("0d", duration(0, 0, 0)),
        ] {
            assert_eq!(Duration::parse(text), Ok(expected), "{text}");
            assert_eq!(Duration::from_bytes(&expected.to_bytes()), Ok(expected));
            let printed = expected.to_string();
            if !printed.is_empty() {
                assert_eq!(Duration::parse(&printed), Ok(expected), "{printed}");
            }
        }
        assert_eq!(duration(14, 3, 4 * HOUR + 1).to_string(), "1y2mo3d4h1ns");
    }

    #[test]
    fn bytes_are_those_of_drivers() {
        let hour = Duration { months: 1, days: 2, nanoseconds: 3 };
        assert_eq!(hour.to_bytes(), [2, 4, 6]);
        assert_eq!(Duration { months: -1, days: 0, nanoseconds: -64 }.to_bytes(), [1, 0, 127]);
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for (text, message) in [
            ("", "Unable to convert '' to a duration"),
            ("123", "Unable to convert '123' to a duration"),
            ("1x", "Unable to convert '1x' to a duration"),
            ("1hh", "Unable to convert '1hh' to a duration"),
            ("P1W2D", "Unable to convert 'P1W2D' to a duration"),
            ("P1D2Y", "Unable to convert 'P1D2Y' to a duration"),
            ("P0001-00-20T30:20:1", "Unable to convert 'P0001-00-20T30:20:1' to a duration"),
            ("1m1h", "Invalid duration. The minutes should be after hours"),
            ("1h1h", "Invalid duration. The hours are specified multiple times"),
            ("2147483648mo", "Invalid duration. The total number of months must be less or equal to 2147483647"),
            (
                "999999999999999999999d",
                "Invalid duration. The total number of days must be less or equal to 2147483647",
            ),
        ] {
            assert_eq!(Duration::parse(text), Err(InvalidValue(message.into())), "{text}");
        }
        assert!(Duration::from_bytes(&[0, 0]).is_err());
        assert!(Duration::from_bytes(&[2, 1, 0]).is_err());
        assert!(Duration::from_bytes(&[0xf1, 0, 0, 0, 0, 0, 0]).is_err());
    }
}
