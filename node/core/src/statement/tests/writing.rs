//! INSERT, UPDATE, DELETE and BATCH against rows.

use super::bench::{Bench, bigint, int, text};
use trefoil_cql::protocol::Value;

fn bench() -> Bench {
    Bench::new(&[
        "CREATE TABLE t (k int, c int, v int, s int static, l list<int>, m map<text, int>, x set<text>, PRIMARY KEY (k, c))",
        "CREATE TABLE p (k int PRIMARY KEY, v int, w text)",
    ])
}

#[test]
fn an_insert_leaves_a_marker_and_an_update_does_not() {
    let mut bench = bench();
    bench.run("INSERT INTO p (k, v) VALUES (1, 1)");
    bench.run("UPDATE p SET v = 2 WHERE k = 2");
    bench.run("UPDATE p SET v = null WHERE k = 1");
    bench.run("DELETE v FROM p WHERE k = 2");
    assert_eq!(bench.run("SELECT k, v FROM p").lines(), ["1,null"]);
}

#[test]
fn null_deletes_and_unset_leaves_alone() {
    let mut bench = bench();
    bench.run("INSERT INTO p (k, v, w) VALUES (1, 1, 'one')");
    bench.run_with("INSERT INTO p (k, v, w) VALUES (?, ?, ?)", &[int(1), Value::Unset, Value::Null]);
    assert_eq!(bench.run("SELECT v, w FROM p").cell(), "1,null");
    bench.run_with("UPDATE p SET w = ? WHERE k = ?", &[text(""), int(1)]);
    assert_eq!(bench.run("SELECT v, w FROM p").cell(), "1,");
    bench.run_with("UPDATE p SET v = ?, w = ? WHERE k = ?", &[Value::Unset, Value::Unset, int(1)]);
    assert_eq!(bench.run("SELECT v, w FROM p").cell(), "1,");
}

#[test]
fn collections() {
    let mut bench = bench();
    bench.run("INSERT INTO t (k, c, l, m, x) VALUES (1, 1, [1, 2], {'a': 1}, {'p', 'q'})");
    for (change, expected) in [
        ("UPDATE t SET l = l + [3, 4] WHERE k = 1 AND c = 1", "[1 2 3 4],{a:1},[p q]"),
        ("UPDATE t SET l = [9, 0] + l WHERE k = 1 AND c = 1", "[9 0 1 2 3 4],{a:1},[p q]"),
        ("UPDATE t SET l[1] = 7, m['b'] = 2 WHERE k = 1 AND c = 1", "[9 7 1 2 3 4],{a:1 b:2},[p q]"),
        ("UPDATE t SET l = l - [9, 3], x = x - {'p'} WHERE k = 1 AND c = 1", "[7 1 2 4],{a:1 b:2},[q]"),
        ("UPDATE t SET m = m + {'c': 3}, x += {'z'} WHERE k = 1 AND c = 1", "[7 1 2 4],{a:1 b:2 c:3},[q z]"),
        ("UPDATE t SET m = m - {'a', 'nothing'} WHERE k = 1 AND c = 1", "[7 1 2 4],{b:2 c:3},[q z]"),
        ("DELETE l[0], m['b'], x['q'] FROM t WHERE k = 1 AND c = 1", "[1 2 4],{c:3},[z]"),
        ("UPDATE t SET m['c'] = null, l = [5], x = {} WHERE k = 1 AND c = 1", "[5],null,null"),
        ("DELETE l FROM t WHERE k = 1 AND c = 1", "null,null,null"),
    ] {
        bench.run(change);
        assert_eq!(bench.run("SELECT l, m, x FROM t").cell(), expected, "{change}");
    }
}

#[test]
fn user_types_by_field_and_as_a_whole() {
    let mut bench =
        Bench::new(&["CREATE TYPE pair (a int, b text)", "CREATE TABLE u (k int PRIMARY KEY, u pair, f frozen<pair>)"]);
    bench.run("INSERT INTO u (k, u, f) VALUES (1, {a: 1, b: 'x'}, {a: 2, b: 'y'})");
    bench.run("UPDATE u SET u.a = 5 WHERE k = 1");
    assert_eq!(bench.run("SELECT u, f FROM u").cell(), "<5 x>,<2 y>");
    bench.run("DELETE u.b FROM u WHERE k = 1");
    assert_eq!(bench.run("SELECT u FROM u").cell(), "<5 null>");
    bench.run("UPDATE u SET u = {b: 'z'} WHERE k = 1");
    assert_eq!(bench.run("SELECT u FROM u").cell(), "<null z>");
    bench.run("ALTER TYPE pair ADD c int");
    assert_eq!(bench.run("SELECT f FROM u").cell(), "<2 y>", "old values stay short");
    bench.run("UPDATE u SET u.c = 3 WHERE k = 1");
    assert_eq!(bench.run("SELECT u FROM u").cell(), "<null z 3>");
}

