//! Functions of time: what clocks and time uuids say. `now` and randomness are those of the execution.

use super::native::of_context;
use super::{Environment, Function, Run};
use bytes::Bytes;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{self, CqlType};

/// 100-nanosecond ticks from 1582-10-15, where version 1 uuids begin, to 1970.
const UUID_EPOCH_TICKS: i64 = 0x01b2_1dd2_1381_4000;
const TICKS_PER_MICRO: i64 = 10;
const TICKS_PER_MILLI: i64 = 10_000;
const MILLIS_PER_DAY: i64 = 86_400_000;
/// 1970-01-01 as a `date`.
const DATE_EPOCH: i64 = 1 << 31;

/// The overloads of a name, if it is one of these.
pub(super) fn overloads(name: &str) -> Option<Vec<Function>> {
    let converts = |conversions: &[(CqlType, Run<Bytes>)], returns: CqlType| {
        let conversion = |(from, run): &(CqlType, Run<Bytes>)| {
            Function::strict(name.to_owned(), vec![from.clone()], returns.clone(), *run)
        };
        conversions.iter().map(conversion).collect::<Vec<_>>()
    };
    Some(match name {
        "now" => vec![of_context("now", CqlType::TimeUuid, now)],
        "current_timeuuid" => vec![of_context("current_timeuuid", CqlType::TimeUuid, now)],
        "currenttimeuuid" => vec![of_context("currenttimeuuid", CqlType::TimeUuid, now)],
        "uuid" => vec![of_context("uuid", CqlType::Uuid, random_uuid)],
        "current_timestamp" => vec![of_context("current_timestamp", CqlType::Timestamp, current_timestamp)],
        "currenttimestamp" => vec![of_context("currenttimestamp", CqlType::Timestamp, current_timestamp)],
        "current_date" => vec![of_context("current_date", CqlType::Date, current_date)],
        "currentdate" => vec![of_context("currentdate", CqlType::Date, current_date)],
        "current_time" => vec![of_context("current_time", CqlType::Time, current_time)],
        "currenttime" => vec![of_context("currenttime", CqlType::Time, current_time)],
        "to_timestamp" | "totimestamp" => converts(
            &[(CqlType::Date, date_to_timestamp), (CqlType::TimeUuid, timeuuid_to_timestamp)],
            CqlType::Timestamp,
        ),
        "to_date" | "todate" => {
            converts(&[(CqlType::Timestamp, timestamp_to_date), (CqlType::TimeUuid, timeuuid_to_date)], CqlType::Date)
        }
        "to_unix_timestamp" | "tounixtimestamp" => converts(
            &[
                (CqlType::Timestamp, unchanged),
                (CqlType::Date, date_to_timestamp),
                (CqlType::TimeUuid, timeuuid_to_timestamp),
            ],
            CqlType::BigInt,
        ),
        "min_timeuuid" | "mintimeuuid" => {
            converts(&[(CqlType::Timestamp, timestamp_to_least_timeuuid)], CqlType::TimeUuid)
        }
        "max_timeuuid" | "maxtimeuuid" => {
            converts(&[(CqlType::Timestamp, timestamp_to_greatest_timeuuid)], CqlType::TimeUuid)
        }
        _ => return None,
    })
}

/// `floor(time, duration[, start])`: the begin of the stretch of time that something is in.
pub(super) fn floors() -> Vec<Function> {
    let mut floors = Vec::new();
    for (from, returns) in [
        (CqlType::TimeUuid, CqlType::Timestamp),
        (CqlType::Timestamp, CqlType::Timestamp),
        (CqlType::Date, CqlType::Date),
    ] {
        floors.push(Function::strict("floor", vec![from.clone(), CqlType::Duration], returns.clone(), floor));
        floors.push(Function::strict("floor", vec![from, CqlType::Duration, returns.clone()], returns, floor));
    }
    floors.push(Function::strict("floor", vec![CqlType::Time, CqlType::Duration], CqlType::Time, floor));
    floors
}

fn floor(function: &Function, values: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    if values.iter().any(Bytes::is_empty) {
        return Ok(None);
    }
    let time = match function.arguments.first() {
        Some(CqlType::TimeUuid) => timeuuid_to_timestamp(function, &values[..1])?.unwrap_or_default(),
        _ => values[0].clone(),
    };
    let start = values.get(2).map(|start| &start[..]);
    types::floor(&function.returns, &time, &values[1], start)
        .map(|floor| Some(floor.into()))
        .map_err(|error| CqlError::Invalid(error.0))
}

/// A version 1 uuid of these ticks since 1970.
/// A version 1 uuid: ticks since 1970, and what makes it unique.
pub(in crate::statement) fn timeuuid(ticks: i64, rest: [u8; 8]) -> [u8; 16] {
    let ticks = ticks.wrapping_add(UUID_EPOCH_TICKS) as u64;
    let mut bytes = [0u8; 16];
    bytes[0..4].copy_from_slice(&(ticks as u32).to_be_bytes());
    bytes[4..6].copy_from_slice(&((ticks >> 32) as u16).to_be_bytes());
    bytes[6..8].copy_from_slice(&(((ticks >> 48) as u16 & 0x0fff) | 0x1000).to_be_bytes());
    bytes[8..].copy_from_slice(&rest);
    bytes
}

