//! From literals to bytes: which constant fits which type, and how.

use super::calendar::{parse_date, parse_time, parse_timestamp};
use super::collection::join_fields;
use super::decimal::{Decimal, varint_from_text};
use super::duration::Duration;
use super::error::invalid;
use super::{CqlType, InvalidValue};
use crate::ast::Literal;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a constant may be assigned to a type at all, whatever its text; null may always (counters apart).
pub fn literal_fits(literal: &Literal, value_type: &CqlType) -> bool {
    match literal {
        Literal::Null => *value_type != CqlType::Counter,
        Literal::Boolean(_) => matches!(value_type, CqlType::Boolean),
        Literal::Integer(_) => matches!(
            value_type,
            CqlType::TinyInt
                | CqlType::SmallInt
                | CqlType::Int
                | CqlType::BigInt
                | CqlType::Counter
                | CqlType::Varint
                | CqlType::Decimal
                | CqlType::Float
                | CqlType::Double
                | CqlType::Timestamp
                | CqlType::Date
                | CqlType::Time
                | CqlType::Duration
                | CqlType::Tuple(_)
        ),
        Literal::Float(_) => {
            matches!(value_type, CqlType::Decimal | CqlType::Double | CqlType::Float | CqlType::Tuple(_))
        }
        Literal::String(_) => matches!(
            value_type,
            CqlType::Ascii
                | CqlType::Text
                | CqlType::Inet
                | CqlType::Date
                | CqlType::Time
                | CqlType::Timestamp
                | CqlType::Tuple(_)
        ),
        Literal::Uuid(_) => matches!(value_type, CqlType::Uuid | CqlType::TimeUuid),
        Literal::Hex(_) => matches!(value_type, CqlType::Blob | CqlType::Custom(_)),
        Literal::Duration(_) => matches!(value_type, CqlType::Duration),
    }
}

/// The bytes of a constant as a value of a type; null is `None`. `receiver` is what the value is for, as the error calls it.
///
/// # Errors
/// Cassandra's text when the constant does not fit the type, or its text is no value of it.
pub fn literal_to_bytes(
    literal: &Literal,
    value_type: &CqlType,
    receiver: &str,
) -> Result<Option<Vec<u8>>, InvalidValue> {
    if !literal_fits(literal, value_type) {
        return match literal.kind() {
            Some(kind) => {
                invalid!("Invalid {kind} constant ({}) for \"{receiver}\" of type {value_type}", literal.raw_text())
            }
            None => invalid!("Invalid null value for counter increment/decrement"),
        };
    }
    let bytes = match literal {
        Literal::Null => return Ok(None),
        Literal::Boolean(value) => vec![u8::from(*value)],
        Literal::Integer(text) | Literal::Float(text) | Literal::String(text) | Literal::Duration(text) => {
            text_to_bytes(text, value_type)?
        }
        Literal::Uuid(uuid) if *value_type == CqlType::TimeUuid && uuid.as_bytes()[6] >> 4 != 1 => {
            return invalid!("TimeUUID supports only version 1 UUIDs");
        }
        Literal::Uuid(uuid) => uuid.as_bytes().to_vec(),
        Literal::Hex(digits) => hex_to_bytes(digits)?,
    };
    Ok(Some(bytes))
}

