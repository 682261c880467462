//! **BATCH-ATOMIC**: "A batch inside one partition, across tables, is one log entry: atomic and isolated."
//!
//! Here every batch writes one value into all rows of two tables and a static cell. So each read of either table shows one
//! value everywhere or nothing at all (atomic, and isolated from other batches), and the reads of both tables together
//! are those of a single linearizable register. Proved able to fail by `BatchTorn`.
//!
//! **MERGE-ALGEBRA**: "Ties follow Cassandra's rules." Every batch also deletes and writes one row, at one timestamp: the deletion
//! wins, so no read shows that row. Proved able to fail by `TombstoneLosesTie`.

use super::Judged;
use super::translate::Translation;
use crate::client::history::{History, Outcome, Seen};
use crate::client::statement::{BATCH_ROWS, STATIC_ROW, TIED_ROW};
use crate::plan::Plan;
use crate::plan::program::{Half, Operation};
use trefoil_jepsen::checker::linearizable;
use trefoil_jepsen::history::Action;

/// Judge all batches and their readers.
pub(super) fn check(_: &Plan, history: &History, undecided: &mut Vec<String>) -> Result<(), Judged> {
    let mut registers = Translation::default();
    for (number, entry) in history.entries.iter().enumerate() {
        match (&entry.operation, &entry.outcome) {
            (Operation::BatchWrite { partition, value }, _) => {
                let value = Some(i64::from(*value));
                registers.add(number, entry, u64::from(*partition), Action::Write { value });
            }
            (Operation::BatchRead { partition, half }, Outcome::Ok(Seen::Pages(pages))) => {
                let rows: Vec<(u32, u32)> =
                    pages.iter().flat_map(|page| &page.rows).map(|(_, row, value)| (*row, *value)).collect();
                if rows.iter().any(|(row, _)| *row == TIED_ROW) {
                    let text =
                        format!("a write has won over a deletion at its own timestamp: rows and values {rows:?}");
                    return Err(Judged::new("MERGE-ALGEBRA", text, vec![number]));
                }
                let Ok(value) = whole(*half, &rows) else {
                    let text = format!("a read shows a part of a batch: rows and values {rows:?}");
                    return Err(Judged::new("BATCH-ATOMIC", text, vec![number]));
                };
                let value = value.map(i64::from);
                registers.add(number, entry, u64::from(*partition), Action::Read { value });
            }
            _ => {}
        }
    }
    registers.judge("BATCH-ATOMIC over both tables", linearizable::check, undecided)
}

/// The one value that a read shows everywhere.
fn whole(half: Half, rows: &[(u32, u32)]) -> Result<Option<u32>, ()> {
    let Some((_, value)) = rows.first() else { return Ok(None) };
    let mut expected: Vec<(u32, u32)> = (0..BATCH_ROWS).map(|row| (row, *value)).collect();
    if half == Half::Left {
        expected.insert(0, (STATIC_ROW, *value));
    }
    if rows == expected { Ok(Some(*value)) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{done, history, plan, saw_rows};
    use super::*;

    #[test]
    fn torn_batches_are_found_in_one_table_and_across_two() {
        let write = |value, at| done(Operation::BatchWrite { partition: 0, value }, at, at + 1);
        let right = |rows: &[(u32, u32)], at| {
            let rows: Vec<(u32, u32, u32)> = rows.iter().map(|(row, value)| (0, *row, *value)).collect();
            saw_rows(Operation::BatchRead { partition: 0, half: Half::Right }, &rows, at, at + 1)
        };
        let left = |rows: &[(u32, u32)], at| {
            let mut rows: Vec<(u32, u32, u32)> = rows.iter().map(|(row, value)| (0, *row, *value)).collect();
            if let Some((_, _, value)) = rows.first().copied() {
                rows.insert(0, (0, STATIC_ROW, value));
            }
            saw_rows(Operation::BatchRead { partition: 0, half: Half::Left }, &rows, at, at + 1)
        };
        let all = |value| [(0, value), (1, value), (2, value)];
        let judge = |entries| check(&plan(), &history(entries), &mut Vec::new());
        let writes = || vec![write(1, 0), write(2, 2)];
        let with = |reads: Vec<crate::client::history::Entry>| judge([writes(), reads].concat());
        assert_eq!(with(vec![left(&all(2), 4), right(&all(2), 6)]), Ok(()));
        assert!(with(vec![right(&[(0, 2), (1, 1), (2, 2)], 4)]).is_err(), "two values");
        assert!(with(vec![right(&[(0, 2), (2, 2)], 4)]).is_err(), "a row is missing");
        assert!(with(vec![left(&all(2), 4), right(&all(1), 6)]).is_err(), "the other table is older");
        let tied = with(vec![right(&[(0, 2), (1, 2), (2, 2), (TIED_ROW, 2)], 4)]);
        assert_eq!(tied.err().map(|judged| judged.promise), Some("MERGE-ALGEBRA"));
    }
}
