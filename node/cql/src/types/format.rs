//! Values as text: as CQL literals, which give the same value when read back, and as JSON as `toJson` and `SELECT JSON` write it.

use super::calendar::{Date, format_time, format_timestamp};
use super::collection::{Elements, elements, entries, fields};
use super::decimal::{Decimal, varint_to_text};
use super::duration::Duration;
use super::error::invalid;
use super::vector::vector_elements;
use super::{CqlType, InvalidValue, validate};
use crate::ast::write_name;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// In which language a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Cql,
    Json,
}

/// The CQL literal of a value. The empty value of a type that has no literal for it is `NULL`.
///
/// # Errors
/// For bytes that `validate` refuses.
pub fn to_literal(value_type: &CqlType, bytes: &[u8]) -> Result<String, InvalidValue> {
    validate(value_type, bytes)?;
    let mut out = String::new();
    write_value(value_type, bytes, Language::Cql, &mut out)?;
    Ok(out)
}

/// The JSON of a value.
///
/// # Errors
/// For bytes that `validate` refuses.
pub fn to_json(value_type: &CqlType, bytes: &[u8]) -> Result<String, InvalidValue> {
    validate(value_type, bytes)?;
    let mut out = String::new();
    write_value(value_type, bytes, Language::Json, &mut out)?;
    Ok(out)
}

/// The shortest digits of a float that mean it; where one would do, Java takes two if they are closer.
macro_rules! digits {
    ($value:expr) => {{
        let shortest = format!("{:e}", $value);
        let closer = if shortest.contains('.') { None } else { Some(format!("{:.1e}", $value)) };
        closer.filter(|closer| !closer.contains(".0")).unwrap_or(shortest)
    }};
}

