//! ERROR: what a client sees when something did not work. `CqlError` is that all over the project: whatever goes wrong
//! in parser, planner or shard becomes one of these, with the fields that drivers decide by. The constructors give the
//! messages that Cassandra gives.

use super::failures::Failures;
use super::write_type::WriteType;
use crate::protocol::consistency::Consistency;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// An error as a client sees it. It displays as its message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum CqlError {
    /// Something unexpected: our mistake.
    #[error("{0}")]
    Server(String),
    /// The client's bytes mean nothing, or nothing here.
    #[error("{0}")]
    Protocol(String),
    /// Wrong name or password.
    #[error("{0}")]
    BadCredentials(String),
    /// Too few replicas are alive: nothing was tried.
    #[error("{message}")]
    Unavailable {
        /// The level asked for.
        consistency: Consistency,
        /// Replicas that it needs.
        required: i32,
        /// Replicas believed alive.
        alive: i32,
        /// For people.
        message: String,
    },
    /// Too much to do; nothing was tried.
    #[error("{0}")]
    Overloaded(String),
    /// The node is still starting.
    #[error("{0}")]
    Bootstrapping(String),
    /// TRUNCATE did not work.
    #[error("{0}")]
    Truncate(String),
    /// A write was not confirmed in time. Whether it happened, or will, is not known.
    #[error("{message}")]
    WriteTimeout {
        /// The level asked for.
        consistency: Consistency,
        /// Replicas that confirmed.
        received: i32,
        /// Replicas that the level needs.
        required: i32,
        /// The kind of write.
        write_type: WriteType,
        /// How often a conditional write met another one (told in version 5, for CAS only).
        contentions: u16,
        /// For people.
        message: String,
    },
    /// A read was not answered in time.
    #[error("{message}")]
    ReadTimeout {
        /// The level asked for.
        consistency: Consistency,
        /// Replicas that answered.
        received: i32,
        /// Replicas that the level needs.
        required: i32,
        /// Whether the replica asked for data, not for a digest, was among them.
        data_present: bool,
        /// For people.
        message: String,
    },
    /// Replicas could not read. Version 3 says ReadTimeout.
    #[error("{message}")]
    ReadFailure {
        /// The level asked for.
        consistency: Consistency,
        /// Replicas that answered.
        received: i32,
        /// Replicas that the level needs.
        required: i32,
        /// Replicas that failed.
        failures: Failures,
        /// Whether the replica asked for data was among those that answered.
        data_present: bool,
        /// For people.
        message: String,
    },
    /// A function threw. Version 3 says Invalid.
    #[error("{message}")]
    FunctionFailure {
        /// The function's keyspace.
        keyspace: String,
        /// Its name.
        function: String,
        /// The types of its arguments, in CQL.
        arguments: Vec<String>,
        /// For people.
        message: String,
    },
    /// Replicas could not write. Version 3 says WriteTimeout.
    #[error("{message}")]
    WriteFailure {
        /// The level asked for.
        consistency: Consistency,
        /// Replicas that confirmed.
        received: i32,
        /// Replicas that the level needs.
        required: i32,
        /// Replicas that failed.
        failures: Failures,
        /// The kind of write.
        write_type: WriteType,
        /// For people.
        message: String,
    },
    /// Change data capture is out of space. Version 3 says Invalid.
    #[error("{0}")]
    CdcWriteFailure(String),
    /// A conditional write whose outcome is not known. Versions 3 and 4 say WriteTimeout with CAS.
    #[error("{message}")]
    CasWriteUnknown {
        /// The level asked for.
        consistency: Consistency,
        /// Replicas that confirmed.
        received: i32,
        /// Replicas that the level needs.
        required: i32,
        /// For people.
        message: String,
    },
    /// The text is no CQL.
    #[error("{0}")]
    Syntax(String),
    /// Not allowed to.
    #[error("{0}")]
    Unauthorized(String),
    /// It is CQL, but means nothing here.
    #[error("{0}")]
    Invalid(String),
    /// A setting that cannot be.
    #[error("{0}")]
    Config(String),
    /// A keyspace (`table` empty) or table of this name exists.
    #[error("{message}")]
    AlreadyExists {
        /// The keyspace.
        keyspace: String,
        /// The table; empty: it is about the keyspace.
        table: String,
        /// For people.
        message: String,
    },
    /// No statement is prepared under this id. Drivers prepare it again and go on.
    #[error("{message}")]
    Unprepared {
        /// The id.
        id: Bytes,
        /// For people.
        message: String,
    },
    /// A code that we do not know, from another server.
    #[error("{message}")]
    Other {
        /// The code.
        code: i32,
        /// For people.
        message: String,
    },
}

