//! The generator: a seed becomes a program. Types and values come from small domains, statements from everything that the table
//! allows, with some that are refused. A seed gives the same program as long as the generator stays as it is; what it finds
//! is kept as a file, not as a seed.

mod reads;
mod types;
mod writes;

use super::kind::{Kind, Native};
use super::program::{Column, Operator, Program, Relation, Request, Statement, Table};
use super::value::{Term, Value};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What kind of program is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How many requests.
    pub requests: usize,
    /// Whether requests may say which second it is.
    pub request_time: bool,
    /// Only what the interpreter knows.
    pub interpreted: bool,
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
    /// Times to live given so far.
    lives: i32,
    interpreted: bool,
    counters: bool,
    table: Table,
    /// Values are bound instead of written.
    binds: bool,
    /// Partition keys and clustering keys used so far: most statements meet what others wrote.
    partitions: Vec<Vec<Value>>,
    rows: Vec<Vec<Value>>,
}

/// The program of a seed, on a table of this name.
#[must_use]
pub fn generate(seed: u64, name: &str, wanted: Wanted) -> Program {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let counters = random.random_ratio(1, 12);
    let time = match random.random_range(0..3) {
        _ if counters => Time::Server,
        0 => Time::Server,
        1 if wanted.request_time => Time::Request,
        _ => Time::Statement,
    };
    let table = table(&mut random, name, counters);
    let mut generator = Generator {
        random,
        time,
        second: 1_700_000_000,
        lives: 0,
        interpreted: wanted.interpreted,
        counters,
        table,
        binds: false,
        partitions: Vec::new(),
        rows: Vec::new(),
    };
    let requests = (0..wanted.requests).map(|_| generator.request()).collect();
    Program { table: generator.table, requests }
}

fn table(random: &mut ChaCha8Rng, name: &str, counters: bool) -> Table {
    let column = |name: String, kind: Kind| Column { name, kind };
    let partition = (0..random.random_range(1..3)).map(|n| column(format!("p{n}"), types::of_key(random))).collect();
    let clustering: Vec<(Column, bool)> = (0..random.random_range(0..4))
        .map(|n| (column(format!("c{n}"), types::of_key(random)), random.random_ratio(1, 3)))
        .collect();
    let value = |random: &mut ChaCha8Rng| {
        if counters { Kind::Native(Native::Counter) } else { types::of_value(random) }
    };
    let statics = if clustering.is_empty() { 0 } else { random.random_range(0..3) };
    let statics = (0..statics).map(|n| column(format!("s{n}"), value(random))).collect();
    let regular = (0..random.random_range(1..4)).map(|n| column(format!("v{n}"), value(random))).collect();
    Table { name: name.to_owned(), partition, clustering, statics, regular }
}

impl Generator {
    fn chance(&mut self, one: u32, of: u32) -> bool {
        self.random.random_ratio(one, of)
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices.choose(&mut self.random).expect("never empty").clone()
    }

    fn request(&mut self) -> Request {
        self.binds = self.chance(1, 3);
        let mut statement = match self.random.random_range(0..20) {
            0..=2 => self.insert(true),
            3..=6 => self.update(true),
            // A counter that was deleted and is counted again is undefined in Cassandra.
            7..=8 if !self.counters => self.delete(true),
            9 => self.batch(),
            _ => Statement::Select(self.select()),
        };
        let reads = matches!(statement, Statement::Select(_));
        let page = (reads && self.chance(1, 3)).then(|| self.random.random_range(1..5));
        let page = page.filter(|_| !self.interpreted || !self.is_merged(&statement));
        if self.interpreted {
            self.keep_slices_from_empty_keys(&mut statement);
        }
        let now = (self.time == Time::Request).then(|| {
            self.second += self.random.random_range(0..3);
            self.second
        });
        Request { statement, binds: self.binds, page, now }
    }

    /// Whether partitions are sorted into one another. Pages of that are refused, but not where nothing can be found, which the
    /// interpreter does not tell from finding nothing.
    fn is_merged(&self, statement: &Statement) -> bool {
        let Statement::Select(select) = statement else { return false };
        let is_key = |name: &String| self.table.partition.iter().any(|column| column.name == *name);
        select.order_by.is_some()
            && select.relations.iter().any(|relation| matches!(relation, Relation::In(name, _) if is_key(name)))
    }

