//! Names: which words may stand where.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{Name, QualifiedName};
use crate::keyword::{Class, Keyword};
use crate::lexer::{TokenKind, Word};

/// Words that may not name a user type, because they may be types one day.
const RESERVED_TYPE_NAMES: [&str; 6] = ["byte", "complex", "enum", "interval", "macaddr", "bitstring"];

impl Parser<'_> {
    /// The name that the current token is; the caller knows that it is one.
    fn take_name(&mut self) -> Name {
        let name = if self.at(TokenKind::QuotedName) { Name::new(self.unquoted()) } else { Name::folded(self.slice()) };
        self.advance();
        name
    }

    /// A name that is not empty.
    pub(super) fn name(&mut self) -> Parsing<Name> {
        if !self.name_at(0) || self.slice() == "\"\"" {
            return self.no_alternative();
        }
        Ok(self.take_name())
    }

    /// A column's name where it is used, which may be empty: old tables have such columns.
    pub(super) fn column(&mut self) -> Parsing<Name> {
        if !self.name_at(0) {
            return self.no_alternative();
        }
        Ok(self.take_name())
    }

    /// A keyspace's name.
    pub(super) fn keyspace_name(&mut self) -> Parsing<Name> {
        self.name_of("keyspace")
    }

    fn name_of(&mut self, what: &str) -> Parsing<Name> {
        if self.at(TokenKind::Question) {
            return Err(self.error_message(format_args!("Bind variables cannot be used for {what} names")));
        }
        self.name()
    }

    /// The name of a table, view or index, perhaps with its keyspace.
    pub(super) fn table_name(&mut self) -> Parsing<QualifiedName> {
        let first = self.name_of("table")?;
        if !self.eat(TokenKind::Dot) {
            return Ok(QualifiedName { keyspace: None, name: first });
        }
        Ok(QualifiedName { keyspace: Some(first), name: self.name_of("table")? })
    }

    /// The name of a user type, perhaps with its keyspace.
    pub(super) fn user_type_name(&mut self) -> Parsing<QualifiedName> {
        let keyspace = if self.kind_at(1) == TokenKind::Dot {
            let keyspace = self.name()?;
            self.advance();
            Some(keyspace)
        } else {
            None
        };
        let allowed = match self.kind() {
            TokenKind::Word(Word::Plain) | TokenKind::QuotedName => true,
            TokenKind::Word(Word::Keyword(keyword)) => keyword.class() == Class::Free || keyword == Keyword::Key,
            _ => false,
        };
        if !allowed {
            return self.no_alternative();
        }
        let quoted = self.at(TokenKind::QuotedName);
        let name = self.name()?;
        if !quoted && RESERVED_TYPE_NAMES.contains(&name.as_str()) {
            return Err(self.error_message(format_args!("Invalid (reserved) user type name {name}")));
        }
        Ok(QualifiedName { keyspace, name })
    }

    /// Whether the token may be the name of a function.
    pub(super) fn function_name_at(&self, ahead: usize) -> bool {
        match self.kind_at(ahead) {
            TokenKind::Word(Word::Plain) | TokenKind::QuotedName => true,
            TokenKind::Word(Word::Keyword(keyword)) => {
                matches!(keyword.class(), Class::Free | Class::NativeType)
                    || matches!(keyword, Keyword::Token | Keyword::Count)
            }
            _ => false,
        }
    }

    /// Whether a function call starts here.
    pub(super) fn function_call_at(&self, ahead: usize) -> bool {
        match self.kind_at(ahead + 1) {
            TokenKind::LeftParenthesis => self.function_name_at(ahead),
            TokenKind::Dot => {
                self.name_at(ahead)
                    && self.function_name_at(ahead + 2)
                    && self.kind_at(ahead + 3) == TokenKind::LeftParenthesis
            }
            _ => false,
        }
    }

    /// The name of a function without a keyspace.
    pub(super) fn local_function_name(&mut self) -> Parsing<Name> {
        if !self.function_name_at(0) || self.slice() == "\"\"" {
            return self.no_alternative();
        }
        Ok(self.take_name())
    }

    /// The name of a function, perhaps with its keyspace.
    pub(super) fn function_name(&mut self) -> Parsing<QualifiedName> {
        if self.kind_at(1) == TokenKind::Dot {
            let keyspace = self.keyspace_name()?;
            self.advance();
            return Ok(QualifiedName { keyspace: Some(keyspace), name: self.local_function_name()? });
        }
        Ok(QualifiedName { keyspace: None, name: self.local_function_name()? })
    }

    /// The name of a role, which may be given as a string.
    pub(super) fn role_name(&mut self) -> Parsing<Name> {
        if matches!(self.kind(), TokenKind::String | TokenKind::DollarString) {
            return Ok(Name::new(self.string()?));
        }
        self.name_of("role")
    }

    /// The name of a user in the old statements: a plain word, not folded, or a string.
    pub(super) fn user_name(&mut self) -> Parsing<Name> {
        Ok(Name::new(self.word_or_string("user names and USER is deprecated, please use ROLE")?))
    }

    /// A plain word as it is written, or a string.
    pub(super) fn word_or_string(&mut self, what: &str) -> Parsing<Box<str>> {
        match self.kind() {
            TokenKind::String | TokenKind::DollarString => self.string(),
            TokenKind::Word(Word::Plain) => {
                let text = self.slice().into();
                self.advance();
                Ok(text)
            }
            TokenKind::QuotedName => {
                Err(self.error_message(format_args!("Quoted strings are are not supported for {what}")))
            }
            _ => self.no_alternative(),
        }
    }
}
