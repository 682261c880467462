//! SELECT against rows.

use super::bench::{Bench, int};
use std::collections::BTreeSet;
use trefoil_cql::protocol::Value;

/// A table `t` with partitions 0 to 2, each with rows (c, d) for c in 0..3 and d in 0..3; d descends. v is 100k + 10c + d.
fn grid() -> Bench {
    let mut bench = Bench::new(&[
        "CREATE TABLE t (k int, c int, d int, v int, s text static, PRIMARY KEY (k, c, d)) WITH CLUSTERING ORDER BY (c ASC, d DESC)",
    ]);
    for k in 0..3 {
        bench.run(&format!("UPDATE t SET s = 's{k}' WHERE k = {k}"));
        for (c, d) in (0..3).flat_map(|c| (0..3).map(move |d| (c, d))) {
            bench.run(&format!("INSERT INTO t (k, c, d, v) VALUES ({k}, {c}, {d}, {})", 100 * k + 10 * c + d));
        }
    }
    bench
}

/// Queries and what they give, `v` by `v`.
fn check(bench: &mut Bench, cases: &[(&str, &[&str])]) {
    for (query, expected) in cases {
        assert_eq!(bench.run(query).lines(), *expected, "{query}");
    }
}

#[test]
fn keys_and_slices() {
    let mut bench = grid();
    check(
        &mut bench,
        &[
            ("SELECT v FROM t WHERE k = 1 AND c = 1 AND d = 1", &["111"]),
            ("SELECT v FROM t WHERE k = 1 AND c = 1", &["112", "111", "110"]),
            ("SELECT v FROM t WHERE k = 1 AND c = 1 AND d > 0", &["112", "111"]),
            ("SELECT v FROM t WHERE k = 1 AND c = 1 AND d >= 1 AND d < 2", &["111"]),
            ("SELECT v FROM t WHERE k = 1 AND c > 1", &["122", "121", "120"]),
            ("SELECT v FROM t WHERE k = 1 AND c < 1", &["102", "101", "100"]),
            ("SELECT v FROM t WHERE k = 1 AND c > 5", &[]),
            ("SELECT v FROM t WHERE k = 1 AND c > 2 AND c < 1", &[]),
            ("SELECT v FROM t WHERE k = 9", &[]),
            ("SELECT v FROM t WHERE k = 1 AND c >= 0 AND c <= 1 AND d = 0 ALLOW FILTERING", &["100", "110"]),
        ],
    );
}

#[test]
fn elements_come_in_the_order_of_their_type() {
    let mut bench = Bench::new(&["CREATE TABLE t (k int PRIMARY KEY, s set<int>, m map<int, int>)"]);
    bench.run("INSERT INTO t (k, s, m) VALUES (1, {1, -1, 0}, {1: 10, -1: 20})");
    check(&mut bench, &[("SELECT s, m FROM t WHERE k = 1", &["[-1 0 1],{-1:20 1:10}"])]);
}

#[test]
fn in_is_sorted_and_distinct() {
    let mut bench = grid();
    check(
        &mut bench,
        &[
            ("SELECT v FROM t WHERE k IN (2, 0, 2, 1) AND c = 0 AND d = 0", &["0", "100", "200"]),
            ("SELECT v FROM t WHERE k = 1 AND c IN (2, 0, 2) AND d = 1", &["101", "121"]),
            ("SELECT v FROM t WHERE k = 1 AND c = 0 AND d IN (0, 2)", &["102", "100"]),
            ("SELECT v FROM t WHERE k = 1 AND c IN ()", &[]),
            ("SELECT v FROM t WHERE k IN ()", &[]),
            ("SELECT v FROM t WHERE k = 1 AND (c, d) IN ((2, 2), (0, 1), (0, 1))", &["101", "122"]),
            ("SELECT v FROM t WHERE k IN (1, 0) AND c = 2 LIMIT 4", &["22", "21", "20", "122"]),
            ("SELECT v FROM t WHERE k IN (1, 0) AND c IN (0, 1) PER PARTITION LIMIT 1", &["2", "102"]),
        ],
    );
}

