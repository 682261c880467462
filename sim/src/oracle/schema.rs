//! **SCHEMA-LINEARIZABLE**: "DDL is linearizable: when it returns, every live node serves the new schema", and drop and
//! re-create of a name never brings old rows back.
//!
//! Here: each table is defined by one lane, one definition after the other, so between two definitions whose outcome is known
//! everybody knows whether the table exists. An operation that lies wholly between two of them, on whatever node, is not
//! refused if it exists, not served if it does not, and sees the columns added so far. Rows are linearizable, DROP and
//! TRUNCATE writing nothing into each of them. Proved able to fail by `SchemaReturnsEarly` and `TruncateKeepsRows`.

use super::Judged;
use super::translate::Translation;
use crate::client::history::{Entry, History, Outcome, Seen};
use crate::plan::Plan;
use crate::plan::program::Operation;
use crate::world::queue::Time;
use std::collections::BTreeMap;
use trefoil_jepsen::history::Action;

/// Keys that rows of such tables have.
const KEYS: u32 = 3;

/// What is known of a table from some moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It exists, with so many columns.
    Exists(usize),
    /// There is no such table.
    Missing,
    /// A definition is under way, or nobody knows how it ended.
    Unclear,
}

/// What is known of each table, from which moment on, and which entry said so.
type Timeline = BTreeMap<u32, Vec<(Time, Known, Option<usize>)>>;

fn defined_table(operation: &Operation) -> Option<u32> {
    match *operation {
        Operation::TableCreate { table } | Operation::TableDrop { table } | Operation::TableAlter { table, .. } => {
            Some(table)
        }
        _ => None,
    }
}

/// Definitions whose outcome nobody knows: each may still happen, at any later time.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    create: bool,
    drop: bool,
    alter: bool,
}

impl Pending {
    fn note(&mut self, entry: &Entry) {
        if matches!(entry.outcome, Outcome::Unknown(_) | Outcome::Open) {
            match entry.operation {
                Operation::TableCreate { .. } => self.create = true,
                Operation::TableDrop { .. } => self.drop = true,
                Operation::TableAlter { .. } => self.alter = true,
                _ => {}
            }
        }
    }

    /// What is known, given what may still happen.
    fn weaken(self, known: Known) -> Known {
        match known {
            Known::Exists(_) if self.drop => Known::Unclear,
            Known::Exists(_) if self.alter => Known::Exists(0),
            Known::Missing if self.create => Known::Unclear,
            known => known,
        }
    }
}

fn timeline(history: &History) -> Timeline {
    let mut timeline = Timeline::new();
    let mut pending: BTreeMap<u32, Pending> = BTreeMap::new();
    for (number, entry) in history.entries.iter().enumerate() {
        let Some(table) = defined_table(&entry.operation) else { continue };
        let line = timeline.entry(table).or_insert_with(|| vec![(Time(0), Known::Missing, None)]);
        let before = line.last().map_or(Known::Missing, |(_, known, _)| *known);
        line.push((entry.invoke, Known::Unclear, Some(number)));
        let pending = pending.entry(table).or_default();
        pending.note(entry);
        line.push((entry.complete, pending.weaken(after(before, entry)), Some(number)));
    }
    timeline
}

/// What is known when a definition has ended.
fn after(before: Known, entry: &Entry) -> Known {
    match (&entry.operation, &entry.outcome) {
        (Operation::TableCreate { .. }, Outcome::Ok(_)) => Known::Exists(2),
        // It exists already; with which columns is known if it was known before.
        (Operation::TableCreate { .. }, Outcome::Refused(why)) if why.starts_with("already_exists") => match before {
            Known::Exists(columns) => Known::Exists(columns),
            Known::Missing | Known::Unclear => Known::Exists(0),
        },
        (Operation::TableDrop { .. }, Outcome::Ok(_) | Outcome::Refused(_)) => Known::Missing,
        (Operation::TableAlter { .. }, Outcome::Ok(_)) => match before {
            Known::Exists(columns) if columns > 0 => Known::Exists(columns + 1),
            _ => Known::Exists(0),
        },
        (_, Outcome::Failed(_) | Outcome::Refused(_)) => before,
        _ => Known::Unclear,
    }
}

