//! **LOGGED-BATCH**: "A logged batch over several partitions is done whole or not at all, whoever dies meanwhile; once it is
//! acknowledged everybody sees all of it, and no share is done twice."
//!
//! Here every batch adds a row of its own to each of its partitions, with one element in a list. So a read that begins after
//! a batch was acknowledged, logged or not, shows its row; what one read shows every later one does; a refused batch shows
//! nowhere; a list has one element; and in the audit a logged batch is in all of its partitions or in none. Proved able to
//! fail by `BatchForgottenByFlush` and `BatchNotTakenUp`.

use super::Judged;
use crate::client::history::{Entry, History, Outcome, Seen};
use crate::plan::Plan;
use crate::plan::program::Operation;
use crate::world::queue::Time;
use std::collections::{BTreeMap, BTreeSet};

/// A batch: its place in the history, and what is known of it.
struct Batch<'a> {
    number: usize,
    entry: &'a Entry,
    partitions: &'a [u32],
    logged: bool,
}

/// A row that must be seen in a partition by whoever asks after this moment, and the operation that says so.
type Due = BTreeMap<(u32, u32), (Time, usize)>;

/// Judge all batches over several partitions.
pub(super) fn check(_: &Plan, history: &History, _: &mut Vec<String>) -> Result<(), Judged> {
    let batches = batches(history);
    let reads = || {
        history.entries.iter().enumerate().filter_map(|(number, entry)| match (&entry.operation, &entry.outcome) {
            (Operation::SpreadRead { partition }, Outcome::Ok(Seen::Lists(rows))) => {
                Some((number, entry, *partition, rows))
            }
            _ => None,
        })
    };
    let mut due = acknowledged(&batches);
    let mut shown: BTreeMap<u32, usize> = BTreeMap::new();
    for (number, entry, partition, rows) in reads() {
        for (value, list) in rows {
            origin(&batches, entry, number, partition, *value)?;
            if list[..] != [*value] {
                let text = format!("the share of batch {value} in partition {partition} was not done once: {list:?}");
                return Err(Judged::new("LOGGED-BATCH", text, vec![batches[value].number, number]));
            }
            shown.entry(*value).or_insert(number);
            let since = due.entry((partition, *value)).or_insert((entry.complete, number));
            if entry.complete < since.0 {
                *since = (entry.complete, number);
            }
        }
    }
    for (number, entry, partition, rows) in reads() {
        let seen: BTreeSet<u32> = rows.iter().map(|(value, _)| *value).collect();
        let of_partition = due.range((partition, 0)..=(partition, u32::MAX));
        for ((_, value), (since, because)) in of_partition.filter(|((_, value), _)| !seen.contains(value)) {
            let batch = &batches[value];
            if entry.invoke > *since {
                let text = format!("batch {value} is not to be seen in partition {partition} any more");
                return Err(Judged::new("LOGGED-BATCH", text, vec![batch.number, *because, number]));
            }
        }
        // After healing, when nothing is under way any more.
        if entry.audit {
            let torn = shown.iter().find(|(value, _)| {
                let batch = &batches[*value];
                batch.logged && batch.partitions.contains(&partition) && !seen.contains(value)
            });
            if let Some((value, elsewhere)) = torn {
                let text = format!("batch {value} was done elsewhere, but never in partition {partition}");
                return Err(Judged::new("LOGGED-BATCH", text, vec![batches[value].number, *elsewhere, number]));
            }
        }
    }
    Ok(())
}

fn batches(history: &History) -> BTreeMap<u32, Batch<'_>> {
    let batch = |(number, entry): (usize, &'_ Entry)| match &entry.operation {
        Operation::SpreadWrite { value, .. } => Some((*value, number)),
        _ => None,
    };
    let numbers: Vec<(u32, usize)> = history.entries.iter().enumerate().filter_map(batch).collect();
    let of = |(value, number): (u32, usize)| {
        let entry = &history.entries[number];
        let Operation::SpreadWrite { partitions, logged, .. } = &entry.operation else { return None };
        Some((value, Batch { number, entry, partitions, logged: *logged }))
    };
    numbers.into_iter().filter_map(of).collect()
}

