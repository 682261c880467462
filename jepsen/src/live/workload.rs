//! What the clients do: registers, conditional updates, appends, sets and batches, as CQL, recorded as operations.
//!
//! Every written value is unique in its run, so that checkers can tell writes apart. Keys are used a few hundred times by a few
//! clients and then left, so that searches stay short and lists small. An error after which the write may still happen is
//! `Unknown`; only answers that by the protocol mean "not attempted" are `Fail`.

use crate::history::{Action, Operation, Outcome};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use scylla::client::session::Session;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::response::query_result::QueryRowsResult;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Rows that each batch writes.
const BATCH_ROWS: u64 = 4;

/// Rows on a page of a set's scan: few, so that scans span pages.
const PAGE_ROWS: i32 = 7;

/// Keys in use at one time.
const KEYS_AT_ONCE: u64 = 4;

/// What the clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// Blind writes and reads of one value at a quorum, reads with their writetime.
    Register,
    /// Conditional updates and serial reads.
    Cas,
    /// Appends to a list and reads of all of it.
    Append,
    /// Rows added to a partition, and scans of it in small pages.
    Set,
    /// Batches over rows of one partition, and reads of all of them.
    Batch,
}

impl Workload {
    /// The statements that make its table anew.
    #[must_use]
    pub fn table(self) -> [String; 2] {
        let (name, columns) = match self {
            Workload::Register | Workload::Cas => ("register", "key bigint PRIMARY KEY, value bigint"),
            Workload::Append => ("list", "key bigint PRIMARY KEY, elements list<bigint>"),
            Workload::Set => ("elements", "key bigint, value bigint, PRIMARY KEY (key, value)"),
            Workload::Batch => ("rows", "key bigint, row bigint, value bigint, PRIMARY KEY (key, row)"),
        };
        [format!("DROP TABLE IF EXISTS jepsen.{name}"), format!("CREATE TABLE jepsen.{name} ({columns})")]
    }

    /// Operations on a key before it is left alone.
    fn operations_per_key(self) -> u64 {
        match self {
            Workload::Register | Workload::Cas => 400,
            Workload::Append | Workload::Set | Workload::Batch => 120,
        }
    }

    fn read(self) -> &'static str {
        match self {
            Workload::Register => "SELECT value, writetime(value) FROM jepsen.register WHERE key = ?",
            Workload::Cas => "SELECT value FROM jepsen.register WHERE key = ?",
            Workload::Append => "SELECT elements FROM jepsen.list WHERE key = ?",
            Workload::Set => "SELECT value FROM jepsen.elements WHERE key = ?",
            Workload::Batch => "SELECT row, value FROM jepsen.rows WHERE key = ?",
        }
    }

    fn write(self) -> &'static str {
        match self {
            Workload::Register => "INSERT INTO jepsen.register (key, value) VALUES (?, ?)",
            Workload::Cas => "UPDATE jepsen.register SET value = ? WHERE key = ? IF value = ?",
            Workload::Append => "UPDATE jepsen.list SET elements = elements + ? WHERE key = ?",
            Workload::Set => "INSERT INTO jepsen.elements (key, value) VALUES (?, ?)",
            Workload::Batch => "INSERT INTO jepsen.rows (key, row, value) VALUES (?, ?, ?)",
        }
    }
}

/// The statements of a workload, prepared once.
pub struct Statements {
    read: PreparedStatement,
    write: PreparedStatement,
    create: Option<PreparedStatement>,
    batch: Batch,
}

impl Statements {
    /// Prepare them.
    ///
    /// # Errors
    /// The driver's.
    pub async fn prepare(session: &Session, workload: Workload) -> Result<Statements, Box<dyn std::error::Error>> {
        let mut read = session.prepare(workload.read()).await?;
        read.set_consistency(if workload == Workload::Cas { Consistency::Serial } else { Consistency::LocalQuorum });
        read.set_page_size(if workload == Workload::Set { PAGE_ROWS } else { 5_000 });
        let mut write = session.prepare(workload.write()).await?;
        write.set_consistency(Consistency::LocalQuorum);
        write.set_serial_consistency(Some(SerialConsistency::Serial));
        let create = match workload {
            Workload::Cas => {
                let text = "INSERT INTO jepsen.register (key, value) VALUES (?, ?) IF NOT EXISTS";
                let mut create = session.prepare(text).await?;
                create.set_consistency(Consistency::LocalQuorum);
                Some(create)
            }
            _ => None,
        };
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_consistency(Consistency::LocalQuorum);
        for _ in 0..BATCH_ROWS {
            batch.append_statement(write.clone());
        }
        Ok(Statements { read, write, create, batch })
    }
}

