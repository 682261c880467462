//! What is accepted, as it prints, and what is refused, with its message.

use super::{SyntaxError, parse, parse_relations, parse_term, parse_type};
use crate::ast::{
    Assignment, Literal, Marker, Name, Predicate, Relation, RelationTarget, Select, Selection, Statement, Term,
};

fn parsed(text: &str) -> Statement {
    parse(text).unwrap_or_else(|error| panic!("{text}\n{error}")).statement
}

fn refused(text: &str) -> SyntaxError {
    match parse(text) {
        Ok(parsed) => panic!("{text} was accepted as {:?}", parsed.statement),
        Err(error) => error,
    }
}

/// Each text, as it is printed again; empty: the same.
fn check(cases: &[(&str, &str)]) {
    for (text, printed) in cases {
        let statement = parsed(text);
        let printed = if printed.is_empty() { text } else { printed };
        assert_eq!(statement.to_string(), *printed, "{text}");
        assert_eq!(parsed(printed), statement, "{text}");
    }
}

fn select(text: &str) -> Select {
    match parsed(text) {
        Statement::Select(select) => select,
        other => panic!("{other:?}"),
    }
}

/// The only thing that a SELECT selects.
fn selectable(text: &str) -> Term {
    match select(&format!("SELECT {text} FROM t")).selection {
        Selection::Selectors(mut selectors) if selectors.len() == 1 => selectors.remove(0).term,
        other => panic!("{other:?}"),
    }
}

fn column(name: &str) -> Term {
    Term::Column(name.into())
}

fn integer(value: i64) -> Term {
    Term::Literal(Literal::integer(value))
}

#[test]
fn selects() {
    check(&[
        ("SELECT * FROM t", ""),
        ("select * from KS.\"T\";", "SELECT * FROM ks.\"T\""),
        ("SELECT a, b AS c FROM t WHERE k = 0", ""),
        ("SELECT JSON DISTINCT a FROM t", ""),
        ("SELECT count(*) FROM t", ""),
        ("SELECT COUNT(1) FROM t", "SELECT count(1) FROM t"),
        (
            "SELECT writetime(a), TTL(b[1]), maxwritetime(c.d) FROM t",
            "SELECT writetime(a), ttl(b[1]), maxwritetime(c.d) FROM t",
        ),
        ("SELECT CAST(a AS text), (int) ?, (a, b), [a, 1], {a, 2}, {a: b}, {} FROM t", ""),
        ("SELECT a + b * - c / 2 % d - 1 FROM t", ""),
        ("SELECT ks.f(a, g()), token(a, b) FROM t", ""),
        (
            "SELECT a[1], a['x' .. 'y'], a[1 ..], a[.. 2], a.b.c FROM t",
            "SELECT a[1], a['x' .. 'y'], a[1 ..], a[.. 2], a.b.c FROM t",
        ),
        ("SELECT a[1..2], a[?..?] FROM t", "SELECT a[1 .. 2], a[? .. ?] FROM t"),
        (
            "SELECT a FROM t WHERE a = 1 AND b IN (1, ?) AND c IN ? AND (d, e) > (1, 2) AND (d, e) IN ((1, 2), ?) AND \
             token(a) <= token(5) AND f CONTAINS KEY 'x' AND g['k'] != NULL AND h LIKE '%x' AND i IS NOT NULL \
             GROUP BY a, b ORDER BY c DESC, d PER PARTITION LIMIT 2 LIMIT :n ALLOW FILTERING",
            "",
        ),
        ("SELECT a FROM t WHERE (a = 1) AND ((b) IN ((1)))", "SELECT a FROM t WHERE a = 1 AND (b) IN ((1))"),
        ("SELECT a FROM t WHERE expr(i, 'x') AND expr = 1", ""),
        ("SELECT a FROM t WHERE a IN () AND (b, c) IN ()", ""),
        ("SELECT a FROM t ORDER BY v ANN OF [1.0, 2.5] LIMIT 3", ""),
        ("SELECT a FROM t WHERE a IN (1) AND b CONTAINS KEY 2 AND c LIKE 'a%'", ""),
        ("SELECT a FROM t GROUP BY (a) PER PARTITION LIMIT 1", ""),
        ("SELECT a FROM t WHERE a CONTAINS key.f() AND b CONTAINS KEY f()", ""),
        (
            "SELECT 5 .a, (a)[1..2], {('a'): f()}, (int) :b FROM t",
            "SELECT 5 .a, (a)[1 .. 2], {('a'): f()}, (int) :b FROM t",
        ),
        ("SELECT a FROM t ORDER BY a ASC", "SELECT a FROM t ORDER BY a"),
        ("SELECT a FROM t -- comment", "SELECT a FROM t"),
    ]);
}

