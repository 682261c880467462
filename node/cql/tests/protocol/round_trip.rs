//! Every message, in every version, there and back.

use crate::messages::{random_bytes, request, response};
use arbitrary::Unstructured;
use bytes::Bytes;
use std::collections::BTreeMap;
use trefoil_cql::protocol::request::Startup;
use trefoil_cql::protocol::response::{
    ChangeKind, ColumnSpec, EncodedColumns, Failures, MetadataForm, QueryResult, ResultMetadata, Rows, RowsWriter,
    SchemaChange, SchemaTarget, WriteType,
};
use trefoil_cql::protocol::{
    Attachments, Consistency, CqlError, Header, Opcode, ProtocolVersion, Request, RequestEnvelope, Response,
    ResponseEnvelope,
};
use trefoil_cql::types::CqlType;

#[test]
fn requests_survive() {
    let mut seen = BTreeMap::new();
    for seed in 0..20_000 {
        for version in ProtocolVersion::SUPPORTED {
            let raw = random_bytes(seed, 600);
            let sent = request(&mut Unstructured::new(&raw), version).expect("it has enough bytes");
            let wire = sent.encode();
            assert_eq!(RequestEnvelope::decode(&wire).as_ref(), Ok(&sent), "seed {seed}, {version}");
            *seen.entry(Header::of(&wire).unwrap().opcode).or_insert(0) += 1;
        }
    }
    assert!(seen.len() == 8 && seen.values().all(|count| *count > 1000), "{seen:?}");
}

#[test]
fn responses_survive() {
    let mut seen = BTreeMap::new();
    for seed in 0..20_000 {
        for version in ProtocolVersion::SUPPORTED {
            let raw = random_bytes(seed, 900);
            let sent = response(&mut Unstructured::new(&raw), version).expect("it has enough bytes");
            let wire = sent.encode();
            assert_eq!(ResponseEnvelope::decode(&wire).as_ref(), Ok(&sent), "seed {seed}, {version}");
            let code = if let Response::Error(error) = &sent.response { error.code() } else { -1 };
            *seen.entry((Header::of(&wire).unwrap().opcode, code)).or_insert(0) += 1;
        }
    }
    // Seven kinds of message, and ERROR with all of its codes and one unknown.
    assert!(seen.len() == 7 + 21 && seen.values().all(|count| *count > 100), "{seen:?}");
}

#[test]
fn what_follows_the_last_field_is_ignored() {
    for seed in 0..2_000 {
        let raw = random_bytes(seed, 600);
        let sent = request(&mut Unstructured::new(&raw), ProtocolVersion::V5).expect("it has enough bytes");
        let mut wire = sent.encode().to_vec();
        wire.extend_from_slice(b"the future");
        let length = u32::from_be_bytes(wire[5..9].try_into().unwrap()) + 10;
        wire[5..9].copy_from_slice(&length.to_be_bytes());
        assert_eq!(RequestEnvelope::decode(&wire.into()), Ok(sent));
    }
}

fn columns(tables: [&str; 2]) -> Vec<ColumnSpec> {
    let column = |table: &str, name: &str, column_type| ColumnSpec {
        keyspace: "ks".into(),
        table: table.into(),
        name: name.into(),
        column_type,
    };
    vec![column(tables[0], "id", CqlType::Int), column(tables[1], "tags", CqlType::Set(Box::new(CqlType::Text)))]
}

