//! SELECT and WHERE.

use super::{Generate, Generator};
use crate::ast::*;
use arbitrary::Result;

/// Whether the text ends in `(a)`.
fn ends_in_parentheses(selectable: &Selectable) -> bool {
    match selectable {
        Selectable::Tuple(items) => items.len() == 1,
        Selectable::TypeHint(_, inner) => ends_in_parentheses(inner),
        _ => false,
    }
}

impl<'a, 'b> Generator<'a, 'b> {
    pub(super) fn selectable(&mut self) -> Result<Selectable> {
        self.nested(1, 3, |it, choice| {
            if choice < 2 {
                return it.selectable_product();
            }
            let left = if it.flag()? { it.selectable()? } else { it.selectable_product()? };
            Ok(Selectable::Arithmetic(it.operator(false)?, Box::new(left), Box::new(it.selectable_product()?)))
        })
    }

    pub(super) fn selectable_product(&mut self) -> Result<Selectable> {
        self.nested(1, 3, |it, choice| {
            if choice < 2 {
                return it.signed_selectable();
            }
            let left = it.selectable_product()?;
            Ok(Selectable::Arithmetic(it.operator(true)?, Box::new(left), Box::new(it.signed_selectable()?)))
        })
    }

    pub(super) fn signed_selectable(&mut self) -> Result<Selectable> {
        self.nested(1, 4, |it, choice| match choice {
            3 => Ok(Selectable::Negation(Box::new(it.signed_selectable()?))),
            _ => {
                let receiver = it.simple_selectable()?;
                it.modified(receiver)
            }
        })
    }

    pub(super) fn modified(&mut self, mut receiver: Selectable) -> Result<Selectable> {
        for _ in 0..self.below(6)?.saturating_sub(3) {
            let inner = Box::new(receiver);
            // `(a)[1]` would be a list with a type.
            let first = if ends_in_parentheses(&inner) { 2 } else { 0 };
            receiver = match first + self.below(4 - first)? {
                0 => Selectable::Field(inner, self.name()?),
                1 => Selectable::Element(inner, Box::new(self.term()?)),
                2 => Selectable::Slice(inner, Some(Box::new(self.term()?)), self.optional(Self::term)?.map(Box::new)),
                _ => Selectable::Slice(inner, None, Some(Box::new(self.term()?))),
            };
        }
        Ok(receiver)
    }

    pub(super) fn simple_selectable(&mut self) -> Result<Selectable> {
        self.nested(5, 13, |it, choice| {
            Ok(match choice {
                0 => Selectable::Column(it.name()?),
                1 => Selectable::Literal(it.constant()?),
                2 => Selectable::Literal(Literal::Null),
                3 => Selectable::Marker(it.marker()?),
                4 => Selectable::CountRows,
                5 => {
                    let functions = [CellFunction::WriteTime, CellFunction::MaxWriteTime, CellFunction::Ttl];
                    let column = Selectable::Column(it.name()?);
                    Selectable::Cell(it.choose(&functions)?, Box::new(it.modified(column)?))
                }
                6 => Selectable::Function(it.qualified()?, it.any(Self::selectable)?),
                7 => Selectable::Cast(Box::new(it.selectable()?), it.native()?),
                8 => Selectable::TypeHint(it.type_name()?, Box::new(it.simple_selectable()?)),
                9 => Selectable::List(it.any(Self::selectable)?),
                10 => Selectable::Set(it.any(Self::selectable)?),
                11 => Selectable::Map(it.pairs(Self::selectable_key, Self::selectable)?),
                _ => Selectable::Tuple(it.some(Self::selectable)?),
            })
        })
    }

    /// Not `(a)`: in `{(a): b}` Cassandra's grammar sees a marker with a type, and so do we.
    pub(super) fn selectable_key(&mut self) -> Result<Selectable> {
        Ok(match self.below(3)? {
            0 => Selectable::Column(self.name()?),
            1 => Selectable::Literal(self.constant()?),
            _ => Selectable::Function(self.qualified()?, self.any(Self::selectable)?),
        })
    }

    pub(super) fn selector(&mut self) -> Result<Selector> {
        Ok(Selector { selectable: self.selectable()?, alias: self.optional(Self::name)? })
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
        Ok(match self.below(9)? {
            0 | 1 => self.compare_or_in()?,
            2 => Predicate::NotIn(self.in_values(Self::term)?),
            3 => Predicate::Contains(self.term()?),
            4 => Predicate::ContainsKey(self.term()?),
            5 => Predicate::NotContains(self.term()?),
            6 => Predicate::NotContainsKey(self.term()?),
            7 => Predicate::Between(self.term()?, self.term()?),
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
                let predicate = match self.below(2)? {
                    0 => Predicate::Compare(self.comparison()?, self.term()?),
                    _ => Predicate::Between(self.term()?, self.term()?),
                };
                (RelationTarget::Token(self.some(Self::column)?), predicate)
            }
            3 => {
                let predicate = match self.below(4)? {
                    0 => Predicate::Compare(self.comparison()?, self.tuple_or_marker()?),
                    1 => Predicate::In(self.in_values(Self::tuple_or_marker)?),
                    2 => Predicate::NotIn(self.in_values(Self::tuple_or_marker)?),
                    _ => Predicate::Between(self.tuple_or_marker()?, self.tuple_or_marker()?),
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
