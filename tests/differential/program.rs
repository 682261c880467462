//! Programs out of a seed: a table, then statements that write, delete and read it in all the ways that interfere with each
//! other. What cannot be the same on two servers (server timestamps, random values) is never asked for.

use super::kind::Kind;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use trefoil_tests::conformance::script::Step;

/// A column of the generated table.
#[derive(Clone, Debug)]
struct Column {
    name: String,
    kind: Kind,
}

/// Who gives timestamps.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Time {
    /// The server: later statements win, and conditions are possible.
    Server,
    /// Every statement, out of a few numbers: ties are common.
    Statement,
    /// Every statement, and requests say which second it is: expiry can be seen.
    Request,
}

struct Generator {
    random: ChaCha8Rng,
    time: Time,
    second: i32,
    counters: bool,
    partition: Vec<Column>,
    clustering: Vec<(Column, bool)>,
    statics: Vec<Column>,
    regular: Vec<Column>,
    /// Values are bound instead of written.
    binding: bool,
    bound: Vec<String>,
}

/// The steps of a program.
///
/// `request_time`: whether requests may say which second it is.
pub fn generate(seed: u64, statements: usize, request_time: bool) -> Vec<Step> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let column = |name: String, kind: Kind| Column { name, kind };
    let counters = random.random_ratio(1, 12);
    let time = match random.random_range(0..3) {
        _ if counters => Time::Server,
        0 => Time::Server,
        1 if request_time => Time::Request,
        _ => Time::Statement,
    };
    let partition =
        (0..random.random_range(1..3)).map(|n| column(format!("p{n}"), Kind::of_key(&mut random))).collect();
    let clustering: Vec<(Column, bool)> = (0..random.random_range(0..4))
        .map(|n| (column(format!("c{n}"), Kind::of_key(&mut random)), random.random_ratio(1, 3)))
        .collect();
    let value = |random: &mut ChaCha8Rng| if counters { Kind::Native("counter") } else { Kind::of_value(random) };
    let statics = if clustering.is_empty() { 0 } else { random.random_range(0..3) };
    let statics = (0..statics).map(|n| column(format!("s{n}"), value(&mut random))).collect();
    let regular = (0..random.random_range(1..4)).map(|n| column(format!("v{n}"), value(&mut random))).collect();
    let mut generator = Generator {
        random,
        time,
        second: 1_700_000_000,
        counters,
        partition,
        clustering,
        statics,
        regular,
        binding: false,
        bound: Vec::new(),
    };
    let mut steps = generator.definitions();
    while steps.len() < statements {
        let step = generator.step();
        steps.push(step);
    }
    steps
}

impl Generator {
    fn chance(&mut self, one: u32, of: u32) -> bool {
        self.random.random_ratio(one, of)
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        choices.choose(&mut self.random).expect("never empty")
    }

    fn definitions(&mut self) -> Vec<Step> {
        let mut columns: Vec<String> = Vec::new();
        let plain = self.partition.iter().chain(self.clustering.iter().map(|(column, _)| column)).chain(&self.regular);
        columns.extend(plain.map(|column| format!("{} {}", column.name, column.kind.text())));
        columns.extend(self.statics.iter().map(|column| format!("{} {} static", column.name, column.kind.text())));
        let partition: Vec<&str> = self.partition.iter().map(|column| &*column.name).collect();
        let clustering: Vec<&str> = self.clustering.iter().map(|(column, _)| &*column.name).collect();
        let key = std::iter::once(format!("({})", partition.join(", ")))
            .chain(clustering.iter().map(ToString::to_string))
            .collect::<Vec<_>>()
            .join(", ");
        let order: Vec<String> = self
            .clustering
            .iter()
            .map(|(column, descending)| format!("{} {}", column.name, if *descending { "DESC" } else { "ASC" }))
            .collect();
        let order =
            if order.is_empty() { String::new() } else { format!(" WITH CLUSTERING ORDER BY ({})", order.join(", ")) };
        vec![
            Step::new("CREATE TYPE u (a int, b text, c frozen<list<int>>)", Vec::new()),
            Step::new(format!("CREATE TABLE t ({}, PRIMARY KEY ({key})){order}", columns.join(", ")), Vec::new()),
        ]
    }

