//! What is refused, in whose words.

use super::bench::{Bench, int};
use bytes::Bytes;
use trefoil_cql::protocol::Value;

fn bench() -> Bench {
    Bench::new(&[
        "CREATE TABLE t (k int, c int, d int, v int, s int static, l list<int>, PRIMARY KEY (k, c, d))",
        "CREATE TABLE p (a int, b text, v int, PRIMARY KEY ((a, b)))",
        "CREATE TABLE q (k text PRIMARY KEY, v int)",
    ])
}

const FILTERING: &str = "Cannot execute this query as it might involve data filtering and thus may have unpredictable \
     performance. If you want to execute this query despite the performance unpredictability, use ALLOW FILTERING";

#[test]
fn statements_that_are_refused() {
    let mut bench = bench();
    for (statement, message) in [
        ("SELECT * FROM missing", "table missing does not exist"),
        ("SELECT * FROM missing.t", "keyspace missing does not exist"),
        ("SELECT x FROM t", "Undefined column name x in table ks.t"),
        ("SELECT * FROM t WHERE x = 1", "Undefined column name x in table ks.t"),
        // ALLOW FILTERING, exactly where Cassandra wants it.
        ("SELECT * FROM t WHERE v = 1", FILTERING),
        ("SELECT * FROM t WHERE k = 1 AND v = 1", FILTERING),
        ("SELECT * FROM t WHERE c = 1", FILTERING),
        ("SELECT * FROM t WHERE k > 1", FILTERING),
        ("SELECT * FROM p WHERE a = 1", FILTERING),
        ("SELECT * FROM t WHERE s = 1", FILTERING),
        (
            "SELECT * FROM t WHERE k = 1 AND d = 1",
            "PRIMARY KEY column \"d\" cannot be restricted as preceding column \"c\" is not restricted",
        ),
        (
            "SELECT * FROM t WHERE d = 1",
            "PRIMARY KEY column \"d\" cannot be restricted as preceding column \"c\" is not restricted",
        ),
        (
            "SELECT * FROM t WHERE k = 1 AND c > 1 AND d = 1",
            "Clustering column \"d\" cannot be restricted (preceding column \"c\" is restricted by a non-EQ relation)",
        ),
        // Contradictions.
        (
            "SELECT * FROM t WHERE k = 1 AND k = 2",
            "k cannot be restricted by more than one relation if it includes an Equal",
        ),
        (
            "SELECT * FROM t WHERE k = 1 AND c > 1 AND c > 2",
            "More than one restriction was found for the start bound on c",
        ),
        (
            "SELECT * FROM t WHERE k = 1 AND (d, c) > (1, 1)",
            "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: (d, c) > (1, 1)",
        ),
        (
            "SELECT * FROM t WHERE k = 1 AND (c, v) = (1, 1)",
            "Multi-column relations can only be applied to clustering columns but was applied to: v",
        ),
        ("SELECT * FROM t WHERE k = 1 AND v != 1", "Unsupported \"!=\" relation: v != 1"),
        (
            "SELECT * FROM t WHERE l = [1] ALLOW FILTERING",
            "Collection column 'l' (list<int>) cannot be restricted by a '=' relation",
        ),
        (
            "SELECT * FROM p WHERE token(a) > 1",
            "The token() function must be applied to all partition key components or none of them",
        ),
        (
            "SELECT * FROM p WHERE token(b, a) > 1",
            "The token function arguments must be in the partition key order: a, b",
        ),
        (
            "SELECT s FROM t WHERE k = 1 AND c = 1",
            "Cannot restrict clustering columns when selecting only static columns",
        ),
        // ORDER BY, DISTINCT, limits.
        (
            "SELECT * FROM t ORDER BY c",
            "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.",
        ),
        (
            "SELECT * FROM t WHERE k = 1 ORDER BY d",
            "Order by currently only supports the ordering of columns following their declared order in the PRIMARY KEY",
        ),
        ("SELECT * FROM t WHERE k = 1 ORDER BY c ASC, d DESC", "Unsupported order by relation"),
        (
            "SELECT * FROM t WHERE k = 1 ORDER BY v",
            "Order by is currently only supported on the clustered columns of the PRIMARY KEY, got v",
        ),
        (
            "SELECT DISTINCT c FROM t",
            "SELECT DISTINCT queries must only request partition key columns and/or static columns (not c)",
        ),
        ("SELECT DISTINCT a FROM p", "SELECT DISTINCT queries must request all the partition key columns (missing b)"),
        ("SELECT * FROM t LIMIT 0", "LIMIT must be strictly positive"),
        ("SELECT * FROM t PER PARTITION LIMIT 0", "LIMIT must be strictly positive"),
        (
            "SELECT DISTINCT k FROM t PER PARTITION LIMIT 1",
            "PER PARTITION LIMIT is not allowed with SELECT DISTINCT queries",
        ),
        ("SELECT writetime(k) FROM t", "Cannot use selection function writetime on PRIMARY KEY part k"),
        ("SELECT nothing(k) FROM t", "Unknown function 'nothing'"),
        // Writes.
        ("INSERT INTO t (k, v) VALUES (1, 1)", "Some clustering keys are missing: c, d"),
        ("INSERT INTO p (a, v) VALUES (1, 1)", "Some partition key parts are missing: b"),
        ("INSERT INTO t (k, c) VALUES (1)", "Unmatched column names/values"),
        ("UPDATE t SET v = 1 WHERE k = 1", "Some clustering keys are missing: c, d"),
        (
            "UPDATE t SET v = 1 WHERE k = 1 AND c = 1 AND d > 1",
            "Slice restrictions are not supported on the clustering columns in UPDATE statements",
        ),
        ("UPDATE t SET v = 1 WHERE c = 1 AND d = 1", "Some partition key parts are missing: k"),
        ("UPDATE t SET k = 1 WHERE k = 1 AND c = 1 AND d = 1", "PRIMARY KEY part k found in SET part"),
        (
            "UPDATE t SET s = 1 WHERE k = 1 AND c = 1",
            "Invalid restrictions on clustering columns since the UPDATE statement modifies only static columns",
        ),
        (
            "UPDATE t SET v = 1 WHERE k = 1 AND c = 1 AND d = 1 AND s = 1",
            "Non PRIMARY KEY columns found in where clause: s ",
        ),
        (
            "UPDATE t SET v = 1 WHERE token(k) = 1 AND c = 1 AND d = 1",
            "The token function cannot be used in WHERE clauses for UPDATE statements",
        ),
        (
            "UPDATE t SET v = v + 1 WHERE k = 1 AND c = 1 AND d = 1",
            "Invalid operation (v = v + 1) for non counter column v",
        ),
        ("DELETE v FROM t WHERE k = 1 AND c = 1", "Range deletions are not supported for specific columns"),
        ("DELETE FROM t WHERE c = 1", "Some partition key parts are missing: k"),
        (
            "DELETE FROM t WHERE k > 1",
            "Only EQ and IN relation are supported on the partition key (unless you use the token() function) for DELETE statements",
        ),
        ("DELETE k FROM t WHERE k = 1", "Invalid identifier k for deletion (should not be a PRIMARY KEY part)"),
        (
            "DELETE FROM t WHERE k = 1 IF EXISTS",
            "DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to delete non static columns",
        ),
        (
            "UPDATE t SET v = 1 WHERE k IN (1, 2) AND c = 1 AND d = 1 IF EXISTS",
            "IN on the partition key is not supported with conditional updates",
        ),
        (
            "UPDATE t USING TIMESTAMP 5 SET v = 1 WHERE k = 1 AND c = 1 AND d = 1 IF EXISTS",
            "Cannot provide custom timestamp for conditional updates",
        ),
        (
            "UPDATE t SET v = 1 WHERE k = 1 AND c = 1 AND d = 1 IF v < null",
            "Invalid comparison with null for operator \"<\"",
        ),
        (
            "UPDATE t SET v = 1 WHERE k = 1 AND c = 1 AND d = 1 IF k = 1",
            "PRIMARY KEY column 'k' cannot have IF conditions",
        ),
        ("INSERT INTO t (k, c, d) VALUES (1, null, 1)", "Invalid null value in condition for column c"),
        ("INSERT INTO q (k, v) VALUES ('', 1)", "Key may not be empty"),
        (
            "BEGIN BATCH INSERT INTO q (k) VALUES ('a') IF NOT EXISTS; INSERT INTO q (k) VALUES ('b') APPLY BATCH",
            "Batch with conditions cannot span multiple partitions",
        ),
        (
            "BEGIN BATCH INSERT INTO q (k) VALUES ('a') IF NOT EXISTS; UPDATE q SET v = 1 WHERE k = 'a' IF EXISTS; APPLY BATCH",
            "Cannot mix IF EXISTS and IF NOT EXISTS conditions for the same row",
        ),
        (
            "BEGIN BATCH USING TIMESTAMP 5 INSERT INTO q (k) VALUES ('a') USING TIMESTAMP 6 APPLY BATCH",
            "Timestamp must be set either on BATCH or individual statements",
        ),
        ("USE missing", "Keyspace 'missing' does not exist"),
        ("TRUNCATE missing", "table missing does not exist"),
    ] {
        let error = bench.error(statement);
        assert_eq!(error.to_string(), message, "{statement}");
        assert_eq!(error.code(), 0x2200, "{statement}");
    }
}

