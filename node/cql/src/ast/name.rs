//! Names of things: folded to lower case unless they were quoted.

use crate::keyword;
use std::fmt;
use std::ops::Deref;

/// An identifier after folding: `Foo` is `foo`, `"Foo"` is `Foo`. Displays as CQL, with quotes where it needs them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// A name exactly as given: the caller has folded it or knows that it was quoted.
    pub fn new(text: impl Into<Box<str>>) -> Name {
        Name(text.into())
    }

    /// A name that was written without quotes.
    pub fn folded(text: &str) -> Name {
        let mut text: Box<str> = text.into();
        text.make_ascii_lowercase();
        Name(text)
    }

    /// The name itself, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as an owned string.
    pub fn into_string(self) -> String {
        self.0.into_string()
    }
}

/// Whether a name must be quoted to be read back unchanged.
pub(crate) fn needs_quotes(name: &str) -> bool {
    let bytes = name.as_bytes();
    let plain = bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_');
    !plain || keyword::is_quoted(name)
}

/// Writes a name as CQL, in quotes if it needs them.
pub fn write_name(name: &str, out: &mut impl fmt::Write) -> fmt::Result {
    if !needs_quotes(name) {
        return out.write_str(name);
    }
    out.write_char('"')?;
    for part in name.split_inclusive('"') {
        out.write_str(part)?;
        if part.ends_with('"') {
            out.write_char('"')?;
        }
    }
    out.write_char('"')
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(&self.0, out)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(&self.0, out)
    }
}

impl Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        Name(text.into())
    }
}

impl From<String> for Name {
    fn from(text: String) -> Name {
        Name(text.into())
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

/// A name of a table, type, index, view or function, perhaps with its keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QualifiedName {
    /// The keyspace before the dot.
    pub keyspace: Option<Name>,
    /// The name.
    pub name: Name,
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(keyspace) = &self.keyspace {
            write!(out, "{keyspace}.")?;
        }
        write!(out, "{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_only_where_needed() {
        for (name, text) in [
            ("plain_1", "plain_1"),
            ("Mixed", "\"Mixed\""),
            ("select", "\"select\""),
            ("key", "key"),
            ("true", "\"true\""),
            ("1a", "\"1a\""),
            ("", "\"\""),
            ("a\"b", "\"a\"\"b\""),
            ("\"", "\"\"\"\""),
            ("größe", "\"größe\""),
        ] {
            assert_eq!(Name::new(name).to_string(), text);
        }
        assert_eq!(Name::folded("FoO").as_str(), "foo");
    }
}
