//! Against a second independent codec: `cassandra-protocol`, which speaks versions 3, 4 and 5 with their framing. What is
//! said here is put into its types field by field, never by way of bytes; then both must write the same bytes, and each
//! must read what the other wrote. What it is known not to understand is left out by name.

use crate::garbage::connection;
use crate::messages::{random_bytes, request, response};
use arbitrary::Unstructured;
use bytes::Bytes;
use cassandra_protocol::compression::Compression as TheirCompression;
use cassandra_protocol::consistency::Consistency as TheirConsistency;
use cassandra_protocol::frame::events::SimpleServerEvent;
use cassandra_protocol::frame::frame_decoder::{
    FrameDecoder, LegacyFrameDecoder, Lz4FrameDecoder, UncompressedFrameDecoder,
};
use cassandra_protocol::frame::frame_encoder::{FrameEncoder, Lz4FrameEncoder, UncompressedFrameEncoder};
use cassandra_protocol::frame::message_auth_response::BodyReqAuthResponse;
use cassandra_protocol::frame::message_batch::{self, BatchQuerySubj, BodyReqBatch};
use cassandra_protocol::frame::message_execute::BodyReqExecuteOwned;
use cassandra_protocol::frame::message_options::BodyReqOptions;
use cassandra_protocol::frame::message_prepare::BodyReqPrepare;
use cassandra_protocol::frame::message_query::BodyReqQuery;
use cassandra_protocol::frame::message_register::BodyReqRegister;
use cassandra_protocol::frame::message_request::RequestBody;
use cassandra_protocol::frame::message_startup::BodyReqStartup;
use cassandra_protocol::frame::{
    Direction as TheirDirection, Envelope, Flags as TheirFlags, Opcode as TheirOpcode, Serialize, Version,
};
use cassandra_protocol::query::{QueryParams, QueryValues};
use cassandra_protocol::types::value::Value as TheirValue;
use cassandra_protocol::types::{CBytes, CBytesShort};
use trefoil_cql::protocol::request::{BatchKind, BatchQuery, QueryParameters};
use trefoil_cql::protocol::response::EventKind;
use trefoil_cql::protocol::{
    Compression, Consistency, Framer, Header, ProtocolVersion, Request, RequestEnvelope, Response, Value,
};

mod answers;

/// Ours, and theirs.
const VERSIONS: [(ProtocolVersion, Version); 3] =
    [(ProtocolVersion::V3, Version::V3), (ProtocolVersion::V4, Version::V4), (ProtocolVersion::V5, Version::V5)];

/// Every form of a connection, ours and theirs.
const FORMS: [(ProtocolVersion, Compression, TheirCompression); 7] = [
    (ProtocolVersion::V3, Compression::None, TheirCompression::None),
    (ProtocolVersion::V3, Compression::Snappy, TheirCompression::Snappy),
    (ProtocolVersion::V4, Compression::None, TheirCompression::None),
    (ProtocolVersion::V4, Compression::Lz4, TheirCompression::Lz4),
    (ProtocolVersion::V4, Compression::Snappy, TheirCompression::Snappy),
    (ProtocolVersion::V5, Compression::None, TheirCompression::None),
    (ProtocolVersion::V5, Compression::Lz4, TheirCompression::Lz4),
];

/// Leaves out what their types cannot say.
fn sayable(mut envelope: RequestEnvelope) -> RequestEnvelope {
    envelope.custom_payload = None;
    // They keep options and named values in maps of random order: one can be compared.
    let one_name = |parameters: &mut QueryParameters| {
        parameters.skip_metadata = false;
        if let Some(names) = &mut parameters.names {
            names.truncate(1);
            parameters.values.truncate(1);
        }
    };
    match &mut envelope.request {
        Request::Query(query) => one_name(&mut query.parameters),
        Request::Execute(execute) => one_name(&mut execute.parameters),
        Request::Startup(startup) => startup.options = startup.options.pop_first().into_iter().collect(),
        _ => {}
    }
    envelope
}

