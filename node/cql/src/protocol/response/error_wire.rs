//! ERROR on the wire: code, message, then the fields of that code. Errors that a version does not know are told as the
//! nearest one it does, as Cassandra does.

use super::error::CqlError;
use super::failures::Failures;
use super::write_type::WriteType;
use crate::protocol::consistency::Consistency;
use crate::protocol::error::{Problem, ProtocolError};
use crate::protocol::reader::Reader;
use crate::protocol::version::ProtocolVersion;
use crate::protocol::writer::Write;

impl CqlError {
    /// The code told to a client of this version.
    #[must_use]
    pub fn code_in(&self, version: ProtocolVersion) -> i32 {
        const WRITE_TIMEOUT: i32 = 0x1100;
        const READ_TIMEOUT: i32 = 0x1200;
        const INVALID: i32 = 0x2200;
        match self {
            CqlError::CasWriteUnknown { .. } if version < ProtocolVersion::V5 => WRITE_TIMEOUT,
            CqlError::ReadFailure { .. } if version < ProtocolVersion::V4 => READ_TIMEOUT,
            CqlError::WriteFailure { .. } if version < ProtocolVersion::V4 => WRITE_TIMEOUT,
            CqlError::FunctionFailure { .. } | CqlError::CdcWriteFailure(_) if version < ProtocolVersion::V4 => INVALID,
            _ => self.code(),
        }
    }

    pub(super) fn encode(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        body.put_int(self.code_in(version));
        body.put_string(&self.to_string());
        self.encode_fields(body, version);
    }

    fn encode_fields(&self, body: &mut Vec<u8>, version: ProtocolVersion) {
        match self {
            CqlError::Unavailable { consistency, required, alive, .. } => {
                put_replicas(body, *consistency, *required, *alive);
            }
            CqlError::WriteTimeout { consistency, received, required, write_type, contentions, .. } => {
                put_replicas(body, *consistency, *received, *required);
                body.put_string(write_type.name());
                if *write_type == WriteType::Cas && version >= ProtocolVersion::V5 {
                    body.put_short(*contentions);
                }
            }
            CqlError::ReadTimeout { consistency, received, required, data_present, .. } => {
                put_replicas(body, *consistency, *received, *required);
                body.put_byte(u8::from(*data_present));
            }
            CqlError::ReadFailure { consistency, received, required, failures, data_present, .. } => {
                put_replicas(body, *consistency, *received, *required);
                if version >= ProtocolVersion::V4 {
                    failures.encode(body, version);
                }
                body.put_byte(u8::from(*data_present));
            }
            CqlError::FunctionFailure { keyspace, function, arguments, .. } if version >= ProtocolVersion::V4 => {
                body.put_string(keyspace);
                body.put_string(function);
                body.put_string_list(arguments);
            }
            CqlError::WriteFailure { consistency, received, required, failures, write_type, .. } => {
                put_replicas(body, *consistency, *received, *required);
                if version >= ProtocolVersion::V4 {
                    failures.encode(body, version);
                }
                body.put_string(write_type.name());
            }
            CqlError::CasWriteUnknown { consistency, received, required, .. } => {
                put_replicas(body, *consistency, *received, *required);
                if version < ProtocolVersion::V5 {
                    body.put_string(WriteType::Cas.name());
                }
            }
            CqlError::AlreadyExists { keyspace, table, .. } => {
                body.put_string(keyspace);
                body.put_string(table);
            }
            CqlError::Unprepared { id, .. } => body.put_short_bytes(id),
            CqlError::FunctionFailure { .. }
            | CqlError::Server(_)
            | CqlError::Protocol(_)
            | CqlError::BadCredentials(_)
            | CqlError::Overloaded(_)
            | CqlError::Bootstrapping(_)
            | CqlError::Truncate(_)
            | CqlError::CdcWriteFailure(_)
            | CqlError::Syntax(_)
            | CqlError::Unauthorized(_)
            | CqlError::Invalid(_)
            | CqlError::Config(_)
            | CqlError::Other { .. } => {}
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<CqlError, ProtocolError> {
        let code = reader.int("code")?;
        let message = reader.string("message")?;
        Ok(match code {
            0x0000 => CqlError::Server(message),
            0x000A => CqlError::Protocol(message),
            0x0100 => CqlError::BadCredentials(message),
            0x1000 => {
                let (consistency, required, alive) = read_replicas(reader)?;
                CqlError::Unavailable { consistency, required, alive, message }
            }
            0x1001 => CqlError::Overloaded(message),
            0x1002 => CqlError::Bootstrapping(message),
            0x1003 => CqlError::Truncate(message),
            0x1100 => {
                let (consistency, received, required) = read_replicas(reader)?;
                let write_type = read_write_type(reader)?;
                let counts = write_type == WriteType::Cas && reader.version() >= ProtocolVersion::V5;
                let contentions = if counts { reader.short("contentions")? } else { 0 };
                CqlError::WriteTimeout { consistency, received, required, write_type, contentions, message }
            }
            0x1200 => {
                let (consistency, received, required) = read_replicas(reader)?;
                let data_present = reader.byte("data present")? != 0;
                CqlError::ReadTimeout { consistency, received, required, data_present, message }
            }
            0x1300 => {
                let (consistency, received, required) = read_replicas(reader)?;
                let failures = Failures::decode(reader)?;
                let data_present = reader.byte("data present")? != 0;
                CqlError::ReadFailure { consistency, received, required, failures, data_present, message }
            }
            0x1400 => CqlError::FunctionFailure {
                keyspace: reader.string("keyspace")?,
                function: reader.string("function")?,
                arguments: reader.string_list("arguments")?,
                message,
            },
            0x1500 => {
                let (consistency, received, required) = read_replicas(reader)?;
                let failures = Failures::decode(reader)?;
                let write_type = read_write_type(reader)?;
                CqlError::WriteFailure { consistency, received, required, failures, write_type, message }
            }
            0x1600 => CqlError::CdcWriteFailure(message),
            0x1700 => {
                let (consistency, received, required) = read_replicas(reader)?;
                CqlError::CasWriteUnknown { consistency, received, required, message }
            }
            0x2000 => CqlError::Syntax(message),
            0x2100 => CqlError::Unauthorized(message),
            0x2200 => CqlError::Invalid(message),
            0x2300 => CqlError::Config(message),
            0x2400 => CqlError::AlreadyExists {
                keyspace: reader.string("keyspace")?,
                table: reader.string("table")?,
                message,
            },
            0x2500 => CqlError::Unprepared { id: reader.short_bytes("statement id")?, message },
            code => CqlError::Other { code, message },
        })
    }
}

fn put_replicas(body: &mut Vec<u8>, consistency: Consistency, first: i32, second: i32) {
    body.put_consistency(consistency);
    body.put_int(first);
    body.put_int(second);
}

fn read_replicas(reader: &mut Reader<'_>) -> Result<(Consistency, i32, i32), ProtocolError> {
    Ok((reader.consistency("consistency")?, reader.int("first count")?, reader.int("second count")?))
}

fn read_write_type(reader: &mut Reader<'_>) -> Result<WriteType, ProtocolError> {
    let offset = reader.position();
    let name = reader.str("write type")?;
    WriteType::from_name(name)
        .ok_or_else(|| reader.malformed("write type", offset, Problem::UnknownName(name.to_owned())))
}
