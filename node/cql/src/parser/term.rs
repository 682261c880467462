//! Terms: literals, markers, collections, function calls, casts, arithmetic. One grammar for values and for what select clauses
//! compute over columns; `selectable` has what only the latter know. Where the two differ, Cassandra's grammar does.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{ArithmeticOperator, Literal, Name, Term, TypeName};
use crate::keyword::Keyword;
use crate::lexer::{TokenKind, Word};

impl Parser<'_> {
    /// A value.
    pub(super) fn term(&mut self) -> Parsing<Term> {
        self.expression_over(false)
    }

    /// An expression over columns.
    pub(super) fn selectable(&mut self) -> Parsing<Term> {
        self.expression_over(true)
    }

    fn expression_over(&mut self, columns: bool) -> Parsing<Term> {
        let before = std::mem::replace(&mut self.over_columns, columns);
        let expression = self.expression();
        self.over_columns = before;
        expression
    }

    /// An expression, over columns if the one around it is.
    fn expression(&mut self) -> Parsing<Term> {
        self.nested(Self::addition)
    }

    fn addition(&mut self) -> Parsing<Term> {
        let mut left = self.multiplication()?;
        loop {
            let operator = match self.kind() {
                // `c = [1] + c`: the column after the plus belongs to the assignment, not to the term.
                TokenKind::Plus if self.over_columns || !self.assigned_column_follows() => ArithmeticOperator::Add,
                TokenKind::Minus => ArithmeticOperator::Subtract,
                _ => return Ok(left),
            };
            self.chained()?;
            self.advance();
            left = Term::Arithmetic(operator, Box::new(left), Box::new(self.multiplication()?));
        }
    }

    fn assigned_column_follows(&self) -> bool {
        self.name_at(1) && !self.function_call_at(1) && !self.cast_at(1)
    }

    fn cast_at(&self, ahead: usize) -> bool {
        self.keyword_at(ahead) == Some(Keyword::Cast) && self.kind_at(ahead + 1) == TokenKind::LeftParenthesis
    }

    fn multiplication(&mut self) -> Parsing<Term> {
        let mut left = self.signed()?;
        loop {
            let operator = match self.kind() {
                TokenKind::Star => ArithmeticOperator::Multiply,
                TokenKind::Slash => ArithmeticOperator::Divide,
                TokenKind::Percent => ArithmeticOperator::Modulo,
                _ => return Ok(left),
            };
            self.chained()?;
            self.advance();
            left = Term::Arithmetic(operator, Box::new(left), Box::new(self.signed()?));
        }
    }

    fn signed(&mut self) -> Parsing<Term> {
        if self.eat(TokenKind::Minus) {
            let negated = if self.over_columns { self.nested(Self::signed)? } else { self.simple_term()? };
            return Ok(Term::Negation(Box::new(negated)));
        }
        let simple = self.simple_term()?;
        if self.over_columns { self.modifiers(simple) } else { Ok(simple) }
    }

    /// A term without operators.
    fn simple_term(&mut self) -> Parsing<Term> {
        if let Some(literal) = self.constant()? {
            return Ok(Term::Literal(literal));
        }
        if let Some(marker) = self.marker()? {
            return Ok(Term::Marker(marker));
        }
        match self.kind() {
            TokenKind::LeftBracket => {
                self.advance();
                Ok(Term::List(self.list_until(TokenKind::RightBracket, Self::expression)?))
            }
            TokenKind::LeftBrace => self.braces(),
            TokenKind::LeftParenthesis => self.parentheses(),
            TokenKind::Word(Word::Keyword(Keyword::Null)) => {
                self.advance();
                Ok(Term::Literal(Literal::Null))
            }
            _ if self.cast_at(0) => self.nested(Self::cast),
            _ => {
                if self.over_columns
                    && let Some(term) = self.row_function()?
                {
                    return Ok(term);
                }
                if self.function_call_at(0) {
                    let name = self.function_name()?;
                    self.advance();
                    let arguments = self.list_until(TokenKind::RightParenthesis, Self::expression)?;
                    return Ok(Term::Function(name, arguments));
                }
                if self.over_columns { Ok(Term::Column(self.name()?)) } else { self.no_alternative() }
            }
        }
    }

    fn cast(&mut self) -> Parsing<Term> {
        self.advance();
        self.advance();
        let term = if self.over_columns { self.expression()? } else { self.simple_term()? };
        self.expect_keyword(Keyword::As)?;
        let native = self.native_type()?;
        self.expect(TokenKind::RightParenthesis)?;
        Ok(Term::Cast(Box::new(term), native))
    }

    /// A set, a map or a value of a user type.
    fn braces(&mut self) -> Parsing<Term> {
        self.advance();
        if self.eat(TokenKind::RightBrace) {
            return Ok(Term::Set(Vec::new()));
        }
        if !self.over_columns && self.name_at(0) && self.kind_at(1) == TokenKind::Colon {
            return Ok(Term::UserType(self.list_until(TokenKind::RightBrace, Self::field_value)?));
        }
        let first = self.expression()?;
        if self.eat(TokenKind::Colon) {
            let mut entries = vec![(first, self.expression()?)];
            while self.eat(TokenKind::Comma) {
                entries.push(self.map_entry()?);
            }
            self.expect(TokenKind::RightBrace)?;
            return Ok(Term::Map(entries));
        }
        let mut elements = vec![first];
        while self.eat(TokenKind::Comma) {
            elements.push(self.expression()?);
        }
        self.expect(TokenKind::RightBrace)?;
        Ok(Term::Set(elements))
    }

    fn field_value(&mut self) -> Parsing<(Name, Term)> {
        let field = self.name()?;
        self.expect(TokenKind::Colon)?;
        Ok((field, self.expression()?))
    }

    fn map_entry(&mut self) -> Parsing<(Term, Term)> {
        let key = self.expression()?;
        self.expect(TokenKind::Colon)?;
        Ok((key, self.expression()?))
    }

    /// `{k: v, ...}` or `{}` where only a map is possible; the opening brace is next.
    pub(super) fn map_literal(&mut self) -> Parsing<Vec<(Term, Term)>> {
        self.expect(TokenKind::LeftBrace)?;
        self.list_until(TokenKind::RightBrace, Self::map_entry)
    }

    /// `(type) term` or a tuple.
    fn parentheses(&mut self) -> Parsing<Term> {
        let operand_at = if self.over_columns { Self::hinted_selectable_at } else { Self::simple_term_at };
        if let Some(type_name) = self.type_hint(operand_at) {
            return Ok(Term::TypeHint(type_name, Box::new(self.nested(Self::simple_term)?)));
        }
        Ok(Term::Tuple(self.tuple()?))
    }

    /// `(a, b)`; the opening parenthesis is next.
    pub(super) fn tuple(&mut self) -> Parsing<Vec<Term>> {
        self.expect(TokenKind::LeftParenthesis)?;
        let terms = self.comma_separated(Self::expression)?;
        self.expect(TokenKind::RightParenthesis)?;
        Ok(terms)
    }

    /// `(type)`, if that is what the parenthesis starts and something follows that can have a type; else nothing is taken.
    fn type_hint(&mut self, operand_at: impl FnOnce(&Self, usize) -> bool) -> Option<TypeName> {
        let mark = self.mark();
        self.advance();
        // Types contain no markers, so trying one has no side effects.
        if let Ok(type_name) = self.type_name()
            && self.at(TokenKind::RightParenthesis)
            && operand_at(self, 1)
        {
            self.advance();
            return Some(type_name);
        }
        self.rewind(mark);
        None
    }

    /// Whether a simple term can start so many tokens on.
    pub(super) fn simple_term_at(&self, ahead: usize) -> bool {
        match self.kind_at(ahead) {
            TokenKind::String
            | TokenKind::DollarString
            | TokenKind::Integer
            | TokenKind::Float
            | TokenKind::NegativeNan
            | TokenKind::NegativeInfinity
            | TokenKind::Duration
            | TokenKind::Hex
            | TokenKind::Uuid
            | TokenKind::Question
            | TokenKind::LeftParenthesis
            | TokenKind::LeftBracket
            | TokenKind::LeftBrace => true,
            // `:name`, but not the colon of `{('a'): f()}`
            TokenKind::Colon => {
                self.name_at(ahead + 1)
                    && self.kind_at(ahead + 2) != TokenKind::LeftParenthesis
                    && !self.function_call_at(ahead + 1)
            }
            TokenKind::Word(Word::Keyword(
                Keyword::Null | Keyword::True | Keyword::False | Keyword::Nan | Keyword::Infinity,
            )) => true,
            _ => self.function_call_at(ahead) || self.cast_at(ahead),
        }
    }
}
