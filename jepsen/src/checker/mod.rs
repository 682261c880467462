//! The checkers, one promise a file. All take a `History` and give a `Verdict`; none of them changes anything.
//!
//! | file | promise | cost |
//! |---|---|---|
//! | `linearizable` | a register (read, write, compare-and-set) is linearizable: any values, unknown outcomes | exponential in overlap, bounded |
//! | `zones` | a register whose values are unique is linearizable | n log n |
//! | `versioned` | versions agree with values, real time and conditions | n log n |
//! | `append` | a list is linearizable under appends of unique values; each applied once | n log n |
//! | `set` | nothing acknowledged is lost, nothing appears from nowhere | n log n |
//! | `batch` | a batch is seen whole or not at all | n |
//! | `monotonic` | a session never goes back behind what it has seen or written | n |

pub mod append;
pub mod batch;
pub mod linearizable;
pub mod model;
pub mod monotonic;
mod real_time;
pub mod set;
#[cfg(test)]
mod testing;
pub mod versioned;
pub mod zones;

use crate::history::History;
use std::fmt;

/// What a checker found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The promise held.
    Valid,
    /// It did not, and this shows it.
    Violated(Violation),
    /// The search was cut off; nothing was shown either way.
    Undecided(String),
}

/// The proof that a promise was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The key concerned.
    pub key: u64,
    /// One sentence.
    pub explanation: String,
    /// The operations that contradict each other, by position in the history; the most suspicious first.
    pub operations: Vec<usize>,
}

impl Verdict {
    /// Whether the promise was shown to hold.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        matches!(self, Verdict::Valid)
    }

    /// The violation, if that is what was found.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Verdict::Violated(violation) => Some(violation),
            Verdict::Valid | Verdict::Undecided(_) => None,
        }
    }

    /// Both promises: a violation before an open question before valid.
    pub fn and(self, other: Verdict) -> Verdict {
        match (self, other) {
            (Verdict::Violated(violation), _) | (_, Verdict::Violated(violation)) => Verdict::Violated(violation),
            (Verdict::Undecided(reason), _) | (_, Verdict::Undecided(reason)) => Verdict::Undecided(reason),
            (Verdict::Valid, Verdict::Valid) => Verdict::Valid,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Valid => write!(f, "valid"),
            Verdict::Violated(violation) => write!(f, "violated: key {}: {}", violation.key, violation.explanation),
            Verdict::Undecided(reason) => write!(f, "undecided: {reason}"),
        }
    }
}

/// Judge a history key by key, up to the first key whose promise was not shown to hold.
fn check_keys(history: &History, check_key: impl Fn(&History, u64, &[usize]) -> Verdict) -> Verdict {
    let mut verdicts = history.by_key().into_iter().map(|(key, positions)| check_key(history, key, &positions));
    verdicts.find(|verdict| !verdict.is_valid()).unwrap_or(Verdict::Valid)
}

/// A violation, ready to return.
fn violated(key: u64, operations: Vec<usize>, explanation: String) -> Verdict {
    Verdict::Violated(Violation { key, explanation, operations })
}