fn their_level(level: Consistency) -> TheirConsistency {
    match level {
        Consistency::Any => TheirConsistency::Any,
        Consistency::One => TheirConsistency::One,
        Consistency::Two => TheirConsistency::Two,
        Consistency::Three => TheirConsistency::Three,
        Consistency::Quorum => TheirConsistency::Quorum,
        Consistency::All => TheirConsistency::All,
        Consistency::LocalQuorum => TheirConsistency::LocalQuorum,
        Consistency::EachQuorum => TheirConsistency::EachQuorum,
        Consistency::Serial => TheirConsistency::Serial,
        Consistency::LocalSerial => TheirConsistency::LocalSerial,
        Consistency::LocalOne => TheirConsistency::LocalOne,
    }
}

fn their_value(value: &Value) -> TheirValue {
    match value {
        Value::Set(bytes) => TheirValue::Some(bytes.to_vec()),
        Value::Null => TheirValue::Null,
        Value::Unset => TheirValue::NotSet,
    }
}

fn short(bytes: &Bytes) -> CBytesShort {
    CBytesShort::new(bytes.to_vec())
}

fn their_parameters(parameters: &QueryParameters) -> QueryParams {
    let values = parameters.values.iter().map(their_value);
    QueryParams {
        consistency: their_level(parameters.consistency),
        with_names: parameters.names.is_some(),
        values: match &parameters.names {
            _ if parameters.values.is_empty() => None,
            Some(names) => Some(QueryValues::NamedValues(names.iter().cloned().zip(values).collect())),
            None => Some(QueryValues::SimpleValues(values.collect())),
        },
        page_size: parameters.page_size,
        paging_state: parameters.paging_state.as_ref().map(|state| CBytes::new(state.to_vec())),
        serial_consistency: parameters.serial_consistency.map(their_level),
        timestamp: parameters.timestamp,
        keyspace: parameters.keyspace.clone(),
        now_in_seconds: parameters.now_in_seconds,
    }
}

fn their_body(request: &Request, version: Version) -> (TheirOpcode, RequestBody) {
    match request {
        Request::Startup(startup) => {
            let map = startup.options.clone().into_iter().collect();
            (TheirOpcode::Startup, RequestBody::Startup(BodyReqStartup { map }))
        }
        Request::Options => (TheirOpcode::Options, RequestBody::Options(BodyReqOptions)),
        Request::Register(register) => {
            let their_event = |kind: &EventKind| match kind {
                EventKind::TopologyChange => SimpleServerEvent::TopologyChange,
                EventKind::StatusChange => SimpleServerEvent::StatusChange,
                EventKind::SchemaChange => SimpleServerEvent::SchemaChange,
            };
            let events = register.events.iter().map(their_event).collect();
            (TheirOpcode::Register, RequestBody::Register(BodyReqRegister { events }))
        }
        Request::Query(query) => {
            let query_params = their_parameters(&query.parameters);
            (TheirOpcode::Query, RequestBody::Query(BodyReqQuery { query: query.text.clone(), query_params }))
        }
        Request::Prepare(prepare) => {
            let body = BodyReqPrepare { query: prepare.text.clone(), keyspace: prepare.keyspace.clone() };
            (TheirOpcode::Prepare, RequestBody::Prepare(body))
        }
        Request::Execute(execute) => {
            let body = BodyReqExecuteOwned {
                id: short(&execute.id),
                result_metadata_id: (version == Version::V5).then(|| short(&execute.result_metadata_id)),
                query_parameters: their_parameters(&execute.parameters),
            };
            (TheirOpcode::Execute, RequestBody::Execute(body))
        }
        Request::Batch(batch) => {
            let queries = batch.statements.iter().map(|each| message_batch::BatchQuery {
                subject: match &each.query {
                    BatchQuery::Text(text) => BatchQuerySubj::QueryString(text.clone()),
                    BatchQuery::Prepared(id) => BatchQuerySubj::PreparedId(short(id)),
                },
                values: QueryValues::SimpleValues(each.values.iter().map(their_value).collect()),
            });
            let body = BodyReqBatch {
                batch_type: match batch.kind {
                    BatchKind::Logged => message_batch::BatchType::Logged,
                    BatchKind::Unlogged => message_batch::BatchType::Unlogged,
                    BatchKind::Counter => message_batch::BatchType::Counter,
                },
                queries: queries.collect(),
                consistency: their_level(batch.consistency),
                serial_consistency: batch.serial_consistency.map(their_level),
                timestamp: batch.timestamp,
                keyspace: batch.keyspace.clone(),
                now_in_seconds: batch.now_in_seconds,
            };
            (TheirOpcode::Batch, RequestBody::Batch(body))
        }
        Request::AuthResponse(auth) => {
            let token = auth.token.as_ref();
            let data = token.map_or_else(CBytes::new_null, |token| CBytes::new(token.to_vec()));
            (TheirOpcode::AuthResponse, RequestBody::AuthResponse(BodyReqAuthResponse { data }))
        }
    }
}

