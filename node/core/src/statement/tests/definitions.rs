//! CREATE, ALTER, DROP, TRUNCATE, DESCRIBE; and what they leave of rows.

use super::bench::Bench;
use crate::schema::Schema;

#[test]
fn described_definitions_can_be_run_again() {
    let mut bench = Bench::new(&[
        "CREATE TYPE inner_type (a int, b frozen<map<text, int>>)",
        "CREATE TYPE a_outer (i frozen<inner_type>, \"Weird name\" text)",
        "CREATE TABLE plain (k int PRIMARY KEY, v text)",
        "CREATE TABLE \"Mixed\" (\"K\" int, c timestamp, d frozen<a_outer>, s int static, l list<text>, \"select\" tuple<int, text>, \
         PRIMARY KEY ((\"K\", c), d)) WITH CLUSTERING ORDER BY (d DESC) AND comment = 'it''s' AND gc_grace_seconds = 5 \
         AND compaction = {'class': 'LeveledCompactionStrategy', 'sstable_size_in_mb': 10} AND compression = {'enabled': false} \
         AND caching = {'keys': 'NONE', 'rows_per_partition': 5} AND speculative_retry = '50ms' AND default_time_to_live = 60 \
         AND custom_properties = {'client_side_timestamps': {'status': 'enabled'}, 'capacity_mode': {'throughput_mode': 'PAY_PER_REQUEST'}}",
    ]);
    let described = bench.run("DESCRIBE KEYSPACE ks WITH INTERNALS").lines();
    let statements: Vec<String> =
        described.iter().map(|line| line.splitn(4, ',').nth(3).expect("four columns").to_owned()).collect();
    assert_eq!(statements.len(), 5);
    let tables = bench.schema.keyspace("ks").expect("it is there").clone();
    bench.schema = Schema::default();
    bench.keyspace = None;
    for statement in &statements {
        bench.run(statement);
    }
    let again = bench.schema.keyspace("ks").expect("it is there again");
    assert_eq!(again.replication, tables.replication);
    assert_eq!(again.types, tables.types);
    for (name, table) in &tables.tables {
        let other = &again.tables[name];
        assert_eq!((table.id, &table.options), (other.id, &other.options), "{name}");
        let columns = |table: &crate::schema::Table| {
            let columns = table.columns.iter();
            columns
                .map(|column| (column.name.clone(), column.column_type.clone(), column.kind, column.order))
                .collect::<Vec<_>>()
        };
        assert_eq!(columns(table), columns(other), "{name}");
    }
}

#[test]
fn describe_lists() {
    let mut bench = Bench::new(&["CREATE TABLE t (k int PRIMARY KEY)"]);
    assert!(bench.run("DESCRIBE KEYSPACES").lines().contains(&"ks,keyspace,ks".to_owned()));
    assert_eq!(bench.run("DESCRIBE TABLES").lines(), ["ks,table,t"]);
    assert_eq!(bench.run("DESCRIBE CLUSTER").lines(), ["Test Cluster,Murmur3Partitioner,GossipingPropertyFileSnitch"]);
    assert_eq!(bench.run("DESC t").lines().len(), 1);
    assert_eq!(bench.run("DESCRIBE SCHEMA").lines().len(), 2);
    assert!(
        bench.run("DESCRIBE FULL SCHEMA").lines().iter().any(|line| line.contains("CREATE TABLE system_schema.tables"))
    );
    assert!(bench.run("DESCRIBE TABLE system.local").lines()[0].contains("CREATE TABLE system.local"));
    assert_eq!(bench.error("DESCRIBE TABLE nothing").to_string(), "Table 'nothing' not found in keyspace 'ks'");
    assert_eq!(bench.error("DESCRIBE KEYSPACE nothing").to_string(), "'nothing' not found in keyspaces");
}

