//! Generated writes: INSERT, UPDATE, DELETE and batches of them, with conditions where the server gives timestamps.

use super::{Generator, Time};
use crate::language::kind::{Kind, Native, user_fields};
use crate::language::program::{
    Assignment, Batch, BatchKind, Column, Condition, Delete, Insert, Operator, Relation, Statement, Target, Update,
    Using,
};
use crate::language::value::{Term, Value};
use rand::Rng;
use rand::seq::SliceRandom;

/// Nothing is less or greater than null, nor than a collection without elements.
fn cannot_be_compared(relation: &Relation) -> bool {
    let Relation::Compare(_, operator, term) = relation else { return false };
    let is_nothing = match term {
        Term::Value(Value::List(parts) | Value::Set(parts)) => parts.is_empty(),
        Term::Value(Value::Map(entries)) => entries.is_empty(),
        Term::Null => true,
        _ => false,
    };
    is_nothing && !matches!(operator, Operator::Equal | Operator::NotEqual)
}

impl Generator {
    fn using(&mut self, deletes: bool) -> Using {
        // Each is another: of two cells of one time the one that expires later counts, not the one that arrives later.
        self.lives += 1;
        let long = 100_000 + self.lives * 7_919 % 397 * 1_000;
        if self.time == Time::Server {
            let expires = !deletes && !self.counters && self.chance(1, 6);
            return Using { timestamp: None, ttl: expires.then_some(long) };
        }
        let timestamp = Some(self.random.random_range(1..30));
        let ttl = match self.time {
            _ if deletes => None,
            Time::Request => self.chance(1, 3).then(|| self.random.random_range(1..60)),
            _ => self.chance(1, 5).then_some(long),
        };
        Using { timestamp, ttl }
    }

    /// Whether a write that stands alone has a condition.
    fn is_conditional(&mut self, alone: bool, one: u32, of: u32) -> bool {
        // What a failed condition shows of static columns is not the same everywhere.
        let possible =
            self.time == Time::Server && !self.counters && (!self.interpreted || self.table.statics.is_empty());
        alone && possible && self.chance(one, of)
    }

    pub(super) fn insert(&mut self, alone: bool) -> Statement {
        if self.counters {
            return self.update(alone);
        }
        let static_only = !self.table.statics.is_empty() && self.chance(1, 8);
        let mut values = self.partition_key();
        if !static_only {
            values.extend(self.clustering_key());
        }
        let mut others = self.table.statics.clone();
        if !static_only {
            others.extend(self.table.regular.clone());
        }
        others.retain(|_| self.random.random_ratio(2, 3));
        others.shuffle(&mut self.random);
        values.extend(others.into_iter().map(|column| (column.name, self.optional(&column.kind))));
        let if_not_exists = self.is_conditional(alone, 1, 5);
        let using = if if_not_exists { Using::default() } else { self.using(false) };
        Statement::Insert(Insert { values, if_not_exists, using })
    }

    pub(super) fn update(&mut self, alone: bool) -> Statement {
        let using = self.using(false);
        let mut targets: Vec<Column> = self.table.statics.iter().chain(&self.table.regular).cloned().collect();
        targets.shuffle(&mut self.random);
        targets.truncate(self.random.random_range(1..3));
        let only_static = targets.iter().all(|column| self.table.is_static(&column.name)) && self.chance(3, 4);
        let assignments = targets
            .into_iter()
            .map(|column| (self.assignment(&column.kind, alone), column.name))
            .map(|(to, name)| (name, to))
            .collect();
        let mut relations = self.partition_equals();
        if !only_static {
            relations.extend(self.clustering_equals(self.table.clustering.len()));
        }
        let conditional = using.ttl.is_none() && self.is_conditional(alone, 1, 4);
        let condition = conditional.then(|| self.condition(only_static));
        Statement::Update(Update { using, assignments, relations, condition })
    }

