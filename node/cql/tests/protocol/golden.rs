//! Recorded bytes. The Python driver wrote `python_driver.txt` (see `python_driver.py`), in versions that the Rust driver
//! does not speak, and read `responses.txt` as it was meant; a few frames are worked out by hand from the specification.

use crate::garbage::connection;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use trefoil_cql::protocol::request::{
    AuthResponse, Batch, BatchKind, BatchQuery, BatchStatement, Execute, Prepare, Query, QueryParameters, Register,
    Startup,
};
use trefoil_cql::protocol::response::{
    ChangeKind, ColumnSpec, Event, EventKind, FailureReason, Failures, Prepared, QueryResult, ResultMetadata, Rows,
    SchemaChange, SchemaTarget, StatusChange, WriteType,
};
use trefoil_cql::protocol::segment::{PAYLOAD_BYTES_MAX, crc24, crc32};
use trefoil_cql::protocol::{
    Attachments, Compression, Consistency, CqlError, ProtocolVersion, Request, RequestEnvelope, Response,
    ResponseEnvelope, Value,
};
use trefoil_cql::types::{CqlType, UserType};

const STREAM: i16 = 258;

fn recorded(file: &'static str) -> BTreeMap<&'static str, Vec<u8>> {
    let line = |line: &'static str| {
        let (name, hex) = line.split_once('\t').expect("a name, a tab, hex digits");
        (name, unhex(hex))
    };
    file.lines().map(line).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hex digits")).collect()
}

/// What `python_driver.py` says, in our words.
fn requests(version: ProtocolVersion) -> Vec<(&'static str, Request)> {
    let (is_v4, is_v5) = (version >= ProtocolVersion::V4, version >= ProtocolVersion::V5);
    let keyspace = is_v5.then(|| "ks".to_owned());
    let unset = if is_v4 { Value::Unset } else { Value::Null };
    let set = |bytes: &'static [u8]| Value::Set(Bytes::from_static(bytes));
    let mut startup = Startup::new(Compression::Lz4);
    startup.options.insert("CQL_VERSION".into(), "3.4.7".into());
    let query = QueryParameters {
        page_size: Some(5000),
        paging_state: Some(Bytes::from_static(b"state")),
        serial_consistency: Some(Consistency::LocalSerial),
        timestamp: Some(1_700_000_000_000_000),
        keyspace: keyspace.clone(),
        ..QueryParameters::with_consistency(Consistency::LocalQuorum)
    };
    let execute = QueryParameters {
        values: vec![set(b"one"), Value::Null, unset.clone(), set(b"")],
        page_size: Some(100),
        timestamp: Some(5),
        ..QueryParameters::with_consistency(Consistency::One)
    };
    let id = Bytes::from_static(b"identifier");
    let statements = vec![
        BatchStatement { query: BatchQuery::Text("INSERT INTO t".into()), values: vec![set(b"one")] },
        BatchStatement { query: BatchQuery::Prepared(id.clone()), values: vec![Value::Null, unset] },
    ];
    let batch = Batch {
        kind: BatchKind::Unlogged,
        statements,
        consistency: Consistency::Quorum,
        serial_consistency: Some(Consistency::Serial),
        timestamp: Some(7),
        keyspace: keyspace.clone(),
        now_in_seconds: None,
    };
    let result_metadata_id = if is_v5 { Bytes::from_static(b"metadata") } else { Bytes::new() };
    vec![
        ("options", Request::Options),
        ("startup", Request::Startup(startup)),
        ("register", Request::Register(Register { events: EventKind::ALL.to_vec() })),
        ("query", Request::Query(Query { text: "SELECT ü FROM t".into(), parameters: query })),
        ("prepare", Request::Prepare(Prepare { text: "SELECT * FROM t".into(), keyspace })),
        ("execute", Request::Execute(Execute { id, result_metadata_id, parameters: execute })),
        ("batch", Request::Batch(batch)),
        ("auth_response", Request::AuthResponse(AuthResponse { token: Some(Bytes::from_static(b"\0user\0secret")) })),
    ]
}

