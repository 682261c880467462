//! Lists under appends of unique values: linearizability without search, since a read shows the order.
//!
//! Every read is a prefix of the longest one; nothing is in a list twice (an append applied twice) or from nowhere; positions
//! respect real time; and what was acknowledged before a read began is in it.

use super::real_time::{Placed, contradiction};
use super::{Verdict, check_keys, violated};
use crate::history::{Action, History, Outcome};
use std::collections::BTreeMap;

/// Judge a history of `Append` and `ReadList`. Other actions are ignored.
pub fn check(history: &History) -> Verdict {
    check_keys(history, check_key)
}

fn check_key(history: &History, key: u64, positions: &[usize]) -> Verdict {
    let mut appends: BTreeMap<i64, usize> = BTreeMap::new();
    let mut reads: Vec<(usize, &[i64])> = Vec::new();
    for position in positions {
        let operation = &history.operations[*position];
        match (&operation.action, operation.outcome) {
            (Action::Append { value }, Outcome::Ok | Outcome::Unknown) => {
                let again = appends.insert(*value, *position).is_some();
                if again {
                    return Verdict::Undecided(format!("key {key}: {value} is appended by two operations"));
                }
            }
            (Action::ReadList { values }, Outcome::Ok) => reads.push((*position, values)),
            _ => {}
        }
    }
    reads.sort_by_key(|(_, values)| values.len());
    for pair in reads.windows(2) {
        if !pair[1].1.starts_with(pair[0].1) {
            let explanation = "two reads show the elements in different orders".to_owned();
            return violated(key, vec![pair[1].0, pair[0].0], explanation);
        }
    }
    let (longest_read, longest) = reads.last().copied().unwrap_or((0, &[]));
    let mut rank: BTreeMap<i64, i64> = BTreeMap::new();
    for (index, value) in longest.iter().enumerate() {
        if !appends.contains_key(value) {
            return violated(key, vec![longest_read], format!("{value} was read but never appended"));
        }
        if rank.insert(*value, index as i64 + 1).is_some() {
            let explanation = format!("{value} was appended once but is in the list twice");
            return violated(key, vec![longest_read, appends[value]], explanation);
        }
    }
    let mut placed: Vec<Placed> = Vec::with_capacity(appends.len() + reads.len());
    for (value, position) in &appends {
        let operation = &history.operations[*position];
        let seen = rank.get(value).copied();
        if seen.is_none() && operation.outcome == Outcome::Unknown {
            continue;
        }
        // What nobody has seen yet comes after everything that was seen; in which order does not matter.
        let version = seen.unwrap_or(i64::MAX);
        let (invoke, complete) = (operation.invoke, operation.effect_by());
        placed.push(Placed { operation: *position, invoke, complete, version, wrote: seen.is_some() });
    }
    for (position, values) in &reads {
        let operation = &history.operations[*position];
        let (invoke, complete) = (operation.invoke, operation.effect_by());
        placed.push(Placed { operation: *position, invoke, complete, version: values.len() as i64, wrote: false });
    }
    match contradiction(&placed) {
        None => Verdict::Valid,
        Some((earlier, later)) => {
            let explanation = "an operation shows or makes an older list than another that completed before it began";
            violated(key, vec![later, earlier], explanation.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::List;
    use super::super::testing::{brute_force, rng};
    use super::*;
    use crate::history::Operation;
    use rand::Rng;

    fn append(process: u64, value: i64, invoke: u64, complete: u64) -> Operation {
        Operation::ok(process, 1, Action::Append { value }, invoke, complete)
    }

    fn read(process: u64, values: &[i64], invoke: u64, complete: u64) -> Operation {
        Operation::ok(process, 1, Action::ReadList { values: values.to_vec() }, invoke, complete)
    }

    fn judge(operations: Vec<Operation>) -> Verdict {
        check(&History::new(operations))
    }

    #[test]
    fn a_lost_a_doubled_and_a_foreign_element_are_found() {
        let appends = || vec![append(1, 1, 0, 10), append(1, 2, 20, 30)];
        let with = |operation: Operation| {
            let mut operations = appends();
            operations.push(operation);
            judge(operations)
        };
        assert!(with(read(2, &[1, 2], 40, 50)).is_valid());
        assert!(with(read(2, &[1], 25, 50)).is_valid());
        assert!(with(read(2, &[1], 40, 50)).violation().is_some(), "lost");
        assert!(with(read(2, &[1, 1, 2], 40, 50)).violation().is_some(), "doubled");
        assert!(with(read(2, &[1, 2, 3], 40, 50)).violation().is_some(), "foreign");
        assert!(with(read(2, &[2, 1], 40, 50)).violation().is_some(), "order against real time");
    }

    #[test]
    fn two_orders_are_found() {
        let operations =
            vec![append(1, 1, 0, 50), append(2, 2, 0, 50), read(3, &[1, 2], 60, 70), read(3, &[2, 1], 80, 90)];
        assert!(judge(operations).violation().is_some());
    }

    #[test]
    fn it_agrees_with_brute_force() {
        let (mut good, mut bad) = (0, 0);
        for seed in 0..6_000 {
            let mut rng = rng(seed);
            let mut operations: Vec<(u64, Operation)> = (0..7)
                .map(|number| {
                    let invoke = rng.random_range(0..30);
                    let complete = invoke + rng.random_range(1..15);
                    let operation = if rng.random() {
                        append(number, number as i64, invoke, complete)
                    } else {
                        read(number, &[], invoke, complete)
                    };
                    (rng.random_range(invoke..=complete), operation)
                })
                .collect();
            operations.sort_by_key(|(effect, _)| *effect);
            let mut list = Vec::new();
            for (_, operation) in &mut operations {
                let unknown = rng.random_range(0..6) == 0;
                match &mut operation.action {
                    Action::Append { value } => {
                        if !unknown || rng.random() {
                            list.push(*value);
                        }
                        if unknown {
                            operation.outcome = Outcome::Unknown;
                        }
                    }
                    Action::ReadList { values } => {
                        *values = list.clone();
                        if rng.random_range(0..4) == 0 && !values.is_empty() {
                            let (from, to) = (rng.random_range(0..values.len()), rng.random_range(0..values.len()));
                            values.swap(from, to);
                        }
                        if rng.random_range(0..6) == 0 {
                            values.pop();
                        }
                    }
                    _ => {}
                }
            }
            let history = History::new(operations.into_iter().map(|(_, operation)| operation).collect());
            let expected = brute_force::<List>(&history);
            let verdict = check(&history);
            assert_eq!(verdict.is_valid(), expected, "seed {seed}: {verdict}\n{history:#?}");
            if expected { good += 1 } else { bad += 1 }
        }
        assert!(good > 500 && bad > 500, "the draw must reach both: {good} good, {bad} bad");
    }
}