fn their_request(envelope: &RequestEnvelope, version: Version) -> (Envelope, RequestBody) {
    let (opcode, body) = their_body(&envelope.request, version);
    let flags = if envelope.tracing { TheirFlags::TRACING } else { TheirFlags::empty() };
    let bytes = body.serialize_to_vec(version);
    let stream = envelope.stream;
    (Envelope::new(version, TheirDirection::Request, flags, opcode, stream, bytes, None, Vec::new()), body)
}

fn arbitrary_request(seed: u64, version: ProtocolVersion) -> RequestEnvelope {
    let raw = random_bytes(seed, 600);
    sayable(request(&mut Unstructured::new(&raw), version).expect("it has enough bytes"))
}

#[test]
fn requests_are_the_same_bytes_and_understood_both_ways() {
    for seed in 0..5_000 {
        for (ours, theirs) in VERSIONS {
            let envelope = arbitrary_request(seed, ours);
            let (their_envelope, body) = their_request(&envelope, theirs);
            let wire = their_envelope.encode_with(TheirCompression::None).expect("they can say it");
            assert_eq!(envelope.encode(), wire, "seed {seed}: {envelope:?}");
            let understood = Envelope::from_buffer(&wire, TheirCompression::None).expect("it is whole").envelope;
            assert_eq!(understood.request_body().expect("they understand it"), body, "seed {seed}");
            assert_eq!(understood, their_envelope, "seed {seed}");
            assert_eq!(RequestEnvelope::decode(&Bytes::from(wire)), Ok(envelope), "seed {seed}");
        }
    }
}

/// Puts envelopes on the wire as they do: as many into a segment as fit, one that is too long into several.
fn their_segments(mut encoder: impl FrameEncoder, envelopes: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = Vec::new();
    for envelope in envelopes {
        if encoder.has_envelopes() && !encoder.can_fit(envelope.len()) {
            wire.extend_from_slice(encoder.finalize_self_contained());
            encoder.reset();
        }
        if encoder.can_fit(envelope.len()) {
            encoder.add_envelope(envelope.clone());
            continue;
        }
        let mut rest = &envelope[..];
        while !rest.is_empty() {
            let (taken, segment) = encoder.finalize_non_self_contained(rest);
            wire.extend_from_slice(segment);
            rest = &rest[taken..];
            encoder.reset();
        }
    }
    if encoder.has_envelopes() {
        wire.extend_from_slice(encoder.finalize_self_contained());
    }
    wire
}

fn their_wire(envelopes: &[Envelope], compression: TheirCompression) -> Vec<u8> {
    let encoded: Vec<Vec<u8>> =
        envelopes.iter().map(|envelope| envelope.encode_with(compression).expect("they can say it")).collect();
    match (envelopes[0].version, compression) {
        (Version::V5, TheirCompression::None) => their_segments(UncompressedFrameEncoder::default(), &encoded),
        (Version::V5, _) => their_segments(Lz4FrameEncoder::default(), &encoded),
        _ => encoded.concat(),
    }
}

/// What they read from a connection, in pieces of so many bytes.
fn they_read(version: ProtocolVersion, compression: TheirCompression, wire: &[u8], piece: usize) -> Vec<Envelope> {
    let mut decoder: Box<dyn FrameDecoder> = match (version, compression) {
        (ProtocolVersion::V5, TheirCompression::None) => Box::new(UncompressedFrameDecoder::default()),
        (ProtocolVersion::V5, _) => Box::new(Lz4FrameDecoder::default()),
        _ => Box::new(LegacyFrameDecoder::default()),
    };
    let mut envelopes = Vec::new();
    for bytes in wire.chunks(piece) {
        envelopes.extend(decoder.consume(&mut bytes.to_vec(), compression).expect("nothing is wrong with it"));
    }
    envelopes
}