    fn step(&mut self) -> Step {
        self.binding = self.chance(1, 3);
        self.bound.clear();
        let text = match self.random.random_range(0..20) {
            0..=2 => self.insert(true),
            3..=6 => self.update(true),
            // A counter that was deleted and is counted again is undefined in Cassandra.
            7..=8 if !self.counters => self.delete(true),
            9 => self.batch(),
            _ => self.select(),
        };
        let mut directives = Vec::new();
        if self.binding {
            directives.push(format!("bind {}", self.bound.join(", ")).trim_end().to_owned());
        }
        if text.starts_with("SELECT") && self.chance(1, 3) {
            directives.push(format!("page {}", self.random.random_range(1..5)));
        }
        if self.time == Time::Request {
            self.second += self.random.random_range(0..3);
            directives.push(format!("now {}", self.second));
        }
        Step::new(text, directives)
    }

    /// A value where one stands: a literal, or a marker with a bound value.
    fn value(&mut self, kind: &Kind, may_be_null: bool) -> String {
        let mut literal = kind.literal(&mut self.random);
        if may_be_null && self.chance(1, 12) {
            literal = "null".to_owned();
        }
        if !self.binding {
            return literal;
        }
        if may_be_null && self.chance(1, 20) {
            literal = "unset".to_owned();
        } else if may_be_null
            && matches!(kind, Kind::Native(name) if *name != "text" && *name != "blob")
            && self.chance(1, 20)
        {
            literal = "(empty)".to_owned();
        }
        self.bound.push(literal);
        "?".to_owned()
    }

    fn using(&mut self, deletes: bool) -> String {
        if self.time == Time::Server {
            return if !deletes && !self.counters && self.chance(1, 6) {
                " USING TTL 100000".to_owned()
            } else {
                String::new()
            };
        }
        let timestamp = self.random.random_range(1..30);
        let time = self.time;
        let ttl = match time {
            _ if deletes => String::new(),
            Time::Request if self.chance(1, 3) => format!(" AND TTL {}", self.random.random_range(1..60)),
            Time::Statement if self.chance(1, 5) => {
                format!(" AND TTL {}", [100_000, 500_000][self.random.random_range(0..2)])
            }
            _ => String::new(),
        };
        format!(" USING TIMESTAMP {timestamp}{ttl}")
    }

    fn partition_equals(&mut self) -> Vec<String> {
        let partition = self.partition.clone();
        partition.iter().map(|column| format!("{} = {}", column.name, self.value(&column.kind, false))).collect()
    }

    fn clustering_equals(&mut self, count: usize) -> Vec<String> {
        let clustering: Vec<Column> = self.clustering.iter().take(count).map(|(column, _)| column.clone()).collect();
        clustering.iter().map(|column| format!("{} = {}", column.name, self.value(&column.kind, false))).collect()
    }

    fn insert(&mut self, alone: bool) -> String {
        if self.counters {
            return self.update(alone);
        }
        let static_only = !self.statics.is_empty() && self.chance(1, 8);
        let mut columns = self.partition.clone();
        let mut optional = self.statics.clone();
        if !static_only {
            columns.extend(self.clustering.iter().map(|(column, _)| column.clone()));
            optional.extend(self.regular.clone());
        }
        let keys = columns.len();
        optional.retain(|_| self.random.random_ratio(2, 3));
        optional.shuffle(&mut self.random);
        columns.extend(optional);
        let values: Vec<String> =
            columns.iter().enumerate().map(|(at, column)| self.value(&column.kind, at >= keys)).collect();
        let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
        let conditional = alone && self.time == Time::Server && self.chance(1, 5);
        let tail = if conditional { " IF NOT EXISTS".to_owned() } else { self.using(false) };
        format!("INSERT INTO t ({}) VALUES ({}){tail}", names.join(", "), values.join(", "))
    }

