//! The simulator's command line: run a seed, sweep many, replay a file, shrink a failure, look for planted bugs. Every run ends
//! with one line that has seed, verdict and state hash; the exit status says the verdict too.

use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use trefoil_core::bugs::PlantedBug;
use trefoil_sim::plan::Plan;
use trefoil_sim::plan::preset::Preset;
use trefoil_sim::planted::{Catch, Find};
use trefoil_sim::simulation::{Keep, Report};
use trefoil_sim::sweep::{Failure, Sweep, sweep};
use trefoil_sim::{determinism, diagram, guard, planted, shrink};

/// Lines of what happened that are kept when somebody wants to see them.
const RECORD_LINES: usize = 40_000;

#[derive(Parser)]
#[command(name = "trefoil-sim", about = "One seed, one world: simulate a Trefoil cluster")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one seed.
    Run {
        /// The seed.
        #[arg(long)]
        seed: u64,
        #[command(flatten)]
        drawn: Drawn,
        /// Print the plan as JSON instead of running it.
        #[arg(long)]
        print_plan: bool,
        #[command(flatten)]
        shown: Shown,
    },
    /// Run a plan from a file.
    Replay {
        /// A plan as JSON.
        file: PathBuf,
        #[command(flatten)]
        shown: Shown,
    },
    /// Run many seeds.
    Sweep {
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many.
        #[arg(long, default_value_t = 1_000)]
        count: u64,
        /// Threads.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
        #[command(flatten)]
        drawn: Drawn,
        /// Every so many-th seed is run twice, to see whether both runs are the same; 0 for none.
        #[arg(long, default_value_t = 20)]
        twice_every: u64,
        /// Stop at the first failure.
        #[arg(long)]
        stop: bool,
        /// Do not fail when a required mark was not reached.
        #[arg(long)]
        no_marks: bool,
        /// Where shrunk plans and diagrams go.
        #[arg(long, default_value = "target/sim")]
        out: PathBuf,
    },
    /// Make a failing seed small.
    Shrink {
        /// The seed.
        #[arg(long)]
        seed: u64,
        #[command(flatten)]
        drawn: Drawn,
        /// Runs that it may take.
        #[arg(long, default_value_t = 600)]
        runs: usize,
        /// Where the shrunk plan and its diagram go.
        #[arg(long, default_value = "target/sim")]
        out: PathBuf,
    },
    /// Look for every planted bug in the seeds of its net.
    Bugs {
        /// Only this one.
        #[arg(long, value_parser = bug_by_name)]
        only: Option<PlantedBug>,
        /// Threads.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
    },
}

#[derive(Args)]
struct Drawn {
    /// What the seed is drawn as.
    #[arg(long, value_enum, default_value_t = Preset::Swarm)]
    preset: Preset,
    /// Planted bugs to switch on.
    #[arg(long = "bug", value_parser = bug_by_name)]
    bugs: Vec<PlantedBug>,
}

#[derive(Args)]
struct Shown {
    /// Print what happened.
    #[arg(long)]
    record: bool,
    /// Print what clients saw.
    #[arg(long)]
    history: bool,
    /// Draw the run into this HTML file.
    #[arg(long)]
    diagram: Option<PathBuf>,
    /// Run it twice and compare.
    #[arg(long)]
    twice: bool,
}

/// Bugs are named as in the code; serde knows the names.
fn bug_by_name(name: &str) -> Result<PlantedBug, String> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).map_err(|error| error.to_string())
}

/// What can go wrong besides a run.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("the plan is not readable: {0}")]
    Plan(#[from] serde_json::Error),
    #[error("the plan has format {found}, this simulator speaks {}", trefoil_sim::plan::FORMAT)]
    Format { found: u32 },
    #[error(transparent)]
    NothingBroken(#[from] shrink::NothingBroken),
}

fn main() -> ExitCode {
    match command(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("trefoil-sim: {error}");
            ExitCode::from(2)
        }
    }
}

fn command(command: Command) -> Result<bool, CliError> {
    match command {
        Command::Run { seed, drawn, print_plan, shown } => {
            let plan = Plan::from_seed(seed, drawn.preset, &drawn.bugs);
            if print_plan {
                println!("{}", serde_json::to_string_pretty(&plan)?);
                return Ok(true);
            }
            let good = run(&plan, &shown)?;
            if !good {
                println!("replay: {}", seed_command("run", seed, &drawn));
                println!("shrink: {}", seed_command("shrink", seed, &drawn));
            }
            Ok(good)
        }
        Command::Replay { file, shown } => {
            let text = std::fs::read_to_string(&file).map_err(|source| CliError::File { path: file, source })?;
            let plan: Plan = serde_json::from_str(&text)?;
            if plan.format != trefoil_sim::plan::FORMAT {
                return Err(CliError::Format { found: plan.format });
            }
            run(&plan, &shown)
        }
        Command::Sweep { from, count, jobs, drawn, twice_every, stop, no_marks, out } => {
            let bugs = drawn.bugs.clone();
            let wanted = Sweep { from, count, jobs, preset: drawn.preset, bugs, twice_every, stop_at_failure: stop };
            run_sweep(&wanted, &drawn, no_marks, &out)
        }
        Command::Shrink { seed, drawn, runs, out } => {
            run_shrink(&Plan::from_seed(seed, drawn.preset, &drawn.bugs), runs, &out)?;
            Ok(false)
        }
        Command::Bugs { only, jobs } => Ok(run_bugs(only, jobs)),
    }
}

