//! Registers whose values are unique and that are only read and written: linearizability from the outside, in n log n.
//!
//! After Gibbons and Korach (Testing Shared Memories, 1997). A value and its readers form a cluster. If one of the cluster
//! completed before another was invoked, the value was there all the time between: a *forward zone*. If all overlap, the
//! cluster can be put at one moment where they do: a *backward zone*. The history is linearizable if and only if nothing is
//! read before it is written, no two forward zones overlap, and no backward zone lies inside a forward one.
//! Deletions, conditional writes and repeated values are not covered: then the verdict is `Undecided`.

use super::{Verdict, violated};
use crate::history::{Action, History, Operation, Outcome};
use std::collections::BTreeMap;

/// Judge a history of `Read` and `Write`, each key a register that starts empty. Other actions are ignored, `Cas` excepted.
pub fn check(history: &History) -> Verdict {
    let mut verdict = Verdict::Valid;
    for (key, positions) in history.by_key() {
        verdict = verdict.and(check_key(history, key, &positions));
        if verdict.violation().is_some() {
            break;
        }
    }
    verdict
}

/// A value with all who wrote or read it. Times are signed: the empty register was written before time began.
#[derive(Clone, Debug)]
struct Cluster {
    write: Option<usize>,
    /// Who completed first, and when.
    first_complete: (i128, Option<usize>),
    /// Who was invoked last, and when.
    last_invoke: (i128, Option<usize>),
}

impl Cluster {
    fn is_forward(&self) -> bool {
        self.first_complete.0 < self.last_invoke.0
    }

    fn proof(&self) -> impl Iterator<Item = usize> {
        [self.last_invoke.1, self.first_complete.1, self.write].into_iter().flatten()
    }

    fn include(&mut self, position: usize, operation: &Operation) {
        let (invoke, complete) = (i128::from(operation.invoke), operation.effect_by().map_or(i128::MAX, i128::from));
        if complete < self.first_complete.0 {
            self.first_complete = (complete, Some(position));
        }
        if invoke > self.last_invoke.0 {
            self.last_invoke = (invoke, Some(position));
        }
    }
}

fn check_key(history: &History, key: u64, positions: &[usize]) -> Verdict {
    let mut clusters: BTreeMap<Option<i64>, Cluster> = BTreeMap::new();
    let empty = Cluster { write: None, first_complete: (-1, None), last_invoke: (-1, None) };
    clusters.insert(None, empty);
    for position in positions {
        let operation = &history.operations[*position];
        match (&operation.action, operation.outcome) {
            (_, Outcome::Fail) => {}
            (Action::Cas { .. } | Action::Write { value: None }, _) => {
                return Verdict::Undecided(format!("key {key}: zones cover reads and writes of values only"));
            }
            (Action::Write { value }, _) => {
                let unread = Cluster { write: None, first_complete: (i128::MAX, None), last_invoke: (-1, None) };
                let cluster = clusters.entry(*value).or_insert(unread);
                if cluster.write.replace(*position).is_some() {
                    return Verdict::Undecided(format!("key {key}: zones need unique values"));
                }
                cluster.include(*position, operation);
            }
            _ => {}
        }
    }
    for position in positions {
        let operation = &history.operations[*position];
        let (Action::Read { value }, Outcome::Ok) = (&operation.action, operation.outcome) else { continue };
        let Some(cluster) = clusters.get_mut(value) else {
            return violated(key, vec![*position], format!("{value:?} was read but never written"));
        };
        if let Some(write) = cluster.write.filter(|write| operation.precedes(&history.operations[*write])) {
            return violated(key, vec![*position, write], format!("{value:?} was read before it was written"));
        }
        cluster.include(*position, operation);
    }
    // An unknown write that nobody read need not have happened.
    clusters.retain(|_, cluster| cluster.first_complete.0 != i128::MAX);
    judge_zones(key, clusters.into_values().collect())
}

fn judge_zones(key: u64, clusters: Vec<Cluster>) -> Verdict {
    let (mut forward, backward): (Vec<Cluster>, Vec<Cluster>) = clusters.into_iter().partition(Cluster::is_forward);
    forward.sort_by_key(|cluster| cluster.first_complete.0);
    for pair in forward.windows(2) {
        if pair[1].first_complete.0 < pair[0].last_invoke.0 {
            let explanation = "two values were each there, by their readers, throughout times that overlap".to_owned();
            return violated(key, pair[0].proof().chain(pair[1].proof()).collect(), explanation);
        }
    }
    for inner in &backward {
        let (start, end) = (inner.last_invoke.0, inner.first_complete.0);
        let candidates = forward.partition_point(|outer| outer.first_complete.0 < start);
        if let Some(outer) = candidates.checked_sub(1).map(|index| &forward[index])
            && end < outer.last_invoke.0
        {
            let explanation = "a value was written while another was there before and after".to_owned();
            return violated(key, outer.proof().chain(inner.proof()).collect(), explanation);
        }
    }
    Verdict::Valid
}

#[cfg(test)]
mod tests {
    use super::super::model::Register;
    use super::super::testing::{Draw, brute_force, cas, draw, read, rng, write};
    use super::*;

    fn judge(operations: Vec<Operation>) -> Verdict {
        check(&History::new(operations))
    }

    #[test]
    fn a_value_cannot_come_back() {
        let mut operations = vec![write(1, 1, 0, 10), write(1, 2, 20, 30), read(2, Some(2), 40, 50)];
        assert!(judge(operations.clone()).is_valid());
        operations.push(read(3, Some(1), 60, 70));
        assert!(judge(operations).violation().is_some());
    }

    #[test]
    fn an_acknowledged_write_that_nobody_ever_saw_is_lost() {
        let operations = vec![write(1, 1, 0, 10), write(1, 2, 20, 30), read(2, Some(1), 40, 50)];
        let violation = judge(operations).violation().cloned().expect("2 is lost");
        assert!(violation.operations.contains(&1), "{violation:?}");
    }

    #[test]
    fn an_unknown_write_may_have_happened_or_not() {
        let unknown = write(1, 2, 20, 30).with_outcome(Outcome::Unknown);
        assert!(judge(vec![write(1, 1, 0, 10), unknown.clone(), read(2, Some(1), 40, 50)]).is_valid());
        assert!(judge(vec![write(1, 1, 0, 10), unknown, read(2, Some(2), 40, 50)]).is_valid());
    }

    #[test]
    fn what_it_does_not_cover_it_does_not_judge() {
        assert!(matches!(judge(vec![cas(1, None, 1, true, 0, 1)]), Verdict::Undecided(_)));
        assert!(matches!(judge(vec![write(1, 1, 0, 10), write(1, 1, 20, 30)]), Verdict::Undecided(_)));
    }

    #[test]
    fn it_agrees_with_brute_force() {
        let (mut good, mut bad) = (0, 0);
        for seed in 0..8_000 {
            let what =
                Draw { operations: 8, processes: 4, unique: true, cas: false, unknown: seed % 2 == 0, bend: true };
            let history = draw(&mut rng(seed), what);
            let expected = brute_force::<Register>(&history);
            let verdict = check(&history);
            assert_eq!(verdict.is_valid(), expected, "seed {seed}: {verdict}\n{history:#?}");
            if expected { good += 1 } else { bad += 1 }
        }
        assert!(good > 500 && bad > 500, "the draw must reach both: {good} good, {bad} bad");
    }
}
