//! Frames: length u32, CRC32 of the body u32 (little endian), body: messages one after the other, in postcard's form.
//!
//! One frame carries all that a node had to say to a peer after one round. The length is bounded before anything is kept.

use bytes::{Buf, BytesMut};
use serde::Serialize;
use trefoil_core::message::Message;

/// The longest body that is accepted. A message is at most about one log entry or one window of them.
pub const FRAME_BYTES_MAX: usize = 64 << 20;

/// A frame is closed when its body reaches this size, so that small messages behind a large one are not held up for long.
const FRAME_BYTES_FULL: usize = 512 << 10;

const HEADER_BYTES: usize = 8;

/// Why a frame is not accepted. The line cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than anything that is sent.
    #[error("a frame of {0} bytes is longer than {FRAME_BYTES_MAX}")]
    TooLong(usize),
    /// Damaged on the way.
    #[error("a frame is damaged: its checksum does not match")]
    Checksum,
    /// Not messages of this version.
    #[error("a frame cannot be read: {0}")]
    Malformed(postcard::Error),
}

/// Appends messages, as frames, to what waits to be sent.
#[derive(Debug, Default)]
pub(super) struct FrameWriter {
    body: Vec<u8>,
}

impl FrameWriter {
    /// Append all of these, or as many as fit below `bytes_max` of waiting bytes; the number of those dropped.
    pub(super) fn append<M: Serialize>(&mut self, messages: &[M], out: &mut Vec<u8>, bytes_max: usize) -> usize {
        for (place, message) in messages.iter().enumerate() {
            if out.len() + self.body.len() >= bytes_max {
                self.close(out);
                return messages.len() - place;
            }
            let start = self.body.len();
            match postcard::to_extend(message, std::mem::take(&mut self.body)) {
                Ok(body) => self.body = body,
                // Memory for a vector only; there is nothing in a message that postcard cannot write.
                Err(error) => tracing::error!(%error, "a message could not be written"),
            }
            if self.body.len() > FRAME_BYTES_MAX {
                tracing::error!(bytes = self.body.len() - start, "a message is too long for a frame, and is dropped");
                self.body.truncate(start);
            }
            if self.body.len() >= FRAME_BYTES_FULL {
                self.close(out);
            }
        }
        self.close(out);
        0
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.body.is_empty() {
            return;
        }
        let length = u32::try_from(self.body.len()).expect("a frame is at most FRAME_BYTES_MAX long");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&crc32fast::hash(&self.body).to_le_bytes());
        out.extend_from_slice(&self.body);
        self.body.clear();
        if self.body.capacity() > 2 * FRAME_BYTES_FULL {
            self.body = Vec::new();
        }
    }
}

/// Take the messages of the next whole frame out of what arrived. False: more bytes are needed.
///
/// # Errors
/// When the frame is damaged or too long.
pub(super) fn next_frame(buffer: &mut BytesMut, messages: &mut Vec<Message>) -> Result<bool, FrameError> {
    let Some(header) = buffer.first_chunk::<HEADER_BYTES>() else { return Ok(false) };
    let [a, b, c, d, sum @ ..] = *header;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong(length));
    }
    let Some(mut body) = buffer.get(HEADER_BYTES..HEADER_BYTES + length) else { return Ok(false) };
    if u32::from_le_bytes(sum) != crc32fast::hash(body) {
        return Err(FrameError::Checksum);
    }
    while !body.is_empty() {
        let (message, rest) = postcard::take_from_bytes(body).map_err(FrameError::Malformed)?;
        messages.push(message);
        body = rest;
    }
    buffer.advance(HEADER_BYTES + length);
    Ok(true)
}
