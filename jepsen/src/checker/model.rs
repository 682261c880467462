//! What one client alone would see: the sequential objects that histories are compared with.
//!
//! An operation either fits a state and gives the next one, or does not fit. Models know nothing of time or concurrency.

use crate::history::{Action, Operation, Outcome};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

/// A sequential object.
pub trait Model {
    /// All that the object remembers; the default is what it holds before the first operation.
    type State: Clone + Debug + Default + Eq + Hash;

    /// The state after this operation, or `None` when the answer recorded could not have been given in this state.
    fn step(state: &Self::State, operation: &Operation) -> Option<Self::State>;
}

/// A register with reads, blind writes and compare-and-set.
#[derive(Clone, Copy, Debug)]
pub struct Register;

impl Model for Register {
    type State = Option<i64>;

    fn step(state: &Option<i64>, operation: &Operation) -> Option<Option<i64>> {
        match &operation.action {
            Action::Read { value } => (state == value).then_some(*state),
            Action::Write { value } => Some(*value),
            Action::Cas { expected, value, applied, seen } => {
                // An unknown one that is given a place in the order is one that was applied; one that was not is left out.
                if *applied || operation.outcome == Outcome::Unknown {
                    (state == expected).then_some(*value)
                } else {
                    (state != expected && seen.is_none_or(|seen| seen == *state)).then_some(*state)
                }
            }
            _ => None,
        }
    }
}

/// A list with appends and whole reads.
#[derive(Clone, Copy, Debug)]
pub struct List;

impl Model for List {
    type State = Vec<i64>;

    fn step(state: &Vec<i64>, operation: &Operation) -> Option<Vec<i64>> {
        match &operation.action {
            Action::Append { value } => {
                let mut next = state.clone();
                next.push(*value);
                Some(next)
            }
            Action::ReadList { values } => (state == values).then(|| state.clone()),
            _ => None,
        }
    }
}

/// The rows of a partition with batches and whole reads.
#[derive(Clone, Copy, Debug)]
pub struct Rows;

impl Model for Rows {
    type State = BTreeMap<u64, i64>;

    fn step(state: &BTreeMap<u64, i64>, operation: &Operation) -> Option<BTreeMap<u64, i64>> {
        match &operation.action {
            Action::Batch { writes } => {
                let mut next = state.clone();
                next.extend(writes.iter().copied());
                Some(next)
            }
            Action::ReadRows { rows } => (rows.len() == state.len()
                && rows.iter().all(|(row, value)| state.get(row) == Some(value)))
            .then(|| state.clone()),
            _ => None,
        }
    }
}

/// Whether an operation only looks: of an unknown one nothing follows.
#[must_use]
pub fn is_read(action: &Action) -> bool {
    match action {
        Action::Read { .. } | Action::ReadList { .. } | Action::ReadSet { .. } | Action::ReadRows { .. } => true,
        Action::Write { .. }
        | Action::Cas { .. }
        | Action::Append { .. }
        | Action::Add { .. }
        | Action::Batch { .. } => false,
    }
}
