//! `UPDATE table [USING ...] SET ... WHERE ... [IF ...]`

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{Assignment, Condition, ConditionTarget, If, Literal, Name, Term, Update};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;
use std::collections::{BTreeMap, BTreeSet};

impl Parser<'_> {
    pub(super) fn update(&mut self) -> Parsing<Update> {
        self.advance();
        let table = self.table_name()?;
        let using = self.using()?;
        self.expect_keyword(Keyword::Set)?;
        let mut assignments = Vec::new();
        let mut columns: BTreeMap<Name, Assigned> = BTreeMap::new();
        loop {
            let assignment = self.assignment()?;
            let is_first = !columns.contains_key(assignment.column());
            if !columns.entry(assignment.column().clone()).or_default().note(&assignment, is_first) {
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

/// How a column is assigned so far.
#[derive(Default)]
struct Assigned {
    /// As a whole: then nothing else may be said of it.
    whole: bool,
    fields: BTreeSet<Name>,
}

impl Assigned {
    /// Remembers one more assignment; false if it does not go with those before. Elements, and different fields, of one column
    /// may be set together.
    fn note(&mut self, assignment: &Assignment, is_first: bool) -> bool {
        let fits = is_first || !(self.whole || matches!(assignment, Assignment::Set(..)));
        match assignment {
            Assignment::Set(..) => self.whole = true,
            Assignment::SetField(_, field, _) => return fits && self.fields.insert(field.clone()),
            _ => {}
        }
        fits
    }
}
