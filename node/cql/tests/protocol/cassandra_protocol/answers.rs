//! Responses: ours become their types field by field, and must be what they read; what they write of it, we must read as
//! what was meant.

use super::{VERSIONS, short, their_level};
use crate::messages::{random_bytes, response};
use arbitrary::Unstructured;
use bytes::{BufMut, Bytes, BytesMut};
use cassandra_protocol::compression::Compression as TheirCompression;
use cassandra_protocol::frame::events as their_event;
use cassandra_protocol::frame::message_error as their_error;
use cassandra_protocol::frame::message_error::{ErrorBody, ErrorType};
use cassandra_protocol::frame::message_event::BodyResEvent;
use cassandra_protocol::frame::message_response::ResponseBody;
use cassandra_protocol::frame::message_result as their_result;
use cassandra_protocol::frame::message_result::{ColType, ColTypeOption, ColTypeOptionValue, ResResultBody};
use cassandra_protocol::frame::message_supported::BodyResSupported;
use cassandra_protocol::frame::{Envelope, Serialize, Version};
use cassandra_protocol::types::CBytes;
use trefoil_cql::protocol::marshal::class_name;
use trefoil_cql::protocol::response::{
    ChangeKind, ColumnSpec, Event, Failures, Prepared, QueryResult, ResultMetadata, Rows, SchemaChange, SchemaTarget,
    StatusChange, TopologyChange, WriteType,
};
use trefoil_cql::protocol::{CqlError, ProtocolVersion, Response, ResponseEnvelope};
use trefoil_cql::types::{CqlType, NativeType};

/// Whether they can be expected to understand it.
fn is_known_to_them(envelope: &ResponseEnvelope) -> bool {
    let version = envelope.version;
    // They leave payloads in the body.
    if !envelope.attachments.custom_payload.is_empty() {
        return false;
    }
    match &envelope.response {
        Response::Event(Event::Topology(TopologyChange::MovedNode, _)) => false,
        // They do not have these codes.
        Response::Error(CqlError::CdcWriteFailure(_) | CqlError::CasWriteUnknown { .. } | CqlError::Other { .. }) => {
            false
        }
        // They expect the contentions in every version, and version 5 alone has them.
        Response::Error(CqlError::WriteTimeout { write_type: WriteType::Cas, .. }) => version == ProtocolVersion::V5,
        // They expect a port after the address of a replica that failed; the specification has none.
        Response::Error(CqlError::ReadFailure { failures, .. } | CqlError::WriteFailure { failures, .. }) => {
            !matches!(failures, Failures::Reasons(reasons) if !reasons.is_empty())
        }
        _ => true,
    }
}

fn bytes_or_null(bytes: Option<&Bytes>) -> CBytes {
    bytes.map_or_else(CBytes::new_null, |bytes| CBytes::new(bytes.to_vec()))
}

fn their_type(cql_type: &CqlType, version: Version) -> ColTypeOption {
    let inner = |inner: &CqlType| Box::new(their_type(inner, version));
    let custom = || (ColType::Custom, Some(ColTypeOptionValue::CString(class_name(cql_type))));
    let (id, value) = match cql_type {
        CqlType::Frozen(frozen) => return their_type(frozen, version),
        CqlType::List(element) => (ColType::List, Some(ColTypeOptionValue::CList(inner(element)))),
        CqlType::Set(element) => (ColType::Set, Some(ColTypeOptionValue::CSet(inner(element)))),
        CqlType::Map(key, value) => (ColType::Map, Some(ColTypeOptionValue::CMap(inner(key), inner(value)))),
        CqlType::Tuple(elements) => {
            let types = elements.iter().map(|element| their_type(element, version)).collect();
            (ColType::Tuple, Some(ColTypeOptionValue::TupleType(their_result::CTuple { types })))
        }
        CqlType::UserType(user_type) => {
            let field = |(name, field): &(String, CqlType)| (name.clone(), their_type(field, version));
            let udt = their_result::CUdt {
                ks: user_type.keyspace.clone(),
                udt_name: user_type.name.clone(),
                descriptions: user_type.fields.iter().map(field).collect(),
            };
            (ColType::Udt, Some(ColTypeOptionValue::UdtType(udt)))
        }
        other => match other.native().map(their_native) {
            Some((native, since)) if version >= since => (native, None),
            _ => custom(),
        },
    };
    ColTypeOption { id, value }
}

