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

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u64 = 100;
    const FLOOR: LogIndex = LogIndex(0);

    /// A follower that has entries 1 to 4, and to which 5 and 6 are on their way.
    fn replicating() -> Progress {
        let mut it = Progress::new(LogIndex(4));
        it.confirmed(LogIndex(4), FLOOR);
        assert_eq!(it.flow, Flow::Replicate);
        it.sent(LogIndex(5), 40);
        it.sent(LogIndex(6), 60);
        it
    }

    #[test]
    fn a_window_is_full_when_its_bytes_are_out_and_has_room_for_one_message_always() {
        let mut it = replicating();
        assert!(!it.may_send(WINDOW));
        assert!(it.may_send(WINDOW + 1));
        it.confirmed(LogIndex(4), FLOOR);
        assert!(!it.may_send(WINDOW), "nothing new was confirmed");
        it.confirmed(LogIndex(5), FLOOR);
        assert!(it.may_send(WINDOW) && !it.may_send(60) && !it.idle());
        it.confirmed(LogIndex(6), FLOOR);
        assert!(it.idle() && it.may_send(0));
        it.sent(LogIndex(7), 1_000);
        assert!(!it.may_send(WINDOW));
    }

    #[test]
    fn an_answer_that_comes_late_takes_nothing_back() {
        let mut it = replicating();
        it.confirmed(LogIndex(6), FLOOR);
        it.confirmed(LogIndex(2), FLOOR);
        assert_eq!((it.matched, it.next), (LogIndex(6), LogIndex(7)));
        it.confirmed(LogIndex(9), FLOOR);
        assert_eq!((it.matched, it.next), (LogIndex(9), LogIndex(10)), "it has more than was sent in this life");
    }

    #[test]
    fn a_refusal_counts_when_it_is_of_what_is_not_known_to_be_there() {
        let mut it = replicating();
        assert!(!it.refused(LogIndex(4), LogIndex(2)), "it has that");
        assert!(!it.refused(LogIndex(3), LogIndex(2)));
        assert_eq!(it.flow, Flow::Replicate);
        assert!(it.refused(LogIndex(5), LogIndex(2)));
        assert_eq!((it.flow.clone(), it.next), (Flow::Probe { asked: None }, LogIndex(5)), "not before what it has");
        assert!(it.idle() && it.may_send(0));
        it.sent(LogIndex(6), 60);
        assert!(!it.may_send(WINDOW), "one question at a time");
        assert!(!it.refused(LogIndex(5), LogIndex(4)), "an answer to another question");
        assert!(it.refused(LogIndex(4), LogIndex(4)));
        assert_eq!(it.next, LogIndex(5));
    }

    #[test]
    fn a_probe_goes_back_at_least_one_and_ends_where_the_logs_agree() {
        let mut it = Progress::new(LogIndex(8));
        it.sent(LogIndex(9), 10);
        assert!(it.refused(LogIndex(8), LogIndex(8)), "an agreement at the very place refused is none");
        assert_eq!(it.next, LogIndex(8));
        assert!(it.refused(LogIndex(7), LogIndex(3)));
        assert_eq!(it.next, LogIndex(4));
        it.sent(LogIndex(9), 10);
        it.confirmed(LogIndex(2), FLOOR);
        assert_eq!(it.flow, Flow::Probe { asked: Some(LogIndex(9)) }, "less than was asked about");
        assert_eq!(it.next, LogIndex(4));
        it.confirmed(LogIndex(3), FLOOR);
        assert_eq!(
            (it.flow.clone(), it.next),
            (Flow::Replicate, LogIndex(10)),
            "what went with the question is on its way"
        );
        let mut it = Progress::new(LogIndex(0));
        assert!(it.refused(LogIndex(0), LogIndex(0)));
        assert_eq!(it.next, LogIndex(1));
    }

    #[test]
    fn a_snapshot_is_waited_for_until_the_follower_is_at_the_floor() {
        let mut it = replicating();
        it.want_snapshot(Monotonic(0));
        assert!(it.idle() && !it.may_send(WINDOW));
        assert!(!it.refused(LogIndex(9), LogIndex(1)));
        it.sent(LogIndex(9), 10);
        it.confirmed(LogIndex(6), LogIndex(7));
        assert!(matches!(it.flow, Flow::Snapshot { .. }));
        it.confirmed(LogIndex(7), LogIndex(7));
        assert_eq!((it.flow.clone(), it.next), (Flow::Probe { asked: None }, LogIndex(8)));
    }

    #[test]
    fn who_lost_its_log_has_confirmed_nothing_and_promised_nothing() {
        let mut it = replicating();
        it.acked = Some(Round { number: 3, opened: Monotonic(1) });
        it.forget(LogIndex(1));
        assert_eq!((it.matched, it.next, it.acked), (LogIndex(0), LogIndex(1), None));
        assert_eq!(it.flow, Flow::Probe { asked: None });
        let rebuild = Rebuild { id: RebuildId(1), mark: LogIndex(1), heard: Round::default(), active: true };
        it.rebuild = Some(rebuild);
        assert!(!it.counts());
        it.rebuild = Some(Rebuild { active: false, ..rebuild });
        assert!(it.counts());
    }
}
