//! **PAGING**: "paging with a state that survives another connection, another node and a restart": pages show every row once,
//! in order, and no page is larger than was asked for.
//!
//! Here: the rows of a scan of a partition are strictly in the order asked for, over all its pages; those of a scan of the
//! table never repeat, and each partition is in one piece and in the order of its storage. That no row is missing is judged
//! by `linearizable`: each page reads all rows it covers. Proved able to fail by `PageRepeatsRow`.

use super::Judged;
use crate::client::history::{History, Outcome, Seen};
use crate::client::statement::rows_descend;
use crate::plan::Plan;
use crate::plan::program::Operation;
use std::collections::BTreeSet;

/// Judge all scans.
pub(super) fn check(plan: &Plan, history: &History, _: &mut Vec<String>) -> Result<(), Judged> {
    for (number, entry) in history.entries.iter().enumerate() {
        let Outcome::Ok(Seen::Pages(pages)) = &entry.outcome else { continue };
        let (page_size, descending) = match entry.operation {
            Operation::Scan { page_size, reversed, .. } => (page_size, reversed),
            Operation::ScanAll { page_size } => (page_size, rows_descend(plan.seed)),
            _ => continue,
        };
        let broken = |text: String| Err(Judged::new("PAGING", text, vec![number]));
        if let Some(page) = pages.iter().find(|page| page.rows.len() > page_size as usize) {
            return broken(format!("a page of {page_size} rows has {}", page.rows.len()));
        }
        let rows: Vec<(u32, u32)> =
            pages.iter().flat_map(|page| &page.rows).map(|(partition, row, _)| (*partition, *row)).collect();
        if let Err(text) = in_order(&rows, descending) {
            return broken(text);
        }
    }
    Ok(())
}

fn in_order(rows: &[(u32, u32)], descending: bool) -> Result<(), String> {
    let mut finished = BTreeSet::new();
    for pair in rows.windows(2) {
        let ((partition, row), (next_partition, next_row)) = (pair[0], pair[1]);
        if partition == next_partition {
            let forward = if descending { next_row < row } else { next_row > row };
            if !forward {
                return Err(format!("partition {partition}: row {next_row} comes after row {row}"));
            }
        } else {
            finished.insert(partition);
            if finished.contains(&next_partition) {
                return Err(format!("partition {next_partition} comes back after partition {partition}"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_rows_and_partitions_are_found() {
        assert!(in_order(&[(0, 1), (0, 2), (5, 0), (3, 9)], false).is_ok());
        assert!(in_order(&[(0, 1), (0, 1)], false).is_err());
        assert!(in_order(&[(0, 1), (0, 2)], true).is_err());
        assert!(in_order(&[(0, 1), (1, 1), (0, 2)], false).is_err());
    }
}