    fn update(&mut self, alone: bool) -> String {
        let using = self.using(false);
        let mut targets: Vec<(Column, bool)> = self.statics.iter().map(|column| (column.clone(), true)).collect();
        targets.extend(self.regular.iter().map(|column| (column.clone(), false)));
        targets.shuffle(&mut self.random);
        targets.truncate(self.random.random_range(1..3));
        let only_static = targets.iter().all(|(_, is_static)| *is_static) && self.chance(3, 4);
        let assignments: Vec<String> = targets.iter().map(|(column, _)| self.assignment(column)).collect();
        let mut relations = self.partition_equals();
        if !only_static {
            let count = self.clustering.len();
            relations.extend(self.clustering_equals(count));
        }
        let mut text = format!("UPDATE t{using} SET {} WHERE {}", assignments.join(", "), relations.join(" AND "));
        if alone && self.time == Time::Server && !self.counters && !using.contains("TTL") && self.chance(1, 4) {
            text += &self.condition(only_static);
        }
        text
    }

    fn assignment(&mut self, column: &Column) -> String {
        let name = &column.name;
        match &column.kind {
            Kind::Native("counter") => {
                let sign = *self.pick(&["+", "-"]);
                let bound = self.value(&Kind::Native("bigint"), false);
                format!("{name} = {name} {sign} {bound}")
            }
            kind @ (Kind::List(_) | Kind::Set(_)) => match self.random.random_range(0..6) {
                0 => format!("{name} = {name} + {}", self.value(kind, true)),
                1 => format!("{name} = {name} - {}", self.value(kind, true)),
                2 if matches!(kind, Kind::List(_)) => format!("{name} = {} + {name}", self.value(kind, true)),
                3 if matches!(kind, Kind::List(_)) => {
                    let Kind::List(inner) = kind else { return String::new() };
                    let index = self.random.random_range(-1..3);
                    format!("{name}[{index}] = {}", self.value(inner, true))
                }
                _ => format!("{name} = {}", self.value(kind, true)),
            },
            kind @ Kind::Map(key, value) => match self.random.random_range(0..5) {
                0 => format!("{name} = {name} + {}", self.value(kind, true)),
                1 => format!("{name} = {name} - {}", self.value(&Kind::Set(key.clone()), true)),
                2 | 3 => {
                    let key = self.value(key, false);
                    format!("{name}[{key}] = {}", self.value(value, true))
                }
                _ => format!("{name} = {}", self.value(kind, true)),
            },
            Kind::User if self.chance(1, 2) => match self.random.random_range(0..2) {
                0 => format!("{name}.a = {}", self.value(&Kind::Native("int"), true)),
                _ => format!("{name}.b = {}", self.value(&Kind::Native("text"), true)),
            },
            kind => format!("{name} = {}", self.value(kind, true)),
        }
    }

    fn condition(&mut self, only_static: bool) -> String {
        if self.chance(1, 4) {
            return " IF EXISTS".to_owned();
        }
        let mut columns = self.statics.clone();
        if !only_static {
            columns.extend(self.regular.clone());
        }
        columns.shuffle(&mut self.random);
        columns.truncate(self.random.random_range(1..3));
        let conditions: Vec<String> = columns
            .iter()
            .map(|column| {
                let operators = if column.kind.is_ordered() { &["=", "!=", "<", ">=", "IN"][..] } else { &["=", "!="] };
                let operator = *self.pick(operators);
                if operator == "IN" {
                    let values = [self.value(&column.kind, true), self.value(&column.kind, false)];
                    format!("{} IN ({})", column.name, values.join(", "))
                } else {
                    format!("{} {operator} {}", column.name, self.value(&column.kind, true))
                }
            })
            .collect();
        format!(" IF {}", conditions.join(" AND "))
    }

    fn delete(&mut self, alone: bool) -> String {
        let mut columns = String::new();
        let mut targets = self.regular.clone();
        targets.extend(self.statics.clone());
        let some_columns = self.chance(1, 3);
        let target = self.pick(&targets).clone();
        let mut whole_row = true;
        if some_columns {
            whole_row = false;
            columns = match &target.kind {
                Kind::Map(key, _) | Kind::Set(key) if self.chance(1, 2) => {
                    format!(" {}[{}]", target.name, self.value(key, false))
                }
                Kind::User if self.chance(1, 2) => format!(" {}.a", target.name),
                _ => format!(" {}", target.name),
            };
        }
        let using = if self.counters { String::new() } else { self.using(true) };
        let mut relations = self.partition_equals();
        if whole_row {
            relations.extend(self.clustering_relations(false));
        } else if !target.name.starts_with('s') {
            let count = self.clustering.len();
            relations.extend(self.clustering_equals(count));
        }
        let mut text = format!("DELETE{columns} FROM t{using} WHERE {}", relations.join(" AND "));
        if alone && self.time == Time::Server && !self.counters && self.chance(1, 8) {
            text += " IF EXISTS";
        }
        text
    }

