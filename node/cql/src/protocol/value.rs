//! A bound value as it travels: null, unset and empty are three things, and stay so.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What a client gives for a bind marker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// These bytes (perhaps none).
    Set(Bytes),
    /// Null.
    Null,
    /// Leave what is there as it is (version 4 and later).
    Unset,
}

impl Value {
    /// The bytes, unless null or unset.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> Option<&Bytes> {
        match self {
            Value::Set(bytes) => Some(bytes),
            Value::Null | Value::Unset => None,
        }
    }
}

impl From<Option<Bytes>> for Value {
    fn from(bytes: Option<Bytes>) -> Value {
        bytes.map_or(Value::Null, Value::Set)
    }
}
