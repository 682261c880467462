//! Why a definition was refused. It travels from the catalogue's shard to the coordinator inside the write's outcome, and
//! becomes the error that the client sees, with the code and the fields that drivers look at.

use super::{DecodeError, decode, encode};
use serde::{Deserialize, Serialize};

/// Why a definition was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum SchemaError {
    /// IF [NOT] EXISTS did not hold: a success without effect, answered with VOID.
    #[error("nothing to change")]
    Unchanged,
    /// 0x2400. The table is empty when it is the keyspace that exists.
    #[error("{}", already_exists(keyspace, table))]
    AlreadyExists {
        /// The keyspace.
        keyspace: String,
        /// The table, or empty.
        table: String,
    },
    /// 0x2300.
    #[error("{0}")]
    Configuration(String),
    /// 0x2200.
    #[error("{0}")]
    Invalid(String),
    /// 0x2000: an option that is not one, or not of its type.
    #[error("{0}")]
    Syntax(String),
}

fn already_exists(keyspace: &str, table: &str) -> String {
    if table.is_empty() {
        format!("Cannot add existing keyspace \"{keyspace}\"")
    } else {
        format!("Cannot add already existing table \"{table}\" to keyspace \"{keyspace}\"")
    }
}

impl SchemaError {
    /// For `WriteOutcome::Refused`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Read what `encode` wrote.
    ///
    /// # Errors
    /// When the bytes are of another version or damaged.
    pub fn decode(bytes: &[u8]) -> Result<SchemaError, DecodeError> {
        decode(bytes)
    }

    pub(crate) fn invalid(text: impl Into<String>) -> SchemaError {
        SchemaError::Invalid(text.into())
    }
}
