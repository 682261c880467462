//! From what clients saw to the histories that the checkers of `trefoil_jepsen` judge, and back from their verdicts.

use super::Judged;
use crate::client::history::{Entry, Outcome as Became};
use crate::world::queue::Time;
use trefoil_jepsen::checker::Verdict;
use trefoil_jepsen::history::{Action, History, Operation, Outcome};

/// A history for a checker that remembers where its operations come from.
#[derive(Debug, Default)]
pub(super) struct Translation {
    operations: Vec<Operation>,
    entries: Vec<usize>,
}

impl Translation {
    /// An entry as one operation on one key.
    pub fn add(&mut self, number: usize, entry: &Entry, key: u64, action: Action) {
        self.add_within(number, entry, key, action, entry.invoke, entry.complete);
    }

    /// The same, within other times than the entry's own (a page of a scan).
    pub fn add_within(&mut self, number: usize, entry: &Entry, key: u64, action: Action, invoke: Time, complete: Time) {
        let outcome = match entry.outcome {
            Became::Ok(_) => Outcome::Ok,
            Became::Refused(_) | Became::Failed(_) => Outcome::Fail,
            Became::Unknown(_) | Became::Open => Outcome::Unknown,
        };
        self.entries.push(number);
        let operation = Operation::ok(entry.process, key, action, invoke.0, complete.0.max(invoke.0));
        self.operations.push(operation.with_outcome(outcome));
    }

    /// Whether there is nothing to judge.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Let a checker judge.
    pub fn judge(
        self,
        promise: &'static str,
        checker: impl Fn(&History) -> Verdict,
        undecided: &mut Vec<String>,
    ) -> Result<(), Judged> {
        if self.is_empty() {
            return Ok(());
        }
        let history = History::new(without_unseen(self.operations));
        match checker(&history) {
            Verdict::Valid => Ok(()),
            Verdict::Undecided(reason) => {
                undecided.push(format!("{promise}: {reason}"));
                Ok(())
            }
            Verdict::Violated(violation) => {
                let mut operations: Vec<usize> =
                    violation.operations.iter().map(|position| self.entries[*position]).collect();
                operations.sort_unstable();
                operations.dedup();
                let text = format!("key {}: {}", violation.key, violation.explanation);
                Err(Judged::new(promise, text, operations))
            }
        }
    }
}

/// A write whose outcome is unknown and whose value nobody ever saw can be taken as not having happened: leaving it out
/// never makes a wrong history right, because values are unique, and it makes the search much shorter.
fn without_unseen(mut operations: Vec<Operation>) -> Vec<Operation> {
    let mut seen = std::collections::BTreeSet::new();
    for operation in operations.iter().filter(|operation| operation.outcome == Outcome::Ok) {
        match operation.action {
            Action::Read { value } => drop(seen.insert((operation.key, value))),
            Action::Cas { seen: Some(value), .. } => drop(seen.insert((operation.key, value))),
            Action::Cas { expected, applied: true, .. } => drop(seen.insert((operation.key, expected))),
            _ => {}
        }
    }
    for operation in operations.iter_mut().filter(|operation| operation.outcome == Outcome::Unknown) {
        let value = match operation.action {
            Action::Write { value } | Action::Cas { value, .. } => value,
            _ => continue,
        };
        if value.is_some() && !seen.contains(&(operation.key, value)) {
            operation.outcome = Outcome::Fail;
        }
    }
    operations
}