#[test]
fn tuples_go_by_value_whatever_the_order_of_their_columns() {
    let mut bench = grid();
    check(
        &mut bench,
        &[
            ("SELECT v FROM t WHERE k = 0 AND (c, d) > (1, 1)", &["12", "22", "21", "20"]),
            ("SELECT v FROM t WHERE k = 0 AND (c, d) >= (1, 1) AND (c) < (2)", &["12", "11"]),
            ("SELECT v FROM t WHERE k = 0 AND (c, d) <= (0, 1)", &["1", "0"]),
            ("SELECT v FROM t WHERE k = 0 AND (c, d) = (2, 0)", &["20"]),
        ],
    );
}

#[test]
fn order_and_limits() {
    let mut bench = grid();
    check(
        &mut bench,
        &[
            ("SELECT v FROM t WHERE k = 0 ORDER BY c DESC LIMIT 4", &["20", "21", "22", "10"]),
            ("SELECT v FROM t WHERE k = 0 ORDER BY c ASC, d DESC LIMIT 2", &["2", "1"]),
            ("SELECT v FROM t WHERE k = 0 AND c = 1 ORDER BY d ASC", &["10", "11", "12"]),
            (
                "SELECT v FROM t WHERE k IN (1, 0) AND c < 2 AND d = 0 ORDER BY c DESC LIMIT 3 ALLOW FILTERING",
                &["10", "110", "0"],
            ),
            ("SELECT v FROM t WHERE k = 2 AND c >= 1 ORDER BY c DESC LIMIT 1", &["220"]),
        ],
    );
}

#[test]
fn the_ring_is_read_in_token_order() {
    let mut bench = grid();
    let tokens: Vec<i64> = bench
        .run("SELECT DISTINCT token(k) FROM t")
        .lines()
        .iter()
        .map(|token| token.parse().expect("a number"))
        .collect();
    assert_eq!(tokens.len(), 3);
    assert!(tokens.is_sorted());
    let after = bench.run(&format!("SELECT DISTINCT k, s FROM t WHERE token(k) > {}", tokens[0]));
    assert_eq!(after.lines().len(), 2);
    let pieces = [
        format!("token(k) > {} AND token(k) <= {}", i64::MIN, tokens[1]),
        format!("token(k) > {} AND token(k) <= {}", tokens[1], i64::MIN),
    ];
    let all: usize =
        pieces.iter().map(|piece| bench.run(&format!("SELECT k FROM t WHERE {piece}")).lines().len()).sum();
    assert_eq!(all, 27, "the least token is the end of the ring, too");
    assert_eq!(
        bench.run(&format!("SELECT k FROM t WHERE token(k) > {0} AND token(k) < {0}", tokens[1])).lines().len(),
        0
    );
    let same = bench.run(&format!("SELECT k FROM t WHERE token(k) = token({}) AND c = 0 AND d = 0 ALLOW FILTERING", 1));
    assert_eq!(same.lines(), ["1"]);
}

#[test]
fn filtering_on_every_kind_of_column() {
    let mut bench = grid();
    bench.run("INSERT INTO t (k, c, d) VALUES (7, 0, 0)");
    check(
        &mut bench,
        &[
            ("SELECT v FROM t WHERE v = 111 ALLOW FILTERING", &["111"]),
            ("SELECT v FROM t WHERE k = 1 AND v > 120 ALLOW FILTERING", &["122", "121"]),
            ("SELECT v FROM t WHERE k = 1 AND d = 1 ALLOW FILTERING", &["101", "111", "121"]),
            ("SELECT v FROM t WHERE k = 1 AND v IN (100, 122) ALLOW FILTERING", &["100", "122"]),
            ("SELECT v FROM t WHERE s = 's2' AND c = 0 AND d = 0 ALLOW FILTERING", &["200"]),
            ("SELECT v FROM t WHERE k = 7 AND v < 1000 ALLOW FILTERING", &[]),
        ],
    );
    let mut composite = Bench::new(&["CREATE TABLE p (a int, b text, v int, PRIMARY KEY ((a, b)))"]);
    for a in 0..3 {
        composite.run(&format!("INSERT INTO p (a, b, v) VALUES ({a}, 'x', {a})"));
    }
    assert_eq!(composite.run("SELECT v FROM p WHERE a = 1 AND b = 'x'").lines(), ["1"]);
    assert_eq!(composite.run("SELECT v FROM p WHERE a = 1 ALLOW FILTERING").lines(), ["1"]);
    let mut found = composite.run("SELECT v FROM p WHERE a > 0 ALLOW FILTERING").lines();
    found.sort();
    assert_eq!(found, ["1", "2"]);
}