#[test]
fn requests_of_the_python_driver() {
    let recorded = recorded(include_str!("python_driver.txt"));
    for version in ProtocolVersion::SUPPORTED {
        for (name, request) in requests(version) {
            let has_payload = name == "execute" && version >= ProtocolVersion::V4;
            let envelope = RequestEnvelope {
                version,
                stream: STREAM,
                tracing: name == "query",
                custom_payload: has_payload
                    .then(|| BTreeMap::from([("key".into(), Some(Bytes::from_static(b"value")))])),
                request,
            };
            let wire = &recorded[format!("v{}/{name}", version.number()).as_str()];
            assert_eq!(envelope.encode(), wire, "{version} {name}");
            assert_eq!(RequestEnvelope::decode(&Bytes::from(wire.clone())), Ok(envelope), "{version} {name}");
        }
    }
}

/// An envelope whose bytes are those that the driver put into a segment: the segment's form does not depend on content.
fn payloads() -> [(&'static str, Vec<u8>); 3] {
    let large = b"again and ".repeat(20_000);
    [("small", b"not to be compressed".to_vec()), ("middle", large[..2000].to_vec()), ("large", large)]
}

#[test]
fn plain_segments_of_the_python_driver() {
    let recorded = recorded(include_str!("python_driver.txt"));
    for (name, payload) in payloads() {
        let (mut client, _) = connection(ProtocolVersion::V5, Compression::None);
        let mut wire = Vec::new();
        client.encode(&payload, &mut wire);
        if name == "large" {
            let second = 6 + PAYLOAD_BYTES_MAX;
            wire = [&wire[..6], &wire[second..second + 10], &wire[wire.len() - 4..]].concat();
        }
        assert_eq!(wire, recorded[format!("segment/plain/{name}").as_str()], "{name}");
    }
}

#[test]
fn compressed_segments_of_the_python_driver() {
    use trefoil_cql::protocol::segment::{SegmentForm, check_payload};
    let recorded = recorded(include_str!("python_driver.txt"));
    for (name, payload) in payloads() {
        let mut wire = &recorded[format!("segment/lz4/{name}").as_str()][..];
        let mut received = Vec::new();
        while let Some(header) = SegmentForm::Lz4.parse_header(wire).unwrap() {
            let (body, rest) = wire[8..].split_at(header.payload_bytes);
            let (trailer, rest) = rest.split_first_chunk::<4>().unwrap();
            check_payload(body, *trailer).unwrap();
            assert_eq!(header.expanded_bytes == 0, name == "small");
            assert_eq!(header.is_self_contained, name != "large");
            match header.expanded_bytes {
                0 => received.extend_from_slice(body),
                length => received.extend(lz4_flex::block::decompress(body, length).unwrap()),
            }
            wire = rest;
        }
        assert!(wire.is_empty() && received == payload, "{name}");
        // Compressed bytes may differ between implementations; what surrounds small payloads may not.
        if name == "small" {
            let (mut client, _) = connection(ProtocolVersion::V5, Compression::Lz4);
            let mut ours = Vec::new();
            client.encode(&payload, &mut ours);
            assert_eq!(ours, recorded["segment/lz4/small"]);
        }
    }
}

fn column(name: &str, column_type: CqlType) -> ColumnSpec {
    ColumnSpec { keyspace: "ks".into(), table: "t".into(), name: name.into(), column_type }
}

/// Responses whose fields differ between versions.
fn responses(version: ProtocolVersion) -> Vec<(&'static str, Response)> {
    let boxed = Box::new;
    let user_type = UserType {
        keyspace: "ks".into(),
        name: "address".into(),
        fields: vec![("street".into(), CqlType::Text), ("codes".into(), CqlType::List(boxed(CqlType::SmallInt)))],
    };
    let columns = vec![
        column("id", CqlType::TimeUuid),
        column("d", CqlType::Duration),
        column("day", CqlType::Date),
        column("tags", CqlType::Set(boxed(CqlType::Frozen(boxed(CqlType::UserType(Arc::new(user_type))))))),
        column("m", CqlType::Map(boxed(CqlType::Int), boxed(CqlType::Tuple(vec![CqlType::Time, CqlType::TinyInt])))),
        column("v", CqlType::Vector(boxed(CqlType::Float), 3)),
    ];
    let is_v5 = version >= ProtocolVersion::V5;
    let metadata = ResultMetadata { columns: columns.clone() };
    let rows = Rows {
        metadata: Some(ResultMetadata { columns: vec![column("a", CqlType::Text), column("b", CqlType::Blob)] }),
        new_metadata_id: is_v5.then(|| Bytes::from_static(b"new")),
        paging_state: Some(Bytes::from_static(b"go on")),
        column_count: 2,
        row_count: 2,
        cells: vec![Some(Bytes::from_static(b"x")), None, Some(Bytes::new()), Some(Bytes::from_static(&[0, 255]))],
    };
    let prepared = Prepared {
        id: Bytes::from_static(b"identifier"),
        result_metadata_id: if is_v5 { Bytes::from_static(b"metadata") } else { Bytes::new() },
        bind_markers: columns,
        partition_key: if version >= ProtocolVersion::V4 { vec![2, 0] } else { Vec::new() },
        result_metadata: Some(metadata),
    };
    let reasons = BTreeMap::from([
        (IpAddr::from([127, 0, 0, 1]), FailureReason::TIMEOUT),
        (IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1u16]), FailureReason::UNKNOWN),
    ]);
    let failures = if is_v5 { Failures::Reasons(reasons) } else { Failures::Count(2) };
    let quorum = Consistency::Quorum;
    let address = SocketAddr::from(([127, 0, 0, 2], 9042));
    let function = SchemaTarget::Function("f".into(), vec!["int".into(), "text".into()]);
    let change = SchemaChange { change: ChangeKind::Updated, keyspace: "ks".into(), target: function };
    vec![
        ("rows", Response::Result(QueryResult::Rows(rows))),
        ("prepared", Response::Result(QueryResult::Prepared(prepared))),
        ("unavailable", Response::Error(CqlError::unavailable(quorum, 2, 1))),
        ("write_timeout", Response::Error(CqlError::write_timeout(Consistency::Serial, 1, 2, WriteType::Cas))),
        ("read_failure", Response::Error(CqlError::read_failure(quorum, 1, 2, failures.clone()))),
        ("write_failure", Response::Error(CqlError::write_failure(quorum, 1, 2, failures, WriteType::BatchLog))),
        ("unprepared", Response::Error(CqlError::unprepared(Bytes::from_static(b"identifier")))),
        ("table_exists", Response::Error(CqlError::table_exists("ks", "t"))),
        ("status", Response::Event(Event::Status(StatusChange::Down, address))),
        ("schema", Response::Event(Event::Schema(change))),
    ]
}

