//! Values as text and back. Written as CQL literals, except for what has none: `null`, `(empty)` for a value of no bytes,
//! and `(bytes 0x...)` for bytes that are no value of their type.

use bytes::Bytes;
use std::fmt::Write;
use trefoil_cql::parser::parse_term;
use trefoil_cql::protocol::Value;
use trefoil_cql::types::collection::{elements, entries, fields};
use trefoil_cql::types::vector::vector_elements;
use trefoil_cql::types::{CqlType, InvalidValue, term_to_bytes, to_literal};

/// A cell of a result as text, on one line.
#[must_use]
pub fn show(cell_type: &CqlType, cell: Option<&[u8]>) -> String {
    let Some(bytes) = cell else { return "null".to_owned() };
    let mut out = String::new();
    if write_value(cell_type, bytes, &mut out).is_err() {
        out = format!("(bytes {})", hex(bytes));
    }
    one_line(&out)
}

/// Text that may hold anything, on one line: control characters escaped, long runs of x written as `$x(length)`.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = rest.len() - rest.trim_start_matches('x').len();
        if run > 60 {
            let _ = write!(out, "$x({run})");
            rest = &rest[run..];
            continue;
        }
        match first {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() => out.extend(control.escape_unicode()),
            other => out.push(other),
        }
        rest = &rest[first.len_utf8()..];
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::from("0x");
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn write_value(value_type: &CqlType, bytes: &[u8], out: &mut String) -> Result<(), InvalidValue> {
    let value_type = value_type.unfrozen();
    let textual = matches!(value_type, CqlType::Ascii | CqlType::Text | CqlType::Blob | CqlType::Custom(_));
    let fielded = matches!(value_type, CqlType::Tuple(_) | CqlType::UserType(_));
    if bytes.is_empty() && !textual && !fielded {
        out.push_str("(empty)");
        return Ok(());
    }
    match value_type {
        CqlType::List(element) => write_parts(['[', ']'], elements(bytes)?.map(|part| (&**element, part)), out),
        CqlType::Set(element) => write_parts(['{', '}'], elements(bytes)?.map(|part| (&**element, part)), out),
        CqlType::Vector(element, dimension) => {
            let parts = vector_elements(element, *dimension, bytes);
            write_parts(['[', ']'], parts.map(|part| (&**element, part)), out)
        }
        CqlType::Map(key, value) => {
            out.push('{');
            for (index, part) in entries(bytes)?.enumerate() {
                let (separator, part_type) = if index % 2 == 1 { (": ", value) } else { (", ", key) };
                out.push_str(if index == 0 { "" } else { separator });
                write_value(part_type, part?, out)?;
            }
            out.push('}');
            Ok(())
        }
        CqlType::Tuple(types) => {
            out.push('(');
            write_fields(types.iter().map(|field| (None, field)), bytes, out)?;
            out.push(')');
            Ok(())
        }
        CqlType::UserType(user) => {
            out.push('{');
            write_fields(user.fields.iter().map(|(name, field)| (Some(name), field)), bytes, out)?;
            out.push('}');
            Ok(())
        }
        scalar => {
            out.push_str(&to_literal(scalar, bytes)?);
            Ok(())
        }
    }
}

fn write_parts<'a>(
    brackets: [char; 2],
    parts: impl Iterator<Item = (&'a CqlType, Result<&'a [u8], InvalidValue>)>,
    out: &mut String,
) -> Result<(), InvalidValue> {
    out.push(brackets[0]);
    for (index, (part_type, part)) in parts.enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        write_value(part_type, part?, out)?;
    }
    out.push(brackets[1]);
    Ok(())
}

fn write_fields<'a>(
    types: impl Iterator<Item = (Option<&'a String>, &'a CqlType)>,
    bytes: &[u8],
    out: &mut String,
) -> Result<(), InvalidValue> {
    let mut parts = fields(bytes);
    for (index, (name, field_type)) in types.enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        if let Some(name) = name {
            let _ = write!(out, "{name}: ");
        }
        match parts.next().transpose()?.flatten() {
            Some(part) => write_value(field_type, part, out)?,
            None => out.push_str("null"),
        }
    }
    // A value may end before its type does, as drivers may send it; it may not go on behind it.
    if parts.next().is_some() { Err(InvalidValue("more fields than the type has".to_owned())) } else { Ok(()) }
}