#[test]
fn a_partition_with_nothing_but_static_values_is_a_row() {
    let mut bench = grid();
    bench.run("DELETE FROM t WHERE k = 1 AND c >= 0");
    check(
        &mut bench,
        &[
            ("SELECT k, c, v, s FROM t WHERE k = 1", &["1,null,null,s1"]),
            ("SELECT k, v FROM t WHERE k = 1", &["1,null"]),
            ("SELECT k, c, s FROM t WHERE k = 1 AND c = 0", &[]),
            ("SELECT DISTINCT k, s FROM t WHERE k = 1", &["1,s1"]),
            ("SELECT count(*) FROM t WHERE k = 1", &["1"]),
        ],
    );
}

#[test]
fn expressions() {
    let mut bench = Bench::new(&[
        "CREATE TYPE pair (a int, b text)",
        "CREATE TABLE e (k int PRIMARY KEY, t timeuuid, m map<text, int>, u pair, f frozen<pair>, v int, x set<int>)",
    ]);
    bench.run(
        "INSERT INTO e (k, t, m, u, f, v, x) VALUES (1, 50554d6e-29bb-11e5-b345-feff819cdc9f, {'a': 1, 'b': 2}, \
         {a: 3, b: 'y'}, {a: 4}, 5, {3, 1, 2}) USING TIMESTAMP 42 AND TTL 100",
    );
    let row =
        bench.run("SELECT m['b'], u.b, f.a, toTimestamp(t), writetime(v), ttl(v), v AS value, x FROM e WHERE k = 1");
    assert_eq!(row.cell(), "2,y,4,1436832018805,42,100,5,[1 2 3]");
    assert_eq!(row.names()[6], "value");
    assert_eq!(row.types()[5], "int");
    assert_eq!(bench.run("SELECT u, f, m FROM e").cell(), "<3 y>,<4 null>,{a:1 b:2}");
    assert_eq!(bench.run("SELECT writetime(m) FROM e").cell(), "[42 42]");
    assert_eq!(bench.run("SELECT blobAsInt(intAsBlob(v)) FROM e").cell(), "5");
    assert_eq!(
        bench.run("SELECT k FROM e WHERE m CONTAINS 2 AND m CONTAINS KEY 'a' AND m['a'] = 1 ALLOW FILTERING").cell(),
        "1"
    );
    assert_eq!(bench.run("SELECT k FROM e WHERE x CONTAINS 9 ALLOW FILTERING").lines().len(), 0);
}

#[test]
fn aggregates() {
    let mut bench = grid();
    check(
        &mut bench,
        &[
            ("SELECT count(*) FROM t", &["27"]),
            ("SELECT count(v), min(v), max(v), sum(v), avg(v) FROM t WHERE k = 1", &["9,100,122,999,111"]),
            ("SELECT count(*), max(v), sum(v) FROM t WHERE k = 9", &["0,null,0"]),
            ("SELECT k, c, max(v) FROM t WHERE k = 1 GROUP BY c", &["1,0,102", "1,1,112", "1,2,122"]),
            ("SELECT c, count(*) FROM t WHERE k = 1 GROUP BY k, c LIMIT 2", &["0,3", "1,3"]),
            ("SELECT v FROM t WHERE k = 1 GROUP BY c", &["102", "112", "122"]),
            ("SELECT max(v) FROM t WHERE k = 9 GROUP BY c", &[]),
            ("SELECT k, count(*) FROM t WHERE k IN (2, 1) GROUP BY k", &["1,9", "2,9"]),
            ("SELECT c, count(*) FROM t WHERE k IN (0, 1) GROUP BY k, c PER PARTITION LIMIT 1", &["0,3", "0,3"]),
        ],
    );
    assert_eq!(bench.run("SELECT count(*) FROM t").names(), ["count"]);
    assert_eq!(bench.run("SELECT max(v) FROM t").names(), ["system.max(v)"]);
}