#[test]
fn values_that_are_refused() {
    let mut bench = bench();
    let long = Value::Set(Bytes::from(vec![b'x'; 65_536]));
    for (statement, values, message) in [
        ("SELECT * FROM t WHERE k = ?", &[Value::Null][..], "Invalid null value in condition for column k"),
        ("SELECT * FROM t WHERE k = ?", &[Value::Unset], "Invalid unset value for column k"),
        ("SELECT * FROM t WHERE k = 1 AND c = ?", &[Value::Null], "Invalid null value in condition for column c"),
        ("DELETE FROM t WHERE k = 1 AND c > ?", &[Value::Null], "Invalid null value in condition for column c"),
        ("SELECT * FROM t WHERE v = ? ALLOW FILTERING", &[Value::Null], "Unsupported null value for column v"),
        ("SELECT * FROM t LIMIT ?", &[int(0)], "LIMIT must be strictly positive"),
        ("SELECT * FROM t LIMIT ?", &[Value::Null], "Invalid null value of limit"),
        ("INSERT INTO q (k, v) VALUES (?, 1)", &[long], "Key length of 65536 is longer than maximum of 65535"),
        (
            "INSERT INTO q (k, v) VALUES ('a', ?)",
            &[Value::Set(Bytes::from_static(b"abc"))],
            "Expected 4 or 0 byte int (3)",
        ),
        ("INSERT INTO q (k, v) VALUES (?, 1)", &[Value::Set(Bytes::from_static(b"\xff"))], "String didn't validate."),
    ] {
        assert_eq!(bench.error_with(statement, values).to_string(), message, "{statement}");
    }
    let error = bench.error_with("SELECT * FROM t WHERE k = ?", &[]);
    assert!(error.to_string().contains("there were 1 markers(?) in CQL but 0 bound variables"), "{error}");
}

#[test]
fn other_codes() {
    let mut bench = bench();
    for (statement, code) in [
        ("SELEC", 0x2000),
        ("DROP TABLE system.local", 0x2100),
        ("INSERT INTO system.local (key) VALUES ('x')", 0x2100),
        ("CREATE TABLE q (k int PRIMARY KEY)", 0x2400),
        ("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}", 0x2400),
        ("CREATE KEYSPACE n WITH replication = {'replication_factor': 1}", 0x2300),
        ("CREATE KEYSPACE n WITH replication = {'class': 'Nothing'}", 0x2300),
        ("CREATE KEYSPACE n WITH replication = {'class': 'NetworkTopologyStrategy', 'mars': 1}", 0x2300),
        ("CREATE TABLE n (k int PRIMARY KEY) WITH nothing = 1", 0x2000),
        ("CREATE TABLE n (k int PRIMARY KEY) WITH gc_grace_seconds = -1", 0x2300),
        ("SELECT * FROM system.nothing", 0x2200),
        ("SELECT * FROM system_schema.scylla_tables", 0x2200),
    ] {
        assert_eq!(bench.error(statement).code(), code, "{statement}: {}", bench.error(statement));
    }
}
