//! What is said of values and types that are not what they should be. The texts are Cassandra's and meant for clients.

use thiserror::Error;

/// A value does not fit its type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidValue(pub String);

/// A type that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidType(pub String);

/// An error with a formatted text.
macro_rules! invalid {
    ($($argument:tt)*) => { Err($crate::types::InvalidValue(format!($($argument)*))) };
}

pub(crate) use invalid;
