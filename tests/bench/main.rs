//! `bench`: compares CQL servers in one run, alternating between them, and writes a table in Markdown.
//!
//! Every server gets the same statements, data and number of requests in flight. Rounds alternate, so that a machine that gets slower
//! hurts all alike, and the median of the rounds counts. Latencies are then taken at a share of each server's own throughput.
//! Nothing here passes or fails: it measures. See README.md beside it.

mod histogram;
mod load;
mod usage;
mod workload;

use clap::Parser;
use load::{Outcome, Pace, Plan};
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use trefoil_cql::protocol::Consistency;
use workload::{Size, Statements, Workload};

#[derive(Parser)]
#[command(about = "Compare CQL servers")]
struct Arguments {
    /// A server: `NAME=HOST:PORT[,HOST:PORT...][@PROCESS]`; with its process id, its memory and processor time are shown.
    #[arg(long = "server", required = true, value_parser = parse_server)]
    servers: Vec<Server>,
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "write,read,slice,append,mixed")]
    workloads: Vec<Workload>,
    /// Rows of each table.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Wide partitions.
    #[arg(long, default_value_t = 10_000)]
    partitions: u64,
    /// Bytes of a value.
    #[arg(long, default_value_t = 100)]
    value_bytes: usize,
    /// Requests in flight, over all connections.
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// Connections, dealt to the server's addresses in turn.
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// Seconds of one measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Measurements of each, alternating; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Replication factor.
    #[arg(long, default_value_t = 1)]
    replication: u32,
    /// Share of the throughput at which latencies are taken; 0 takes them at full load.
    #[arg(long, default_value_t = 0.7)]
    latency_load: f64,
    /// Use the data that an earlier run loaded.
    #[arg(long)]
    keep_data: bool,
    /// Only tell how long it takes until the first row of such data is read, also while the servers are still starting.
    #[arg(long)]
    first_row: bool,
}

/// A server under test.
#[derive(Clone, Debug)]
struct Server {
    name: String,
    addresses: Vec<SocketAddr>,
    process: Option<u32>,
}

fn parse_server(text: &str) -> Result<Server, String> {
    let (name, rest) = text.split_once('=').ok_or("NAME=HOST:PORT[,HOST:PORT...][@PROCESS]")?;
    let (addresses, process) = match rest.split_once('@') {
        Some((addresses, process)) => (addresses, Some(process.parse().map_err(|_| "a process id is a number")?)),
        None => (rest, None),
    };
    let addresses: Result<Vec<SocketAddr>, _> = addresses.split(',').map(str::parse).collect();
    Ok(Server { name: name.to_owned(), addresses: addresses.map_err(|error| error.to_string())?, process })
}