#[test]
fn deletions_of_every_size() {
    let mut bench = bench();
    let fill = |bench: &mut Bench| {
        for c in 0..5 {
            bench.run(&format!("INSERT INTO t (k, c, v) VALUES (1, {c}, {c})"));
        }
        bench.run("UPDATE t SET s = 1 WHERE k = 1");
    };
    for (deletion, expected) in [
        ("DELETE FROM t WHERE k = 1 AND c = 2", &["0", "1", "3", "4"][..]),
        ("DELETE FROM t WHERE k = 1 AND c > 1 AND c <= 3", &["0", "1", "4"]),
        ("DELETE FROM t WHERE k = 1 AND c IN (0, 4)", &["1", "2", "3"]),
        ("DELETE FROM t WHERE k = 1 AND c > 3 AND c < 2", &["0", "1", "2", "3", "4"]),
        ("DELETE FROM t WHERE k = 1", &[]),
        ("DELETE v FROM t WHERE k IN (1, 2) AND c IN (0, 1)", &["null", "null", "2", "3", "4"]),
        ("DELETE s FROM t WHERE k = 1", &["0", "1", "2", "3", "4"]),
    ] {
        fill(&mut bench);
        bench.run(deletion);
        assert_eq!(bench.run("SELECT v FROM t WHERE k = 1").lines(), expected, "{deletion}");
    }
    assert_eq!(bench.run("SELECT s FROM t WHERE k = 1 LIMIT 1").cell(), "null");
}

#[test]
fn static_columns_need_no_row() {
    let mut bench = bench();
    bench.run("INSERT INTO t (k, s) VALUES (1, 10)");
    bench.run("UPDATE t SET s = 20 WHERE k = 2");
    bench.run("INSERT INTO t (k, c, s) VALUES (3, 0, 30)");
    let mut lines = bench.run("SELECT k, c, s FROM t").lines();
    lines.sort();
    assert_eq!(lines, ["1,null,10", "2,null,20", "3,0,30"]);
}

#[test]
fn times_to_live() {
    let mut bench = Bench::new(&["CREATE TABLE d (k int PRIMARY KEY, v int) WITH default_time_to_live = 600"]);
    let ttl = |bench: &mut Bench, statement: &str, values: &[Value]| {
        bench.run_with(statement, values);
        bench.run("SELECT ttl(v) FROM d").cell()
    };
    assert_eq!(ttl(&mut bench, "INSERT INTO d (k, v) VALUES (1, 1)", &[]), "600");
    assert_eq!(ttl(&mut bench, "INSERT INTO d (k, v) VALUES (1, 1) USING TTL 0", &[]), "null");
    assert_eq!(ttl(&mut bench, "UPDATE d USING TTL ? SET v = 2 WHERE k = 1", &[Value::Unset]), "600");
    assert_eq!(ttl(&mut bench, "UPDATE d USING TTL ? SET v = 2 WHERE k = 1", &[int(5)]), "5");
    let error = bench.error("INSERT INTO d (k, v) VALUES (1, 1) USING TTL 630720001");
    assert_eq!(error.to_string(), "ttl is too large. requested (630720001) maximum (630720000)");
    let error = bench.error_with("INSERT INTO d (k, v) VALUES (1, 1) USING TTL ?", &[int(-1)]);
    assert_eq!(error.to_string(), "A TTL must be greater or equal to 0, but was -1");
}

#[test]
fn drivers_timestamps_count_only_where_the_table_says_so() {
    use trefoil_cql::protocol::request::QueryParameters;
    let mut bench = Bench::new(&[
        "CREATE TABLE own (k int PRIMARY KEY, v int)",
        "CREATE TABLE theirs (k int PRIMARY KEY, v int) WITH client_side_timestamps = {'status': 'enabled'}",
    ]);
    for (table, expected) in [("own", false), ("theirs", true)] {
        let prepared = bench.prepare(&format!("INSERT INTO {table} (k, v) VALUES (1, 1)")).expect("it is right");
        let parameters = QueryParameters { timestamp: Some(77), ..QueryParameters::default() };
        bench.execute(&prepared, &parameters).expect("it works");
        assert_eq!(bench.run(&format!("SELECT writetime(v) FROM {table}")).cell() == "77", expected, "{table}");
    }
    bench.run_with("INSERT INTO own (k, v) VALUES (2, 1) USING TIMESTAMP ?", &[bigint(-5)]);
    assert_eq!(bench.run("SELECT writetime(v) FROM own WHERE k = 2").cell(), "-5");
}

