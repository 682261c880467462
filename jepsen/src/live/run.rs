//! One live run from start to verdict: cluster, clients, nemesis, final reads, checkers, report.
//!
//! A run is only good when the checkers found nothing *and* enough succeeded to mean something *and* everything could be read
//! again after the faults. The folder keeps history, faults, logs, verdict and picture.

use super::cluster::Cluster;
use super::nemesis::{self, Deeds, Nemesis};
use super::network::{self, Network};
use super::workload::{CLIENT_TIMEOUT, Client, Recorder, Statements, Workload};
use crate::checker::{Verdict, append, batch, linearizable, monotonic, set, versioned, zones};
use crate::history::{Action, History, HistoryError, Operation, Outcome};
use crate::report;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::FallthroughRetryPolicy;
use std::fs::File;
use std::io::{self, BufWriter};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the cluster may take until everything can be read after the faults.
const CONVERGE_WITHIN: Duration = Duration::from_secs(60);

/// What to run.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// What the clients do.
    #[arg(long, value_enum, default_value = "cas")]
    pub workload: Workload,
    /// What breaks.
    #[arg(long, value_enum, default_value = "none")]
    pub nemesis: Nemesis,
    /// For how long.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// Sequential clients.
    #[arg(long, default_value_t = 12)]
    pub clients: u64,
    /// Operations a second over all clients; 0 is as fast as they go.
    #[arg(long, default_value_t = 2_000)]
    pub rate: u64,
    /// Choices of clients and nemesis (their timing is the machine's).
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The server's binary [default: `trefoil` beside this program].
    #[arg(long)]
    pub binary: Option<PathBuf>,
    /// Where to keep history, logs and report [default: a new folder, deleted when all is well].
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Test a cluster that is running already (any CQL server; no nemesis).
    #[arg(long)]
    pub address: Vec<SocketAddr>,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The machine does not permit what this run needs.
    #[error("skipped: {0}")]
    Skipped(String),
    /// A process, a file or the network.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The history's file.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The driver, before the run began.
    #[error("driver: {0}")]
    Driver(String),
}

/// How a run went.
pub struct Outline {
    /// The last word.
    pub line: String,
    /// Whether all is well.
    pub good: bool,
}

/// Everything from start to verdict.
///
/// # Errors
/// When it could not be carried out.
pub async fn run(options: Options) -> Result<Outline, RunError> {
    let network = if options.nemesis.needs_network() {
        network::enter().map_err(RunError::Skipped)?;
        Some(Network::create(super::cluster::ZONES.len())?)
    } else {
        None
    };
    let kept = options.dir.clone();
    let temporary = tempfile::Builder::new().prefix("trefoil-jepsen-").tempdir()?;
    let folder = kept.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let mut cluster = start(&options, &folder, network).await?;
    let session = connect(cluster.addresses()).await?;
    let statements = prepare(&session, &options, cluster.addresses().len()).await?;

    let recorder = Recorder::default();
    let until = Instant::now() + Duration::from_secs(options.seconds);
    let clients = clients(&options, &session, &statements, &recorder, until);
    let rng = ChaCha8Rng::seed_from_u64(options.seed);
    let (deeds, ()) = tokio::join!(nemesis::run(options.nemesis, &mut cluster, &recorder, rng, until), clients);
    let deeds = deeds?;
    let converged = read_everything(&options, &session, &statements, &recorder).await;
    drop(cluster);

    let errors = recorder.errors();
    let history = History::new(recorder.take());
    let verdict = judge(options.workload, &history);
    let outline = outline(&options, &history, &deeds, &verdict, converged.as_deref());
    history.write_to(BufWriter::new(File::create(folder.join("history.jsonl"))?))?;
    std::fs::write(folder.join("nemesis.log"), &deeds.log)?;
    std::fs::write(folder.join("report.html"), report::html(&outline.line, &history, &verdict))?;
    std::fs::write(folder.join("verdict.txt"), format!("{}\n{errors:#?}\n", outline.line))?;
    for (error, times) in &errors {
        eprintln!("{times:>8} x {error}");
    }
    if !outline.good && kept.is_none() {
        eprintln!("kept: {}", temporary.keep().display());
    }
    Ok(outline)
}

async fn start(options: &Options, folder: &std::path::Path, network: Option<Network>) -> Result<Cluster, RunError> {
    if !options.address.is_empty() {
        if options.nemesis != Nemesis::None {
            return Err(RunError::Skipped("a nemesis acts on clusters of its own only".to_owned()));
        }
        return Ok(Cluster::External { addresses: options.address.clone() });
    }
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => std::env::current_exe()?.with_file_name("trefoil"),
    };
    if !binary.exists() {
        let reason = format!("{} is not there: cargo build --release -p trefoil", binary.display());
        return Err(RunError::Io(io::Error::new(io::ErrorKind::NotFound, reason)));
    }
    Ok(match options.nemesis {
        Nemesis::Zone => Cluster::dev(&binary, folder).await?,
        _ => Cluster::processes(&binary, folder, network).await?,
    })
}

/// A session that repeats nothing by itself and asks all nodes in turn, so that every answer is one node's.
async fn connect(addresses: &[SocketAddr]) -> Result<Session, RunError> {
    let profile = ExecutionProfile::builder()
        .request_timeout(Some(CLIENT_TIMEOUT))
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .load_balancing_policy(DefaultPolicy::builder().token_aware(false).build())
        .build();
    SessionBuilder::new()
        .known_nodes_addr(addresses)
        .default_execution_profile_handle(profile.into_handle())
        .connection_timeout(Duration::from_secs(2))
        .cluster_metadata_refresh_interval(Duration::from_secs(5))
        .build()
        .await
        .map_err(|error| RunError::Driver(error.to_string()))
}

