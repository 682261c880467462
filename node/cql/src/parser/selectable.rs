//! What only select clauses and GROUP BY know of terms: columns with their fields, elements and slices, and functions of rows
//! and cells.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{CellFunction, Term};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;

impl Parser<'_> {
    /// `.field`, `[element]` and `[from..to]`, as many as there are.
    pub(super) fn modifiers(&mut self, mut receiver: Term) -> Parsing<Term> {
        loop {
            receiver = match self.kind() {
                TokenKind::Dot => {
                    self.chained()?;
                    self.advance();
                    Term::Field(Box::new(receiver), self.name()?)
                }
                TokenKind::LeftBracket => {
                    self.chained()?;
                    self.advance();
                    self.element_or_slice(receiver)?
                }
                _ => return Ok(receiver),
            };
        }
    }

    fn element_or_slice(&mut self, receiver: Term) -> Parsing<Term> {
        let receiver = Box::new(receiver);
        let from = if self.at(TokenKind::Range) { None } else { Some(Box::new(self.term()?)) };
        let selectable = match (from, self.eat(TokenKind::Range)) {
            (Some(element), false) => Term::Element(receiver, element),
            (from, _) => {
                let to = match self.kind() {
                    TokenKind::RightBracket if from.is_some() => None,
                    _ => Some(Box::new(self.term()?)),
                };
                Term::Slice(receiver, from, to)
            }
        };
        self.expect(TokenKind::RightBracket)?;
        Ok(selectable)
    }

    /// Whether what stands so many tokens on can have a type in parentheses before it.
    pub(super) fn hinted_selectable_at(&self, ahead: usize) -> bool {
        // `(a) AS b` is an alias; `(a) as` at the end is a column called "as" with a type. `GROUP BY (a) PER PARTITION LIMIT`
        // has no column called "per".
        let clause = match self.keyword_at(ahead) {
            Some(Keyword::As) => self.name_at(ahead + 1),
            Some(Keyword::Per) => self.keyword_at(ahead + 1) == Some(Keyword::Partition),
            _ => false,
        };
        match self.kind_at(ahead) {
            // `(a)[1]` is a list with a type, `(a)[1..2]` can only be a slice.
            TokenKind::LeftBracket => !self.range_inside_brackets(ahead),
            _ => self.simple_term_at(ahead) || self.name_at(ahead) && !clause,
        }
    }

    /// Whether `..` stands directly inside the brackets that open so many tokens on.
    fn range_inside_brackets(&self, ahead: usize) -> bool {
        let mut depth = 0;
        for place in ahead.. {
            match self.kind_at(place) {
                TokenKind::LeftBracket | TokenKind::LeftParenthesis | TokenKind::LeftBrace => depth += 1,
                TokenKind::RightBracket | TokenKind::RightParenthesis | TokenKind::RightBrace => depth -= 1,
                TokenKind::Range if depth == 1 => return true,
                TokenKind::End => return false,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        false
    }

    /// `count(*)` or a function of a cell, if here.
    pub(super) fn row_function(&mut self) -> Parsing<Option<Term>> {
        if self.kind_at(1) != TokenKind::LeftParenthesis {
            return Ok(None);
        }
        match self.keyword_at(0) {
            Some(Keyword::Count) if self.kind_at(2) == TokenKind::Star => {
                (0..3).for_each(|_| self.advance());
                self.expect(TokenKind::RightParenthesis)?;
                Ok(Some(Term::CountRows))
            }
            Some(Keyword::WriteTime) => self.cell_function(CellFunction::WriteTime),
            Some(Keyword::MaxWriteTime) => self.cell_function(CellFunction::MaxWriteTime),
            Some(Keyword::Ttl) => self.cell_function(CellFunction::Ttl),
            _ => Ok(None),
        }
    }

    fn cell_function(&mut self, function: CellFunction) -> Parsing<Option<Term>> {
        self.advance();
        self.advance();
        let column = Term::Column(self.name()?);
        let cell = self.modifiers(column)?;
        self.expect(TokenKind::RightParenthesis)?;
        Ok(Some(Term::Cell(function, Box::new(cell))))
    }
}