#[test]
fn json_and_distinct_may_be_columns() {
    let modifiers = |text| {
        let select = select(text);
        (select.json, select.distinct, select.selection.to_string())
    };
    assert_eq!(modifiers("SELECT json FROM t"), (false, false, "\"json\"".into()));
    assert_eq!(modifiers("SELECT json, distinct FROM t"), (false, false, "\"json\", \"distinct\"".into()));
    assert_eq!(modifiers("SELECT JSON json FROM t"), (true, false, "\"json\"".into()));
    assert_eq!(modifiers("SELECT json AS x FROM t"), (false, false, "\"json\" AS x".into()));
    assert_eq!(modifiers("SELECT json AS FROM t"), (true, false, "\"as\"".into()));
    assert_eq!(modifiers("SELECT JSON * FROM t"), (true, false, "*".into()));
    assert_eq!(modifiers("SELECT json * 2 FROM t"), (false, false, "\"json\" * 2".into()));
    assert_eq!(modifiers("SELECT DISTINCT key FROM t"), (false, true, "key".into()));
    assert_eq!(modifiers("SELECT JSON distinct FROM t"), (true, false, "\"distinct\"".into()));
}

#[test]
fn operators_bind_as_usual() {
    use crate::ast::ArithmeticOperator::{Add, Multiply, Subtract};
    let operation = |operator, left: Term, right: Term| Term::Arithmetic(operator, Box::new(left), Box::new(right));
    assert_eq!(selectable("a + b * c"), operation(Add, column("a"), operation(Multiply, column("b"), column("c"))));
    assert_eq!(
        selectable("a - b - c"),
        operation(Subtract, operation(Subtract, column("a"), column("b")), column("c"))
    );
    let sum = Term::Tuple(vec![operation(Add, column("a"), column("b"))]);
    assert_eq!(selectable("(a + b) * c"), operation(Multiply, sum, column("c")));
}

#[test]
fn parentheses_are_hints_only_before_a_value() {
    assert_eq!(selectable("(a)"), Term::Tuple(vec![column("a")]));
    assert!(matches!(selectable("(a) b"), Term::TypeHint(..)));
    assert!(matches!(selectable("(frozen<list<int>>) [1]"), Term::TypeHint(..)));
    assert!(matches!(selectable("(int) a.b"), Term::Field(..)));
    let aliased = select("SELECT (a) AS b FROM t");
    assert_eq!(aliased.selection.to_string(), "(a) AS b");
    assert!(matches!(parse_term("(text) 'a'"), Ok(Term::TypeHint(..))));
    assert!(matches!(parse_term("('a')"), Ok(Term::Tuple(_))));
    assert!(matches!(parse_term("(uuid())"), Ok(Term::Tuple(_))));
    assert!(matches!(parse_term("((int) 1, (int) 2)"), Ok(Term::Tuple(_))));
}

