//! Messages between nodes of different processes, over TCP.
//!
//! Each node calls every other one and speaks on the line it called; what it hears comes in on lines that others called.
//! A line starts with a greeting of both sides (`greeting`), then frames (`frame`) flow one way. Messages may be lost: what
//! cannot be sent now is dropped, because the core repeats what matters. What arrives damaged ends the line.

mod answering;
mod calling;
mod frame;
mod greeting;

#[cfg(test)]
mod tests;

pub use answering::answer;
pub(super) use calling::keep_calling;
pub use calling::{LinkStats, Links, call};
pub use frame::{FRAME_BYTES_MAX, FrameError};
pub use greeting::{Greeting, GreetingError, PROTOCOL_VERSION};

use std::io;

/// Why a line ended.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The two sides do not belong together.
    #[error(transparent)]
    Greeting(#[from] GreetingError),
    /// What arrived is damaged.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The network failed.
    #[error(transparent)]
    Network(#[from] io::Error),
    /// The other side closed it.
    #[error("the other side closed the line")]
    Closed,
}
