//! **LINEARIZABLE**: "Linearizable reads (`QUORUM`, `LOCAL_QUORUM`, `SERIAL`, ...)": every operation on a partition happens at one
//! moment between its invocation and its completion, in one order that all agree on.
//!
//! Here, key by key: registers, conditional registers, single rows (deletions of ranges and partitions write nothing into
//! each of their rows, a page reads every row it covers while the page lasts), rows of tables that come and go. What ended
//! unknown may have happened at any time since. Proved able to fail by `ReadFromDeposedLeader`,
//! `ReadBeforeOwnTermCommitted`, `TruncateKeepsRows`, `MemtableLostAtFlush`, ...

use super::translate::Translation;
use super::{Judged, schema};
use crate::client::history::{Entry, History, Outcome, Page, Seen};
use crate::client::statement::rows_descend;
use crate::plan::Plan;
use crate::plan::clients::ROWS_PER_PARTITION;
use crate::plan::program::Operation;
use std::collections::BTreeMap;
use trefoil_jepsen::checker::linearizable;
use trefoil_jepsen::history::Action;

/// Configurations that the search may visit for one key before it gives up.
const SEARCH_LIMIT: u64 = 300_000;

/// Judge all registers of a run.
pub(super) fn check(plan: &Plan, history: &History, undecided: &mut Vec<String>) -> Result<(), Judged> {
    let mut kinds: [(&'static str, Translation); 4] = [
        ("LINEARIZABLE registers", Translation::default()),
        ("LINEARIZABLE conditional registers", Translation::default()),
        ("LINEARIZABLE rows", Translation::default()),
        ("LINEARIZABLE rows of tables", Translation::default()),
    ];
    for (number, entry) in history.entries.iter().enumerate() {
        registers(&mut kinds[0].1, number, entry);
        conditional(&mut kinds[1].1, number, entry);
        rows(&mut kinds[2].1, number, entry, plan.seed);
    }
    schema::rows(history, &mut kinds[3].1);
    for (promise, translation) in kinds {
        translation.judge(promise, |history| linearizable::check_with(history, SEARCH_LIMIT), undecided)?;
    }
    Ok(())
}

fn written(value: u32) -> Option<i64> {
    Some(i64::from(value))
}

fn value_seen(entry: &Entry) -> Option<i64> {
    match entry.outcome {
        Outcome::Ok(Seen::Value(value, _)) => value.map(i64::from),
        _ => None,
    }
}

fn registers(to: &mut Translation, number: usize, entry: &Entry) {
    let (key, action) = match entry.operation {
        Operation::RegisterWrite { key, value, .. } => (key, Action::Write { value: written(value) }),
        Operation::RegisterDelete { key } => (key, Action::Write { value: None }),
        Operation::RegisterRead { key } => (key, Action::Read { value: value_seen(entry) }),
        // When all replicas have converged and nobody writes, the nearest one must know.
        Operation::RegisterReadNear { key } if entry.audit => (key, Action::Read { value: value_seen(entry) }),
        _ => return,
    };
    to.add(number, entry, key.into(), action);
}

fn conditional(to: &mut Translation, number: usize, entry: &Entry) {
    let expected = entry.expected.map(i64::from);
    let (key, expected, value) = match entry.operation {
        Operation::CasRead { key } => {
            return to.add(number, entry, key.into(), Action::Read { value: value_seen(entry) });
        }
        Operation::CasInsert { key, value } => (key, None, written(value)),
        Operation::CasUpdate { key, value } => (key, expected, written(value)),
        Operation::CasDelete { key } => (key, expected, None),
        _ => return,
    };
    let (applied, seen) = match entry.outcome {
        Outcome::Ok(Seen::Applied { applied, instead }) => (applied, instead.map(|value| value.map(i64::from))),
        _ => (false, None),
    };
    to.add(number, entry, key.into(), Action::Cas { expected, value, applied, seen });
}

fn row_key(partition: u32, row: u32) -> u64 {
    u64::from(partition) * 10_000 + u64::from(row)
}

fn rows(to: &mut Translation, number: usize, entry: &Entry, seed: u64) {
    let mut delete = |partition: u32, from: u32, end: u32| {
        for row in from..end {
            to.add(number, entry, row_key(partition, row), Action::Write { value: None });
        }
    };
    match entry.operation {
        Operation::RowWrite { partition, row, value, .. } => {
            to.add(number, entry, row_key(partition, row), Action::Write { value: written(value) });
        }
        Operation::RowDelete { partition, row } => delete(partition, row, row + 1),
        Operation::RangeDelete { partition, from, to: end } => delete(partition, from, end),
        Operation::PartitionDelete { partition } => delete(partition, 0, ROWS_PER_PARTITION),
        Operation::Scan { partition, reversed, .. } => {
            if let Outcome::Ok(Seen::Pages(pages)) = &entry.outcome {
                for (page, row, value) in covered(pages, reversed) {
                    let read = Action::Read { value };
                    to.add_within(number, entry, row_key(partition, row), read, page.invoke, page.complete);
                }
            }
        }
        _ => {}
    }
    // The order of storage does not matter here, only that of the answer.
    let _ = rows_descend(seed);
}

/// Which page covers each possible row, and what it showed of it: up to its last row, the last page to the end.
fn covered(pages: &[Page], reversed: bool) -> Vec<(&Page, u32, Option<i64>)> {
    let mut order: Vec<u32> = (0..ROWS_PER_PARTITION).collect();
    if reversed {
        order.reverse();
    }
    let mut rows = order.into_iter().peekable();
    let mut covered = Vec::with_capacity(ROWS_PER_PARTITION as usize);
    for (at, page) in pages.iter().enumerate() {
        let values: BTreeMap<u32, u32> = page.rows.iter().map(|(_, row, value)| (*row, *value)).collect();
        let last = page.rows.last().map(|(_, row, _)| *row);
        let is_last = at + 1 == pages.len();
        while let Some(&row) = rows.peek() {
            let beyond = match last {
                Some(last) if reversed => row < last,
                Some(last) => row > last,
                None => true,
            };
            if beyond && !is_last {
                break;
            }
            covered.push((page, row, values.get(&row).map(|value| i64::from(*value))));
            rows.next();
        }
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::super::testing::{done, history, plan, saw, saw_rows, unknown};
    use super::*;
    use crate::world::queue::Time;

    fn judge(entries: Vec<Entry>) -> Result<(), Judged> {
        check(&plan(), &history(entries), &mut Vec::new())
    }

    #[test]
    fn a_lost_write_is_found_and_an_unknown_one_may_be_either() {
        let write = |value| Operation::RegisterWrite { key: 1, value, filler: 0 };
        let read = || Operation::RegisterRead { key: 1 };
        assert_eq!(judge(vec![done(write(1), 0, 1), saw(read(), Some(1), 2, 3)]), Ok(()));
        assert!(judge(vec![done(write(1), 0, 1), saw(read(), None, 2, 3)]).is_err());
        assert_eq!(judge(vec![unknown(write(1), 0, 1), saw(read(), None, 2, 3), saw(read(), Some(1), 4, 5)]), Ok(()));
        let back = vec![unknown(write(1), 0, 1), saw(read(), Some(1), 2, 3), saw(read(), None, 4, 5)];
        assert!(judge(back).is_err(), "what was seen stays");
    }

    #[test]
    fn a_scan_reads_the_rows_it_does_not_show_too() {
        let write = |row, value| Operation::RowWrite { partition: 0, row, value, filler: 0 };
        let scan = || Operation::Scan { partition: 0, page_size: 5, reversed: false };
        let written = || vec![done(write(3, 1), 0, 1), done(write(7, 2), 0, 1)];
        let with = |rows: &[(u32, u32, u32)]| {
            let mut entries = written();
            entries.push(saw_rows(scan(), rows, 2, 3));
            judge(entries)
        };
        assert_eq!(with(&[(0, 3, 1), (0, 7, 2)]), Ok(()));
        assert!(with(&[(0, 3, 1)]).is_err(), "row 7 is missing");
        assert!(with(&[(0, 3, 1), (0, 5, 2), (0, 7, 2)]).is_err(), "row 5 was never written");
    }

    #[test]
    fn pages_cover_what_lies_between_their_last_rows() {
        let page = |rows: &[u32]| Page {
            invoke: Time(0),
            complete: Time(1),
            rows: rows.iter().map(|row| (0, *row, 9)).collect(),
        };
        let pages = vec![page(&[2, 4]), page(&[9])];
        let of_second = |reversed| {
            let covered = covered(&pages, reversed);
            covered.iter().filter(|(page, _, _)| std::ptr::eq(*page, &pages[1])).map(|(_, row, _)| *row).collect()
        };
        let second: Vec<u32> = of_second(false);
        assert_eq!(second, (5..ROWS_PER_PARTITION).collect::<Vec<_>>());
    }
}