#[test]
fn modifications() {
    check(&[
        ("INSERT INTO t (a, b) VALUES (1, 'x')", ""),
        (
            "INSERT INTO t (a) VALUES (?) IF NOT EXISTS USING TTL ? AND TIMESTAMP 5",
            "INSERT INTO t (a) VALUES (?) IF NOT EXISTS USING TIMESTAMP 5 AND TTL ?",
        ),
        ("INSERT INTO t JSON '{\"a\": \"it''s\"}' DEFAULT UNSET IF NOT EXISTS", ""),
        ("INSERT INTO t JSON ? DEFAULT NULL", "INSERT INTO t JSON ?"),
        (
            "INSERT INTO t (a) VALUES ([1, 2], {1, 2}, {1: 2}, {f: 1, \"G\": 2}, (1, 2), {}, [], - f(1) + 2, CAST(1 AS text))",
            "",
        ),
        ("UPDATE t SET a = 1 WHERE k = 1", ""),
        (
            "UPDATE t USING TTL 5 SET a = a + 1, b = b - ?, c = [1] + c WHERE k = 1",
            "UPDATE t USING TTL 5 SET a += 1, b -= ?, c = [1] + c WHERE k = 1",
        ),
        ("UPDATE t SET a = a -1 WHERE k = 1", "UPDATE t SET a += -1 WHERE k = 1"),
        ("UPDATE t SET a += 1, b -= {1} WHERE k = 1", ""),
        ("UPDATE t SET a[1] = 2, a['x'] = 3, b.f = 4, b.g = 5 WHERE k IN (1, 2)", ""),
        ("UPDATE t SET a = 1 + 2 + a WHERE k = 1", ""),
        ("UPDATE t SET a = 1 WHERE k = 1 IF EXISTS", ""),
        ("UPDATE t SET a = 1 WHERE k = 1 IF a = 1 AND b[1] != 2 AND c.f IN (1, 2) AND d IN ? AND e CONTAINS 1", ""),
        ("UPDATE t SET exists = 1 WHERE k = 1 IF exists = 2", ""),
        ("DELETE FROM t WHERE k = 1", ""),
        ("DELETE a, b[1], c.d FROM t USING TIMESTAMP ? WHERE k = 1 AND c > 2 AND c < 3 IF a = 1", ""),
        ("TRUNCATE t", "TRUNCATE TABLE t"),
        ("TRUNCATE TABLE ks.t", ""),
        ("USE \"Ks\"", ""),
        (
            "BEGIN UNLOGGED BATCH USING TIMESTAMP 1 INSERT INTO t (a) VALUES (1); UPDATE t SET a = 1 WHERE k = 1 DELETE FROM t WHERE k = 1; APPLY BATCH;",
            "BEGIN UNLOGGED BATCH USING TIMESTAMP 1 INSERT INTO t (a) VALUES (1); UPDATE t SET a = 1 WHERE k = 1; DELETE FROM t WHERE k = 1; APPLY BATCH",
        ),
        ("BEGIN BATCH APPLY BATCH", ""),
        ("BEGIN COUNTER BATCH UPDATE t USING TIMESTAMP 7 SET c += 1 WHERE k = 1; APPLY BATCH", ""),
    ]);
}