#[test]
fn internals_tell_what_was_dropped() {
    let mut bench = Bench::new(&[]);
    bench.run("CREATE TABLE t (a int, k int, b int, c int static, d int, PRIMARY KEY (a, k))");
    bench.run("ALTER TABLE t DROP b");
    bench.run("ALTER TABLE t DROP c");
    bench.run("ALTER TABLE t ADD b int");
    let plain = bench.run("DESCRIBE TABLE t").lines().concat();
    assert!(plain.contains("b int,") && !plain.contains("c int"), "{plain}");
    let internals = bench.run("DESCRIBE TABLE t WITH INTERNALS").lines().concat();
    assert!(internals.contains("    d int,\n    b int,\n    c int static,\n    PRIMARY KEY"), "{internals}");
    let changes: Vec<&str> = internals.split("ALTER TABLE ").skip(1).map(str::trim_end).collect();
    let begins = ["ks.t DROP b USING TIMESTAMP ", "ks.t ADD b int;", "ks.t DROP c USING TIMESTAMP "];
    assert_eq!(changes.len(), begins.len());
    assert!(changes.iter().zip(begins).all(|(change, begin)| change.starts_with(begin)), "{changes:?}");
}

#[test]
fn what_was_dropped_or_truncated_stays_gone() {
    let mut bench = Bench::new(&["CREATE TABLE t (k int PRIMARY KEY, v int, w int)"]);
    bench.run("INSERT INTO t (k, v, w) VALUES (1, 1, 1)");
    bench.run("ALTER TABLE t DROP v");
    bench.run("ALTER TABLE t ADD v int");
    assert_eq!(bench.run("SELECT v, w FROM t").cell(), "null,1");
    bench.run("UPDATE t SET v = 1 WHERE k = 2");
    bench.run("ALTER TABLE t DROP v");
    assert_eq!(bench.run("SELECT k FROM t").cell(), "1", "of row 2 nothing is left");
    bench.run("ALTER TABLE t ADD v int");
    bench.run("INSERT INTO t (k, v) VALUES (3, 3) USING TIMESTAMP 10");
    bench.run("INSERT INTO t (k, v) VALUES (4, 4) USING TIMESTAMP 30");
    bench.run("ALTER TABLE t DROP v USING TIMESTAMP 20");
    bench.run("ALTER TABLE t ADD v int");
    assert_eq!(bench.run("SELECT v FROM t WHERE k = 3").cell(), "null");
    assert_eq!(bench.run("SELECT v FROM t WHERE k = 4").cell(), "4", "written after what was dropped");
    bench.run("TRUNCATE t");
    assert_eq!(bench.run("SELECT v FROM t").lines().len(), 0);
    bench.run("INSERT INTO t (k, v) VALUES (1, 1)");
    bench.run("DROP TABLE t");
    bench.run("CREATE TABLE t (k int PRIMARY KEY, v int)");
    assert_eq!(bench.run("SELECT v FROM t").lines().len(), 0);
}

#[test]
fn if_exists_makes_no_change_and_no_error() {
    let mut bench = Bench::new(&["CREATE TABLE t (k int PRIMARY KEY, v int)"]);
    let uuid = bench.schema.uuid();
    for statement in [
        "CREATE TABLE IF NOT EXISTS t (k text PRIMARY KEY)",
        "CREATE KEYSPACE IF NOT EXISTS ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        "DROP TABLE IF EXISTS nothing",
        "DROP KEYSPACE IF EXISTS nothing",
        "ALTER TABLE IF EXISTS nothing ADD v int",
        "ALTER TABLE t ADD IF NOT EXISTS v text",
        "ALTER TABLE t DROP IF EXISTS nothing",
        "DROP TYPE IF EXISTS nothing",
    ] {
        let refused = bench.try_run(statement, &[]).expect_err("the catalogue says that nothing changes");
        assert!(refused.to_string().contains("without effect"), "{statement}: {refused}");
    }
    assert_eq!(bench.schema.uuid(), uuid);
}

