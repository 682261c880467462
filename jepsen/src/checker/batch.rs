//! Batches inside a partition are atomic and isolated: no read sees a part of one.
//!
//! A batch writes one value, unique in its partition, to several rows. If a read shows it in one row, then every other row that
//! it wrote shows it too, or something that a *later* batch wrote there; and of two batches that wrote the same two rows, one
//! was later in both. This finds every torn batch when batches write the same rows, and is sound for any; `linearizable`
//! with the model `Rows` is the exact second opinion on short histories. Rows are never deleted in this workload.

use super::{Verdict, check_keys, violated};
use crate::history::{Action, History, Outcome};
use std::collections::BTreeMap;

/// Judge a history of `Batch` and `ReadRows`. Other actions are ignored.
pub fn check(history: &History) -> Verdict {
    check_keys(history, check_key)
}

fn check_key(history: &History, key: u64, positions: &[usize]) -> Verdict {
    // Row and value name the batch.
    let mut batches: BTreeMap<(u64, i64), usize> = BTreeMap::new();
    for position in positions {
        let operation = &history.operations[*position];
        if let (Action::Batch { writes }, Outcome::Ok | Outcome::Unknown) = (&operation.action, operation.outcome) {
            for (row, value) in writes {
                if batches.insert((*row, *value), *position).is_some() {
                    return Verdict::Undecided(format!("key {key}: row {row} gets {value} from two batches"));
                }
            }
        }
    }
    for position in positions {
        let operation = &history.operations[*position];
        if let (Action::ReadRows { rows }, Outcome::Ok) = (&operation.action, operation.outcome) {
            let verdict = check_read(history, key, *position, rows, &batches);
            if !verdict.is_valid() {
                return verdict;
            }
        }
    }
    Verdict::Valid
}

fn check_read(
    history: &History,
    key: u64,
    read: usize,
    rows: &[(u64, i64)],
    batches: &BTreeMap<(u64, i64), usize>,
) -> Verdict {
    let mut shown: BTreeMap<u64, usize> = BTreeMap::new();
    for (row, value) in rows {
        let Some(batch) = batches.get(&(*row, *value)) else {
            return violated(key, vec![read], format!("row {row} shows {value}, which no batch wrote there"));
        };
        if shown.insert(*row, *batch).is_some() {
            return violated(key, vec![read], format!("row {row} was read twice in one read"));
        }
    }
    for (row, batch) in &shown {
        for (other_row, _) in writes(history, *batch) {
            match shown.get(other_row) {
                None => {
                    let explanation = format!("a batch is seen in row {row} and not in row {other_row}");
                    return violated(key, vec![read, *batch], explanation);
                }
                // The other one overwrote this batch there, so it is the later one, and should have overwritten it here too.
                Some(other) if other != batch && writes(history, *other).iter().any(|(written, _)| written == row) => {
                    let explanation = format!("two batches wrote rows {row} and {other_row}, and each is seen in one");
                    return violated(key, vec![read, *batch, *other], explanation);
                }
                Some(_) => {}
            }
        }
    }
    Verdict::Valid
}

fn writes(history: &History, batch: usize) -> &[(u64, i64)] {
    match &history.operations[batch].action {
        Action::Batch { writes } => writes,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Rows;
    use super::super::testing::{brute_force, rng};
    use super::*;
    use crate::history::Operation;
    use rand::Rng;

    fn batch(value: i64, rows: &[u64]) -> Operation {
        let writes = rows.iter().map(|row| (*row, value)).collect();
        Operation::ok(1, 1, Action::Batch { writes }, 0, 100)
    }

    fn read(rows: &[(u64, i64)]) -> Operation {
        Operation::ok(2, 1, Action::ReadRows { rows: rows.to_vec() }, 0, 100)
    }

    fn judge(operations: Vec<Operation>) -> Verdict {
        check(&History::new(operations))
    }

    #[test]
    fn a_torn_batch_is_found() {
        let batches = || vec![batch(1, &[1, 2]), batch(2, &[1, 2]), batch(3, &[2, 3])];
        let with = |rows: &[(u64, i64)]| {
            let mut operations = batches();
            operations.push(read(rows));
            judge(operations)
        };
        assert!(with(&[]).is_valid());
        assert!(with(&[(1, 1), (2, 1)]).is_valid());
        assert!(with(&[(1, 1), (2, 3), (3, 3)]).is_valid());
        assert!(with(&[(1, 1)]).violation().is_some(), "half of a batch");
        assert!(with(&[(1, 1), (2, 2)]).violation().is_some(), "halves of two");
        assert!(with(&[(1, 1), (2, 9)]).violation().is_some(), "from nowhere");
    }

    #[test]
    fn a_failed_batch_must_not_be_seen() {
        let failed = batch(1, &[1, 2]).with_outcome(Outcome::Fail);
        assert!(judge(vec![failed, read(&[(1, 1), (2, 1)])]).violation().is_some());
    }

    /// Sound on any batches: what it rejects has no order at all. Exact for one read when all batches write the same rows.
    #[test]
    fn it_agrees_with_brute_force() {
        let (mut good, mut bad) = (0, 0);
        for seed in 0..4_000 {
            let mut rng = rng(seed);
            let same = seed % 2 == 0;
            let mut operations: Vec<Operation> = (1..4)
                .map(|value| {
                    let rows: Vec<u64> = (1..4).filter(|_| same || rng.random_range(0..3) > 0).collect();
                    batch(value, &rows)
                })
                .collect();
            let rows: Vec<(u64, i64)> = (1..4)
                .filter_map(|row| {
                    let value = if rng.random_range(0..3) > 0 { 2 } else { rng.random_range(1..4) };
                    (rng.random_range(0..8) > 0).then_some((row, value))
                })
                .collect();
            operations.push(read(&rows));
            let history = History::new(operations);
            let expected = brute_force::<Rows>(&history);
            let verdict = check(&history);
            if same {
                assert_eq!(verdict.is_valid(), expected, "seed {seed}: {verdict}\n{history:#?}");
            } else {
                assert!(verdict.is_valid() || !expected, "seed {seed}: {verdict}\n{history:#?}");
            }
            if verdict.is_valid() { good += 1 } else { bad += 1 }
        }
        assert!(good > 300 && bad > 300, "the draw must reach both: {good} good, {bad} bad");
    }
}
