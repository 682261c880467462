//! Against an independent codec: `scylla-cql`, the Rust driver's. It speaks version 4 and, as an extension, version 5's
//! result metadata ids. Requests must be equal byte for byte; responses must be understood as they were meant.

use crate::messages::{random_bytes, request, response};
use arbitrary::Unstructured;
use bytes::{BufMut, Bytes};
use scylla_cql::deserialize::row::ColumnIterator;
use scylla_cql::frame::protocol_features::ProtocolFeatures;
use scylla_cql::frame::request as theirs;
use scylla_cql::frame::request::batch::BatchType;
use scylla_cql::frame::request::query::{PagingState, PagingStateResponse};
use scylla_cql::frame::response::error::DbError;
use scylla_cql::frame::response::event as their_event;
use scylla_cql::frame::response::result as their_result;
use scylla_cql::frame::response::result::{CollectionType, ColumnType, NativeType as TheirNative};
use scylla_cql::frame::response::{Response as TheirResponse, ResponseOpcode};
use scylla_cql::frame::types::SerialConsistency;
use scylla_cql::frame::{
    Compression as TheirCompression, SerializedRequest, compress_append, decompress, parse_response_body_extensions,
    server_event_type::EventType,
};
use scylla_cql::serialize::row::SerializedValues;
use std::borrow::Cow;
use std::sync::Arc;
use trefoil_cql::protocol::request::{Batch, BatchKind, BatchQuery, QueryParameters, Startup};
use trefoil_cql::protocol::response::{
    ChangeKind, ColumnSpec, Event, EventKind, Prepared, QueryResult, Rows, SchemaChange, SchemaTarget, StatusChange,
    TopologyChange,
};
use trefoil_cql::protocol::{
    Compression, Consistency, CqlError, Framer, Header, ProtocolVersion, Request, RequestEnvelope, Response,
    ResponseEnvelope, Role, Value,
};
use trefoil_cql::types::{CqlType, NativeType, UserType};

const V4: ProtocolVersion = ProtocolVersion::V4;

/// Leaves out what their types cannot say.
fn sayable(mut envelope: RequestEnvelope) -> RequestEnvelope {
    let serial = |level: &mut Option<Consistency>| *level = level.filter(|level| level.is_serial());
    envelope.custom_payload = None;
    match &mut envelope.request {
        Request::Query(query) => {
            query.parameters.names = None;
            serial(&mut query.parameters.serial_consistency);
        }
        Request::Execute(execute) => {
            execute.parameters.names = None;
            serial(&mut execute.parameters.serial_consistency);
        }
        Request::Batch(batch) => serial(&mut batch.serial_consistency),
        // They keep options in a map of random order: one can be compared.
        Request::Startup(startup) => startup.options = startup.options.pop_first().into_iter().collect(),
        _ => {}
    }
    envelope
}

fn their_values(values: &[Value]) -> SerializedValues {
    let mut raw = Vec::new();
    raw.put_u16(values.len() as u16);
    for value in values {
        match value {
            Value::Set(bytes) => {
                raw.put_i32(bytes.len() as i32);
                raw.put_slice(bytes);
            }
            Value::Null => raw.put_i32(-1),
            Value::Unset => raw.put_i32(-2),
        }
    }
    SerializedValues::new_from_frame(&mut &raw[..]).expect("these are values")
}

fn their_consistency(level: Consistency) -> scylla_cql::Consistency {
    scylla_cql::Consistency::try_from(level.number()).expect("they know all levels")
}

fn their_serial(level: Option<Consistency>) -> Option<SerialConsistency> {
    level.map(
        |level| if level == Consistency::Serial { SerialConsistency::Serial } else { SerialConsistency::LocalSerial },
    )
}

fn their_parameters(parameters: &QueryParameters) -> theirs::query::QueryParameters<'_> {
    theirs::query::QueryParameters {
        consistency: their_consistency(parameters.consistency),
        serial_consistency: their_serial(parameters.serial_consistency),
        timestamp: parameters.timestamp,
        page_size: parameters.page_size,
        paging_state: match &parameters.paging_state {
            Some(state) => PagingState::new_from_raw_bytes(&state[..]),
            None => PagingState::start(),
        },
        skip_metadata: parameters.skip_metadata,
        values: Cow::Owned(their_values(&parameters.values)),
    }
}

