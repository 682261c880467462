//! The oracles, one promise a file. Some watch a run while it lasts (`Watch`: what nodes say they do, and what their disks
//! hold), the others judge what clients saw (`history`) when it is over. Each file names the promise in `specs`, quotes it,
//! says what it means here, and is a short pure check. What no oracle here checks yet: change streams, restores.

pub mod applied_once;
pub mod committed_entries;
pub mod elections;
pub mod equal_replicas;
pub mod restart;
pub mod single_lease;

use crate::world::log_store::Removed;
use crate::world::queue::Time;
use trefoil_core::world::TraceEvent;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise, as `specs` calls it.
    pub promise: &'static str,
    /// When it was found.
    pub at: Time,
    /// What is wrong, for a person.
    pub text: String,
    /// The operations of clients that prove it, by their number in the history.
    pub operations: Vec<usize>,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}: {}", self.promise, self.at, self.text)
    }
}

/// The oracles that watch a run while it lasts.
#[derive(Debug, Default)]
pub struct Watch {
    applied_once: applied_once::AppliedOnce,
    elections: elections::Elections,
    equal_replicas: equal_replicas::EqualReplicas,
    /// Which nodes may say that they lost something.
    pub restart: restart::Restart,
    single_lease: single_lease::SingleLease,
}

impl Watch {
    /// A node says what it does.
    ///
    /// # Errors
    /// When a promise is broken by it.
    pub fn trace(&mut self, at: Time, node: usize, event: &TraceEvent) -> Result<(), Violation> {
        let judged = match *event {
            TraceEvent::Mark(_) | TraceEvent::SteppedDown { .. } => return Ok(()),
            TraceEvent::BecameLeader { shard, term } => {
                self.single_lease.leads(node, shard, term);
                self.elections.leads(node, shard, term)
            }
            TraceEvent::LeaseUsed { shard, term } => self.single_lease.used(node, shard, term),
            TraceEvent::Applied { shard, index, stamp, digest } => {
                self.equal_replicas.applied(node, shard, index, stamp, digest)
            }
            TraceEvent::RequestApplied { shard, request, index } => self.applied_once.applied(shard, request, index),
            TraceEvent::DamageFound { shard } => self.restart.damage(node, shard),
        };
        judged.map_err(|(promise, text)| Violation { promise, at, text, operations: Vec::new() })
    }

    /// Durable log entries of a node were replaced.
    ///
    /// # Errors
    /// When one of them was committed.
    pub fn removed(&self, at: Time, node: usize, removed: &[Removed]) -> Result<(), Violation> {
        let judged = removed.iter().try_for_each(|entry| committed_entries::removed(&self.equal_replicas, node, entry));
        judged.map_err(|(promise, text)| Violation { promise, at, text, operations: Vec::new() })
    }
}

/// A broken promise without time: what a check returns.
pub(crate) type Broken = (&'static str, String);
