//! Messages of every kind from random bytes, each such that its version can say all of it: what is written must be what
//! is read.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use trefoil_cql::protocol::request::{
    AuthResponse, Batch, BatchKind, BatchQuery, BatchStatement, CustomPayload, Execute, Prepare, Query,
    QueryParameters, Register, Startup,
};
use trefoil_cql::protocol::response::{
    ChangeKind, ColumnSpec, Event, EventKind, FailureReason, Failures, Prepared, QueryResult, ResultMetadata, Rows,
    SchemaChange, SchemaTarget, StatusChange, TopologyChange, WriteType,
};
use trefoil_cql::protocol::{
    Attachments, Consistency, CqlError, EVENT_STREAM, ProtocolVersion, Request, RequestEnvelope, Response,
    ResponseEnvelope, Value,
};
use trefoil_cql::types::{CqlType, NativeType, UserType};

/// Bytes that depend on the seed alone.
pub fn random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A request of this version.
pub fn request(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<RequestEnvelope> {
    let custom_payload = if version >= ProtocolVersion::V4 && u.ratio(1, 4)? { Some(payload(u)?) } else { None };
    Ok(RequestEnvelope {
        version,
        stream: u.arbitrary::<i16>()?.max(0),
        tracing: u.arbitrary()?,
        custom_payload,
        request: request_body(u, version)?,
    })
}

fn request_body(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<Request> {
    let is_v5 = version >= ProtocolVersion::V5;
    Ok(match u.int_in_range(0..=7)? {
        0 => {
            let options = many(u, 5, |u| Ok((text(u)?.to_uppercase(), text(u)?)))?;
            Request::Startup(Startup { options: options.into_iter().collect() })
        }
        1 => Request::Options,
        2 => Request::Register(Register { events: many(u, 4, |u| u.choose(&EventKind::ALL).copied())? }),
        3 => Request::Query(Query { text: text(u)?, parameters: parameters(u, version)? }),
        4 => Request::Prepare(Prepare { text: text(u)?, keyspace: if is_v5 { option(u, text)? } else { None } }),
        5 => Request::Execute(Execute {
            id: bytes(u)?,
            result_metadata_id: if is_v5 { bytes(u)? } else { Bytes::new() },
            parameters: parameters(u, version)?,
        }),
        6 => Request::Batch(Batch {
            kind: *u.choose(&[BatchKind::Logged, BatchKind::Unlogged, BatchKind::Counter])?,
            statements: many(u, 4, |u| statement(u, version))?,
            consistency: consistency(u)?,
            serial_consistency: option(u, consistency)?,
            timestamp: option(u, timestamp)?,
            keyspace: if is_v5 { option(u, text)? } else { None },
            now_in_seconds: if is_v5 { option(u, |u| u.arbitrary())? } else { None },
        }),
        _ => Request::AuthResponse(AuthResponse { token: option(u, bytes)? }),
    })
}

fn statement(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<BatchStatement> {
    let query = if u.arbitrary()? { BatchQuery::Text(text(u)?) } else { BatchQuery::Prepared(bytes(u)?) };
    Ok(BatchStatement { query, values: many(u, 4, |u| value(u, version))? })
}

fn parameters(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<QueryParameters> {
    let is_v5 = version >= ProtocolVersion::V5;
    let values = many(u, 5, |u| value(u, version))?;
    let mut names = None;
    if !values.is_empty() && u.ratio(1, 4)? {
        names = Some(values.iter().map(|_| text(u)).collect::<Result<Vec<_>>>()?);
    }
    Ok(QueryParameters {
        consistency: consistency(u)?,
        skip_metadata: u.arbitrary()?,
        values,
        names,
        page_size: option(u, |u| u.arbitrary())?,
        paging_state: option(u, bytes)?,
        serial_consistency: option(u, consistency)?,
        timestamp: option(u, timestamp)?,
        keyspace: if is_v5 { option(u, text)? } else { None },
        now_in_seconds: if is_v5 { option(u, |u| u.arbitrary())? } else { None },
    })
}

/// A response of this version.
pub fn response(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<ResponseEnvelope> {
    let is_v4 = version >= ProtocolVersion::V4;
    let attachments = Attachments {
        tracing_id: option(u, |u| u.arbitrary())?,
        warnings: if is_v4 { many(u, 2, text)? } else { Vec::new() },
        custom_payload: if is_v4 && u.ratio(1, 4)? { payload(u)? } else { BTreeMap::new() },
    };
    let response = response_body(u, version)?;
    let stream = if matches!(response, Response::Event(_)) { EVENT_STREAM } else { u.arbitrary()? };
    Ok(ResponseEnvelope { version, stream, attachments, response })
}

fn response_body(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<Response> {
    Ok(match u.int_in_range(0..=10)? {
        0..=2 => Response::Error(error(u, version)?),
        3 => Response::Ready,
        4 => Response::Authenticate(text(u)?),
        5 => {
            let options = many(u, 4, |u| Ok((text(u)?, many(u, 3, text)?)))?;
            Response::Supported(options.into_iter().collect())
        }
        6..=7 => Response::Result(result(u, version)?),
        8 => Response::Event(event(u, version)?),
        9 => Response::AuthChallenge(option(u, bytes)?),
        _ => Response::AuthSuccess(option(u, bytes)?),
    })
}

fn result(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<QueryResult> {
    Ok(match u.int_in_range(0..=5)? {
        0 => QueryResult::Void,
        1 | 2 => QueryResult::Rows(rows(u, version)?),
        3 => QueryResult::SetKeyspace(text(u)?),
        4 => QueryResult::Prepared(prepared(u, version)?),
        _ => QueryResult::SchemaChange(schema_change(u, version)?),
    })
}

fn rows(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<Rows> {
    let metadata = option(u, metadata)?;
    let column_count = match &metadata {
        Some(metadata) => metadata.columns.len(),
        None => u.int_in_range(0..=4)?,
    };
    let row_count = u.int_in_range(0..=5)?;
    let has_id = version >= ProtocolVersion::V5 && metadata.is_some() && u.arbitrary()?;
    Ok(Rows {
        new_metadata_id: if has_id { Some(bytes(u)?) } else { None },
        metadata,
        paging_state: option(u, bytes)?,
        column_count,
        row_count,
        cells: (0..row_count * column_count).map(|_| option(u, bytes)).collect::<Result<_>>()?,
    })
}

fn prepared(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<Prepared> {
    let bind_markers = columns(u)?;
    let first = bind_markers.first().cloned();
    let is_one_table = first.is_some_and(|first| {
        bind_markers.iter().all(|marker| marker.keyspace == first.keyspace && marker.table == first.table)
    });
    let has_positions = version >= ProtocolVersion::V4 && is_one_table;
    Ok(Prepared {
        id: bytes(u)?,
        result_metadata_id: if version >= ProtocolVersion::V5 { bytes(u)? } else { Bytes::new() },
        bind_markers,
        partition_key: if has_positions { many(u, 3, |u| u.arbitrary())? } else { Vec::new() },
        result_metadata: option(u, metadata)?,
    })
}

fn metadata(u: &mut Unstructured<'_>) -> Result<ResultMetadata> {
    Ok(ResultMetadata { columns: columns(u)? })
}

fn columns(u: &mut Unstructured<'_>) -> Result<Vec<ColumnSpec>> {
    let (keyspace, table) = (text(u)?, text(u)?);
    let is_one_table: bool = u.arbitrary()?;
    many(u, 4, |u| {
        let (keyspace, table) = if is_one_table { (keyspace.clone(), table.clone()) } else { (text(u)?, text(u)?) };
        Ok(ColumnSpec { keyspace, table, name: text(u)?, column_type: column_type(u, 4, false)? })
    })
}

/// A type. What is frozen is only told in class names, that is, inside vectors.
fn column_type(u: &mut Unstructured<'_>, depth: u32, in_class_name: bool) -> Result<CqlType> {
    let kind = if depth == 0 { 0 } else { u.int_in_range(0..=8)? };
    let inner = |u: &mut Unstructured<'_>| Ok(Box::new(column_type(u, depth - 1, in_class_name)?));
    Ok(match kind {
        0..=2 => CqlType::from(*u.choose(NativeType::ALL)?),
        3 => CqlType::List(inner(u)?),
        4 => CqlType::Set(inner(u)?),
        5 => CqlType::Map(inner(u)?, inner(u)?),
        6 => {
            let mut elements = many(u, 2, |u| inner(u).map(|element| *element))?;
            elements.push(*inner(u)?);
            CqlType::Tuple(elements)
        }
        7 if in_class_name => CqlType::Frozen(inner(u)?),
        7 => {
            let fields = many(u, 3, |u| Ok((text(u)?, *inner(u)?)))?;
            CqlType::UserType(Arc::new(UserType { keyspace: "ks".into(), name: text(u)?, fields }))
        }
        _ => CqlType::Vector(Box::new(column_type(u, depth - 1, true)?), u32::from(u.arbitrary::<u16>()?)),
    })
}

fn event(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<Event> {
    use TopologyChange::{MovedNode, NewNode, RemovedNode};
    Ok(match u.int_in_range(0..=2)? {
        0 => Event::Topology(
            *u.choose(&[NewNode, RemovedNode, MovedNode])?,
            SocketAddr::new(address(u)?, u.arbitrary()?),
        ),
        1 => {
            let change = *u.choose(&[StatusChange::Up, StatusChange::Down])?;
            Event::Status(change, SocketAddr::new(address(u)?, u.arbitrary()?))
        }
        _ => Event::Schema(schema_change(u, version)?),
    })
}

fn schema_change(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<SchemaChange> {
    let kinds = if version >= ProtocolVersion::V4 { 4 } else { 2 };
    Ok(SchemaChange {
        change: *u.choose(&[ChangeKind::Created, ChangeKind::Updated, ChangeKind::Dropped])?,
        keyspace: text(u)?,
        target: match u.int_in_range(0..=kinds)? {
            0 => SchemaTarget::Keyspace,
            1 => SchemaTarget::Table(text(u)?),
            2 => SchemaTarget::Type(text(u)?),
            3 => SchemaTarget::Function(text(u)?, many(u, 3, text)?),
            _ => SchemaTarget::Aggregate(text(u)?, many(u, 3, text)?),
        },
    })
}

fn error(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<CqlError> {
    let message = text(u)?;
    let is_v5 = version >= ProtocolVersion::V5;
    let last = match version {
        ProtocolVersion::V3 => 16,
        ProtocolVersion::V4 => 20,
        ProtocolVersion::V5 => 21,
    };
    let consistency = consistency(u)?;
    let (received, required) = (u.arbitrary()?, u.arbitrary()?);
    Ok(match u.int_in_range(0..=last)? {
        0 => CqlError::Server(message),
        1 => CqlError::Protocol(message),
        2 => CqlError::BadCredentials(message),
        3 => CqlError::Unavailable { consistency, required, alive: received, message },
        4 => CqlError::Overloaded(message),
        5 => CqlError::Bootstrapping(message),
        6 => CqlError::Truncate(message),
        7 | 8 => {
            let write_type = *u.choose(&WriteType::ALL)?;
            let counts = is_v5 && write_type == WriteType::Cas;
            let contentions = if counts { u.arbitrary()? } else { 0 };
            CqlError::WriteTimeout { consistency, received, required, write_type, contentions, message }
        }
        9 => CqlError::ReadTimeout { consistency, received, required, data_present: u.arbitrary()?, message },
        10 => CqlError::Syntax(message),
        11 => CqlError::Unauthorized(message),
        12 => CqlError::Invalid(message),
        13 => CqlError::Config(message),
        14 => CqlError::AlreadyExists { keyspace: text(u)?, table: text(u)?, message },
        15 => CqlError::Unprepared { id: bytes(u)?, message },
        16 => CqlError::Other { code: 0x7777, message },
        17 => {
            let (failures, data_present) = (failures(u, version)?, u.arbitrary()?);
            CqlError::ReadFailure { consistency, received, required, failures, data_present, message }
        }
        18 => {
            let (failures, write_type) = (failures(u, version)?, *u.choose(&WriteType::ALL)?);
            CqlError::WriteFailure { consistency, received, required, failures, write_type, message }
        }
        19 => {
            let arguments = many(u, 3, text)?;
            CqlError::FunctionFailure { keyspace: text(u)?, function: text(u)?, arguments, message }
        }
        20 => CqlError::CdcWriteFailure(message),
        _ => CqlError::CasWriteUnknown { consistency, received, required, message },
    })
}

fn failures(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<Failures> {
    if version < ProtocolVersion::V5 {
        return Ok(Failures::Count(u.arbitrary()?));
    }
    let reasons = many(u, 3, |u| Ok((address(u)?, FailureReason(u.arbitrary()?))))?;
    Ok(Failures::Reasons(reasons.into_iter().collect()))
}

fn address(u: &mut Unstructured<'_>) -> Result<IpAddr> {
    Ok(if u.arbitrary()? { IpAddr::from(u.arbitrary::<[u8; 4]>()?) } else { IpAddr::from(u.arbitrary::<[u8; 16]>()?) })
}

fn value(u: &mut Unstructured<'_>, version: ProtocolVersion) -> Result<Value> {
    Ok(match u.int_in_range(0..=4)? {
        0 => Value::Null,
        1 if version >= ProtocolVersion::V4 => Value::Unset,
        _ => Value::Set(bytes(u)?),
    })
}

fn consistency(u: &mut Unstructured<'_>) -> Result<Consistency> {
    u.choose(&Consistency::ALL).copied()
}

fn timestamp(u: &mut Unstructured<'_>) -> Result<i64> {
    Ok(u.arbitrary::<i64>()?.max(i64::MIN + 1))
}

fn payload(u: &mut Unstructured<'_>) -> Result<CustomPayload> {
    Ok(many(u, 3, |u| Ok((text(u)?, option(u, bytes)?)))?.into_iter().collect())
}

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let letters = ['a', 'b', 'Z', '_', '0', ' ', '"', 'ü', '漢', '🍀'];
    Ok(many(u, 12, |u| u.choose(&letters).copied())?.into_iter().collect())
}

fn bytes(u: &mut Unstructured<'_>) -> Result<Bytes> {
    // Now and then something longer than what compression leaves alone.
    let length = if u.ratio(1, 16)? { 1000 } else { u.int_in_range(0..=20)? };
    let byte = u.arbitrary()?;
    Ok((0..length).map(|index| if index % 3 == 0 { byte } else { 7 }).collect::<Vec<u8>>().into())
}

fn option<T>(u: &mut Unstructured<'_>, make: impl FnOnce(&mut Unstructured<'_>) -> Result<T>) -> Result<Option<T>> {
    if u.arbitrary()? { make(u).map(Some) } else { Ok(None) }
}

fn many<T>(
    u: &mut Unstructured<'_>,
    most: usize,
    mut make: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let count = u.int_in_range(0..=most)?;
    (0..count).map(|_| make(u)).collect()
}
