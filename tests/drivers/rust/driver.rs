//! The Rust driver (scylla) against a running cluster; see ../README.md for the story and the environment.

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::frame::Compression;
use scylla::response::PagingState;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::unprepared::Statement;
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::{
    CqlDate, CqlDecimal, CqlTime, CqlTimestamp, CqlTimeuuid, CqlValue, CqlVarint, MaybeUnset, Row, Unset,
};
use std::collections::HashMap;
use std::error::Error;
use std::fmt::Debug;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

type Step = Result<(), Box<dyn Error>>;

const OUTAGE: Duration = Duration::from_secs(3);

fn environment(name: &str, otherwise: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| otherwise.to_owned())
}

fn expect<T: PartialEq + Debug>(seen: T, expected: T, what: &str) -> Step {
    if seen == expected { Ok(()) } else { Err(format!("{what}: {seen:?} is not {expected:?}").into()) }
}

async fn connect(compression: Option<Compression>) -> Result<Session, Box<dyn Error>> {
    let port = environment("CQL_PORT", "9042");
    let hosts: Vec<String> =
        environment("CQL_HOSTS", "127.0.0.1").split(',').map(|host| format!("{host}:{port}")).collect();
    let profile = ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .request_timeout(Some(Duration::from_secs(10)))
        .build();
    Ok(SessionBuilder::new()
        .known_nodes(hosts)
        .compression(compression)
        .default_execution_profile_handle(profile.into_handle())
        .build()
        .await?)
}

async fn schema(session: &Session) -> Step {
    let replication = environment("CQL_REPLICATION", "3");
    for statement in [
        "DROP KEYSPACE IF EXISTS driver_rust".to_owned(),
        format!(
            "CREATE KEYSPACE driver_rust WITH replication = \
             {{'class': 'NetworkTopologyStrategy', 'replication_factor': {replication}}}"
        ),
        "CREATE TABLE driver_rust.types (id int PRIMARY KEY, c_ascii ascii, c_bigint bigint, c_blob blob, \
         c_boolean boolean, c_date date, c_decimal decimal, c_double double, c_float float, c_inet inet, c_int int, c_smallint smallint, \
         c_text text, c_time time, c_timestamp timestamp, c_timeuuid timeuuid, c_tinyint tinyint, c_uuid uuid, c_varint varint, \
         l_int list<int>, s_text set<text>, m_text_bigint map<text, bigint>, f_map frozen<map<int, text>>)"
            .to_owned(),
        "CREATE TABLE driver_rust.wide (p text, q int, r int, s int, fixed text static, v text, \
         PRIMARY KEY ((p, q), r, s)) WITH CLUSTERING ORDER BY (r DESC, s ASC)"
            .to_owned(),
        "CREATE TABLE driver_rust.load (id bigint PRIMARY KEY, v text)".to_owned(),
        "CREATE TABLE driver_rust.second (p text, q int, v text, PRIMARY KEY ((p, q)))".to_owned(),
    ] {
        session.query_unpaged(statement, ()).await?;
    }
    session.refresh_metadata().await?;
    let state = session.get_cluster_state();
    let keyspace = state.get_keyspace("driver_rust").ok_or("the keyspace is not in the schema")?;
    let wide = keyspace.tables.get("wide").ok_or("the table is not in the schema")?;
    expect(wide.partition_key.clone(), vec!["p".to_owned(), "q".to_owned()], "partition key")?;
    expect(wide.clustering_key.clone(), vec!["r".to_owned(), "s".to_owned()], "clustering key")?;
    let hosts = environment("CQL_HOSTS", "127.0.0.1").split(',').count();
    expect(state.get_nodes_info().len(), hosts, "nodes")?;
    let racks: std::collections::BTreeSet<_> = state.get_nodes_info().iter().map(|node| node.rack.clone()).collect();
    expect(racks.len(), hosts, "racks")
}

