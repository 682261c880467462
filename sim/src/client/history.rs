//! What clients saw: one entry for each operation, from the moment it was asked to the moment it was answered or given up.
//! Oracles turn entries into the histories of `trefoil_jepsen` and judge those.

use crate::language::interpreter::Answer;
use crate::plan::program::Operation;
use crate::world::queue::Time;

/// What became of an operation, as far as its client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not answered yet.
    Open,
    /// It happened, and this is what the client was told.
    Ok(Seen),
    /// It was refused: it did not happen and never will. The server's message.
    Refused(String),
    /// It did not happen: nobody could be reached, or all were too busy. Why.
    Failed(String),
    /// It may have happened, may still happen, may never happen. Why the client does not know.
    Unknown(String),
}

/// What an answer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Done.
    Nothing,
    /// The value of a single cell, if there is one; and how many columns the row has.
    Value(Option<u32>, usize),
    /// Whether the condition held, and if not, what was there (if the answer said so).
    Applied {
        /// It held.
        applied: bool,
        /// The value that was there instead.
        instead: Option<Option<u32>>,
    },
    /// List and set of a row.
    Collections {
        /// The list, in order.
        list: Vec<u32>,
        /// The set, in the order it came.
        set: Vec<u32>,
    },
    /// Both counters of a row.
    Counters(i64, i64),
    /// The rows of a partition that batches were spread over: key and list of each.
    Lists(Vec<(u32, Vec<u32>)>),
    /// Rows, in one page or several.
    Pages(Vec<Page>),
    /// What a request of a generated program was answered: all rows of all pages.
    Answer(Answer),
}

/// One page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// When it was asked for (the latest attempt).
    pub invoke: Time,
    /// When it came.
    pub complete: Time,
    /// Partition, row and value; in the order they came.
    pub rows: Vec<(u32, u32, u32)>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The client.
    pub client: usize,
    /// Its lane.
    pub lane: usize,
    /// A sequential client in the sense of the checkers: a lane gets a new number after an unknown outcome.
    pub process: u64,
    /// What was asked.
    pub operation: Operation,
    /// What a conditional write expected to be there.
    pub expected: Option<u32>,
    /// When it was first sent, or would have been.
    pub invoke: Time,
    /// When it was answered or given up.
    pub complete: Time,
    /// What became of it.
    pub outcome: Outcome,
    /// The node that was asked last.
    pub node: usize,
    /// How many times it was sent.
    pub attempts: u32,
    /// Asked after everything had healed and converged.
    pub audit: bool,
}

/// All operations of a run, in the order they were asked in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The entries; oracles name them by their position here.
    pub entries: Vec<Entry>,
    /// The last process number given.
    pub processes: u64,
}

impl History {
    /// A new process number.
    pub fn new_process(&mut self) -> u64 {
        self.processes += 1;
        self.processes
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "client {}.{} [{} .. {}] node {} {:?}",
            self.client, self.lane, self.invoke, self.complete, self.node, self.operation
        )?;
        if let Some(expected) = self.expected {
            write!(f, " expecting {expected}")?;
        }
        write!(f, " -> {:?}", self.outcome)
    }
}