fn acknowledged(batches: &BTreeMap<u32, Batch<'_>>) -> Due {
    let done = batches.iter().filter(|(_, batch)| matches!(batch.entry.outcome, Outcome::Ok(_)));
    let rows = done.flat_map(|(&value, batch)| {
        batch.partitions.iter().map(move |&partition| ((partition, value), (batch.entry.complete, batch.number)))
    });
    rows.collect()
}

/// Whether a row may be seen here at all.
fn origin(
    batches: &BTreeMap<u32, Batch<'_>>,
    read: &Entry,
    number: usize,
    partition: u32,
    value: u32,
) -> Result<(), Judged> {
    let Some(batch) = batches.get(&value).filter(|batch| batch.partitions.contains(&partition)) else {
        let text = format!("partition {partition} shows {value}, which nobody wrote there");
        return Err(Judged::new("LOGGED-BATCH", text, vec![number]));
    };
    let never = matches!(batch.entry.outcome, Outcome::Refused(_) | Outcome::Failed(_));
    if never || batch.entry.invoke > read.complete {
        let text = format!("partition {partition} shows batch {value}, which did not happen, or not yet");
        return Err(Judged::new("LOGGED-BATCH", text, vec![batch.number, number]));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{done, entry, history, plan, unknown};
    use super::*;

    fn write(value: u32, logged: bool) -> Operation {
        Operation::SpreadWrite { partitions: vec![0, 1], value, logged }
    }

    fn read(partition: u32, values: &[u32], at: u64) -> Entry {
        let rows = values.iter().map(|&value| (value, vec![value])).collect();
        entry(Operation::SpreadRead { partition }, at, at + 1, Outcome::Ok(Seen::Lists(rows)))
    }

    fn audit(partition: u32, values: &[u32], at: u64) -> Entry {
        Entry { audit: true, ..read(partition, values, at) }
    }

    fn judge(entries: Vec<Entry>) -> Result<(), Judged> {
        check(&plan(), &history(entries), &mut Vec::new())
    }

    #[test]
    fn an_acknowledged_batch_is_seen_whole_whatever_its_kind() {
        for logged in [true, false] {
            let batch = || done(write(7, logged), 2, 4);
            assert_eq!(judge(vec![batch(), read(0, &[], 3), read(0, &[7], 5), read(1, &[7], 5)]), Ok(()));
            assert!(judge(vec![batch(), read(0, &[7], 5), read(1, &[], 5)]).is_err());
        }
    }

    #[test]
    fn a_logged_batch_is_whole_or_absent_at_last() {
        let batch = |logged| unknown(write(7, logged), 2, 4);
        assert_eq!(judge(vec![batch(true), read(0, &[7], 5), read(1, &[], 5), audit(1, &[7], 9)]), Ok(()), "not yet");
        assert_eq!(judge(vec![batch(true), audit(0, &[], 9), audit(1, &[], 9)]), Ok(()), "absent");
        assert_eq!(
            judge(vec![batch(false), audit(0, &[7], 9), audit(1, &[], 9)]),
            Ok(()),
            "an unlogged one may be torn"
        );
        assert!(judge(vec![batch(true), audit(0, &[7], 9), audit(1, &[], 9)]).is_err(), "torn");
        assert!(judge(vec![batch(true), audit(0, &[], 9), audit(1, &[7], 9)]).is_err(), "torn the other way");
    }

    #[test]
    fn what_was_seen_stays_and_nothing_is_invented_or_done_twice() {
        let batch = || unknown(write(7, true), 2, 4);
        assert!(judge(vec![batch(), read(0, &[7], 5), read(0, &[], 7)]).is_err(), "vanished");
        assert!(judge(vec![batch(), read(2, &[7], 5)]).is_err(), "not there");
        assert!(judge(vec![batch(), read(0, &[8], 5)]).is_err(), "nobody wrote it");
        let refused = entry(write(7, true), 2, 4, Outcome::Failed("overloaded".to_owned()));
        assert!(judge(vec![refused, read(0, &[7], 5)]).is_err(), "it was refused");
        let twice = Outcome::Ok(Seen::Lists(vec![(7, vec![7, 7])]));
        assert!(judge(vec![batch(), entry(Operation::SpreadRead { partition: 0 }, 5, 6, twice)]).is_err(), "twice");
    }
}
