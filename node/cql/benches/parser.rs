//! How long it takes to parse and print the statements that clients send without preparing them, and to make tokens and
//! compare values: the parts of the language that requests wait for.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use trefoil_cql::parser::parse;
use trefoil_cql::token::Token;
use trefoil_cql::types::{CqlType, compare, validate};

const STATEMENTS: [(&str, &str); 5] = [
    ("point select", "SELECT id, name, payload FROM shop.users WHERE id = ?"),
    ("point select with literals", "SELECT * FROM shop.users WHERE id = 42 AND day = '2026-11-24' LIMIT 10"),
    ("insert", "INSERT INTO shop.users (id, name, payload) VALUES (?, ?, ?) USING TTL 3600"),
    (
        "insert with literals",
        "INSERT INTO shop.users (id, name, payload) VALUES (42, 'a name of a user', 0xcafebabecafebabecafebabe)",
    ),
    ("update with condition", "UPDATE shop.users SET name = ?, tags = tags + {'a'} WHERE id = ? IF version = ?"),
];

fn parsing(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("parse");
    for (name, text) in STATEMENTS {
        group.bench_function(name, |bench| bench.iter(|| parse(black_box(text))));
    }
    let batch = format!("BEGIN BATCH {} APPLY BATCH", "INSERT INTO t (a, b) VALUES (1, 'x'); ".repeat(100));
    group.bench_function("batch of 100", |bench| bench.iter(|| parse(black_box(&batch))));
    group.bench_function("syntax error", |bench| {
        bench.iter(|| parse(black_box("SELECT * FORM shop.users WHERE id = 1")))
    });
    group.finish();
}

fn printing(bench: &mut Criterion) {
    let statement = parse(STATEMENTS[1].1).expect("valid").statement;
    bench.bench_function("print select", |bench| bench.iter(|| black_box(&statement).to_string()));
}

fn values(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("values");
    group.bench_function("token of 16 bytes", |bench| bench.iter(|| Token::of(black_box(&[7; 16]))));
    group.bench_function("token of 100 bytes", |bench| bench.iter(|| Token::of(black_box(&[7; 100]))));
    let (one, other) = (1i64.to_be_bytes(), 2i64.to_be_bytes());
    group.bench_function("compare bigint", |bench| {
        bench.iter(|| compare(black_box(&CqlType::BigInt), black_box(&one), black_box(&other)))
    });
    let (one, other) = ([0, 0, 0, 2, 100], [0, 0, 0, 1, 11]);
    group.bench_function("compare decimal", |bench| {
        bench.iter(|| compare(black_box(&CqlType::Decimal), black_box(&one), black_box(&other)))
    });
    let text = "a text of a hundred bytes, more or less, as many tables have it in their payload columns today.....";
    group.bench_function("validate text of 100 bytes", |bench| {
        bench.iter(|| validate(black_box(&CqlType::Text), black_box(text.as_bytes())))
    });
    group.finish();
}

criterion_group!(benches, parsing, printing, values);
criterion_main!(benches);
