//! CREATE and DROP FUNCTION and AGGREGATE.

use super::cursor::Parser;
use super::error::{Parsing, Problem};
use crate::ast::{CreateAggregate, CreateFunction, DropAggregate, DropFunction, Name, TypeName};
use crate::keyword::Keyword;
use crate::lexer::{TokenKind, Word};

impl Parser<'_> {
    pub(super) fn create_function(&mut self, or_replace: bool) -> Parsing<CreateFunction> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.function_name()?;
        self.expect(TokenKind::LeftParenthesis)?;
        let arguments = self.list_until(TokenKind::RightParenthesis, |parser| {
            let argument = parser.name()?;
            Ok((argument, parser.type_name()?))
        })?;
        let called_on_null = self.eat_keyword(Keyword::Called);
        if !called_on_null {
            self.expect_keywords(&[Keyword::Returns, Keyword::Null])?;
        }
        self.expect_keywords(&[Keyword::On, Keyword::Null, Keyword::Input, Keyword::Returns])?;
        let returns = self.type_name()?;
        self.expect_keyword(Keyword::Language)?;
        if !self.at(TokenKind::Word(Word::Plain)) {
            return Err(self.error(Problem::Expected(TokenKind::Word(Word::Plain))));
        }
        let language = self.name()?;
        self.expect_keyword(Keyword::As)?;
        let body = self.string()?;
        Ok(CreateFunction { or_replace, if_not_exists, name, arguments, called_on_null, returns, language, body })
    }

    pub(super) fn drop_function(&mut self) -> Parsing<DropFunction> {
        let if_exists = self.if_exists()?;
        let name = self.function_name()?;
        Ok(DropFunction { if_exists, name, arguments: self.optional_argument_types()? })
    }

    pub(super) fn create_aggregate(&mut self, or_replace: bool) -> Parsing<CreateAggregate> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.function_name()?;
        let arguments = self.argument_types()?;
        self.expect_keyword(Keyword::SFunc)?;
        let state_function = self.local_function_name()?;
        self.expect_keyword(Keyword::SType)?;
        let state_type = self.type_name()?;
        let final_function: Option<Name> =
            if self.eat_keyword(Keyword::FinalFunc) { Some(self.local_function_name()?) } else { None };
        let initial = if self.eat_keyword(Keyword::InitCond) { Some(self.term()?) } else { None };
        Ok(CreateAggregate {
            or_replace,
            if_not_exists,
            name,
            arguments,
            state_function,
            state_type,
            final_function,
            initial,
        })
    }

    pub(super) fn drop_aggregate(&mut self) -> Parsing<DropAggregate> {
        let if_exists = self.if_exists()?;
        let name = self.function_name()?;
        Ok(DropAggregate { if_exists, name, arguments: self.optional_argument_types()? })
    }

    /// `(int, text)`
    pub(super) fn argument_types(&mut self) -> Parsing<Vec<TypeName>> {
        self.expect(TokenKind::LeftParenthesis)?;
        self.list_until(TokenKind::RightParenthesis, Self::type_name)
    }

    fn optional_argument_types(&mut self) -> Parsing<Option<Vec<TypeName>>> {
        if self.at(TokenKind::LeftParenthesis) { self.argument_types().map(Some) } else { Ok(None) }
    }
}
