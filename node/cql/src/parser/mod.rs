//! Text into syntax trees: a recursive descent over the tokens of `lexer`, one statement one file. Accepts what Cassandra 5.0
//! accepts, and answers the rest with its words and a place.
//!
//! Must hold for any text: no panic, and stack and memory bounded by a constant and the text's length.

mod batch;
mod cursor;
mod delete;
mod describe;
mod error;
mod function;
mod index;
mod insert;
mod keyspace;
mod name;
mod permission;
mod property;
mod relation;
mod role;
mod select;
mod selectable;
mod table;
mod term;
mod trigger;
mod type_name;
mod update;
mod user_type;
mod view;

#[cfg(test)]
mod tests;

use crate::ast::{ListRoles, Parsed, Relation, RoleStyle, Statement, Term, TypeName};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;
use cursor::Parser;
use error::Parsing;

pub use error::SyntaxError;

/// Parses one statement; semicolons after it are allowed.
pub fn parse(text: &str) -> Result<Parsed, SyntaxError> {
    parse_all(text, |parser| {
        let statement = parser.statement()?;
        while parser.eat(TokenKind::Semicolon) {}
        Ok(statement)
    })
    .map(|(statement, markers)| Parsed { statement, markers })
}

/// As `parse`, with all markers numbered 0: for trees that were made, not read.
#[cfg(test)]
pub(crate) fn parse_unnumbered(text: &str) -> Result<Statement, SyntaxError> {
    parse_all(text, |parser| {
        parser.number_markers = false;
        parser.statement()
    })
    .map(|(statement, _)| statement)
}

/// Parses a type, as `system_schema.columns.type` holds it.
pub fn parse_type(text: &str) -> Result<TypeName, SyntaxError> {
    parse_all(text, Parser::type_name).map(|(type_name, _)| type_name)
}

/// Parses a term without markers.
pub fn parse_term(text: &str) -> Result<Term, SyntaxError> {
    parse_all(text, |parser| {
        let term = parser.term()?;
        if parser.markers.is_empty() {
            Ok(term)
        } else {
            Err(parser.error_message("Bind variables cannot be used here"))
        }
    })
    .map(|(term, _)| term)
}

/// Parses what follows WHERE, as `system_schema.views.where_clause` holds it.
pub fn parse_relations(text: &str) -> Result<Vec<Relation>, SyntaxError> {
    parse_all(text, Parser::relations).map(|(relations, _)| relations)
}

fn parse_all<'a, T>(
    text: &'a str,
    parse: impl FnOnce(&mut Parser<'a>) -> Parsing<T>,
) -> Result<(T, Vec<Option<crate::ast::Name>>), SyntaxError> {
    let mut parser = Parser::new(text)?;
    let value = parse(&mut parser).and_then(|value| parser.expect(TokenKind::End).map(|()| value));
    match value {
        Ok(value) => Ok((value, parser.markers)),
        Err(failure) => Err(parser.explain(*failure)),
    }
}

