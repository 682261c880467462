//! **EXACTLY-ONCE**, as clients see it: "counters and list appends are exact": an element appended once is in the list once,
//! in an order that respects real time, and stays.
//!
//! Here: lists are judged by `trefoil_jepsen::checker::append`, sets by `set`. Proved able to fail by
//! `DeduplicationForgotten` and `DeduplicationLostAtRestart`.

use super::Judged;
use super::translate::Translation;
use crate::client::history::{History, Outcome, Seen};
use crate::plan::Plan;
use crate::plan::program::Operation;
use trefoil_jepsen::checker::{append, set};
use trefoil_jepsen::history::Action;

/// Judge all lists and sets.
pub(super) fn check(_: &Plan, history: &History, undecided: &mut Vec<String>) -> Result<(), Judged> {
    let (mut lists, mut sets) = (Translation::default(), Translation::default());
    for (number, entry) in history.entries.iter().enumerate() {
        match (&entry.operation, &entry.outcome) {
            (Operation::ListAppend { key, value }, _) => {
                lists.add(number, entry, u64::from(*key), Action::Append { value: i64::from(*value) });
            }
            (Operation::SetAdd { key, value }, _) => {
                sets.add(number, entry, u64::from(*key), Action::Add { value: i64::from(*value) });
            }
            (Operation::CollectionRead { key }, Outcome::Ok(Seen::Collections { list, set })) => {
                let numbers = |values: &[u32]| values.iter().copied().map(i64::from).collect();
                lists.add(number, entry, u64::from(*key), Action::ReadList { values: numbers(list) });
                sets.add(number, entry, u64::from(*key), Action::ReadSet { values: numbers(set) });
            }
            _ => {}
        }
    }
    lists.judge("EXACTLY-ONCE lists", append::check, undecided)?;
    sets.judge("EXACTLY-ONCE sets", set::check, undecided)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{done, entry, history, plan};
    use super::*;

    #[test]
    fn a_doubled_element_is_found() {
        let with = |list: &[u32]| {
            let seen = Seen::Collections { list: list.to_vec(), set: Vec::new() };
            let append = done(Operation::ListAppend { key: 1, value: 5 }, 0, 1);
            let read = entry(Operation::CollectionRead { key: 1 }, 2, 3, Outcome::Ok(seen));
            check(&plan(), &history(vec![append, read]), &mut Vec::new())
        };
        assert_eq!(with(&[5]), Ok(()));
        assert!(with(&[5, 5]).is_err());
    }
}