/// One line of the table.
struct Line {
    workload: Workload,
    server: String,
    per_second: f64,
    latencies: [Duration; 3],
    cores: Option<f64>,
    memory: Option<(u64, u64)>,
    errors: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(&arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Try to read a row until there is one.
async fn first_row(server: &Server) -> Result<(), Box<dyn Error>> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let began = Instant::now();
    loop {
        match workload::read_one(server.addresses[0]).await {
            Ok(()) => {
                println!("{}: first row after {} ms", server.name, began.elapsed().as_millis());
                return Ok(());
            }
            Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if arguments.first_row {
        for server in &arguments.servers {
            first_row(server).await?;
        }
        return Ok(());
    }
    let size = Size {
        rows: arguments.rows,
        partitions: arguments.partitions.min(arguments.rows),
        value_bytes: arguments.value_bytes,
    };
    let consistency = if arguments.replication == 1 { Consistency::One } else { Consistency::LocalQuorum };
    let mut prepared = Vec::new();
    for server in &arguments.servers {
        let create = !arguments.keep_data;
        let statements =
            workload::prepare(server.addresses[0], size, arguments.replication, consistency, create).await?;
        // The ids are the same everywhere, but a server knows only what was prepared at it.
        for &address in &server.addresses[1..] {
            workload::prepare(address, size, arguments.replication, consistency, false).await?;
        }
        if create {
            eprintln!("{}: loading {} rows", server.name, 2 * size.rows);
            load_rows(arguments, server, &statements).await?;
        }
        statements.check(server.addresses[0]).await.map_err(|error| format!("{}: {error}", server.name))?;
        prepared.push(statements);
    }
    let mut lines = Vec::new();
    for workload in &arguments.workloads {
        lines.extend(measure(arguments, *workload, &prepared).await?);
    }
    print_table(arguments, &lines);
    Ok(())
}

fn connections(arguments: &Arguments, server: &Server) -> Vec<SocketAddr> {
    server.addresses.iter().copied().cycle().take(arguments.connections).collect()
}

async fn load_rows(arguments: &Arguments, server: &Server, statements: &Statements) -> Result<(), Box<dyn Error>> {
    let addresses = connections(arguments, server);
    let plan = Plan {
        workload: None,
        pace: Pace::Count((2 * arguments.rows).div_ceil(addresses.len() as u64)),
        window: 256 / addresses.len(),
        warm_up: Duration::ZERO,
        duration: Duration::ZERO,
    };
    let outcome = load::run(&addresses, statements, plan).await?;
    match outcome.first_error {
        Some(error) => {
            Err(format!("{}: {} errors while loading, the first: {error}", server.name, outcome.errors).into())
        }
        None => Ok(()),
    }
}

/// One workload at all servers: rounds for throughput, then latencies.
async fn measure(
    arguments: &Arguments,
    workload: Workload,
    prepared: &[Statements],
) -> Result<Vec<Line>, Box<dyn Error>> {
    let count = arguments.servers.len();
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); count];
    let mut cores: Vec<Vec<f64>> = vec![Vec::new(); count];
    let mut errors = vec![0; count];
    let mut at_full_load: Vec<Option<Outcome>> = (0..count).map(|_| None).collect();
    for _ in 0..arguments.rounds.max(1) {
        for (number, server) in arguments.servers.iter().enumerate() {
            let before = server.process.and_then(usage::processor_seconds);
            let outcome = one(arguments, server, &prepared[number], workload, Pace::Closed).await?;
            let after = server.process.and_then(usage::processor_seconds);
            let rate = outcome.latencies.total() as f64 / outcome.seconds;
            eprintln!("{workload:?} {}: {rate:.0}/s", server.name);
            rates[number].push(rate);
            if let (Some(before), Some(after)) = (before, after) {
                cores[number].push((after - before) / (outcome.seconds + warm_up(arguments).as_secs_f64()));
            }
            errors[number] += outcome.errors;
            if let Some(error) = &outcome.first_error {
                eprintln!("{workload:?} {}: {} errors, the first: {error}", server.name, outcome.errors);
            }
            at_full_load[number] = Some(outcome);
        }
    }
    let mut lines = Vec::new();
    for (number, server) in arguments.servers.iter().enumerate() {
        let per_second = median(&mut rates[number]);
        let outcome = if arguments.latency_load > 0.0 {
            let rate = per_second * arguments.latency_load / arguments.connections as f64;
            one(arguments, server, &prepared[number], workload, Pace::Open(rate)).await?
        } else {
            at_full_load[number].take().unwrap_or_default()
        };
        lines.push(Line {
            workload,
            server: server.name.clone(),
            per_second,
            latencies: [0.5, 0.99, 0.999].map(|share| outcome.latencies.quantile(share)),
            cores: (!cores[number].is_empty()).then(|| median(&mut cores[number])),
            memory: server.process.and_then(usage::resident_megabytes),
            errors: errors[number] + outcome.errors,
        });
    }
    Ok(lines)
}

fn warm_up(arguments: &Arguments) -> Duration {
    Duration::from_secs(arguments.seconds.div_ceil(5))
}

async fn one(
    arguments: &Arguments,
    server: &Server,
    statements: &Statements,
    workload: Workload,
    pace: Pace,
) -> Result<Outcome, Box<dyn Error>> {
    let mut addresses = connections(arguments, server);
    let in_flight = workload.window(arguments.in_flight);
    addresses.truncate(in_flight);
    let window = match pace {
        // A stall must not hold back what is due: the window is as wide as stream numbers allow.
        Pace::Open(_) => 16_384,
        _ => in_flight.div_ceil(addresses.len()),
    };
    let duration = Duration::from_secs(arguments.seconds);
    let plan = Plan { workload: Some(workload), pace, window, warm_up: warm_up(arguments), duration };
    Ok(load::run(&addresses, statements, plan).await?)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn print_table(arguments: &Arguments, lines: &[Line]) {
    println!(
        "{} rows of {} bytes, RF {}, {} in flight on {} connections, median of {} rounds of {} s; latencies {}.\n",
        arguments.rows,
        arguments.value_bytes,
        arguments.replication,
        arguments.in_flight,
        arguments.connections,
        arguments.rounds,
        arguments.seconds,
        if arguments.latency_load > 0.0 {
            format!("at {:.0} % of that throughput, from when a request was due", arguments.latency_load * 100.0)
        } else {
            "at full load".to_owned()
        },
    );
    println!("| workload | server | op/s | p50 ms | p99 ms | p99.9 ms | cores | RSS MB | of it anonymous | errors |");
    println!("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for line in lines {
        let [p50, p99, p999] = line.latencies.map(|latency| format!("{:.2}", latency.as_secs_f64() * 1_000.0));
        let cores = line.cores.map_or("-".to_owned(), |cores| format!("{cores:.2}"));
        let (resident, anonymous) = line.memory.map_or(("-".to_owned(), "-".to_owned()), |(resident, anonymous)| {
            (resident.to_string(), anonymous.to_string())
        });
        println!(
            "| {:?} | {} | {:.0} | {p50} | {p99} | {p999} | {cores} | {resident} | {anonymous} | {} |",
            line.workload, line.server, line.per_second, line.errors
        );
    }
}
