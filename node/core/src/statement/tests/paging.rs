//! Pages: whatever their size, together they are the whole answer, and states survive or are refused.

use super::bench::Bench;
use bytes::Bytes;
use trefoil_cql::protocol::request::QueryParameters;

fn bench() -> Bench {
    let mut bench = Bench::new(&["CREATE TABLE t (k int, c int, s int static, v int, PRIMARY KEY (k, c))"]);
    for k in 0..5 {
        bench.run(&format!("UPDATE t SET s = {k} WHERE k = {k}"));
        for c in 0..k * 2 {
            bench.run(&format!("INSERT INTO t (k, c, v) VALUES ({k}, {c}, {})", 10 * k + c));
        }
    }
    bench
}

/// All pages, with how many rows each had.
fn pages(bench: &mut Bench, query: &str, page_size: i32) -> (Vec<String>, Vec<usize>) {
    let prepared = bench.prepare(query).expect("the query is right");
    let (mut lines, mut sizes) = (Vec::new(), Vec::new());
    let mut paging_state: Option<Bytes> = None;
    loop {
        let parameters = QueryParameters {
            page_size: Some(page_size),
            paging_state: paging_state.take(),
            ..QueryParameters::default()
        };
        let outcome = bench.execute(&prepared, &parameters).unwrap_or_else(|error| panic!("{query}: {error}"));
        sizes.push(outcome.lines().len());
        lines.extend(outcome.lines());
        paging_state = outcome.rows.paging_state;
        if paging_state.is_none() {
            return (lines, sizes);
        }
    }
}

#[test]
fn pages_of_any_size_make_the_whole() {
    let mut bench = bench();
    for query in [
        "SELECT * FROM t",
        "SELECT k, c FROM t LIMIT 7",
        "SELECT k, c FROM t PER PARTITION LIMIT 3",
        "SELECT k, c FROM t PER PARTITION LIMIT 2 LIMIT 5",
        "SELECT DISTINCT k, s FROM t",
        "SELECT k, c FROM t WHERE k = 4 ORDER BY c DESC",
        "SELECT k, c FROM t WHERE k IN (4, 1, 0, 3)",
        "SELECT k, c FROM t WHERE k IN (4, 1, 0, 3) LIMIT 9",
        "SELECT k, c FROM t WHERE k IN (4, 3) PER PARTITION LIMIT 3",
        "SELECT k, c FROM t WHERE k = 4 AND c IN (7, 0, 3, 5)",
        "SELECT k, c FROM t WHERE v > 20 ALLOW FILTERING",
        "SELECT k, count(*) FROM t GROUP BY k",
        "SELECT k, c, max(v) FROM t WHERE k IN (4, 2) GROUP BY k, c",
        "SELECT k, c, max(v) FROM t GROUP BY k, c PER PARTITION LIMIT 3",
        "SELECT count(*) FROM t",
    ] {
        let whole = bench.run(query).lines();
        for page_size in [1, 2, 3, 4, 7, 100] {
            let (lines, sizes) = pages(&mut bench, query, page_size);
            assert_eq!(lines, whole, "{query}, {page_size} rows a page");
            assert!(sizes.iter().all(|size| *size <= page_size as usize), "{query}: {sizes:?}");
        }
    }
}

#[test]
fn a_state_that_is_not_ours_is_refused() {
    let mut bench = bench();
    let prepared = bench.prepare("SELECT * FROM t").expect("the query is right");
    for state in [&b""[..], b"garbage", &[1; 64]] {
        let parameters =
            QueryParameters { paging_state: Some(Bytes::from_static(state)), ..QueryParameters::default() };
        let error = bench.execute(&prepared, &parameters).expect_err("the state is garbage");
        assert_eq!((error.code(), error.to_string().as_str()), (0x2200, "Invalid value for the paging state"));
    }
}

#[test]
fn keys_that_fit_are_read_at_once_and_others_one_by_one() {
    let mut bench = bench();
    bench.commands = 0;
    bench.run("SELECT * FROM t WHERE k IN (1, 2, 3, 4)");
    assert_eq!(bench.commands, 1);
    bench.commands = 0;
    let (_, sizes) = pages(&mut bench, "SELECT * FROM t WHERE k IN (3, 4)", 7);
    assert_eq!(sizes, [7, 7]);
    assert!(bench.commands > 2);
}
