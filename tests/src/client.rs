//! A plain client of the native protocol, for tests and benchmarks that must not depend on what a driver does by itself.
//!
//! One connection, no retries, no pools, protocol version 4 unless told otherwise. `ask` sends one request and waits.
//! A request that ended in an I/O error may have happened.

use bytes::Bytes;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trefoil_cql::protocol::request::{Execute, Prepare, Query, QueryParameters, Request, Startup};
use trefoil_cql::protocol::response::{Prepared, QueryResult, Response, ResponseEnvelope, Rows};
use trefoil_cql::protocol::{Compression, Consistency, CqlError, Framer, ProtocolVersion, Role, Value};

/// How long a server may take to answer before the connection counts as dead.
const ANSWER_DEADLINE: Duration = Duration::from_secs(15);

/// Why there is no answer.
#[derive(Debug)]
pub enum ClientError {
    /// The connection; the request may have happened.
    Io(io::Error),
    /// The server said no.
    Server(CqlError),
    /// The answer makes no sense.
    Nonsense(String),
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClientError::Io(error) => write!(f, "connection: {error}"),
            ClientError::Server(error) => write!(f, "server: {error:?}"),
            ClientError::Nonsense(what) => write!(f, "answer: {what}"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> ClientError {
        ClientError::Io(error)
    }
}

/// One connection to one node.
pub struct Connection {
    stream: TcpStream,
    framer: Framer,
    version: ProtocolVersion,
    out: Vec<u8>,
    /// What every request asks for.
    pub consistency: Consistency,
}

impl Connection {
    /// Connect and say hello.
    ///
    /// # Errors
    /// When nobody is there or they do not speak our protocol.
    pub async fn open(address: SocketAddr) -> Result<Connection, ClientError> {
        Connection::open_version(address, ProtocolVersion::V4).await
    }

    /// Connect and say hello in this version of the protocol.
    ///
    /// # Errors
    /// When nobody is there or they do not speak it.
    pub async fn open_version(address: SocketAddr, version: ProtocolVersion) -> Result<Connection, ClientError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let framer = Framer::new(Role::Client);
        let consistency = Consistency::LocalQuorum;
        let mut connection = Connection { stream, framer, version, out: Vec::new(), consistency };
        match connection.ask(&Request::Startup(Startup::new(Compression::None))).await? {
            Response::Ready => Ok(connection),
            other => Err(ClientError::Nonsense(format!("{other:?} to STARTUP"))),
        }
    }

    /// One request and its answer.
    ///
    /// # Errors
    /// When there is no answer, or it is an error.
    pub async fn ask(&mut self, request: &Request) -> Result<Response, ClientError> {
        match self.exchange(request).await?.response {
            Response::Error(error) => Err(ClientError::Server(error)),
            response => Ok(response),
        }
    }

    /// One request and its answer, whatever it is, with all that came along.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn exchange(&mut self, request: &Request) -> Result<ResponseEnvelope, ClientError> {
        self.send(&request.encode(self.version, 0)).await?;
        let envelope = tokio::time::timeout(ANSWER_DEADLINE, self.receive())
            .await
            .map_err(|_| ClientError::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer")))??;
        ResponseEnvelope::decode(&envelope).map_err(|error| ClientError::Nonsense(error.to_string()))
    }

    /// Send one encoded envelope.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, envelope: &[u8]) -> Result<(), ClientError> {
        self.out.clear();
        self.framer.encode(envelope, &mut self.out);
        Ok(self.stream.write_all(&self.out).await?)
    }

    /// The next whole envelope.
    ///
    /// # Errors
    /// When the connection is gone or carries garbage.
    pub async fn receive(&mut self) -> Result<Bytes, ClientError> {
        loop {
            let next = self.framer.next_envelope().map_err(|error| ClientError::Nonsense(error.to_string()))?;
            if let Some(envelope) = next {
                return Ok(envelope);
            }
            if self.stream.read_buf(self.framer.buffer()).await? == 0 {
                return Err(ClientError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Run a text.
    ///
    /// # Errors
    /// As `ask`.
    pub async fn query(&mut self, text: &str) -> Result<Rows, ClientError> {
        let parameters = QueryParameters::with_consistency(self.consistency);
        rows(self.ask(&Request::Query(Query { text: text.to_owned(), parameters })).await?)
    }

    /// Prepare a text.
    ///
    /// # Errors
    /// As `ask`.
    pub async fn prepare(&mut self, text: &str) -> Result<Prepared, ClientError> {
        match self.ask(&Request::Prepare(Prepare { text: text.to_owned(), keyspace: None })).await? {
            Response::Result(QueryResult::Prepared(prepared)) => Ok(prepared),
            other => Err(ClientError::Nonsense(format!("{other:?} to PREPARE"))),
        }
    }

    /// Run what was prepared.
    ///
    /// # Errors
    /// As `ask`.
    pub async fn execute(&mut self, prepared: &Prepared, values: Vec<Value>) -> Result<Rows, ClientError> {
        let request = execute(prepared, values, self.consistency);
        rows(self.ask(&request).await?)
    }

    /// Every row of a text, over as many pages as it takes.
    ///
    /// # Errors
    /// As `ask`.
    pub async fn scan(&mut self, text: &str, page_size: i32) -> Result<Vec<Vec<Option<Bytes>>>, ClientError> {
        let mut all = Vec::new();
        let mut paging_state = None;
        loop {
            let mut parameters = QueryParameters::with_consistency(self.consistency);
            parameters.page_size = Some(page_size);
            parameters.paging_state = paging_state;
            let page = rows(self.ask(&Request::Query(Query { text: text.to_owned(), parameters })).await?)?;
            all.extend(page.iter().map(<[Option<Bytes>]>::to_vec));
            paging_state = page.paging_state;
            if paging_state.is_none() {
                return Ok(all);
            }
        }
    }

    /// The parts, for a load generator that reads and writes at once.
    #[must_use]
    pub fn into_parts(self) -> (TcpStream, Framer) {
        (self.stream, self.framer)
    }
}

/// EXECUTE of what was prepared.
#[must_use]
pub fn execute(prepared: &Prepared, values: Vec<Value>, consistency: Consistency) -> Request {
    let mut parameters = QueryParameters::with_consistency(consistency);
    parameters.values = values;
    parameters.skip_metadata = false;
    Request::Execute(Execute {
        id: prepared.id.clone(),
        result_metadata_id: prepared.result_metadata_id.clone(),
        parameters,
    })
}

/// A `bigint` as a bound value.
#[must_use]
pub fn bigint(value: i64) -> Value {
    Value::Set(Bytes::copy_from_slice(&value.to_be_bytes()))
}

/// A `bigint` out of a row.
#[must_use]
pub fn as_bigint(cell: &Option<Bytes>) -> Option<i64> {
    cell.as_ref().and_then(|bytes| <[u8; 8]>::try_from(bytes.as_ref()).ok()).map(i64::from_be_bytes)
}

fn rows(response: Response) -> Result<Rows, ClientError> {
    match response {
        Response::Result(QueryResult::Rows(rows)) => Ok(rows),
        Response::Result(_) => Ok(Rows::default()),
        other => Err(ClientError::Nonsense(format!("{other:?} to a statement"))),
    }
}
