//! The parser's place in the tokens, and the small steps that all statements share. Nesting and chains of operators are
//! bounded here, so that no text can exhaust the stack, neither now nor when the tree is walked or dropped.

use super::error::{Failure, Parsing, Problem, SyntaxError};
use crate::ast::{Literal, Marker, Name, Term};
use crate::keyword::{Class, Keyword};
use crate::lexer::{Token, TokenKind, Word, tokenize};
use std::fmt;

/// How deep terms, types and parentheses may nest.
pub(super) const DEPTH_MAX: u32 = 64;
/// How many operators, fields and elements one outermost expression may chain.
pub(super) const CHAIN_MAX: u32 = 256;

/// A text being parsed.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    position: usize,
    depth: u32,
    chain: u32,
    /// Whether the expression being parsed may contain columns.
    pub(super) over_columns: bool,
    /// The markers seen so far.
    pub(super) markers: Vec<Option<Name>>,
    /// Whether markers have their position as number, or all 0.
    pub(super) number_markers: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Result<Parser<'a>, SyntaxError> {
        let tokens = tokenize(text).map_err(|bad| SyntaxError::at_character(text, bad.offset))?;
        Ok(Parser {
            text,
            tokens,
            position: 0,
            depth: 0,
            chain: 0,
            over_columns: false,
            markers: Vec::new(),
            number_markers: true,
        })
    }

    // ----- looking -----

    /// The current token.
    pub(super) fn kind(&self) -> TokenKind {
        self.kind_at(0)
    }

    /// The token so many further on.
    pub(super) fn kind_at(&self, ahead: usize) -> TokenKind {
        self.tokens.get(self.position + ahead).map_or(TokenKind::End, |token| token.kind)
    }

    pub(super) fn at(&self, kind: TokenKind) -> bool {
        self.kind() == kind
    }

    pub(super) fn at_keyword(&self, keyword: Keyword) -> bool {
        self.kind() == TokenKind::Word(Word::Keyword(keyword))
    }

    pub(super) fn keyword_at(&self, ahead: usize) -> Option<Keyword> {
        match self.kind_at(ahead) {
            TokenKind::Word(Word::Keyword(keyword)) => Some(keyword),
            _ => None,
        }
    }

    /// Whether the token may be a name.
    pub(super) fn name_at(&self, ahead: usize) -> bool {
        match self.kind_at(ahead) {
            TokenKind::Word(Word::Plain) | TokenKind::QuotedName => true,
            TokenKind::Word(Word::Keyword(keyword)) => keyword.class() != Class::Reserved,
            _ => false,
        }
    }

    // ----- going on -----

    pub(super) fn advance(&mut self) {
        // The end stays the end.
        if self.position + 1 < self.tokens.len() {
            self.position += 1;
        }
    }

    /// The place, to come back to with `rewind`. Markers must not have been read in between.
    pub(super) fn mark(&self) -> usize {
        self.position
    }

    pub(super) fn rewind(&mut self, mark: usize) {
        self.position = mark;
    }

    pub(super) fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.at(kind);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn eat_keyword(&mut self, keyword: Keyword) -> bool {
        self.eat(TokenKind::Word(Word::Keyword(keyword)))
    }

    /// Both of two keywords, or nothing.
    pub(super) fn eat_keywords(&mut self, first: Keyword, second: Keyword) -> bool {
        let found = self.at_keyword(first) && self.keyword_at(1) == Some(second);
        if found {
            self.advance();
            self.advance();
        }
        found
    }

    pub(super) fn expect(&mut self, kind: TokenKind) -> Parsing<()> {
        if self.eat(kind) { Ok(()) } else { Err(self.error(Problem::Expected(kind))) }
    }

    pub(super) fn expect_keyword(&mut self, keyword: Keyword) -> Parsing<()> {
        self.expect(TokenKind::Word(Word::Keyword(keyword)))
    }

    pub(super) fn expect_keywords(&mut self, keywords: &[Keyword]) -> Parsing<()> {
        keywords.iter().try_for_each(|&keyword| self.expect_keyword(keyword))
    }

    /// `IF EXISTS`
    pub(super) fn if_exists(&mut self) -> Parsing<bool> {
        if !self.eat_keyword(Keyword::If) {
            return Ok(false);
        }
        self.expect_keyword(Keyword::Exists)?;
        Ok(true)
    }

    /// `IF NOT EXISTS`
    pub(super) fn if_not_exists(&mut self) -> Parsing<bool> {
        if !self.eat_keyword(Keyword::If) {
            return Ok(false);
        }
        self.expect_keywords(&[Keyword::Not, Keyword::Exists])?;
        Ok(true)
    }

    /// One or more items with commas between.
    pub(super) fn comma_separated<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsing<T>) -> Parsing<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat(TokenKind::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// One or more items with AND between.
    pub(super) fn and_separated<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsing<T>) -> Parsing<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat_keyword(Keyword::And) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Items with commas between, up to a closing token, which is taken; there may be none.
    pub(super) fn list_until<T>(
        &mut self,
        close: TokenKind,
        item: impl FnMut(&mut Self) -> Parsing<T>,
    ) -> Parsing<Vec<T>> {
        if self.eat(close) {
            return Ok(Vec::new());
        }
        let items = self.comma_separated(item)?;
        self.expect(close)?;
        Ok(items)
    }

    // ----- bounds -----

    /// Parses something that may contain itself.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsing<T>) -> Parsing<T> {
        if self.depth == 0 {
            self.chain = 0;
        }
        if self.depth == DEPTH_MAX {
            return Err(self.error_message(format_args!("nested more than {DEPTH_MAX} deep")));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Counts one more operator of a chain.
    pub(super) fn chained(&mut self) -> Parsing<()> {
        self.chain += 1;
        if self.chain > CHAIN_MAX {
            return Err(self.error_message(format_args!("more than {CHAIN_MAX} operators in one expression")));
        }
        Ok(())
    }

    // ----- errors -----

    pub(super) fn error(&self, problem: Problem) -> Box<Failure> {
        Box::new(Failure { token: self.position, problem })
    }

    /// None of the possible continuations is here.
    pub(super) fn no_alternative<T>(&self) -> Parsing<T> {
        Err(self.error(Problem::NoAlternative))
    }

    /// An error in words of its own.
    pub(super) fn error_message(&self, message: impl fmt::Display) -> Box<Failure> {
        self.error(Problem::Message(message.to_string()))
    }

    /// A failure in words.
    pub(super) fn explain(&self, failure: Failure) -> SyntaxError {
        SyntaxError::of(self.text, &self.tokens, failure)
    }

    // ----- tokens with content -----

    /// The text of the current token.
    pub(super) fn slice(&self) -> &'a str {
        let token = self.tokens[self.position];
        &self.text[token.start as usize..token.end as usize]
    }

    /// All that is being parsed.
    pub(super) fn whole(&self) -> &'a str {
        self.text
    }

    /// The content of the current quoted token.
    pub(super) fn unquoted(&self) -> Box<str> {
        let slice = self.slice();
        match self.kind() {
            TokenKind::String => undouble(slice, "''", "'"),
            TokenKind::QuotedName => undouble(slice, "\"\"", "\""),
            TokenKind::DollarString => slice[2..slice.len() - 2].into(),
            _ => slice.into(),
        }
    }

    /// A string literal.
    pub(super) fn string(&mut self) -> Parsing<Box<str>> {
        if !matches!(self.kind(), TokenKind::String | TokenKind::DollarString) {
            return Err(self.error(Problem::Expected(TokenKind::String)));
        }
        let text = self.unquoted();
        self.advance();
        Ok(text)
    }

    /// `?` or `:name`, if here.
    pub(super) fn marker(&mut self) -> Parsing<Option<Marker>> {
        let name = match self.kind() {
            TokenKind::Question => {
                self.advance();
                None
            }
            TokenKind::Colon => {
                self.advance();
                Some(self.name()?)
            }
            _ => return Ok(None),
        };
        let Ok(index) = u16::try_from(self.markers.len()) else {
            return Err(self.error_message("more than 65536 bind variables"));
        };
        let index = if self.number_markers { index } else { 0 };
        self.markers.push(name.clone());
        Ok(Some(Marker { index, name }))
    }

    /// An integer or a marker: what LIMIT and USING take.
    pub(super) fn integer_or_marker(&mut self) -> Parsing<Term> {
        if self.at(TokenKind::Integer) {
            let literal = Literal::Integer(self.slice().into());
            self.advance();
            return Ok(Term::Literal(literal));
        }
        match self.marker()? {
            Some(marker) => Ok(Term::Marker(marker)),
            None => self.no_alternative(),
        }
    }

    /// A constant that is not null, if here.
    pub(super) fn constant(&mut self) -> Parsing<Option<Literal>> {
        let slice = self.slice();
        let literal = match self.kind() {
            TokenKind::String | TokenKind::DollarString => Literal::String(self.unquoted()),
            TokenKind::Integer => Literal::Integer(slice.into()),
            TokenKind::Float => Literal::Float(slice.into()),
            TokenKind::Duration => Literal::Duration(slice.into()),
            TokenKind::Hex => Literal::Hex(slice[2..].into()),
            TokenKind::Uuid => match slice.parse() {
                Ok(uuid) => Literal::Uuid(uuid),
                Err(_) => return self.no_alternative(),
            },
            TokenKind::NegativeNan => Literal::Float("NaN".into()),
            TokenKind::NegativeInfinity => Literal::Float("-Infinity".into()),
            TokenKind::Word(Word::Keyword(keyword)) => match keyword {
                Keyword::True => Literal::Boolean(true),
                Keyword::False => Literal::Boolean(false),
                Keyword::Nan => Literal::Float("NaN".into()),
                Keyword::Infinity => Literal::Float("Infinity".into()),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(literal))
    }
}

fn undouble(quoted: &str, doubled: &str, single: &str) -> Box<str> {
    let inner = &quoted[1..quoted.len() - 1];
    if inner.contains(single) { inner.replace(doubled, single).into() } else { inner.into() }
}
