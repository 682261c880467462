//! RESULT: that worked, and this came of it.

use super::prepared::Prepared;
use super::rows::Rows;
use super::schema_change::SchemaChange;
use crate::protocol::error::{Problem, ProtocolError};
use crate::protocol::reader::Reader;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;

const VOID: i32 = 1;
pub(super) const ROWS: i32 = 2;
const SET_KEYSPACE: i32 = 3;
const PREPARED: i32 = 4;
const SCHEMA_CHANGE: i32 = 5;

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryResult {
    /// Nothing to say.
    Void,
    /// Rows. Servers write them with `RowsWriter`.
    Rows(Rows),
    /// USE: this is the connection's keyspace now.
    SetKeyspace(String),
    /// PREPARE.
    Prepared(Prepared),
    /// A definition.
    SchemaChange(SchemaChange),
}

impl QueryResult {
    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        match self {
            QueryResult::Void => body.put_int(VOID),
            QueryResult::Rows(rows) => {
                body.put_int(ROWS);
                rows.encode(body, version);
            }
            QueryResult::SetKeyspace(keyspace) => {
                body.put_int(SET_KEYSPACE);
                body.put_string(keyspace);
            }
            QueryResult::Prepared(prepared) => {
                body.put_int(PREPARED);
                prepared.encode(body, version);
            }
            QueryResult::SchemaChange(change) => {
                body.put_int(SCHEMA_CHANGE);
                change.encode(body, version);
            }
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<QueryResult, ProtocolError> {
        let offset = reader.position();
        match reader.int("kind of result")? {
            VOID => Ok(QueryResult::Void),
            ROWS => Rows::decode(reader).map(QueryResult::Rows),
            SET_KEYSPACE => reader.string("keyspace").map(QueryResult::SetKeyspace),
            PREPARED => Prepared::decode(reader).map(QueryResult::Prepared),
            SCHEMA_CHANGE => SchemaChange::decode(reader).map(QueryResult::SchemaChange),
            kind => Err(reader.malformed("kind of result", offset, Problem::UnknownNumber(i64::from(kind)))),
        }
    }
}
