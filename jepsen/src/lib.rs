//! Histories of what clients asked and were told, and the checkers that judge them.
//!
//! The simulator and the live runs record the same `history` and are judged by the same checkers, so that a promise means
//! one thing everywhere. Checkers are plain functions without I/O, clocks or threads. A checker may say that it could not
//! decide; it may never call a history good that it has not searched, nor bad without naming the operations that prove it.

pub mod checker;
pub mod history;
#[cfg(feature = "live")]
pub mod live;
pub mod report;
