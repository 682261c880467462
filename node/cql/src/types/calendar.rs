//! Dates, times of day and timestamps as text. The calendar is Gregorian at all times; texts without a time zone mean UTC.

use super::InvalidValue;
use super::error::invalid;
use std::fmt;

/// What `date` adds to the days since 1970, so that its bytes sort as unsigned.
const DATE_CENTRE: i64 = 1 << 31;
pub(super) const DAY_MILLIS: i64 = 86_400_000;
const DAY_NANOS: i64 = 86_400_000_000_000;

/// Days since 1970-01-01 of a date that exists.
fn days_from_date(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years that start in March have the leap day at their end; eras of 400 years are all alike.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// The date of a number of days since 1970-01-01.
fn date_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A time so many calendar months later, or the last day of that month if it has fewer; `None` out of range.
pub(super) fn add_months(millis: i64, months: i64) -> Option<i64> {
    let (year, month, day) = date_from_days(millis.div_euclid(DAY_MILLIS));
    let month = year.checked_mul(12)?.checked_add(month - 1)?.checked_add(months)?;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let days = (28..=day.max(28)).rev().find_map(|last| days_from_date(year, month, day.min(last)))?;
    days.checked_mul(DAY_MILLIS)?.checked_add(millis.rem_euclid(DAY_MILLIS))
}

/// Reads a text from left to right.
struct Scanner<'a>(&'a str);

impl Scanner<'_> {
    fn eat(&mut self, character: char) -> Option<()> {
        self.0 = self.0.strip_prefix(character)?;
        Some(())
    }

    fn at(&self, character: char) -> bool {
        self.0.starts_with(character)
    }

    /// A number of at most so many digits, at least one.
    fn number(&mut self, digits_max: usize) -> Option<i64> {
        let end = self.0.bytes().take_while(u8::is_ascii_digit).count();
        if end == 0 || end > digits_max {
            return None;
        }
        let number = self.0[..end].parse().ok()?;
        self.0 = &self.0[end..];
        Some(number)
    }

    /// A number below a limit.
    fn below(&mut self, limit: i64) -> Option<i64> {
        self.number(9).filter(|number| *number < limit)
    }

    /// Exactly so many digits.
    fn exactly(&mut self, digits: usize) -> Option<i64> {
        let before = self.0.len();
        self.number(digits).filter(|_| before - self.0.len() == digits)
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Milliseconds since 1970 of a timestamp: an integer, or `yyyy-mm-dd[(T| )hh:mm[:ss[.fff]]][zone]`.
pub(super) fn parse_timestamp(text: &str) -> Result<i64, InvalidValue> {
    if is_integer(text) {
        return match text.parse() {
            Ok(millis) => Ok(millis),
            Err(_) => invalid!("Unable to make long (for date) from: '{text}'"),
        };
    }
    match timestamp_parts(text) {
        Some(millis) => Ok(millis),
        None => invalid!("Unable to parse a date/time from '{text}'"),
    }
}

fn timestamp_parts(text: &str) -> Option<i64> {
    let mut scanner = Scanner(text);
    let year = scanner.number(4)?;
    scanner.eat('-')?;
    let month = scanner.number(2)?;
    scanner.eat('-')?;
    let day = scanner.number(2)?;
    let mut millis = days_from_date(year, month, day)?.checked_mul(DAY_MILLIS)?;
    let time = scanner.at('T') || scanner.at(' ') && scanner.0[1..].starts_with(|next: char| next.is_ascii_digit());
    if time {
        scanner.0 = &scanner.0[1..];
        millis += scanner.below(24)? * 3_600_000;
        scanner.eat(':')?;
        millis += scanner.below(60)? * 60_000;
        if scanner.at(':') {
            scanner.eat(':')?;
            millis += scanner.below(60)? * 1000;
            if scanner.at('.') {
                scanner.eat('.')?;
                let digits = scanner.0.len();
                let fraction = scanner.number(9)?;
                let digits = u32::try_from(digits - scanner.0.len()).ok()?;
                millis += fraction * 1000 / 10i64.pow(digits);
            }
        }
    }
    Some(millis - zone_offset(scanner.0)?)
}

/// Milliseconds east of Greenwich.
fn zone_offset(zone: &str) -> Option<i64> {
    if zone.is_empty() {
        return Some(0);
    }
    let (name, spaced) = match zone.strip_prefix(' ') {
        Some(name) => (name, true),
        None => (zone, false),
    };
    if matches!(name, "Z" | "z") || spaced && ["UTC", "GMT", "UT"].iter().any(|utc| name.eq_ignore_ascii_case(utc)) {
        return Some(0);
    }
    let offset = if spaced { name.strip_prefix("GMT").unwrap_or(name) } else { name };
    let sign = match offset.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut scanner = Scanner(&offset[1..]);
    let (hours, minutes) = match scanner.0.len() {
        2 => (scanner.exactly(2)?, 0),
        4 if !scanner.0.contains(':') => {
            let both = scanner.exactly(4)?;
            (both / 100, both % 100)
        }
        _ => {
            let hours = scanner.number(2)?;
            scanner.eat(':')?;
            (hours, scanner.exactly(2)?)
        }
    };
    let fits = scanner.0.is_empty() && hours < 24 && minutes < 60;
    fits.then_some(sign * (hours * 3_600_000 + minutes * 60_000))
}

/// The text of a timestamp; far from our time there is none, only the integer.
pub(super) fn format_timestamp(millis: i64) -> Option<String> {
    let (year, month, day) = date_from_days(millis.div_euclid(DAY_MILLIS));
    if !(0..=9999).contains(&year) {
        return None;
    }
    let rest = millis.rem_euclid(DAY_MILLIS);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    let fraction = rest % 1000;
    Some(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{fraction:03}Z"))
}

/// The stored form of a date: an unsigned integer as it is, or `[+-]yyyy-mm-dd`.
pub(super) fn parse_date(text: &str) -> Result<u32, InvalidValue> {
    if is_integer(text) {
        return match text.parse() {
            Ok(days) => Ok(days),
            Err(_) => invalid!("Unable to make unsigned int (for date) from: '{text}'"),
        };
    }
    match date_parts(text) {
        Some(days) if days < -DATE_CENTRE => {
            invalid!("Input date {text} is less than min supported date -5877641-06-23T00:00Z")
        }
        Some(days) => match u32::try_from(days + DATE_CENTRE) {
            Ok(stored) => Ok(stored),
            Err(_) => invalid!("Input date {text} is greater than max supported date +5881580-07-11T00:00Z"),
        },
        None => invalid!("Unable to coerce '{text}' to a formatted date (long)"),
    }
}

fn date_parts(text: &str) -> Option<i64> {
    let (sign, signed) = match text.as_bytes().first()? {
        b'-' => (-1, true),
        b'+' => (1, true),
        _ => (1, false),
    };
    let mut scanner = Scanner(if signed { &text[1..] } else { text });
    let before = scanner.0.len();
    let year = scanner.number(9)?;
    // Four digits, more only with a sign.
    let digits = before - scanner.0.len();
    if digits < 4 || digits > 4 && !signed {
        return None;
    }
    scanner.eat('-')?;
    let month = scanner.exactly(2)?;
    scanner.eat('-')?;
    let day = scanner.exactly(2)?;
    if !scanner.0.is_empty() {
        return None;
    }
    days_from_date(sign * year, month, day)
}

/// The text of a date.
pub(super) struct Date(pub(super) u32);

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_from_days(i64::from(self.0) - DATE_CENTRE);
        let sign = match year {
            ..0 => "-",
            0..=9999 => "",
            _ => "+",
        };
        write!(out, "{sign}{:04}-{month:02}-{day:02}", year.abs())
    }
}