/// What a scalar looks like.
enum Scalar {
    /// As it is in both languages.
    Plain(String),
    /// In quotes in both languages.
    Quoted(String),
    /// As it is in CQL, in quotes in JSON.
    PlainInCql(String),
    /// No number in JSON: NaN and the infinities.
    NoNumber(&'static str),
}

fn write_value(value_type: &CqlType, bytes: &[u8], language: Language, out: &mut String) -> Result<(), InvalidValue> {
    match value_type {
        CqlType::Frozen(inner) => write_value(inner, bytes, language, out),
        CqlType::List(element) => write_elements(['[', ']'], elements(bytes)?, element, language, out),
        CqlType::Set(element) if language == Language::Cql => {
            write_elements(['{', '}'], elements(bytes)?, element, language, out)
        }
        CqlType::Set(element) => write_elements(['[', ']'], elements(bytes)?, element, language, out),
        CqlType::Vector(element, dimension) if !bytes.is_empty() => {
            write_elements(['[', ']'], vector_elements(element, *dimension, bytes), element, language, out)
        }
        CqlType::Map(key, value) => write_map(key, value, entries(bytes)?, language, out),
        CqlType::Tuple(types) => write_tuple(types, bytes, language, out),
        CqlType::UserType(user) => write_user_type(&user.fields, bytes, language, out),
        _ => {
            write_scalar(scalar(value_type, bytes)?, language, out);
            Ok(())
        }
    }
}

fn write_scalar(scalar: Option<Scalar>, language: Language, out: &mut String) {
    match (scalar, language) {
        (None, Language::Cql) => out.push_str("NULL"),
        (None, Language::Json) => out.push_str("\"\""),
        (Some(Scalar::NoNumber(_)), Language::Json) => out.push_str("null"),
        (Some(Scalar::NoNumber(text)), Language::Cql) => out.push_str(text),
        // A duration of nothing has an empty text, which is no literal.
        (Some(Scalar::PlainInCql(text)), Language::Cql) if text.is_empty() => out.push_str("0ns"),
        (Some(Scalar::Plain(text)), _) | (Some(Scalar::PlainInCql(text)), Language::Cql) => out.push_str(&text),
        (Some(Scalar::Quoted(text)), Language::Cql) => {
            out.push('\'');
            out.push_str(&text.replace('\'', "''"));
            out.push('\'');
        }
        (Some(Scalar::Quoted(text) | Scalar::PlainInCql(text)), Language::Json) => write_json_string(&text, out),
    }
}

/// The text of a scalar; `None` for an empty value that is no text.
fn scalar(value_type: &CqlType, bytes: &[u8]) -> Result<Option<Scalar>, InvalidValue> {
    let textual = matches!(value_type, CqlType::Ascii | CqlType::Text | CqlType::Blob | CqlType::Custom(_));
    if bytes.is_empty() && !textual {
        return Ok(None);
    }
    fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], InvalidValue> {
        <[u8; N]>::try_from(bytes).map_err(|_| InvalidValue(format!("Expected {N} bytes ({})", bytes.len())))
    }
    Ok(Some(match value_type {
        CqlType::Ascii | CqlType::Text => match core::str::from_utf8(bytes) {
            Ok(text) => Scalar::Quoted(text.to_string()),
            Err(_) => return invalid!("String didn't validate."),
        },
        CqlType::Blob | CqlType::Custom(_) => Scalar::PlainInCql(hex(bytes)),
        CqlType::Boolean => Scalar::Plain((fixed::<1>(bytes)? != [0]).to_string()),
        CqlType::TinyInt => Scalar::Plain(i8::from_be_bytes(fixed(bytes)?).to_string()),
        CqlType::SmallInt => Scalar::Plain(i16::from_be_bytes(fixed(bytes)?).to_string()),
        CqlType::Int => Scalar::Plain(i32::from_be_bytes(fixed(bytes)?).to_string()),
        CqlType::BigInt | CqlType::Counter => Scalar::Plain(i64::from_be_bytes(fixed(bytes)?).to_string()),
        CqlType::Varint => Scalar::Plain(varint_to_text(bytes)),
        CqlType::Decimal => match Decimal::from_bytes(bytes) {
            Some(decimal) => Scalar::Plain(decimal.to_string()),
            None => return invalid!("Expected 0 or at least 5 bytes ({})", bytes.len()),
        },
        CqlType::Float => {
            let value = f32::from_be_bytes(fixed(bytes)?);
            float(value.into(), digits!(value))
        }
        CqlType::Double => {
            let value = f64::from_be_bytes(fixed(bytes)?);
            float(value, digits!(value))
        }
        CqlType::Timestamp => {
            let millis = i64::from_be_bytes(fixed(bytes)?);
            format_timestamp(millis).map_or_else(|| Scalar::PlainInCql(millis.to_string()), Scalar::Quoted)
        }
        CqlType::Date => Scalar::Quoted(Date(u32::from_be_bytes(fixed(bytes)?)).to_string()),
        CqlType::Time => {
            let nanos = i64::from_be_bytes(fixed(bytes)?);
            format_time(nanos).map_or_else(|| Scalar::PlainInCql(nanos.to_string()), Scalar::Quoted)
        }
        CqlType::Uuid | CqlType::TimeUuid => {
            Scalar::PlainInCql(uuid::Uuid::from_bytes(fixed(bytes)?).hyphenated().to_string())
        }
        CqlType::Inet => Scalar::Quoted(match fixed::<4>(bytes) {
            Ok(octets) => Ipv4Addr::from(octets).to_string(),
            // All groups, as Java prints them.
            Err(_) => {
                let groups = Ipv6Addr::from(fixed::<16>(bytes)?).segments();
                groups.map(|group| format!("{group:x}")).join(":")
            }
        }),
        CqlType::Duration => Scalar::PlainInCql(Duration::from_bytes(bytes)?.to_string()),
        CqlType::Vector(..) => return Ok(None),
        other => return invalid!("{other} is no scalar"),
    }))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 + bytes.len() * 2);
    out.push_str("0x");
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
    out
}

