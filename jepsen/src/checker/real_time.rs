//! Real-time order against a known order of versions: the core of the checkers that need no search.
//!
//! When every operation has a version (writes: the one they made, reads: the one they saw), the history is linearizable if and
//! only if no operation that completed before another was invoked has a larger version, nor the same one if the later
//! operation is the one that wrote it. One sweep over time finds out.

use crate::history::Nanoseconds;

/// An operation with its place in the order of versions.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// Position in the history.
    pub operation: usize,
    pub invoke: Nanoseconds,
    /// `None`: it may have taken effect at any later time, and precedes nothing.
    pub complete: Option<Nanoseconds>,
    pub version: i64,
    /// Whether it made this version.
    pub wrote: bool,
}

/// Two operations, the earlier first, whose versions contradict their times.
pub fn contradiction(placed: &[Placed]) -> Option<(usize, usize)> {
    let mut by_invoke: Vec<&Placed> = placed.iter().collect();
    by_invoke.sort_by_key(|entry| entry.invoke);
    let mut by_complete: Vec<(Nanoseconds, &Placed)> =
        placed.iter().filter_map(|entry| entry.complete.map(|complete| (complete, entry))).collect();
    by_complete.sort_by_key(|(complete, _)| *complete);
    let mut completed = by_complete.into_iter().peekable();
    let mut newest: Option<&Placed> = None;
    for later in by_invoke {
        while let Some((_, earlier)) = completed.next_if(|(complete, _)| *complete < later.invoke) {
            if newest.is_none_or(|newest| newest.version < earlier.version) {
                newest = Some(earlier);
            }
        }
        if let Some(earlier) = newest {
            let behind = earlier.version > later.version;
            let before_it_was_written = later.wrote && earlier.version == later.version;
            if behind || before_it_was_written {
                return Some((earlier.operation, later.operation));
            }
        }
    }
    None
}