async fn types(session: &Session) -> Step {
    let uuid: CqlTimeuuid = "123e4567-e89b-42d3-a456-426614174000".parse()?;
    let columns: Vec<(&str, &str, CqlValue)> = vec![
        ("c_ascii", "'plain'", CqlValue::Ascii("plain".into())),
        ("c_bigint", "-9223372036854775808", CqlValue::BigInt(i64::MIN)),
        ("c_blob", "0x00ff10", CqlValue::Blob(vec![0, 255, 16])),
        ("c_boolean", "true", CqlValue::Boolean(true)),
        ("c_date", "'2026-02-28'", CqlValue::Date(CqlDate((1 << 31) + 20_512))),
        ("c_decimal", "-1.25", CqlValue::Decimal(CqlDecimal::from_signed_be_bytes_and_exponent(vec![0x83], 2))),
        ("c_double", "0.1", CqlValue::Double(0.1)),
        ("c_float", "0.5", CqlValue::Float(0.5)),
        ("c_inet", "'2001:db8::1'", CqlValue::Inet("2001:db8::1".parse()?)),
        ("c_int", "-2147483648", CqlValue::Int(i32::MIN)),
        ("c_smallint", "-32768", CqlValue::SmallInt(i16::MIN)),
        ("c_text", "'drei Blätter, 三つ葉'", CqlValue::Text("drei Blätter, 三つ葉".into())),
        ("c_time", "'23:59:59.999999999'", CqlValue::Time(CqlTime(86_399_999_999_999))),
        ("c_timestamp", "'2026-02-28T12:34:56.789Z'", CqlValue::Timestamp(CqlTimestamp(1_772_282_096_789))),
        (
            "c_timeuuid",
            "50554d6e-29bb-11e5-b345-feff819cdc9f",
            CqlValue::Timeuuid("50554d6e-29bb-11e5-b345-feff819cdc9f".parse::<CqlTimeuuid>()?),
        ),
        ("c_tinyint", "-128", CqlValue::TinyInt(i8::MIN)),
        ("c_uuid", "123e4567-e89b-42d3-a456-426614174000", CqlValue::Uuid(*uuid.as_ref())),
        ("c_varint", "-129", CqlValue::Varint(CqlVarint::from_signed_bytes_be(vec![0xff, 0x7f]))),
        ("l_int", "[3, 1, 3]", CqlValue::List([3, 1, 3].map(CqlValue::Int).to_vec())),
        ("s_text", "{'b', 'a'}", CqlValue::Set(["a", "b"].map(|text| CqlValue::Text(text.into())).to_vec())),
        ("m_text_bigint", "{'x': 1}", CqlValue::Map(vec![(CqlValue::Text("x".into()), CqlValue::BigInt(1))])),
        ("f_map", "{1: 'one'}", CqlValue::Map(vec![(CqlValue::Int(1), CqlValue::Text("one".into()))])),
    ];
    let names = columns.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
    let literals = columns.iter().map(|(_, literal, _)| *literal).collect::<Vec<_>>().join(", ");
    let insert = format!("INSERT INTO driver_rust.types (id, {names}) VALUES (1, {literals})");
    session.query_unpaged(insert, ()).await?;
    let markers = columns.iter().map(|_| "?").collect::<Vec<_>>().join(", ");
    let insert = session.prepare(format!("INSERT INTO driver_rust.types (id, {names}) VALUES (?, {markers})")).await?;
    let values = |with: bool| {
        let mut values = vec![Some(CqlValue::Int(2))];
        values.extend(columns.iter().map(|(.., value)| with.then(|| value.clone())));
        values
    };
    session.execute_unpaged(&insert, values(true)).await?;
    let select = session.prepare(format!("SELECT {names} FROM driver_rust.types WHERE id = ?")).await?;
    for id in [1, 2] {
        let rows = session.execute_unpaged(&select, (id,)).await?.into_rows_result()?;
        let row: Row = rows.single_row()?;
        for ((name, _, value), seen) in columns.iter().zip(row.columns) {
            expect(seen, Some(value.clone()), &format!("{name} of row {id}"))?;
        }
    }
    session.execute_unpaged(&insert, values(false)).await?;
    let rows = session.execute_unpaged(&select, (2,)).await?.into_rows_result()?;
    let row: Row = rows.single_row()?;
    let nulls = row.columns.iter().filter(|column| column.is_none()).count();
    expect(nulls, columns.len(), "columns that are null")
}