    /// A prefix by equality, then perhaps a slice or IN.
    fn clustering_relations(&mut self, reads: bool) -> Vec<String> {
        let count = self.random.random_range(0..=self.clustering.len());
        let mut relations = self.clustering_equals(count);
        let Some((next, _)) = self.clustering.get(count).cloned() else { return relations };
        match self.random.random_range(0..6) {
            0 => {
                let values = [self.value(&next.kind, false), self.value(&next.kind, false)];
                relations.push(format!("{} IN ({})", next.name, values.join(", ")));
            }
            1 | 2 => {
                let operator = *self.pick(&["<", "<=", ">", ">="]);
                relations.push(format!("{} {operator} {}", next.name, self.value(&next.kind, false)));
                if self.chance(1, 3) {
                    let operator = *self.pick(&["<", "<=", ">", ">="]);
                    relations.push(format!("{} {operator} {}", next.name, self.value(&next.kind, false)));
                }
            }
            3 if reads && count + 1 < self.clustering.len() => {
                let rest: Vec<Column> = self.clustering[count..].iter().map(|(column, _)| column.clone()).collect();
                let names: Vec<&str> = rest.iter().map(|column| &*column.name).collect();
                let operator = *self.pick(&["<", "<=", ">", ">=", "="]);
                let values: Vec<String> = rest.iter().map(|column| self.value(&column.kind, false)).collect();
                relations.push(format!("({}) {operator} ({})", names.join(", "), values.join(", ")));
            }
            _ => {}
        }
        relations
    }

    fn batch(&mut self) -> String {
        let count = self.random.random_range(1..4);
        let parts: Vec<String> = (0..count)
            .map(|_| match self.random.random_range(0..4) {
                _ if self.counters => self.update(false),
                0 => self.delete(false),
                1 => self.update(false),
                _ => self.insert(false),
            })
            .collect();
        let kind = if self.counters { "COUNTER " } else { *self.pick(&["", "UNLOGGED "]) };
        format!("BEGIN {kind}BATCH {}; APPLY BATCH", parts.join("; "))
    }

    fn select(&mut self) -> String {
        let distinct = self.chance(1, 12);
        let group = if distinct || !self.chance(1, 8) {
            0
        } else {
            self.random.random_range(1..=self.partition.len() + self.clustering.len())
        };
        let selection = self.selection(distinct, group > 0);
        let mut relations = Vec::new();
        let mut whole_key = false;
        match self.random.random_range(0..10) {
            0..=5 => {
                relations = self.partition_equals();
                whole_key = true;
            }
            6 => {
                let last = self.partition.len() - 1;
                relations = self.partition_equals();
                // The last component gets another value, bound behind those that are there.
                let (column, other) = (self.partition[last].clone(), relations.pop().unwrap_or_default());
                let first = other.split_once(" = ").map_or("?", |(_, value)| value).to_owned();
                let second = self.value(&column.kind, false);
                relations.push(format!("{} IN ({first}, {second})", column.name));
                whole_key = true;
            }
            7 => {
                let names: Vec<&str> = self.partition.iter().map(|column| &*column.name).collect();
                let operator = if self.random.random_ratio(1, 2) { ">" } else { "<=" };
                let token =
                    format!("token({}) {operator} {}", names.join(", "), self.random.random_range(-4..4i64) << 61);
                relations.push(token);
            }
            _ => {}
        }
        if !distinct && (whole_key || self.chance(1, 4)) {
            relations.extend(self.clustering_relations(true));
        }
        let mut filtering = self.chance(1, 6);
        if self.chance(1, 4) {
            relations.push(self.filter());
            filtering = self.chance(19, 20);
        }
        let mut text = format!("SELECT {selection} FROM t");
        if !relations.is_empty() {
            text += &format!(" WHERE {}", relations.join(" AND "));
        }
        if group > 0 {
            let keys = self.partition.iter().chain(self.clustering.iter().map(|(column, _)| column));
            let keys: Vec<&str> = keys.take(group).map(|column| &*column.name).collect();
            text += &format!(" GROUP BY {}", keys.join(", "));
        }
        if whole_key && !self.clustering.is_empty() && self.chance(1, 4) {
            let (column, descending) = self.clustering[0].clone();
            let reversed = self.chance(2, 3);
            text += &format!(" ORDER BY {} {}", column.name, if descending != reversed { "DESC" } else { "ASC" });
        }
        if self.chance(1, 8) {
            text += &format!(" PER PARTITION LIMIT {}", self.random.random_range(1..4));
        }
        if self.chance(1, 5) {
            text += &format!(" LIMIT {}", self.random.random_range(1..6));
        }
        if filtering {
            text += " ALLOW FILTERING";
        }
        text
    }