impl CqlError {
    /// The code on the wire.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            CqlError::Server(_) => 0x0000,
            CqlError::Protocol(_) => 0x000A,
            CqlError::BadCredentials(_) => 0x0100,
            CqlError::Unavailable { .. } => 0x1000,
            CqlError::Overloaded(_) => 0x1001,
            CqlError::Bootstrapping(_) => 0x1002,
            CqlError::Truncate(_) => 0x1003,
            CqlError::WriteTimeout { .. } => 0x1100,
            CqlError::ReadTimeout { .. } => 0x1200,
            CqlError::ReadFailure { .. } => 0x1300,
            CqlError::FunctionFailure { .. } => 0x1400,
            CqlError::WriteFailure { .. } => 0x1500,
            CqlError::CdcWriteFailure(_) => 0x1600,
            CqlError::CasWriteUnknown { .. } => 0x1700,
            CqlError::Syntax(_) => 0x2000,
            CqlError::Unauthorized(_) => 0x2100,
            CqlError::Invalid(_) => 0x2200,
            CqlError::Config(_) => 0x2300,
            CqlError::AlreadyExists { .. } => 0x2400,
            CqlError::Unprepared { .. } => 0x2500,
            CqlError::Other { code, .. } => *code,
        }
    }

    /// A short name for metrics and histories.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            CqlError::Server(_) => "server",
            CqlError::Protocol(_) => "protocol",
            CqlError::BadCredentials(_) => "bad_credentials",
            CqlError::Unavailable { .. } => "unavailable",
            CqlError::Overloaded(_) => "overloaded",
            CqlError::Bootstrapping(_) => "bootstrapping",
            CqlError::Truncate(_) => "truncate",
            CqlError::WriteTimeout { .. } => "write_timeout",
            CqlError::ReadTimeout { .. } => "read_timeout",
            CqlError::ReadFailure { .. } => "read_failure",
            CqlError::FunctionFailure { .. } => "function_failure",
            CqlError::WriteFailure { .. } => "write_failure",
            CqlError::CdcWriteFailure(_) => "cdc_write_failure",
            CqlError::CasWriteUnknown { .. } => "cas_write_unknown",
            CqlError::Syntax(_) => "syntax",
            CqlError::Unauthorized(_) => "unauthorized",
            CqlError::Invalid(_) => "invalid",
            CqlError::Config(_) => "config",
            CqlError::AlreadyExists { .. } => "already_exists",
            CqlError::Unprepared { .. } => "unprepared",
            CqlError::Other { .. } => "other",
        }
    }

    /// Whether the request may have had an effect, or may have one later. All other errors say that nothing happened.
    #[must_use]
    pub fn outcome_is_unknown(&self) -> bool {
        matches!(
            self,
            CqlError::Server(_)
                | CqlError::WriteTimeout { .. }
                | CqlError::WriteFailure { .. }
                | CqlError::CasWriteUnknown { .. }
                | CqlError::Truncate(_)
                | CqlError::Other { .. }
        )
    }

    /// `Server` with this message.
    pub fn server(message: impl Into<String>) -> CqlError {
        CqlError::Server(message.into())
    }

    /// `Protocol` with this message.
    pub fn protocol(message: impl Into<String>) -> CqlError {
        CqlError::Protocol(message.into())
    }

    /// `Syntax` with this message.
    pub fn syntax(message: impl Into<String>) -> CqlError {
        CqlError::Syntax(message.into())
    }

    /// `Invalid` with this message.
    pub fn invalid(message: impl Into<String>) -> CqlError {
        CqlError::Invalid(message.into())
    }

    /// `Config` with this message.
    pub fn config(message: impl Into<String>) -> CqlError {
        CqlError::Config(message.into())
    }

    /// `Overloaded` with this message.
    pub fn overloaded(message: impl Into<String>) -> CqlError {
        CqlError::Overloaded(message.into())
    }

    /// Too few replicas are alive.
    #[must_use]
    pub fn unavailable(consistency: Consistency, required: i32, alive: i32) -> CqlError {
        let message = format!("Cannot achieve consistency level {consistency}");
        CqlError::Unavailable { consistency, required, alive, message }
    }

    /// A write was not confirmed in time.
    #[must_use]
    pub fn write_timeout(consistency: Consistency, received: i32, required: i32, write_type: WriteType) -> CqlError {
        let message = timed_out(received);
        CqlError::WriteTimeout { consistency, received, required, write_type, contentions: 0, message }
    }

    /// A read was not answered in time.
    #[must_use]
    pub fn read_timeout(consistency: Consistency, received: i32, required: i32, data_present: bool) -> CqlError {
        CqlError::ReadTimeout { consistency, received, required, data_present, message: timed_out(received) }
    }

    /// Replicas could not read.
    #[must_use]
    pub fn read_failure(consistency: Consistency, received: i32, required: i32, failures: Failures) -> CqlError {
        let message = failed(received, &failures);
        CqlError::ReadFailure { consistency, received, required, failures, data_present: false, message }
    }

    /// Replicas could not write.
    #[must_use]
    pub fn write_failure(
        consistency: Consistency,
        received: i32,
        required: i32,
        failures: Failures,
        write_type: WriteType,
    ) -> CqlError {
        let message = failed(received, &failures);
        CqlError::WriteFailure { consistency, received, required, failures, write_type, message }
    }

    /// A conditional write whose outcome is not known.
    #[must_use]
    pub fn cas_write_unknown(consistency: Consistency, received: i32, required: i32) -> CqlError {
        let message = format!("CAS operation result is unknown - proposal accepted by {received} but not a quorum.");
        CqlError::CasWriteUnknown { consistency, received, required, message }
    }

    /// A keyspace of this name exists.
    pub fn keyspace_exists(keyspace: impl Into<String>) -> CqlError {
        let keyspace = keyspace.into();
        let message = format!("Cannot add existing keyspace \"{keyspace}\"");
        CqlError::AlreadyExists { keyspace, table: String::new(), message }
    }

    /// A table of this name exists.
    pub fn table_exists(keyspace: impl Into<String>, table: impl Into<String>) -> CqlError {
        let (keyspace, table) = (keyspace.into(), table.into());
        let message = format!("Cannot add already existing table \"{table}\" to keyspace \"{keyspace}\"");
        CqlError::AlreadyExists { keyspace, table, message }
    }

    /// No statement is prepared under this id.
    #[must_use]
    pub fn unprepared(id: Bytes) -> CqlError {
        let message = format!(
            "Prepared query with ID {id:x} not found (either the query was not prepared on this host (maybe the host has \
             been restarted?) or you have prepared too many queries and it has been evicted from the internal cache)"
        );
        CqlError::Unprepared { id, message }
    }
}

fn timed_out(received: i32) -> String {
    format!("Operation timed out - received only {received} responses.")
}

fn failed(received: i32, failures: &Failures) -> String {
    format!("Operation failed - received {received} responses and {} failures", failures.count())
}
