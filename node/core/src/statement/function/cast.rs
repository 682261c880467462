//! `CAST(a AS type)`: a family of functions with a name for each type that something can become.

use super::super::value;
use super::{Function, time};
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{CqlType, NativeType, is_castable};

/// The casts to a type.
pub(super) fn overloads(to: NativeType) -> Vec<Function> {
    let returns = CqlType::from(to);
    let from = NativeType::ALL.iter().map(|native| CqlType::from(*native)).filter(|from| is_castable(from, &returns));
    from.map(|from| {
        let run = match (&from, &returns) {
            (CqlType::TimeUuid, CqlType::Date) => time::timeuuid_to_date,
            (CqlType::TimeUuid, CqlType::Timestamp) => time::timeuuid_to_timestamp,
            (CqlType::Timestamp, CqlType::Date) => time::timestamp_to_date,
            (CqlType::Date, CqlType::Timestamp) => time::date_to_timestamp,
            _ => run,
        };
        Function::strict(format!("cast_as_{}", to.text()), vec![from], returns.clone(), run)
    })
    .collect()
}

/// The casts by the name that they have as functions.
pub(super) fn of_name(name: &str) -> Option<Vec<Function>> {
    let to = name.strip_prefix("cast_as_")?;
    let to = NativeType::ALL.iter().find(|native| native.text() == to)?;
    Some(overloads(*to)).filter(|overloads| !overloads.is_empty())
}

fn run(function: &Function, values: &[bytes::Bytes]) -> Result<Option<bytes::Bytes>, CqlError> {
    let (Some(from), Some(bytes)) = (function.arguments.first(), values.first()) else { return Ok(None) };
    value::cast(from, &function.returns, bytes)
}
