//! REGISTER: tell me of events.

use crate::protocol::error::{Problem, ProtocolError};
use crate::protocol::reader::Reader;
use crate::protocol::response::EventKind;
use crate::protocol::writer::Write;

/// Tell me of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register {
    /// Of these kinds.
    pub events: Vec<EventKind>,
}

impl Register {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Register, ProtocolError> {
        let count = reader.short("event types")?;
        let mut events = Vec::with_capacity(reader.plausible(usize::from(count), 2));
        for _ in 0..count {
            let offset = reader.position();
            let name = reader.str("event type")?;
            match EventKind::from_name(name) {
                Some(kind) => events.push(kind),
                None => return Err(reader.malformed("event type", offset, Problem::UnknownName(name.to_owned()))),
            }
        }
        Ok(Register { events })
    }

    pub(super) fn encode(&self, body: &mut Vec<u8>) {
        let names: Vec<&str> = self.events.iter().map(|kind| kind.name()).collect();
        body.put_string_list(&names);
    }
}
