//! Linearizability by search: is there one order of the operations, in keeping with real time, that a single client could
//! have seen? (Herlihy and Wing 1990; the search is Wing and Gong's with Lowe's memo.)
//!
//! Keys are judged apart, which loses nothing. The memo's key is cut at quiescent points by itself: a configuration is the
//! number of operations before which *all* are placed, and bits for the few placed beyond. Operations with an unknown
//! outcome may be placed or left out; where values are unique, what others saw decides about them beforehand. The search has
//! a limit, and past it the verdict is `Undecided`, never a guess.

use super::model::{Model, Register, is_read};
use super::{Verdict, violated};
use crate::history::{Action, History, Nanoseconds, Operation, Outcome};
use std::collections::{BTreeMap, HashSet};

/// Configurations visited, over all keys, before a search gives up: some seconds of work.
pub const SEARCH_LIMIT: u64 = 20_000_000;

/// Judge a history of `Read`, `Write` and `Cas`, each key a register that starts empty. Other actions are ignored.
pub fn check(history: &History) -> Verdict {
    check_with(history, SEARCH_LIMIT)
}

/// The same with a limit of the caller's.
pub fn check_with(history: &History, limit: u64) -> Verdict {
    let registers = |operation: &Operation| {
        matches!(operation.action, Action::Read { .. } | Action::Write { .. } | Action::Cas { .. })
    };
    search_keys::<Register>(history, limit, registers, settle_unknown)
}

/// Judge a history against any sequential model: for short histories, as a second opinion on the cheaper checkers.
pub fn check_model<M: Model>(history: &History, limit: u64) -> Verdict {
    search_keys::<M>(history, limit, |_| true, |_| ())
}

fn search_keys<M: Model>(
    history: &History,
    limit: u64,
    concerns: impl Fn(&Operation) -> bool,
    settle: impl Fn(&mut Vec<(usize, Operation)>),
) -> Verdict {
    let mut verdict = Verdict::Valid;
    let mut left = limit;
    for (key, positions) in history.by_key() {
        let mut operations: Vec<(usize, Operation)> = positions
            .into_iter()
            .map(|position| (position, &history.operations[position]))
            .filter(|(_, operation)| concerns(operation) && operation.outcome != Outcome::Fail)
            .filter(|(_, operation)| operation.outcome == Outcome::Ok || !is_read(&operation.action))
            .map(|(position, operation)| (position, operation.clone()))
            .collect();
        settle(&mut operations);
        verdict = verdict.and(Search::<M>::new(key, operations).run(&mut left));
        if verdict.violation().is_some() {
            break;
        }
    }
    verdict
}

/// Where a register's values are unique, decide about unknown writes: one whose value was seen took effect before that
/// was seen; one whose value nobody saw makes no difference, and goes. What cannot be decided stays as it is.
fn settle_unknown(operations: &mut Vec<(usize, Operation)>) {
    let mut writers: BTreeMap<i64, u32> = BTreeMap::new();
    let mut blind_rejection = false;
    for (_, operation) in operations.iter() {
        if let Some(value) = written(operation) {
            *writers.entry(value).or_default() += 1;
        }
        blind_rejection |= matches!(operation.action, Action::Cas { applied: false, seen: None, .. })
            && operation.outcome == Outcome::Ok;
    }
    let unique = |operation: &Operation| written(operation).filter(|value| writers.get(value) == Some(&1));
    // A settled conditional write has itself seen what it expected, which may settle another: to the fixed point.
    loop {
        let mut seen_by: BTreeMap<i64, Nanoseconds> = BTreeMap::new();
        for (_, operation) in operations.iter().filter(|(_, operation)| operation.outcome == Outcome::Ok) {
            if let Some(value) = observed(operation) {
                let by = seen_by.entry(value).or_insert(operation.complete);
                *by = operation.complete.min(*by);
            }
        }
        let mut settled = false;
        for (_, operation) in operations.iter_mut().filter(|(_, operation)| operation.outcome == Outcome::Unknown) {
            if let Some(by) = unique(operation).and_then(|value| seen_by.get(&value)) {
                operation.resolve(Some(*by));
                settled = true;
            }
        }
        if !settled {
            break;
        }
    }
    // A rejection that does not say what it saw may have seen any of them.
    if !blind_rejection {
        operations.retain(|(_, operation)| operation.outcome == Outcome::Ok || unique(operation).is_none());
    }
}

