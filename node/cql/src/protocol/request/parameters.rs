//! What QUERY and EXECUTE have in common: consistency, bound values, paging, timestamps.

use crate::protocol::consistency::Consistency;
use crate::protocol::error::{Problem, ProtocolError};
use crate::protocol::reader::Reader;
use crate::protocol::value::Value;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;
use bytes::Bytes;

/// How a statement is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryParameters {
    /// How many replicas must have answered.
    pub consistency: Consistency,
    /// The client knows the columns and does not want them described again.
    pub skip_metadata: bool,
    /// Values of the bind markers.
    pub values: Vec<Value>,
    /// Names of the bind markers, one for each value, if the client binds by name.
    pub names: Option<Vec<String>>,
    /// Rows wanted at once. Zero or less: all.
    pub page_size: Option<i32>,
    /// Where to go on, as an earlier page said.
    pub paging_state: Option<Bytes>,
    /// Consistency of conditions: SERIAL or LOCAL_SERIAL. Whoever runs the statement must check that it is one of them.
    pub serial_consistency: Option<Consistency>,
    /// The driver's timestamp in microseconds.
    pub timestamp: Option<i64>,
    /// Instead of the connection's keyspace (version 5).
    pub keyspace: Option<String>,
    /// Seconds since 1970 that expiry is to be judged by (version 5).
    pub now_in_seconds: Option<i32>,
}

impl Default for QueryParameters {
    /// LOCAL_QUORUM and nothing else.
    fn default() -> QueryParameters {
        QueryParameters::with_consistency(Consistency::LocalQuorum)
    }
}

pub(super) const VALUES: u32 = 0x01;
pub(super) const SKIP_METADATA: u32 = 0x02;
pub(super) const PAGE_SIZE: u32 = 0x04;
pub(super) const PAGING_STATE: u32 = 0x08;
pub(super) const SERIAL_CONSISTENCY: u32 = 0x10;
pub(super) const TIMESTAMP: u32 = 0x20;
pub(super) const NAMES: u32 = 0x40;
pub(super) const KEYSPACE: u32 = 0x80;
pub(super) const NOW_IN_SECONDS: u32 = 0x100;

impl QueryParameters {
    /// This consistency and nothing else.
    #[must_use]
    pub fn with_consistency(consistency: Consistency) -> QueryParameters {
        QueryParameters {
            consistency,
            skip_metadata: false,
            values: Vec::new(),
            names: None,
            page_size: None,
            paging_state: None,
            serial_consistency: None,
            timestamp: None,
            keyspace: None,
            now_in_seconds: None,
        }
    }

    #[inline]
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<QueryParameters, ProtocolError> {
        let mut parameters = QueryParameters::with_consistency(reader.consistency("consistency")?);
        let flags = decode_flags(reader)?;
        if flags & VALUES != 0 {
            decode_values(reader, flags & NAMES != 0, &mut parameters)?;
        }
        parameters.skip_metadata = flags & SKIP_METADATA != 0;
        if flags & PAGE_SIZE != 0 {
            parameters.page_size = Some(reader.int("page size")?);
        }
        if flags & PAGING_STATE != 0 {
            parameters.paging_state = reader.bytes("paging state")?;
        }
        let tail = Tail::decode(reader, flags)?;
        parameters.serial_consistency = tail.serial_consistency;
        parameters.timestamp = tail.timestamp;
        parameters.keyspace = tail.keyspace;
        parameters.now_in_seconds = tail.now_in_seconds;
        Ok(parameters)
    }

    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        let tail = Tail {
            serial_consistency: self.serial_consistency,
            timestamp: self.timestamp,
            keyspace: self.keyspace.clone(),
            now_in_seconds: self.now_in_seconds,
        };
        let mut flags = tail.flags(version);
        let mut set = |flag, wanted| flags |= if wanted { flag } else { 0 };
        set(VALUES, !self.values.is_empty());
        set(NAMES, !self.values.is_empty() && self.names.is_some());
        set(SKIP_METADATA, self.skip_metadata);
        set(PAGE_SIZE, self.page_size.is_some());
        set(PAGING_STATE, self.paging_state.is_some());
        body.put_consistency(self.consistency);
        encode_flags(body, flags, version);
        if flags & VALUES != 0 {
            encode_values(body, self);
        }
        if let Some(size) = self.page_size {
            body.put_int(size);
        }
        if let Some(state) = &self.paging_state {
            body.put_bytes(Some(state));
        }
        tail.encode(body, version);
    }
}

