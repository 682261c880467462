//! Where a partition lives on the ring: Murmur3 as Cassandra computes it.

use serde::{Deserialize, Serialize};

/// A position on the token ring. The whole range of `i64` is the ring; `i64::MIN` is never the token of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Token(pub i64);
