//! A client that speaks just enough of the protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use trefoil_cql::protocol::request::{Query, QueryParameters, Startup};
use trefoil_cql::protocol::response::{CqlError, QueryResult};
use trefoil_cql::protocol::{
    Compression, Consistency, Framer, ProtocolVersion, Request, Response, ResponseEnvelope, Role,
};

/// One connection, one request at a time.
pub struct Client {
    stream: TcpStream,
    framer: Framer,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("the server listens");
        // A hang must become a failure.
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket option");
        let mut client = Client { stream, framer: Framer::new(Role::Client) };
        assert_eq!(client.ask(&Request::Startup(Startup::new(Compression::None))), Response::Ready);
        client
    }

    fn ask(&mut self, request: &Request) -> Response {
        let mut out = Vec::new();
        self.framer.encode(&request.encode(ProtocolVersion::V5, 1), &mut out);
        self.stream.write_all(&out).expect("the server takes requests");
        loop {
            if let Some(envelope) = self.framer.next_envelope().expect("the server speaks the protocol") {
                return ResponseEnvelope::decode(&envelope).expect("the server speaks the protocol").response;
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).expect("the server answers");
            assert_ne!(count, 0, "the server closed the connection");
            self.framer.feed(&bytes[..count]);
        }
    }

    /// Run a statement with LOCAL_QUORUM.
    pub fn try_query(&mut self, text: &str) -> Result<QueryResult, CqlError> {
        let parameters = QueryParameters::with_consistency(Consistency::LocalQuorum);
        match self.ask(&Request::Query(Query { text: text.into(), parameters })) {
            Response::Result(result) => Ok(result),
            Response::Error(error) => Err(error),
            other => panic!("{text}: {other:?}"),
        }
    }

    pub fn query(&mut self, text: &str) -> QueryResult {
        self.try_query(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    /// Run a statement that may be run twice, again while it times out: what a driver does while leaders change.
    pub fn query_patiently(&mut self, text: &str) -> QueryResult {
        loop {
            match self.try_query(text) {
                Ok(result) => return result,
                Err(error) => assert!(error.to_string().contains("timed out"), "{text}: {error}"),
            }
        }
    }

    /// How many rows a statement returns.
    pub fn count(&mut self, text: &str) -> usize {
        match self.try_query(text) {
            Ok(QueryResult::Rows(rows)) => rows.row_count,
            other => panic!("{text}: {other:?}"),
        }
    }

    /// A keyspace `k` with a table `t`.
    pub fn make_table(&mut self, replicas: u8) {
        self.query(&format!(
            "CREATE KEYSPACE k WITH replication = {{'class': 'NetworkTopologyStrategy', 'local': {replicas}}}"
        ));
        self.query("CREATE TABLE k.t (k int PRIMARY KEY, v text)");
    }
}