impl Parser<'_> {
    fn statement(&mut self) -> Parsing<Statement> {
        let Some(keyword) = self.keyword_at(0) else { return self.no_alternative() };
        Ok(match keyword {
            Keyword::Select => Statement::Select(self.select()?),
            Keyword::Insert => Statement::Insert(self.insert()?),
            Keyword::Update => Statement::Update(self.update()?),
            Keyword::Delete => Statement::Delete(self.delete()?),
            Keyword::Begin => Statement::Batch(self.batch()?),
            Keyword::Use => Statement::Use(self.use_keyspace()?),
            Keyword::Truncate => Statement::Truncate(self.truncate()?),
            Keyword::Create => self.create()?,
            Keyword::Alter => self.alter()?,
            Keyword::Drop => self.drop_statement()?,
            Keyword::Grant => self.grant()?,
            Keyword::Revoke => self.revoke()?,
            Keyword::List => self.list()?,
            Keyword::Add => Statement::AddIdentity(self.add_identity()?),
            Keyword::Describe | Keyword::Desc => Statement::Describe(self.describe()?),
            _ => return self.no_alternative(),
        })
    }

    fn create(&mut self) -> Parsing<Statement> {
        self.advance();
        if self.eat_keywords(Keyword::Or, Keyword::Replace) {
            return match self.object()? {
                Keyword::Function => Ok(Statement::CreateFunction(self.create_function(true)?)),
                Keyword::Aggregate => Ok(Statement::CreateAggregate(self.create_aggregate(true)?)),
                _ => self.no_such_object(),
            };
        }
        Ok(match self.object()? {
            Keyword::Keyspace | Keyword::Schema => Statement::CreateKeyspace(self.create_keyspace()?),
            Keyword::Table | Keyword::ColumnFamily => Statement::CreateTable(self.create_table()?),
            Keyword::Type => Statement::CreateType(self.create_type()?),
            Keyword::Index => Statement::CreateIndex(self.create_index(false)?),
            Keyword::Custom => {
                self.expect_keyword(Keyword::Index)?;
                Statement::CreateIndex(self.create_index(true)?)
            }
            Keyword::Materialized => Statement::CreateView(self.create_view()?),
            Keyword::Trigger => Statement::CreateTrigger(self.create_trigger()?),
            Keyword::Function => Statement::CreateFunction(self.create_function(false)?),
            Keyword::Aggregate => Statement::CreateAggregate(self.create_aggregate(false)?),
            Keyword::Role => Statement::CreateRole(self.create_role(RoleStyle::Role)?),
            Keyword::User => Statement::CreateRole(self.create_role(RoleStyle::User)?),
            _ => return self.no_such_object(),
        })
    }

    fn alter(&mut self) -> Parsing<Statement> {
        self.advance();
        Ok(match self.object()? {
            Keyword::Keyspace | Keyword::Schema => Statement::AlterKeyspace(self.alter_keyspace()?),
            Keyword::Table | Keyword::ColumnFamily => Statement::AlterTable(self.alter_table()?),
            Keyword::Type => Statement::AlterType(self.alter_type()?),
            Keyword::Materialized => Statement::AlterView(self.alter_view()?),
            Keyword::Role => Statement::AlterRole(self.alter_role(RoleStyle::Role)?),
            Keyword::User => Statement::AlterRole(self.alter_role(RoleStyle::User)?),
            _ => return self.no_such_object(),
        })
    }

    fn drop_statement(&mut self) -> Parsing<Statement> {
        self.advance();
        Ok(match self.object()? {
            Keyword::Keyspace | Keyword::Schema => Statement::DropKeyspace(self.drop_keyspace()?),
            Keyword::Table | Keyword::ColumnFamily => Statement::DropTable(self.drop_table()?),
            Keyword::Type => Statement::DropType(self.drop_type()?),
            Keyword::Index => Statement::DropIndex(self.drop_index()?),
            Keyword::Materialized => Statement::DropView(self.drop_view()?),
            Keyword::Trigger => Statement::DropTrigger(self.drop_trigger()?),
            Keyword::Function => Statement::DropFunction(self.drop_function()?),
            Keyword::Aggregate => Statement::DropAggregate(self.drop_aggregate()?),
            Keyword::Role => Statement::DropRole(self.drop_role(RoleStyle::Role)?),
            Keyword::User => Statement::DropRole(self.drop_role(RoleStyle::User)?),
            Keyword::Identity => Statement::DropIdentity(self.drop_identity()?),
            _ => return self.no_such_object(),
        })
    }

    fn list(&mut self) -> Parsing<Statement> {
        self.advance();
        if self.eat_keyword(Keyword::Roles) {
            return Ok(Statement::ListRoles(self.list_roles()?));
        }
        if self.eat_keyword(Keyword::Users) {
            return Ok(Statement::ListRoles(ListRoles::Users));
        }
        Ok(Statement::ListPermissions(self.list_permissions()?))
    }

    /// The keyword that says what is created, altered or dropped.
    fn object(&mut self) -> Parsing<Keyword> {
        match self.keyword_at(0) {
            Some(keyword) => {
                self.advance();
                Ok(keyword)
            }
            None => self.no_alternative(),
        }
    }

    /// The keyword just taken is none that can be created, altered or dropped.
    fn no_such_object<T>(&mut self) -> Parsing<T> {
        let place = self.mark();
        self.rewind(place.saturating_sub(1));
        self.no_alternative()
    }
}
