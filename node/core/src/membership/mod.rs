//! Who is there, and whose clock is wrong.

pub mod liveness;
pub mod numbering;