/// A scalar type as they have it, and the version that it came with: earlier ones know the class only.
fn their_native(native: NativeType) -> (ColType, Version) {
    match native {
        NativeType::Ascii => (ColType::Ascii, Version::V3),
        NativeType::BigInt => (ColType::Bigint, Version::V3),
        NativeType::Blob => (ColType::Blob, Version::V3),
        NativeType::Boolean => (ColType::Boolean, Version::V3),
        NativeType::Counter => (ColType::Counter, Version::V3),
        NativeType::Decimal => (ColType::Decimal, Version::V3),
        NativeType::Double => (ColType::Double, Version::V3),
        NativeType::Float => (ColType::Float, Version::V3),
        NativeType::Int => (ColType::Int, Version::V3),
        NativeType::Timestamp => (ColType::Timestamp, Version::V3),
        NativeType::Uuid => (ColType::Uuid, Version::V3),
        NativeType::Text => (ColType::Varchar, Version::V3),
        NativeType::Varint => (ColType::Varint, Version::V3),
        NativeType::TimeUuid => (ColType::Timeuuid, Version::V3),
        NativeType::Inet => (ColType::Inet, Version::V3),
        NativeType::Date => (ColType::Date, Version::V4),
        NativeType::Time => (ColType::Time, Version::V4),
        NativeType::SmallInt => (ColType::Smallint, Version::V4),
        NativeType::TinyInt => (ColType::Tinyint, Version::V4),
        NativeType::Duration => (ColType::Duration, Version::V5),
    }
}

/// The columns, with the table's name told once if it is one table's and they are read so.
fn their_columns(
    columns: &[ColumnSpec],
    version: Version,
    is_told_once: bool,
) -> (Option<their_result::TableSpec>, Vec<their_result::ColSpec>) {
    let table = |column: &ColumnSpec| their_result::TableSpec {
        ks_name: column.keyspace.clone(),
        table_name: column.table.clone(),
    };
    let specs = columns.iter().map(|column| their_result::ColSpec {
        table_spec: (!is_told_once).then(|| table(column)),
        name: column.name.clone(),
        col_type: their_type(&column.column_type, version),
    });
    (columns.first().filter(|_| is_told_once).map(table), specs.collect())
}

fn check_metadata(ours: Option<&ResultMetadata>, theirs: &their_result::RowsMetadata, version: Version) {
    let is_told_once = theirs.flags.contains(their_result::RowsMetadataFlags::GLOBAL_TABLE_SPACE);
    assert_eq!(ours.is_none(), theirs.flags.contains(their_result::RowsMetadataFlags::NO_METADATA));
    let columns = ours.map_or(&[][..], |metadata| &metadata.columns);
    let (table, specs) = their_columns(columns, version, is_told_once);
    assert_eq!(specs, theirs.col_specs);
    assert_eq!(table, theirs.global_table_spec);
}

fn check_rows(ours: &Rows, theirs: &their_result::BodyResResultRows, version: Version) {
    check_metadata(ours.metadata.as_ref(), &theirs.metadata, version);
    assert_eq!(ours.new_metadata_id.as_ref().map(short), theirs.metadata.new_metadata_id);
    assert_eq!(ours.paging_state.as_ref().map(|state| CBytes::new(state.to_vec())), theirs.metadata.paging_state);
    assert_eq!((ours.column_count as i32, ours.row_count as i32), (theirs.metadata.columns_count, theirs.rows_count));
    let cells: Vec<CBytes> = ours.cells.iter().map(|cell| bytes_or_null(cell.as_ref())).collect();
    assert_eq!(cells, theirs.rows_content.concat());
}

