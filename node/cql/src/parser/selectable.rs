//! What can stand in a select clause and in GROUP BY: as a term, but over columns.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{ArithmeticOperator, CellFunction, Literal, Selectable};
use crate::keyword::Keyword;
use crate::lexer::{TokenKind, Word};

impl Parser<'_> {
    /// An expression over columns.
    pub(super) fn selectable(&mut self) -> Parsing<Selectable> {
        self.nested(Self::selectable_addition)
    }

    fn selectable_addition(&mut self) -> Parsing<Selectable> {
        let mut left = self.selectable_multiplication()?;
        loop {
            let operator = match self.kind() {
                TokenKind::Plus => ArithmeticOperator::Add,
                TokenKind::Minus => ArithmeticOperator::Subtract,
                _ => return Ok(left),
            };
            self.chained()?;
            self.advance();
            left = Selectable::Arithmetic(operator, Box::new(left), Box::new(self.selectable_multiplication()?));
        }
    }

    fn selectable_multiplication(&mut self) -> Parsing<Selectable> {
        let mut left = self.signed_selectable()?;
        loop {
            let operator = match self.kind() {
                TokenKind::Star => ArithmeticOperator::Multiply,
                TokenKind::Slash => ArithmeticOperator::Divide,
                TokenKind::Percent => ArithmeticOperator::Modulo,
                _ => return Ok(left),
            };
            self.chained()?;
            self.advance();
            left = Selectable::Arithmetic(operator, Box::new(left), Box::new(self.signed_selectable()?));
        }
    }

    fn signed_selectable(&mut self) -> Parsing<Selectable> {
        if self.eat(TokenKind::Minus) {
            return Ok(Selectable::Negation(Box::new(self.nested(Self::signed_selectable)?)));
        }
        let receiver = self.simple_selectable()?;
        self.modifiers(receiver)
    }

    /// `.field`, `[element]` and `[from..to]`, as many as there are.
    fn modifiers(&mut self, mut receiver: Selectable) -> Parsing<Selectable> {
        loop {
            receiver = match self.kind() {
                TokenKind::Dot => {
                    self.chained()?;
                    self.advance();
                    Selectable::Field(Box::new(receiver), self.name()?)
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

    fn element_or_slice(&mut self, receiver: Selectable) -> Parsing<Selectable> {
        let receiver = Box::new(receiver);
        let from = if self.at(TokenKind::Range) { None } else { Some(Box::new(self.term()?)) };
        let selectable = match (from, self.eat(TokenKind::Range)) {
            (Some(element), false) => Selectable::Element(receiver, element),
            (from, _) => {
                let to = match self.kind() {
                    TokenKind::RightBracket if from.is_some() => None,
                    _ => Some(Box::new(self.term()?)),
                };
                Selectable::Slice(receiver, from, to)
            }
        };
        self.expect(TokenKind::RightBracket)?;
        Ok(selectable)
    }

    /// An expression without operators and modifiers.
    fn simple_selectable(&mut self) -> Parsing<Selectable> {
        if let Some(literal) = self.constant()? {
            return Ok(Selectable::Literal(literal));
        }
        if let Some(marker) = self.marker()? {
            return Ok(Selectable::Marker(marker));
        }
        match self.kind() {
            TokenKind::LeftParenthesis => self.selectable_parentheses(),
            TokenKind::LeftBracket => {
                self.advance();
                Ok(Selectable::List(self.list_until(TokenKind::RightBracket, Self::selectable)?))
            }
            TokenKind::LeftBrace => self.selectable_braces(),
            TokenKind::Word(Word::Keyword(Keyword::Null)) => {
                self.advance();
                Ok(Selectable::Literal(Literal::Null))
            }
            _ => self.column_or_function(),
        }
    }

    fn selectable_parentheses(&mut self) -> Parsing<Selectable> {
        let hint = self.type_hint(|parser, ahead| {
            // `(a) AS b` is an alias; `(a) as` at the end is a column called "as" with a type. `GROUP BY (a) PER PARTITION
            // LIMIT` has no column called "per".
            let clause = match parser.keyword_at(ahead) {
                Some(Keyword::As) => parser.name_at(ahead + 1),
                Some(Keyword::Per) => parser.keyword_at(ahead + 1) == Some(Keyword::Partition),
                _ => false,
            };
            match parser.kind_at(ahead) {
                // `(a)[1]` is a list with a type, `(a)[1..2]` can only be a slice.
                TokenKind::LeftBracket => !parser.range_inside_brackets(ahead),
                _ => parser.simple_term_at(ahead) || parser.name_at(ahead) && !clause,
            }
        });
        if let Some(type_name) = hint {
            return Ok(Selectable::TypeHint(type_name, Box::new(self.nested(Self::simple_selectable)?)));
        }
        self.advance();
        let items = self.comma_separated(Self::selectable)?;
        self.expect(TokenKind::RightParenthesis)?;
        Ok(Selectable::Tuple(items))
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

    fn selectable_braces(&mut self) -> Parsing<Selectable> {
        self.advance();
        if self.eat(TokenKind::RightBrace) {
            return Ok(Selectable::Set(Vec::new()));
        }
        let first = self.selectable()?;
        if self.eat(TokenKind::Colon) {
            let mut entries = vec![(first, self.selectable()?)];
            while self.eat(TokenKind::Comma) {
                let key = self.selectable()?;
                self.expect(TokenKind::Colon)?;
                entries.push((key, self.selectable()?));
            }
            self.expect(TokenKind::RightBrace)?;
            return Ok(Selectable::Map(entries));
        }
        let mut elements = vec![first];
        while self.eat(TokenKind::Comma) {
            elements.push(self.selectable()?);
        }
        self.expect(TokenKind::RightBrace)?;
        Ok(Selectable::Set(elements))
    }

    fn column_or_function(&mut self) -> Parsing<Selectable> {
        if self.kind_at(1) == TokenKind::LeftParenthesis {
            match self.keyword_at(0) {
                Some(Keyword::Count) if self.kind_at(2) == TokenKind::Star => {
                    (0..3).for_each(|_| self.advance());
                    self.expect(TokenKind::RightParenthesis)?;
                    return Ok(Selectable::CountRows);
                }
                Some(Keyword::WriteTime) => return self.cell_function(CellFunction::WriteTime),
                Some(Keyword::MaxWriteTime) => return self.cell_function(CellFunction::MaxWriteTime),
                Some(Keyword::Ttl) => return self.cell_function(CellFunction::Ttl),
                Some(Keyword::Cast) => {
                    self.advance();
                    self.advance();
                    let value = self.selectable()?;
                    self.expect_keyword(Keyword::As)?;
                    let native = self.native_type()?;
                    self.expect(TokenKind::RightParenthesis)?;
                    return Ok(Selectable::Cast(Box::new(value), native));
                }
                _ => {}
            }
        }
        if self.function_call_at(0) {
            let name = self.function_name()?;
            self.advance();
            return Ok(Selectable::Function(name, self.list_until(TokenKind::RightParenthesis, Self::selectable)?));
        }
        Ok(Selectable::Column(self.name()?))
    }

    fn cell_function(&mut self, function: CellFunction) -> Parsing<Selectable> {
        self.advance();
        self.advance();
        let column = Selectable::Column(self.name()?);
        let cell = self.modifiers(column)?;
        self.expect(TokenKind::RightParenthesis)?;
        Ok(Selectable::Cell(function, Box::new(cell)))
    }
}