/// What the answer to a conditional write looks like: names, then the rows.
fn applied(bench: &mut Bench, statement: &str) -> String {
    let outcome = bench.run(statement);
    format!("{}: {}", outcome.names().join(","), outcome.lines().join(" | "))
}

#[test]
fn conditional_writes_are_answered_as_cassandra_does() {
    let mut bench = bench();
    for (statement, expected) in [
        ("INSERT INTO p (k, v) VALUES (1, 1) IF NOT EXISTS", "[applied]: true"),
        ("INSERT INTO p (k, v) VALUES (1, 2) IF NOT EXISTS", "[applied],k,v,w: false,1,1,null"),
        ("UPDATE p SET v = 3 WHERE k = 1 IF v = 1", "[applied]: true"),
        ("UPDATE p SET v = 4 WHERE k = 1 IF v = 1", "[applied],v: false,3"),
        ("UPDATE p SET v = 4 WHERE k = 1 IF w = 'x' AND v = 3", "[applied],w,v: false,null,3"),
        ("UPDATE p SET v = 4 WHERE k = 1 IF w = null", "[applied]: true"),
        ("UPDATE p SET v = 4 WHERE k = 9 IF v = 1", "[applied]: false"),
        ("UPDATE p SET v = 4 WHERE k = 9 IF EXISTS", "[applied]: false"),
        ("UPDATE p SET v = 5 WHERE k = 9 IF v != 1", "[applied]: true"),
        ("DELETE FROM p WHERE k = 9 IF EXISTS", "[applied]: true"),
        ("DELETE FROM p WHERE k = 1 IF v IN (7, 8)", "[applied],v: false,4"),
        ("DELETE v FROM p WHERE k = 1 IF v IN (4, 5)", "[applied]: true"),
        ("INSERT INTO t (k, s) VALUES (1, 1) IF NOT EXISTS", "[applied]: true"),
        (
            "INSERT INTO t (k, s) VALUES (1, 2) IF NOT EXISTS",
            "[applied],k,c,s,l,m,v,x: false,1,null,1,null,null,null,null",
        ),
        ("UPDATE t SET v = 1 WHERE k = 1 AND c = 1 IF s = 1", "[applied]: true"),
        ("UPDATE t SET s = 5 WHERE k = 1 IF s = 4", "[applied],s: false,1"),
    ] {
        assert_eq!(applied(&mut bench, statement), expected, "{statement}");
    }
}

#[test]
fn conditional_batches_show_the_keys_of_every_row_that_is_there() {
    let mut bench = bench();
    bench.run("INSERT INTO t (k, c, v) VALUES (1, 1, 1)");
    bench.run("INSERT INTO t (k, c, v) VALUES (1, 2, 2)");
    let batch = "BEGIN BATCH UPDATE t SET v = 9 WHERE k = 1 AND c = 2 IF v = 0; \
                 UPDATE t SET v = 9 WHERE k = 1 AND c = 1 IF v = 1; INSERT INTO t (k, c, v) VALUES (1, 5, 5) APPLY BATCH";
    assert_eq!(applied(&mut bench, batch), "[applied],k,c,v: false,1,1,1 | false,1,2,2");
    assert_eq!(bench.run("SELECT v FROM t WHERE k = 1").lines(), ["1", "2"], "all or nothing");
    let batch = batch.replace("IF v = 0", "IF v = 2");
    assert_eq!(applied(&mut bench, &batch), "[applied]: true");
    assert_eq!(bench.run("SELECT v FROM t WHERE k = 1").lines(), ["9", "9", "5"]);
}

#[test]
fn batches_become_one_mutation_for_a_partition() {
    let mut bench = bench();
    let outcome = bench
        .batch(&[
            ("INSERT INTO t (k, c, v) VALUES (?, ?, ?)", &[int(1), int(1), int(1)]),
            ("INSERT INTO t (k, c, v) VALUES (?, ?, ?)", &[int(1), int(2), int(2)]),
            ("INSERT INTO p (k, v) VALUES (?, 3)", &[int(1)]),
            ("DELETE FROM t WHERE k = ? AND c = 7", &[int(1)]),
        ])
        .expect("it works");
    assert_eq!(outcome.plan.matches("Mutation {").count(), 2, "one for each table: {}", outcome.plan);
    assert!(outcome.plan.contains("write_type: Simple"), "one partition: {}", outcome.plan);
    let outcome = bench
        .batch(&[("INSERT INTO p (k, v) VALUES (1, 1)", &[]), ("INSERT INTO p (k, v) VALUES (2, 2)", &[])])
        .expect("it works");
    assert!(outcome.plan.contains("write_type: Batch"), "{}", outcome.plan);
    bench.batch(&[]).expect("the empty batch is legal");
}

