//! `UPDATE table [USING ...] SET ... WHERE ... [IF ...]`

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{Assignment, Condition, ConditionTarget, If, Literal, Name, Term, Update};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn update(&mut self) -> Parsing<Update> {
        self.advance();
        let table = self.table_name()?;
        let using = self.using()?;
        self.expect_keyword(Keyword::Set)?;
        let mut assignments: Vec<Assignment> = Vec::new();
        loop {
            let assignment = self.assignment()?;
            let mut others = assignments.iter().filter(|before| before.column() == assignment.column());
            if others.any(|before| !compatible(before, &assignment)) {
                let message = format!("Multiple incompatible setting of column {}", assignment.column().as_str());
                return Err(self.error_message(message));
            }
            assignments.push(assignment);
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.expect_keyword(Keyword::Where)?;
        let relations = self.relations()?;
        let condition = self.condition()?;
        Ok(Update { table, using, assignments, relations, condition })
    }

    fn assignment(&mut self) -> Parsing<Assignment> {
        let column = self.column()?;
        let assignment = match self.kind() {
            TokenKind::Equal => {
                self.advance();
                return self.value_assignment(column);
            }
            TokenKind::PlusEqual => {
                self.advance();
                Assignment::Add(column, self.term()?)
            }
            TokenKind::MinusEqual => {
                self.advance();
                Assignment::Subtract(column, self.term()?)
            }
            TokenKind::LeftBracket => {
                self.advance();
                let key = self.term()?;
                self.expect(TokenKind::RightBracket)?;
                self.expect(TokenKind::Equal)?;
                Assignment::SetElement(column, key, self.term()?)
            }
            TokenKind::Dot => {
                self.advance();
                let field = self.name()?;
                self.expect(TokenKind::Equal)?;
                Assignment::SetField(column, field, self.term()?)
            }
            _ => return self.no_alternative(),
        };
        Ok(assignment)
    }

    /// What follows `c =`: a term, `c + term`, `c - term` or `term + c`.
    fn value_assignment(&mut self, column: Name) -> Parsing<Assignment> {
        if !self.name_at(0) || self.simple_term_at(0) {
            let term = self.term()?;
            if !self.eat(TokenKind::Plus) {
                return Ok(Assignment::Set(column, term));
            }
            if self.column()? != column {
                return Err(self.error_message("Only expressions of the form X = <value> + X are supported."));
            }
            return Ok(Assignment::Prepend(column, term));
        }
        let same = self.column()? == column;
        let (sign, assignment) = match self.kind() {
            TokenKind::Plus => {
                self.advance();
                ("+", Assignment::Add(column, self.term()?))
            }
            TokenKind::Minus => {
                self.advance();
                ("-", Assignment::Subtract(column, self.term()?))
            }
            // `c = c -1`: the minus belongs to the number.
            TokenKind::Integer => {
                let text = self.slice();
                self.advance();
                let sign = if text.starts_with('-') { "- " } else { " " };
                (sign, Assignment::Add(column, Term::Literal(Literal::Integer(text.into()))))
            }
            _ => return self.no_alternative(),
        };
        if !same {
            // The spaces are Cassandra's.
            let message = format!("Only expressions of the form X = X {sign}<value> are supported.");
            return Err(self.error_message(message));
        }
        Ok(assignment)
    }

    /// `IF EXISTS` or `IF a = b AND ...`, if here.
    pub(super) fn condition(&mut self) -> Parsing<Option<If>> {
        if !self.eat_keyword(Keyword::If) {
            return Ok(None);
        }
        // EXISTS may be the name of a column.
        if self.at_keyword(Keyword::Exists) && !self.condition_operator_at(1) {
            self.advance();
            return Ok(Some(If::Exists));
        }
        Ok(Some(If::Conditions(self.and_separated(Self::column_condition)?)))
    }

    fn condition_operator_at(&self, ahead: usize) -> bool {
        match self.kind_at(ahead) {
            TokenKind::Equal
            | TokenKind::NotEqual
            | TokenKind::Less
            | TokenKind::LessOrEqual
            | TokenKind::Greater
            | TokenKind::GreaterOrEqual
            | TokenKind::LeftBracket
            | TokenKind::Dot => true,
            _ => matches!(self.keyword_at(ahead), Some(Keyword::In | Keyword::Contains)),
        }
    }

    fn column_condition(&mut self) -> Parsing<Condition> {
        let column = self.column()?;
        let target = match self.kind() {
            TokenKind::LeftBracket => {
                self.advance();
                let element = self.term()?;
                self.expect(TokenKind::RightBracket)?;
                ConditionTarget::Element(column, element)
            }
            TokenKind::Dot => {
                self.advance();
                ConditionTarget::Field(column, self.name()?)
            }
            _ => ConditionTarget::Column(column),
        };
        if let Some(predicate) = self.simple_predicate()? {
            return Ok(Condition { target, predicate });
        }
        if matches!(target, ConditionTarget::Column(_))
            && let Some(predicate) = self.contains()?
        {
            return Ok(Condition { target, predicate });
        }
        self.no_alternative()
    }
}

/// Whether both may be said in one statement: elements and different fields of one column may, what replaces all of it may not.
fn compatible(before: &Assignment, assignment: &Assignment) -> bool {
    match (before, assignment) {
        (Assignment::Set(..), _) | (_, Assignment::Set(..)) => false,
        (Assignment::SetField(_, one, _), Assignment::SetField(_, other, _)) => one != other,
        _ => true,
    }
}