/// What the call that gave `first` gives for a later row: one of the same kind, not seen before, without asking chance again.
pub(in crate::statement) fn uuid_of_row(first: &Bytes, row: u64) -> Bytes {
    if let (Ok(ticks), Some(rest)) = (ticks_of(first), first.last_chunk::<8>()) {
        return Bytes::copy_from_slice(&timeuuid(ticks.wrapping_add(row as i64), *rest));
    }
    let Ok(bytes) = <[u8; 16]>::try_from(&first[..]) else { return first.clone() };
    // Different rows have different halves, and version and variant are not touched.
    let mut mixed = u128::from_be_bytes(bytes);
    mixed ^= u128::from(row.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 2);
    Bytes::copy_from_slice(&mixed.to_be_bytes())
}

/// Ticks since 1970 of a version 1 uuid.
fn ticks_of(uuid: &[u8]) -> Result<i64, CqlError> {
    let wrong = || CqlError::invalid("Invalid version for TimeUUID type.");
    let uuid: &[u8; 16] = uuid.try_into().map_err(|_| wrong())?;
    if uuid[6] >> 4 != 1 {
        return Err(wrong());
    }
    let low = u64::from(u32::from_be_bytes([uuid[0], uuid[1], uuid[2], uuid[3]]));
    let middle = u64::from(u16::from_be_bytes([uuid[4], uuid[5]]));
    let high = u64::from(u16::from_be_bytes([uuid[6] & 0x0f, uuid[7]]));
    Ok((low | middle << 32 | high << 48) as i64 - UUID_EPOCH_TICKS)
}

fn long(value: i64) -> Bytes {
    Bytes::copy_from_slice(&value.to_be_bytes())
}

fn date_of_millis(millis: i64) -> Bytes {
    let days = millis.div_euclid(MILLIS_PER_DAY) + DATE_EPOCH;
    Bytes::copy_from_slice(&(days.clamp(0, i64::from(u32::MAX)) as u32).to_be_bytes())
}

fn millis(bytes: &Bytes) -> Result<i64, CqlError> {
    let bytes: [u8; 8] = bytes[..].try_into().map_err(|_| CqlError::invalid("Expected 8 byte long for timestamp"))?;
    Ok(i64::from_be_bytes(bytes))
}

pub(super) fn now(environment: &mut Environment<'_>) -> Bytes {
    let mut random = [0u8; 9];
    environment.rng.fill_bytes(&mut random);
    let [spread, rest @ ..] = random;
    let mut rest: [u8; 8] = rest;
    rest[0] = (rest[0] & 0x3f) | 0x80;
    // A random node is marked by the multicast bit (RFC 9562).
    rest[2] |= 0x01;
    let ticks = environment.now.0.wrapping_mul(TICKS_PER_MICRO) + i64::from(spread % 10);
    Bytes::copy_from_slice(&timeuuid(ticks, rest))
}

pub(super) fn random_uuid(environment: &mut Environment<'_>) -> Bytes {
    Bytes::copy_from_slice(&new_uuid(environment.rng))
}

/// A version 4 uuid.
pub(in crate::statement) fn new_uuid(rng: &mut dyn rand_core::RngCore) -> [u8; 16] {
    let mut bytes = [0u8; 16];
    rng.fill_bytes(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    bytes
}

pub(super) fn current_timestamp(environment: &mut Environment<'_>) -> Bytes {
    long(environment.now.0.div_euclid(1_000))
}

pub(super) fn current_date(environment: &mut Environment<'_>) -> Bytes {
    date_of_millis(environment.now.0.div_euclid(1_000))
}

pub(super) fn current_time(environment: &mut Environment<'_>) -> Bytes {
    long(environment.now.0.rem_euclid(MILLIS_PER_DAY * 1_000) * 1_000)
}

pub(super) fn timeuuid_to_timestamp(_: &Function, arguments: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    if arguments[0].is_empty() {
        return Ok(None);
    }
    Ok(Some(long(ticks_of(&arguments[0])?.div_euclid(TICKS_PER_MILLI))))
}

pub(super) fn timeuuid_to_date(_: &Function, arguments: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    if arguments[0].is_empty() {
        return Ok(None);
    }
    Ok(Some(date_of_millis(ticks_of(&arguments[0])?.div_euclid(TICKS_PER_MILLI))))
}

pub(super) fn date_to_timestamp(_: &Function, arguments: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    let Ok(days) = <[u8; 4]>::try_from(&arguments[0][..]) else { return Ok(None) };
    Ok(Some(long((i64::from(u32::from_be_bytes(days)) - DATE_EPOCH) * MILLIS_PER_DAY)))
}

pub(super) fn timestamp_to_date(_: &Function, arguments: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    if arguments[0].is_empty() {
        return Ok(None);
    }
    Ok(Some(date_of_millis(millis(&arguments[0])?)))
}

pub(super) fn unchanged(_: &Function, arguments: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    Ok(Some(arguments[0].clone()).filter(|bytes| !bytes.is_empty()))
}

/// The least in the order of time uuids, whose last eight bytes compare signed.
pub(super) fn timestamp_to_least_timeuuid(_: &Function, arguments: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    if arguments[0].is_empty() {
        return Ok(None);
    }
    Ok(Some(Bytes::copy_from_slice(&timeuuid(millis(&arguments[0])?.wrapping_mul(TICKS_PER_MILLI), [0x80; 8]))))
}

/// The greatest of the timestamp's millisecond.
pub(super) fn timestamp_to_greatest_timeuuid(_: &Function, arguments: &[Bytes]) -> Result<Option<Bytes>, CqlError> {
    if arguments[0].is_empty() {
        return Ok(None);
    }
    let last = millis(&arguments[0])?.wrapping_mul(TICKS_PER_MILLI).wrapping_add(TICKS_PER_MILLI - 1);
    Ok(Some(Bytes::copy_from_slice(&timeuuid(last, [0x7f; 8]))))
}
