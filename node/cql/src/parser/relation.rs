//! WHERE clauses and the predicates that they share with IF.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{Comparison, InValues, Name, Predicate, Relation, RelationTarget, Term};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;

impl Parser<'_> {
    /// The relations after WHERE.
    pub(super) fn relations(&mut self) -> Parsing<Vec<Relation>> {
        self.and_separated(Self::relation)
    }

    fn relation(&mut self) -> Parsing<Relation> {
        match self.kind() {
            TokenKind::LeftParenthesis if self.tuple_of_names_follows() => self.columns_relation(),
            TokenKind::LeftParenthesis => self.nested(|parser| {
                parser.advance();
                let relation = parser.relation()?;
                parser.expect(TokenKind::RightParenthesis)?;
                Ok(relation)
            }),
            _ if self.at_keyword(Keyword::Token) => self.token_relation(),
            _ if self.kind_at(1) == TokenKind::LeftParenthesis && self.slice() == "expr" => self.index_expression(),
            _ => self.column_relation(),
        }
    }

    fn tuple_of_names_follows(&self) -> bool {
        self.name_at(1) && matches!(self.kind_at(2), TokenKind::Comma | TokenKind::RightParenthesis)
    }

    fn tuple_of_names(&mut self) -> Parsing<Vec<Name>> {
        self.expect(TokenKind::LeftParenthesis)?;
        let names = self.comma_separated(Self::column)?;
        self.expect(TokenKind::RightParenthesis)?;
        Ok(names)
    }

    /// `(a, b) > (1, 2)`
    fn columns_relation(&mut self) -> Parsing<Relation> {
        let target = RelationTarget::Columns(self.tuple_of_names()?);
        let predicate = if let Some(comparison) = self.comparison() {
            Predicate::Compare(comparison, self.tuple_or_marker()?)
        } else if self.eat_keyword(Keyword::In) {
            Predicate::In(self.in_values(Self::tuple_or_marker)?)
        } else {
            return self.no_alternative();
        };
        Ok(Relation::Restriction(target, predicate))
    }

    fn tuple_or_marker(&mut self) -> Parsing<Term> {
        match self.marker()? {
            Some(marker) => Ok(Term::Marker(marker)),
            None => Ok(Term::Tuple(self.tuple()?)),
        }
    }

    /// `token(a, b) > ?`
    fn token_relation(&mut self) -> Parsing<Relation> {
        self.advance();
        let target = RelationTarget::Token(self.tuple_of_names()?);
        let Some(comparison) = self.comparison() else { return self.no_alternative() };
        Ok(Relation::Restriction(target, Predicate::Compare(comparison, self.term()?)))
    }

    /// `expr(index, 'value')`
    fn index_expression(&mut self) -> Parsing<Relation> {
        self.advance();
        self.advance();
        let index = self.table_name()?;
        self.expect(TokenKind::Comma)?;
        let value = self.term()?;
        self.expect(TokenKind::RightParenthesis)?;
        Ok(Relation::IndexExpression(index, value))
    }

    fn column_relation(&mut self) -> Parsing<Relation> {
        let column = self.column()?;
        if self.eat(TokenKind::LeftBracket) {
            let key = self.term()?;
            self.expect(TokenKind::RightBracket)?;
            let Some(comparison) = self.comparison() else { return self.no_alternative() };
            let predicate = Predicate::Compare(comparison, self.term()?);
            return Ok(Relation::Restriction(RelationTarget::Element(column, key), predicate));
        }
        let predicate = if let Some(predicate) = self.simple_predicate()? {
            predicate
        } else if let Some(predicate) = self.contains()? {
            predicate
        } else if self.eat_keyword(Keyword::Like) {
            Predicate::Like(self.term()?)
        } else if self.eat_keyword(Keyword::Is) {
            self.expect_keyword(Keyword::Not)?;
            self.expect_keyword(Keyword::Null)?;
            Predicate::IsNotNull
        } else {
            return self.no_alternative();
        };
        Ok(Relation::Restriction(RelationTarget::Column(column), predicate))
    }

    /// A comparison or IN, if here.
    pub(super) fn simple_predicate(&mut self) -> Parsing<Option<Predicate>> {
        if let Some(comparison) = self.comparison() {
            return Ok(Some(Predicate::Compare(comparison, self.term()?)));
        }
        if self.eat_keyword(Keyword::In) {
            return Ok(Some(Predicate::In(self.in_values(Self::term)?)));
        }
        Ok(None)
    }

    /// CONTAINS or CONTAINS KEY, if here.
    pub(super) fn contains(&mut self) -> Parsing<Option<Predicate>> {
        if !self.eat_keyword(Keyword::Contains) {
            return Ok(None);
        }
        // A keyspace may be called "key".
        if !self.function_call_at(0) && self.eat_keyword(Keyword::Key) {
            return Ok(Some(Predicate::ContainsKey(self.term()?)));
        }
        Ok(Some(Predicate::Contains(self.term()?)))
    }

    fn in_values(&mut self, item: impl FnMut(&mut Self) -> Parsing<Term>) -> Parsing<InValues> {
        if let Some(marker) = self.marker()? {
            return Ok(InValues::Marker(marker));
        }
        self.expect(TokenKind::LeftParenthesis)?;
        Ok(InValues::List(self.list_until(TokenKind::RightParenthesis, item)?))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let comparison = match self.kind() {
            TokenKind::Equal => Comparison::Equal,
            TokenKind::NotEqual => Comparison::NotEqual,
            TokenKind::Less => Comparison::Less,
            TokenKind::LessOrEqual => Comparison::LessOrEqual,
            TokenKind::Greater => Comparison::Greater,
            TokenKind::GreaterOrEqual => Comparison::GreaterOrEqual,
            _ => return None,
        };
        self.advance();
        Some(comparison)
    }
}
