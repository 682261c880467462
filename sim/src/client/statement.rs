//! How an operation becomes CQL, and how its answer is read. The tables of the workload are defined here too.

use super::history::Seen;
use crate::language::program::{Request, Table};
use crate::plan::Plan;
use crate::plan::program::{Half, Operation};
use bytes::Bytes;
use trefoil_cql::protocol::request::BatchKind;
use trefoil_cql::protocol::response::Rows;
use trefoil_cql::protocol::{Consistency, Value};

/// Rows that a batch writes in each of its tables.
pub const BATCH_ROWS: u32 = 3;

/// A row that every batch writes and deletes at one timestamp: the deletion wins, so nobody ever sees it.
pub const TIED_ROW: u32 = 900;

/// The row number under which the static cell of a batch's partition is written down.
pub const STATIC_ROW: u32 = 1_000;

/// One statement with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The text, with bind markers.
    pub text: String,
    /// What is bound to them.
    pub values: Vec<Value>,
}

/// How a request is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Prepared once, then executed on any node.
    Prepared(Statement),
    /// As text.
    Simple(Statement),
    /// Several prepared statements at once.
    Batch(BatchKind, Vec<Statement>),
}

/// A request for an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Texts and values.
    pub form: Form,
    /// The consistency.
    pub consistency: Consistency,
    /// Of conditions.
    pub serial: Option<Consistency>,
    /// Rows of a page.
    pub page_size: Option<i32>,
    /// Whether doing it twice may be something else than doing it once: then it is not sent again unless nothing can have happened.
    pub writes: bool,
}

/// The definitions that a workload needs, in order. They may be sent again.
#[must_use]
pub fn definitions(plan: &Plan) -> Vec<String> {
    let Plan { cluster, tables, seed, .. } = plan;
    let keyspace = format!(
        "CREATE KEYSPACE IF NOT EXISTS sim WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc1': {}}}",
        cluster.zones
    );
    if !tables.is_empty() {
        let definitions = tables.iter().map(Table::definition);
        let definitions = std::iter::once(Table::type_definition("sim.u")).chain(definitions);
        let again = |text: String| match text
            .split_once(' ')
            .and_then(|(create, rest)| Some((create, rest.split_once(' ')?)))
        {
            Some((create, (what, rest))) => format!("{create} {what} IF NOT EXISTS {rest}"),
            None => text,
        };
        return std::iter::once(keyspace).chain(definitions.map(again)).collect();
    }
    let order = if rows_descend(*seed) { " WITH CLUSTERING ORDER BY (c DESC)" } else { "" };
    let table = |text: &str| format!("CREATE TABLE IF NOT EXISTS sim.{text}");
    let mut definitions = vec![
        keyspace,
        table("registers (k int PRIMARY KEY, v int, filler blob)"),
        table("cas (k int PRIMARY KEY, v int)"),
        table("collections (k int PRIMARY KEY, l list<int>, s set<int>)"),
        table(&format!("rows (p int, c int, v int, filler blob, PRIMARY KEY (p, c)){order}")),
        table("batch_left (p int, c int, v int, st int static, PRIMARY KEY (p, c))"),
        table("batch_right (p int, c int, v int, PRIMARY KEY (p, c))"),
        table("spread (p int, c int, l list<int>, PRIMARY KEY (p, c))"),
        table("expiring (k int PRIMARY KEY, v int)"),
    ];
    // Not for all, because it came later: what a seed did before it does still.
    let mut operations = plan.clients.iter().flat_map(|client| client.lanes.iter().flatten());
    if operations.any(|step| matches!(step.operation, Operation::CounterAdd { .. } | Operation::CounterRead { .. })) {
        definitions.push(table("counters (k int PRIMARY KEY, n counter, m counter)"));
    }
    definitions
}

/// Whether the rows of the scanning work are stored in descending order.
#[must_use]
pub fn rows_descend(seed: u64) -> bool {
    seed % 3 == 1
}