/// A float as Java prints it: plain from a thousandth up to ten million, else with an exponent. `scientific` has its digits.
fn float(value: f64, scientific: String) -> Scalar {
    if value.is_nan() {
        return Scalar::NoNumber("NaN");
    }
    if value.is_infinite() {
        return Scalar::NoNumber(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    Scalar::Plain(float_text(value, &scientific))
}

/// The text of a finite float, of its digits in scientific notation.
pub(super) fn float_text(value: f64, scientific: &str) -> String {
    let (sign, digits) = match scientific.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", scientific),
    };
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((digits, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.replace('.', "");
    let text = if value == 0.0 {
        "0.0".to_string()
    } else if (-3..0).contains(&exponent) {
        format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1))
    } else if (0..7).contains(&exponent) {
        let padded = format!("{digits:0<width$}", width = exponent as usize + 2);
        let (whole, fraction) = padded.split_at(exponent as usize + 1);
        format!("{whole}.{fraction}")
    } else {
        let (first, rest) = digits.split_at(1);
        format!("{first}.{}E{exponent}", if rest.is_empty() { "0" } else { rest })
    };
    format!("{sign}{text}")
}

fn write_json_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if control < ' ' => {
                out.push_str("\\u00");
                for digit in [control as u32 >> 4, control as u32 & 15] {
                    out.extend(char::from_digit(digit, 16).map(|digit| digit.to_ascii_uppercase()));
                }
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// A column or field as the name of something in a JSON object: what is not folded is quoted inside.
pub fn json_field_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    if name.chars().any(char::is_uppercase) {
        write_json_string(&format!("\"{name}\""), &mut out);
    } else {
        write_json_string(name, &mut out);
    }
    out
}

fn separate(index: usize, out: &mut String) {
    if index > 0 {
        out.push_str(", ");
    }
}

fn write_elements<'a>(
    brackets: [char; 2],
    parts: impl Iterator<Item = Result<&'a [u8], InvalidValue>>,
    element: &CqlType,
    language: Language,
    out: &mut String,
) -> Result<(), InvalidValue> {
    out.push(brackets[0]);
    for (index, part) in parts.enumerate() {
        separate(index, out);
        write_value(element, part?, language, out)?;
    }
    out.push(brackets[1]);
    Ok(())
}

fn write_map(
    key: &CqlType,
    value: &CqlType,
    mut parts: Elements<'_>,
    language: Language,
    out: &mut String,
) -> Result<(), InvalidValue> {
    out.push('{');
    let mut index = 0;
    while let (Some(one), Some(other)) = (parts.next(), parts.next()) {
        separate(index, out);
        index += 1;
        let start = out.len();
        write_value(key, one?, language, out)?;
        // The keys of a JSON object are strings: what is none becomes the text of one.
        if language == Language::Json && !out[start..].starts_with('"') {
            let text = out.split_off(start);
            write_json_string(&text, out);
        }
        out.push_str(": ");
        write_value(value, other?, language, out)?;
    }
    out.push('}');
    Ok(())
}

fn write_field(
    field_type: &CqlType,
    field: Option<&[u8]>,
    language: Language,
    out: &mut String,
) -> Result<(), InvalidValue> {
    match (field, language) {
        (Some(bytes), _) => write_value(field_type, bytes, language, out),
        (None, Language::Cql) => {
            out.push_str("NULL");
            Ok(())
        }
        (None, Language::Json) => {
            out.push_str("null");
            Ok(())
        }
    }
}

fn write_tuple(types: &[CqlType], bytes: &[u8], language: Language, out: &mut String) -> Result<(), InvalidValue> {
    let brackets = if language == Language::Cql { ['(', ')'] } else { ['[', ']'] };
    out.push(brackets[0]);
    let mut parts = fields(bytes);
    for (index, field_type) in types.iter().enumerate() {
        separate(index, out);
        write_field(field_type, parts.next().transpose()?.flatten(), language, out)?;
    }
    out.push(brackets[1]);
    Ok(())
}

