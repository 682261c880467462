//! A SELECT being executed: which command comes next, what has been read, and the answer.

use crate::command::{ReadCommand, ReadResult};
use crate::statement::answer::AnswerOptions;
use bytes::Bytes;
use trefoil_cql::protocol::response::CqlError;

/// A SELECT with its values.
#[derive(Clone, Debug)]
pub struct ReadPlan {}

/// A SELECT under way. Ask `next_command`, have it read, give the result to `absorb`; when there is no next command, `encode`.
///
/// A command may concern several shards: keys are in ring order, ranges are one interval of tokens. The coordinator cuts it
/// at shard borders and puts the results together in ring order, up to `row_limit`; when a part comes back with a position to
/// go on, that is the position of the whole, and the parts behind it are not wanted. Every command is made so that reading
/// the parts one after the other, or all at once, gives the same.
#[derive(Clone, Debug)]
pub struct SelectExecution {}

impl SelectExecution {
    /// Begin.
    #[must_use]
    pub fn new(plan: ReadPlan) -> SelectExecution {
        let _ = plan;
        SelectExecution {}
    }

    /// What to read next; `None`: all is read.
    pub fn next_command(&mut self) -> Option<ReadCommand> {
        None
    }

    /// What the last command gave.
    ///
    /// # Errors
    /// When a value cannot be computed, e.g. a function fails.
    pub fn absorb(&mut self, result: ReadResult) -> Result<(), CqlError> {
        let _ = result;
        Ok(())
    }

    /// The whole response.
    ///
    /// # Errors
    /// When a value cannot be computed.
    pub fn encode(self, options: &AnswerOptions<'_>) -> Result<Bytes, CqlError> {
        let _ = options;
        Err(CqlError::server("not yet"))
    }
}
