//! Generated writes: INSERT, UPDATE, DELETE and batches of them, with conditions where the server gives timestamps.

use super::{Generator, Time};
use crate::language::kind::{Kind, Native, user_fields};
use crate::language::program::{
    Assignment, Batch, BatchKind, Column, Condition, Delete, Insert, Operator, Relation, Statement, Target, Update,
    Using,
};
use rand::Rng;
use rand::seq::SliceRandom;

impl Generator {
    fn using(&mut self, deletes: bool) -> Using {
        let long = [100_000, 500_000];
        if self.time == Time::Server {
            let expires = !deletes && !self.counters && self.chance(1, 6);
            return Using { timestamp: None, ttl: expires.then_some(long[0]) };
        }
        let timestamp = Some(self.random.random_range(1..30));
        let ttl = match self.time {
            _ if deletes => None,
            Time::Request => self.chance(1, 3).then(|| self.random.random_range(1..60)),
            _ => self.chance(1, 5).then(|| self.pick(&long)),
        };
        Using { timestamp, ttl }
    }

    /// Whether a write that stands alone has a condition.
    fn is_conditional(&mut self, alone: bool, one: u32, of: u32) -> bool {
        alone && self.time == Time::Server && !self.counters && self.chance(one, of)
    }

    pub(super) fn insert(&mut self, alone: bool) -> Statement {
        if self.counters {
            return self.update(alone);
        }
        let static_only = !self.table.statics.is_empty() && self.chance(1, 8);
        let keys: Vec<Column> =
            if static_only { self.table.partition.clone() } else { self.table.key().cloned().collect() };
        let mut others = self.table.statics.clone();
        if !static_only {
            others.extend(self.table.regular.clone());
        }
        others.retain(|_| self.random.random_ratio(2, 3));
        others.shuffle(&mut self.random);
        let mut values: Vec<_> = keys.into_iter().map(|key| (self.value(&key.kind), key.name)).collect();
        values.extend(others.into_iter().map(|column| (self.optional(&column.kind), column.name)));
        let if_not_exists = self.is_conditional(alone, 1, 5);
        let using = if if_not_exists { Using::default() } else { self.using(false) };
        Statement::Insert(Insert {
            values: values.into_iter().map(|(value, name)| (name, value)).collect(),
            if_not_exists,
            using,
        })
    }

    pub(super) fn update(&mut self, alone: bool) -> Statement {
        let using = self.using(false);
        let mut targets: Vec<Column> = self.table.statics.iter().chain(&self.table.regular).cloned().collect();
        targets.shuffle(&mut self.random);
        targets.truncate(self.random.random_range(1..3));
        let only_static = targets.iter().all(|column| self.table.is_static(&column.name)) && self.chance(3, 4);
        let assignments = targets
            .into_iter()
            .map(|column| (self.assignment(&column.kind), column.name))
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

    fn assignment(&mut self, kind: &Kind) -> Assignment {
        match kind {
            Kind::Native(Native::Counter) => {
                let by = self.value(kind);
                if self.chance(1, 2) { Assignment::Add(by) } else { Assignment::Subtract(by) }
            }
            Kind::List(inner) => match self.random.random_range(0..6) {
                0 => Assignment::Add(self.optional(kind)),
                1 => Assignment::Subtract(self.optional(kind)),
                2 => Assignment::Prepend(self.optional(kind)),
                3 => {
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
        let condition = |Column { name, kind }: Column| {
            let operators = [Operator::Equal, Operator::NotEqual, Operator::Less, Operator::GreaterOrEqual];
            if kind.is_ordered() && self.chance(1, 5) {
                return Relation::In(name, vec![self.optional(&kind), self.value(&kind)]);
            }
            let operator = self.pick(if kind.is_ordered() { &operators } else { &operators[..2] });
            Relation::Compare(name, operator, self.optional(&kind))
        };
        Condition::All(columns.into_iter().map(condition).collect())
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
