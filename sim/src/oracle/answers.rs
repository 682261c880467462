//! **HONEST-ANSWERS**: every answer is one that the request allows: no operation of a workload is refused whose table exists
//! and whose text is right, and no read, however weak, shows a value that nobody wrote.
//!
//! Here: only operations on tables that come and go may be refused (`schema` judges those), and those of generated programs (`language`); a read at ONE shows a value
//! whose write had begun, or nothing.

use super::Judged;
use crate::client::history::{History, Outcome, Seen};
use crate::plan::Plan;
use crate::plan::program::Operation;
use crate::world::queue::Time;
use std::collections::BTreeMap;

/// Judge all answers.
pub(super) fn check(_: &Plan, history: &History, _: &mut Vec<String>) -> Result<(), Judged> {
    let mut writes: BTreeMap<u32, (usize, u32, Time)> = BTreeMap::new();
    for (number, entry) in history.entries.iter().enumerate() {
        if let Outcome::Refused(why) = &entry.outcome
            && !may_be_refused(&entry.operation)
        {
            return Err(Judged::new("HONEST-ANSWERS", format!("refused: {why}"), vec![number]));
        }
        if let Operation::RegisterWrite { key, value, .. } = entry.operation {
            writes.insert(value, (number, key, entry.invoke));
        }
    }
    for (number, entry) in history.entries.iter().enumerate() {
        let (Operation::RegisterReadNear { key }, Outcome::Ok(Seen::Value(Some(value), _))) =
            (&entry.operation, &entry.outcome)
        else {
            continue;
        };
        match writes.get(value) {
            Some((_, written_key, invoke)) if written_key == key && *invoke <= entry.complete => {}
            Some((write, ..)) => {
                let text = format!("{value} was read from register {key}, where it was not yet or never written");
                return Err(Judged::new("HONEST-ANSWERS", text, vec![*write, number]));
            }
            None => {
                return Err(Judged::new("HONEST-ANSWERS", format!("{value} was never written"), vec![number]));
            }
        }
    }
    Ok(())
}

fn may_be_refused(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::TableCreate { .. }
            | Operation::TableDrop { .. }
            | Operation::TableAlter { .. }
            | Operation::TableTruncate { .. }
            | Operation::TableWrite { .. }
            | Operation::TableRead { .. }
            | Operation::Statement { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{done, entry, history, plan, saw};
    use super::*;

    #[test]
    fn invented_values_and_refusals_are_found() {
        let write = done(Operation::RegisterWrite { key: 1, value: 7, filler: 0 }, 5, 6);
        let near = |key, value, complete| saw(Operation::RegisterReadNear { key }, value, 0, complete);
        let judge = |entries| check(&plan(), &history(entries), &mut Vec::new());
        assert_eq!(judge(vec![write.clone(), near(1, Some(7), 9), near(1, None, 9)]), Ok(()));
        assert!(judge(vec![write.clone(), near(1, Some(8), 9)]).is_err(), "never written");
        assert!(judge(vec![write.clone(), near(2, Some(7), 9)]).is_err(), "written elsewhere");
        assert!(judge(vec![write, near(1, Some(7), 4)]).is_err(), "not yet written");
        let refused = |operation| entry(operation, 0, 1, Outcome::Refused("invalid: no".to_owned()));
        assert!(judge(vec![refused(Operation::RegisterRead { key: 1 })]).is_err());
        assert_eq!(judge(vec![refused(Operation::TableRead { table: 1, key: 1 })]), Ok(()));
    }
}
