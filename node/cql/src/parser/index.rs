//! CREATE and DROP INDEX.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{CreateIndex, DropIndex, IndexTarget};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn create_index(&mut self, custom: bool) -> Parsing<CreateIndex> {
        let if_not_exists = self.if_not_exists()?;
        let name = if self.at_keyword(Keyword::On) { None } else { Some(self.table_name()?) };
        self.expect_keyword(Keyword::On)?;
        let table = self.table_name()?;
        self.expect(TokenKind::LeftParenthesis)?;
        let targets = self.list_until(TokenKind::RightParenthesis, Self::index_target)?;
        let using = if self.eat_keyword(Keyword::Using) { Some(self.string()?) } else { None };
        let properties = self.with_properties()?;
        Ok(CreateIndex { custom, if_not_exists, name, table, targets, using, properties })
    }

    fn index_target(&mut self) -> Parsing<IndexTarget> {
        type Target = fn(crate::ast::Name) -> IndexTarget;
        let target: Target = match (self.keyword_at(0), self.kind_at(1)) {
            (Some(Keyword::Values), TokenKind::LeftParenthesis) => IndexTarget::Values,
            (Some(Keyword::Keys), TokenKind::LeftParenthesis) => IndexTarget::Keys,
            (Some(Keyword::Entries), _) => IndexTarget::Entries,
            (Some(Keyword::Full), _) => IndexTarget::Full,
            _ => return Ok(IndexTarget::Simple(self.column()?)),
        };
        self.advance();
        self.expect(TokenKind::LeftParenthesis)?;
        let column = self.column()?;
        self.expect(TokenKind::RightParenthesis)?;
        Ok(target(column))
    }

    pub(super) fn drop_index(&mut self) -> Parsing<DropIndex> {
        Ok(DropIndex { if_exists: self.if_exists()?, name: self.table_name()? })
    }
}