fn as_text() -> String {
    let mut text = String::new();
    for version in ProtocolVersion::SUPPORTED {
        let has_warnings = version >= ProtocolVersion::V4;
        let attachments = Attachments {
            tracing_id: Some([7; 16]),
            warnings: if has_warnings { vec!["slow".into()] } else { Vec::new() },
            custom_payload: BTreeMap::new(),
        };
        for (name, response) in responses(version) {
            let attachments = if name == "rows" { &attachments } else { &Attachments::NONE };
            let wire = response.encode_with(version, STREAM, attachments);
            text.push_str(&format!("v{}/{name}\t{wire:x}\n", version.number()));
            // Version 3 cannot say all of it, so what is read may differ from what was meant.
            if version >= ProtocolVersion::V4 {
                let read = ResponseEnvelope::decode(&wire).expect("it is ours").response;
                assert!(read == response || name == "prepared", "{name}: {read:?}");
            }
        }
    }
    text
}

#[test]
fn responses_that_the_python_driver_has_read() {
    assert_eq!(as_text(), include_str!("responses.txt"));
}

#[test]
fn frames_worked_out_by_hand() {
    // OPTIONS of version 4 on stream 0.
    assert_eq!(Request::Options.encode(ProtocolVersion::V4, 0), unhex("04 00 0000 05 00000000"));
    // A version 3 QUERY with one bound value and one that is null, at ONE: flags are a byte.
    let parameters = QueryParameters {
        values: vec![Value::Set(Bytes::from_static(&[0, 0, 0, 7])), Value::Null],
        ..QueryParameters::with_consistency(Consistency::One)
    };
    let query = Request::Query(Query { text: "abc".into(), parameters });
    let body = "00000003 616263 0001 01 0002 00000004 00000007 FFFFFFFF";
    assert_eq!(query.encode(ProtocolVersion::V3, 1), unhex(&format!("03 00 0001 07 00000018 {body}")));
    // In version 5 flags are an int, and a keyspace and a time may follow.
    let parameters = QueryParameters {
        keyspace: Some("ks".into()),
        now_in_seconds: Some(9),
        ..QueryParameters::with_consistency(Consistency::LocalOne)
    };
    let query = Request::Query(Query { text: "abc".into(), parameters });
    let body = "00000003 616263 000A 00000180 0002 6B73 00000009";
    assert_eq!(query.encode(ProtocolVersion::V5, 2), unhex(&format!("05 00 0002 07 00000015 {body}")));
    // The answer to an unknown statement, in version 4.
    let error = CqlError::Unprepared { id: Bytes::from_static(&[0xAB, 0xCD]), message: "who?".into() };
    let body = "00002500 0004 77686F3F 0002 ABCD";
    assert_eq!(Response::Error(error).encode(ProtocolVersion::V4, 3), unhex(&format!("84 00 0003 00 0000000E {body}")));
    // One row of one column, its table said once, and more to come.
    let rows = Rows {
        metadata: Some(ResultMetadata { columns: vec![column("a", CqlType::Int)] }),
        new_metadata_id: None,
        paging_state: Some(Bytes::from_static(&[1])),
        column_count: 1,
        row_count: 1,
        cells: vec![Some(Bytes::from_static(&[0, 0, 0, 5]))],
    };
    let body = "00000002 00000003 00000001 00000001 01 0002 6B73 0001 74 0001 61 0009 00000001 00000004 00000005";
    let wire = Response::Result(QueryResult::Rows(rows)).encode(ProtocolVersion::V4, 4);
    assert_eq!(wire, unhex(&format!("84 00 0004 08 00000029 {body}")));
    // An event is on stream -1, whatever is said.
    let event = Event::Status(StatusChange::Up, SocketAddr::from(([127, 0, 0, 1], 9042)));
    let body = "000D 5354415455535F4348414E4745 0002 5550 04 7F000001 00002352";
    assert_eq!(Response::Event(event).encode(ProtocolVersion::V4, 4), unhex(&format!("84 00 FFFF 0C 0000001C {body}")));
}

