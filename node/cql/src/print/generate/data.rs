//! INSERT, UPDATE, DELETE and BATCH.

use super::Generator;
use crate::ast::*;
use arbitrary::Result;

impl<'a, 'b> Generator<'a, 'b> {
    pub(super) fn using(&mut self) -> Result<Using> {
        Ok(Using { timestamp: self.optional(Self::integer_or_marker)?, ttl: self.optional(Self::integer_or_marker)? })
    }

    pub(super) fn insert(&mut self) -> Result<Insert> {
        let source = match self.below(3)? {
            0 => InsertSource::Json {
                document: match self.below(2)? {
                    0 => JsonDocument::Literal(self.text()?),
                    _ => JsonDocument::Marker(self.marker()?),
                },
                default: self.choose(&[JsonDefault::Null, JsonDefault::Unset])?,
            },
            _ => InsertSource::Values { columns: self.some(Self::column)?, values: self.some(Self::term)? },
        };
        Ok(Insert { table: self.qualified()?, source, if_not_exists: self.flag()?, using: self.using()? })
    }

    /// Distinct columns, as the parser demands.
    pub(super) fn assignments(&mut self) -> Result<Vec<Assignment>> {
        let mut assignments: Vec<Assignment> = Vec::new();
        for _ in 0..1 + self.below(3)? {
            let column = self.column()?;
            let assignment = match self.below(6)? {
                0 => Assignment::Set(column, self.term()?),
                1 => Assignment::Add(column, self.term()?),
                2 => Assignment::Subtract(column, self.term()?),
                3 => Assignment::Prepend(column, self.term()?),
                4 => Assignment::SetElement(column, self.term()?, self.term()?),
                _ => Assignment::SetField(column, self.name()?, self.term()?),
            };
            if !assignments.iter().any(|earlier| earlier.column() == assignment.column()) {
                assignments.push(assignment);
            }
        }
        Ok(assignments)
    }

    pub(super) fn condition(&mut self) -> Result<Condition> {
        Ok(match self.below(4)? {
            0 => Condition {
                target: ConditionTarget::Element(self.column()?, self.term()?),
                predicate: self.compare_or_in()?,
            },
            1 => Condition {
                target: ConditionTarget::Field(self.column()?, self.name()?),
                predicate: self.compare_or_in()?,
            },
            2 => {
                let predicate =
                    if self.flag()? { Predicate::Contains(self.term()?) } else { Predicate::ContainsKey(self.term()?) };
                Condition { target: ConditionTarget::Column(self.column()?), predicate }
            }
            _ => Condition { target: ConditionTarget::Column(self.column()?), predicate: self.compare_or_in()? },
        })
    }

    pub(super) fn if_clause(&mut self) -> Result<If> {
        if self.flag()? { Ok(If::Exists) } else { self.some(Self::condition).map(If::Conditions) }
    }

    pub(super) fn update(&mut self) -> Result<Update> {
        Ok(Update {
            table: self.qualified()?,
            using: self.using()?,
            assignments: self.assignments()?,
            relations: self.some(Self::relation)?,
            condition: self.optional(Self::if_clause)?,
        })
    }

    pub(super) fn deletion(&mut self) -> Result<Deletion> {
        Ok(match self.below(3)? {
            0 => Deletion::Column(self.column()?),
            1 => Deletion::Element(self.column()?, self.term()?),
            _ => Deletion::Field(self.column()?, self.name()?),
        })
    }

    pub(super) fn delete(&mut self) -> Result<Delete> {
        Ok(Delete {
            deletions: self.any(Self::deletion)?,
            table: self.qualified()?,
            using: Using { timestamp: self.optional(Self::integer_or_marker)?, ttl: None },
            relations: self.some(Self::relation)?,
            condition: self.optional(Self::if_clause)?,
        })
    }

    pub(super) fn modification(&mut self) -> Result<Statement> {
        Ok(match self.below(3)? {
            0 => Statement::Insert(self.insert()?),
            1 => Statement::Update(self.update()?),
            _ => Statement::Delete(self.delete()?),
        })
    }

    pub(super) fn batch(&mut self) -> Result<Batch> {
        let kinds = [BatchKind::Logged, BatchKind::Unlogged, BatchKind::Counter];
        Ok(Batch { kind: self.choose(&kinds)?, using: self.using()?, statements: self.any(Self::modification)? })
    }
}