fn decoded_rows(envelope: &Bytes) -> (Attachments, Rows) {
    match ResponseEnvelope::decode(envelope) {
        Ok(ResponseEnvelope { attachments, response: Response::Result(QueryResult::Rows(rows)), .. }) => {
            (attachments, rows)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_rows_writer_writes_what_the_plain_encoder_writes() {
    let attachments =
        Attachments { tracing_id: Some([3; 16]), warnings: vec!["slow".into()], custom_payload: BTreeMap::new() };
    let cells = [Some(&b"1"[..]), None, Some(&b""[..]), Some(&b"long"[..])];
    for version in ProtocolVersion::SUPPORTED {
        for metadata in [None, Some(columns(["t", "t"])), Some(columns(["t", "u"]))] {
            for new_id in [None, Some(Bytes::from_static(b"new"))] {
                for state in [None, Some(Bytes::from_static(b"go on"))] {
                    let encoded = metadata.as_ref().map(|columns| EncodedColumns::new(columns, version));
                    let form = match (&encoded, &new_id) {
                        (None, _) => MetadataForm::Omitted { columns: 2 },
                        (Some(columns), Some(id)) => MetadataForm::Changed { id, columns },
                        (Some(columns), None) => MetadataForm::Full(columns),
                    };
                    let write = |state: Option<&[u8]>| {
                        let mut writer = RowsWriter::new(version, 9, &attachments, form, state, 0);
                        for row in cells.chunks(2) {
                            writer.cell(row[0]);
                            match row[1] {
                                Some(bytes) => writer.cell_with(|out| out.extend_from_slice(bytes)),
                                None => writer.cell(None),
                            }
                            writer.end_row();
                        }
                        assert_eq!(writer.rows(), 2);
                        writer
                    };
                    let rows = Rows {
                        metadata: metadata.clone().map(|columns| ResultMetadata { columns }),
                        new_metadata_id: new_id
                            .clone()
                            .filter(|_| metadata.is_some() && version == ProtocolVersion::V5),
                        paging_state: state.clone(),
                        column_count: 2,
                        row_count: 2,
                        cells: cells.iter().map(|cell| cell.map(Bytes::copy_from_slice)).collect(),
                    };
                    let plain = Response::Result(QueryResult::Rows(rows.clone())).encode_with(version, 9, &attachments);
                    let wire = write(state.as_deref()).finish();
                    assert_eq!(wire, plain);
                    if let Some(state) = &state {
                        assert_eq!(write(None).finish_with_paging_state(state), plain);
                    }
                    let (attached, back) = decoded_rows(&wire);
                    assert_eq!(back, rows);
                    assert_eq!(attached.tracing_id, attachments.tracing_id);
                    assert_eq!(attached.warnings.is_empty(), version == ProtocolVersion::V3);
                    assert_eq!(back.iter().map(<[_]>::to_vec).collect::<Vec<_>>().concat(), rows.cells);
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "a row has as many cells as there are columns")]
fn a_row_with_a_missing_cell_is_never_sent() {
    let form = MetadataForm::Omitted { columns: 2 };
    let mut writer = RowsWriter::new(ProtocolVersion::V4, 0, &Attachments::NONE, form, None, 0);
    writer.cell(None);
    writer.end_row();
}

fn as_received(error: CqlError, version: ProtocolVersion) -> CqlError {
    match ResponseEnvelope::decode(&Response::Error(error).encode(version, 0)).map(|envelope| envelope.response) {
        Ok(Response::Error(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn old_versions_are_told_errors_that_they_know() {
    let quorum = Consistency::Quorum;
    let write = CqlError::write_failure(quorum, 1, 2, Failures::Count(1), WriteType::Batch);
    let message = write.to_string();
    assert_eq!(
        as_received(write.clone(), ProtocolVersion::V3),
        CqlError::WriteTimeout {
            consistency: quorum,
            received: 1,
            required: 2,
            write_type: WriteType::Batch,
            contentions: 0,
            message
        }
    );
    assert_eq!(as_received(write.clone(), ProtocolVersion::V4), write);

    let read = CqlError::read_failure(quorum, 1, 2, Failures::Count(1));
    assert_eq!(as_received(read.clone(), ProtocolVersion::V3).code(), 0x1200);
    assert_eq!(as_received(read, ProtocolVersion::V5).code(), 0x1300);

    let unknown = CqlError::cas_write_unknown(Consistency::Serial, 1, 2);
    assert!(matches!(
        as_received(unknown.clone(), ProtocolVersion::V4),
        CqlError::WriteTimeout { write_type: WriteType::Cas, received: 1, required: 2, .. }
    ));
    assert_eq!(as_received(unknown.clone(), ProtocolVersion::V5), unknown);

    let cdc = CqlError::CdcWriteFailure("full".into());
    assert_eq!(as_received(cdc, ProtocolVersion::V3), CqlError::Invalid("full".into()));
}

#[test]
fn version_3_hears_of_functions_as_changes_of_the_keyspace() {
    let target = SchemaTarget::Function("f".into(), vec!["int".into()]);
    let change = SchemaChange { change: ChangeKind::Dropped, keyspace: "ks".into(), target };
    let response = Response::Result(QueryResult::SchemaChange(change));
    let received = ResponseEnvelope::decode(&response.encode(ProtocolVersion::V3, 0)).unwrap().response;
    let told = SchemaChange { change: ChangeKind::Updated, keyspace: "ks".into(), target: SchemaTarget::Keyspace };
    assert_eq!(received, Response::Result(QueryResult::SchemaChange(told)));
    assert_eq!(ResponseEnvelope::decode(&response.encode(ProtocolVersion::V4, 0)).unwrap().response, response);
}

#[test]
fn long_messages_are_cut_between_characters() {
    let error = as_received(CqlError::server("ü".repeat(40_000)), ProtocolVersion::V5);
    assert_eq!(error.to_string(), "ü".repeat(32_767));
}

#[test]
fn startup_options_are_read_in_any_case() {
    let options = [("cql_version", "4.0.0"), ("Compression", "LZ4")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let sent = Request::Startup(Startup { options: options.into() });
    let wire = sent.encode(ProtocolVersion::V5, 0);
    assert_eq!(Header::of(&wire).unwrap().opcode, Opcode::Startup);
    let Request::Startup(startup) = RequestEnvelope::decode(&wire).unwrap().request else { panic!() };
    assert_eq!(startup.option("CQL_VERSION"), Some("4.0.0"));
    let compression = startup.compression(ProtocolVersion::V5);
    assert_eq!(compression, Ok(trefoil_cql::protocol::Compression::Lz4));
}