fn their_query(query: &BatchQuery) -> theirs::batch::BatchStatement<'_> {
    match query {
        BatchQuery::Text(text) => theirs::batch::BatchStatement::Query { text: text.as_str().into() },
        BatchQuery::Prepared(id) => theirs::batch::BatchStatement::Prepared { id: Cow::Borrowed(&id[..]) },
    }
}

fn their_batch(batch: &Batch) -> theirs::Batch<'_, theirs::batch::BatchStatement<'_>, Vec<SerializedValues>> {
    theirs::Batch {
        statements: batch.statements.iter().map(|each| their_query(&each.query)).collect::<Vec<_>>().into(),
        batch_type: match batch.kind {
            BatchKind::Logged => BatchType::Logged,
            BatchKind::Unlogged => BatchType::Unlogged,
            BatchKind::Counter => BatchType::Counter,
        },
        consistency: their_consistency(batch.consistency),
        serial_consistency: their_serial(batch.serial_consistency),
        timestamp: batch.timestamp,
        values: batch.statements.iter().map(|each| their_values(&each.values)).collect(),
    }
}

fn their_request(envelope: &RequestEnvelope, compression: Option<TheirCompression>) -> Bytes {
    let tracing = envelope.tracing;
    let made = match &envelope.request {
        Request::Startup(startup) => {
            let options = startup.options.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into())).collect();
            SerializedRequest::make(&theirs::Startup { options }, None, tracing)
        }
        Request::Options => SerializedRequest::make(&theirs::Options, compression, tracing),
        Request::Register(register) => {
            let event_types_to_register_for = register
                .events
                .iter()
                .map(|kind| match kind {
                    EventKind::TopologyChange => EventType::TopologyChange,
                    EventKind::StatusChange => EventType::StatusChange,
                    EventKind::SchemaChange => EventType::SchemaChange,
                })
                .collect();
            SerializedRequest::make(&theirs::register::Register { event_types_to_register_for }, compression, tracing)
        }
        Request::Query(query) => {
            let parameters = their_parameters(&query.parameters);
            let query = theirs::Query { contents: Cow::Borrowed(query.text.as_str()), parameters };
            SerializedRequest::make(&query, compression, tracing)
        }
        Request::Prepare(prepare) => {
            SerializedRequest::make(&theirs::Prepare { query: &prepare.text }, compression, tracing)
        }
        Request::Execute(execute) => {
            let execute = theirs::execute::ExecuteV2 {
                id: (&execute.id[..]).into(),
                result_metadata_id: None,
                parameters: their_parameters(&execute.parameters),
                tablet_version_block: None,
            };
            SerializedRequest::make(&execute, compression, tracing)
        }
        Request::Batch(batch) => SerializedRequest::make(&their_batch(batch), compression, tracing),
        Request::AuthResponse(auth) => {
            let response = auth.token.as_ref().map(|token| token.to_vec());
            SerializedRequest::make(&theirs::AuthResponse { response }, compression, tracing)
        }
    };
    let mut made = made.expect("they can say it");
    made.set_stream(envelope.stream);
    Bytes::copy_from_slice(made.get_data())
}

#[test]
fn requests_are_the_same_bytes() {
    for seed in 0..10_000 {
        let raw = random_bytes(seed, 600);
        let envelope = sayable(request(&mut Unstructured::new(&raw), V4).expect("it has enough bytes"));
        let wire = their_request(&envelope, None);
        assert_eq!(envelope.encode(), wire, "seed {seed}: {envelope:?}");
        assert_eq!(RequestEnvelope::decode(&wire), Ok(envelope), "seed {seed}");
    }
}

#[test]
fn compressed_requests_are_understood() {
    for (ours, theirs) in [(Compression::Lz4, TheirCompression::Lz4), (Compression::Snappy, TheirCompression::Snappy)] {
        let (_, mut server) = crate::garbage::connection(V4, ours);
        for seed in 0..2_000 {
            let raw = random_bytes(seed, 600);
            let envelope = sayable(request(&mut Unstructured::new(&raw), V4).expect("it has enough bytes"));
            server.feed(&their_request(&envelope, Some(theirs)));
            assert_eq!(server.next_envelope(), Ok(Some(envelope.encode())), "seed {seed}");
        }
    }
}

