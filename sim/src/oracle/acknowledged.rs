//! **ACKNOWLEDGED-SURVIVES**: "Nothing is acknowledged, to a peer or to a client, before it is durable", and after all the
//! faults nothing that was acknowledged is missing.
//!
//! Here, on the audit's reads alone: a register that nobody ever deleted holds a value, and not one that an acknowledged
//! write has replaced; a list and a set hold every acknowledged element. Proved able to fail by
//! `AcknowledgeBeforeDurable`, `LeaderCountsUndurable` and `LogCutBeforeFlush`.

use super::Judged;
use crate::client::history::{Entry, History, Outcome, Seen};
use crate::plan::Plan;
use crate::plan::program::Operation;

/// Judge the audit.
pub(super) fn check(_: &Plan, history: &History, _: &mut Vec<String>) -> Result<(), Judged> {
    for (number, audit) in history.entries.iter().enumerate().filter(|(_, entry)| entry.audit) {
        match (&audit.operation, &audit.outcome) {
            (Operation::RegisterRead { key }, Outcome::Ok(Seen::Value(value, _))) => {
                register(history, number, *key, *value)?;
            }
            (Operation::CollectionRead { key }, Outcome::Ok(Seen::Collections { list, set })) => {
                collection(history, number, *key, list, set)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn acknowledged(entry: &Entry) -> bool {
    matches!(entry.outcome, Outcome::Ok(_))
}

fn register(history: &History, audit: usize, key: u32, found: Option<u32>) -> Result<(), Judged> {
    let of_key = |entry: &&Entry| match entry.operation {
        Operation::RegisterDelete { key: other } | Operation::RegisterWrite { key: other, .. } => other == key,
        _ => false,
    };
    let entries: Vec<&Entry> = history.entries.iter().filter(of_key).collect();
    if entries.iter().any(|entry| matches!(entry.operation, Operation::RegisterDelete { .. })) {
        return Ok(()); // The search in `linearizable` judges those.
    }
    let value_of = |entry: &Entry| match entry.operation {
        Operation::RegisterWrite { value, .. } => Some(value),
        _ => None,
    };
    let number_of = |wanted: &Entry| history.entries.iter().position(|entry| std::ptr::eq(entry, wanted));
    let Some(value) = found else {
        return match entries.iter().find(|entry| acknowledged(entry)) {
            None => Ok(()),
            Some(lost) => {
                let operations = number_of(lost).into_iter().chain([audit]).collect();
                Err(Judged::new("ACKNOWLEDGED-SURVIVES", format!("register {key} is empty"), operations))
            }
        };
    };
    let Some(origin) = entries.iter().find(|entry| value_of(entry) == Some(value)) else { return Ok(()) };
    // An unknown write may have happened late, so only an acknowledged one can be known to be old.
    let newer =
        entries.iter().find(|entry| acknowledged(entry) && acknowledged(origin) && entry.invoke > origin.complete);
    match newer {
        None => Ok(()),
        Some(lost) => {
            let operations = [number_of(origin), number_of(lost), Some(audit)].into_iter().flatten().collect();
            Err(Judged::new("ACKNOWLEDGED-SURVIVES", format!("register {key} holds a replaced value"), operations))
        }
    }
}

fn collection(history: &History, audit: usize, key: u32, list: &[u32], set: &[u32]) -> Result<(), Judged> {
    for (number, entry) in history.entries.iter().enumerate().filter(|(_, entry)| acknowledged(entry)) {
        let missing = match entry.operation {
            Operation::ListAppend { key: other, value } => other == key && !list.contains(&value),
            Operation::SetAdd { key: other, value } => other == key && !set.contains(&value),
            _ => false,
        };
        if missing {
            let text = format!("collection {key} misses an element");
            return Err(Judged::new("ACKNOWLEDGED-SURVIVES", text, vec![number, audit]));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{done, entry, history, plan, saw, unknown};
    use super::*;

    fn judge(mut entries: Vec<Entry>) -> Result<(), Judged> {
        if let Some(last) = entries.last_mut() {
            last.audit = true;
        }
        check(&plan(), &history(entries), &mut Vec::new())
    }

    #[test]
    fn a_lost_or_replaced_register_is_found() {
        let write = |value| Operation::RegisterWrite { key: 1, value, filler: 0 };
        let read = || Operation::RegisterRead { key: 1 };
        let writes = || vec![done(write(1), 0, 1), done(write(2), 2, 3)];
        let with = |value| {
            let mut entries = writes();
            entries.push(saw(read(), value, 8, 9));
            judge(entries)
        };
        assert_eq!(with(Some(2)), Ok(()));
        assert!(with(Some(1)).is_err());
        assert!(with(None).is_err());
        let late = vec![unknown(write(1), 0, 1), done(write(2), 2, 3), saw(read(), Some(1), 8, 9)];
        assert_eq!(judge(late), Ok(()), "an unknown write may come late");
    }

    #[test]
    fn a_missing_element_is_found() {
        let append = |value| Operation::ListAppend { key: 1, value };
        let with = |list: &[u32]| {
            let seen = Seen::Collections { list: list.to_vec(), set: Vec::new() };
            let read = entry(Operation::CollectionRead { key: 1 }, 8, 9, Outcome::Ok(seen));
            judge(vec![done(append(1), 0, 1), unknown(append(2), 0, 1), read])
        };
        assert_eq!(with(&[1]), Ok(()));
        assert_eq!(with(&[1, 2]), Ok(()));
        assert!(with(&[2]).is_err());
    }
}
