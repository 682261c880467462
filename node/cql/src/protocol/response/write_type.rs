//! The kind of write that timed out or failed. Drivers decide by it whether to try again.

use serde::{Deserialize, Serialize};

/// The kind of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WriteType {
    /// One statement.
    Simple,
    /// A logged batch that will be completed: the batch log has it.
    Batch,
    /// An unlogged batch.
    UnloggedBatch,
    /// Counters.
    Counter,
    /// A logged batch that did not reach the batch log.
    BatchLog,
    /// A conditional write: whether it happened is not known until a serial read.
    Cas,
    /// A view's update.
    View,
    /// Change data capture ran out of space.
    Cdc,
}

impl WriteType {
    /// All of them.
    pub const ALL: [WriteType; 8] = [
        WriteType::Simple,
        WriteType::Batch,
        WriteType::UnloggedBatch,
        WriteType::Counter,
        WriteType::BatchLog,
        WriteType::Cas,
        WriteType::View,
        WriteType::Cdc,
    ];

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            WriteType::Simple => "SIMPLE",
            WriteType::Batch => "BATCH",
            WriteType::UnloggedBatch => "UNLOGGED_BATCH",
            WriteType::Counter => "COUNTER",
            WriteType::BatchLog => "BATCH_LOG",
            WriteType::Cas => "CAS",
            WriteType::View => "VIEW",
            WriteType::Cdc => "CDC",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<WriteType> {
        WriteType::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl std::fmt::Display for WriteType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