/// The bytes of a text without quotes as a value of a scalar type or a tuple.
pub(super) fn text_to_bytes(text: &str, value_type: &CqlType) -> Result<Vec<u8>, InvalidValue> {
    macro_rules! number {
        ($number:ty, $name:literal) => {
            match text.parse::<$number>() {
                Ok(number) => number.to_be_bytes().to_vec(),
                Err(_) => return invalid!("Unable to make {} from '{text}'", $name),
            }
        };
    }
    // Only texts, in JSON, can be empty and meant for these.
    let has_empty = value_type.native().is_some()
        && !matches!(value_type, CqlType::Date | CqlType::Time | CqlType::Duration | CqlType::Boolean);
    if text.is_empty() && has_empty {
        return Ok(Vec::new());
    }
    Ok(match value_type {
        CqlType::Text => text.as_bytes().to_vec(),
        CqlType::Ascii if text.is_ascii() => text.as_bytes().to_vec(),
        CqlType::Ascii => {
            return invalid!(
                "Invalid ASCII character in string literal: java.nio.charset.UnmappableCharacterException: Input length = 1"
            );
        }
        CqlType::TinyInt => number!(i8, "byte"),
        CqlType::SmallInt => number!(i16, "short"),
        CqlType::Int => number!(i32, "int"),
        CqlType::BigInt | CqlType::Counter => number!(i64, "long"),
        CqlType::Float => number!(f32, "float"),
        CqlType::Double => number!(f64, "double"),
        CqlType::Varint => varint_from_text(text)?,
        CqlType::Decimal => Decimal::parse(text)?.to_bytes(),
        CqlType::Timestamp => parse_timestamp(text)?.to_be_bytes().to_vec(),
        CqlType::Date => parse_date(text)?.to_be_bytes().to_vec(),
        CqlType::Time => parse_time(text)?.to_be_bytes().to_vec(),
        CqlType::Duration => Duration::parse(text)?.to_bytes(),
        CqlType::Inet => inet_to_bytes(text)?,
        CqlType::Boolean if text.is_empty() || text.eq_ignore_ascii_case("false") => vec![0],
        CqlType::Boolean if text.eq_ignore_ascii_case("true") => vec![1],
        CqlType::Boolean => return invalid!("Unable to make boolean from '{text}'"),
        CqlType::Uuid | CqlType::TimeUuid => match text.parse::<uuid::Uuid>() {
            Ok(uuid) if *value_type == CqlType::TimeUuid && uuid.get_version_num() != 1 => {
                return invalid!("TimeUUID supports only version 1 UUIDs");
            }
            Ok(uuid) if text.len() == 36 => uuid.as_bytes().to_vec(),
            _ => return invalid!("Unable to make UUID from '{text}'"),
        },
        CqlType::Tuple(types) => tuple_to_bytes(text, types, value_type)?,
        CqlType::Blob => hex_to_bytes(text.strip_prefix("0x").unwrap_or(text))?,
        // `literal_fits` lets no text come here for another type.
        other => return invalid!("'{text}' is no value of type {other}"),
    })
}

/// `1:two:@`: fields between colons, `@` for null; those at the end may be missing. A colon or `@` that is meant has a backslash
/// before it.
fn tuple_to_bytes(text: &str, types: &[CqlType], tuple: &CqlType) -> Result<Vec<u8>, InvalidValue> {
    let mut texts = vec![String::new()];
    let mut before = None;
    for character in text.chars() {
        match (before, character, texts.last_mut()) {
            (Some('\\'), ':' | '@', Some(field)) => {
                field.pop();
                field.push(character);
            }
            (_, ':', _) => texts.push(String::new()),
            (_, _, Some(field)) => field.push(character),
            (_, _, None) => {}
        }
        before = Some(character);
    }
    if texts.len() > types.len() {
        return invalid!(
            "Invalid tuple literal: too many elements. Type {tuple} expects {} but got {}",
            types.len(),
            texts.len()
        );
    }
    let fields = texts.iter().zip(types).map(|(text, field_type)| match &text[..] {
        "@" => Ok(None),
        text => text_to_bytes(text, field_type).map(Some),
    });
    Ok(join_fields(&fields.collect::<Result<Vec<_>, _>>()?))
}

pub(super) fn hex_to_bytes(digits: &str) -> Result<Vec<u8>, InvalidValue> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, odd) = digits.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    match bytes.filter(|_| odd.is_empty()) {
        Some(bytes) => Ok(bytes),
        None => invalid!("cannot parse '{digits}' as hex bytes"),
    }
}