#[test]
fn negative_lengths_mean_what_they_mean_to_cassandra() {
    // EXECUTE of "" with one value of this length, at ANY.
    let value = |version: u8, length: i32| {
        let length = format!("{:08X}", length.cast_unsigned());
        let wire = unhex(&format!("{version:02X} 00 0000 0A 0000000B 0000 0000 01 0001 {length}"));
        match RequestEnvelope::decode(&wire.into()).map(|envelope| envelope.request) {
            Ok(Request::Execute(execute)) => Ok(execute.parameters.values[0].clone()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    };
    for length in [-1, -2, -3, i32::MIN] {
        assert_eq!(value(3, length), Ok(Value::Null));
    }
    assert_eq!(value(4, -1), Ok(Value::Null));
    assert_eq!(value(4, -2), Ok(Value::Unset));
    assert_eq!(value(4, -3), Err("EXECUTE: value at byte 16: Invalid ByteBuf length -3".into()));
}

#[test]
fn types_inside_types_have_a_bottom() {
    // ROWS with one column, which is a list of lists of lists ... of ints.
    let rows = |depth: usize| {
        let types = "0020".repeat(depth) + "0009";
        let body = format!("00000002 00000000 00000001 0000 0000 0000 {types} 00000000");
        let length = unhex(&body).len();
        ResponseEnvelope::decode(&unhex(&format!("84 00 0000 08 {length:08X} {body}")).into())
    };
    assert!(rows(63).is_ok());
    for depth in [64, 1_000_000] {
        let error = rows(depth).expect_err("nobody has such a type");
        assert_eq!(error.to_string(), "RESULT: type at byte 155: nested too deep");
    }
}

#[test]
fn checksums_worked_out_elsewhere() {
    // CRC24 of nothing is the initial value; CRC32 starts with the checksum of FA 2D 55 CA.
    assert_eq!(crc24(&[]), 0x87_5060);
    assert_eq!(crc32(&[]), 0x4477_7ED3);
    assert_eq!(crc32(b"trefoil"), crc32fast::hash(b"\xFA\x2D\x55\xCAtrefoil"));
}
