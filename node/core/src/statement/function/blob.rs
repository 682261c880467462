//! `intAsBlob`, `blobAsInt` and the like, in both spellings, for every native type.

use super::super::value;
use super::Function;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::types::{CqlType, NativeType};

/// The function of this name, if it is one of them. Names are folded, so `blobAsInt` comes as `blobasint`.
pub(super) fn candidate(name: &str) -> Option<Function> {
    let from = name.strip_suffix("_as_blob").or_else(|| name.strip_suffix("asblob"));
    if let Some(from) = from.and_then(native_type) {
        return Some(Function::strict(name.to_owned(), vec![from], CqlType::Blob, |_, values| {
            Ok(values.first().cloned())
        }));
    }
    let to = name.strip_prefix("blob_as_").or_else(|| name.strip_prefix("blobas"));
    let to = to.and_then(native_type)?;
    Some(Function::strict(name.to_owned(), vec![CqlType::Blob], to, |function, values| {
        let Some(bytes) = values.first() else { return Ok(None) };
        if value::validate(&function.returns, bytes).is_err() {
            return Err(CqlError::Invalid(format!(
                "In call to function {}, value 0x{bytes:x} is not a valid binary representation for type {}",
                function.full_name(),
                function.returns
            )));
        }
        Ok(Some(bytes.clone()))
    }))
}

fn native_type(name: &str) -> Option<CqlType> {
    let name = if name == "varchar" { "text" } else { name };
    let native = NativeType::ALL.iter().find(|native| native.text() == name)?;
    match native {
        NativeType::Blob => None,
        native => Some(CqlType::from(*native)),
    }
}