async fn prepare(session: &Session, options: &Options, nodes: usize) -> Result<Statements, RunError> {
    let driver = |error: &dyn std::fmt::Display| RunError::Driver(error.to_string());
    let keyspace = format!(
        "CREATE KEYSPACE IF NOT EXISTS jepsen WITH replication = \
         {{'class': 'NetworkTopologyStrategy', 'replication_factor': {nodes}}}"
    );
    for statement in std::iter::once(keyspace).chain(options.workload.table()) {
        session.query_unpaged(statement, ()).await.map_err(|error| driver(&error))?;
    }
    Statements::prepare(session, options.workload).await.map_err(|error| driver(&error))
}

async fn clients(options: &Options, session: &Session, statements: &Statements, recorder: &Recorder, until: Instant) {
    let pause = match options.rate {
        0 => Duration::ZERO,
        rate => Duration::from_secs_f64(options.clients as f64 / rate as f64),
    };
    let tasks = (0..options.clients).map(|number| {
        let rng = ChaCha8Rng::seed_from_u64(options.seed ^ (number + 1) << 32);
        let mut client = Client::new(options.workload, session, statements, recorder, rng);
        async move {
            let mut turn = tokio::time::interval(pause.max(Duration::from_nanos(1)));
            turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            while Instant::now() < until {
                if !pause.is_zero() {
                    turn.tick().await;
                }
                client.step().await;
            }
        }
    });
    join_all(tasks).await;
}

async fn join_all<F: Future<Output = ()>>(tasks: impl Iterator<Item = F>) {
    let mut tasks: Vec<_> = tasks.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        tasks.retain_mut(|task| task.as_mut().poll(context).is_pending());
        if tasks.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Read every key once more, until it succeeds: what was acknowledged must be there. The reason if that is not possible.
async fn read_everything(
    options: &Options,
    session: &Session,
    statements: &Statements,
    recorder: &Recorder,
) -> Option<String> {
    let rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut client = Client::new(options.workload, session, statements, recorder, rng);
    let deadline = Instant::now() + CONVERGE_WITHIN;
    for key in recorder.keys() {
        while !client.read(key).await {
            if Instant::now() > deadline {
                return Some(format!("key {key} cannot be read {CONVERGE_WITHIN:?} after the last fault"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    None
}

/// All checkers that apply to a workload.
pub fn judge(workload: Workload, history: &History) -> Verdict {
    match workload {
        Workload::Register => {
            // The search is only a second opinion here, and may give up; the others are exact.
            let second = match linearizable::check(history) {
                Verdict::Undecided(_) => Verdict::Valid,
                verdict => verdict,
            };
            zones::check(history).and(versioned::check(history)).and(monotonic::check(history)).and(second)
        }
        Workload::Cas => linearizable::check(history),
        Workload::Append => append::check(history),
        Workload::Set => set::check(history),
        Workload::Batch => batch::check(history),
    }
}

fn outline(options: &Options, history: &History, deeds: &Deeds, verdict: &Verdict, stuck: Option<&str>) -> Outline {
    let count = |outcome| history.operations.iter().filter(|operation| operation.outcome == outcome).count();
    let succeeded = |reads: bool| {
        history
            .operations
            .iter()
            .filter(|operation| operation.outcome == Outcome::Ok && is_read(operation) == reads)
            .count()
    };
    let (reads, writes) = (succeeded(true), succeeded(false));
    let end = match (verdict, stuck) {
        (Verdict::Violated(_) | Verdict::Undecided(_), _) => verdict.to_string(),
        (Verdict::Valid, Some(reason)) => format!("stuck: {reason}"),
        // Ten successes a second: below that, nothing much was tested.
        (Verdict::Valid, None) if reads.min(writes) < 10 * options.seconds as usize => {
            "vacuous: too little succeeded".into()
        }
        (Verdict::Valid, None) if options.nemesis != Nemesis::None && deeds.faults == 0 && options.seconds > 5 => {
            "vacuous: nothing was broken".into()
        }
        (Verdict::Valid, None) => "valid".to_owned(),
    };
    let gap = longest_gap(history);
    let line = format!(
        "jepsen: workload={:?} nemesis={:?} seconds={} seed={} operations={} ok={} fail={} unknown={} reads={reads} \
         writes={writes} faults={} longest_gap_ms={} verdict={end}",
        options.workload,
        options.nemesis,
        options.seconds,
        options.seed,
        history.operations.len(),
        count(Outcome::Ok),
        count(Outcome::Fail),
        count(Outcome::Unknown),
        deeds.faults,
        gap.as_millis(),
    );
    Outline { line, good: end == "valid" }
}

fn is_read(operation: &Operation) -> bool {
    matches!(
        operation.action,
        Action::Read { .. } | Action::ReadList { .. } | Action::ReadSet { .. } | Action::ReadRows { .. }
    )
}

/// The longest time without a successful write.
fn longest_gap(history: &History) -> Duration {
    let mut successes: Vec<u64> = history
        .operations
        .iter()
        .filter(|operation| operation.outcome == Outcome::Ok && !is_read(operation))
        .map(|operation| operation.complete)
        .collect();
    successes.sort_unstable();
    Duration::from_nanos(successes.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0))
}