/// What all clients of a run share: the clock, the history, and numbers that are given once.
#[derive(Debug)]
pub struct Recorder {
    start: Instant,
    operations: Mutex<Vec<Operation>>,
    value: AtomicI64,
    process: AtomicU64,
    turn: AtomicU64,
    errors: Mutex<BTreeMap<String, u64>>,
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder {
            start: Instant::now(),
            operations: Mutex::default(),
            value: AtomicI64::new(1),
            process: AtomicU64::new(0),
            turn: AtomicU64::new(0),
            errors: Mutex::default(),
        }
    }
}

impl Recorder {
    /// Nanoseconds since the run began.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The number of a new process.
    pub fn new_process(&self) -> u64 {
        self.process.fetch_add(1, Ordering::Relaxed)
    }

    /// All keys that have been used.
    pub fn keys(&self) -> Vec<u64> {
        let operations = self.operations.lock().expect("no recorder panics");
        let keys: std::collections::BTreeSet<u64> = operations.iter().map(|operation| operation.key).collect();
        keys.into_iter().collect()
    }

    /// The history; afterwards it is empty.
    pub fn take(&self) -> Vec<Operation> {
        std::mem::take(&mut *self.operations.lock().expect("no recorder panics"))
    }

    /// How often each kind of error was met.
    pub fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.lock().expect("no recorder panics").clone()
    }

    fn record(&self, operation: Operation) {
        if !operation.note.is_empty() {
            *self.errors.lock().expect("no recorder panics").entry(operation.note.clone()).or_default() += 1;
        }
        self.operations.lock().expect("no recorder panics").push(operation);
    }
}

/// An error and what it means for a write.
struct Failure {
    outcome: Outcome,
    kind: String,
}

impl From<ExecutionError> for Failure {
    fn from(error: ExecutionError) -> Failure {
        let outcome = match &error {
            ExecutionError::EmptyPlan | ExecutionError::ConnectionPoolError(_) | ExecutionError::BadQuery(_) => {
                Outcome::Fail
            }
            ExecutionError::LastAttemptError(RequestAttemptError::DbError(reason, _)) => match reason {
                DbError::Unavailable { .. } | DbError::Overloaded | DbError::IsBootstrapping => Outcome::Fail,
                DbError::SyntaxError | DbError::Invalid | DbError::Unauthorized => Outcome::Fail,
                _ => Outcome::Unknown,
            },
            _ => Outcome::Unknown,
        };
        let kind = match error {
            ExecutionError::LastAttemptError(RequestAttemptError::DbError(reason, text)) => match reason {
                DbError::Invalid | DbError::SyntaxError | DbError::ServerError => format!("{reason}: {text}"),
                DbError::WriteTimeout { write_type, .. } => format!("write timeout {write_type:?}"),
                DbError::ReadTimeout { .. } => "read timeout".to_owned(),
                DbError::Unavailable { .. } => "unavailable".to_owned(),
                other => other.to_string(),
            },
            ExecutionError::LastAttemptError(RequestAttemptError::BrokenConnectionError(_)) => {
                "broken connection".to_owned()
            }
            ExecutionError::ConnectionPoolError(_) => "no connection".to_owned(),
            ExecutionError::RequestTimeout(_) => "client timeout".to_owned(),
            other => other.to_string(),
        };
        Failure { outcome, kind }
    }
}

/// An answer that the client cannot make sense of is as good as none.
fn nonsense(error: impl std::fmt::Display) -> Failure {
    Failure { outcome: Outcome::Unknown, kind: format!("answer not understood: {error}") }
}