#[test]
fn tables() {
    check(&[
        ("CREATE TABLE t (a int PRIMARY KEY)", "CREATE TABLE t (a int, PRIMARY KEY (a))"),
        (
            "CREATE COLUMNFAMILY IF NOT EXISTS ks.t (a int, b varchar, c frozen<list<text>> STATIC, PRIMARY KEY ((a, b), c),,) WITH \
             CLUSTERING ORDER BY (c DESC) AND COMPACT STORAGE AND comment = 'x' AND compaction = {'class': 'LCS', 'n': 1} AND \
             gc_grace_seconds = 10 AND cdc = true",
            "CREATE TABLE IF NOT EXISTS ks.t (a int, b text, c frozen<list<text>> STATIC, PRIMARY KEY ((a, b), c)) WITH \
             CLUSTERING ORDER BY (c DESC) AND COMPACT STORAGE AND comment = 'x' AND compaction = {'class': 'LCS', 'n': 1} AND \
             gc_grace_seconds = 10 AND cdc = true",
        ),
        (
            "CREATE TABLE t (a int, b tuple<int, text>, c vector<float, 3>, d 'org.Foo', e ks.\"U\", PRIMARY KEY (a, b))",
            "",
        ),
        ("CREATE TABLE t (a int MASKED WITH DEFAULT, b text MASKED WITH mask_inner(1, NULL), PRIMARY KEY (a))", ""),
        ("ALTER TABLE t ADD a int", "ALTER TABLE t ADD (a int)"),
        ("ALTER TABLE IF EXISTS t ADD IF NOT EXISTS (a int STATIC, b text)", ""),
        ("ALTER TABLE t DROP a", "ALTER TABLE t DROP (a)"),
        ("ALTER TABLE t DROP IF EXISTS (a, b) USING TIMESTAMP 123", ""),
        ("ALTER TABLE t DROP COMPACT STORAGE", ""),
        ("ALTER TABLE t DROP compact", "ALTER TABLE t DROP (compact)"),
        ("ALTER TABLE t RENAME IF EXISTS a TO b AND c TO d", ""),
        ("ALTER TABLE t ALTER a TYPE text", ""),
        ("ALTER TABLE t ALTER IF EXISTS a DROP MASKED", ""),
        ("ALTER TABLE t ALTER a MASKED WITH DEFAULT", ""),
        ("ALTER TABLE t WITH comment = 'x' AND speculative_retry = '99p'", ""),
        ("DROP TABLE IF EXISTS ks.t", ""),
    ]);
}

#[test]
fn other_definitions() {
    check(&[
        (
            "CREATE KEYSPACE IF NOT EXISTS ks WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3} AND durable_writes = true",
            "",
        ),
        ("create schema ks with replication = {}", "CREATE KEYSPACE ks WITH replication = {}"),
        ("CREATE KEYSPACE ks WITH custom_properties = {'a': {'b': {}, 'c': 1}, 'd': 'x'}", ""),
        ("ALTER KEYSPACE IF EXISTS ks WITH durable_writes = false", ""),
        ("DROP KEYSPACE IF EXISTS ks", ""),
        ("CREATE TYPE IF NOT EXISTS ks.u (a int, b frozen<map<text, int>>)", ""),
        ("CREATE TYPE key (key int,)", "CREATE TYPE \"key\" (key int)"),
        ("ALTER TYPE u ADD IF NOT EXISTS a int", ""),
        ("ALTER TYPE u RENAME a TO b AND c TO d", ""),
        ("ALTER TYPE u ALTER a TYPE int", ""),
        ("DROP TYPE IF EXISTS ks.u", ""),
        ("CREATE INDEX ON t (a)", ""),
        ("CREATE INDEX IF NOT EXISTS i ON ks.t (keys(m))", ""),
        (
            "CREATE CUSTOM INDEX i ON t (values(a), entries(b), full(c), values) USING 'sai' WITH OPTIONS = {'a': 'b'}",
            "CREATE CUSTOM INDEX i ON t (values(a), entries(b), full(c), values) USING 'sai' WITH options = {'a': 'b'}",
        ),
        ("DROP INDEX IF EXISTS ks.i", ""),
        (
            "CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT a, b FROM t WHERE a IS NOT NULL AND b IS NOT NULL PRIMARY KEY (b, a) WITH CLUSTERING ORDER BY (a DESC)",
            "",
        ),
        ("ALTER MATERIALIZED VIEW v WITH comment = ''", ""),
        ("DROP MATERIALIZED VIEW IF EXISTS v", ""),
        ("CREATE TRIGGER IF NOT EXISTS x ON t USING 'c'", ""),
        ("DROP TRIGGER x ON ks.t", ""),
        (
            "CREATE OR REPLACE FUNCTION ks.f (a int, b text) CALLED ON NULL INPUT RETURNS text LANGUAGE java AS $$ return 'a'; $$",
            "CREATE OR REPLACE FUNCTION ks.f(a int, b text) CALLED ON NULL INPUT RETURNS text LANGUAGE java AS ' return ''a''; '",
        ),
        ("CREATE FUNCTION IF NOT EXISTS f() RETURNS NULL ON NULL INPUT RETURNS int LANGUAGE java AS ''", ""),
        ("DROP FUNCTION IF EXISTS f(int, text)", ""),
        ("DROP FUNCTION f", ""),
        ("CREATE AGGREGATE ks.a(int) SFUNC s STYPE tuple<int, bigint> FINALFUNC f INITCOND (0, 0)", ""),
        ("DROP AGGREGATE a()", ""),
    ]);
}