async fn markers(session: &Session) -> Step {
    let text = "INSERT INTO driver_rust.wide (p, q, r, s, v) VALUES (:p, :q, :r, :s, :v)";
    let insert = session.prepare(text).await?;
    let select = "SELECT v FROM driver_rust.wide WHERE p = 'named' AND q = 1";
    let mut key: HashMap<&str, CqlValue> = HashMap::new();
    key.insert("p", CqlValue::Text("named".into()));
    for name in ["q", "r", "s"] {
        key.insert(name, CqlValue::Int(1));
    }
    key.insert("v", CqlValue::Text("a".into()));
    session.execute_unpaged(&insert, key).await?;
    let v = || async {
        let rows = session.query_unpaged(select, ()).await?.into_rows_result()?;
        Ok::<Option<String>, Box<dyn Error>>(rows.single_row::<(Option<String>,)>()?.0)
    };
    expect(v().await?, Some("a".to_owned()), "named markers")?;
    session.execute_unpaged(&insert, ("named", 1, 1, 1, MaybeUnset::<String>::Unset)).await?;
    expect(v().await?, Some("a".to_owned()), "unset must leave what is there")?;
    session.execute_unpaged(&insert, ("named", 1, 1, 1, Unset)).await?;
    session.execute_unpaged(&insert, ("named", 1, 1, 1, None::<String>)).await?;
    expect(v().await?, None, "null must delete")
}

async fn paging(session: &Session) -> Step {
    let insert = session.prepare("INSERT INTO driver_rust.wide (p, q, r, s, v) VALUES ('pages', 1, ?, ?, 'x')").await?;
    for number in 0..500 {
        session.execute_unpaged(&insert, (number / 25, number % 25)).await?;
    }
    let text = "SELECT r, s FROM driver_rust.wide WHERE p = 'pages' AND q = 1";
    let mut select = session.prepare(Statement::new(text).with_page_size(37)).await?;
    select.set_page_size(37);
    // Every second page on another session: the state belongs to nobody.
    let other = connect(Some(Compression::Lz4)).await?;
    let mut seen: Vec<(i32, i32)> = Vec::new();
    let mut state = PagingState::start();
    for turn in 0.. {
        let asked = if turn % 2 == 0 { session } else { &other };
        let (page, next) = asked.execute_single_page(&select, (), state).await?;
        for row in page.into_rows_result()?.rows::<(i32, i32)>()? {
            seen.push(row?);
        }
        match next.into_paging_control_flow() {
            ControlFlow::Break(()) => break,
            ControlFlow::Continue(next) => state = next,
        }
    }
    let expected: Vec<(i32, i32)> = (0..20).rev().flat_map(|r| (0..25).map(move |s| (r, s))).collect();
    expect(seen, expected, "rows over all pages")
}

async fn conditions(session: &Session) -> Step {
    type Answer = (bool, Option<String>, Option<i32>, Option<String>);
    let create = "INSERT INTO driver_rust.second (p, q, v) VALUES ('lwt', 1, 'one') IF NOT EXISTS";
    let first = session.query_unpaged(create, ()).await?.into_rows_result()?;
    expect(first.single_row::<Row>()?.columns[0].clone(), Some(CqlValue::Boolean(true)), "the first creation")?;
    let second = session.query_unpaged(create, ()).await?.into_rows_result()?;
    let row = second.single_row::<Answer>()?;
    expect((row.0, row.3.as_deref()), (false, Some("one")), "the second creation")?;
    let update = session.prepare("UPDATE driver_rust.second SET v = ? WHERE p = 'lwt' AND q = 1 IF v = ?").await?;
    let fits = session.execute_unpaged(&update, ("two", "one")).await?.into_rows_result()?;
    expect(fits.single_row::<Row>()?.columns[0].clone(), Some(CqlValue::Boolean(true)), "an update that fits")?;
    let rejected = session.execute_unpaged(&update, ("three", "one")).await?.into_rows_result()?;
    let row = rejected.single_row::<(bool, Option<String>)>()?;
    expect((row.0, row.1.as_deref()), (false, Some("two")), "an update that does not fit")
}

