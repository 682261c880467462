//! `DELETE [a, b[k], c.f] FROM table [USING TIMESTAMP ...] WHERE ... [IF ...]`

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{Delete, Deletion, Using};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn delete(&mut self) -> Parsing<Delete> {
        self.advance();
        let deletions = if self.at_keyword(Keyword::From) { Vec::new() } else { self.comma_separated(Self::deletion)? };
        self.expect_keyword(Keyword::From)?;
        let table = self.table_name()?;
        let mut using = Using::default();
        if self.eat_keyword(Keyword::Using) {
            self.expect_keyword(Keyword::Timestamp)?;
            using.timestamp = Some(self.integer_or_marker()?);
        }
        self.expect_keyword(Keyword::Where)?;
        let relations = self.relations()?;
        let condition = self.condition()?;
        Ok(Delete { deletions, table, using, relations, condition })
    }

    fn deletion(&mut self) -> Parsing<Deletion> {
        let column = self.column()?;
        match self.kind() {
            TokenKind::LeftBracket => {
                self.advance();
                let element = self.term()?;
                self.expect(TokenKind::RightBracket)?;
                Ok(Deletion::Element(column, element))
            }
            TokenKind::Dot => {
                self.advance();
                Ok(Deletion::Field(column, self.name()?))
            }
            _ => Ok(Deletion::Column(column)),
        }
    }
}