#[test]
fn bound_values_in_every_place() {
    let mut bench = grid();
    let query = "SELECT v FROM t WHERE k = ? AND (c, d) >= (?, ?) AND (c) <= (?) LIMIT ?";
    let values = [int(0), int(1), int(1), int(1), int(5)];
    assert_eq!(bench.run_with(query, &values).lines(), ["12", "11"]);
    let list = |numbers: &[i32]| {
        let elements: Vec<[u8; 4]> = numbers.iter().map(|number| number.to_be_bytes()).collect();
        Value::Set(trefoil_cql::types::collection::join_elements(&elements).into())
    };
    let query = "SELECT v FROM t WHERE k IN ? AND c IN ? AND d = 0";
    assert_eq!(bench.run_with(query, &[list(&[2, 1]), list(&[1])]).lines(), ["110", "210"]);
    let unset = [int(0), int(0), Value::Unset];
    assert_eq!(bench.run_with("SELECT v FROM t WHERE k = ? AND c = ? LIMIT ?", &unset).lines().len(), 3);
}

#[test]
fn tuples_meet_columns_and_filters() {
    let mut bench = grid();
    check(
        &mut bench,
        &[
            ("SELECT v FROM t WHERE k = 1 AND (c, d) > (0, 1) AND c < 2", &["102", "112", "111", "110"]),
            ("SELECT v FROM t WHERE k = 1 AND c < 1 AND (c, d) >= (0, 1)", &["102", "101"]),
            ("SELECT v FROM t WHERE k = 1 AND (d) IN ((0), (2)) AND c = 1", &["112", "110"]),
            ("SELECT v FROM t WHERE (c, d) = (1, 1) AND k = 1 ALLOW FILTERING", &["111"]),
            ("SELECT v FROM t WHERE k = 1 AND (d) IN ((0), (5)) ALLOW FILTERING", &["100", "110", "120"]),
            ("SELECT v FROM t WHERE k = 1 AND v IN (111, null) ALLOW FILTERING", &["111"]),
            // Less than everything, in the order of the column.
            ("SELECT v FROM t WHERE k = 1 AND c = 0 AND d < null", &["102", "101", "100"]),
            ("SELECT v FROM t WHERE k = 1 AND c < null", &[]),
        ],
    );
}

#[test]
fn groups_of_several_partitions_are_ordered_together() {
    let mut bench = grid();
    check(
        &mut bench,
        &[
            ("SELECT v FROM t WHERE k IN (2, 1) GROUP BY k, c ORDER BY c", &["102", "202", "112", "212", "122", "222"]),
            ("SELECT v FROM t WHERE k IN (2, 1) GROUP BY k, c ORDER BY c DESC LIMIT 2", &["120", "220"]),
            ("SELECT v FROM t WHERE k = 1 AND (c, d) = (1, 1) GROUP BY d", &["111"]),
        ],
    );
}

#[test]
fn groups_by_a_function() {
    let mut bench = Bench::new(&["CREATE TABLE t (k int, at timestamp, v int, PRIMARY KEY (k, at))"]);
    for (minute, v) in [(10, 1), (40, 2), (70, 3)] {
        bench.run(&format!("INSERT INTO t (k, at, v) VALUES (1, {}, {v})", minute * 60_000));
    }
    check(
        &mut bench,
        &[
            ("SELECT sum(v) FROM t GROUP BY k, floor(at, 1h)", &["3", "3"]),
            ("SELECT sum(v) FROM t WHERE k = 1 GROUP BY floor(at, 2h)", &["6"]),
        ],
    );
}

#[test]
fn every_row_has_uuids_of_its_own_and_all_rows_one_time() {
    let mut bench = grid();
    let outcome =
        bench.run("SELECT now(), uuid(), current_timeuuid(), to_timestamp(now()), current_timestamp() FROM t");
    let column = |index: usize| outcome.rows.cells.iter().skip(index).step_by(5).flatten().collect::<BTreeSet<_>>();
    assert_eq!([0, 1, 2, 4].map(|index| column(index).len()), [27, 27, 27, 1]);
    assert_eq!(column(3), column(4), "a row's uuid is younger by less than a millisecond");
    assert!(column(0).iter().all(|uuid| uuid[6] >> 4 == 1 && uuid[8] >> 6 == 2));
    assert!(column(1).iter().all(|uuid| uuid[6] >> 4 == 4 && uuid[8] >> 6 == 2));
}
