//! Sweeps: many seeds on several threads. Threads only share a counter and the list of what they found; a run itself never
//! knows that others exist.

use crate::determinism;
use crate::guard;
use crate::marks::Marks;
use crate::oracle::Violation;
use crate::plan::Plan;
use crate::plan::preset::Preset;
use crate::simulation::Keep;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use trefoil_core::bugs::PlantedBug;

/// What is swept.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The first seed.
    pub from: u64,
    /// How many.
    pub count: u64,
    /// Threads.
    pub jobs: usize,
    /// What seeds are drawn as.
    pub preset: Preset,
    /// Mistakes switched on.
    pub bugs: Vec<PlantedBug>,
    /// Every so many-th seed is run twice; 0: none.
    pub twice_every: u64,
    /// Stop at the first failure.
    pub stop_at_failure: bool,
}

/// A seed that broke a promise.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// How.
    pub violation: Violation,
}

/// What came of a sweep.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Seeds run.
    pub seeds: u64,
    /// By seed.
    pub failures: Vec<Failure>,
    /// Events of all runs.
    pub events: u64,
    /// Inputs that nodes took.
    pub inputs: u64,
    /// Virtual nanoseconds of all runs.
    pub virtual_ns: u128,
    /// Rare situations of all runs.
    pub marks: Marks,
    /// Checkers that gave up.
    pub undecided: u64,
    /// Operations of clients, and how many of them succeeded.
    pub operations: (u64, u64),
}

/// Run all seeds. `progress` hears of every failure as it happens.
#[must_use]
pub fn sweep(sweep: &Sweep, progress: impl Fn(&Failure) + Sync) -> Summary {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let summary = Mutex::new(Summary::default());
    std::thread::scope(|scope| {
        for _ in 0..sweep.jobs.max(1) {
            scope.spawn(|| {
                let mut mine = Summary::default();
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= sweep.count || stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let failures = mine.failures.len();
                    one(sweep, sweep.from + turn, &mut mine);
                    if let Some(failure) = mine.failures.get(failures) {
                        progress(failure);
                        stop.fetch_or(sweep.stop_at_failure, Ordering::Relaxed);
                    }
                }
                summary.lock().expect("no thread panics while it holds the summary").add(mine);
            });
        }
    });
    let mut summary = summary.into_inner().expect("no thread panics while it holds the summary");
    summary.failures.sort_by_key(|failure| failure.seed);
    summary
}

fn one(sweep: &Sweep, seed: u64, summary: &mut Summary) {
    let plan = Plan::from_seed(seed, sweep.preset, &sweep.bugs);
    let twice = sweep.twice_every > 0 && seed.is_multiple_of(sweep.twice_every);
    let report = guard::run(&plan, Keep { record: 0, trail: twice });
    summary.seeds += 1;
    summary.events += report.events;
    summary.inputs += report.inputs;
    summary.virtual_ns += u128::from(report.time.0);
    summary.marks.add(&report.marks);
    summary.undecided += report.undecided.len() as u64;
    summary.operations.0 += report.history.entries.len() as u64;
    let succeeded =
        |entry: &&crate::client::history::Entry| matches!(entry.outcome, crate::client::history::Outcome::Ok(_));
    summary.operations.1 += report.history.entries.iter().filter(succeeded).count() as u64;
    let mut violation = report.violation.clone();
    if twice {
        let again = guard::run(&plan, Keep { record: 0, trail: true });
        let at = report.time;
        if let Err(divergence) = determinism::compare(&plan, report, &again) {
            let text = divergence.to_string();
            violation = Some(Violation { promise: "DETERMINISM", at, text, operations: Vec::new() });
        }
    }
    if let Some(violation) = violation {
        summary.failures.push(Failure { seed, violation });
    }
}

impl Summary {
    fn add(&mut self, other: Summary) {
        self.seeds += other.seeds;
        self.failures.extend(other.failures);
        self.events += other.events;
        self.inputs += other.inputs;
        self.virtual_ns += other.virtual_ns;
        self.marks.add(&other.marks);
        self.undecided += other.undecided;
        self.operations.0 += other.operations.0;
        self.operations.1 += other.operations.1;
    }
}
