//! What PREPARED tells of bind markers and results.

use super::bench::{Bench, int};
use trefoil_cql::protocol::request::QueryParameters;

fn bench() -> Bench {
    Bench::new(&[
        "CREATE TYPE pair (a int, b text)",
        "CREATE TABLE t (a int, b text, c int, d int, m map<text, int>, l list<int>, u frozen<pair>, PRIMARY KEY ((a, b), c, d))",
    ])
}

#[test]
fn markers_have_the_names_and_types_that_drivers_expect() {
    let bench = bench();
    for (statement, markers, key) in [
        ("SELECT * FROM t WHERE a = ? AND b = ? AND c > ? LIMIT ?", "a int, b text, c int, [limit] int", &[0, 1][..]),
        ("SELECT * FROM t WHERE b = ? AND a = ?", "b text, a int", &[1, 0]),
        ("SELECT * FROM t WHERE a = ? AND b = 'x'", "a int", &[]),
        ("SELECT * FROM t WHERE a IN ? AND b = ?", "in(a) list<int>, b text", &[]),
        ("SELECT * FROM t WHERE a IN (?, ?) AND b = ?", "a int, a int, b text", &[1, 2]),
        (
            "SELECT * FROM t WHERE token(a, b) > ? PER PARTITION LIMIT ?",
            "partition key token bigint, [per_partition_limit] int",
            &[],
        ),
        ("SELECT * FROM t WHERE a = :x AND b = :y AND c = :x", "x int, y text, x int", &[0, 1]),
        (
            "SELECT * FROM t WHERE a = ? AND b = ? AND (c, d) > ?",
            "a int, b text, (c,d) frozen<tuple<int, int>>",
            &[0, 1],
        ),
        (
            "SELECT * FROM t WHERE a = ? AND b = ? AND (c, d) IN ?",
            "a int, b text, in(c,d) list<frozen<tuple<int, int>>>",
            &[0, 1],
        ),
        (
            "INSERT INTO t (a, b, c, d, u) VALUES (?, ?, ?, ?, {a: ?, b: ?}) USING TTL ? AND TIMESTAMP ?",
            "a int, b text, c int, d int, u.a int, u.b text, [timestamp] bigint, [ttl] int",
            &[0, 1],
        ),
        (
            "UPDATE t SET m[?] = ?, l[?] = ? WHERE a = ? AND b = ? AND c = ? AND d = ? IF m[?] = ?",
            "key(m) text, value(m) int, idx(l) int, value(l) int, a int, b text, c int, d int, key(m) text, value(m) int",
            &[4, 5],
        ),
        ("SELECT * FROM t WHERE m CONTAINS ? AND m CONTAINS KEY ? ALLOW FILTERING", "value(m) int, key(m) text", &[]),
    ] {
        let prepared = bench.prepare(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        let told: Vec<String> =
            prepared.variables().iter().map(|variable| format!("{} {}", variable.name, variable.column_type)).collect();
        let mut told_sorted = told.clone();
        let mut expected: Vec<&str> = markers.split(", ").collect();
        if statement.contains("USING TTL ? AND TIMESTAMP") {
            // Their order is that of the text.
            told_sorted.sort();
            expected.sort();
        }
        let expected = expected.join(", ");
        assert_eq!(told_sorted.join(", "), expected, "{statement}");
        assert_eq!(prepared.partition_key(), key, "{statement}");
    }
}

#[test]
fn values_can_be_given_by_name() {
    let mut bench = bench();
    bench.run("INSERT INTO t (a, b, c, d) VALUES (1, 'x', 2, 3)");
    let prepared = bench.prepare("SELECT c, d FROM t WHERE a = :a AND b = 'x' AND c = :c").expect("it is right");
    let parameters = QueryParameters {
        values: vec![int(2), int(1)],
        names: Some(vec!["c".into(), "a".into()]),
        ..QueryParameters::default()
    };
    assert_eq!(bench.execute(&prepared, &parameters).expect("it works").cell(), "2,3");
}

#[test]
fn a_statement_goes_stale_with_its_table_and_keeps_its_id() {
    let mut bench = bench();
    let before = bench.prepare("SELECT * FROM t").expect("it is right");
    assert!(!before.is_stale(&bench.schema));
    bench.run("CREATE TABLE other (k int PRIMARY KEY)");
    assert!(!before.is_stale(&bench.schema), "another table");
    bench.run("ALTER TABLE t ADD e int");
    assert!(before.is_stale(&bench.schema));
    let after = crate::statement::reprepare(&before, &bench.schema).expect("it is still right");
    assert_eq!(after.id(), before.id());
    assert!(after.columns_changed() && !before.columns_changed());
    assert!(!after.is_stale(&bench.schema));
    bench.run("TRUNCATE t");
    assert!(after.is_stale(&bench.schema), "its rows are elsewhere");
    bench.run("DROP TABLE t");
    assert!(crate::statement::reprepare(&after, &bench.schema).is_err());
}
