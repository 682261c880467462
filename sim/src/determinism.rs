//! Run-twice checks: two runs of one plan must pass through the same states. When they do not, the first event after which
//! their hashes differ is where determinism was lost, and both runs' records around it say how.

use crate::guard;
use crate::plan::Plan;
use crate::simulation::{Keep, Report};

/// Where two runs of one plan parted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The number of the first event that went differently.
    pub event: usize,
    /// What the first run did there.
    pub first: String,
    /// What the second run did there.
    pub second: String,
}

/// Run a plan twice.
///
/// # Errors
/// Where the runs part, if they do.
pub fn run_twice(plan: &Plan) -> Result<Report, Box<Divergence>> {
    let keep = Keep { record: 0, trail: true };
    let (one, two) = (guard::run(plan, keep), guard::run(plan, keep));
    compare(plan, one, &two)
}

/// Compare a report with that of another run of the same plan, both with trails.
///
/// # Errors
/// Where the runs part, if they do.
pub fn compare(plan: &Plan, one: Report, two: &Report) -> Result<Report, Box<Divergence>> {
    let parted = one.trail.iter().zip(&two.trail).position(|(one, two)| one != two);
    if parted.is_none() && one.hash == two.hash && one.events == two.events && one.violation == two.violation {
        return Ok(one);
    }
    let event = parted.unwrap_or_else(|| one.trail.len().min(two.trail.len()));
    // Once more with a record each: with luck they part again, and the last lines that differ are the reason.
    let keep = Keep { record: 100_000, trail: false };
    let text = || guard::run(plan, keep).record.map(|record| record.text()).unwrap_or_default();
    let (first, second) = (text(), text());
    let differs = first.lines().zip(second.lines()).position(|(one, two)| one != two).unwrap_or(0);
    let around = |text: &str| {
        let lines: Vec<&str> = text.lines().skip(differs.saturating_sub(3)).take(8).collect();
        lines.join("\n")
    };
    Err(Box::new(Divergence { event, first: around(&first), second: around(&second) }))
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "two runs part at event {}\nfirst:\n{}\nsecond:\n{}", self.event, self.first, self.second)
    }
}
