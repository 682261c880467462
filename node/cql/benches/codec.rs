//! How fast messages are read and written: the part of a request that is paid on every core, whatever it asks.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use trefoil_cql::protocol::compression::Compression;
use trefoil_cql::protocol::request::{Execute, QueryParameters, Startup};
use trefoil_cql::protocol::response::{ColumnSpec, EncodedColumns, MetadataForm, RowsWriter};
use trefoil_cql::protocol::{
    Attachments, Consistency, Framer, ProtocolVersion, Request, RequestEnvelope, Response, ResponseEnvelope, Role,
    Value,
};
use trefoil_cql::types::CqlType;

const VERSION: ProtocolVersion = ProtocolVersion::V5;

fn execute() -> Bytes {
    let values = vec![Value::Set(Bytes::from_static(&[7; 8])), Value::Set(Bytes::from_static(&[9; 100]))];
    let parameters = QueryParameters {
        skip_metadata: true,
        values,
        page_size: Some(5000),
        timestamp: Some(1_700_000_000_000_000),
        ..QueryParameters::with_consistency(Consistency::LocalQuorum)
    };
    let id = Bytes::from_static(&[1; 16]);
    Request::Execute(Execute { id, result_metadata_id: Bytes::from_static(&[2; 16]), parameters }).encode(VERSION, 42)
}

fn columns() -> Vec<ColumnSpec> {
    let column = |name: &str, column_type| ColumnSpec {
        keyspace: "bench".into(),
        table: "rows".into(),
        name: name.into(),
        column_type,
    };
    vec![column("id", CqlType::BigInt), column("value", CqlType::Blob)]
}

fn rows(count: usize, columns: &EncodedColumns) -> Bytes {
    let metadata = MetadataForm::Omitted { columns: columns.count() };
    let mut writer = RowsWriter::new(VERSION, 42, &Attachments::NONE, metadata, None, 116 * count);
    for id in 0..count as i64 {
        writer.cell(Some(&id.to_be_bytes()));
        writer.cell(Some(&[9; 100]));
        writer.end_row();
    }
    writer.finish()
}

fn framers(compression: Compression) -> (Framer, Framer) {
    let (mut client, mut server) = (Framer::new(Role::Client), Framer::new(Role::Server));
    let mut wire = Vec::new();
    client.encode(&Request::Startup(Startup::new(compression)).encode(VERSION, 0), &mut wire);
    server.feed(&wire);
    server.next_envelope().expect("it is a startup").expect("it is whole");
    wire.clear();
    server.encode(&Response::Ready.encode(VERSION, 0), &mut wire);
    client.feed(&wire);
    client.next_envelope().expect("it is ready").expect("it is whole");
    (client, server)
}

fn messages(c: &mut Criterion) {
    let envelope = execute();
    c.bench_function("decode EXECUTE", |b| {
        b.iter(|| RequestEnvelope::decode(black_box(&envelope)).expect("it is ours"))
    });
    let request = RequestEnvelope::decode(&envelope).expect("it is ours");
    c.bench_function("encode EXECUTE", |b| b.iter(|| black_box(&request).encode()));
    let columns = EncodedColumns::new(&columns(), VERSION);
    c.bench_function("encode 1 row", |b| b.iter(|| rows(black_box(1), &columns)));
    c.bench_function("encode 100 rows", |b| b.iter(|| rows(black_box(100), &columns)));
    let one = rows(1, &columns);
    c.bench_function("decode 1 row", |b| b.iter(|| ResponseEnvelope::decode(black_box(&one)).expect("it is ours")));
}

fn segments(c: &mut Criterion) {
    let columns = EncodedColumns::new(&columns(), VERSION);
    let envelope = rows(1, &columns);
    let batch = vec![&envelope[..]; 64];
    let execute = execute();
    let requests = vec![&execute[..]; 64];
    for compression in [Compression::None, Compression::Lz4] {
        let name = compression.name().unwrap_or("plain");
        let (mut client, mut server) = framers(compression);
        let mut group = c.benchmark_group(format!("segments {name}"));
        let mut wire = Vec::new();
        group.bench_function("encode 1 row", |b| {
            b.iter(|| {
                wire.clear();
                server.encode(black_box(&envelope), &mut wire);
            });
        });
        group.throughput(Throughput::Elements(64));
        group.bench_function("encode 64 envelopes of 1 row", |b| {
            b.iter(|| {
                wire.clear();
                server.encode_many(black_box(&batch).iter().copied(), &mut wire);
            });
        });
        client.encode_many(requests.iter().copied(), &mut wire);
        wire.clear();
        client.encode_many(requests.iter().copied(), &mut wire);
        group.bench_function("frame and decode 64 EXECUTE", |b| {
            b.iter(|| {
                server.feed(&wire);
                while let Some(envelope) = server.next_envelope().expect("it is ours") {
                    black_box(RequestEnvelope::decode(&envelope).expect("it is ours"));
                }
            });
        });
    }
}

criterion_group!(benches, messages, segments);
criterion_main!(benches);