fn int(number: u32) -> Value {
    Value::Set(Bytes::copy_from_slice(&(number as i32).to_be_bytes()))
}

fn blob(length: u16) -> Value {
    Value::Set(Bytes::from(vec![0xf1; usize::from(length)]))
}

/// A collection with one int.
fn one_int(number: u32) -> Value {
    let mut bytes = Vec::with_capacity(12);
    bytes.extend_from_slice(&1i32.to_be_bytes());
    bytes.extend_from_slice(&4i32.to_be_bytes());
    bytes.extend_from_slice(&(number as i32).to_be_bytes());
    Value::Set(Bytes::from(bytes))
}

fn prepared(text: impl Into<String>, values: Vec<Value>, writes: bool) -> Call {
    Call {
        form: Form::Prepared(Statement { text: text.into(), values }),
        consistency: Consistency::LocalQuorum,
        serial: None,
        page_size: None,
        writes,
    }
}

fn read(text: impl Into<String>, values: Vec<Value>) -> Call {
    prepared(text, values, false)
}

fn write(text: impl Into<String>, values: Vec<Value>) -> Call {
    prepared(text, values, true)
}

fn conditional(text: &str, values: Vec<Value>) -> Call {
    Call { serial: Some(Consistency::Serial), ..write(text, values) }
}

/// A definition as a request.
#[must_use]
pub fn definition(text: String) -> Call {
    Call { form: Form::Simple(Statement { text, values: Vec::new() }), ..write("", Vec::new()) }
}

