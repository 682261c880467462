//! `CAST(value AS type)`: which types become which, and how.

use super::calendar::format_timestamp;
use super::decimal::Decimal;
use super::number::{Number, is_numeric};
use super::{CqlType, InvalidValue, to_literal};

/// Whether there is a cast; to the same type there is none.
pub fn is_castable(from: &CqlType, to: &CqlType) -> bool {
    if from == to {
        return false;
    }
    let has_text = is_numeric(from)
        || matches!(
            from,
            CqlType::Boolean
                | CqlType::Inet
                | CqlType::TimeUuid
                | CqlType::Uuid
                | CqlType::Timestamp
                | CqlType::Date
                | CqlType::Time
        );
    match to {
        CqlType::Text => has_text || *from == CqlType::Ascii,
        CqlType::Ascii => has_text,
        CqlType::Date => matches!(from, CqlType::TimeUuid | CqlType::Timestamp),
        CqlType::Timestamp => matches!(from, CqlType::TimeUuid | CqlType::Date),
        CqlType::Counter => false,
        number => is_numeric(number) && is_numeric(from),
    }
}

/// A value as one of another type, of those that are not about time (`is_castable`); `None` of the empty value.
///
/// # Errors
/// When it has no such value, as NaN has no decimal.
pub fn cast(from: &CqlType, to: &CqlType, bytes: &[u8]) -> Result<Option<Vec<u8>>, InvalidValue> {
    if (from, to) == (&CqlType::Float, &CqlType::Decimal) {
        // By its own digits, not by those of the double that it equals.
        let literal = to_literal(from, bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if let Ok(decimal) = Decimal::parse(&literal) {
            return Ok(Some(decimal.to_bytes()));
        }
    }
    if !matches!(to, CqlType::Text | CqlType::Ascii) {
        return Number::read(from, bytes)?.map(|number| number.write(to)).transpose();
    }
    if *from == CqlType::Ascii || bytes.is_empty() {
        return Ok((!bytes.is_empty() || *from == CqlType::Ascii).then(|| bytes.to_vec()));
    }
    if let (CqlType::Timestamp, Ok(millis)) = (from, <[u8; 8]>::try_from(bytes)) {
        let millis = i64::from_be_bytes(millis);
        let text = format_timestamp(millis).map_or_else(|| millis.to_string(), |text| text.replacen(' ', "T", 1));
        return Ok(Some(text.into_bytes()));
    }
    let literal = to_literal(from, bytes)?;
    // Times have quotes as literals, and none as texts.
    let text = literal.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(&literal);
    Ok(Some(text.as_bytes().to_vec()))
}
