//! The oracles, one promise a file. Some watch a run while it lasts (`Watch`: what nodes say they do, and what their disks
//! hold), the others judge what clients saw (`history`) when it is over. Each file names the promise in `specs`, quotes it,
//! says what it means here, and is a short pure check. What no oracle here checks yet: change streams, restores.

pub mod acknowledged;
pub mod answers;
pub mod applied_once;
pub mod batches;
pub mod collections;
pub mod committed_entries;
pub mod counters;
pub mod elections;
pub mod equal_replicas;
pub mod expiry;
pub mod language;
pub mod linearizable;
pub mod paging;
pub mod restart;
pub mod schema;
pub mod single_lease;
pub mod spread;
mod translate;

use crate::client::history::History;
use crate::plan::Plan;
use crate::world::log_store::Removed;
use crate::world::queue::Time;
use trefoil_core::world::TraceEvent;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise, as `specs` calls it.
    pub promise: &'static str,
    /// When it was found.
    pub at: Time,
    /// What is wrong, for a person.
    pub text: String,
    /// The operations of clients that prove it, by their number in the history.
    pub operations: Vec<usize>,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}: {}", self.promise, self.at, self.text)
    }
}

/// The oracles that watch a run while it lasts.
#[derive(Debug, Default)]
pub struct Watch {
    applied_once: applied_once::AppliedOnce,
    elections: elections::Elections,
    equal_replicas: equal_replicas::EqualReplicas,
    /// Which nodes may say that they lost something.
    pub restart: restart::Restart,
    single_lease: single_lease::SingleLease,
}

impl Watch {
    /// A node says what it does.
    ///
    /// # Errors
    /// When a promise is broken by it.
    pub fn trace(&mut self, at: Time, node: usize, event: &TraceEvent) -> Result<(), Violation> {
        let judged = match *event {
            TraceEvent::Mark(_) | TraceEvent::SteppedDown { .. } => return Ok(()),
            TraceEvent::BecameLeader { shard, term } => {
                self.single_lease.leads(node, shard, term);
                self.elections.leads(node, shard, term)
            }
            TraceEvent::LeaseUsed { shard, term } => self.single_lease.used(node, shard, term),
            TraceEvent::Applied { shard, index, term, stamp, digest } => {
                self.equal_replicas.applied(node, shard, index, equal_replicas::Applied { term, stamp, digest })
            }
            TraceEvent::RequestApplied { shard, request, index } => self.applied_once.applied(shard, request, index),
            TraceEvent::DamageFound { shard } => self.restart.damage(node, shard),
        };
        judged.map_err(|(promise, text)| Violation { promise, at, text, operations: Vec::new() })
    }

    /// Durable log entries of a node were replaced.
    ///
    /// # Errors
    /// When one of them was committed.
    pub fn removed(&self, at: Time, node: usize, removed: &[Removed]) -> Result<(), Violation> {
        let judged = removed.iter().try_for_each(|entry| committed_entries::removed(&self.equal_replicas, node, entry));
        judged.map_err(|(promise, text)| Violation { promise, at, text, operations: Vec::new() })
    }
}

/// A broken promise without time: what a check returns.
pub(crate) type Broken = (&'static str, String);

/// Judge what clients saw, when a run is over. Checkers that give up say so in `undecided`.
///
/// # Errors
/// The first broken promise.
pub fn judge(plan: &Plan, history: &History, at: Time, undecided: &mut Vec<String>) -> Result<(), Violation> {
    // The plain checks first: what they find is easier to read than what a search finds.
    let checks: [fn(&Plan, &History, &mut Vec<String>) -> Result<(), Judged>; 11] = [
        answers::check,
        acknowledged::check,
        batches::check,
        spread::check,
        paging::check,
        collections::check,
        counters::check,
        schema::check,
        expiry::check,
        language::check,
        linearizable::check,
    ];
    for check in checks {
        if let Err(judged) = check(plan, history, undecided) {
            let Judged { promise, mut text, operations } = judged;
            for number in &operations {
                text.push_str(&format!("\n    #{number} {}", history.entries[*number]));
            }
            return Err(Violation { promise, at, text, operations });
        }
    }
    Ok(())
}

/// A broken promise that operations of clients prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    promise: &'static str,
    text: String,
    /// Numbers of entries in the history.
    operations: Vec<usize>,
}

impl Judged {
    pub(crate) fn new(promise: &'static str, text: impl Into<String>, operations: Vec<usize>) -> Judged {
        Judged { promise, text: text.into(), operations }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Histories for the tests of oracles: entries with good defaults.

    use crate::client::history::{Entry, History, Outcome, Page, Seen};
    use crate::plan::Plan;
    use crate::plan::preset::Preset;
    use crate::plan::program::Operation;
    use crate::world::queue::Time;

    pub fn plan() -> Plan {
        Plan::from_seed(3, Preset::Calm, &[])
    }

    /// An entry from `invoke` to `complete`, in seconds.
    pub fn entry(operation: Operation, invoke: u64, complete: u64, outcome: Outcome) -> Entry {
        Entry {
            client: 0,
            lane: 0,
            process: invoke,
            operation,
            expected: None,
            invoke: Time(invoke * 1_000_000_000),
            complete: Time(complete * 1_000_000_000),
            outcome,
            node: 0,
            attempts: 1,
            audit: false,
        }
    }

    pub fn done(operation: Operation, invoke: u64, complete: u64) -> Entry {
        entry(operation, invoke, complete, Outcome::Ok(Seen::Nothing))
    }

    pub fn saw(operation: Operation, value: Option<u32>, invoke: u64, complete: u64) -> Entry {
        entry(operation, invoke, complete, Outcome::Ok(Seen::Value(value, 1)))
    }

    pub fn saw_rows(operation: Operation, rows: &[(u32, u32, u32)], invoke: u64, complete: u64) -> Entry {
        let page = Page {
            invoke: Time(invoke * 1_000_000_000),
            complete: Time(complete * 1_000_000_000),
            rows: rows.to_vec(),
        };
        entry(operation, invoke, complete, Outcome::Ok(Seen::Pages(vec![page])))
    }

    pub fn unknown(operation: Operation, invoke: u64, complete: u64) -> Entry {
        entry(operation, invoke, complete, Outcome::Unknown("no answer".to_owned()))
    }

    pub fn history(entries: Vec<Entry>) -> History {
        History { entries, processes: 0 }
    }
}