#[test]
fn definitions_that_are_refused() {
    let mut bench = Bench::new(&[
        "CREATE TABLE t (k int, c int, v int, l list<int>, PRIMARY KEY (k, c))",
        "CREATE TYPE u (a int)",
        "CREATE TABLE uses (k int PRIMARY KEY, v frozen<u>)",
        "ALTER TABLE t DROP v",
    ]);
    for (statement, message) in [
        ("CREATE TABLE nowhere.t (k int PRIMARY KEY)", "Keyspace 'nowhere' doesn't exist"),
        ("CREATE TABLE n (k int)", "No PRIMARY KEY specifed for table 'n' (exactly one required)"),
        ("CREATE TABLE n (k int, PRIMARY KEY (x))", "Unknown column 'x' referenced in PRIMARY KEY for table 'n'"),
        ("CREATE TABLE n (k int, PRIMARY KEY (k, k))", "Duplicate column 'k' in PRIMARY KEY clause for table 'n'"),
        (
            "CREATE TABLE n (k list<int> PRIMARY KEY)",
            "Invalid non-frozen collection type list<int> for PRIMARY KEY column 'k'",
        ),
        ("CREATE TABLE n (k duration PRIMARY KEY)", "duration type is not supported for PRIMARY KEY column 'k'"),
        ("CREATE TABLE n (k counter PRIMARY KEY)", "counter type is not supported for PRIMARY KEY column 'k'"),
        (
            "CREATE TABLE n (k int PRIMARY KEY, s int static)",
            "Static columns are only useful (and thus allowed) if the table has at least one clustering column",
        ),
        (
            "CREATE TABLE n (k int PRIMARY KEY, v int, c counter)",
            "Cannot mix counter and non counter columns in the same table",
        ),
        (
            "CREATE TABLE n (k int, c int, PRIMARY KEY (k, c)) WITH CLUSTERING ORDER BY (k ASC)",
            "Only clustering key columns can be defined in CLUSTERING ORDER directive: [k] are not clustering columns",
        ),
        ("CREATE TABLE n (k int PRIMARY KEY, v missing)", "Unknown type ks.missing"),
        ("ALTER TABLE missing ADD v int", "Table 'ks.missing' doesn't exist"),
        ("ALTER TABLE t ADD l int", "Column with name 'l' already exists"),
        (
            "ALTER TABLE t ADD v text",
            "Cannot re-add previously dropped column 'v' of type text, incompatible with previous type int",
        ),
        (
            "ALTER TABLE t ADD v int static",
            "Cannot re-add previously dropped column 'v' of kind STATIC, incompatible with previous kind REGULAR",
        ),
        ("ALTER TABLE t DROP k", "Cannot drop PRIMARY KEY column k"),
        ("ALTER TABLE t DROP nothing", "Column nothing was not found in table 'ks.t'"),
        ("ALTER TABLE t RENAME l TO m", "Cannot rename non PRIMARY KEY column l"),
        (
            "ALTER TABLE t RENAME c TO l",
            "Cannot rename column c to l in table 'ks.t'; another column with that name already exists",
        ),
        ("ALTER TABLE t ALTER l TYPE text", "Altering column types is no longer supported"),
        ("DROP TABLE missing", "Table 'ks.missing' doesn't exist"),
        ("DROP KEYSPACE missing", "Keyspace 'missing' doesn't exist"),
        ("DROP TYPE u", "Cannot drop user type 'ks.u' as it is still used by tables uses"),
        ("DROP TYPE missing", "Type 'ks.missing' doesn't exist"),
        ("CREATE TYPE u (a int)", "A user type with name 'u' already exists"),
        ("CREATE INDEX ON t (v)", "Secondary indexes are not supported yet"),
    ] {
        assert_eq!(bench.error(statement).to_string(), message, "{statement}");
    }
}

#[test]
fn renamed_keys_are_found_under_their_new_name() {
    let mut bench = Bench::new(&["CREATE TABLE t (k int, c int, PRIMARY KEY (k, c))"]);
    bench.run("INSERT INTO t (k, c) VALUES (1, 2)");
    bench.run("ALTER TABLE t RENAME k TO key AND c TO cluster");
    assert_eq!(bench.run("SELECT * FROM t WHERE key = 1 AND cluster = 2").names(), ["key", "cluster"]);
}