fn check_prepared(ours: &Prepared, theirs: &their_result::BodyResResultPrepared, version: Version) {
    assert_eq!(short(&ours.id), theirs.id);
    let id = (version == Version::V5).then(|| short(&ours.result_metadata_id));
    assert_eq!(id, theirs.result_metadata_id);
    let positions: Vec<i16> = ours.partition_key.iter().map(|position| *position as i16).collect();
    assert_eq!(positions, theirs.metadata.pk_indexes);
    let is_told_once = theirs.metadata.global_table_spec.is_some();
    let (table, specs) = their_columns(&ours.bind_markers, version, is_told_once);
    assert_eq!((table, &specs), (theirs.metadata.global_table_spec.clone(), &theirs.metadata.col_specs));
    check_metadata(ours.result_metadata.as_ref(), &theirs.result_metadata, version);
}

fn their_change(ours: &SchemaChange) -> their_event::SchemaChange {
    use their_event::SchemaChangeOptions::{FunctionAggregate, Keyspace, TableType};
    use their_event::SchemaChangeTarget as Target;
    let keyspace = ours.keyspace.clone();
    let (target, options) = match &ours.target {
        SchemaTarget::Keyspace => (Target::Keyspace, Keyspace(keyspace)),
        SchemaTarget::Table(name) => (Target::Table, TableType(keyspace, name.clone())),
        SchemaTarget::Type(name) => (Target::Type, TableType(keyspace, name.clone())),
        SchemaTarget::Function(name, arguments) => {
            (Target::Function, FunctionAggregate(keyspace, name.clone(), arguments.clone()))
        }
        SchemaTarget::Aggregate(name, arguments) => {
            (Target::Aggregate, FunctionAggregate(keyspace, name.clone(), arguments.clone()))
        }
    };
    let change_type = match ours.change {
        ChangeKind::Created => their_event::SchemaChangeType::Created,
        ChangeKind::Updated => their_event::SchemaChangeType::Updated,
        ChangeKind::Dropped => their_event::SchemaChangeType::Dropped,
    };
    their_event::SchemaChange { change_type, target, options }
}

fn their_event(ours: &Event) -> their_event::ServerEvent {
    use their_event::{ServerEvent, StatusChangeType, TopologyChangeType};
    match ours {
        Event::Topology(change, addr) => {
            let change_type = match change {
                TopologyChange::RemovedNode => TopologyChangeType::RemovedNode,
                _ => TopologyChangeType::NewNode,
            };
            ServerEvent::TopologyChange(their_event::TopologyChange { change_type, addr: *addr })
        }
        Event::Status(change, addr) => {
            let change_type = match change {
                StatusChange::Up => StatusChangeType::Up,
                StatusChange::Down => StatusChangeType::Down,
            };
            ServerEvent::StatusChange(their_event::StatusChange { change_type, addr: *addr })
        }
        Event::Schema(change) => ServerEvent::SchemaChange(their_change(change)),
    }
}

fn their_failures(ours: &Failures, version: Version) -> their_error::FailureInfo {
    match version {
        Version::V5 => their_error::FailureInfo::ReasonMap([].into()),
        _ => their_error::FailureInfo::NumFailures(ours.count()),
    }
}

fn their_write_type(ours: WriteType) -> their_error::WriteType {
    match ours {
        WriteType::Simple => their_error::WriteType::Simple,
        WriteType::Batch => their_error::WriteType::Batch,
        WriteType::UnloggedBatch => their_error::WriteType::UnloggedBatch,
        WriteType::Counter => their_error::WriteType::Counter,
        WriteType::BatchLog => their_error::WriteType::BatchLog,
        WriteType::Cas => their_error::WriteType::Cas,
        WriteType::View => their_error::WriteType::View,
        WriteType::Cdc => their_error::WriteType::Cdc,
    }
}

