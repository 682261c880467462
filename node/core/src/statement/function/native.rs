//! The table of native functions: names (Cassandra 5.0's first, then the old one), signature, body.

use super::{Environment, time};
use bytes::Bytes;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// A native function.
#[derive(Debug)]
pub(in crate::statement) struct Native {
    pub names: &'static [&'static str],
    pub arguments: &'static [CqlType],
    pub returns: CqlType,
    pub body: Body,
}

/// What it does. Arguments are there; a null argument makes the result null before it comes here.
#[derive(Debug)]
pub(in crate::statement) enum Body {
    /// The same for the same arguments.
    Pure(fn(&[Bytes]) -> Result<Option<Bytes>, CqlError>),
    /// Of time or chance.
    Context(fn(&mut Environment<'_>) -> Bytes),
}

const fn of_context(
    names: &'static [&'static str],
    returns: CqlType,
    run: fn(&mut Environment<'_>) -> Bytes,
) -> Native {
    Native { names, arguments: &[], returns, body: Body::Context(run) }
}

const fn of_one(
    names: &'static [&'static str],
    arguments: &'static [CqlType],
    returns: CqlType,
    run: fn(&[Bytes]) -> Result<Option<Bytes>, CqlError>,
) -> Native {
    Native { names, arguments, returns, body: Body::Pure(run) }
}

pub(super) static TABLE: &[Native] = &[
    of_context(&["now", "current_timeuuid", "currenttimeuuid"], CqlType::TimeUuid, time::now),
    of_context(&["uuid"], CqlType::Uuid, time::random_uuid),
    of_context(&["current_timestamp", "currenttimestamp"], CqlType::Timestamp, time::current_timestamp),
    of_context(&["current_date", "currentdate"], CqlType::Date, time::current_date),
    of_context(&["current_time", "currenttime"], CqlType::Time, time::current_time),
    of_one(
        &["to_timestamp", "totimestamp", "dateof"],
        &[CqlType::TimeUuid],
        CqlType::Timestamp,
        time::timeuuid_to_timestamp,
    ),
    of_one(&["to_timestamp", "totimestamp"], &[CqlType::Date], CqlType::Timestamp, time::date_to_timestamp),
    of_one(&["to_date", "todate"], &[CqlType::TimeUuid], CqlType::Date, time::timeuuid_to_date),
    of_one(&["to_date", "todate"], &[CqlType::Timestamp], CqlType::Date, time::timestamp_to_date),
    of_one(
        &["to_unix_timestamp", "tounixtimestamp", "unixtimestampof"],
        &[CqlType::TimeUuid],
        CqlType::BigInt,
        time::timeuuid_to_timestamp,
    ),
    of_one(&["to_unix_timestamp", "tounixtimestamp"], &[CqlType::Timestamp], CqlType::BigInt, time::unchanged),
    of_one(&["to_unix_timestamp", "tounixtimestamp"], &[CqlType::Date], CqlType::BigInt, time::date_to_timestamp),
    of_one(
        &["min_timeuuid", "mintimeuuid"],
        &[CqlType::Timestamp],
        CqlType::TimeUuid,
        time::timestamp_to_least_timeuuid,
    ),
    of_one(
        &["max_timeuuid", "maxtimeuuid"],
        &[CqlType::Timestamp],
        CqlType::TimeUuid,
        time::timestamp_to_greatest_timeuuid,
    ),
];