#[test]
fn access() {
    check(&[
        (
            "CREATE ROLE IF NOT EXISTS r WITH PASSWORD = 'p' AND LOGIN = true AND SUPERUSER = false AND OPTIONS = {'a': 1} AND ACCESS TO DATACENTERS {'x', 'y'} AND ACCESS FROM ALL CIDRS",
            "",
        ),
        ("CREATE ROLE 'R'", "CREATE ROLE \"R\""),
        ("CREATE USER Bob WITH PASSWORD 'p' SUPERUSER", "CREATE USER 'Bob' WITH PASSWORD 'p' SUPERUSER"),
        ("ALTER ROLE r WITH HASHED PASSWORD = '$2a$'", ""),
        ("ALTER USER IF EXISTS 'b' NOSUPERUSER", ""),
        ("DROP ROLE IF EXISTS r", ""),
        ("DROP USER 'b'", ""),
        ("ADD IDENTITY IF NOT EXISTS 'spiffe://x' TO ROLE 'r'", ""),
        ("DROP IDENTITY 'x'", ""),
        ("GRANT a TO b", ""),
        ("GRANT unmask TO b", ""),
        ("REVOKE a FROM b", ""),
        ("LIST ROLES OF r NORECURSIVE", ""),
        ("LIST USERS", ""),
        ("GRANT ALL ON ALL KEYSPACES TO r", "GRANT ALL PERMISSIONS ON ALL KEYSPACES TO r"),
        ("GRANT SELECT PERMISSION, MODIFY ON t TO r", "GRANT SELECT, MODIFY ON TABLE t TO r"),
        ("GRANT EXECUTE ON FUNCTION ks.f(int) TO r", ""),
        ("GRANT EXECUTE ON FUNCTION token() TO r", ""),
        ("GRANT EXECUTE ON FUNCTION ttl.f() TO r", ""),
        ("REVOKE DESCRIBE ON ALL ROLES FROM r", ""),
        ("GRANT SELECT ON ALL TABLES IN KEYSPACE ks TO r", ""),
        ("GRANT SELECT ON role TO r", "GRANT SELECT ON TABLE role TO r"),
        ("LIST ALL PERMISSIONS ON ROLE x OF r NORECURSIVE", ""),
        ("LIST SELECT ON MBEANS 'a*'", ""),
    ]);
}

#[test]
fn descriptions() {
    check(&[
        ("DESC CLUSTER", "DESCRIBE CLUSTER"),
        ("DESCRIBE SCHEMA", ""),
        ("DESCRIBE FULL SCHEMA", ""),
        ("DESCRIBE KEYSPACES", ""),
        ("DESCRIBE KEYSPACE", ""),
        ("DESCRIBE ONLY KEYSPACE ks WITH INTERNALS", ""),
        ("DESCRIBE TABLES", ""),
        ("DESCRIBE TABLE ks.t", ""),
        ("DESCRIBE INDEX i", ""),
        ("DESCRIBE MATERIALIZED VIEW v", ""),
        ("DESCRIBE TYPES", ""),
        ("DESCRIBE TYPE u", ""),
        ("DESCRIBE FUNCTIONS", ""),
        ("DESCRIBE FUNCTION f", ""),
        ("DESCRIBE AGGREGATES", ""),
        ("DESCRIBE AGGREGATE ks.a", ""),
        ("DESCRIBE ks.t", ""),
        ("DESCRIBE only", "DESCRIBE \"only\""),
        ("DESCRIBE \"tables\"", ""),
    ]);
}

