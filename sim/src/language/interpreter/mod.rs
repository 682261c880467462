//! A reference interpreter of CQL, as naive as can be: a partition is the list of everything that was ever written to it, and what a
//! read shows is worked out from that list each time. It evaluates programs as data, never text, and shares nothing with the
//! node but the hash that makes tokens; where both agree, two ways to the answer agree.
//!
//! What it knows: INSERT, UPDATE and DELETE of every kind with timestamps and times to live, cells of collections and user types,
//! static columns, counters, batches, conditions; SELECT with all its clauses. Pages do not exist for it: those of a server,
//! one behind the other, must make up its answer. What it refuses is `Answer::Refused`, whatever a server's wording.
//!
//! What it does not know is an error (`Outside`), never an answer: the generator does not make such statements for worlds in which
//! this is the judge (`Wanted::interpreted`).

mod aggregate;
mod conditions;
mod facts;
mod reads;
mod restrictions;
mod writes;

use super::kind::Kind;
use super::program::{Request, Statement, Table};
use super::value::Term;
use facts::Facts;

/// Microseconds from one statement to the next, where servers give the timestamps.
const TICK: i64 = 1_000;

/// Where the clock of server timestamps begins; above every timestamp that statements give.
const EPOCH: i64 = 1_700_000_000_000_000;

/// The values of a key's columns.
pub type Key = Vec<Vec<u8>>;

/// A row of an answer.
pub type Row = Vec<Option<Vec<u8>>>;

/// What a server must answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done, and nothing to show.
    Done,
    /// These rows, in this order.
    Rows(Vec<Row>),
    /// The request is invalid, for this reason.
    Refused(String),
}

impl Answer {
    /// Whether a server's answer is this one; the wording of refusals does not count.
    #[must_use]
    pub fn is(&self, other: &Answer) -> bool {
        matches!((self, other), (Answer::Refused(_), Answer::Refused(_))) || self == other
    }
}