/// What is known during all of this operation, and which definition said so.
fn known_during(line: &[(Time, Known, Option<usize>)], entry: &Entry) -> (Known, Option<usize>) {
    // Equal times count as concurrent.
    let began = line.iter().rposition(|(at, ..)| *at < entry.invoke);
    let ended = line.iter().rposition(|(at, ..)| *at <= entry.complete);
    match (began, ended) {
        (Some(began), Some(ended)) if began == ended => (line[began].1, line[began].2),
        _ => (Known::Unclear, None),
    }
}

/// Judge every operation on a table that comes and goes.
pub(super) fn check(_: &Plan, history: &History, _: &mut Vec<String>) -> Result<(), Judged> {
    let timeline = timeline(history);
    for (number, entry) in history.entries.iter().enumerate() {
        let (Operation::TableWrite { table, .. } | Operation::TableRead { table, .. }) = entry.operation else {
            continue;
        };
        let missing = [(Time(0), Known::Missing, None)];
        let (known, because) = known_during(timeline.get(&table).map_or(&missing[..], |line| line), entry);
        let broken = |text: String| {
            let operations = because.into_iter().chain([number]).collect();
            Err(Judged::new("SCHEMA-LINEARIZABLE", text, operations))
        };
        match (known, &entry.outcome) {
            (Known::Exists(_), Outcome::Refused(why)) => return broken(format!("table {table} exists, but: {why}")),
            (Known::Missing, Outcome::Ok(_)) => return broken(format!("table {table} does not exist, but is served")),
            (Known::Exists(columns), Outcome::Ok(Seen::Value(_, seen))) if columns > 0 && *seen != columns => {
                return broken(format!("table {table} has {columns} columns, but {seen} are shown"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The rows of these tables as registers.
pub(super) fn rows(history: &History, to: &mut Translation) {
    let row = |table: u32, key: u32| u64::from(table) * 100 + u64::from(key);
    for (number, entry) in history.entries.iter().enumerate() {
        match entry.operation {
            Operation::TableWrite { table, key, value } => {
                let value = Some(i64::from(value));
                to.add(number, entry, row(table, key), Action::Write { value });
            }
            Operation::TableRead { table, key } => {
                if let Outcome::Ok(Seen::Value(value, _)) = entry.outcome {
                    to.add(number, entry, row(table, key), Action::Read { value: value.map(i64::from) });
                }
            }
            Operation::TableDrop { table } | Operation::TableTruncate { table } => {
                for key in 0..KEYS {
                    to.add(number, entry, row(table, key), Action::Write { value: None });
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{done, entry, history, plan, unknown};
    use super::*;

    fn judge(entries: Vec<Entry>) -> Result<(), Judged> {
        check(&plan(), &history(entries), &mut Vec::new())
    }

    fn read(columns: usize, at: u64) -> Entry {
        entry(Operation::TableRead { table: 0, key: 0 }, at, at + 1, Outcome::Ok(Seen::Value(None, columns)))
    }

    fn refused(at: u64) -> Entry {
        let why = Outcome::Refused("invalid: unconfigured table".to_owned());
        entry(Operation::TableRead { table: 0, key: 0 }, at, at + 1, why)
    }

    #[test]
    fn everybody_serves_what_a_definition_has_returned() {
        let create = |at| done(Operation::TableCreate { table: 0 }, at, at + 2);
        let drop = |at| done(Operation::TableDrop { table: 0 }, at, at + 2);
        let alter = |at| done(Operation::TableAlter { table: 0, column: 1 }, at, at + 2);
        assert_eq!(judge(vec![create(10), refused(5), refused(11), read(2, 11), read(2, 15)]), Ok(()));
        assert!(judge(vec![create(10), refused(15)]).is_err(), "a node does not know it yet");
        assert!(judge(vec![create(10), drop(20), read(2, 25)]).is_err(), "a node still serves it");
        assert!(judge(vec![create(10), alter(20), read(2, 25)]).is_err(), "a node shows the old columns");
        assert_eq!(judge(vec![create(10), alter(20), read(3, 25)]), Ok(()));
        let lost = unknown(Operation::TableDrop { table: 0 }, 20, 22);
        assert_eq!(judge(vec![create(10), lost, refused(25), read(2, 27)]), Ok(()), "nobody knows");
        // `--preset schema --seed 134`: an ALTER that nobody waited for any more hit the table that was created after it.
        let late = unknown(Operation::TableAlter { table: 0, column: 1 }, 10, 12);
        assert_eq!(judge(vec![late.clone(), create(20), read(3, 25), read(2, 27)]), Ok(()), "it may still come");
        assert!(judge(vec![late, create(20), refused(25)]).is_err(), "but the table exists");
    }
}