    fn assignment(&mut self, kind: &Kind, alone: bool) -> Assignment {
        match kind {
            Kind::Native(Native::Counter) => {
                let by = self.value(kind);
                if self.chance(1, 2) { Assignment::Add(by) } else { Assignment::Subtract(by) }
            }
            Kind::List(inner) => match self.random.random_range(0..6) {
                0 => Assignment::Add(self.optional(kind)),
                1 => Assignment::Subtract(self.optional(kind)),
                2 => Assignment::Prepend(self.optional(kind)),
                // An index that a list lacks is not found by everybody in a batch over several partitions.
                3 if alone || !self.interpreted => {
                    let index = self.random.random_range(-1..3);
                    Assignment::Element(super::number(index), self.optional(inner))
                }
                _ => Assignment::Set(self.optional(kind)),
            },
            Kind::Set(_) => match self.random.random_range(0..6) {
                0 => Assignment::Add(self.optional(kind)),
                1 => Assignment::Subtract(self.optional(kind)),
                _ => Assignment::Set(self.optional(kind)),
            },
            Kind::Map(key, value) => match self.random.random_range(0..5) {
                0 => Assignment::Add(self.optional(kind)),
                1 => Assignment::Subtract(self.optional(&Kind::Set(key.clone()))),
                2 | 3 => Assignment::Element(self.value(key), self.optional(value)),
                _ => Assignment::Set(self.optional(kind)),
            },
            Kind::User if self.chance(1, 2) => {
                let fields = user_fields();
                let (name, kind) = &fields[self.random.random_range(0..2)];
                Assignment::Field((*name).to_owned(), self.optional(kind))
            }
            kind => Assignment::Set(self.optional(kind)),
        }
    }

    fn condition(&mut self, only_static: bool) -> Condition {
        if self.chance(1, 4) {
            return Condition::Exists;
        }
        let mut columns = self.table.statics.clone();
        if !only_static {
            columns.extend(self.table.regular.clone());
        }
        columns.shuffle(&mut self.random);
        columns.truncate(self.random.random_range(1..3));
        let optional = |generator: &mut Generator, kind: &Kind| {
            let term = generator.optional(kind);
            // Whether they are refused before another condition fails is not the same everywhere.
            let is_odd = generator.interpreted && matches!(term, Term::Unset | Term::Empty);
            if is_odd { Term::Null } else { term }
        };
        let condition = |Column { name, kind }: Column| {
            let operators = [Operator::Equal, Operator::NotEqual, Operator::Less, Operator::GreaterOrEqual];
            if kind.is_ordered() && self.chance(1, 5) {
                return Relation::In(name, vec![optional(self, &kind), self.value(&kind)]);
            }
            let operator = self.pick(if kind.is_ordered() { &operators } else { &operators[..2] });
            Relation::Compare(name, operator, optional(self, &kind))
        };
        let relations: Vec<Relation> = columns.into_iter().map(condition).collect();
        // Of conditions on one row Cassandra looks in the order of a hash table: what it may refuse stands alone.
        match relations.iter().find(|relation| self.interpreted && cannot_be_compared(relation)) {
            Some(alone) => Condition::All(vec![alone.clone()]),
            None => Condition::All(relations),
        }
    }

    pub(super) fn delete(&mut self, alone: bool) -> Statement {
        let columns: Vec<Column> = self.table.regular.iter().chain(&self.table.statics).cloned().collect();
        let targets = if self.chance(1, 3) {
            let Column { name, kind } = self.pick(&columns);
            vec![match &kind {
                Kind::Map(key, _) | Kind::Set(key) if self.chance(1, 2) => Target::Element(name, self.value(key)),
                Kind::User if self.chance(1, 2) => Target::Field(name, "a".to_owned()),
                _ => Target::Column(name),
            }]
        } else {
            Vec::new()
        };
        let using = if self.counters { Using::default() } else { self.using(true) };
        let mut relations = self.partition_equals();
        match targets.first() {
            None => relations.extend(self.clustering_relations(false)),
            Some(Target::Column(name) | Target::Element(name, _) | Target::Field(name, _)) => {
                if !self.table.is_static(name) {
                    relations.extend(self.clustering_equals(self.table.clustering.len()));
                }
            }
        }
        let condition = self.is_conditional(alone, 1, 8).then_some(Condition::Exists);
        Statement::Delete(Delete { targets, using, relations, condition })
    }

    pub(super) fn batch(&mut self) -> Statement {
        let count = self.random.random_range(1..4);
        let part = |_| match self.random.random_range(0..4) {
            _ if self.counters => self.update(false),
            0 => self.delete(false),
            1 => self.update(false),
            _ => self.insert(false),
        };
        let parts = (0..count).map(part).collect();
        let kind =
            if self.counters { BatchKind::Counter } else { self.pick(&[BatchKind::Logged, BatchKind::Unlogged]) };
        Statement::Batch(Batch { kind, parts })
    }
}
