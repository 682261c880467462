//! The native protocol, versions 3, 4 and 5: bytes to requests, responses to bytes, and the same for clients, as pure
//! functions. A `Framer` turns what a socket gives into whole envelopes and back; `RequestEnvelope` and `Response` give
//! them a meaning. Bytes from outside may be anything: the answer to garbage is a `ProtocolError`, never a panic, and never
//! memory taken because a length said so.

pub mod compression;
pub mod consistency;
pub mod envelope;
pub mod error;
pub mod framer;
mod inbound;
pub mod marshal;
mod outbound;
pub mod reader;
pub mod request;
pub mod response;
pub mod segment;
mod type_option;
pub mod value;
pub mod version;
mod writer;

pub use compression::Compression;
pub use consistency::Consistency;
pub use envelope::{Direction, EVENT_STREAM, Flags, HEADER_BYTES, Header, Opcode};
pub use error::{CompressionProblem, Malformed, Problem, ProtocolError, SegmentProblem};
pub use framer::{Framer, Role};
pub use request::{Request, RequestEnvelope};
pub use response::{Attachments, CqlError, Response, ResponseEnvelope};
pub use value::Value;
pub use version::ProtocolVersion;