async fn batches(session: &Session) -> Step {
    let insert = session.prepare("INSERT INTO driver_rust.wide (p, q, r, s, v) VALUES ('batch', 7, ?, 0, ?)").await?;
    let other = session.prepare("INSERT INTO driver_rust.second (p, q, v) VALUES ('batch', ?, ?)").await?;
    let mut batch = Batch::new(BatchType::Unlogged);
    let mut values: Vec<(i32, String)> = Vec::new();
    for r in 0..10 {
        batch.append_statement(insert.clone());
        values.push((r, r.to_string()));
    }
    batch.append_statement(other);
    values.push((7, "with it".to_owned()));
    session.batch(&batch, values).await?;
    let rows = session.query_unpaged("SELECT r FROM driver_rust.wide WHERE p = 'batch' AND q = 7", ()).await?;
    expect(rows.into_rows_result()?.rows_num(), 10, "rows of the batch")?;
    let rows = session.query_unpaged("SELECT v FROM driver_rust.second WHERE p = 'batch' AND q = 7", ()).await?;
    expect(rows.into_rows_result()?.rows_num(), 1, "the other table")
}

/// Every compression carries the same; system tables that other servers have are refused as drivers expect.
async fn compression(_session: &Session) -> Step {
    for compression in [Compression::Lz4, Compression::Snappy] {
        let session = connect(Some(compression)).await?;
        let rows = session.query_unpaged("SELECT r, v FROM driver_rust.wide WHERE p = 'pages' AND q = 1", ()).await?;
        expect(rows.into_rows_result()?.rows_num(), 500, &format!("rows with {compression:?}"))?;
    }
    Ok(())
}

async fn outage(session: &Session) -> Step {
    let mut insert = session.prepare("INSERT INTO driver_rust.load (id, v) VALUES (?, 'value')").await?;
    insert.set_is_idempotent(true);
    let done = AtomicBool::new(false);
    let acknowledged: Mutex<Vec<(i64, Instant)>> = Mutex::default();
    let errors: Mutex<Vec<String>> = Mutex::default();
    let writer = |number: i64| {
        let (insert, done, acknowledged, errors) = (&insert, &done, &acknowledged, &errors);
        async move {
            for turn in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let key = turn * 8 + number;
                match session.execute_unpaged(insert, (key,)).await {
                    Ok(_) => acknowledged.lock().expect("no writer panics").push((key, Instant::now())),
                    Err(error) => errors.lock().expect("no writer panics").push(error.to_string()),
                }
            }
        }
    };
    let disturb = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut result: Step = Ok(());
        for command in ["ZONE_STOP", "ZONE_START"] {
            if let Ok(text) = std::env::var(command) {
                let shell =
                    tokio::task::spawn_blocking(move || std::process::Command::new("sh").args(["-c", &text]).output());
                match shell.await {
                    Ok(Ok(output)) if output.status.success() => {}
                    other => result = Err(format!("{command}: {other:?}").into()),
                }
            }
            tokio::time::sleep(OUTAGE).await;
        }
        done.store(true, Ordering::Relaxed);
        result
    };
    let (w0, w1, w2, w3) = (writer(0), writer(1), writer(2), writer(3));
    let (w4, w5, w6, w7) = (writer(4), writer(5), writer(6), writer(7));
    let (result, ..) = tokio::join!(disturb, w0, w1, w2, w3, w4, w5, w6, w7);
    result?;
    let mut acknowledged = acknowledged.into_inner()?;
    acknowledged.sort_by_key(|(_, time)| *time);
    let gap = acknowledged.windows(2).map(|pair| pair[1].1 - pair[0].1).max().unwrap_or_default();
    let select = session.prepare("SELECT id FROM driver_rust.load WHERE id = ?").await?;
    let mut missing = Vec::new();
    for (key, _) in &acknowledged {
        if session.execute_unpaged(&select, (*key,)).await?.into_rows_result()?.rows_num() != 1 {
            missing.push(*key);
        }
    }
    let errors = errors.into_inner()?;
    println!(
        "   {} writes acknowledged, {} errors, longest gap {} ms",
        acknowledged.len(),
        errors.len(),
        gap.as_millis()
    );
    expect(errors.len(), 0, &format!("errors, the first: {:?}", errors.first()))?;
    expect(missing.len(), 0, &format!("acknowledged writes missing, the first: {:?}", missing.first()))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let session = match connect(None).await {
        Ok(session) => session,
        Err(error) => {
            println!("FAIL connect: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut failed = false;
    macro_rules! steps {
        ($($step:ident),*) => {$(
            match $step(&session).await {
                Ok(()) => println!("ok {}", stringify!($step)),
                Err(error) => {
                    failed = true;
                    println!("FAIL {}: {error}", stringify!($step));
                }
            }
        )*};
    }
    steps!(schema, types, markers, paging, conditions, batches, compression, outage);
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
