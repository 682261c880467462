//! Histories for the checkers' own tests: written by hand, drawn at random, and judged by brute force.
//!
//! The brute force tries every order of every subset of the unknown operations: slow, obvious, and independent of the
//! checkers that it judges.

use super::model::{Model, is_read};
use crate::history::{Action, History, Operation, Outcome};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A generator for one seed.
pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub fn read(process: u64, value: Option<i64>, invoke: u64, complete: u64) -> Operation {
    Operation::ok(process, 1, Action::Read { value }, invoke, complete)
}

pub fn write(process: u64, value: i64, invoke: u64, complete: u64) -> Operation {
    Operation::ok(process, 1, Action::Write { value: Some(value) }, invoke, complete)
}

pub fn cas(process: u64, from: Option<i64>, to: i64, applied: bool, invoke: u64, complete: u64) -> Operation {
    let action = Action::Cas { expected: from, value: Some(to), applied, seen: None };
    Operation::ok(process, 1, action, invoke, complete)
}

/// Whether some order of the operations (and of some of the unknown ones) respects real time and fits the model.
pub fn brute_force<M: Model>(history: &History) -> bool {
    let operations: Vec<&Operation> = history
        .operations
        .iter()
        .filter(|operation| operation.outcome != Outcome::Fail)
        .filter(|operation| operation.outcome == Outcome::Ok || !is_read(&operation.action))
        .collect();
    fn place<M: Model>(operations: &[&Operation], placed: u32, state: &M::State) -> bool {
        let unplaced = |position: &usize| placed >> position & 1 == 0;
        if (0..operations.len()).filter(unplaced).all(|position| operations[position].outcome == Outcome::Unknown) {
            return true;
        }
        (0..operations.len()).filter(unplaced).any(|next| {
            (0..operations.len())
                .filter(unplaced)
                .all(|other| other == next || !operations[other].precedes(operations[next]))
                && M::step(state, operations[next])
                    .is_some_and(|state| place::<M>(operations, placed | 1 << next, &state))
        })
    }
    place::<M>(&operations, 0, &M::State::default())
}

/// What kind of register history to draw.
#[derive(Clone, Copy)]
pub struct Draw {
    pub operations: usize,
    pub processes: u64,
    pub unique: bool,
    pub cas: bool,
    pub unknown: bool,
    /// Bend one answer of every second history.
    pub bend: bool,
}

/// A register's history by clients that overlap at random. Half of them are honest (each operation takes effect at a random
/// moment between invocation and completion); the others get one answer bent.
pub fn draw(rng: &mut ChaCha8Rng, what: Draw) -> History {
    let mut operations = Vec::new();
    let mut free_at = vec![0u64; what.processes as usize];
    for number in 0..what.operations {
        let process = rng.random_range(0..what.processes) as usize;
        let invoke = free_at[process] + rng.random_range(0..4);
        let complete = invoke + rng.random_range(1..12);
        free_at[process] = complete + 1;
        let value = if what.unique { number as i64 + 1 } else { rng.random_range(1..4) };
        let action = match rng.random_range(0..if what.cas { 3 } else { 2 }) {
            0 => Action::Read { value: None },
            1 => Action::Write { value: Some(value) },
            _ => Action::Cas { expected: None, value: Some(value), applied: false, seen: None },
        };
        let effect = rng.random_range(invoke..=complete);
        operations.push((effect, Operation::ok(process as u64, 1, action, invoke, complete)));
    }
    operations.sort_by_key(|(effect, _)| *effect);
    let mut state = None;
    for (_, operation) in &mut operations {
        let unknown = what.unknown && rng.random_range(0..5) == 0 && !is_read(&operation.action);
        let happens = !unknown || rng.random();
        if unknown {
            operation.outcome = Outcome::Unknown;
        }
        match &mut operation.action {
            Action::Read { value } => *value = state,
            Action::Write { value } if happens => state = *value,
            Action::Cas { expected, value, applied, seen } => {
                *expected = if rng.random_range(0..4) > 0 { state } else { Some(rng.random_range(1..4)) };
                *applied = happens && state == *expected;
                if *applied {
                    state = *value;
                } else if !unknown && rng.random() {
                    *seen = Some(state);
                }
            }
            _ => {}
        }
    }
    let mut operations: Vec<Operation> = operations.into_iter().map(|(_, operation)| operation).collect();
    if what.bend && rng.random() {
        let victim = rng.random_range(0..operations.len());
        let other = Some(rng.random_range(1..=what.operations as i64));
        match &mut operations[victim].action {
            Action::Read { value } => *value = other,
            Action::Cas { expected, seen: None, .. } => *expected = other,
            _ => {}
        }
    }
    History::new(operations)
}