fn check_error(ours: &CqlError, theirs: &ErrorBody, version: Version) {
    let meant = match ours {
        CqlError::Server(_) => ErrorType::Server,
        CqlError::Protocol(_) => ErrorType::Protocol,
        CqlError::BadCredentials(_) => ErrorType::Authentication,
        CqlError::Overloaded(_) => ErrorType::Overloaded,
        CqlError::Bootstrapping(_) => ErrorType::IsBootstrapping,
        CqlError::Truncate(_) => ErrorType::Truncate,
        CqlError::Syntax(_) => ErrorType::Syntax,
        CqlError::Unauthorized(_) => ErrorType::Unauthorized,
        CqlError::Invalid(_) => ErrorType::Invalid,
        CqlError::Config(_) => ErrorType::Config,
        CqlError::Unavailable { consistency, required, alive, .. } => {
            let cl = their_level(*consistency);
            ErrorType::Unavailable(their_error::UnavailableError { cl, required: *required, alive: *alive })
        }
        CqlError::WriteTimeout { consistency, received, required, write_type, contentions, .. } => {
            ErrorType::WriteTimeout(their_error::WriteTimeoutError {
                cl: their_level(*consistency),
                received: *received,
                block_for: *required,
                write_type: their_write_type(*write_type),
                contentions: (*write_type == WriteType::Cas).then_some(*contentions as i16),
            })
        }
        CqlError::WriteFailure { consistency, received, required, failures, write_type, .. } => {
            ErrorType::WriteFailure(their_error::WriteFailureError {
                cl: their_level(*consistency),
                received: *received,
                block_for: *required,
                failure_info: their_failures(failures, version),
                write_type: their_write_type(*write_type),
            })
        }
        // One field of these can only be asked for.
        CqlError::ReadTimeout { consistency, received, required, data_present, .. } => {
            let ErrorType::ReadTimeout(same) = &theirs.ty else { panic!("{theirs:?} is not {ours:?}") };
            assert_eq!(same.replica_has_responded(), *data_present);
            let mut meant = *same;
            meant.cl = their_level(*consistency);
            (meant.received, meant.block_for) = (*received, *required);
            ErrorType::ReadTimeout(meant)
        }
        CqlError::ReadFailure { consistency, received, required, failures, data_present, .. } => {
            let ErrorType::ReadFailure(same) = &theirs.ty else { panic!("{theirs:?} is not {ours:?}") };
            assert_eq!(same.replica_has_responded(), *data_present);
            let mut meant = same.clone();
            meant.cl = their_level(*consistency);
            (meant.received, meant.block_for) = (*received, *required);
            meant.failure_info = their_failures(failures, version);
            ErrorType::ReadFailure(meant)
        }
        CqlError::FunctionFailure { keyspace, function, arguments, .. } => {
            let (keyspace, function, arg_types) = (keyspace.clone(), function.clone(), arguments.clone());
            ErrorType::FunctionFailure(their_error::FunctionFailureError { keyspace, function, arg_types })
        }
        CqlError::AlreadyExists { keyspace, table, .. } => {
            ErrorType::AlreadyExists(their_error::AlreadyExistsError { ks: keyspace.clone(), table: table.clone() })
        }
        CqlError::Unprepared { id, .. } => ErrorType::Unprepared(their_error::UnpreparedError { id: short(id) }),
        CqlError::CdcWriteFailure(_) | CqlError::CasWriteUnknown { .. } | CqlError::Other { .. } => {
            panic!("they have no such code")
        }
    };
    assert_eq!(*theirs, ErrorBody { message: ours.to_string(), ty: meant });
}

