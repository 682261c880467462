//! `BEGIN [UNLOGGED | COUNTER] BATCH [USING ...] ...; ... APPLY BATCH`

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{Batch, BatchKind, Statement};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn batch(&mut self) -> Parsing<Batch> {
        self.advance();
        let kind = if self.eat_keyword(Keyword::Unlogged) {
            BatchKind::Unlogged
        } else if self.eat_keyword(Keyword::Counter) {
            BatchKind::Counter
        } else {
            BatchKind::Logged
        };
        self.expect_keyword(Keyword::Batch)?;
        let using = self.using()?;
        let mut statements = Vec::new();
        loop {
            let statement = match self.keyword_at(0) {
                Some(Keyword::Insert) => Statement::Insert(self.insert()?),
                Some(Keyword::Update) => Statement::Update(self.update()?),
                Some(Keyword::Delete) => Statement::Delete(self.delete()?),
                _ => break,
            };
            statements.push(statement);
            self.eat(TokenKind::Semicolon);
        }
        self.expect_keywords(&[Keyword::Apply, Keyword::Batch])?;
        Ok(Batch { kind, using, statements })
    }
}