    /// An empty partition key is refused, but not with a slice in which no row can be: the same again.
    fn keep_slices_from_empty_keys(&self, statement: &mut Statement) {
        let Statement::Select(select) = statement else { return };
        let is_empty = |name: &String, term: &Term| {
            let column = self.table.partition.iter().find(|column| column.name == *name);
            column.is_some_and(|column| !matches!(term, Term::Value(value) if !value.bytes(&column.kind).is_empty()))
        };
        let empty = select.relations.iter().any(|relation| match relation {
            Relation::Compare(name, _, term) => is_empty(name, term),
            Relation::In(name, terms) => terms.iter().any(|term| is_empty(name, term)),
            _ => false,
        });
        if empty {
            let slices = |relation: &Relation| match relation {
                Relation::Compare(_, operator, _) => *operator != Operator::Equal,
                Relation::Columns(..) => true,
                _ => false,
            };
            select.relations.retain(|relation| !slices(relation));
        }
    }

    /// A value that must be there.
    fn value(&mut self, kind: &Kind) -> Term {
        Term::Value(Value::of(kind, &mut self.random))
    }

    /// A value, or none.
    fn optional(&mut self, kind: &Kind) -> Term {
        let value = self.value(kind);
        if self.binds && self.chance(1, 20) {
            return Term::Unset;
        }
        if self.binds && kind.may_be_empty() && self.chance(1, 20) {
            return Term::Empty;
        }
        if self.chance(1, 12) { Term::Null } else { value }
    }

    /// Values of the partition key, each with its column's name.
    fn partition_key(&mut self) -> Vec<(String, Term)> {
        let columns = self.table.partition.clone();
        let key = if self.chance(3, 4) { self.partitions.choose(&mut self.random).cloned() } else { None };
        let key =
            key.unwrap_or_else(|| columns.iter().map(|column| Value::of(&column.kind, &mut self.random)).collect());
        // An empty key is refused: once is enough.
        let is_empty = columns.len() == 1 && key[0].bytes(&columns[0].kind).is_empty();
        if !is_empty && !self.partitions.contains(&key) {
            self.partitions.push(key.clone());
        }
        columns.into_iter().map(|column| column.name).zip(key.into_iter().map(Term::Value)).collect()
    }

    /// Values of the clustering columns, each with its column's name.
    fn clustering_key(&mut self) -> Vec<(String, Term)> {
        let columns: Vec<Column> = self.table.clustering.iter().map(|(column, _)| column.clone()).collect();
        let key = if self.chance(1, 2) { self.rows.choose(&mut self.random).cloned() } else { None };
        let key =
            key.unwrap_or_else(|| columns.iter().map(|column| Value::of(&column.kind, &mut self.random)).collect());
        if !self.rows.contains(&key) {
            self.rows.push(key.clone());
        }
        columns.into_iter().map(|column| column.name).zip(key.into_iter().map(Term::Value)).collect()
    }

    fn partition_equals(&mut self) -> Vec<Relation> {
        equals(self.partition_key())
    }

    /// Equality of the first so many clustering columns.
    fn clustering_equals(&mut self, count: usize) -> Vec<Relation> {
        let mut key = self.clustering_key();
        key.truncate(count);
        equals(key)
    }

    /// A prefix by equality, then perhaps a slice or IN.
    fn clustering_relations(&mut self, reads: bool) -> Vec<Relation> {
        let clustering: Vec<Column> = self.table.clustering.iter().map(|(column, _)| column.clone()).collect();
        let count = self.random.random_range(0..=clustering.len());
        let mut relations = self.clustering_equals(count);
        let Some(Column { name, kind }) = clustering.get(count).cloned() else { return relations };
        match self.random.random_range(0..6) {
            0 => {
                let values = vec![self.value(&kind), self.value(&kind)];
                relations.push(Relation::In(name, values));
            }
            1 | 2 => {
                let operator = self.slice();
                relations.push(Relation::Compare(name.clone(), operator, self.value(&kind)));
                if self.chance(1, 3) {
                    let operator = self.slice();
                    relations.push(Relation::Compare(name, operator, self.value(&kind)));
                }
            }
            3 if reads && count + 1 < clustering.len() => {
                let rest = &clustering[count..];
                let names = rest.iter().map(|column| column.name.clone()).collect();
                let operator = if self.chance(1, 5) { Operator::Equal } else { self.slice() };
                let values = rest.iter().map(|column| self.value(&column.kind)).collect();
                relations.push(Relation::Columns(names, operator, values));
            }
            _ => {}
        }
        relations
    }

    fn slice(&mut self) -> Operator {
        self.pick(&[Operator::Less, Operator::LessOrEqual, Operator::Greater, Operator::GreaterOrEqual])
    }
}

fn equals(key: Vec<(String, Term)>) -> Vec<Relation> {
    key.into_iter().map(|(name, term)| Relation::Compare(name, Operator::Equal, term)).collect()
}

/// An index of a list.
fn number(index: i64) -> Term {
    Term::Value(Value::number(Native::Int, index))
}