#[test]
fn compressed_responses_are_understood() {
    let body = Response::Error(CqlError::server("again and ".repeat(100)));
    for (ours, theirs) in [(Compression::Lz4, TheirCompression::Lz4), (Compression::Snappy, TheirCompression::Snappy)] {
        let (_, mut server) = crate::garbage::connection(V4, ours);
        let envelope = body.encode(V4, 1);
        let mut wire = Vec::new();
        server.encode(&envelope, &mut wire);
        assert!(wire.len() < 200 && wire[1] & 1 == 1);
        assert_eq!(decompress(&wire[9..], theirs).unwrap(), envelope[9..]);
        // And the other way: a client of ours with a server that compresses as they do, its READY included.
        let mut client = Framer::new(Role::Client);
        client.encode(&Request::Startup(Startup::new(ours)).encode(V4, 0), &mut Vec::new());
        for envelope in [Response::Ready.encode(V4, 0), envelope] {
            let mut wire = envelope[..9].to_vec();
            wire[1] |= 1;
            compress_append(&envelope[9..], theirs, &mut wire).unwrap();
            let length = wire.len() as u32 - 9;
            wire[5..9].copy_from_slice(&length.to_be_bytes());
            client.feed(&wire);
            assert_eq!(client.next_envelope(), Ok(Some(envelope)));
        }
    }
}

/// Without what is frozen, which columns do not tell.
fn thawed(cql_type: &CqlType) -> CqlType {
    let inner = |inner: &CqlType| Box::new(thawed(inner));
    match cql_type {
        CqlType::Frozen(frozen) => thawed(frozen),
        CqlType::List(element) => CqlType::List(inner(element)),
        CqlType::Set(element) => CqlType::Set(inner(element)),
        CqlType::Map(key, value) => CqlType::Map(inner(key), inner(value)),
        CqlType::Vector(element, dimension) => CqlType::Vector(inner(element), *dimension),
        CqlType::Tuple(elements) => CqlType::Tuple(elements.iter().map(thawed).collect()),
        CqlType::UserType(user_type) => {
            let fields = user_type.fields.iter().map(|(name, field)| (name.clone(), thawed(field))).collect();
            CqlType::UserType(Arc::new(UserType { fields, ..UserType::clone(user_type) }))
        }
        other => other.clone(),
    }
}

fn understood_type(theirs: &ColumnType<'_>) -> CqlType {
    let inner = |inner: &ColumnType<'_>| Box::new(understood_type(inner));
    match theirs {
        ColumnType::Native(native) => understood_native(native).into(),
        ColumnType::Collection { typ: CollectionType::List(element), .. } => CqlType::List(inner(element)),
        ColumnType::Collection { typ: CollectionType::Set(element), .. } => CqlType::Set(inner(element)),
        ColumnType::Collection { typ: CollectionType::Map(key, value), .. } => CqlType::Map(inner(key), inner(value)),
        ColumnType::Vector { typ, dimensions } => CqlType::Vector(inner(typ), u32::from(*dimensions)),
        ColumnType::Tuple(elements) => CqlType::Tuple(elements.iter().map(understood_type).collect()),
        ColumnType::UserDefinedType { definition, .. } => CqlType::UserType(Arc::new(UserType {
            keyspace: definition.keyspace.to_string(),
            name: definition.name.to_string(),
            fields: definition
                .field_types
                .iter()
                .map(|(name, field)| (name.to_string(), understood_type(field)))
                .collect(),
        })),
        other => panic!("{other:?}"),
    }
}

