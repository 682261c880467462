//! CQL's types (placeholder; being written).

use serde::{Deserialize, Serialize};

/// A CQL data type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CqlType {
    /// 4-byte signed integer.
    Int,
}