/// The value that an operation may have put into the register.
fn written(operation: &Operation) -> Option<i64> {
    match operation.action {
        Action::Write { value } => value,
        Action::Cas { value, applied, .. } if applied || operation.outcome == Outcome::Unknown => value,
        _ => None,
    }
}

/// The value that an operation found in the register.
fn observed(operation: &Operation) -> Option<i64> {
    match operation.action {
        Action::Read { value } => value,
        Action::Cas { expected, applied: true, .. } => expected,
        Action::Cas { applied: false, seen, .. } => seen.flatten(),
        _ => None,
    }
}

/// Which operations have been placed, and what the object holds then.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Configuration<S> {
    /// All known operations below this are placed, this one is not.
    base: usize,
    /// Bit `n`: known operation `base + 1 + n` is placed.
    placed: Bits,
    /// Bit `n`: unknown operation `n` is placed.
    unknown: Bits,
    state: S,
}

/// A set of small numbers; one word suffices nearly always.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Bits {
    near: u64,
    far: Vec<u64>,
}

impl Bits {
    fn get(&self, bit: usize) -> bool {
        match bit / 64 {
            0 => self.near >> bit & 1 == 1,
            word => self.far.get(word - 1).is_some_and(|far| far >> (bit % 64) & 1 == 1),
        }
    }

    fn set(&mut self, bit: usize) {
        match bit / 64 {
            0 => self.near |= 1 << bit,
            word => {
                if self.far.len() < word {
                    self.far.resize(word, 0);
                }
                self.far[word - 1] |= 1 << (bit % 64);
            }
        }
    }

    /// Drop the lowest bit; the others move down by one.
    fn shift(&mut self) {
        let mut carry = 0;
        for far in self.far.iter_mut().rev() {
            let low = *far & 1;
            *far = *far >> 1 | carry << 63;
            carry = low;
        }
        self.near = self.near >> 1 | carry << 63;
        // Equal sets must be equal values.
        while self.far.last() == Some(&0) {
            self.far.pop();
        }
    }
}

/// What may be placed next.
#[derive(Clone, Copy)]
enum Candidate {
    Known(usize),
    Unknown(usize),
}

struct Frame<S> {
    configuration: Configuration<S>,
    candidates: Vec<Candidate>,
    tried: usize,
}

/// The search over one key.
struct Search<M: Model> {
    key: u64,
    /// In order of invocation.
    known: Vec<(usize, Operation)>,
    /// In order of invocation.
    unknown: Vec<(usize, Operation)>,
    model: std::marker::PhantomData<M>,
}

impl<M: Model> Search<M> {
    fn new(key: u64, operations: Vec<(usize, Operation)>) -> Search<M> {
        let (mut known, mut unknown): (Vec<_>, Vec<_>) =
            operations.into_iter().partition(|(_, operation)| operation.outcome == Outcome::Ok);
        known.sort_by_key(|(_, operation)| (operation.invoke, operation.complete));
        unknown.sort_by_key(|(_, operation)| operation.invoke);
        Search { key, known, unknown, model: std::marker::PhantomData }
    }

