//! What the coordinator has to do for a statement, and how what comes back becomes the client's answer.

use super::answer::Answer;
use super::modify::ConditionalAnswer;
use super::select::ReadPlan;
use crate::command::{CellOperation, Change, Condition, Mutation, WriteOutcome};
use crate::schema::Definition;
use trefoil_cql::protocol::response::{CqlError, WriteType};

/// What to do.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Read from shards.
    Read(ReadPlan),
    /// Write to shards.
    Write(WritePlan),
    /// Change the schema (TRUNCATE is one of these). When it has been applied, answer with `Definition::change`, or with
    /// VOID if that is `None` or the catalogue refused with `SchemaError::Unchanged`.
    Schema(Definition),
    /// USE: the keyspace exists.
    Use(String),
    /// The answer is known.
    Answer(Answer),
}

/// A write: all of it in one shard is atomic and isolated.
#[derive(Clone, Debug)]
pub struct WritePlan {
    /// What a timeout calls it. `Batch`: a logged batch, all or nothing whatever the number of shards.
    pub write_type: WriteType,
    /// All in one partition; all must hold, or nothing is written.
    pub conditions: Vec<Condition>,
    /// In statement order; those of one partition, table and timestamp are one mutation.
    pub mutations: Vec<Mutation>,
    /// How the outcome is told.
    pub answer: WriteAnswer,
    /// What people shall be told besides.
    pub warnings: Vec<String>,
}

/// How the outcome of a write is told.
#[derive(Clone, Debug)]
pub enum WriteAnswer {
    /// VOID.
    Void,
    /// The `[applied]` rows of a conditional write.
    Conditional(ConditionalAnswer),
}

impl WritePlan {
    /// Whether it is a conditional write, a "lightweight transaction".
    #[must_use]
    pub fn is_conditional(&self) -> bool {
        !self.conditions.is_empty()
    }

    /// Whether lists are looked at before elements of them are changed.
    #[must_use]
    pub fn reads_lists(&self) -> bool {
        let reads = |operation: &CellOperation| {
            matches!(operation, CellOperation::ListSet(..) | CellOperation::ListHas(_) | CellOperation::ListRemove(_))
        };
        self.mutations.iter().flat_map(|mutation| &mutation.changes).any(|change| match change {
            Change::Row(row) => row.cells.iter().any(|cell| reads(&cell.operation)),
            Change::DeletePartition | Change::DeleteRange(_) | Change::DeleteRow(_) => false,
        })
    }

    /// What the client is told once the outcome is known.
    ///
    /// # Errors
    /// When the write could not be applied to the data (`WriteOutcome::Invalid`). `Expired` and `Refused` are the
    /// coordinator's business and give a server error here.
    pub fn answer(&self, outcome: WriteOutcome) -> Result<Answer, CqlError> {
        match (&outcome, &self.answer) {
            (WriteOutcome::Invalid(text), _) => Err(CqlError::Invalid(text.clone())),
            (WriteOutcome::Expired | WriteOutcome::Gone(_) | WriteOutcome::Refused(_), _) => {
                Err(CqlError::server("a write that did not happen was to be answered"))
            }
            (WriteOutcome::Applied | WriteOutcome::Rejected { .. }, WriteAnswer::Void) => Ok(Answer::Void),
            (WriteOutcome::Applied | WriteOutcome::Rejected { .. }, WriteAnswer::Conditional(answer)) => {
                answer.answer(&outcome)
            }
        }
    }
}
