//! `intAsBlob`, `blobAsInt` and the like, in both spellings, for every native type.

use super::Function;
use trefoil_cql::types::{CqlType, NativeType};

/// The function of this name, if it is one of them. Names are folded, so `blobAsInt` comes as `blobasint`.
pub(super) fn candidate(name: &str) -> Option<Function> {
    let from = name.strip_suffix("_as_blob").or_else(|| name.strip_suffix("asblob"));
    if let Some(native) = from.and_then(native_type) {
        return Some(Function::AsBlob(native));
    }
    let to = name.strip_prefix("blob_as_").or_else(|| name.strip_prefix("blobas"));
    to.and_then(native_type).map(Function::BlobAs)
}

fn native_type(name: &str) -> Option<CqlType> {
    let name = if name == "varchar" { "text" } else { name };
    let native = NativeType::ALL.iter().find(|native| native.text() == name)?;
    match native {
        NativeType::Blob | NativeType::Counter => None,
        native => Some(CqlType::from(*native)),
    }
}
