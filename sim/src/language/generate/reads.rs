//! Generated SELECTs.

use super::{Generator, Time};
use crate::language::kind::{Kind, Native};
use crate::language::program::{Aggregate, Column, Operator, Relation, Select, Selection};
use rand::Rng;

impl Generator {
    pub(super) fn select(&mut self) -> Select {
        let distinct = self.chance(1, 12);
        let grouped = !distinct && self.chance(1, 8);
        let groups = if grouped { self.random.random_range(1..=self.table.key().count()) } else { 0 };
        let selection = self.selection(distinct, grouped);
        let (mut relations, whole_key) = self.partition_relations();
        if !distinct && (whole_key || self.chance(1, 4)) {
            relations.extend(self.clustering_relations(true));
        }
        let mut allow_filtering = self.chance(1, 6);
        if self.chance(1, 4) {
            relations.push(self.filter());
            allow_filtering = self.chance(19, 20);
        }
        let group_by = self.table.key().take(groups).map(|column| column.name.clone()).collect();
        let first = self.table.clustering.first().cloned();
        // Cassandra refuses DISTINCT with IN and ORDER BY, for a reason of its own.
        let orders = !(self.interpreted && distinct);
        let order_by = match first {
            Some((column, descending)) if whole_key && orders && self.chance(1, 4) => {
                let reversed = self.chance(2, 3);
                Some((column.name, descending != reversed))
            }
            _ => None,
        };
        let per_partition_limit = self.chance(1, 8).then(|| self.random.random_range(1..4));
        let limit = self.chance(1, 5).then(|| self.random.random_range(1..6));
        Select { distinct, selection, relations, group_by, order_by, per_partition_limit, limit, allow_filtering }
    }

    /// Which partitions; and whether their keys are given.
    fn partition_relations(&mut self) -> (Vec<Relation>, bool) {
        match self.random.random_range(0..10) {
            0..=5 => (self.partition_equals(), true),
            6 => {
                let mut relations = self.partition_equals();
                let last = self.table.partition.last().expect("every table has a key").clone();
                if let Some(Relation::Compare(name, _, first)) = relations.pop() {
                    relations.push(Relation::In(name, vec![first, self.value(&last.kind)]));
                }
                (relations, true)
            }
            7 => {
                let operator = self.pick(&[Operator::Greater, Operator::LessOrEqual]);
                // The least token means the end of the ring as well as its beginning.
                let first = if self.interpreted { -3 } else { -4 };
                (vec![Relation::Token(operator, self.random.random_range(first..4i64) << 61)], false)
            }
            _ => (Vec::new(), false),
        }
    }

    fn filter(&mut self) -> Relation {
        let clustering = self.table.clustering.iter().map(|(column, _)| column);
        let columns: Vec<Column> =
            self.table.regular.iter().chain(&self.table.statics).chain(clustering).cloned().collect();
        let Column { name, kind } = self.pick(&columns);
        match &kind {
            Kind::List(inner) | Kind::Set(inner) => Relation::Contains(name, self.value(inner)),
            Kind::Map(key, value) => match self.random.random_range(0..3) {
                0 => Relation::Contains(name, self.value(value)),
                1 => Relation::ContainsKey(name, self.value(key)),
                _ => Relation::Element(name, self.value(key), Operator::Equal, self.value(value)),
            },
            Kind::Native(Native::Counter) => Relation::Compare(name, Operator::Greater, self.value(&kind)),
            kind => {
                let operator = if kind.is_ordered() && self.chance(4, 5) { self.slice() } else { Operator::Equal };
                Relation::Compare(name, operator, self.value(kind))
            }
        }
    }

    fn selection(&mut self, distinct: bool, grouped: bool) -> Vec<Selection> {
        let names = |columns: &[Column]| -> Vec<Selection> {
            columns.iter().map(|column| Selection::Column(column.name.clone())).collect()
        };
        let mut selection = names(&self.table.partition);
        if distinct {
            selection.extend(names(&self.table.statics));
            return selection;
        }
        selection.extend(self.table.clustering.iter().map(|(column, _)| Selection::Column(column.name.clone())));
        let others: Vec<Column> = self.table.statics.iter().chain(&self.table.regular).cloned().collect();
        if grouped || self.chance(1, 8) {
            let column = self.pick(&others);
            let aggregates = self.aggregates(&column);
            return if grouped { [selection, aggregates].concat() } else { aggregates };
        }
        if self.chance(1, 2) {
            return Vec::new();
        }
        for Column { name, kind } in others {
            match self.random.random_range(0..4) {
                0 | 1 => selection.push(Selection::Column(name)),
                2 if self.time != Time::Server && !self.counters && !kind.is_multi_cell() => {
                    selection.push(Selection::WriteTime(name));
                }
                3 if self.time == Time::Request && !kind.is_multi_cell() => selection.push(Selection::TimeToLive(name)),
                _ => {}
            }
        }
        if self.chance(1, 6) {
            selection.push(Selection::Token);
        }
        selection
    }

    /// One or two functions over all rows of a group.
    fn aggregates(&mut self, column: &Column) -> Vec<Selection> {
        let of = |function| Selection::Aggregate(function, column.name.clone());
        let mut choices = vec![vec![Selection::CountRows], vec![of(Aggregate::Count)]];
        // How averages of decimals are rounded on the way is Cassandra's own.
        if self.interpreted && column.kind == Kind::Native(Native::Decimal) {
            choices.push(vec![of(Aggregate::Sum)]);
        } else if column.kind.is_number() {
            choices.push(vec![of(Aggregate::Sum), of(Aggregate::Avg)]);
        }
        if matches!(column.kind, Kind::Native(native) if !matches!(native, Native::Duration | Native::Counter)) {
            choices.push(vec![of(Aggregate::Min), of(Aggregate::Max)]);
        }
        self.pick(&choices)
    }
}