/// Nanoseconds since midnight: an integer, or `hh:mm:ss[.fffffffff]`.
pub(super) fn parse_time(text: &str) -> Result<i64, InvalidValue> {
    if is_integer(text) {
        return match text.parse() {
            Ok(nanos) if (0..DAY_NANOS).contains(&nanos) => Ok(nanos),
            _ => invalid!("Unable to make long (for time) from: '{text}'"),
        };
    }
    match time_parts(text.trim()) {
        Some(nanos) => Ok(nanos),
        None => invalid!("(TimeType) Unable to coerce '{text}' to a formatted time (long)"),
    }
}

fn time_parts(text: &str) -> Option<i64> {
    let mut scanner = Scanner(text);
    let hour = scanner.below(24)?;
    scanner.eat(':')?;
    let minute = scanner.below(60)?;
    scanner.eat(':')?;
    let second = scanner.below(60)?;
    let mut nanos = 0;
    if scanner.at('.') {
        scanner.eat('.')?;
        let digits = scanner.0.len();
        nanos = scanner.number(9)?;
        nanos *= 10i64.pow(9 - u32::try_from(digits).ok()?);
    }
    if !scanner.0.is_empty() {
        return None;
    }
    Some(((hour * 60 + minute) * 60 + second) * 1_000_000_000 + nanos)
}