/// Logged from the Python, Node, Java, Go and Rust drivers, cqlsh and latte.
#[test]
fn what_drivers_send_at_connect() {
    for text in [
        "SELECT * FROM system.local WHERE key='local'",
        "select * from system.local where key = 'local'",
        "SELECT * FROM system.peers_v2",
        "SELECT cluster_name, release_version FROM system.local",
        "SELECT schema_version FROM system.local WHERE key='local'",
        "SELECT host_id, rpc_address, data_center, rack, tokens FROM system.peers",
        "SELECT keyspace_name, replication, durable_writes FROM system_schema.keyspaces",
        "SELECT * FROM system_schema.tables WHERE keyspace_name IN ('a', 'b')",
        "SELECT column_name, clustering_order, type, kind, position FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?",
        "SELECT * FROM system_virtual_schema.columns",
        "SELECT prepared_id FROM system.prepared_statements",
        "SELECT * FROM system_traces.events WHERE session_id = 550e8400-e29b-11d4-a716-446655440000",
        "USE \"system\"",
    ] {
        parsed(text);
    }
}

#[test]
fn literals_keep_their_kind() {
    let literal = |text: &str| match parse_term(text) {
        Ok(Term::Literal(literal)) => literal,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(literal("'it''s'"), Literal::String("it's".into()));
    assert_eq!(literal("$$it's$$"), Literal::String("it's".into()));
    assert_eq!(literal("-007"), Literal::Integer("-007".into()));
    assert_eq!(literal("1.50e3"), Literal::Float("1.50e3".into()));
    assert_eq!(literal("nan"), Literal::Float("NaN".into()));
    assert_eq!(literal("-INFINITY"), Literal::Float("-Infinity".into()));
    assert_eq!(literal("TRUE"), Literal::Boolean(true));
    assert_eq!(literal("null"), Literal::Null);
    assert_eq!(literal("0xCAfe"), Literal::Hex("CAfe".into()));
    assert_eq!(literal("1h30m"), Literal::Duration("1h30m".into()));
    assert_eq!(literal("P1D"), Literal::Duration("P1D".into()));
    let uuid = "550E8400-e29b-41d4-a716-446655440000";
    assert_eq!(literal(uuid).to_string(), uuid.to_lowercase());
}

#[test]
fn markers_are_numbered_in_text_order() {
    let parsed = parse("UPDATE t USING TTL ? SET a = :x WHERE k = ? AND c IN :x IF b = :\"Y\"").expect("valid");
    let names: Vec<Option<&str>> = parsed.markers.iter().map(|name| name.as_ref().map(Name::as_str)).collect();
    assert_eq!(names, [None, Some("x"), None, Some("x"), Some("Y")]);
    let Statement::Update(update) = parsed.statement else { panic!() };
    assert_eq!(update.using.ttl, Some(Term::Marker(Marker { index: 0, name: None })));
    assert_eq!(
        update.assignments,
        [Assignment::Set("a".into(), Term::Marker(Marker { index: 1, name: Some("x".into()) }))]
    );
}

#[test]
fn parts_of_statements() {
    assert_eq!(
        parse_type("frozen<map<text, list<frozen<\"U\">>>>").expect("type").to_string(),
        "frozen<map<text, list<frozen<\"U\">>>>"
    );
    let relations = parse_relations("a IS NOT NULL AND b = 1").expect("relations");
    assert_eq!(
        relations,
        [
            Relation::Restriction(RelationTarget::Column("a".into()), Predicate::IsNotNull),
            Relation::Restriction(
                RelationTarget::Column("b".into()),
                Predicate::Compare(crate::ast::Comparison::Equal, integer(1))
            ),
        ]
    );
    assert!(parse_term("?").is_err() && parse_term("1 2").is_err() && parse_type("int int").is_err());
}

#[test]
fn errors_have_words_and_places() {
    for (text, message) in [
        ("", "line 0:-1 no viable alternative at input '<EOF>'"),
        (";", "line 1:0 no viable alternative at input ';' ([;])"),
        ("FOO bar", "line 1:0 no viable alternative at input 'FOO' ([FOO]...)"),
        ("SELECT * FOO t", "line 1:9 mismatched input 'FOO' expecting K_FROM (SELECT * [FOO]...)"),
        ("SELECT * FROM", "line 0:-1 no viable alternative at input '<EOF>'"),
        ("SELECT * FROM t t2", "line 1:16 mismatched input 't2' expecting EOF (SELECT * FROM t [t2])"),
        (
            "SELECT * FROM t; SELECT * FROM t",
            "line 1:17 mismatched input 'SELECT' expecting EOF (SELECT * FROM t; [SELECT]...)",
        ),
        ("SELECT a FROM t WHERE x FOO", "line 1:24 no viable alternative at input 'FOO' (...a FROM t WHERE x [FOO])"),
        ("SELECT *\nFROM t WHERE\n  é = 1", "line 3:2 no viable alternative at character 'é'"),
        ("SELECT 'abc FROM t", "line 1:18 mismatched character '<EOF>' expecting '''"),
        ("CREATE TABLE t (a int PRIMARY KEY", "line 0:-1 mismatched input '<EOF>' expecting ')'"),
        ("CREATE FOO x", "line 1:7 no viable alternative at input 'FOO' (CREATE [FOO]...)"),
        ("INSERT INTO t (a) VALUES (b)", "line 1:26 no viable alternative at input 'b' (... t (a) VALUES ([b]...)"),
        ("UPDATE t SET a = b + 1 WHERE k = 1", "Only expressions of the form X = X +<value> are supported."),
        ("UPDATE t SET a = [1] + b WHERE k = 1", "Only expressions of the form X = <value> + X are supported."),
        ("UPDATE t SET a = 1, a = 2 WHERE k = 1", "Multiple incompatible setting of column a"),
        ("UPDATE t SET a[1] = 1, a = 2 WHERE k = 1", "Multiple incompatible setting of column a"),
        ("UPDATE t SET a.b = 1, a.b = 2 WHERE k = 1", "Multiple incompatible setting of column a"),
        ("CREATE TABLE t (a int) WITH b = 1 AND b = 2", "Multiple definitions for property 'b'"),
        ("CREATE KEYSPACE k WITH a = {'x': 1, 'x': 2}", "Multiple definition for property x"),
        ("CREATE KEYSPACE k WITH a = 1 AND a = 2", "Multiple definitions for property 'a'"),
        (
            "CREATE KEYSPACE k WITH a = {'x': ?}",
            "Invalid property value: ? for property: 'x' (bind variables are not supported in DDL queries)",
        ),
        ("SELECT * FROM ?", "Bind variables cannot be used for table names"),
        (
            "CREATE TABLE t (a frozen<int> PRIMARY KEY)",
            "frozen<> is only allowed on collections, tuples, and user-defined types (got int)",
        ),
        ("CREATE TYPE byte (a int)", "Invalid (reserved) user type name byte"),
        (
            "CREATE USER \"a\"",
            "Quoted strings are are not supported for user names and USER is deprecated, please use ROLE",
        ),
    ] {
        assert_eq!(refused(text).to_string(), message, "{text}");
    }
}

#[test]
fn refusals() {
    for text in [
        "SELECT a FROM t WHERE k = 1 OR k = 2",
        "SELECT a FROM t WHERE (a, b) = 1",
        "SELECT a FROM t WHERE a[1] IN (1)",
        "SELECT a FROM t LIMIT 'x'",
        "SELECT a.* FROM t",
        "SELECT key(a) FROM t",
        "SELECT ttl(a + 1) FROM t",
        "SELECT select FROM t",
        "SELECT a[..] FROM t",
        "DELETE FROM t",
        "DELETE FROM t USING TTL 1 WHERE k = 1",
        "UPDATE t SET a = 1",
        "UPDATE t SET a = b WHERE k = 1",
        "UPDATE t SET a = 1 WHERE k = 1 IF NOT EXISTS",
        "INSERT INTO t () VALUES ()",
        "INSERT INTO t (a) VALUES (1) USING TTL 1 IF NOT EXISTS",
        "BEGIN BATCH SELECT * FROM t APPLY BATCH",
        "BEGIN BATCH INSERT INTO t (a) VALUES (1);; APPLY BATCH",
        "CREATE TABLE t (a int b int)",
        "CREATE TABLE \"\" (a int PRIMARY KEY)",
        "CREATE TABLE t (a list<int, int> PRIMARY KEY)",
        "CREATE TABLE t (a vector<int, 2147483648> PRIMARY KEY)",
        "CREATE KEYSPACE k",
        "CREATE KEYSPACE k WITH a = b",
        "CREATE ROLE r WITH PASSWORD = 'a' AND HASHED PASSWORD = 'b'",
        "CREATE ROLE r WITH OPTIONS = {'a': {'b': 1}}",
        "GRANT SELECT TO r ON t",
        "DESCRIBE FULL",
        "USE a.b",
    ] {
        refused(text);
    }
}

/// Large statements take time in proportion to their length: were any of these quadratic, this test would never end.
#[test]
fn large_statements_are_read_in_one_pass() {
    let many =
        |piece: &dyn Fn(usize) -> String, separator: &str| (0..200_000).map(piece).collect::<Vec<_>>().join(separator);
    parsed(&format!("INSERT INTO t (a) VALUES ([{}])", many(&|_| "(null, (true))".into(), ", ")));
    parsed(&format!("SELECT {} FROM t", many(&|_| "(cast(a as int))".into(), ", ")));
    parsed(&format!("SELECT {} FROM t", many(&|_| "(a)[1..2]".into(), ", ")));
    parsed(&format!("UPDATE t SET {} WHERE k = 1", many(&|index| format!("c{index} = 1, m[{index}] = 1"), ", ")));
    parsed(&format!("CREATE KEYSPACE k WITH {}", many(&|index| format!("p{index} = {{'a{index}': 1}}"), " AND ")));
    parsed(&format!("CREATE KEYSPACE k WITH p = {{{}}}", many(&|index| format!("'a{index}': 1"), ", ")));
    parsed(&format!("CREATE TABLE t (a int) WITH {}", many(&|index| format!("p{index} = 1"), " AND ")));
    refused(&format!("SELECT {} FROM t WHERE", "\n".repeat(1_000_000)));
}

#[test]
fn nesting_and_chains_are_bounded() {
    let deep = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("SELECT {}{inner}{} FROM t", open.repeat(depth), close.repeat(depth))
    };
    for (open, inner, close) in [("(", "a", ")"), ("[", "1", "]"), ("f(", "a", ")"), ("{1:", "a", "}"), ("- ", "a", "")]
    {
        parsed(&deep(open, inner, close, 60));
        for depth in [65, 1000, 100_000] {
            assert_eq!(refused(&deep(open, inner, close, depth)).to_string(), "nested more than 64 deep");
        }
    }
    for (first, repeated) in [("a", "+a"), ("a", ".a"), ("a", "[1]"), ("a", "*a")] {
        parsed(&format!("SELECT {first}{} FROM t", repeated.repeat(250)));
        let message = refused(&format!("SELECT {first}{} FROM t", repeated.repeat(100_000))).to_string();
        assert_eq!(message, "more than 256 operators in one expression");
    }
    let types = format!("CREATE TABLE t (a {}int{})", "list<".repeat(100_000), ">".repeat(100_000));
    assert_eq!(refused(&types).to_string(), "nested more than 64 deep");
    let relations = format!("SELECT a FROM t WHERE {}a = 1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(refused(&relations).to_string(), "nested more than 64 deep");
}
