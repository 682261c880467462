//! `differential`: runs the same generated program (`trefoil_sim::language`) on two CQL servers and compares every answer. A program
//! whose answers differ is shrunk to a few statements and printed as a conformance file: expected is what the right server answered.
//! Differences of which the cause is known are Cassandra's (`explain`), and counted by cause at the end.

mod explain;
mod pair;

use clap::Parser;
use explain::Explanation;
use pair::{Pair, Run};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::process::ExitCode;
use std::rc::Rc;
use tokio::task::LocalSet;
use trefoil_sim::language::generate::{Wanted, generate};
use trefoil_sim::language::program::Program;
use trefoil_tests::client::ClientError;

#[derive(Parser)]
#[command(about = "Compare two CQL servers statement by statement")]
struct Arguments {
    /// The server under test.
    #[arg(long, required_unless_present = "interpreter")]
    left: Option<SocketAddr>,
    /// Test the reference interpreter instead, with programs that it knows.
    #[arg(long)]
    interpreter: bool,
    /// The judge, a real Cassandra.
    #[arg(long)]
    right: SocketAddr,
    /// The first program's seed; each further program has the next.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Programs.
    #[arg(long, default_value_t = 100)]
    count: u64,
    /// Statements of a program.
    #[arg(long, default_value_t = 100)]
    statements: usize,
    /// Stop after so many programs with unexplained differences.
    #[arg(long, default_value_t = 10)]
    differences_max: usize,
    /// Print what is found without shrinking it.
    #[arg(long)]
    no_shrink: bool,
    /// Leave out programs in which requests say what time it is.
    #[arg(long)]
    no_request_time: bool,
    /// Programs that run at the same time, each in a keyspace of its own.
    #[arg(long, default_value_t = 1)]
    workers: u64,
}

/// What all workers have done.
#[derive(Default)]
struct Totals {
    programs: u64,
    statements: usize,
    explained: BTreeMap<Explanation, u64>,
    unexplained: usize,
}

/// What workers share.
struct Work {
    arguments: Arguments,
    /// Of programs that no worker has taken yet.
    seeds: RefCell<Range<u64>>,
    totals: RefCell<Totals>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(ClientError::from).and_then(|runtime| LocalSet::new().block_on(&runtime, run(arguments))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("differential: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every difference is explained.
async fn run(arguments: Arguments) -> Result<bool, ClientError> {
    let seeds = arguments.seed..arguments.seed + arguments.count;
    let work = Rc::new(Work { arguments, seeds: RefCell::new(seeds), totals: RefCell::default() });
    let workers = 0..work.arguments.workers.max(1);
    let workers = workers.map(|worker| tokio::task::spawn_local(run_some(worker, Rc::clone(&work))));
    for worker in workers.collect::<Vec<_>>() {
        worker.await.map_err(|error| ClientError::Nonsense(error.to_string()))??;
    }
    let Totals { programs, statements, explained, unexplained } = &*work.totals.borrow();
    for (explanation, times) in explained {
        println!("{times:>9} explained: {}", explanation.name());
    }
    let explained: u64 = explained.values().sum();
    println!(
        "{statements} statements in {programs} programs, {explained} differences explained, {unexplained} unexplained"
    );
    Ok(*unexplained == 0)
}

/// Take seeds and run their programs until there are none left.
async fn run_some(worker: u64, work: Rc<Work>) -> Result<(), ClientError> {
    let arguments = &work.arguments;
    let keyspace = format!("differential_{}_{worker}", std::process::id());
    let left = arguments.left.filter(|_| !arguments.interpreter);
    let mut pair = Pair::open(left, arguments.right, &keyspace).await?;
    while work.totals.borrow().unexplained < arguments.differences_max {
        let next = work.seeds.borrow_mut().next();
        let Some(seed) = next else { break };
        let wanted = Wanted {
            requests: arguments.statements,
            request_time: !arguments.no_request_time,
            interpreted: arguments.interpreter,
        };
        let program = generate(seed, "t", wanted);
        let run = pair.run(&program).await;
        work.totals.borrow_mut().add(&run);
        if run.difference.is_some() {
            let (program, run) = if arguments.no_shrink { (program, run) } else { pair.shrink(program, run).await };
            print(seed, &program, &run);
        }
    }
    pair.close().await
}

impl Totals {
    fn add(&mut self, run: &Run) {
        self.programs += 1;
        self.statements += run.right.len();
        self.unexplained += usize::from(run.difference.is_some());
        for (explanation, times) in &run.explained {
            *self.explained.entry(*explanation).or_default() += times;
        }
        if self.programs.is_multiple_of(50) {
            let Totals { programs, statements, unexplained, .. } = self;
            eprintln!(
                "{programs} programs: {statements} statements, {unexplained} programs with unexplained differences"
            );
        }
    }
}

fn print(seed: u64, program: &Program, run: &Run) {
    println!("# Seed {seed}.");
    let requests = program.requests.iter().map(|request| pair::step(&program.table, request));
    for (mut step, answer) in pair::definitions(&program.table).into_iter().chain(requests).zip(&run.right) {
        step.answer.clone_from(answer);
        println!("\n{}", step.to_text().trim_end());
    }
    if let Some(left) = &run.difference {
        println!("# The other server:\n# {}\n", left.join("\n# "));
    }
}
