//! What a row costs: applied to memory, merged with one that is there, read by key and in slices, from memory and from the store.

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use std::cell::RefCell;
use std::hint::black_box;
use trefoil_core::bugs::NoBugs;
use trefoil_core::command::{
    CellChange, CellOperation, Change, ClusteringOrder, ClusteringRange, Mutation, PartitionKey, Partitions,
    ReadCommand, RequestHeader, RowChange, RowId, WriteCommand,
};
use trefoil_core::ids::{ColumnId, Incarnation, LogIndex, NodeId, RequestId, SchemaVersion, ShardId, StorageId, Term};
use trefoil_core::raft::{AppliedThrough, Position};
use trefoil_core::storage::{MapStore, RowsBatch, ShardStore, TokenRange, encode_clustering};
use trefoil_core::time::HybridTime;
use trefoil_cql::token::Token;
use trefoil_cql::types::CqlType;

const TABLE: StorageId = StorageId(7);
const ROWS: u64 = 100_000;
const ROWS_PER_PARTITION: u64 = 50;

/// Scattered, the same in every run.
fn scatter(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn partition(n: u64) -> PartitionKey {
    PartitionKey { token: Token(scatter(n) as i64), key: Bytes::copy_from_slice(&n.to_be_bytes()) }
}

fn clustering(n: u64) -> Bytes {
    let types = [(CqlType::BigInt, ClusteringOrder::Ascending)];
    encode_clustering(&[n.to_be_bytes()], &types).expect("a bigint")
}

fn insert(partition: PartitionKey, clustering: Bytes, value: Bytes) -> WriteCommand {
    let cell = |column, value| CellChange { column: ColumnId(column), operation: CellOperation::Set(value) };
    let cells = vec![cell(1, value), cell(2, Bytes::from_static(&[0; 8]))];
    let row = RowChange { row: RowId::Row(clustering), marker: true, ttl: 0, cells };
    WriteCommand {
        header: RequestHeader {
            id: RequestId { node: NodeId(1), incarnation: Incarnation(1), sequence: 1 },
            answered_below: 0,
            expires: HybridTime(i64::MAX),
            schema: SchemaVersion(1),
        },
        conditions: vec![],
        mutations: vec![Mutation {
            table: TABLE,
            partition,
            timestamp: None,
            now_seconds: None,
            changes: vec![Change::Row(row)],
        }],
    }
}

fn read(partition: PartitionKey, range: ClusteringRange, row_limit: u32) -> ReadCommand {
    ReadCommand {
        clustering: vec![range],
        byte_budget: 1 << 20,
        ..ReadCommand::of(TABLE, Partitions::Keys(vec![partition]), row_limit)
    }
}

fn at(index: u64) -> AppliedThrough {
    let position = Position { index: LogIndex(index), term: Term(1) };
    AppliedThrough { position, stamp: HybridTime(1_700_000_000_000_000 + index as i64) }
}

fn shard() -> ShardStore {
    ShardStore::empty(ShardId(1), TokenRange { start: Token(i64::MIN), end: Token(i64::MAX) })
}

/// Rows 0..ROWS, of which `ROWS_PER_PARTITION` share a partition.
fn place(n: u64) -> (PartitionKey, Bytes) {
    (partition(n / ROWS_PER_PARTITION), clustering(n % ROWS_PER_PARTITION))
}

fn filled() -> ShardStore {
    let (mut shard, rows) = (shard(), MapStore::default());
    for n in 0..ROWS {
        let (partition, clustering) = place(scatter(n) % ROWS);
        let write = insert(partition, clustering, Bytes::from_static(&[b'x'; 100]));
        shard.apply_write(at(n + 1), &write, &rows, &NoBugs).expect("undamaged");
    }
    shard
}

fn writes(criterion: &mut Criterion) {
    let rows = MapStore::default();
    let value = || Bytes::from_static(&[b'y'; 100]);
    let shard_of_new = RefCell::new(shard());
    let mut n = 0;
    criterion.bench_function("apply: a new row of 108 bytes, its own partition", |bencher| {
        bencher.iter_batched(
            || {
                n += 1;
                if n % 100_000 == 0 {
                    shard_of_new.replace(shard());
                }
                (at(n), insert(partition(n), Bytes::new(), value()))
            },
            |(at, write)| shard_of_new.borrow_mut().apply_write(at, &write, &rows, &NoBugs),
            BatchSize::SmallInput,
        );
    });
    let mut shard = filled();
    let mut n = ROWS;
    criterion.bench_function("apply: a row merged with the one that is there", |bencher| {
        bencher.iter_batched(
            || {
                n += 1;
                let (partition, clustering) = place(scatter(n) % ROWS);
                (at(n), insert(partition, clustering, value()))
            },
            |(at, write)| shard.apply_write(at, &write, &rows, &NoBugs),
            BatchSize::SmallInput,
        );
    });
    let list = |value| {
        let operation = CellOperation::ListAppend(vec![value]);
        let mut write = insert(partition(1), clustering(1), Bytes::new());
        let cells = vec![CellChange { column: ColumnId(3), operation }];
        let row = RowChange { row: RowId::Row(clustering(1)), marker: false, ttl: 0, cells };
        write.mutations[0].changes = vec![Change::Row(row)];
        write
    };
    criterion.bench_function("apply: an element appended to a growing list", |bencher| {
        bencher.iter_batched(
            || {
                n += 1;
                (at(n), list(Bytes::from_static(b"element")))
            },
            |(at, write)| shard.apply_write(at, &write, &rows, &NoBugs),
            BatchSize::SmallInput,
        );
    });
}

fn reads(criterion: &mut Criterion) {
    let in_memory = filled();
    let empty = MapStore::default();
    let mut flushed = in_memory.clone();
    let mut store = MapStore::default();
    let part = flushed.begin_flush(Bytes::new()).expect("something to flush");
    RowsBatch { parts: vec![part.into()] }.write(&mut store).expect("undamaged");
    flushed.flush_done();
    let mut n = 0;
    let mut next = || {
        n += 1;
        place(scatter(n) % ROWS)
    };
    for (name, shard, rows) in [("memory", &in_memory, &empty), ("the store", &flushed, &store)] {
        criterion.bench_function(&format!("read: one row by key, from {name}"), |bencher| {
            bencher.iter_batched(
                || {
                    let (partition, clustering) = next();
                    read(partition, ClusteringRange::row(&clustering), 1)
                },
                |command| black_box(shard.read(&command, 0, rows, &NoBugs)),
                BatchSize::SmallInput,
            );
        });
        criterion.bench_function(&format!("read: a slice of 20 rows, from {name}"), |bencher| {
            bencher.iter_batched(
                || {
                    let (partition, _) = next();
                    let range = ClusteringRange { start: clustering(10), end: Bytes::new() };
                    read(partition, range, 20)
                },
                |command| black_box(shard.read(&command, 0, rows, &NoBugs)),
                BatchSize::SmallInput,
            );
        });
    }
}

/// As `count(*)` reads: no columns, in pages.
fn scans(criterion: &mut Criterion) {
    let mut shard = shard();
    let mut store = MapStore::default();
    for n in 0..ROWS {
        let write = insert(partition(n), clustering(0), Bytes::from_static(&[b'x'; 100]));
        shard.apply_write(at(n + 1), &write, &store, &NoBugs).expect("undamaged");
    }
    let in_memory = shard.clone();
    let part = shard.begin_flush(Bytes::new()).expect("something to flush");
    RowsBatch { parts: vec![part.into()] }.write(&mut store).expect("undamaged");
    shard.flush_done();
    let empty = MapStore::default();
    for (name, shard, rows) in [("memory", &in_memory, &empty), ("the store", &shard, &store)] {
        criterion.bench_function(&format!("read: 100,000 partitions of one row, from {name}"), |bencher| {
            bencher.iter(|| {
                let all = Partitions::Range { start: Token(i64::MIN), end: Token(i64::MAX) };
                let mut command =
                    ReadCommand { byte_budget: 1 << 20, columns: Some(vec![]), ..ReadCommand::of(TABLE, all, 10_000) };
                let mut found = 0;
                loop {
                    let page = shard.read(&command, 0, rows, &NoBugs).expect("undamaged");
                    found += page.rows.len();
                    command.resume = page.resume;
                    if command.resume.is_none() {
                        break;
                    }
                }
                assert_eq!(found as u64, ROWS);
            });
        });
    }
}

fn flush(criterion: &mut Criterion) {
    let shard = filled();
    criterion.bench_function("flush: 100,000 rows into an empty store", |bencher| {
        bencher.iter_batched(
            || shard.clone().begin_flush(Bytes::new()).expect("something to flush"),
            |part| {
                let mut store = MapStore::default();
                RowsBatch { parts: vec![part.into()] }.write(&mut store).expect("undamaged");
                store
            },
            BatchSize::LargeInput,
        );
    });
}

criterion_group! {
    name = rows;
    config = Criterion::default().sample_size(20);
    targets = writes, reads, scans, flush
}
criterion_main!(rows);