    fn run(&self, left: &mut u64) -> Verdict {
        let start =
            Configuration { base: 0, placed: Bits::default(), unknown: Bits::default(), state: M::State::default() };
        let mut visited: HashSet<Configuration<M::State>> = HashSet::new();
        let mut deepest = (0, start.clone());
        let mut stack = vec![self.frame(start)];
        while let Some(frame) = stack.last_mut() {
            if frame.configuration.base == self.known.len() {
                return Verdict::Valid;
            }
            let Some(candidate) = frame.candidates.get(frame.tried).copied() else {
                stack.pop();
                continue;
            };
            frame.tried += 1;
            let Some(next) = self.place(&frame.configuration, candidate) else { continue };
            if !visited.insert(next.clone()) {
                continue;
            }
            if *left == 0 {
                let explanation = format!(
                    "key {}: no order found within the search limit ({} operations, {} of them unknown)",
                    self.key,
                    self.known.len() + self.unknown.len(),
                    self.unknown.len()
                );
                return Verdict::Undecided(explanation);
            }
            *left -= 1;
            let depth = stack.len();
            if depth > deepest.0 {
                deepest = (depth, next.clone());
            }
            let frame = self.frame(next);
            stack.push(frame);
        }
        self.explain(&deepest.1)
    }

    fn frame(&self, configuration: Configuration<M::State>) -> Frame<M::State> {
        let mut candidates = Vec::new();
        let mut first_completion = Nanoseconds::MAX;
        for position in self.unplaced(&configuration) {
            let operation = &self.known[position].1;
            // Something unplaced completed before this one (and all after it) was invoked.
            if operation.invoke > first_completion {
                break;
            }
            first_completion = first_completion.min(operation.complete);
            candidates.push(Candidate::Known(position));
        }
        // What completed first most likely happened first.
        candidates.sort_by_key(|candidate| match candidate {
            Candidate::Known(position) => self.known[*position].1.complete,
            Candidate::Unknown(_) => Nanoseconds::MAX,
        });
        for (position, (_, operation)) in self.unknown.iter().enumerate() {
            if operation.invoke > first_completion {
                break;
            }
            if !configuration.unknown.get(position) {
                candidates.push(Candidate::Unknown(position));
            }
        }
        Frame { configuration, candidates, tried: 0 }
    }

    fn unplaced<'a>(&'a self, configuration: &'a Configuration<M::State>) -> impl Iterator<Item = usize> + 'a {
        (configuration.base..self.known.len()).filter(|position| {
            *position == configuration.base || !configuration.placed.get(position - configuration.base - 1)
        })
    }

    fn place(&self, from: &Configuration<M::State>, candidate: Candidate) -> Option<Configuration<M::State>> {
        let operation = match candidate {
            Candidate::Known(position) => &self.known[position].1,
            Candidate::Unknown(position) => &self.unknown[position].1,
        };
        let state = M::step(&from.state, operation)?;
        let mut next = Configuration { state, ..from.clone() };
        match candidate {
            Candidate::Unknown(position) => next.unknown.set(position),
            Candidate::Known(position) if position > next.base => next.placed.set(position - next.base - 1),
            Candidate::Known(_) => {
                next.base += 1;
                while next.placed.get(0) {
                    next.placed.shift();
                    next.base += 1;
                }
                // The new base is unplaced: its bit goes.
                next.placed.shift();
            }
        }
        Some(next)
    }

    fn explain(&self, deepest: &Configuration<M::State>) -> Verdict {
        let window: Vec<usize> = self
            .frame(deepest.clone())
            .candidates
            .into_iter()
            .map(|candidate| match candidate {
                Candidate::Known(position) => self.known[position].0,
                Candidate::Unknown(position) => self.unknown[position].0,
            })
            .chain(self.known[..deepest.base].iter().rev().take(4).map(|(position, _)| *position))
            .collect();
        let placed = self.known.len() - self.unplaced(deepest).count();
        violated(
            self.key,
            window,
            format!(
                "not linearizable: {placed} of {} operations can be ordered at most; then the key holds {:?}, and no \
                 operation that could come next fits",
                self.known.len(),
                deepest.state
            ),
        )
    }
}

#[cfg(test)]
#[path = "linearizable_tests.rs"]
mod tests;