#[test]
fn counters_are_added_to() {
    let mut bench = Bench::new(&["CREATE TABLE n (k int PRIMARY KEY, c counter)"]);
    bench.run("UPDATE n SET c = c + 5 WHERE k = 1");
    bench.run_with("UPDATE n SET c = c - ? WHERE k = 1", &[bigint(2)]);
    assert_eq!(bench.run("SELECT c FROM n").cell(), "3");
    for (statement, message) in [
        (
            "INSERT INTO n (k, c) VALUES (1, 1)",
            "INSERT statements are not allowed on counter tables, use UPDATE instead",
        ),
        (
            "UPDATE n SET c = 5 WHERE k = 1",
            "Cannot set the value of counter column c (counters can only be incremented/decremented, not set)",
        ),
        ("UPDATE n USING TTL 5 SET c = c + 1 WHERE k = 1", "Cannot provide custom TTL for counter updates"),
        ("UPDATE n USING TIMESTAMP 5 SET c = c + 1 WHERE k = 1", "Cannot provide custom timestamp for counter updates"),
        ("UPDATE n SET c = c + 1 WHERE k = 1 IF EXISTS", "Conditional updates are not supported on counter tables"),
    ] {
        assert_eq!(bench.error(statement).to_string(), message, "{statement}");
    }
}

#[test]
fn functions_in_values() {
    let mut bench =
        Bench::new(&["CREATE TABLE f (k int PRIMARY KEY, a uuid, b timeuuid, c timestamp, d date, e bigint, g blob)"]);
    bench.run(
        "INSERT INTO f (k, a, b, c, d, e, g) VALUES (1, uuid(), now(), toTimestamp(now()), currentDate(), \
         toUnixTimestamp(now()), intAsBlob(7))",
    );
    let row = bench.run("SELECT a, b, c, d, e, g FROM f").cell();
    let cells: Vec<&str> = row.split(',').collect();
    assert_eq!((&cells[0][12..13], &cells[1][12..13]), ("4", "1"), "{row}");
    assert_eq!(cells[2], cells[4], "{row}");
    assert_eq!(cells[5], "00000007");
}

#[test]
fn a_rejected_condition_shows_what_was_read() {
    let mut bench = Bench::new(&["CREATE TABLE t (k int, c int, v int, s int static, PRIMARY KEY (k, c))"]);
    bench.run("INSERT INTO t (k, c, v, s) VALUES (1, 1, 5, 9)");
    for (statement, columns, row) in [
        // Static columns that are neither written nor tested are not read.
        ("INSERT INTO t (k, c, v) VALUES (1, 1, 2) IF NOT EXISTS", "[applied] k c s v", "false,1,1,null,5"),
        ("INSERT INTO t (k, c, v, s) VALUES (1, 1, 2, 3) IF NOT EXISTS", "[applied] k c s v", "false,1,1,9,5"),
        ("UPDATE t SET v = 1 WHERE k = 1 AND c = 2 IF EXISTS", "[applied]", "false"),
        ("UPDATE t SET v = 1, s = 2 WHERE k = 1 AND c = 2 IF EXISTS", "[applied] k c s v", "false,1,null,9,null"),
        // Of a partition of which the static row is tested the first row is shown, and nothing of its values.
        ("INSERT INTO t (k, s) VALUES (1, 2) IF NOT EXISTS", "[applied] k c s v", "false,1,1,9,null"),
        ("UPDATE t SET v = 1 WHERE k = 1 AND c = 1 IF s = 2 AND v = 7", "[applied] v s", "false,5,9"),
        ("BEGIN BATCH UPDATE t SET s = 1 WHERE k = 1 IF s = 2 APPLY BATCH", "[applied] k c s", "false,1,1,9"),
    ] {
        let outcome = bench.run(statement);
        assert_eq!(outcome.names().join(" "), columns, "{statement}");
        assert_eq!(outcome.cell(), row, "{statement}");
    }
}

#[test]
fn a_conditional_batch_keeps_the_rows_it_writes_under_the_ranges_it_deletes() {
    let mut bench = Bench::new(&["CREATE TABLE t (k int, c int, v int, PRIMARY KEY (k, c))"]);
    bench.run("INSERT INTO t (k, c, v) VALUES (1, 1, 1)");
    bench.run(
        "BEGIN BATCH INSERT INTO t (k, c, v) VALUES (1, 2, 2) IF NOT EXISTS; DELETE FROM t WHERE k = 1 APPLY BATCH",
    );
    assert_eq!(bench.run("SELECT c FROM t").lines(), ["2"], "what was there before is gone");
    bench.run("BEGIN BATCH INSERT INTO t (k, c, v) VALUES (1, 3, 3); DELETE FROM t WHERE k = 1 APPLY BATCH");
    assert_eq!(
        bench.run("SELECT c FROM t").lines(),
        [] as [&str; 0],
        "without a condition all of a batch is one moment"
    );
}
