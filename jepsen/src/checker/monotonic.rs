//! What one session may rely on, at any consistency that promises it: monotonic reads, and reading one's own writes.
//!
//! Within one process and key, in the order the process acted, versions never go back. Needs versions; operations without one
//! are passed over, except that a read of nothing after something was seen or written is a step back too.

use super::{Verdict, violated};
use crate::history::{Action, History, Outcome};
use std::collections::BTreeMap;

/// Judge a history of `Read`, `Write` and `Cas` with versions, whose processes are sequential. Other actions are ignored, and
/// keys on which anything was deleted too.
pub fn check(history: &History) -> Verdict {
    let mut sessions: BTreeMap<(u64, u64), Vec<usize>> = BTreeMap::new();
    let mut deleted: Vec<u64> = Vec::new();
    for (position, operation) in history.operations.iter().enumerate() {
        if matches!(operation.action, Action::Write { value: None } | Action::Cas { value: None, .. }) {
            deleted.push(operation.key);
        }
        if operation.outcome == Outcome::Ok {
            sessions.entry((operation.process, operation.key)).or_default().push(position);
        }
    }
    deleted.sort_unstable();
    for ((process, key), mut positions) in sessions {
        if deleted.binary_search(&key).is_ok() {
            continue;
        }
        positions.sort_by_key(|position| history.operations[*position].invoke);
        let mut newest: Option<(i64, usize)> = None;
        for position in positions {
            let operation = &history.operations[position];
            let version = match (&operation.action, operation.version) {
                (Action::Read { .. } | Action::Write { .. } | Action::Cas { .. }, Some(version)) => version,
                (Action::Read { value: None }, None) => i64::MIN,
                _ => continue,
            };
            match newest {
                Some((seen, before)) if version < seen => {
                    let explanation = format!("process {process} went back behind version {seen}");
                    return violated(key, vec![position, before], explanation);
                }
                _ => newest = Some((version, position)),
            }
        }
    }
    Verdict::Valid
}

#[cfg(test)]
mod tests {
    use super::super::testing::{read, write};
    use super::*;

    #[test]
    fn a_session_must_not_go_back() {
        let written = write(1, 1, 0, 10).with_version(5);
        let judge = |operation| check(&History::new(vec![written.clone(), operation]));
        assert!(judge(read(1, Some(1), 20, 30).with_version(5)).is_valid());
        assert!(judge(read(1, Some(0), 20, 30).with_version(4)).violation().is_some(), "its own write");
        assert!(judge(read(1, None, 20, 30)).violation().is_some(), "nothing at all");
        assert!(judge(read(2, Some(0), 20, 30).with_version(4)).is_valid(), "another session may lag behind");
    }
}