    fn filter(&mut self) -> String {
        let mut columns = self.regular.clone();
        columns.extend(self.statics.clone());
        columns.extend(self.clustering.iter().map(|(column, _)| column.clone()));
        let column = self.pick(&columns).clone();
        let name = &column.name;
        match &column.kind {
            Kind::List(inner) | Kind::Set(inner) => format!("{name} CONTAINS {}", self.value(inner, false)),
            Kind::Map(key, value) => match self.random.random_range(0..3) {
                0 => format!("{name} CONTAINS {}", self.value(value, false)),
                1 => format!("{name} CONTAINS KEY {}", self.value(key, false)),
                _ => {
                    let key = self.value(key, false);
                    format!("{name}[{key}] = {}", self.value(value, false))
                }
            },
            Kind::Native("counter") => format!("{name} > {}", self.value(&Kind::Native("bigint"), false)),
            kind => {
                let operators = if kind.is_ordered() { &["=", "<", "<=", ">", ">="][..] } else { &["="] };
                let operator = *self.pick(operators);
                format!("{name} {operator} {}", self.value(kind, false))
            }
        }
    }

    fn selection(&mut self, distinct: bool, grouped: bool) -> String {
        let mut names: Vec<String> = self.partition.iter().map(|column| column.name.clone()).collect();
        if distinct {
            names.extend(self.statics.iter().map(|column| column.name.clone()));
            return format!("DISTINCT {}", names.join(", "));
        }
        names.extend(self.clustering.iter().map(|(column, _)| column.name.clone()));
        let others: Vec<Column> = self.statics.iter().chain(&self.regular).cloned().collect();
        if grouped || self.chance(1, 8) {
            let column = self.pick(&others).clone();
            let mut aggregates = vec!["count(*)".to_owned(), format!("count({})", column.name)];
            if matches!(
                column.kind,
                Kind::Native("int" | "bigint" | "smallint" | "varint" | "decimal" | "double" | "float")
            ) {
                aggregates.push(format!("sum({0}), avg({0})", column.name));
            }
            if matches!(column.kind, Kind::Native(name) if name != "duration" && name != "counter") {
                aggregates.push(format!("min({0}), max({0})", column.name));
            }
            let aggregate = self.pick(&aggregates).clone();
            return if grouped { format!("{}, {aggregate}", names.join(", ")) } else { aggregate };
        }
        if self.chance(1, 2) {
            return "*".to_owned();
        }
        for column in &others {
            match self.random.random_range(0..4) {
                0 | 1 => names.push(column.name.clone()),
                2 if self.time != Time::Server && !self.counters && !column.kind.is_multi_cell() => {
                    names.push(format!("writetime({})", column.name));
                }
                3 if self.time == Time::Request && !column.kind.is_multi_cell() => {
                    names.push(format!("ttl({})", column.name))
                }
                _ => {}
            }
        }
        let partition: Vec<&str> = self.partition.iter().map(|column| &*column.name).collect();
        if self.random.random_ratio(1, 6) {
            names.push(format!("token({})", partition.join(", ")));
        }
        names.join(", ")
    }
}
