//! kill -9 under load, again and again: nothing acknowledged may be lost, nothing applied twice.
//!
//! One `trefoil dev` with three zones in one process, so every kill takes all zones at once, at whatever moment it meets. Writers,
//! each with a connection of its own and no driver between, insert new rows and count a number up by conditional updates. After
//! each restart every writer's last inserts must be there, and its number must be the one it was told or, if the last answer
//! was cut off, the next. At the end all rows are counted.

use clap::Parser;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use trefoil_cql::protocol::Consistency;
use trefoil_jepsen::live::cluster::START_DEADLINE;
use trefoil_jepsen::live::process::{Recipe, ServerProcess};
use trefoil_tests::client::{ClientError, Connection, as_bigint, bigint};

/// Inserts of each writer that are looked up after every restart; the rest at the end.
const RECENT: usize = 64;

/// Rows on a page of the last count.
const PAGE_ROWS: i32 = 5_000;

#[derive(Parser)]
#[command(about = "Kill the server under load, restart it, and look for what was acknowledged")]
struct Arguments {
    /// How often.
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// Writers at once.
    #[arg(long, default_value_t = 12)]
    writers: i64,
    /// Chooses the moments.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server's binary [default: `trefoil` beside this program].
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// What one writer was told.
#[derive(Clone, Debug)]
struct Writer {
    number: i64,
    inserted: Vec<i64>,
    next: i64,
    /// The counted number as last acknowledged.
    counted: i64,
    /// Whether a count is under way whose answer never came.
    uncertain: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let result = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(&arguments)));
    match result {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("kill-loop: failed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let folder = tempfile::Builder::new().prefix("trefoil-kill-loop-").tempdir()?;
    let result = run_in(arguments, folder.path()).await;
    if result.is_err() {
        eprintln!("kept: {}", folder.keep().display());
    }
    result
}

async fn run_in(arguments: &Arguments, folder: &std::path::Path) -> Result<String, Box<dyn Error>> {
    let binary = match &arguments.binary {
        Some(binary) => binary.clone(),
        None => std::env::current_exe()?.with_file_name("trefoil"),
    };
    let mut server = server(&binary, folder);
    let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
    let mut writers: Vec<Writer> = (0..arguments.writers)
        .map(|number| Writer { number, inserted: Vec::new(), next: 0, counted: 0, uncertain: false })
        .collect();
    let mut restarts = Vec::new();
    for life in 0..=arguments.kills {
        let began = Instant::now();
        server.start()?;
        let ready = server.answers(START_DEADLINE).await;
        let addresses = ready.map_err(|error| format!("after {life} kills: {error}"))?.cql;
        restarts.push(began.elapsed());
        if life == 0 {
            create(addresses[0], arguments.writers).await?;
        }
        verify(&mut writers, &addresses).await.map_err(|error| format!("after {life} kills: {error}"))?;
        if life == arguments.kills {
            count(&writers, &addresses).await?;
            break;
        }
        let load = Duration::from_millis(rng.random_range(50..500));
        writers = load_and_kill(writers, &addresses, load, &mut server).await?;
    }
    restarts.sort();
    let rows: usize = writers.iter().map(|writer| writer.inserted.len()).sum();
    let counted: i64 = writers.iter().map(|writer| writer.counted).sum();
    Ok(format!(
        "kill-loop: {} kills, {rows} inserts and {counted} conditional updates acknowledged, none lost; ready again after \
         {} ms at the median, {} ms at most",
        arguments.kills,
        restarts[restarts.len() / 2].as_millis(),
        restarts.last().map_or(0, Duration::as_millis),
    ))
}

fn server(binary: &std::path::Path, folder: &std::path::Path) -> ServerProcess {
    let ready_file = folder.join("ready");
    let [binary, data, ready] = [binary, &folder.join("data"), &ready_file].map(|path| path.display().to_string());
    ServerProcess::new(Recipe {
        name: "dev".to_owned(),
        command: [&binary, "dev", "--port", "0", "--dir", &data, "--ready-file", &ready].map(str::to_owned).to_vec(),
        log: folder.join("server.log"),
        ready_file,
    })
}

async fn create(address: SocketAddr, writers: i64) -> Result<(), ClientError> {
    let mut connection = Connection::open(address).await?;
    let replication = "{'class': 'NetworkTopologyStrategy', 'replication_factor': 3}";
    connection.query(&format!("CREATE KEYSPACE kills WITH replication = {replication}")).await?;
    connection.query("CREATE TABLE kills.load (id bigint PRIMARY KEY, v bigint)").await?;
    connection.query("CREATE TABLE kills.counts (writer bigint PRIMARY KEY, n bigint)").await?;
    for writer in 0..writers {
        connection.query(&format!("INSERT INTO kills.counts (writer, n) VALUES ({writer}, 0)")).await?;
    }
    Ok(())
}

/// Let the writers write, and kill the server in the middle of it.
async fn load_and_kill(
    writers: Vec<Writer>,
    addresses: &[SocketAddr],
    load: Duration,
    server: &mut ServerProcess,
) -> Result<Vec<Writer>, Box<dyn Error>> {
    let killed = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = writers
        .into_iter()
        .map(|mut writer| {
            let address = addresses[writer.number as usize % addresses.len()];
            let killed = killed.clone();
            tokio::spawn(async move {
                match writer.write(address).await {
                    // A connection may break, but only by the kill; an answer must always be a good one.
                    Err(ClientError::Io(_)) if killed.load(Ordering::Acquire) => Ok(writer),
                    Err(error) => Err(format!("writer {}: {error}", writer.number)),
                    Ok(()) => Ok(writer),
                }
            })
        })
        .collect();
    tokio::time::sleep(load).await;
    killed.store(true, Ordering::Release);
    server.kill()?;
    let mut writers = Vec::new();
    for task in tasks {
        writers.push(task.await??);
    }
    Ok(writers)
}

impl Writer {
    /// Write until the connection breaks.
    async fn write(&mut self, address: SocketAddr) -> Result<(), ClientError> {
        let mut connection = Connection::open(address).await?;
        let insert = connection.prepare("INSERT INTO kills.load (id, v) VALUES (?, ?)").await?;
        let count = connection.prepare("UPDATE kills.counts SET n = ? WHERE writer = ? IF n = ?").await?;
        loop {
            for _ in 0..3 {
                let id = self.number << 40 | self.next;
                self.next += 1;
                connection.execute(&insert, vec![bigint(id), bigint(id)]).await?;
                self.inserted.push(id);
            }
            self.uncertain = true;
            let values = vec![bigint(self.counted + 1), bigint(self.number), bigint(self.counted)];
            let answer = connection.execute(&count, values).await?;
            if answer.cells.first() != Some(&Some(bytes::Bytes::from_static(&[1]))) {
                return Err(ClientError::Nonsense(format!("the count from {} was rejected: {answer:?}", self.counted)));
            }
            self.counted += 1;
            self.uncertain = false;
        }
    }
}

/// Every writer's number and its last inserts.
async fn verify(writers: &mut [Writer], addresses: &[SocketAddr]) -> Result<(), Box<dyn Error>> {
    for writer in writers {
        let address = addresses[(writer.number as usize + 1) % addresses.len()];
        let mut connection = Connection::open(address).await?;
        connection.consistency = Consistency::Serial;
        let number = writer.number;
        let rows = connection.query(&format!("SELECT n FROM kills.counts WHERE writer = {number}")).await?;
        let seen = rows.cells.first().and_then(as_bigint);
        let told = writer.counted;
        let possible = seen == Some(told) || writer.uncertain && seen == Some(told + 1);
        if !possible {
            return Err(format!(
                "writer {number} was told {told} (one more under way: {}), and reads {seen:?}",
                writer.uncertain
            )
            .into());
        }
        writer.counted = seen.unwrap_or(told);
        writer.uncertain = false;
        let select = connection.prepare("SELECT v FROM kills.load WHERE id = ?").await?;
        connection.consistency = Consistency::LocalQuorum;
        for id in writer.inserted.iter().rev().take(RECENT) {
            let rows = connection.execute(&select, vec![bigint(*id)]).await?;
            if rows.cells.first().and_then(as_bigint) != Some(*id) {
                return Err(format!("row {id}, acknowledged to writer {number}, is lost: {rows:?}").into());
            }
        }
    }
    Ok(())
}

/// All rows that anybody was told are there, by one scan in pages.
async fn count(writers: &[Writer], addresses: &[SocketAddr]) -> Result<(), Box<dyn Error>> {
    let mut connection = Connection::open(addresses[0]).await?;
    let rows = connection.scan("SELECT id, v FROM kills.load", PAGE_ROWS).await?;
    let mut there: Vec<i64> = Vec::with_capacity(rows.len());
    for row in &rows {
        match (as_bigint(&row[0]), as_bigint(&row[1])) {
            (Some(id), Some(value)) if id == value => there.push(id),
            other => return Err(format!("a row is torn: {other:?}").into()),
        }
    }
    there.sort_unstable();
    if let Some(twice) = there.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("row {} is in the scan twice", twice[0]).into());
    }
    for writer in writers {
        if let Some(lost) = writer.inserted.iter().find(|id| there.binary_search(id).is_err()) {
            return Err(
                format!("row {lost}, acknowledged to writer {}, is not in the scan of all", writer.number).into()
            );
        }
    }
    Ok(())
}