/// The interpreter does not know what this means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the interpreter does not know {0}")]
pub struct Outside(pub &'static str);

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Failure {
    #[error("refused: {0}")]
    Refused(&'static str),
    #[error(transparent)]
    Outside(#[from] Outside),
}

fn refused<T>(why: &'static str) -> Result<T, Failure> {
    Err(Failure::Refused(why))
}

/// A table and everything that was written to it.
#[derive(Clone, Debug)]
pub struct Interpreter {
    table: Table,
    facts: Facts,
    /// The next server timestamp.
    clock: i64,
    /// Elements appended to lists, or put in front of them, so far.
    elements: i64,
}

/// A value that a statement gives.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Bytes(Vec<u8>),
    Null,
    Unset,
}

impl Given {
    fn of(term: &Term, kind: &Kind) -> Given {
        match term {
            Term::Value(value) => Given::Bytes(value.bytes(kind)),
            Term::Empty => Given::Bytes(Vec::new()),
            Term::Null => Given::Null,
            Term::Unset => Given::Unset,
        }
    }
}

/// The partitions that a statement names; none: it may see them all.
#[must_use]
pub fn partitions(table: &Table, statement: &Statement) -> Option<Vec<Key>> {
    use super::program::{Operator, Relation};
    match statement {
        Statement::Insert(insert) => {
            let equal = |(name, term): &(String, Term)| Relation::Compare(name.clone(), Operator::Equal, term.clone());
            let relations: Vec<Relation> = insert.values.iter().map(equal).collect();
            restrictions::partition_keys(table, &relations)
        }
        Statement::Update(update) => restrictions::partition_keys(table, &update.relations),
        Statement::Delete(delete) => restrictions::partition_keys(table, &delete.relations),
        Statement::Select(select) => restrictions::partition_keys(table, &select.relations),
        Statement::Batch(batch) => {
            let parts: Option<Vec<Vec<Key>>> = batch.parts.iter().map(|part| partitions(table, part)).collect();
            parts.map(|parts| parts.concat())
        }
    }
}

impl Interpreter {
    /// An empty table.
    #[must_use]
    pub fn new(table: Table) -> Interpreter {
        Interpreter { table, facts: Facts::default(), clock: EPOCH, elements: 0 }
    }

    /// What a server must answer to this request.
    ///
    /// # Errors
    /// When the request is outside of what the interpreter knows.
    pub fn answer(&mut self, request: &Request) -> Result<Answer, Outside> {
        self.clock += TICK;
        let second = i64::from(request.now.unwrap_or(0));
        let answer = match &request.statement {
            Statement::Select(select) => self.select(select, request.page.is_some(), second).map(Answer::Rows),
            statement => self.write(statement, second),
        };
        match answer {
            Ok(answer) => Ok(answer),
            Err(Failure::Refused(why)) => Ok(Answer::Refused(why.to_owned())),
            Err(Failure::Outside(outside)) => Err(outside),
        }
    }

    fn kind(&self, name: &str) -> Result<&Kind, Failure> {
        self.table
            .column(name)
            .map(|column| &column.kind)
            .ok_or(Failure::Outside(Outside("a column that is not there")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::generate::{Wanted, generate};
    use crate::language::kind::Native;
    use crate::language::program::{Column, Delete, Insert, Operator, Relation, Select, Using};
    use crate::language::value::Value;

    /// A table `(p int, c int, v int, PRIMARY KEY (p, c))`.
    fn interpreter() -> Interpreter {
        let column = |name: &str| Column { name: name.to_owned(), kind: Kind::Native(Native::Int) };
        Interpreter::new(Table {
            name: "t".to_owned(),
            partition: vec![column("p")],
            clustering: vec![(column("c"), false)],
            statics: Vec::new(),
            regular: vec![column("v")],
        })
    }

    fn int(number: i64) -> Term {
        Term::Value(Value::number(Native::Int, number))
    }

    fn ask(interpreter: &mut Interpreter, statement: Statement) -> Answer {
        let request = Request { statement, binds: false, page: None, now: None };
        interpreter.answer(&request).expect("it is known")
    }

    fn insert(interpreter: &mut Interpreter, row: i64, value: i64, timestamp: i64) {
        let values = [("p", 1), ("c", row), ("v", value)].map(|(name, number)| (name.to_owned(), int(number))).to_vec();
        let using = Using { timestamp: Some(timestamp), ttl: None };
        let insert = Statement::Insert(Insert { values, if_not_exists: false, using });
        assert_eq!(ask(interpreter, insert), Answer::Done);
    }

    /// Values of `c` and `v`.
    fn rows(interpreter: &mut Interpreter) -> Vec<(Option<i128>, Option<i128>)> {
        let number = |cell: &Option<Vec<u8>>| cell.as_ref().map(|bytes| crate::language::order::whole(bytes));
        match ask(interpreter, Statement::Select(Select::everything())) {
            Answer::Rows(rows) => rows.iter().map(|row| (number(&row[1]), number(&row[2]))).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_larger_of_two_values_of_one_time_stays() {
        for (first, second) in [(7, 3), (3, 7)] {
            let mut interpreter = interpreter();
            insert(&mut interpreter, 1, first, 5);
            insert(&mut interpreter, 1, second, 5);
            insert(&mut interpreter, 1, 9, 4);
            assert_eq!(rows(&mut interpreter), [(Some(1), Some(7))]);
        }
    }

    #[test]
    fn a_range_is_deleted_up_to_its_bound_and_its_time() {
        let mut interpreter = interpreter();
        for row in 1..=4 {
            insert(&mut interpreter, row, row, if row == 3 { 6 } else { 5 });
        }
        let relations = vec![
            Relation::Compare("p".to_owned(), Operator::Equal, int(1)),
            Relation::Compare("c".to_owned(), Operator::GreaterOrEqual, int(2)),
            Relation::Compare("c".to_owned(), Operator::Less, int(4)),
        ];
        let using = Using { timestamp: Some(5), ttl: None };
        let delete = Statement::Delete(Delete { targets: Vec::new(), using, relations, condition: None });
        assert_eq!(ask(&mut interpreter, delete), Answer::Done);
        assert_eq!(
            rows(&mut interpreter),
            [1, 3, 4].map(|row| (Some(row), Some(row))),
            "the newer row and the bound stay"
        );
    }

    #[test]
    fn everything_that_is_generated_for_the_interpreter_is_known_to_it() {
        let wanted = Wanted { requests: 60, request_time: false, interpreted: true };
        let mut answered = [0; 3];
        for seed in 0..200 {
            let program = generate(seed, "t", wanted);
            let mut interpreter = Interpreter::new(program.table.clone());
            for request in &program.requests {
                match interpreter.answer(request) {
                    Ok(Answer::Done) => answered[0] += 1,
                    Ok(Answer::Rows(rows)) => answered[1] += usize::from(!rows.is_empty()),
                    Ok(Answer::Refused(_)) => answered[2] += 1,
                    Err(outside) => panic!("seed {seed}: {outside}: {}", program.table.print(request).text),
                }
            }
        }
        assert!(answered.iter().all(|times| *times > 500), "every kind of answer is common: {answered:?}");
    }
}