fn write_user_type(
    types: &[(String, CqlType)],
    bytes: &[u8],
    language: Language,
    out: &mut String,
) -> Result<(), InvalidValue> {
    out.push('{');
    let mut parts = fields(bytes);
    for (index, (name, field_type)) in types.iter().enumerate() {
        separate(index, out);
        match language {
            Language::Cql => {
                // Writing to a string cannot fail.
                let _ = write_name(name, out);
            }
            Language::Json => out.push_str(&json_field_name(name)),
        }
        let _ = out.write_str(": ");
        write_field(field_type, parts.next().transpose()?.flatten(), language, out)?;
    }
    out.push('}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::parse_term;
    use crate::types::samples::type_of;
    use crate::types::term_to_bytes;

    #[test]
    fn values_in_both_languages() {
        for (value_type, term, literal, json) in [
            ("int", "-7", "-7", "-7"),
            ("boolean", "true", "true", "true"),
            ("text", "'it''s \"x\"\n'", "'it''s \"x\"\n'", r#""it's \"x\"\n""#),
            ("text", "'\u{1}\u{1f}é'", "'\u{1}\u{1f}é'", "\"\\u0001\\u001Fé\""),
            ("blob", "0xCAFE", "0xcafe", "\"0xcafe\""),
            ("double", "1", "1.0", "1.0"),
            ("double", "-0.0", "-0.0", "-0.0"),
            ("double", "0.001", "0.001", "0.001"),
            ("double", "0.0001", "1.0E-4", "1.0E-4"),
            ("double", "1234567.25", "1234567.25", "1234567.25"),
            ("double", "12345678", "1.2345678E7", "1.2345678E7"),
            ("float", "0.1", "0.1", "0.1"),
            ("float", "NaN", "NaN", "null"),
            ("double", "-Infinity", "-Infinity", "null"),
            ("decimal", "1.50", "1.50", "1.50"),
            (
                "varint",
                "123456789012345678901234567890",
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            ("timestamp", "'2011-02-03T04:05:06.7Z'", "'2011-02-03 04:05:06.700Z'", "\"2011-02-03 04:05:06.700Z\""),
            ("timestamp", "9223372036854775807", "9223372036854775807", "\"9223372036854775807\""),
            ("date", "'2011-02-03'", "'2011-02-03'", "\"2011-02-03\""),
            ("time", "'01:02:03'", "'01:02:03.000000000'", "\"01:02:03.000000000\""),
            ("inet", "'::1'", "'0:0:0:0:0:0:0:1'", "\"0:0:0:0:0:0:0:1\""),
            ("duration", "1y2h", "1y2h", "\"1y2h\""),
            ("duration", "0s", "0ns", "\"\""),
            ("double", "4.9e-324", "4.9E-324", "4.9E-324"),
            ("float", "1.4e-45", "1.4E-45", "1.4E-45"),
            (
                "uuid",
                "00000000-0000-4000-8000-000000000001",
                "00000000-0000-4000-8000-000000000001",
                "\"00000000-0000-4000-8000-000000000001\"",
            ),
            ("list<int>", "[2, 1]", "[2, 1]", "[2, 1]"),
            ("set<text>", "{'b', 'a'}", "{'a', 'b'}", "[\"a\", \"b\"]"),
            ("map<int, text>", "{1: 'x'}", "{1: 'x'}", "{\"1\": \"x\"}"),
            ("map<text, int>", "{'k': 1}", "{'k': 1}", "{\"k\": 1}"),
            ("map<frozen<set<text>>, int>", "{{'k'}: 1}", "{{'k'}: 1}", r#"{"[\"k\"]": 1}"#),
            ("tuple<int, text, text>", "(1, null)", "(1, NULL, NULL)", "[1, null, null]"),
            ("u", "{a: 1, \"B\": 'x'}", "{a: 1, \"B\": 'x'}", r#"{"a": 1, "\"B\"": "x"}"#),
            ("vector<float, 2>", "[1, 2.5]", "[1.0, 2.5]", "[1.0, 2.5]"),
        ] {
            let value_type = type_of(value_type);
            let term = parse_term(term).unwrap_or_else(|error| panic!("{term}: {error}"));
            let bytes = term_to_bytes(&term, "c", &value_type).expect("fits").expect("not null");
            assert_eq!(to_literal(&value_type, &bytes).as_deref(), Ok(literal), "{value_type}");
            assert_eq!(to_json(&value_type, &bytes).as_deref(), Ok(json), "{value_type}");
        }
    }

    #[test]
    fn empty_values_and_garbage() {
        assert_eq!(to_literal(&CqlType::Int, b"").as_deref(), Ok("NULL"));
        assert_eq!(to_json(&CqlType::Int, b"").as_deref(), Ok("\"\""));
        assert_eq!(to_literal(&CqlType::Text, b"").as_deref(), Ok("''"));
        assert!(to_literal(&CqlType::Int, b"abc").is_err());
        assert!(to_json(&CqlType::List(Box::new(CqlType::Int)), b"abc").is_err());
    }
}
