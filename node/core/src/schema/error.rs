//! Why a definition was refused. It travels from the catalogue's shard to the coordinator inside the write's outcome, and
//! becomes the error that the client sees, with the code and the fields that drivers look at.

use super::{DecodeError, decode, encode};
use serde::{Deserialize, Serialize};
use trefoil_cql::protocol::CqlError;

/// Why a definition was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum SchemaError {
    /// `IF [NOT] EXISTS` did not hold: a success without effect, answered with VOID.
    #[error("nothing to change")]
    Unchanged,
    /// 0x2400. The table is empty when it is the keyspace that exists.
    #[error("{keyspace}.{table} already exists")]
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

/// What the client sees. `Unchanged` is no error for clients: the coordinator answers it with VOID before it comes here.
impl From<SchemaError> for CqlError {
    fn from(error: SchemaError) -> CqlError {
        match error {
            SchemaError::Unchanged => CqlError::server("a definition without effect was taken for an error"),
            SchemaError::AlreadyExists { keyspace, table } if table.is_empty() => CqlError::keyspace_exists(keyspace),
            SchemaError::AlreadyExists { keyspace, table } => CqlError::table_exists(keyspace, table),
            SchemaError::Configuration(text) => CqlError::Config(text),
            SchemaError::Invalid(text) => CqlError::Invalid(text),
            SchemaError::Syntax(text) => CqlError::Syntax(text),
        }
    }
}
