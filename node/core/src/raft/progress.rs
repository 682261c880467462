//! What a leader knows of one follower, and what it sends next. A follower whose log is not known is *probed*, one message
//! at a time; one that answered is *replicated* to, as fast as a window of bytes allows, without waiting for answers; one that
//! needs entries nobody keeps gets a *snapshot*. Lost messages show at the next heartbeat, which continues where the leader
//! believes the follower's log to end.

use super::log::Log;
use super::{Position, RebuildId, Round};
use crate::ids::LogIndex;
use crate::time::Monotonic;
use std::collections::VecDeque;

/// How entries are sent to a follower.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Flow {
    /// Looking for the end of the common log. `asked`: the last index of the message that is out, if one is.
    Probe {
        /// Waits for an answer; entries through here were sent with the question.
        asked: Option<LogIndex>,
    },
    /// Sending ahead.
    Replicate,
    /// A snapshot is wanted or on its way.
    Snapshot {
        /// Whether the replica layer was told.
        asked: bool,
        /// Not before.
        not_before: Monotonic,
    },
}

/// A follower that lost its state, and how it becomes whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rebuild {
    pub(super) id: RebuildId,
    /// An entry proposed after the follower first spoke in its new life.
    pub(super) mark: LogIndex,
    /// The round that was open when this rebuild was first heard of: an answer to a later one is no older than the loss.
    pub(super) heard: Round,
    /// Whether its last answer was still that of a replica that does not count.
    pub(super) active: bool,
}

/// One follower.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Progress {
    pub(super) flow: Flow,
    /// Durable there and equal to the leader's log.
    pub(super) matched: LogIndex,
    /// The next entry to send.
    pub(super) next: LogIndex,
    in_flight: VecDeque<(LogIndex, u64)>,
    in_flight_bytes: u64,
    /// The latest round it answered in this term.
    pub(super) acked: Option<Round>,
    /// The commit index it was last told.
    pub(super) commit_told: LogIndex,
    /// It must be written to now, even if there is nothing to say.
    pub(super) heartbeat_due: bool,
    /// It answered that it is quiescent.
    pub(super) quiesced: bool,
    pub(super) rebuild: Option<Rebuild>,
}

impl Progress {
    /// A follower of which nothing is known but that its log may be as long as the leader's.
    pub(super) fn new(last: LogIndex) -> Progress {
        Progress {
            flow: Flow::Probe { asked: None },
            matched: LogIndex(0),
            next: LogIndex(last.0 + 1),
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            acked: None,
            commit_told: LogIndex(0),
            heartbeat_due: true,
            quiesced: false,
            rebuild: None,
        }
    }

    /// Whether its answers count for majorities.
    pub(super) fn counts(&self) -> bool {
        !self.rebuild.is_some_and(|rebuild| rebuild.active)
    }

    /// Nothing is on its way to it.
    pub(super) fn idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Where the next message continues.
    pub(super) fn previous(&self, log: &Log) -> Option<Position> {
        let index = LogIndex(self.next.0 - 1);
        log.term_at(index).map(|term| Position { index, term })
    }

    /// Whether entries may be sent now.
    pub(super) fn may_send(&self, window_bytes: u64) -> bool {
        match self.flow {
            Flow::Probe { asked } => asked.is_none(),
            Flow::Replicate => self.in_flight.is_empty() || self.in_flight_bytes < window_bytes,
            Flow::Snapshot { .. } => false,
        }
    }

    /// Entries through `last`, of so many bytes, are on their way.
    pub(super) fn sent(&mut self, last: LogIndex, bytes: u64) {
        match &mut self.flow {
            Flow::Probe { asked } => *asked = Some(last),
            Flow::Replicate => {
                self.next = LogIndex(last.0 + 1);
                self.in_flight.push_back((last, bytes));
                self.in_flight_bytes += bytes;
            }
            Flow::Snapshot { .. } => {}
        }
    }

    /// Probe from here.
    pub(super) fn probe(&mut self, next: LogIndex) {
        self.flow = Flow::Probe { asked: None };
        self.next = next.max(LogIndex(self.matched.0 + 1));
        self.in_flight.clear();
        self.in_flight_bytes = 0;
    }

    /// A snapshot is needed.
    pub(super) fn want_snapshot(&mut self, not_before: Monotonic) {
        self.flow = Flow::Snapshot { asked: false, not_before };
        self.in_flight.clear();
        self.in_flight_bytes = 0;
    }

    /// The follower has the log through here; the leader has it from `floor` on.
    pub(super) fn confirmed(&mut self, through: LogIndex, floor: LogIndex) {
        self.matched = self.matched.max(through);
        while let Some((last, bytes)) = self.in_flight.front().copied()
            && last <= through
        {
            self.in_flight.pop_front();
            self.in_flight_bytes -= bytes;
        }
        match self.flow {
            Flow::Probe { asked } if through.0 + 1 >= self.next.0 => {
                self.flow = Flow::Replicate;
                self.next = LogIndex(through.max(asked.unwrap_or(through)).0 + 1);
            }
            Flow::Snapshot { .. } if through >= floor => self.probe(LogIndex(through.0 + 1)),
            Flow::Probe { .. } | Flow::Replicate | Flow::Snapshot { .. } => {
                self.next = self.next.max(LogIndex(through.0 + 1));
            }
        }
    }

    /// The follower's log does not continue at `previous`; it may agree at `agreement`. `false`: old news.
    pub(super) fn refused(&mut self, previous: LogIndex, agreement: LogIndex) -> bool {
        let current = match self.flow {
            Flow::Probe { .. } => previous.0 + 1 == self.next.0,
            Flow::Replicate => previous > self.matched,
            Flow::Snapshot { .. } => false,
        };
        if current {
            self.probe(LogIndex(agreement.0.min(previous.0.saturating_sub(1)) + 1));
        }
        current
    }

    /// The follower has lost its log since it last answered: what was confirmed is no longer true.
    pub(super) fn forget(&mut self, next: LogIndex) {
        self.matched = LogIndex(0);
        self.acked = None;
        self.probe(next);
    }
}
