//! Exactly once: what a shard remembers of the requests it has applied, so that a request sent twice is applied once.
//!
//! Part of the shard's replicated state: it changes only when entries are applied, is flushed with the rows and travels
//! in snapshots, so all replicas at one index remember the same. Bounded, because every request says below which sequence
//! its coordinator has answered everything (the idea of RIFL, Lee et al., SOSP 2015), and a dead coordinator's records
//! go once its last request has expired. Checked: oracle `applied_once`, model `recovery`, planted bug `DeduplicationForgotten`.

use crate::command::{RequestHeader, WriteOutcome};
use crate::ids::{Incarnation, NodeId};
use crate::time::HybridTime;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many coordinators' lives may be remembered before those that expired are looked for.
const ORIGINS_BEFORE_SWEEP: usize = 16;

/// A shard's memory of applied requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deduplication {
    origins: BTreeMap<(NodeId, Incarnation), Origin>,
}

/// What is remembered of one coordinator's life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Origin {
    answered_below: u64,
    expires: HybridTime,
    outcomes: BTreeMap<u64, WriteOutcome>,
}

/// What is known of a request before it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Never seen: apply it.
    New,
    /// Applied before, with this outcome: do not apply it again.
    Repeated(WriteOutcome),
    /// Its coordinator has answered it long ago; nobody waits. Do not apply it.
    Answered,
}

impl Deduplication {
    /// What is known of this request.
    #[must_use]
    pub fn verdict(&self, header: &RequestHeader) -> Verdict {
        let Some(origin) = self.origins.get(&(header.id.node, header.id.incarnation)) else { return Verdict::New };
        if let Some(outcome) = origin.outcomes.get(&header.id.sequence) {
            return Verdict::Repeated(outcome.clone());
        }
        if header.id.sequence < origin.answered_below { Verdict::Answered } else { Verdict::New }
    }

    /// Remember a request that was applied by the entry with this stamp.
    pub fn record(&mut self, header: &RequestHeader, outcome: WriteOutcome, stamp: HybridTime) {
        if self.origins.len() > ORIGINS_BEFORE_SWEEP {
            self.origins.retain(|_, origin| origin.expires >= stamp);
        }
        let origin = self.origins.entry((header.id.node, header.id.incarnation)).or_default();
        origin.expires = origin.expires.max(header.expires);
        if header.answered_below > origin.answered_below {
            origin.answered_below = header.answered_below;
            while let Some(first) = origin.outcomes.first_entry() {
                if *first.key() >= header.answered_below {
                    break;
                }
                first.remove();
            }
        }
        origin.outcomes.insert(header.id.sequence, outcome);
    }

    /// Number of remembered outcomes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.origins.values().map(|origin| origin.outcomes.len()).sum()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{RequestId, SchemaVersion};

    fn header(sequence: u64, answered_below: u64, expires: i64) -> RequestHeader {
        RequestHeader {
            id: RequestId { node: NodeId(1), incarnation: Incarnation(1), sequence },
            answered_below,
            expires: HybridTime(expires),
            schema: SchemaVersion(0),
        }
    }

    #[test]
    fn a_repetition_gets_the_first_outcome() {
        let mut deduplication = Deduplication::default();
        assert_eq!(deduplication.verdict(&header(5, 0, 100)), Verdict::New);
        deduplication.record(&header(5, 0, 100), WriteOutcome::Applied, HybridTime(1));
        assert_eq!(deduplication.verdict(&header(5, 0, 100)), Verdict::Repeated(WriteOutcome::Applied));
        assert_eq!(deduplication.verdict(&header(4, 0, 100)), Verdict::New, "requests may arrive out of order");
    }

    #[test]
    fn answered_requests_are_forgotten_and_stay_unappliable() {
        let mut deduplication = Deduplication::default();
        for sequence in 0..10 {
            deduplication.record(&header(sequence, 0, 100), WriteOutcome::Applied, HybridTime(1));
        }
        deduplication.record(&header(10, 8, 100), WriteOutcome::Applied, HybridTime(2));
        assert_eq!(deduplication.len(), 3);
        assert_eq!(deduplication.verdict(&header(3, 0, 100)), Verdict::Answered);
        assert_eq!(deduplication.verdict(&header(9, 0, 100)), Verdict::Repeated(WriteOutcome::Applied));
    }

    #[test]
    fn a_coordinator_is_remembered_until_its_last_request_has_expired() {
        let mut deduplication = Deduplication::default();
        deduplication.record(&header(1, 0, 100), WriteOutcome::Applied, HybridTime(1));
        // A request with less patience that was applied later.
        deduplication.record(&header(2, 0, 50), WriteOutcome::Applied, HybridTime(2));
        for life in 2..40 {
            let mut other = header(0, 0, 70);
            other.id.incarnation = Incarnation(life);
            deduplication.record(&other, WriteOutcome::Applied, HybridTime(60));
        }
        assert_eq!(deduplication.verdict(&header(1, 0, 100)), Verdict::Repeated(WriteOutcome::Applied));
    }

    #[test]
    fn dead_coordinators_are_swept_once_their_requests_expired() {
        let mut deduplication = Deduplication::default();
        for life in 0..40 {
            let mut old = header(0, 0, 10);
            old.id.incarnation = Incarnation(life);
            deduplication.record(&old, WriteOutcome::Applied, HybridTime(1));
        }
        assert_eq!(deduplication.len(), 40);
        deduplication.record(&header(1, 0, 100), WriteOutcome::Applied, HybridTime(11));
        assert_eq!(deduplication.len(), 1);
    }
}
