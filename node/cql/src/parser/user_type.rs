//! CREATE, ALTER and DROP TYPE.

use super::cursor::Parser;
use super::error::{Parsing, Problem};
use crate::ast::{AlterType, AlterTypeAction, CreateType, DropType};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn create_type(&mut self) -> Parsing<CreateType> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.user_type_name()?;
        self.expect(TokenKind::LeftParenthesis)?;
        let mut fields = Vec::new();
        loop {
            let field = self.name()?;
            fields.push((field, self.type_name()?));
            let mut commas = false;
            while self.eat(TokenKind::Comma) {
                commas = true;
            }
            if self.eat(TokenKind::RightParenthesis) {
                return Ok(CreateType { if_not_exists, name, fields });
            }
            if !commas {
                return Err(self.error(Problem::Expected(TokenKind::RightParenthesis)));
            }
        }
    }

    pub(super) fn alter_type(&mut self) -> Parsing<AlterType> {
        let if_exists = self.if_exists()?;
        let name = self.user_type_name()?;
        let action = if self.eat_keyword(Keyword::Add) {
            let if_not_exists = self.if_not_exists()?;
            AlterTypeAction::Add { if_not_exists, field: self.name()?, type_name: self.type_name()? }
        } else if self.eat_keyword(Keyword::Rename) {
            AlterTypeAction::Rename { if_exists: self.if_exists()?, fields: self.renames()? }
        } else if self.eat_keyword(Keyword::Alter) {
            let field = self.name()?;
            self.expect_keyword(Keyword::Type)?;
            AlterTypeAction::Type(field, self.type_name()?)
        } else {
            return self.no_alternative();
        };
        Ok(AlterType { if_exists, name, action })
    }

    pub(super) fn drop_type(&mut self) -> Parsing<DropType> {
        Ok(DropType { if_exists: self.if_exists()?, name: self.user_type_name()? })
    }
}
