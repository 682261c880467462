//! Sets and scans under additions of unique values: nothing acknowledged is lost, nothing comes from nowhere or twice, and what
//! was seen once stays.
//!
//! Weaker than linearizability on purpose: a scan over many pages and partitions is not one moment, so two scans that overlap
//! may each miss what the other saw.

use super::{Verdict, check_keys, violated};
use crate::history::{Action, History, Nanoseconds, Outcome};
use std::collections::BTreeMap;

/// When an element had certainly been asked for, and by when it certainly was there.
#[derive(Clone, Copy)]
struct Element {
    addition: usize,
    invoke: Nanoseconds,
    /// The earliest completion that proves its presence, and of which operation.
    present: Option<(Nanoseconds, usize)>,
}

/// Judge a history of `Add` and `ReadSet`. Other actions are ignored.
pub fn check(history: &History) -> Verdict {
    check_keys(history, check_key)
}

fn check_key(history: &History, key: u64, positions: &[usize]) -> Verdict {
    let mut elements: BTreeMap<i64, Element> = BTreeMap::new();
    let mut reads = Vec::new();
    for position in positions {
        let operation = &history.operations[*position];
        match (&operation.action, operation.outcome) {
            (Action::Add { value }, Outcome::Ok | Outcome::Unknown) => {
                let present = operation.effect_by().map(|by| (by, *position));
                let element = Element { addition: *position, invoke: operation.invoke, present };
                if elements.insert(*value, element).is_some() {
                    return Verdict::Undecided(format!("key {key}: {value} is added by two operations"));
                }
            }
            (Action::ReadSet { values }, Outcome::Ok) => {
                let mut sorted = values.clone();
                sorted.sort_unstable();
                reads.push((*position, operation, sorted));
            }
            _ => {}
        }
    }
    for (position, operation, values) in &reads {
        if let Some(pair) = values.windows(2).find(|pair| pair[0] == pair[1]) {
            return violated(key, vec![*position], format!("{} was read twice in one read", pair[0]));
        }
        for value in values {
            let Some(element) = elements.get_mut(value) else {
                return violated(key, vec![*position], format!("{value} was read but never added"));
            };
            if operation.complete < element.invoke {
                let explanation = format!("{value} was read before it was added");
                return violated(key, vec![*position, element.addition], explanation);
            }
            if element.present.is_none_or(|(by, _)| operation.complete < by) {
                element.present = Some((operation.complete, *position));
            }
        }
    }
    // From here on in order of time, so that each read walks only over what must be there by then.
    let mut owed: Vec<(Nanoseconds, i64, Element)> =
        elements.iter().filter_map(|(value, element)| element.present.map(|(by, _)| (by, *value, *element))).collect();
    owed.sort_by_key(|(by, value, _)| (*by, *value));
    for (position, operation, values) in &reads {
        let due = owed.partition_point(|(by, _, _)| *by < operation.invoke);
        if let Some((_, value, element)) = owed[..due].iter().find(|(_, value, _)| values.binary_search(value).is_err())
        {
            let proof = element.present.map(|(_, proof)| proof);
            let explanation = format!("{value} was there before the read began, and is not in it");
            return violated(key, [*position, element.addition].into_iter().chain(proof).collect(), explanation);
        }
    }
    Verdict::Valid
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Operation;

    fn add(value: i64, invoke: u64, complete: u64) -> Operation {
        Operation::ok(1, 1, Action::Add { value }, invoke, complete)
    }

    fn read(values: &[i64], invoke: u64, complete: u64) -> Operation {
        Operation::ok(2, 1, Action::ReadSet { values: values.to_vec() }, invoke, complete)
    }

    fn judge(operations: Vec<Operation>) -> Verdict {
        check(&History::new(operations))
    }

    #[test]
    fn an_acknowledged_element_must_be_in_every_later_read() {
        assert!(judge(vec![add(1, 0, 10), read(&[1], 20, 30)]).is_valid());
        assert!(judge(vec![add(1, 0, 10), read(&[], 5, 30)]).is_valid());
        assert!(judge(vec![add(1, 0, 10), read(&[], 20, 30)]).violation().is_some());
    }

    #[test]
    fn an_unknown_element_may_be_missing_until_it_was_seen() {
        let unknown = add(1, 0, 10).with_outcome(Outcome::Unknown);
        assert!(judge(vec![unknown.clone(), read(&[], 20, 30), read(&[1], 40, 50)]).is_valid());
        assert!(judge(vec![unknown, read(&[1], 20, 30), read(&[], 40, 50)]).violation().is_some());
    }

    #[test]
    fn doubled_foreign_failed_and_early_elements_are_found() {
        assert!(judge(vec![add(1, 0, 10), read(&[1, 1], 20, 30)]).violation().is_some());
        assert!(judge(vec![read(&[1], 20, 30)]).violation().is_some());
        assert!(judge(vec![add(1, 0, 10).with_outcome(Outcome::Fail), read(&[1], 20, 30)]).violation().is_some());
        assert!(judge(vec![add(1, 40, 50), read(&[1], 20, 30)]).violation().is_some());
    }
}
