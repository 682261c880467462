//! BATCH: run these together. Names of values are in the specification but cannot be read (the flag comes after what
//! it describes, CASSANDRA-10246); like Cassandra we take values as positional.

use super::parameters::{Tail, decode_flags, encode_flags};
use crate::protocol::consistency::Consistency;
use crate::protocol::error::{Problem, ProtocolError};
use crate::protocol::reader::Reader;
use crate::protocol::value::Value;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;
use bytes::Bytes;

/// Run these together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What is promised about them.
    pub kind: BatchKind,
    /// The statements. None is legal.
    pub statements: Vec<BatchStatement>,
    /// How many replicas must have answered.
    pub consistency: Consistency,
    /// Consistency of conditions: SERIAL or LOCAL_SERIAL.
    pub serial_consistency: Option<Consistency>,
    /// The driver's timestamp in microseconds.
    pub timestamp: Option<i64>,
    /// Instead of the connection's keyspace (version 5).
    pub keyspace: Option<String>,
    /// Seconds since 1970 that expiry is to be judged by (version 5).
    pub now_in_seconds: Option<i32>,
}

/// What is promised about the statements of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BatchKind {
    /// All or nothing.
    Logged,
    /// Nothing across partitions.
    Unlogged,
    /// Counters only.
    Counter,
}

/// One statement of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchStatement {
    /// Text or prepared.
    pub query: BatchQuery,
    /// Values of its bind markers.
    pub values: Vec<Value>,
}

/// Text or prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchQuery {
    /// A text.
    Text(String),
    /// What PREPARED called it.
    Prepared(Bytes),
}

impl BatchKind {
    fn number(self) -> u8 {
        match self {
            BatchKind::Logged => 0,
            BatchKind::Unlogged => 1,
            BatchKind::Counter => 2,
        }
    }

    fn from_number(number: u8) -> Option<BatchKind> {
        [BatchKind::Logged, BatchKind::Unlogged, BatchKind::Counter].get(usize::from(number)).copied()
    }
}

impl Batch {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Batch, ProtocolError> {
        let offset = reader.position();
        let number = reader.byte("batch type")?;
        let Some(kind) = BatchKind::from_number(number) else {
            return Err(reader.malformed("batch type", offset, Problem::UnknownNumber(i64::from(number))));
        };
        let count = usize::from(reader.short("number of statements")?);
        // A statement is at least a kind, a length and a number of values.
        let mut statements = Vec::with_capacity(reader.plausible(count, 5));
        for _ in 0..count {
            statements.push(BatchStatement::decode(reader)?);
        }
        let consistency = reader.consistency("consistency")?;
        let flags = decode_flags(reader)?;
        let Tail { serial_consistency, timestamp, keyspace, now_in_seconds } = Tail::decode(reader, flags)?;
        Ok(Batch { kind, statements, consistency, serial_consistency, timestamp, keyspace, now_in_seconds })
    }

    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        body.put_byte(self.kind.number());
        body.put_count(self.statements.len());
        for statement in &self.statements {
            statement.encode(body);
        }
        body.put_consistency(self.consistency);
        let tail = Tail {
            serial_consistency: self.serial_consistency,
            timestamp: self.timestamp,
            keyspace: self.keyspace.clone(),
            now_in_seconds: self.now_in_seconds,
        };
        encode_flags(body, tail.flags(version), version);
        tail.encode(body, version);
    }
}

impl BatchStatement {
    fn decode(reader: &mut Reader<'_>) -> Result<BatchStatement, ProtocolError> {
        let offset = reader.position();
        let query = match reader.byte("kind of statement")? {
            0 => BatchQuery::Text(reader.long_string("query")?),
            1 => BatchQuery::Prepared(reader.short_bytes("statement id")?),
            kind => {
                let problem = Problem::UnknownNumber(i64::from(kind));
                return Err(reader.malformed("kind of statement", offset, problem));
            }
        };
        let count = usize::from(reader.short("number of values")?);
        let mut values = Vec::with_capacity(reader.plausible(count, 4));
        for _ in 0..count {
            values.push(reader.value("value")?);
        }
        Ok(BatchStatement { query, values })
    }

    fn encode(&self, body: &mut Vec<u8>) {
        match &self.query {
            BatchQuery::Text(text) => {
                body.put_byte(0);
                body.put_long_string(text);
            }
            BatchQuery::Prepared(id) => {
                body.put_byte(1);
                body.put_short_bytes(id);
            }
        }
        body.put_count(self.values.len());
        for value in &self.values {
            body.put_value(value);
        }
    }
}