fn receive(framer: &mut Framer, wire: &[u8]) -> Vec<Bytes> {
    framer.feed(wire);
    std::iter::from_fn(|| framer.next_envelope().expect("nothing is wrong with it")).collect()
}

/// A request whose text has this length: some fill a segment, some need several.
fn long_request(version: ProtocolVersion, length: usize) -> RequestEnvelope {
    let mut envelope = arbitrary_request(7, version);
    let text = (0..length).map(|at| char::from(b'a' + (at * at % 23) as u8)).collect();
    envelope.request = Request::Prepare(trefoil_cql::protocol::request::Prepare { text, keyspace: None });
    envelope
}

#[test]
fn connections_of_every_form_carry_requests() {
    for (version, compression, their_compression) in FORMS {
        let (_, their_version) = VERSIONS[usize::from(version.number()) - 3];
        let (_, mut server) = connection(version, compression);
        // STARTUP would begin a connection anew.
        let mut meant: Vec<RequestEnvelope> = (0..500).map(|seed| arbitrary_request(seed, version)).collect();
        meant.retain(|envelope| !matches!(envelope.request, Request::Startup(_)));
        let lengths = [0, 131_000, 131_058, 131_072, 131_100, 400_000, 5];
        meant.extend(lengths.map(|length| long_request(version, length)));
        meant.extend((500..600).map(|seed| arbitrary_request(seed, version)));
        meant.retain(|envelope| !matches!(envelope.request, Request::Startup(_)));
        let theirs: Vec<Envelope> = meant.iter().map(|envelope| their_request(envelope, their_version).0).collect();
        let received = receive(&mut server, &their_wire(&theirs, their_compression));
        let understood: Vec<RequestEnvelope> =
            received.iter().map(|wire| RequestEnvelope::decode(wire).expect("it is a request")).collect();
        assert!(understood == meant, "{version} {compression:?}");
    }
}

#[test]
fn connections_of_every_form_carry_responses() {
    for (version, compression, their_compression) in FORMS {
        let (_, mut server) = connection(version, compression);
        let mut meant: Vec<Bytes> = (0..500)
            .map(|seed| {
                let raw = random_bytes(seed, 900);
                response(&mut Unstructured::new(&raw), version).expect("it has enough bytes").encode()
            })
            .collect();
        for length in [0, 131_000, 131_060, 131_072, 400_000, 5] {
            let token = (0..length).map(|at: usize| (at * at % 251) as u8).collect();
            meant.push(Response::AuthSuccess(Some(token)).encode(version, 3));
        }
        let mut wire = Vec::new();
        server.encode_many(meant.iter().map(|envelope| &envelope[..]), &mut wire);
        for piece in [1000, 65_536, wire.len()] {
            let read = they_read(version, their_compression, &wire, piece);
            let again: Vec<Vec<u8>> = read.iter().map(said_again).collect();
            let whole: Vec<Vec<u8>> = meant.iter().map(bare).collect();
            assert!(again == whole, "{version} {compression:?} in pieces of {piece}");
        }
    }
}

/// Stream, opcode and body as they understood them, with the attachments that they take off.
fn said_again(envelope: &Envelope) -> Vec<u8> {
    let mut bytes = envelope.stream_id.to_be_bytes().to_vec();
    bytes.push(envelope.opcode.into());
    if let Some(id) = envelope.tracing_id {
        bytes.extend_from_slice(id.as_bytes());
    }
    if envelope.flags.contains(TheirFlags::WARNING) {
        bytes.extend_from_slice(&(envelope.warnings.len() as u16).to_be_bytes());
        for warning in &envelope.warnings {
            bytes.extend_from_slice(&(warning.len() as u16).to_be_bytes());
            bytes.extend_from_slice(warning.as_bytes());
        }
    }
    bytes.extend_from_slice(&envelope.body);
    bytes
}

/// The same of an envelope of ours.
fn bare(envelope: &Bytes) -> Vec<u8> {
    let header = Header::of(envelope).expect("it is whole");
    let mut bytes = header.stream.to_be_bytes().to_vec();
    bytes.push(header.opcode as u8);
    bytes.extend_from_slice(&envelope[9..]);
    bytes
}