/// The one command that runs (or shrinks) a seed again.
fn seed_command(verb: &str, seed: u64, drawn: &Drawn) -> String {
    let bugs: String = drawn.bugs.iter().map(|bug| format!(" --bug {bug:?}")).collect();
    format!("cargo run --release -p trefoil-sim -- {verb} --seed {seed} --preset {}{bugs}", drawn.preset.name())
}

fn last_line(report: &Report) -> String {
    let verdict = report.violation.as_ref().map_or("ok", |violation| violation.promise);
    format!(
        "seed {} verdict {verdict} hash {:016x} events {} inputs {} virtual {}",
        report.seed, report.hash, report.events, report.inputs, report.time
    )
}

fn run(plan: &Plan, shown: &Shown) -> Result<bool, CliError> {
    let wants_record = shown.record || shown.diagram.is_some();
    let report = guard::run(plan, Keep { record: if wants_record { RECORD_LINES } else { 0 }, trail: false });
    if let Some(record) = report.record.as_ref().filter(|_| shown.record) {
        print!("{}", record.text());
    }
    if shown.history {
        report.history.entries.iter().enumerate().for_each(|(number, entry)| println!("#{number} {entry}"));
    }
    if let Some(path) = &shown.diagram {
        write(path, &diagram::html(plan, &report))?;
    }
    let mut good = report.violation.is_none();
    if let Some(violation) = &report.violation {
        println!("{violation}");
    }
    // A failure must fail twice in the same way, or its seed is worth nothing.
    if shown.twice || !good {
        match determinism::run_twice(plan) {
            Ok(_) => println!("two runs are the same"),
            Err(divergence) => {
                println!("{divergence}");
                good = false;
            }
        }
    }
    for reason in &report.undecided {
        println!("undecided: {reason}");
    }
    println!("{}", last_line(&report));
    Ok(good)
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let fail = |source| CliError::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    std::fs::write(path, text).map_err(fail)
}

fn run_shrink(plan: &Plan, runs: usize, out: &Path) -> Result<(), CliError> {
    let shrunk = shrink::shrink(plan, runs)?;
    let name = format!("seed-{}-{}", plan.seed, plan.preset.name());
    let (file, picture) = (out.join(format!("{name}.json")), out.join(format!("{name}.html")));
    write(&file, &serde_json::to_string_pretty(&shrunk.plan)?)?;
    let report = guard::run(&shrunk.plan, Keep { record: RECORD_LINES, trail: false });
    write(&picture, &diagram::html(&shrunk.plan, &report))?;
    println!("{}", shrunk.violation);
    println!(
        "shrunk in {} runs: {} of {} steps, {} of {} faults",
        shrunk.runs,
        shrunk.plan.steps(),
        plan.steps(),
        shrunk.plan.faults.len(),
        plan.faults.len()
    );
    println!("replay: cargo run --release -p trefoil-sim -- replay {}", file.display());
    println!("diagram: {}", picture.display());
    println!("{}", last_line(&report));
    Ok(())
}

fn run_sweep(wanted: &Sweep, drawn: &Drawn, no_marks: bool, out: &Path) -> Result<bool, CliError> {
    let began = Instant::now();
    let summary = sweep(wanted, |failure: &Failure| {
        println!("seed {} verdict {}", failure.seed, failure.violation);
        println!("replay: {}", seed_command("run", failure.seed, drawn));
    });
    let seconds = began.elapsed().as_secs_f64();
    let virtual_seconds = summary.virtual_ns as f64 / 1e9;
    for (mark, times) in summary.marks.by_name() {
        println!("mark {times:>10} {mark}");
    }
    if let Some(failure) = summary.failures.first().filter(|failure| failure.violation.promise != "DETERMINISM") {
        run_shrink(&Plan::from_seed(failure.seed, wanted.preset, &wanted.bugs), 300, out)?;
    }
    let missing = summary.marks.missing();
    let marks_matter = !no_marks && wanted.preset == Preset::Swarm && wanted.bugs.is_empty() && wanted.count >= 1_000;
    if marks_matter && !missing.is_empty() {
        println!("never reached: {}", missing.join("; "));
    }
    println!(
        "{} seeds, {} failures, {} undecided, {} of {} operations succeeded, {:.0} events/s, {:.0} inputs/s, \
         {:.1} seeds/s, {:.0} times real time ({seconds:.1} s, {} jobs)",
        summary.seeds,
        summary.failures.len(),
        summary.undecided,
        summary.operations.1,
        summary.operations.0,
        summary.events as f64 / seconds,
        summary.inputs as f64 / seconds,
        summary.seeds as f64 / seconds,
        virtual_seconds / seconds,
        wanted.jobs,
    );
    Ok(summary.failures.is_empty() && (!marks_matter || missing.is_empty()))
}

fn run_bugs(only: Option<PlantedBug>, jobs: usize) -> bool {
    let mut all_caught = true;
    for net in planted::NETS.iter().filter(|net| only.is_none_or(|only| only == net.bug)) {
        let began = Instant::now();
        let found = planted::find(net, jobs);
        let seconds = began.elapsed().as_secs_f64();
        let name = format!("{:?}", net.bug);
        let place = format!("{name:<28} {:<11}", net.preset.name());
        match found {
            Find::Caught(Catch { seed, violation }) => {
                println!("caught {place} seed {seed:>4} of {:>4} {seconds:>6.1} s  {}", net.seeds, violation.promise);
            }
            Find::Missed(others) => {
                all_caught = false;
                let others: Vec<String> =
                    others.iter().map(|other| format!("{} at {}", other.violation.promise, other.seed)).collect();
                let besides = if others.is_empty() { String::new() } else { format!("  (but {})", others.join(", ")) };
                println!("MISSED {place} in {:>4} seeds {seconds:>6.1} s{besides}", net.seeds);
            }
        }
    }
    all_caught
}
