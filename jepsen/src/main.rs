//! `trefoil-jepsen`: run real clusters under faults and judge them, or judge a history that somebody recorded.
//!
//! Every command ends with one line and says the same by its exit status: 0 good, 1 bad, 77 skipped.

use clap::{Parser, Subcommand};
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use trefoil_jepsen::checker::{Verdict, append, batch, linearizable, monotonic, set, versioned, zones};
use trefoil_jepsen::history::{Action, History, Operation};
use trefoil_jepsen::live::run::{self, Options, RunError};
use trefoil_jepsen::report;

/// The exit status that test runners read as "skipped".
const SKIPPED: u8 = 77;

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a cluster, load it, break it, judge what its clients saw.
    Run(Options),
    /// Judge a history: one JSON line for each operation.
    Check {
        /// The history.
        file: PathBuf,
        /// Also draw it.
        #[arg(long)]
        report: Option<PathBuf>,
    },
    /// Time the checkers on made-up good histories.
    Measure {
        /// Operations of each.
        #[arg(long, default_value_t = 1_000_000)]
        operations: u64,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(options) => live(options),
        Command::Check { file, report } => check(&file, report.as_deref()),
        Command::Measure { operations } => {
            measure(operations);
            return ExitCode::SUCCESS;
        }
    };
    match result {
        Ok((line, good)) => {
            println!("{line}");
            if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            println!("jepsen: {error}");
            let skipped = error.downcast_ref().is_some_and(|error| matches!(error, RunError::Skipped(_)));
            if skipped { ExitCode::from(SKIPPED) } else { ExitCode::FAILURE }
        }
    }
}

type Judgement = Result<(String, bool), Box<dyn std::error::Error>>;

fn live(options: Options) -> Judgement {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let outline = runtime.block_on(run::run(options))?;
    Ok((outline.line, outline.good))
}

fn check(file: &std::path::Path, picture: Option<&std::path::Path>) -> Judgement {
    let history = History::read_from(BufReader::new(File::open(file)?))?;
    let verdict = linearizable::check(&history)
        .and(versioned::check(&history))
        .and(monotonic::check(&history))
        .and(append::check(&history))
        .and(set::check(&history))
        .and(batch::check(&history));
    if let Some(picture) = picture {
        std::fs::write(picture, report::html(&file.display().to_string(), &history, &verdict))?;
    }
    Ok((format!("jepsen: operations={} verdict={verdict}", history.operations.len()), verdict.is_valid()))
}

/// Good histories of `operations` operations by three clients on each of some keys, and how long each checker takes.
fn measure(operations: u64) {
    for per_key in [1_000, operations] {
        let history = overlapping_registers(operations, per_key);
        for (name, checker) in [
            ("zones", zones::check as fn(&History) -> Verdict),
            ("versioned", versioned::check),
            ("monotonic", monotonic::check),
            ("linearizable", linearizable::check),
        ] {
            let start = Instant::now();
            let verdict = checker(&history);
            println!("{name:>13} {operations} operations, {per_key} a key: {:?} {verdict}", start.elapsed());
        }
    }
}

fn overlapping_registers(operations: u64, per_key: u64) -> History {
    let mut history = History::default();
    for number in 0..operations {
        let (key, turn, process) = (number / per_key, number % per_key, number % 3);
        // Three clients in lockstep, each operation overlapping the two before and after it.
        let (invoke, complete) = (turn * 10, turn * 10 + 25);
        let written = turn / 2 * 2;
        let action = if turn % 2 == 0 {
            Action::Write { value: Some(written as i64) }
        } else {
            Action::Read { value: Some(written as i64) }
        };
        history.operations.push(Operation::ok(process, key, action, invoke, complete).with_version(written as i64));
    }
    history
}