/// One sequential client.
pub struct Client<'a> {
    /// What it does.
    pub workload: Workload,
    /// Its connections.
    pub session: &'a Session,
    /// Its statements.
    pub statements: &'a Statements,
    /// Where it writes everything down.
    pub recorder: &'a Recorder,
    /// Its choices.
    pub rng: ChaCha8Rng,
    process: u64,
    /// What it saw last in a register: what it will expect.
    seen: BTreeMap<u64, Option<i64>>,
}

impl<'a> Client<'a> {
    /// A client that has done nothing yet.
    #[must_use]
    pub fn new(
        workload: Workload,
        session: &'a Session,
        statements: &'a Statements,
        recorder: &'a Recorder,
        rng: ChaCha8Rng,
    ) -> Client<'a> {
        let process = recorder.new_process();
        Client { workload, session, statements, recorder, rng, process, seen: BTreeMap::new() }
    }

    /// One operation of the workload's mix on a key of the moment.
    pub async fn step(&mut self) {
        let turn = self.recorder.turn.fetch_add(1, Ordering::Relaxed);
        let generation = turn / (KEYS_AT_ONCE * self.workload.operations_per_key());
        let key = generation * KEYS_AT_ONCE + self.rng.random_range(0..KEYS_AT_ONCE);
        let reads_in_ten = match self.workload {
            Workload::Register | Workload::Batch => 5,
            Workload::Cas => 3,
            Workload::Append | Workload::Set => 2,
        };
        if self.rng.random_range(0..10) < reads_in_ten {
            self.read(key).await;
        } else {
            self.write(key).await;
        }
    }

    /// Read a key and write down what was seen. Whether it could be read.
    pub async fn read(&mut self, key: u64) -> bool {
        let invoke = self.recorder.now();
        let result = self.seen_now(key).await;
        let complete = self.recorder.now();
        let ok = result.is_ok();
        let (action, version, failure) = match result {
            Ok((action, version)) => (action, version, None),
            // A read that failed says nothing, whatever the reason.
            Err(failure) => (Action::Read { value: None }, None, Some(failure.kind)),
        };
        if let Action::Read { value } = &action
            && ok
        {
            self.seen.insert(key, *value);
        }
        self.recorder.record(Operation {
            process: self.process,
            key,
            action,
            invoke,
            complete,
            outcome: if ok { Outcome::Ok } else { Outcome::Fail },
            version,
            note: failure.unwrap_or_default(),
        });
        ok
    }

    async fn seen_now(&self, key: u64) -> Result<(Action, Option<i64>), Failure> {
        let read = &self.statements.read;
        let cql_key = key as i64;
        if self.workload == Workload::Set {
            return Ok((Action::ReadSet { values: self.scan(cql_key).await? }, None));
        }
        let rows = self.rows(read, (cql_key,)).await?;
        match self.workload {
            Workload::Register => {
                let row = rows.maybe_first_row::<(Option<i64>, Option<i64>)>().map_err(nonsense)?;
                let (value, version) = row.unwrap_or((None, None));
                Ok((Action::Read { value }, version))
            }
            Workload::Cas => {
                let row = rows.maybe_first_row::<(Option<i64>,)>().map_err(nonsense)?;
                Ok((Action::Read { value: row.and_then(|(value,)| value) }, None))
            }
            Workload::Append => {
                let row = rows.maybe_first_row::<(Option<Vec<i64>>,)>().map_err(nonsense)?;
                Ok((Action::ReadList { values: row.and_then(|(values,)| values).unwrap_or_default() }, None))
            }
            Workload::Batch | Workload::Set => {
                let rows: Result<Vec<(i64, i64)>, _> = rows.rows::<(i64, i64)>().map_err(nonsense)?.collect();
                let rows = rows.map_err(nonsense)?.into_iter().map(|(row, value)| (row as u64, value)).collect();
                Ok((Action::ReadRows { rows }, None))
            }
        }
    }

    async fn rows(&self, statement: &PreparedStatement, values: impl SerializeRow) -> Result<QueryRowsResult, Failure> {
        self.session.execute_unpaged(statement, values).await?.into_rows_result().map_err(nonsense)
    }

    async fn scan(&self, key: i64) -> Result<Vec<i64>, Failure> {
        let mut values = Vec::new();
        let mut page = PagingState::start();
        loop {
            let (result, next): (_, PagingStateResponse) =
                self.session.execute_single_page(&self.statements.read, (key,), page).await?;
            let rows = result.into_rows_result().map_err(nonsense)?;
            for row in rows.rows::<(i64,)>().map_err(nonsense)? {
                values.push(row.map_err(nonsense)?.0);
            }
            match next.into_paging_control_flow() {
                ControlFlow::Break(()) => return Ok(values),
                ControlFlow::Continue(state) => page = state,
            }
        }
    }

    async fn write(&mut self, key: u64) {
        let value = self.recorder.value.fetch_add(1, Ordering::Relaxed);
        let mut action = match self.workload {
            Workload::Register => Action::Write { value: Some(value) },
            Workload::Cas => {
                let expected = self.seen.get(&key).copied().flatten();
                Action::Cas { expected, value: Some(value), applied: false, seen: None }
            }
            Workload::Append => Action::Append { value },
            Workload::Set => Action::Add { value },
            Workload::Batch => Action::Batch { writes: (0..BATCH_ROWS).map(|row| (row, value)).collect() },
        };
        let invoke = self.recorder.now();
        let result = self.execute_write(key as i64, value, &mut action).await;
        let complete = self.recorder.now();
        let (outcome, note) = match result {
            Ok(()) => (Outcome::Ok, String::new()),
            Err(failure) => (failure.outcome, failure.kind),
        };
        if let (Action::Cas { value, applied, seen, .. }, Outcome::Ok) = (&action, outcome) {
            self.seen.insert(key, if *applied { *value } else { seen.flatten() });
        }
        let process = self.process;
        self.recorder.record(Operation { process, key, action, invoke, complete, outcome, version: None, note });
        if outcome == Outcome::Unknown {
            // The old process is still busy, for all anybody knows.
            self.process = self.recorder.new_process();
        }
    }

    async fn execute_write(&self, key: i64, value: i64, action: &mut Action) -> Result<(), Failure> {
        let write = &self.statements.write;
        match (self.workload, action) {
            (Workload::Register | Workload::Set, _) => {
                self.session.execute_unpaged(write, (key, value)).await?;
            }
            (Workload::Append, _) => {
                self.session.execute_unpaged(write, (vec![value], key)).await?;
            }
            (Workload::Batch, _) => {
                let values: Vec<(i64, i64, i64)> = (0..BATCH_ROWS).map(|row| (key, row as i64, value)).collect();
                self.session.batch(&self.statements.batch, values).await?;
            }
            (Workload::Cas, Action::Cas { expected, applied, seen, .. }) => {
                let result = match (&*expected, &self.statements.create) {
                    (None, Some(create)) => self.session.execute_unpaged(create, (key, value)).await?,
                    _ => self.session.execute_unpaged(write, (value, key, *expected)).await?,
                };
                let rows = result.into_rows_result().map_err(nonsense)?;
                (*applied, *seen) = conditional_answer(&rows)?;
            }
            (Workload::Cas, _) => {}
        }
        Ok(())
    }
}

/// The answer to a conditional write: `[applied]`, and the row as it was when that is false.
fn conditional_answer(rows: &QueryRowsResult) -> Result<(bool, Option<Option<i64>>), Failure> {
    let columns: Vec<String> = rows.column_specs().iter().map(|column| column.name().to_owned()).collect();
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["[applied]"] => {
            let (applied,) = rows.first_row::<(bool,)>().map_err(nonsense)?;
            Ok((applied, (!applied).then_some(None)))
        }
        ["[applied]", "value"] => {
            let (applied, value) = rows.first_row::<(bool, Option<i64>)>().map_err(nonsense)?;
            Ok((applied, (!applied).then_some(value)))
        }
        ["[applied]", "key", "value"] => {
            let (applied, _, value) = rows.first_row::<(bool, Option<i64>, Option<i64>)>().map_err(nonsense)?;
            Ok((applied, (!applied).then_some(value)))
        }
        other => Err(nonsense(format!("columns {other:?}"))),
    }
}

/// How long a driver waits for an answer: longer than the server's own deadline, so that its error arrives first.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(7);