/// Addresses only, no names: resolving those would take a network. An IPv4 address inside an IPv6 one is the former, as in Java.
fn inet_to_bytes(text: &str) -> Result<Vec<u8>, InvalidValue> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(address.octets().to_vec());
    }
    if let Some(address) = short_ipv4(text) {
        return Ok(address.to_vec());
    }
    let Ok(address) = text.parse::<Ipv6Addr>() else {
        return invalid!("Unable to make inet address from '{text}'");
    };
    Ok(match IpAddr::V6(address).to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    })
}

/// `1.2.3` and the like: the last number fills the bytes that are left.
fn short_ipv4(text: &str) -> Option<[u8; 4]> {
    let parts: Vec<&str> = text.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(is_number) {
        return None;
    }
    let (last, first) = parts.split_last()?;
    let mut address = 0u32;
    for (index, part) in first.iter().enumerate() {
        address |= u32::from(part.parse::<u8>().ok()?) << (24 - 8 * index);
    }
    let room = 32 - 8 * first.len() as u32;
    let last = last.parse::<u32>().ok().filter(|last| u64::from(*last) < 1 << room)?;
    Some((address | last).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::Term;
    use crate::parser::parse_term;
    use crate::types::validate;

    fn convert(text: &str, value_type: &CqlType) -> Result<Option<Vec<u8>>, InvalidValue> {
        let Ok(Term::Literal(literal)) = parse_term(text) else { panic!("{text} is no literal") };
        literal_to_bytes(&literal, value_type, "c")
    }

    #[test]
    fn accepted_conversions() {
        for (text, value_type, bytes) in [
            ("'a''b'", CqlType::Text, &b"a'b"[..]),
            ("'é'", CqlType::Text, "é".as_bytes()),
            ("'abc'", CqlType::Ascii, b"abc"),
            ("true", CqlType::Boolean, &[1]),
            ("-1", CqlType::TinyInt, &[0xff]),
            ("258", CqlType::SmallInt, &[1, 2]),
            ("007", CqlType::Int, &[0, 0, 0, 7]),
            ("1", CqlType::BigInt, &[0, 0, 0, 0, 0, 0, 0, 1]),
            ("1", CqlType::Counter, &[0, 0, 0, 0, 0, 0, 0, 1]),
            ("1", CqlType::Float, &[0x3f, 0x80, 0, 0]),
            ("1.", CqlType::Float, &[0x3f, 0x80, 0, 0]),
            ("NaN", CqlType::Float, &[0x7f, 0xc0, 0, 0]),
            ("-Infinity", CqlType::Double, &[0xff, 0xf0, 0, 0, 0, 0, 0, 0]),
            ("1.5e0", CqlType::Double, &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
            ("1", CqlType::Decimal, &[0, 0, 0, 0, 1]),
            ("1.5", CqlType::Decimal, &[0, 0, 0, 1, 15]),
            ("128", CqlType::Varint, &[0, 128]),
            ("5", CqlType::Timestamp, &[0, 0, 0, 0, 0, 0, 0, 5]),
            ("'1970-01-01'", CqlType::Timestamp, &[0; 8]),
            ("''", CqlType::Timestamp, &[]),
            ("'1970-01-02'", CqlType::Date, &[0x80, 0, 0, 1]),
            ("1", CqlType::Date, &[0, 0, 0, 1]),
            ("'00:00:00.000000001'", CqlType::Time, &[0, 0, 0, 0, 0, 0, 0, 1]),
            ("1", CqlType::Time, &[0, 0, 0, 0, 0, 0, 0, 1]),
            ("1mo2d3ns", CqlType::Duration, &[2, 4, 6]),
            ("'127.0.0.1'", CqlType::Inet, &[127, 0, 0, 1]),
            ("'1.2.3'", CqlType::Inet, &[1, 2, 0, 3]),
            ("'1.65536'", CqlType::Inet, &[1, 1, 0, 0]),
            ("'::1'", CqlType::Inet, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            ("'::ffff:1.2.3.4'", CqlType::Inet, &[1, 2, 3, 4]),
            ("0xCAFE", CqlType::Blob, &[0xca, 0xfe]),
            ("0x", CqlType::Blob, &[]),
            ("0x01", CqlType::Custom("org.example.Thing".into()), &[1]),
            (
                "00000000-0000-1000-8000-000000000001",
                CqlType::TimeUuid,
                &[0, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0, 0, 0, 0, 1],
            ),
        ] {
            assert_eq!(convert(text, &value_type), Ok(Some(bytes.to_vec())), "{text} as {value_type}");
            assert_eq!(validate(&value_type, bytes), Ok(()), "{text} as {value_type}");
        }
        assert_eq!(convert("null", &CqlType::Int), Ok(None));
    }

    #[test]
    fn a_text_may_stand_for_a_tuple() {
        let pair = CqlType::Tuple(vec![CqlType::TinyInt, CqlType::Text]);
        for (text, bytes) in [
            ("'1:a'", &b"\0\0\0\x01\x01\0\0\0\x01a"[..]),
            ("'1'", b"\0\0\0\x01\x01"),
            ("1", b"\0\0\0\x01\x01"),
            (r"'1:a\:\@'", b"\0\0\0\x01\x01\0\0\0\x03a:@"),
            ("'@:'", b"\xff\xff\xff\xff\0\0\0\0"),
        ] {
            assert_eq!(convert(text, &pair), Ok(Some(bytes.to_vec())), "{text}");
        }
        let problem = |text| convert(text, &pair).expect_err("it is refused").0;
        assert_eq!(
            problem("'1:2:3'"),
            "Invalid tuple literal: too many elements. Type frozen<tuple<tinyint, text>> expects 2 but got 3"
        );
        assert_eq!(problem("'x:2'"), "Unable to make byte from 'x'");
    }

    #[test]
    fn refused_conversions() {
        for (text, value_type, message) in [
            ("'a'", CqlType::Int, "Invalid STRING constant (a) for \"c\" of type int"),
            ("1", CqlType::Text, "Invalid INTEGER constant (1) for \"c\" of type text"),
            ("1.5", CqlType::Int, "Invalid FLOAT constant (1.5) for \"c\" of type int"),
            ("true", CqlType::Int, "Invalid BOOLEAN constant (true) for \"c\" of type int"),
            ("0x00", CqlType::Text, "Invalid HEX constant (0x00) for \"c\" of type text"),
            ("1d", CqlType::Time, "Invalid DURATION constant (1d) for \"c\" of type time"),
            ("'1'", CqlType::Duration, "Invalid STRING constant (1) for \"c\" of type duration"),
            ("1", CqlType::List(Box::new(CqlType::Int)), "Invalid INTEGER constant (1) for \"c\" of type list<int>"),
            ("2147483648", CqlType::Int, "Unable to make int from '2147483648'"),
            ("300", CqlType::TinyInt, "Unable to make byte from '300'"),
            (
                "'é'",
                CqlType::Ascii,
                "Invalid ASCII character in string literal: java.nio.charset.UnmappableCharacterException: Input length = 1",
            ),
            ("'localhost'", CqlType::Inet, "Unable to make inet address from 'localhost'"),
            ("0x123", CqlType::Blob, "cannot parse '123' as hex bytes"),
            ("NaN", CqlType::Decimal, "unable to make BigDecimal from 'NaN'"),
            ("00000000-0000-4000-8000-000000000001", CqlType::TimeUuid, "TimeUUID supports only version 1 UUIDs"),
            ("5", CqlType::Duration, "Unable to convert '5' to a duration"),
            ("null", CqlType::Counter, "Invalid null value for counter increment/decrement"),
        ] {
            assert_eq!(convert(text, &value_type), Err(InvalidValue(message.into())), "{text} as {value_type}");
        }
    }
}
