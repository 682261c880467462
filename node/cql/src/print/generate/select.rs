//! SELECT and WHERE.

use super::{Generate, Generator};
use crate::ast::*;
use arbitrary::Result;

/// Whether the text ends in `(a)`.
fn ends_in_parentheses(selectable: &Term) -> bool {
    match selectable {
        Term::Tuple(items) => items.len() == 1,
        Term::TypeHint(_, inner) => ends_in_parentheses(inner),
        _ => false,
    }
}

impl<'a, 'b> Generator<'a, 'b> {
    pub(super) fn modified(&mut self, mut receiver: Term) -> Result<Term> {
        for _ in 0..self.below(6)?.saturating_sub(3) {
            let inner = Box::new(receiver);
            // `(a)[1]` would be a list with a type.
            let first = if ends_in_parentheses(&inner) { 2 } else { 0 };
            receiver = match first + self.below(4 - first)? {
                0 => Term::Field(inner, self.name()?),
                1 => Term::Element(inner, Box::new(self.term()?)),
                2 => Term::Slice(inner, Some(Box::new(self.term()?)), self.optional(Self::term)?.map(Box::new)),
                _ => Term::Slice(inner, None, Some(Box::new(self.term()?))),
            };
        }
        Ok(receiver)
    }

    pub(super) fn simple_selectable(&mut self) -> Result<Term> {
        match self.below(4)? {
            0 => Ok(Term::Column(self.name()?)),
            1 if self.below(4)? == 0 => Ok(Term::CountRows),
            1 => {
                let functions = [CellFunction::WriteTime, CellFunction::MaxWriteTime, CellFunction::Ttl];
                let column = Term::Column(self.name()?);
                Ok(Term::Cell(self.choose(&functions)?, Box::new(self.modified(column)?)))
            }
            _ => self.common_term(),
        }
    }

    /// Not `(a)`: in `{(a): b}` Cassandra's grammar sees a marker with a type, and so do we.
    pub(super) fn selectable_key(&mut self) -> Result<Term> {
        Ok(match self.below(3)? {
            0 => Term::Column(self.name()?),
            1 => Term::Literal(self.constant()?),
            _ => Term::Function(self.qualified()?, self.any(Self::selectable)?),
        })
    }

    pub(super) fn selector(&mut self) -> Result<Selector> {
        Ok(Selector { term: self.selectable()?, alias: self.optional(Self::name)? })
    }

    pub(super) fn selection(&mut self) -> Result<Selection> {
        if self.flag()? { Ok(Selection::All) } else { self.some(Self::selector).map(Selection::Selectors) }
    }

    pub(super) fn comparison(&mut self) -> Result<Comparison> {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        self.choose(&[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual])
    }

    pub(super) fn in_values(&mut self, item: Generate<'a, 'b, Term>) -> Result<InValues> {
        if self.flag()? { self.any(item).map(InValues::List) } else { self.marker().map(InValues::Marker) }
    }

    pub(super) fn tuple_or_marker(&mut self) -> Result<Term> {
        if self.flag()? { self.some(Self::term).map(Term::Tuple) } else { self.marker().map(Term::Marker) }
    }

    pub(super) fn compare_or_in(&mut self) -> Result<Predicate> {
        Ok(match self.below(2)? {
            0 => Predicate::Compare(self.comparison()?, self.term()?),
            _ => Predicate::In(self.in_values(Self::term)?),
        })
    }

    pub(super) fn column_predicate(&mut self) -> Result<Predicate> {
        Ok(match self.below(5)? {
            0 | 1 => self.compare_or_in()?,
            2 => Predicate::Contains(self.term()?),
            3 => Predicate::ContainsKey(self.term()?),
            _ => self.choose(&[Predicate::IsNotNull, Predicate::Like(Term::Literal(Literal::String("%x".into())))])?,
        })
    }

    pub(super) fn relation(&mut self) -> Result<Relation> {
        let (target, predicate) = match self.below(6)? {
            0 => return Ok(Relation::IndexExpression(self.qualified()?, self.term()?)),
            1 => {
                let target = RelationTarget::Element(self.column()?, self.term()?);
                (target, Predicate::Compare(self.comparison()?, self.term()?))
            }
            2 => {
                let predicate = Predicate::Compare(self.comparison()?, self.term()?);
                (RelationTarget::Token(self.some(Self::column)?), predicate)
            }
            3 => {
                let predicate = match self.below(2)? {
                    0 => Predicate::Compare(self.comparison()?, self.tuple_or_marker()?),
                    _ => Predicate::In(self.in_values(Self::tuple_or_marker)?),
                };
                (RelationTarget::Columns(self.some(Self::column)?), predicate)
            }
            _ => (RelationTarget::Column(self.column()?), self.column_predicate()?),
        };
        Ok(Relation::Restriction(target, predicate))
    }

    pub(super) fn ordering(&mut self) -> Result<Ordering> {
        Ok(Ordering { column: self.column()?, nearest_to: self.optional(Self::term)?, descending: self.flag()? })
    }

    pub(super) fn select(&mut self) -> Result<Select> {
        Ok(Select {
            json: self.flag()?,
            distinct: self.flag()?,
            selection: self.selection()?,
            table: self.qualified()?,
            relations: self.any(Self::relation)?,
            group_by: self.any(Self::selectable)?,
            order_by: self.any(Self::ordering)?,
            per_partition_limit: self.optional(Self::integer_or_marker)?,
            limit: self.optional(Self::integer_or_marker)?,
            allow_filtering: self.flag()?,
        })
    }
}
