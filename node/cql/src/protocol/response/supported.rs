//! SUPPORTED: what may stand in STARTUP.

use crate::protocol::error::ProtocolError;
use crate::protocol::reader::Reader;
use crate::protocol::writer::Write;
use std::collections::BTreeMap;

pub(super) fn encode(body: &mut Vec<u8>, options: &BTreeMap<String, Vec<String>>) {
    body.put_string_multimap(options);
}

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<BTreeMap<String, Vec<String>>, ProtocolError> {
    reader.string_multimap("options")
}