/// What a line of bound values says: each with its name, if it has one.
///
/// # Errors
/// In words, when the text is no such line or a value does not fit its marker.
pub fn parse_values(text: &str, types: &dyn Fn(usize, Option<&str>) -> Option<CqlType>) -> Result<Bound, String> {
    let mut bound = Bound::default();
    for (index, part) in split_values(text).into_iter().enumerate() {
        let (name, literal) = match part.strip_prefix(':').and_then(|named| named.split_once('=')) {
            Some((name, literal)) => (Some(name.trim()), literal.trim()),
            None => (None, part),
        };
        let value = match literal {
            "null" => Value::Null,
            "unset" => Value::Unset,
            "(empty)" => Value::Set(Bytes::new()),
            _ => match literal.strip_prefix("(bytes 0x").and_then(|rest| rest.strip_suffix(')')) {
                Some(digits) => Value::Set(from_hex(digits)?),
                None => {
                    // Without a type there is one value too many: the server shall say so, whatever it is.
                    let value_type = types(index, name).unwrap_or(CqlType::Int);
                    from_literal(literal, &value_type)?
                }
            },
        };
        bound.values.push(value);
        if let Some(name) = name {
            bound.names.get_or_insert_default().push(name.to_owned());
        }
    }
    Ok(bound)
}

/// Bound values, with their names if they are bound by name.
#[derive(Clone, Debug, Default)]
pub struct Bound {
    /// The values.
    pub values: Vec<Value>,
    /// One name a value.
    pub names: Option<Vec<String>>,
}

/// A literal as a value of a type.
///
/// # Errors
/// In words, when it is none.
pub fn from_literal(literal: &str, value_type: &CqlType) -> Result<Value, String> {
    let term = parse_term(literal).map_err(|error| format!("{literal}: {error}"))?;
    let bytes = term_to_bytes(&term, "value", value_type).map_err(|error| format!("{literal}: {error}"))?;
    Ok(Value::from(bytes.map(Bytes::from)))
}

fn from_hex(digits: &str) -> Result<Bytes, String> {
    let byte = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.map(Bytes::from).ok_or_else(|| format!("0x{digits} is no blob"))
}

/// Cuts at the commas that stand outside brackets and quotes.
fn split_values(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut quoted, mut start) = (Vec::new(), 0i32, false, 0);
    for (at, character) in text.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = text[start..].trim();
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> CqlType {
        CqlType::parse(text, "ks", |_| None).expect("a type")
    }

    #[test]
    fn null_empty_value_and_empty_collection_are_three_things() {
        let list = parsed("list<int>");
        assert_eq!(show(&list, None), "null");
        assert_eq!(show(&list, Some(b"")), "(empty)");
        assert_eq!(show(&list, Some(b"\0\0\0\0")), "[]");
        assert_eq!(show(&parsed("text"), Some(b"")), "''");
        assert_eq!(show(&list, Some(b"\0\0\0\x01\0\0\0\0")), "[(empty)]");
        let tuple = parsed("tuple<int, int>");
        assert_eq!(show(&tuple, Some(b"\xff\xff\xff\xff\0\0\0\0")), "(null, (empty))");
        assert_eq!(show(&parsed("int"), Some(b"\0")), "(bytes 0x00)");
    }

    #[test]
    fn bound_values_of_every_kind() {
        let types = |index: usize, _: Option<&str>| [parsed("int"), parsed("frozen<list<text>>")].get(index).cloned();
        let bound = parse_values("1, ['a,''b', 'c']", &types).expect("values");
        assert_eq!(bound.values[0], Value::Set(Bytes::from_static(b"\0\0\0\x01")));
        assert_eq!(bound.values[1], Value::Set(Bytes::from_static(b"\0\0\0\x02\0\0\0\x04a,'b\0\0\0\x01c")));
        let bound = parse_values("null, unset, (empty), (bytes 0x00ff)", &types).expect("values");
        let expected = [Value::Null, Value::Unset, Value::Set(Bytes::new()), Value::Set(Bytes::from_static(b"\0\xff"))];
        assert_eq!(bound.values, expected);
        let bound = parse_values(":a = 1", &|_, name| (name == Some("a")).then_some(CqlType::Int)).expect("values");
        assert_eq!(bound.names, Some(vec!["a".to_owned()]));
        assert!(parse_values("'x'", &types).is_err());
    }

    #[test]
    fn long_runs_and_control_characters_stay_on_one_line() {
        assert_eq!(one_line(&format!("a\n{}b", "x".repeat(100))), "a\\n$x(100)b");
        assert_eq!(one_line("\u{0}"), "\\u{0}");
    }
}