/// The text of a time of day; `None` if it is none.
pub(super) fn format_time(nanos: i64) -> Option<String> {
    if !(0..DAY_NANOS).contains(&nanos) {
        return None;
    }
    let seconds = nanos / 1_000_000_000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(format!("{hour:02}:{minute:02}:{second:02}.{:09}", nanos % 1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_has_no_gaps() {
        let mut previous = date_from_days(-800_000);
        for days in -799_999..800_000 {
            let date = date_from_days(days);
            assert!(date > previous, "{days}");
            assert_eq!(days_from_date(date.0, date.1, date.2), Some(days));
            previous = date;
        }
        assert_eq!(date_from_days(0), (1970, 1, 1));
        assert_eq!(days_from_date(2024, 2, 29), Some(19_782));
        assert_eq!(days_from_date(2023, 2, 29), None);
    }

    #[test]
    fn timestamps_in_all_documented_forms() {
        for (text, millis) in [
            ("1299038700000", 1_299_038_700_000),
            ("-5", -5),
            ("2011-02-03 04:05+0000", 1_296_705_900_000),
            ("2011-02-03 04:05:00+0000", 1_296_705_900_000),
            ("2011-02-03 04:05:00.000+0000", 1_296_705_900_000),
            ("2011-02-03T04:05+0000", 1_296_705_900_000),
            ("2011-02-03T04:05:00.000+00:00", 1_296_705_900_000),
            ("2011-02-03T04:05:00.123Z", 1_296_705_900_123),
            ("2011-02-03T06:05:00+02", 1_296_705_900_000),
            ("2011-02-03T02:05:00 GMT-02:00", 1_296_705_900_000),
            ("2011-02-03 04:05 UTC", 1_296_705_900_000),
            ("2011-02-03 03:35 -0030", 1_296_705_900_000),
            ("2011-02-03", 1_296_691_200_000),
            ("2011-2-3", 1_296_691_200_000),
            ("2011-02-03+0000", 1_296_691_200_000),
            ("2011-02-03 GMT", 1_296_691_200_000),
            ("1969-12-31 23:59:59.999", -1),
            ("1970-01-01 00:00:00.5", 500),
            ("1970-01-01 00:00:00.123999789Z", 123),
        ] {
            assert_eq!(parse_timestamp(text), Ok(millis), "{text}");
        }
        assert_eq!(format_timestamp(1_296_705_900_123).as_deref(), Some("2011-02-03 04:05:00.123Z"));
        assert_eq!(format_timestamp(-1).as_deref(), Some("1969-12-31 23:59:59.999Z"));
        assert_eq!(format_timestamp(i64::MAX), None);
        for text in [
            "",
            "2011",
            "2011-13-01",
            "2011-02-30",
            "2011-02-03 24:00",
            "2011-02-03 04:60",
            "2011-02-03 04:05:06.1234567890",
            "10000-01-01",
            "2011-02-03T",
            "2011-02-03 04:05 XYZ",
            "2011-02-03 04:05+00000",
            "2011-02-03x",
            "2011-02-03 04:05:06+25",
        ] {
            let message = format!("Unable to parse a date/time from '{text}'");
            assert_eq!(parse_timestamp(text), if text == "2011" { Ok(2011) } else { Err(InvalidValue(message)) });
        }
        assert!(parse_timestamp("99999999999999999999").is_err());
    }

    #[test]
    fn dates() {
        for (text, stored) in [
            ("1970-01-01", 1 << 31),
            ("1969-12-31", (1 << 31) - 1),
            ("2011-02-03", (1 << 31) + 15_008),
            ("-5877641-06-23", 0),
            ("+5881580-07-11", u32::MAX),
            ("0000-01-01", (1 << 31) - 719_528),
        ] {
            assert_eq!(parse_date(text), Ok(stored), "{text}");
            assert_eq!(Date(stored).to_string(), text);
        }
        assert_eq!(parse_date("2147483648"), Ok(1 << 31));
        for text in ["-1", "4294967296", "2011-2-3", "20111-01-01", "2011-02-30", "2011-02-03 ", "+5881580-07-12"] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_of_day() {
        for (text, nanos) in [
            ("00:00:00", 0),
            ("23:59:59.999999999", DAY_NANOS - 1),
            ("08:12:54.123", 29_574_123_000_000),
            ("1:2:3", 3_723_000_000_000),
            ("86399999999999", DAY_NANOS - 1),
        ] {
            assert_eq!(parse_time(text), Ok(nanos), "{text}");
        }
        assert_eq!(format_time(29_574_123_000_000).as_deref(), Some("08:12:54.123000000"));
        for text in [
            "",
            "24:00:00",
            "00:60:00",
            "00:00:60",
            "00:00",
            "00:00:00.",
            "00:00:00.1234567890",
            "-1",
            "86400000000000",
        ] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }
}
