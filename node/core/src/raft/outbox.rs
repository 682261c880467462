//! Messages on their way out. A message speaks of its sender's term, and a vote of the vote: it leaves only when they are
//! durable, or a crash would make it a lie.

use super::{PersistSequence, RaftMessage};
use crate::ids::NodeId;

/// Messages that may leave, and messages that wait for a write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Outbox {
    ready: Vec<(NodeId, RaftMessage)>,
    held: Vec<(PersistSequence, NodeId, RaftMessage)>,
}

impl Outbox {
    /// Leaves at once.
    pub(super) fn send(&mut self, to: NodeId, message: RaftMessage) {
        self.ready.push((to, message));
    }

    /// Leaves when this sequence is durable.
    pub(super) fn hold(&mut self, sequence: PersistSequence, to: NodeId, message: RaftMessage) {
        self.held.push((sequence, to, message));
    }

    /// Everything through this sequence is durable.
    pub(super) fn release(&mut self, durable: PersistSequence) {
        if self.held.is_empty() {
            return;
        }
        for (sequence, to, message) in std::mem::take(&mut self.held) {
            if sequence <= durable {
                self.ready.push((to, message));
            } else {
                self.held.push((sequence, to, message));
            }
        }
    }

    /// A write failed: what waits waits for this one instead.
    pub(super) fn postpone(&mut self, sequence: PersistSequence) {
        for (waits_for, _, _) in &mut self.held {
            *waits_for = sequence;
        }
    }

    pub(super) fn take(&mut self) -> Vec<(NodeId, RaftMessage)> {
        std::mem::take(&mut self.ready)
    }
}