fn understood_native(theirs: &TheirNative) -> NativeType {
    match theirs {
        TheirNative::Ascii => NativeType::Ascii,
        TheirNative::Boolean => NativeType::Boolean,
        TheirNative::Blob => NativeType::Blob,
        TheirNative::Counter => NativeType::Counter,
        TheirNative::Date => NativeType::Date,
        TheirNative::Decimal => NativeType::Decimal,
        TheirNative::Double => NativeType::Double,
        TheirNative::Duration => NativeType::Duration,
        TheirNative::Float => NativeType::Float,
        TheirNative::Int => NativeType::Int,
        TheirNative::BigInt => NativeType::BigInt,
        TheirNative::Text => NativeType::Text,
        TheirNative::Timestamp => NativeType::Timestamp,
        TheirNative::Inet => NativeType::Inet,
        TheirNative::SmallInt => NativeType::SmallInt,
        TheirNative::TinyInt => NativeType::TinyInt,
        TheirNative::Time => NativeType::Time,
        TheirNative::Timeuuid => NativeType::TimeUuid,
        TheirNative::Uuid => NativeType::Uuid,
        TheirNative::Varint => NativeType::Varint,
        other => panic!("{other:?}"),
    }
}

fn check_columns(ours: &[ColumnSpec], theirs: &[their_result::ColumnSpec<'_>]) {
    let understood = theirs.iter().map(|column| ColumnSpec {
        keyspace: column.table_spec().ks_name().into(),
        table: column.table_spec().table_name().into(),
        name: column.name().into(),
        column_type: understood_type(column.typ()),
    });
    let meant = ours.iter().map(|column| ColumnSpec { column_type: thawed(&column.column_type), ..column.clone() });
    assert_eq!(meant.collect::<Vec<_>>(), understood.collect::<Vec<_>>());
}

fn check_rows(ours: &Rows, theirs: their_result::RawMetadataAndRawRows, paging: &PagingStateResponse) {
    let state = match paging {
        PagingStateResponse::HasMorePages { state } => {
            state.as_bytes_slice().map(|state| Bytes::copy_from_slice(state))
        }
        PagingStateResponse::NoMorePages => None,
    };
    assert_eq!(ours.paging_state, state);
    assert_eq!(ours.new_metadata_id.is_some(), theirs.metadata_changed());
    assert_eq!(ours.metadata.is_none(), theirs.no_metadata());
    // Without columns they cannot read rows.
    let Some(metadata) = &ours.metadata else { return };
    let theirs = theirs.deserialize_metadata().expect("they understand it");
    assert_eq!(ours.new_metadata_id.as_deref(), theirs.metadata().id());
    check_columns(&metadata.columns, theirs.metadata().col_specs());
    assert_eq!(ours.row_count, theirs.rows_count());
    let mut cells = Vec::new();
    for row in theirs.rows_iter::<ColumnIterator<'_, '_>>().expect("any row will do") {
        for cell in row.expect("a row") {
            cells.push(cell.expect("a cell").slice.map(|slice| Bytes::copy_from_slice(slice.as_slice())));
        }
    }
    assert_eq!(ours.cells, cells);
}

fn check_prepared(ours: &Prepared, theirs: &their_result::Prepared, version: ProtocolVersion) {
    assert_eq!(ours.id, theirs.id);
    if version == ProtocolVersion::V5 {
        assert_eq!(Some(&ours.result_metadata_id[..]), theirs.result_metadata.id());
    }
    let mut positions = theirs.prepared_metadata.pk_indexes.clone();
    positions.sort_by_key(|position| position.sequence);
    assert_eq!(ours.partition_key, positions.iter().map(|position| position.index).collect::<Vec<_>>());
    check_columns(&ours.bind_markers, &theirs.prepared_metadata.col_specs);
    let columns = ours.result_metadata.as_ref().map_or(&[][..], |metadata| &metadata.columns);
    check_columns(columns, theirs.result_metadata.col_specs());
}

fn understood_change(theirs: &their_event::SchemaChangeEvent) -> SchemaChange {
    use their_event::SchemaChangeEvent as Theirs;
    let (change, keyspace, target) = match theirs {
        Theirs::KeyspaceChange { change_type, keyspace_name } => (change_type, keyspace_name, SchemaTarget::Keyspace),
        Theirs::TableChange { change_type, keyspace_name, object_name } => {
            (change_type, keyspace_name, SchemaTarget::Table(object_name.clone()))
        }
        Theirs::TypeChange { change_type, keyspace_name, type_name } => {
            (change_type, keyspace_name, SchemaTarget::Type(type_name.clone()))
        }
        Theirs::FunctionChange { change_type, keyspace_name, function_name, arguments } => {
            (change_type, keyspace_name, SchemaTarget::Function(function_name.clone(), arguments.clone()))
        }
        Theirs::AggregateChange { change_type, keyspace_name, aggregate_name, arguments } => {
            (change_type, keyspace_name, SchemaTarget::Aggregate(aggregate_name.clone(), arguments.clone()))
        }
    };
    let change = match change {
        their_event::SchemaChangeType::Created => ChangeKind::Created,
        their_event::SchemaChangeType::Updated => ChangeKind::Updated,
        their_event::SchemaChangeType::Dropped => ChangeKind::Dropped,
        their_event::SchemaChangeType::Invalid => panic!("invalid change"),
    };
    SchemaChange { change, keyspace: keyspace.clone(), target }
}

fn check_event(ours: &Event, theirs: &their_event::Event) {
    use their_event::{Event as Theirs, StatusChangeEvent, TopologyChangeEvent};
    let understood = match theirs {
        Theirs::TopologyChange(TopologyChangeEvent::NewNode(node)) => Event::Topology(TopologyChange::NewNode, *node),
        Theirs::TopologyChange(TopologyChangeEvent::RemovedNode(node)) => {
            Event::Topology(TopologyChange::RemovedNode, *node)
        }
        Theirs::StatusChange(StatusChangeEvent::Up(node)) => Event::Status(StatusChange::Up, *node),
        Theirs::StatusChange(StatusChangeEvent::Down(node)) => Event::Status(StatusChange::Down, *node),
        Theirs::SchemaChange(change) => Event::Schema(understood_change(change)),
    };
    assert_eq!(*ours, understood);
}

fn check_error(ours: &CqlError, theirs: &scylla_cql::frame::response::Error, features: &ProtocolFeatures) {
    assert_eq!(ours.code(), theirs.error.code(features));
    assert_eq!(ours.to_string(), theirs.reason);
    // Their fields and ours, as text: names differ, values and their order do not.
    let fields = |values: &[&dyn std::fmt::Debug]| values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>();
    let (meant, understood) = match (ours, &theirs.error) {
        (
            CqlError::Unavailable { consistency, required, alive, .. },
            DbError::Unavailable { consistency: c, required: r, alive: a },
        ) => (fields(&[&consistency.number(), required, alive]), fields(&[&(*c as u16), r, a])),
        (
            CqlError::WriteTimeout { consistency, received, required, write_type, .. },
            DbError::WriteTimeout { consistency: c, received: g, required: r, write_type: w },
        ) => (
            fields(&[&consistency.number(), received, required, &write_type.name()]),
            fields(&[&(*c as u16), g, r, &w.as_str()]),
        ),
        (
            CqlError::ReadTimeout { consistency, received, required, data_present, .. },
            DbError::ReadTimeout { consistency: c, received: g, required: r, data_present: d },
        ) => (fields(&[&consistency.number(), received, required, data_present]), fields(&[&(*c as u16), g, r, d])),
        (
            CqlError::ReadFailure { consistency, received, required, failures, data_present, .. },
            DbError::ReadFailure { consistency: c, received: g, required: r, numfailures: n, data_present: d },
        ) => (
            fields(&[&consistency.number(), received, required, &failures.count(), data_present]),
            fields(&[&(*c as u16), g, r, n, d]),
        ),
        (
            CqlError::WriteFailure { consistency, received, required, failures, write_type, .. },
            DbError::WriteFailure { consistency: c, received: g, required: r, numfailures: n, write_type: w },
        ) => (
            fields(&[&consistency.number(), received, required, &failures.count(), &write_type.name()]),
            fields(&[&(*c as u16), g, r, n, &w.as_str()]),
        ),
        (
            CqlError::FunctionFailure { keyspace, function, arguments, .. },
            DbError::FunctionFailure { keyspace: k, function: f, arg_types: a },
        ) => (fields(&[keyspace, function, arguments]), fields(&[k, f, a])),
        (CqlError::AlreadyExists { keyspace, table, .. }, DbError::AlreadyExists { keyspace: k, table: t }) => {
            (fields(&[keyspace, table]), fields(&[k, t]))
        }
        (CqlError::Unprepared { id, .. }, DbError::Unprepared { statement_id }) => {
            (fields(&[id]), fields(&[statement_id]))
        }
        // A message and no fields.
        _ => return,
    };
    assert_eq!(meant, understood);
}

/// Whether they can be expected to understand it.
fn is_known_to_them(response: &Response, version: ProtocolVersion) -> bool {
    match response {
        // Not even version 5's headers; but its rows and prepared statements, by extension.
        Response::Result(_) => true,
        Response::Event(Event::Topology(TopologyChange::MovedNode, _)) => false,
        _ => version == V4,
    }
}

#[test]
fn responses_are_understood() {
    let mut checked = 0;
    for seed in 0..30_000 {
        for version in [V4, ProtocolVersion::V5] {
            let raw = random_bytes(seed, 900);
            let mut envelope = response(&mut Unstructured::new(&raw), version).expect("it has enough bytes");
            envelope.attachments.custom_payload.retain(|_, value| value.is_some());
            if !is_known_to_them(&envelope.response, version) {
                continue;
            }
            checked += 1;
            check_response(&envelope, seed);
        }
    }
    assert!(checked > 30_000, "{checked}");
}

fn check_response(envelope: &ResponseEnvelope, seed: u64) {
    let mut features = ProtocolFeatures::default();
    features.scylla_metadata_id_supported = envelope.version == ProtocolVersion::V5;
    let wire = envelope.encode();
    let header = Header::of(&wire).expect("it is whole");
    let parts = parse_response_body_extensions(header.flags.0, None, wire.slice(9..)).expect("they understand it");
    let attached = &envelope.attachments;
    assert_eq!(attached.tracing_id, parts.trace_id.map(|id| *id.as_bytes()));
    assert_eq!(attached.warnings, parts.warnings);
    assert_eq!(attached.custom_payload.len(), parts.custom_payload.as_ref().map_or(0, |payload| payload.len()));
    let opcode = ResponseOpcode::try_from(header.opcode as u8).expect("they know it");
    let theirs = TheirResponse::deserialize(&features, opcode, parts.body, None)
        .unwrap_or_else(|error| panic!("seed {seed}: {error}: {envelope:?}"));
    match (&envelope.response, theirs) {
        (Response::Ready, TheirResponse::Ready) => {}
        (Response::Error(ours), TheirResponse::Error(theirs)) => check_error(ours, &theirs, &features),
        (Response::Authenticate(class), TheirResponse::Authenticate(theirs)) => {
            assert_eq!(*class, theirs.authenticator_name);
        }
        (Response::AuthChallenge(token), TheirResponse::AuthChallenge(theirs)) => {
            assert_eq!(token.as_deref(), theirs.authenticate_message.as_deref());
        }
        (Response::AuthSuccess(token), TheirResponse::AuthSuccess(theirs)) => {
            assert_eq!(token.as_deref(), theirs.success_message.as_deref());
        }
        (Response::Supported(options), TheirResponse::Supported(theirs)) => {
            assert_eq!(*options, theirs.options.into_iter().collect());
        }
        (Response::Event(ours), TheirResponse::Event(theirs)) => check_event(ours, &theirs),
        (Response::Result(ours), TheirResponse::Result(theirs)) => check_result(ours, theirs, envelope.version),
        (ours, theirs) => panic!("{ours:?} is not {theirs:?}"),
    }
}

fn check_result(ours: &QueryResult, theirs: their_result::Result, version: ProtocolVersion) {
    match (ours, theirs) {
        (QueryResult::Void, their_result::Result::Void) => {}
        (QueryResult::Rows(ours), their_result::Result::Rows((theirs, paging))) => check_rows(ours, theirs, &paging),
        (QueryResult::SetKeyspace(keyspace), their_result::Result::SetKeyspace(theirs)) => {
            assert_eq!(*keyspace, theirs.keyspace_name);
        }
        (QueryResult::Prepared(ours), their_result::Result::Prepared(theirs)) => check_prepared(ours, &theirs, version),
        (QueryResult::SchemaChange(ours), their_result::Result::SchemaChange(theirs)) => {
            assert_eq!(*ours, understood_change(&theirs.event));
        }
        (ours, theirs) => panic!("{ours:?} is not {theirs:?}"),
    }
}
