//! The operations that are measured, the same for every server: a key-value table and wide partitions.
//!
//! | name | operation |
//! |---|---|
//! | write | one row of the key-value table, key drawn evenly |
//! | read | one row by key |
//! | append | one row at the end of a wide partition, newest first |
//! | slice | the newest 20 rows of such a partition |
//! | mixed | half reads, half writes |
//! | query | one row by key, as text that was not prepared |
//! | page | a page of 5,000 rows of wide partitions, from a random token on |
//! | scan | the same of the key-value table: as many partitions |
//! | count | all rows of the key-value table, counted; one at a time |

use bytes::Bytes;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::net::SocketAddr;
use trefoil_cql::protocol::request::{Query, QueryParameters, Request};
use trefoil_cql::protocol::response::Prepared;
use trefoil_cql::protocol::{Consistency, ProtocolVersion, Value};
use trefoil_tests::client::{ClientError, Connection, bigint, execute};

/// Rows in a slice.
const SLICE_ROWS: usize = 20;

/// Rows in a page.
const PAGE_ROWS: usize = 5_000;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// Insert by key.
    Write,
    /// Select by key.
    Read,
    /// The newest rows of a partition.
    Slice,
    /// One more row for a partition.
    Append,
    /// Half read, half write.
    Mixed,
    /// Select by key, not prepared.
    Query,
    /// A page of wide partitions.
    Page,
    /// A page of small partitions.
    Scan,
    /// Count all rows.
    Count,
}

impl Workload {
    /// Requests in flight at most, where more would only wait for each other.
    pub fn window(self, wanted: usize) -> usize {
        match self {
            Workload::Count => 1,
            Workload::Page | Workload::Scan => wanted.min(4),
            _ => wanted,
        }
    }
}

/// How much data there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Rows of the key-value table, and rows over all wide partitions.
    pub rows: u64,
    /// Wide partitions.
    pub partitions: u64,
    /// Bytes of a value.
    pub value_bytes: usize,
}

/// The statements, prepared at one server.
pub struct Statements {
    write: Prepared,
    read: Prepared,
    append: Prepared,
    slice: Prepared,
    page: Prepared,
    scan: Prepared,
    count: Prepared,
    size: Size,
    consistency: Consistency,
}

/// Make the tables anew and prepare the statements.
pub async fn prepare(
    address: SocketAddr,
    size: Size,
    replication: u32,
    consistency: Consistency,
    create: bool,
) -> Result<Statements, ClientError> {
    let mut connection = Connection::open(address).await?;
    if create {
        for text in [
            "DROP KEYSPACE IF EXISTS bench".to_owned(),
            format!(
                "CREATE KEYSPACE bench WITH replication = \
                 {{'class': 'NetworkTopologyStrategy', 'replication_factor': {replication}}}"
            ),
            "CREATE TABLE bench.kv (id bigint PRIMARY KEY, data blob)".to_owned(),
            "CREATE TABLE bench.series (id bigint, at bigint, data blob, PRIMARY KEY (id, at)) \
             WITH CLUSTERING ORDER BY (at DESC)"
                .to_owned(),
        ] {
            connection.query(&text).await?;
        }
    }
    Ok(Statements {
        write: connection.prepare("INSERT INTO bench.kv (id, data) VALUES (?, ?)").await?,
        read: connection.prepare("SELECT data FROM bench.kv WHERE id = ?").await?,
        append: connection.prepare("INSERT INTO bench.series (id, at, data) VALUES (?, ?, ?)").await?,
        slice: connection
            .prepare(&format!("SELECT at, data FROM bench.series WHERE id = ? LIMIT {SLICE_ROWS}"))
            .await?,
        page: connection
            .prepare(&format!("SELECT id, at, data FROM bench.series WHERE token(id) >= ? LIMIT {PAGE_ROWS}"))
            .await?,
        scan: connection
            .prepare(&format!("SELECT id, data FROM bench.kv WHERE token(id) >= ? LIMIT {PAGE_ROWS}"))
            .await?,
        count: connection.prepare("SELECT count(*) FROM bench.kv").await?,
        size,
        consistency,
    })
}

/// Read one row of data that are there, over a connection of its own.
pub async fn read_one(address: SocketAddr) -> Result<(), ClientError> {
    let rows = Connection::open(address).await?.query("SELECT data FROM bench.kv WHERE id = 0").await?.row_count;
    if rows == 1 { Ok(()) } else { Err(ClientError::Nonsense(format!("there are {rows} such rows"))) }
}

impl Statements {
    /// The request that loads row `number` of either table.
    pub fn load(&self, number: u64, stream: i16, rng: &mut ChaCha8Rng) -> Bytes {
        let (row, of_series) = (number / 2, number % 2 == 1);
        let values = if of_series {
            vec![bigint((row % self.size.partitions) as i64), bigint(row as i64), self.data(rng)]
        } else {
            vec![bigint(row as i64), self.data(rng)]
        };
        let prepared = if of_series { &self.append } else { &self.write };
        execute(prepared, values, self.consistency).encode(ProtocolVersion::V4, stream)
    }

    /// The next request of a workload; `turn` is unique in its run.
    pub fn request(&self, workload: Workload, turn: u64, stream: i16, rng: &mut ChaCha8Rng) -> Bytes {
        let key = bigint(rng.random_range(0..self.size.rows) as i64);
        let partition = bigint(rng.random_range(0..self.size.partitions) as i64);
        // Enough rows lie behind it, unless there are few in all.
        let token = bigint(rng.random_range(i64::MIN..i64::MAX / 2));
        let (prepared, values) = match workload {
            Workload::Query => {
                let text = format!("SELECT data FROM bench.kv WHERE id = {}", rng.random_range(0..self.size.rows));
                let parameters = QueryParameters::with_consistency(self.consistency);
                return Request::Query(Query { text, parameters }).encode(ProtocolVersion::V4, stream);
            }
            Workload::Page => (&self.page, vec![token]),
            Workload::Scan => (&self.scan, vec![token]),
            Workload::Count => (&self.count, vec![]),
            Workload::Write => (&self.write, vec![key, self.data(rng)]),
            Workload::Read => (&self.read, vec![key]),
            Workload::Append => (&self.append, vec![partition, bigint((self.size.rows + turn) as i64), self.data(rng)]),
            Workload::Slice => (&self.slice, vec![partition]),
            Workload::Mixed if turn.is_multiple_of(2) => (&self.read, vec![key]),
            Workload::Mixed => (&self.write, vec![key, self.data(rng)]),
        };
        execute(prepared, values, self.consistency).encode(ProtocolVersion::V4, stream)
    }

    /// Whether the server answers with what was loaded; a fast wrong answer must not win.
    pub async fn check(&self, address: SocketAddr) -> Result<(), ClientError> {
        let mut connection = Connection::open(address).await?;
        connection.consistency = self.consistency;
        let rows = connection.execute(&self.read, vec![bigint(0)]).await?;
        let bytes = rows.cells.first().and_then(|cell| cell.as_ref().map(Bytes::len));
        let expected = SLICE_ROWS.min((self.size.rows / self.size.partitions) as usize);
        let slice = connection.execute(&self.slice, vec![bigint(0)]).await?.row_count;
        if bytes == Some(self.size.value_bytes) && slice >= expected {
            return Ok(());
        }
        Err(ClientError::Nonsense(format!("a read gives {bytes:?} bytes and a slice {slice} rows")))
    }

    fn data(&self, rng: &mut ChaCha8Rng) -> Value {
        let mut data = vec![0; self.size.value_bytes];
        rng.fill(data.as_mut_slice());
        Value::Set(Bytes::from(data))
    }
}
