//! The history: one record for each operation of a client, from invocation to completion, one JSON line each.
//!
//! Times are nanoseconds on *one* clock that all processes share (the simulator's, or the monotonic clock of the machine that
//! runs the clients). An operation precedes another when it completed strictly before the other was invoked; equal times
//! count as concurrent, which can hide a violation but never invent one.

use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};

/// Nanoseconds since the start of the run.
pub type Nanoseconds = u64;

/// What became of an operation, as far as its client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It happened, between invocation and completion. (A rejected conditional write happened too: `applied` is false.)
    Ok,
    /// It certainly did not happen and never will.
    Fail,
    /// Nobody knows: it may have happened, may happen later, or may never happen.
    Unknown,
}

/// What was asked, and what was seen in the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// A read of a register.
    Read {
        /// What was there; `None`: nothing.
        value: Option<i64>,
    },
    /// A blind write of a register.
    Write {
        /// What was written; `None` deletes.
        value: Option<i64>,
    },
    /// A conditional write of a register.
    Cas {
        /// What had to be there; `None`: nothing (IF NOT EXISTS).
        expected: Option<i64>,
        /// What was to be written.
        value: Option<i64>,
        /// Whether the condition held. Meaningful only when the outcome is `Ok`.
        applied: bool,
        /// What a rejected one saw instead, when the answer said so. The outer `None`: it did not say.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "seen")]
        seen: Option<Option<i64>>,
    },
    /// An append to a list. Values are unique.
    Append {
        /// The new last element.
        value: i64,
    },
    /// A read of a whole list.
    ReadList {
        /// What it held, in order.
        values: Vec<i64>,
    },
    /// An addition to a set, or an inserted row. Values are unique.
    Add {
        /// The new element.
        value: i64,
    },
    /// A read of a whole set, or a scan of all rows (over as many pages as it took).
    ReadSet {
        /// What it held, in the order it came.
        values: Vec<i64>,
    },
    /// An atomic batch inside the partition `key`.
    Batch {
        /// Row and value; the value of a batch is unique in its partition.
        writes: Vec<(u64, i64)>,
    },
    /// A read of all rows of the partition `key` in one request.
    ReadRows {
        /// Row and value of every row that was there.
        rows: Vec<(u64, i64)>,
    },
}

/// JSON cannot tell `Some(None)` from `None` by itself: a seen nothing is written as `null`, an unseen value is left out.
mod seen {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(seen: &Option<Option<i64>>, serializer: S) -> Result<S::Ok, S::Error> {
        seen.unwrap_or(None).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<i64>>, D::Error> {
        Option::<i64>::deserialize(deserializer).map(Some)
    }
}

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Who asked: a sequential client, which has one operation under way at a time. A client that got no answer goes on
    /// under a new number.
    pub process: u64,
    /// Register, list, set or partition that it is about. Operations on different keys are judged apart.
    pub key: u64,
    /// What was asked and seen.
    #[serde(flatten)]
    pub action: Action,
    /// When it was sent.
    pub invoke: Nanoseconds,
    /// When the answer came; of an unknown one, when the client gave up. The effect of an unknown one may come later.
    pub complete: Nanoseconds,
    /// What the client knows about it.
    pub outcome: Outcome,
    /// The version (commit stamp, writetime, log index) that it wrote or read, when known. A read that saw nothing has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Free text: error, node, statement.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Operation {
    /// An operation that succeeded; the simplest way to write one down.
    #[must_use]
    pub fn ok(process: u64, key: u64, action: Action, invoke: Nanoseconds, complete: Nanoseconds) -> Operation {
        Operation { process, key, action, invoke, complete, outcome: Outcome::Ok, version: None, note: String::new() }
    }

    /// The same with another outcome.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Operation {
        self.outcome = outcome;
        self
    }

    /// The same with a version.
    #[must_use]
    pub fn with_version(mut self, version: i64) -> Operation {
        self.version = Some(version);
        self
    }

    /// Whether it completed before the other was invoked. An unknown one precedes nothing.
    #[must_use]
    pub fn precedes(&self, other: &Operation) -> bool {
        self.effect_by().is_some_and(|by| by < other.invoke)
    }

    /// The time by which its effect had happened, if it has one for certain.
    #[must_use]
    pub fn effect_by(&self) -> Option<Nanoseconds> {
        (self.outcome == Outcome::Ok).then_some(self.complete)
    }

    /// For whoever knows better than the client (the simulator sees the log): an unknown write took effect not later than
    /// `by`, or never will. A conditional one that took effect was applied.
    pub fn resolve(&mut self, by: Option<Nanoseconds>) {
        if self.outcome != Outcome::Unknown {
            return;
        }
        match by {
            Some(by) => {
                self.outcome = Outcome::Ok;
                self.complete = by.max(self.invoke);
                if let Action::Cas { applied, .. } = &mut self.action {
                    *applied = true;
                }
            }
            None => self.outcome = Outcome::Fail,
        }
    }
}