/// The request for an operation. `expected` is what a conditional write wants to find.
#[must_use]
pub fn call(operation: &Operation, expected: Option<u32>, tables: &[Table], seed: u64) -> Call {
    let quorum = |call: Call| Call { consistency: Consistency::Quorum, ..call };
    match *operation {
        Operation::RegisterWrite { key, value, filler } => quorum(write(
            "INSERT INTO sim.registers (k, v, filler) VALUES (?, ?, ?)",
            vec![int(key), int(value), blob(filler)],
        )),
        Operation::RegisterDelete { key } => quorum(write("DELETE FROM sim.registers WHERE k = ?", vec![int(key)])),
        Operation::RegisterRead { key } => quorum(read("SELECT v FROM sim.registers WHERE k = ?", vec![int(key)])),
        Operation::RegisterReadNear { key } => {
            let call = read("SELECT v FROM sim.registers WHERE k = ?", vec![int(key)]);
            Call { consistency: Consistency::LocalOne, ..call }
        }
        Operation::CasInsert { key, value } => {
            conditional("INSERT INTO sim.cas (k, v) VALUES (?, ?) IF NOT EXISTS", vec![int(key), int(value)])
        }
        Operation::CasUpdate { key, value } => {
            let expected = expected.map_or(Value::Null, int);
            conditional("UPDATE sim.cas SET v = ? WHERE k = ? IF v = ?", vec![int(value), int(key), expected])
        }
        Operation::CasDelete { key } => {
            let expected = expected.map_or(Value::Null, int);
            conditional("DELETE FROM sim.cas WHERE k = ? IF v = ?", vec![int(key), expected])
        }
        Operation::CasRead { key } => {
            let call = read("SELECT v FROM sim.cas WHERE k = ?", vec![int(key)]);
            Call { consistency: Consistency::Serial, ..call }
        }
        Operation::ListAppend { key, value } => {
            write("UPDATE sim.collections SET l = l + ? WHERE k = ?", vec![one_int(value), int(key)])
        }
        Operation::SetAdd { key, value } => {
            write("UPDATE sim.collections SET s = s + ? WHERE k = ?", vec![one_int(value), int(key)])
        }
        Operation::CollectionRead { key } => read("SELECT l, s FROM sim.collections WHERE k = ?", vec![int(key)]),
        Operation::CounterAdd { ref counters } => counter_add(counters),
        Operation::CounterRead { key } => read("SELECT n, m FROM sim.counters WHERE k = ?", vec![int(key)]),
        Operation::RowWrite { partition, row, value, filler } => write(
            "INSERT INTO sim.rows (p, c, v, filler) VALUES (?, ?, ?, ?)",
            vec![int(partition), int(row), int(value), blob(filler)],
        ),
        Operation::RowDelete { partition, row } => {
            write("DELETE FROM sim.rows WHERE p = ? AND c = ?", vec![int(partition), int(row)])
        }
        Operation::RangeDelete { partition, from, to } => {
            write("DELETE FROM sim.rows WHERE p = ? AND c >= ? AND c < ?", vec![int(partition), int(from), int(to)])
        }
        Operation::PartitionDelete { partition } => write("DELETE FROM sim.rows WHERE p = ?", vec![int(partition)]),
        Operation::Scan { partition, page_size, reversed } => {
            let against = if reversed == rows_descend(seed) {
                ""
            } else if reversed {
                " ORDER BY c DESC"
            } else {
                " ORDER BY c ASC"
            };
            let call = read(format!("SELECT p, c, v FROM sim.rows WHERE p = ?{against}"), vec![int(partition)]);
            Call { page_size: Some(page_size as i32), ..call }
        }
        Operation::ScanAll { page_size } => {
            Call { page_size: Some(page_size as i32), ..read("SELECT p, c, v FROM sim.rows", Vec::new()) }
        }
        Operation::BatchWrite { partition, value } => batch_write(partition, value),
        Operation::BatchRead { partition, half } => {
            let text = match half {
                Half::Left => "SELECT p, c, v, st FROM sim.batch_left WHERE p = ?",
                Half::Right => "SELECT p, c, v FROM sim.batch_right WHERE p = ?",
            };
            read(text, vec![int(partition)])
        }
        Operation::SpreadWrite { ref partitions, value, logged } => spread_write(partitions, value, logged),
        Operation::SpreadRead { partition } => read("SELECT c, l FROM sim.spread WHERE p = ?", vec![int(partition)]),
        Operation::ExpiringWrite { key, value, ttl } => {
            write("INSERT INTO sim.expiring (k, v) VALUES (?, ?) USING TTL ?", vec![int(key), int(value), int(ttl)])
        }
        Operation::ExpiringRead { key } => read("SELECT v FROM sim.expiring WHERE k = ?", vec![int(key)]),
        Operation::TableCreate { table } => {
            definition(format!("CREATE TABLE sim.t_{table} (k int PRIMARY KEY, v int)"))
        }
        Operation::TableDrop { table } => definition(format!("DROP TABLE sim.t_{table}")),
        Operation::TableAlter { table, column } => definition(format!("ALTER TABLE sim.t_{table} ADD c{column} int")),
        Operation::TableTruncate { table } => definition(format!("TRUNCATE sim.t_{table}")),
        Operation::TableWrite { table, key, value } => {
            write(format!("INSERT INTO sim.t_{table} (k, v) VALUES (?, ?)"), vec![int(key), int(value)])
        }
        Operation::TableRead { table, key } => read(format!("SELECT * FROM sim.t_{table} WHERE k = ?"), vec![int(key)]),
        Operation::Statement { table, ref request } => request_call(&tables[table as usize], request),
    }
}

/// A request of a generated program. What may be done twice without a difference is sent again as if it were a read.
fn request_call(table: &Table, request: &Request) -> Call {
    let printed = table.print(request);
    let value = |bytes: Option<Option<Vec<u8>>>| match bytes {
        Some(Some(bytes)) => Value::Set(Bytes::from(bytes)),
        Some(None) => Value::Null,
        None => Value::Unset,
    };
    let statement = Statement { values: printed.bytes().into_iter().map(value).collect(), text: printed.text };
    Call {
        form: if request.binds { Form::Prepared(statement) } else { Form::Simple(statement) },
        consistency: Consistency::LocalQuorum,
        serial: Some(Consistency::Serial),
        page_size: request.page.map(|rows| rows as i32),
        writes: !request.statement.is_idempotent(table),
    }
}