/// Flags are one byte up to version 4, four bytes since.
#[inline]
pub(super) fn decode_flags(reader: &mut Reader<'_>) -> Result<u32, ProtocolError> {
    if reader.version() >= ProtocolVersion::V5 {
        reader.int("flags").map(i32::cast_unsigned)
    } else {
        reader.byte("flags").map(u32::from)
    }
}

pub(super) fn encode_flags(body: &mut Vec<u8>, flags: u32, version: ProtocolVersion) {
    if version >= ProtocolVersion::V5 {
        body.put_int(flags.cast_signed());
    } else {
        body.put_byte(u8::try_from(flags).expect("flags above one byte exist in version 5 only"));
    }
}

#[inline]
fn decode_values(reader: &mut Reader<'_>, named: bool, parameters: &mut QueryParameters) -> Result<(), ProtocolError> {
    let count = usize::from(reader.short("number of values")?);
    let capacity = reader.plausible(count, 4);
    parameters.values.reserve_exact(capacity);
    let mut names = (named && count > 0).then(|| Vec::with_capacity(capacity));
    for _ in 0..count {
        if let Some(names) = &mut names {
            names.push(reader.string("name of value")?);
        }
        parameters.values.push(reader.value("value")?);
    }
    parameters.names = names;
    Ok(())
}

fn encode_values(body: &mut Vec<u8>, parameters: &QueryParameters) {
    body.put_count(parameters.values.len());
    for (index, value) in parameters.values.iter().enumerate() {
        if let Some(names) = &parameters.names {
            body.put_string(names.get(index).map_or("", String::as_str));
        }
        body.put_value(value);
    }
}

/// What follows the paging state, in QUERY, EXECUTE and BATCH alike.
pub(super) struct Tail {
    pub serial_consistency: Option<Consistency>,
    pub timestamp: Option<i64>,
    pub keyspace: Option<String>,
    pub now_in_seconds: Option<i32>,
}

impl Tail {
    #[inline]
    pub fn decode(reader: &mut Reader<'_>, flags: u32) -> Result<Tail, ProtocolError> {
        let is_v5 = reader.version() >= ProtocolVersion::V5;
        let mut tail = Tail { serial_consistency: None, timestamp: None, keyspace: None, now_in_seconds: None };
        if flags & SERIAL_CONSISTENCY != 0 {
            tail.serial_consistency = Some(reader.consistency("serial consistency")?);
        }
        if flags & TIMESTAMP != 0 {
            let offset = reader.position();
            let timestamp = reader.long("timestamp")?;
            if timestamp == i64::MIN {
                return Err(reader.malformed("timestamp", offset, Problem::Timestamp(timestamp)));
            }
            tail.timestamp = Some(timestamp);
        }
        if is_v5 && flags & KEYSPACE != 0 {
            tail.keyspace = Some(reader.string("keyspace")?);
        }
        if is_v5 && flags & NOW_IN_SECONDS != 0 {
            tail.now_in_seconds = Some(reader.int("now in seconds")?);
        }
        Ok(tail)
    }

    pub fn flags(&self, version: ProtocolVersion) -> u32 {
        let is_v5 = version >= ProtocolVersion::V5;
        let mut flags = 0;
        let mut set = |flag, wanted| flags |= if wanted { flag } else { 0 };
        set(SERIAL_CONSISTENCY, self.serial_consistency.is_some());
        set(TIMESTAMP, self.timestamp.is_some());
        set(KEYSPACE, is_v5 && self.keyspace.is_some());
        set(NOW_IN_SECONDS, is_v5 && self.now_in_seconds.is_some());
        flags
    }

    pub fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        if let Some(level) = self.serial_consistency {
            body.put_consistency(level);
        }
        if let Some(timestamp) = self.timestamp {
            body.put_long(timestamp);
        }
        if version >= ProtocolVersion::V5 {
            if let Some(keyspace) = &self.keyspace {
                body.put_string(keyspace);
            }
            if let Some(seconds) = self.now_in_seconds {
                body.put_int(seconds);
            }
        }
    }
}
