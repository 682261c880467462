//! Functions that hide values: `mask_null`, `mask_default`, `mask_replace`, `mask_inner`, `mask_outer`, `mask_hash`.

use super::super::value;
use super::{Body, Function};
use bytes::Bytes;
use md5::{Digest, Md5};
use sha2::{Sha224, Sha256, Sha384, Sha512};
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::CqlType;

/// The function of this name for arguments of these types.
pub(super) fn make(name: &str, mut types: Vec<CqlType>, _: Option<&CqlType>) -> Result<Function, CqlError> {
    let Some(first) = types.first().cloned() else { return Err(CqlError::server("a mask hides something")) };
    // What comes after the value has one type, whatever constants like best.
    for (index, argument) in types.iter_mut().enumerate().skip(1) {
        *argument = match (name, index) {
            ("mask_inner" | "mask_outer", 1 | 2) => CqlType::Int,
            ("mask_replace", _) => first.clone(),
            _ => CqlType::Text,
        };
    }
    let (returns, run): (CqlType, super::Run<Option<Bytes>>) = match name {
        "mask_null" => (first, |_, _| Ok(None)),
        "mask_default" => (first, |function, _| Ok(default_mask(&function.returns))),
        "mask_replace" => (first, |_, values| Ok(values.get(1).cloned().flatten())),
        "mask_inner" => (first, |function, values| mask_part(function, values, true)),
        "mask_outer" => (first, |function, values| mask_part(function, values, false)),
        _ => (CqlType::Blob, hash),
    };
    Ok(Function::new(name.to_owned(), types, returns, Body::Lenient(run)))
}

/// What a value of a type is replaced by.
fn default_mask(value_type: &CqlType) -> Option<Bytes> {
    /// The least time uuid of 1970.
    const EPOCH_UUID: [u8; 16] =
        [0x13, 0x81, 0x40, 0x00, 0x1d, 0xd2, 0x11, 0xb2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80];
    let zeros = |count: usize| Some(Bytes::from(vec![0; count]));
    match value_type.unfrozen() {
        CqlType::Text | CqlType::Ascii => Some(Bytes::from_static(b"****")),
        CqlType::Blob | CqlType::Custom(_) => Some(Bytes::new()),
        CqlType::Boolean | CqlType::TinyInt | CqlType::Varint => zeros(1),
        CqlType::SmallInt => zeros(2),
        CqlType::Duration => zeros(3),
        CqlType::Int | CqlType::Float | CqlType::Inet => zeros(4),
        CqlType::Decimal => zeros(5),
        CqlType::BigInt | CqlType::Counter | CqlType::Double | CqlType::Timestamp | CqlType::Time => zeros(8),
        CqlType::Uuid => zeros(16),
        CqlType::TimeUuid => Some(Bytes::from_static(&EPOCH_UUID)),
        CqlType::Date => Some(Bytes::from_static(&[0x80, 0, 0, 0])),
        CqlType::List(_) | CqlType::Set(_) | CqlType::Map(..) => zeros(4),
        CqlType::Tuple(types) => Some(value::join_fields(&types.iter().map(default_mask).collect::<Vec<_>>())),
        CqlType::UserType(user) => {
            let masks = user.fields.iter().map(|(_, field_type)| default_mask(field_type));
            Some(value::join_fields(&masks.collect::<Vec<_>>()))
        }
        CqlType::Vector(element, dimension) => {
            // No value has more elements than fit a request, and here nothing else bounds them.
            let count = u16::try_from(*dimension).ok()?;
            let elements = vec![default_mask(element)?; usize::from(count)];
            value::join_vector(value_type, &elements).ok()
        }
        CqlType::Frozen(_) => None,
    }
}

/// Hides all but so many characters at both ends, or those.
fn mask_part(function: &Function, values: &[Option<Bytes>], inner: bool) -> Result<Option<Bytes>, CqlError> {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let count = |index: usize| {
        let number = values.get(index).and_then(Option::as_ref).and_then(|bytes| <[u8; 4]>::try_from(&bytes[..]).ok());
        number.map_or(0, |bytes| usize::try_from(i32::from_be_bytes(bytes)).unwrap_or(0))
    };
    let padding = match values.get(3).and_then(Option::as_ref).map(text) {
        None => '*',
        Some(padding) => {
            let mut characters = padding.chars();
            match (characters.next(), characters.next()) {
                (Some(only), None) => only,
                _ => {
                    return Err(CqlError::Invalid(format!(
                        "The padding argument for function {} should be single-character, but '{padding}' has {} \
                         characters.",
                        function.full_name(),
                        padding.chars().count()
                    )));
                }
            }
        }
    };
    let Some(Some(bytes)) = values.first() else { return Ok(None) };
    let text = text(bytes);
    let (begin, end) = (count(1), count(2));
    let length = text.chars().count();
    let masked = text.chars().enumerate().map(|(index, character)| {
        let is_inside = index >= begin && index < length.saturating_sub(end);
        if is_inside == inner { padding } else { character }
    });
    Ok(Some(masked.collect::<String>().into()))
}

fn hash(_: &Function, values: &[Option<Bytes>]) -> Result<Option<Bytes>, CqlError> {
    let algorithm = match values.get(1) {
        Some(Some(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => "SHA-256".to_owned(),
    };
    let Some(Some(bytes)) = values.first() else { return Ok(None) };
    Ok(Some(match algorithm.to_ascii_uppercase().as_str() {
        "MD5" => Md5::digest(bytes).to_vec().into(),
        "SHA-224" => Sha224::digest(bytes).to_vec().into(),
        "SHA-256" => Sha256::digest(bytes).to_vec().into(),
        "SHA-384" => Sha384::digest(bytes).to_vec().into(),
        "SHA-512" => Sha512::digest(bytes).to_vec().into(),
        _ => return Err(CqlError::Invalid(format!("Hash algorithm not found: {algorithm}"))),
    }))
}