/// Why a history could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file.
    #[error("history: {0}")]
    Io(#[from] std::io::Error),
    /// A line of it.
    #[error("history, line {line}: {source}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// All operations of a run, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The operations; checkers name them by their position here.
    pub operations: Vec<Operation>,
}

impl History {
    /// A history of these operations.
    #[must_use]
    pub fn new(operations: Vec<Operation>) -> History {
        History { operations }
    }

    /// Write one JSON line for each operation.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn write_to(&self, mut sink: impl Write) -> Result<(), HistoryError> {
        for (position, operation) in self.operations.iter().enumerate() {
            serde_json::to_writer(&mut sink, operation)
                .map_err(|source| HistoryError::Line { line: position + 1, source })?;
            sink.write_all(b"\n")?;
        }
        sink.flush()?;
        Ok(())
    }

    /// Read what `write_to` wrote; empty lines are skipped.
    ///
    /// # Errors
    /// When the source fails or a line is not an operation.
    pub fn read_from(source: impl BufRead) -> Result<History, HistoryError> {
        let mut operations = Vec::new();
        for (position, line) in source.lines().enumerate() {
            let line = line?;
            if !line.trim().is_empty() {
                operations.push(
                    serde_json::from_str(&line).map_err(|source| HistoryError::Line { line: position + 1, source })?,
                );
            }
        }
        Ok(History { operations })
    }

    /// The operations of each key, by position, in ascending order of keys.
    #[must_use]
    pub fn by_key(&self) -> std::collections::BTreeMap<u64, Vec<usize>> {
        let mut keys: std::collections::BTreeMap<u64, Vec<usize>> = std::collections::BTreeMap::new();
        for (position, operation) in self.operations.iter().enumerate() {
            keys.entry(operation.key).or_default().push(position);
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_operation_survives_its_json_line() {
        let actions = vec![
            Action::Read { value: None },
            Action::Read { value: Some(-4) },
            Action::Write { value: Some(i64::MAX) },
            Action::Cas { expected: None, value: Some(1), applied: true, seen: None },
            Action::Cas { expected: Some(1), value: Some(2), applied: false, seen: Some(None) },
            Action::Cas { expected: Some(1), value: Some(2), applied: false, seen: Some(Some(9)) },
            Action::Append { value: 3 },
            Action::ReadList { values: vec![1, 2] },
            Action::Add { value: 3 },
            Action::ReadSet { values: vec![] },
            Action::Batch { writes: vec![(1, 2), (3, 4)] },
            Action::ReadRows { rows: vec![(1, 2)] },
        ];
        let operations = actions
            .into_iter()
            .enumerate()
            .map(|(n, action)| {
                Operation::ok(n as u64, 7, action, 10, 20).with_version(5).with_outcome(Outcome::Unknown)
            })
            .collect();
        let history = History::new(operations);
        let mut text = Vec::new();
        history.write_to(&mut text).expect("memory does not fail");
        assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), history.operations.len());
        assert_eq!(History::read_from(text.as_slice()).expect("just written"), history);
    }

    #[test]
    fn a_line_that_is_no_operation_is_named() {
        let error = History::read_from(&b"\n{\"process\":1}\n"[..]).expect_err("incomplete");
        assert!(error.to_string().starts_with("history, line 2:"), "{error}");
    }

    #[test]
    fn an_unknown_operation_precedes_nothing_until_it_is_resolved() {
        let late = Operation::ok(1, 1, Action::Read { value: None }, 100, 110);
        let mut early = Operation::ok(2, 1, Action::Write { value: Some(1) }, 10, 20).with_outcome(Outcome::Unknown);
        assert!(!early.precedes(&late));
        early.resolve(Some(50));
        assert!(early.precedes(&late));
        assert_eq!(early.complete, 50);
    }
}