/// Every row of both tables gets the value, and the static cell of one: a reader of either sees one value or a torn batch. One row is
/// deleted and written at once, in the order in which the last statement must not win.
fn batch_write(partition: u32, value: u32) -> Call {
    let mut statements = vec![Statement {
        text: "UPDATE sim.batch_left SET st = ? WHERE p = ?".to_owned(),
        values: vec![int(value), int(partition)],
    }];
    for table in ["batch_left", "batch_right"] {
        statements.extend((0..BATCH_ROWS).map(|row| Statement {
            text: format!("INSERT INTO sim.{table} (p, c, v) VALUES (?, ?, ?)"),
            values: vec![int(partition), int(row), int(value)],
        }));
    }
    for text in
        ["DELETE FROM sim.batch_right WHERE p = ? AND c = ?", "UPDATE sim.batch_right SET v = ? WHERE p = ? AND c = ?"]
    {
        let key = [int(partition), int(TIED_ROW)];
        let values = if text.starts_with("UPDATE") { [vec![int(value)], key.to_vec()].concat() } else { key.to_vec() };
        statements.push(Statement { text: text.to_owned(), values });
    }
    Call { form: Form::Batch(BatchKind::Logged, statements), ..write("", Vec::new()) }
}

/// Both counters of a row, one up and one down.
fn counter_add(counters: &[(u32, u8)]) -> Call {
    let add = |&(key, place): &(u32, u8)| {
        let amount = Value::Set(Bytes::copy_from_slice(&(1i64 << (2 * place)).to_be_bytes()));
        Statement {
            text: "UPDATE sim.counters SET n = n + ?, m = m - ? WHERE k = ?".to_owned(),
            values: vec![amount.clone(), amount, int(key)],
        }
    };
    let form = match counters {
        [one] => Form::Prepared(add(one)),
        several => Form::Batch(BatchKind::Counter, several.iter().map(add).collect()),
    };
    Call { form, ..write("", Vec::new()) }
}

/// Every partition gets a row of its own for this batch, with one element in its list: a share done twice would show two.
fn spread_write(partitions: &[u32], value: u32, logged: bool) -> Call {
    let append = |&partition: &u32| Statement {
        text: "UPDATE sim.spread SET l = l + ? WHERE p = ? AND c = ?".to_owned(),
        values: vec![one_int(value), int(partition), int(value)],
    };
    let kind = if logged { BatchKind::Logged } else { BatchKind::Unlogged };
    Call { form: Form::Batch(kind, partitions.iter().map(append).collect()), ..write("", Vec::new()) }
}

/// Why an answer makes no sense: always a bug of the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer makes no sense: {0}")]
pub struct BadAnswer(pub String);

fn number(cell: Option<&Option<Bytes>>) -> Result<Option<u32>, BadAnswer> {
    match cell {
        Some(Some(bytes)) => match <[u8; 4]>::try_from(&bytes[..]) {
            Ok(bytes) => Ok(Some(i32::from_be_bytes(bytes) as u32)),
            Err(_) => Err(BadAnswer(format!("an int of {} bytes", bytes.len()))),
        },
        Some(None) => Ok(None),
        None => Err(BadAnswer("a column is missing".to_owned())),
    }
}

/// A counter; nothing counts as none.
fn long(cell: Option<&Option<Bytes>>) -> Result<i64, BadAnswer> {
    let Some(Some(bytes)) = cell else { return Ok(0) };
    let bytes = <[u8; 8]>::try_from(&bytes[..]);
    bytes.map(i64::from_be_bytes).map_err(|_| BadAnswer("a counter that has not 8 bytes".to_owned()))
}

fn numbers(cell: Option<&Option<Bytes>>) -> Result<Vec<u32>, BadAnswer> {
    let Some(Some(bytes)) = cell else { return Ok(Vec::new()) };
    let word = |at: usize| {
        let word = bytes.get(at..at + 4).and_then(|word| <[u8; 4]>::try_from(word).ok());
        word.map(i32::from_be_bytes).ok_or_else(|| BadAnswer("a collection is cut short".to_owned()))
    };
    let count = word(0)? as usize;
    (0..count).map(|at| word(4 + at * 8 + 4).map(|number| number as u32)).collect()
}

