//! JSON as text: a parser that keeps numbers as they are written, and the text that errors show of a value, as Java prints it.
//!
//! Depth is bounded, and nothing is allocated that the text does not have.

use super::InvalidValue;
use super::error::invalid;
use std::fmt;

/// How deep arrays and objects may nest.
const DEPTH_MAX: u32 = 64;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean(bool),
    /// A number, as written.
    Number(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object: in the order written; of a name that occurs twice the last one counts.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value of a text.
    ///
    /// # Errors
    /// For what is no JSON, or too deep.
    pub fn parse(text: &str) -> Result<Json, InvalidValue> {
        let mut reader = Reader { text, position: 0 };
        let value = reader.value(0)?;
        reader.space();
        if reader.rest().is_empty() { Ok(value) } else { reader.unexpected() }
    }

    /// What Java calls what it is.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Boolean(_) => "Boolean",
            Json::Number(text) if !is_whole(text) => "Double",
            Json::Number(text) if text.parse::<i32>().is_ok() => "Integer",
            Json::Number(text) if text.parse::<i64>().is_ok() => "Long",
            Json::Number(_) => "BigInteger",
            Json::String(_) => "String",
            Json::Array(_) => "ArrayList",
            Json::Object(_) => "LinkedHashMap",
        }
    }
}

/// Whether a number is written without point and exponent.
pub(super) fn is_whole(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// As Java prints it.
impl fmt::Display for Json {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => out.write_str("null"),
            Json::Boolean(value) => value.fmt(out),
            Json::Number(text) | Json::String(text) => out.write_str(text),
            Json::Array(elements) => {
                out.write_str("[")?;
                for (index, element) in elements.iter().enumerate() {
                    write!(out, "{}{element}", if index > 0 { ", " } else { "" })?;
                }
                out.write_str("]")
            }
            Json::Object(fields) => {
                out.write_str("{")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    write!(out, "{}{name}={value}", if index > 0 { ", " } else { "" })?;
                }
                out.write_str("}")
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.position..]
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(token);
        if found {
            self.position += token.len();
        }
        found
    }

    fn unexpected<T>(&self) -> Result<T, InvalidValue> {
        match self.rest().chars().next() {
            Some(character) => invalid!("Unexpected character '{character}' at {}", self.position),
            None => invalid!("Unexpected end-of-input"),
        }
    }

    fn value(&mut self, depth: u32) -> Result<Json, InvalidValue> {
        if depth > DEPTH_MAX {
            return invalid!("nested more than {DEPTH_MAX} deep");
        }
        self.space();
        match self.rest().bytes().next() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.eat("null") => Ok(Json::Null),
            _ if self.eat("true") => Ok(Json::Boolean(true)),
            _ if self.eat("false") => Ok(Json::Boolean(false)),
            _ => self.unexpected(),
        }
    }

    fn array(&mut self, depth: u32) -> Result<Json, InvalidValue> {
        self.position += 1;
        let mut elements = Vec::new();
        if self.eat("]") {
            return Ok(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if self.eat("]") {
                return Ok(Json::Array(elements));
            }
            if !self.eat(",") {
                return self.unexpected();
            }
        }
    }

    fn object(&mut self, depth: u32) -> Result<Json, InvalidValue> {
        self.position += 1;
        let mut fields = Vec::new();
        if self.eat("}") {
            return Ok(Json::Object(fields));
        }
        loop {
            self.space();
            if !self.rest().starts_with('"') {
                return self.unexpected();
            }
            let name = self.string()?;
            if !self.eat(":") {
                return self.unexpected();
            }
            let value = self.value(depth + 1)?;
            fields.push((name, value));
            if self.eat("}") {
                return Ok(Json::Object(fields));
            }
            if !self.eat(",") {
                return self.unexpected();
            }
        }
    }

    fn number(&mut self) -> Result<Json, InvalidValue> {
        let start = self.position;
        let digits = |reader: &mut Self| {
            let count = reader.rest().bytes().take_while(u8::is_ascii_digit).count();
            reader.position += count;
            count
        };
        if self.rest().starts_with('-') {
            self.position += 1;
        }
        let leading_zero = self.rest().starts_with('0');
        let whole = digits(self);
        if whole == 0 || leading_zero && whole > 1 {
            return self.unexpected();
        }
        if self.rest().starts_with('.') {
            self.position += 1;
            if digits(self) == 0 {
                return self.unexpected();
            }
        }
        if self.rest().starts_with(['e', 'E']) {
            self.position += 1;
            if self.rest().starts_with(['+', '-']) {
                self.position += 1;
            }
            if digits(self) == 0 {
                return self.unexpected();
            }
        }
        Ok(Json::Number(self.text[start..self.position].to_owned()))
    }

    fn string(&mut self) -> Result<String, InvalidValue> {
        self.position += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.find(['"', '\\']).unwrap_or(rest.len());
            if rest[..plain].chars().any(|character| character < ' ') {
                return invalid!(
                    "Illegal unquoted character: has to be escaped using backslash to be included in a string"
                );
            }
            out.push_str(&rest[..plain]);
            self.position += plain;
            if self.rest().is_empty() {
                return self.unexpected();
            }
            let is_end = self.rest().starts_with('"');
            self.position += 1;
            if is_end {
                return Ok(out);
            }
            let escaped = self.escape()?;
            out.push(escaped);
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, InvalidValue> {
        let Some(character) = self.rest().chars().next() else { return self.unexpected() };
        self.position += character.len_utf8();
        Ok(match character {
            '"' | '\\' | '/' => character,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.hex()?;
                let second = if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
                    self.position += 2;
                    Some(self.hex()?)
                } else {
                    None
                };
                let units = [Some(first), second];
                let mut decoded = char::decode_utf16(units.into_iter().flatten());
                // A lone half of a pair has no character.
                decoded.next().and_then(Result::ok).unwrap_or('?')
            }
            other => return invalid!("Unrecognized character escape '{other}'"),
        })
    }

    fn hex(&mut self) -> Result<u16, InvalidValue> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(number) = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) else {
            return self.unexpected();
        };
        self.position += 4;
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_values() {
        for (text, shown) in [
            ("null", "null"),
            (" [1, -2.50e+3 , true,\"\"] ", "[1, -2.50e+3, true, ]"),
            (r#"{"a":{"b":[]},"a":false}"#, "{a={b=[]}, a=false}"),
            (r#""\u00e9\n\"\ud83d\ude00""#, "é\n\"😀"),
            (r#""\ud83d""#, "?"),
        ] {
            assert_eq!(Json::parse(text).map(|json| json.to_string()), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            "[",
            "]",
            "[1,]",
            "{\"a\"}",
            "{a:1}",
            "{\"a\":1,}",
            "01",
            "-",
            "1.",
            "1e",
            "\"",
            "\"\\x\"",
            "\"\n\"",
            "1 2",
            "nul",
            "\"\\u12\"",
            "+1",
            "'a'",
        ] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
        assert!(Json::parse(&"[".repeat(1_000_000)).is_err());
        assert!(Json::parse(&format!("{}{}", "[".repeat(64), "]".repeat(64))).is_ok());
    }
}
