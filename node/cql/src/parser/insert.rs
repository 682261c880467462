//! `INSERT INTO table (a, b) VALUES (c, d) | JSON '...' [IF NOT EXISTS] [USING ...]`

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{Insert, InsertSource, JsonDefault, JsonDocument, Using};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn insert(&mut self) -> Parsing<Insert> {
        self.advance();
        self.expect_keyword(Keyword::Into)?;
        let table = self.table_name()?;
        let source = if self.eat_keyword(Keyword::Json) { self.json_source()? } else { self.values_source()? };
        let if_not_exists = self.if_not_exists()?;
        let using = self.using()?;
        Ok(Insert { table, source, if_not_exists, using })
    }

    fn values_source(&mut self) -> Parsing<InsertSource> {
        if !self.at(TokenKind::LeftParenthesis) {
            return self.no_alternative();
        }
        self.advance();
        let columns = self.comma_separated(Self::column)?;
        self.expect(TokenKind::RightParenthesis)?;
        self.expect_keyword(Keyword::Values)?;
        Ok(InsertSource::Values { columns, values: self.tuple()? })
    }

    fn json_source(&mut self) -> Parsing<InsertSource> {
        let document = match self.marker()? {
            Some(marker) => JsonDocument::Marker(marker),
            None => JsonDocument::Literal(self.string()?),
        };
        let default = if self.eat_keyword(Keyword::Default) {
            if self.eat_keyword(Keyword::Unset) {
                JsonDefault::Unset
            } else {
                self.expect_keyword(Keyword::Null)?;
                JsonDefault::Null
            }
        } else {
            JsonDefault::Null
        };
        Ok(InsertSource::Json { document, default })
    }

    /// `USING TIMESTAMP a AND TTL b`, if here.
    pub(super) fn using(&mut self) -> Parsing<Using> {
        let mut using = Using::default();
        if !self.eat_keyword(Keyword::Using) {
            return Ok(using);
        }
        self.and_separated(|parser| {
            if parser.eat_keyword(Keyword::Timestamp) {
                using.timestamp = Some(parser.integer_or_marker()?);
            } else if parser.eat_keyword(Keyword::Ttl) {
                using.ttl = Some(parser.integer_or_marker()?);
            } else {
                return parser.no_alternative();
            }
            Ok(())
        })?;
        Ok(using)
    }
}