/// Partition, row and value of each row of an answer; a fourth column is the partition's static cell.
///
/// # Errors
/// When a row has not those three.
pub fn rows(rows: &Rows) -> Result<Vec<(u32, u32, u32)>, BadAnswer> {
    let part = |row: &[Option<Bytes>], at: usize| {
        number(row.get(at))?.ok_or_else(|| BadAnswer(format!("column {at} of a row is null")))
    };
    let mut found = Vec::with_capacity(rows.row_count);
    for row in rows.iter() {
        if row.len() > 3 && found.is_empty() {
            found.push((part(row, 0)?, STATIC_ROW, part(row, 3)?));
        }
        found.push((part(row, 0)?, part(row, 1)?, part(row, 2)?));
    }
    Ok(found)
}

/// What an answer to an operation that is not paged says.
///
/// # Errors
/// When it is not what such an operation is answered with.
pub fn seen(operation: &Operation, rows: Option<&Rows>) -> Result<Seen, BadAnswer> {
    let first = rows.and_then(|rows| rows.iter().next());
    match operation {
        Operation::RegisterRead { .. }
        | Operation::RegisterReadNear { .. }
        | Operation::CasRead { .. }
        | Operation::ExpiringRead { .. } => {
            let columns = rows.map_or(0, |rows| rows.column_count);
            let value = first.map_or(Ok(None), |row| number(row.first()))?;
            Ok(Seen::Value(value, columns))
        }
        Operation::TableRead { .. } => {
            let columns = rows.map_or(0, |rows| rows.column_count);
            // SELECT *: the key first, then the others by name: v comes after every c<number>.
            let value = first.map_or(Ok(None), |row| number(row.last()))?;
            Ok(Seen::Value(value, columns))
        }
        Operation::CollectionRead { .. } => match first {
            None => Ok(Seen::Collections { list: Vec::new(), set: Vec::new() }),
            Some(row) => Ok(Seen::Collections { list: numbers(row.first())?, set: numbers(row.get(1))? }),
        },
        Operation::CounterRead { .. } => {
            let cell = |at: usize| long(first.and_then(|row| row.get(at)));
            Ok(Seen::Counters(cell(0)?, cell(1)?))
        }
        Operation::SpreadRead { .. } => {
            let lists = rows.into_iter().flat_map(Rows::iter).map(|row| {
                let value = number(row.first())?.ok_or_else(|| BadAnswer("a row without a key".to_owned()))?;
                Ok((value, numbers(row.get(1))?))
            });
            Ok(Seen::Lists(lists.collect::<Result<_, BadAnswer>>()?))
        }
        Operation::CasInsert { .. } | Operation::CasUpdate { .. } | Operation::CasDelete { .. } => {
            applied(rows.ok_or_else(|| BadAnswer("a conditional write without [applied]".to_owned()))?)
        }
        _ => Ok(Seen::Nothing),
    }
}

/// `[applied]`, and the row that was there instead; the column v is looked up by its name.
fn applied(rows: &Rows) -> Result<Seen, BadAnswer> {
    let row = rows.iter().next().ok_or_else(|| BadAnswer("[applied] has no row".to_owned()))?;
    let held = match row.first() {
        Some(Some(cell)) if cell.len() == 1 => cell[0] != 0,
        _ => return Err(BadAnswer("[applied] is no boolean".to_owned())),
    };
    if held {
        return Ok(Seen::Applied { applied: true, instead: None });
    }
    let columns = rows.metadata.iter().flat_map(|metadata| &metadata.columns);
    let position = columns.map(|column| column.name.as_str()).position(|name| name == "v");
    let instead = match position {
        Some(position) => Some(number(row.get(position))?),
        // [applied] alone: there is no such row.
        None => (row.len() == 1).then_some(None),
    };
    Ok(Seen::Applied { applied: false, instead })
}
