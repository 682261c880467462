//! Which replicas failed and why. Version 5 says it for each address, earlier ones only count.

use crate::protocol::error::ProtocolError;
use crate::protocol::reader::Reader;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Why a replica failed; the number is Cassandra's `RequestFailureReason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FailureReason(pub u16);

impl FailureReason {
    /// No reason known.
    pub const UNKNOWN: FailureReason = FailureReason(0);
    /// A read came across too many tombstones.
    pub const READ_TOO_MANY_TOMBSTONES: FailureReason = FailureReason(1);
    /// It did not answer in time.
    pub const TIMEOUT: FailureReason = FailureReason(2);
    /// It does not know the schema of the request.
    pub const INCOMPATIBLE_SCHEMA: FailureReason = FailureReason(3);
}

/// The replicas that failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Failures {
    /// That many (all that versions 3 and 4 can say).
    Count(i32),
    /// These, and why.
    Reasons(BTreeMap<IpAddr, FailureReason>),
}

impl Failures {
    /// How many.
    #[must_use]
    pub fn count(&self) -> i32 {
        match self {
            Failures::Count(count) => *count,
            Failures::Reasons(reasons) => i32::try_from(reasons.len()).unwrap_or(i32::MAX),
        }
    }

    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        match self {
            Failures::Reasons(reasons) if version >= ProtocolVersion::V5 => {
                body.put_int_count(reasons.len());
                for (address, reason) in reasons {
                    body.put_inet_address(*address);
                    body.put_short(reason.0);
                }
            }
            // Version 5 has no way to tell a bare number.
            Failures::Count(_) if version >= ProtocolVersion::V5 => body.put_int(0),
            _ => body.put_int(self.count()),
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Failures, ProtocolError> {
        let count = reader.int("number of failures")?;
        if reader.version() < ProtocolVersion::V5 {
            return Ok(Failures::Count(count));
        }
        let mut reasons = BTreeMap::new();
        for _ in 0..count {
            let address = reader.inet_address("failed replica")?;
            reasons.insert(address, FailureReason(reader.short("failure reason")?));
        }
        Ok(Failures::Reasons(reasons))
    }
}