/// Checks what they read, and says it again if they can.
fn check_response(ours: &Response, theirs: ResponseBody, version: Version) -> Option<Vec<u8>> {
    Some(match (ours, theirs) {
        (Response::Ready, ResponseBody::Ready) => Vec::new(),
        (Response::Error(ours), ResponseBody::Error(theirs)) => {
            check_error(ours, &theirs, version);
            theirs.serialize_to_vec(version)
        }
        (Response::Authenticate(class), ResponseBody::Authenticate(theirs)) => {
            assert_eq!(*class, theirs.data);
            theirs.serialize_to_vec(version)
        }
        (Response::AuthChallenge(token), ResponseBody::AuthChallenge(theirs)) => {
            assert_eq!(bytes_or_null(token.as_ref()), theirs.data);
            theirs.serialize_to_vec(version)
        }
        (Response::AuthSuccess(token), ResponseBody::AuthSuccess(theirs)) => {
            assert_eq!(bytes_or_null(token.as_ref()), theirs.data);
            theirs.serialize_to_vec(version)
        }
        (Response::Supported(options), ResponseBody::Supported(theirs)) => {
            assert_eq!(BodyResSupported { data: options.clone().into_iter().collect() }, theirs);
            theirs.serialize_to_vec(version)
        }
        (Response::Event(ours), ResponseBody::Event(theirs)) => {
            assert_eq!(BodyResEvent { event: their_event(ours) }, theirs);
            theirs.serialize_to_vec(version)
        }
        (Response::Result(ours), ResponseBody::Result(theirs)) => {
            let is_sayable = match (ours, &theirs) {
                (QueryResult::Void, ResResultBody::Void) => true,
                (QueryResult::Rows(ours), ResResultBody::Rows(theirs)) => {
                    check_rows(ours, theirs, version);
                    // They write no metadata without columns, and no new id.
                    !theirs.metadata.col_specs.is_empty() && theirs.metadata.new_metadata_id.is_none()
                }
                (QueryResult::SetKeyspace(keyspace), ResResultBody::SetKeyspace(theirs)) => {
                    assert_eq!(*keyspace, theirs.body);
                    true
                }
                (QueryResult::Prepared(ours), ResResultBody::Prepared(theirs)) => {
                    check_prepared(ours, theirs, version);
                    // They write the positions of the key in version 3, too.
                    version > Version::V3 && !theirs.result_metadata.col_specs.is_empty()
                }
                (QueryResult::SchemaChange(ours), ResResultBody::SchemaChange(theirs)) => {
                    assert_eq!(their_change(ours), *theirs);
                    true
                }
                (ours, theirs) => panic!("{theirs:?} is not {ours:?}"),
            };
            return is_sayable.then(|| theirs.serialize_to_vec(version));
        }
        (ours, theirs) => panic!("{theirs:?} is not {ours:?}"),
    })
}

#[test]
fn responses_are_understood_both_ways() {
    let (mut checked, mut again) = (0, 0);
    for seed in 0..10_000 {
        for (ours, theirs) in VERSIONS {
            let raw = random_bytes(seed, 900);
            let meant = response(&mut Unstructured::new(&raw), ours).expect("it has enough bytes");
            if !is_known_to_them(&meant) {
                continue;
            }
            checked += 1;
            let wire = meant.encode();
            let envelope = Envelope::from_buffer(&wire, TheirCompression::None)
                .unwrap_or_else(|error| panic!("seed {seed}: {error}: {meant:?}"))
                .envelope;
            assert_eq!((envelope.version, envelope.stream_id), (theirs, meant.stream));
            assert_eq!(envelope.tracing_id.map(|id| *id.as_bytes()), meant.attachments.tracing_id);
            assert_eq!(envelope.warnings, meant.attachments.warnings);
            let body = envelope.response_body().unwrap_or_else(|error| panic!("seed {seed}: {error}: {meant:?}"));
            let Some(body) = check_response(&meant.response, body, theirs) else { continue };
            again += 1;
            let mut said = BytesMut::new();
            let whole = Envelope { body, ..envelope }.encode_with(TheirCompression::None).expect("they can say it");
            said.put_slice(&whole);
            assert_eq!(ResponseEnvelope::decode(&said.freeze()), Ok(meant), "seed {seed}");
        }
    }
    assert!(checked > 20_000 && again > 15_000, "{checked} {again}");
}
