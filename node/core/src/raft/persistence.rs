//! What of a replica's state is durable. Changes collect here until `take_effects` hands them out as one batch with a
//! sequence number; `durable` reports of that number move the two facts that everything else waits for: through which
//! index the log is durable, and whether the newest term and vote are.
//!
//! After a failed write nothing of what was handed out later counts, even if the store says so: a hole in the log would be
//! taken for its end. All that is not durable is handed out again, as one batch.

use super::log::Log;
use super::{HardState, LogOp, PersistSequence, Position};
use crate::ids::{LogIndex, ShardId};
use crate::time::Monotonic;
use std::collections::VecDeque;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Persistence {
    /// The last sequence handed out.
    submitted: PersistSequence,
    /// The last one reported durable.
    durable: PersistSequence,
    /// Reports up to here do not count: they are of batches before, or beside, one that failed.
    void: PersistSequence,
    /// Where the log ended when a sequence was handed out, and is still equal to what was handed out.
    log_ends: VecDeque<(PersistSequence, LogIndex)>,
    /// The log is durable through here.
    durable_index: LogIndex,
    /// Entries from here on were changed and not handed out since.
    changed_from: Option<LogIndex>,
    /// The sequence that carries the newest hard state; `submitted + 1` when it is yet to be handed out.
    hard_state: PersistSequence,
    hard_state_changed: bool,
    /// A snapshot was installed: the log store has to restart after this position, in this sequence.
    reset: Option<(Position, PersistSequence)>,
    reset_changed: bool,
    /// The log store may be cut through here.
    cut: Option<Position>,
    /// Nothing is handed out before this time: the last write failed. The end of time: nothing ever again.
    retry_at: Option<Monotonic>,
}

impl Persistence {
    pub(super) fn new(durable_index: LogIndex) -> Persistence {
        Persistence {
            submitted: PersistSequence(0),
            durable: PersistSequence(0),
            void: PersistSequence(0),
            log_ends: VecDeque::new(),
            durable_index,
            changed_from: None,
            hard_state: PersistSequence(0),
            hard_state_changed: false,
            reset: None,
            reset_changed: false,
            cut: None,
            retry_at: None,
        }
    }

    fn next(&self) -> PersistSequence {
        PersistSequence(self.submitted.0 + 1)
    }

    /// The log is durable through here, as far as the log goes.
    pub(super) fn durable_index(&self) -> LogIndex {
        self.durable_index
    }

    /// The sequence after which messages may leave that speak of the newest term and vote.
    pub(super) fn barrier(&self) -> PersistSequence {
        self.hard_state
    }

    pub(super) fn is_durable(&self, sequence: PersistSequence) -> bool {
        sequence <= self.durable
    }

    pub(super) fn hard_state_durable(&self) -> bool {
        self.is_durable(self.hard_state)
    }

    /// When to hand out again; `None` also when there is no such time.
    pub(super) fn retry_at(&self) -> Option<Monotonic> {
        self.retry_at.filter(|at| *at < Monotonic(u64::MAX))
    }

    pub(super) fn hard_state_changed(&mut self) {
        self.hard_state_changed = true;
        self.hard_state = self.next();
    }

    /// The entry at `index` is new.
    pub(super) fn appended(&mut self, index: LogIndex) {
        self.changed_from = Some(self.changed_from.map_or(index, |from| from.min(index)));
    }

    /// Entries at and after `index` are gone (others follow): what was written of them proves nothing about the new ones.
    pub(super) fn truncated(&mut self, index: LogIndex) {
        let kept = LogIndex(index.0 - 1);
        self.durable_index = self.durable_index.min(kept);
        for (_, end) in &mut self.log_ends {
            *end = (*end).min(kept);
        }
        self.appended(index);
    }

    /// The log restarts after a position that is durable in the rows.
    pub(super) fn reset(&mut self, position: Position) {
        self.reset = Some((position, self.next()));
        self.reset_changed = true;
        self.changed_from = None;
        self.cut = None;
        for (_, end) in &mut self.log_ends {
            *end = position.index;
        }
        self.durable_index = position.index;
    }

    /// Nothing of the log counts any more. Sequences go on, or reports of what was handed out before would be taken for others.
    pub(super) fn begin_again(&mut self) {
        self.log_ends.clear();
        self.retry_at = None;
        self.reset(Position::default());
    }

    pub(super) fn cut_through(&mut self, position: Position) {
        self.cut = Some(position);
    }

    /// The changes since the last time, as one atomic batch.
    pub(super) fn take(&mut self, shard: ShardId, hard_state: HardState, log: &Log) -> (Vec<LogOp>, PersistSequence) {
        let mut ops = Vec::new();
        if self.retry_at.is_some() {
            // Cutting wants no room and makes some: it does not wait for the rest, unless the log is yet to begin anew. What becomes
            // of it changes nothing here.
            let may_cut = self.retry_at().is_some() && self.reset.is_none();
            let cut =
                self.cut.take_if(|_| may_cut).map(|cut| LogOp::CutThrough { shard, index: cut.index, term: cut.term });
            ops.extend(cut);
            return (ops, self.submitted);
        }
        if std::mem::take(&mut self.reset_changed)
            && let Some((position, _)) = self.reset
        {
            ops.push(LogOp::Reset { shard, index: position.index, term: position.term });
        }
        if std::mem::take(&mut self.hard_state_changed) {
            ops.push(LogOp::HardState(shard, hard_state));
        }
        if let Some(from) = self.changed_from.take() {
            let from = from.max(LogIndex(log.floor().index.0 + 1));
            ops.push(LogOp::Append { shard, truncate_from: from, entries: log.copy_all(from) });
            self.log_ends.push_back((self.next(), log.last_index()));
        }
        if let Some(cut) = self.cut.take() {
            ops.push(LogOp::CutThrough { shard, index: cut.index, term: cut.term });
        }
        if !ops.is_empty() {
            self.submitted = self.next();
        }
        (ops, self.submitted)
    }

    /// Whether a report about this sequence says nothing: it is durable, or was given up with one before it.
    pub(super) fn is_settled(&self, sequence: PersistSequence) -> bool {
        sequence <= self.void || sequence <= self.durable
    }

    /// A report. `false`: it says nothing new.
    pub(super) fn report(&mut self, sequence: PersistSequence) -> bool {
        if self.is_settled(sequence) {
            return false;
        }
        self.durable = sequence;
        while let Some((handed_out, end)) = self.log_ends.front().copied()
            && handed_out <= sequence
        {
            self.log_ends.pop_front();
            self.durable_index = self.durable_index.max(end);
        }
        if self.reset.is_some_and(|(_, handed_out)| handed_out <= sequence) {
            self.reset = None;
        }
        true
    }

    /// A batch was not written. Returns the sequence that will carry what is not durable.
    pub(super) fn failed(&mut self, log: &Log, retry_at: Monotonic) -> PersistSequence {
        self.void = self.submitted;
        self.log_ends.clear();
        self.retry_at = Some(retry_at);
        if log.last_index() > self.durable_index {
            self.appended(LogIndex(self.durable_index.0 + 1));
        }
        if !self.hard_state_durable() {
            self.hard_state_changed();
        }
        if let Some((position, _)) = self.reset {
            self.reset = Some((position, self.next()));
            self.reset_changed = true;
        }
        self.next()
    }

    /// Hand out again.
    pub(super) fn retry(&mut self) {
        self.retry_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{NodeId, Term};
    use crate::raft::{AppliedThrough, Entry};
    use crate::time::HybridTime;

    const SHARD: ShardId = ShardId(1);

    fn entry(index: u64) -> Entry {
        let (index, stamp) = (LogIndex(index), HybridTime(i64::try_from(index).expect("a small number")));
        Entry { index, term: Term(1), stamp, payload: bytes::Bytes::new() }
    }

    fn log(last: u64) -> Log {
        Log::new(AppliedThrough::default(), (1..=last).map(entry).collect())
    }

    fn position(index: u64) -> Position {
        Position { index: LogIndex(index), term: Term(1) }
    }

    fn voted() -> HardState {
        HardState { term: Term(1), vote: Some(NodeId(1)), rebuild: None }
    }

    /// What is handed out: its sequence, and what it is, in short.
    fn take(it: &mut Persistence, log: &Log) -> (u64, String) {
        let (ops, PersistSequence(sequence)) = it.take(SHARD, voted(), log);
        let words = ops.iter().map(|op| match op {
            LogOp::HardState(..) => "vote".to_owned(),
            LogOp::Append { truncate_from, entries, .. } => format!("from {truncate_from} {}", entries.len()),
            LogOp::CutThrough { index, .. } => format!("cut {index}"),
            LogOp::Reset { index, .. } => format!("reset {index}"),
        });
        (sequence, words.collect::<Vec<_>>().join(", "))
    }

    fn append(it: &mut Persistence, index: u64) -> (u64, String) {
        it.appended(LogIndex(index));
        take(it, &log(index))
    }

    fn report(it: &mut Persistence, sequence: u64) -> bool {
        it.report(PersistSequence(sequence))
    }

    const LATER: Monotonic = Monotonic(5);

    #[test]
    fn a_report_covers_what_was_handed_out_through_it_and_no_more() {
        let mut it = Persistence::new(LogIndex(0));
        assert_eq!(append(&mut it, 1), (1, "from 1 1".to_owned()));
        assert_eq!(append(&mut it, 2), (2, "from 2 1".to_owned()));
        it.appended(LogIndex(4));
        it.appended(LogIndex(3));
        it.appended(LogIndex(5));
        assert_eq!(take(&mut it, &log(5)), (3, "from 3 3".to_owned()));
        assert_eq!(take(&mut it, &log(5)), (3, String::new()));
        assert!(report(&mut it, 1));
        assert_eq!(it.durable_index(), LogIndex(1));
        assert!(!report(&mut it, 1), "nothing new");
        assert!(report(&mut it, 3));
        assert_eq!(it.durable_index(), LogIndex(5));
        assert!(!report(&mut it, 2), "an older report after a newer one");
        assert_eq!(it.durable_index(), LogIndex(5));
    }

    #[test]
    fn a_vote_is_durable_with_the_batch_that_carries_the_newest_one() {
        let mut it = Persistence::new(LogIndex(0));
        assert!(it.hard_state_durable());
        append(&mut it, 1);
        it.hard_state_changed();
        assert_eq!(it.barrier(), PersistSequence(2));
        assert!(!it.hard_state_durable());
        assert!(report(&mut it, 1));
        assert!(!it.hard_state_durable());
        assert_eq!(take(&mut it, &log(1)), (2, "vote".to_owned()));
        assert!(!it.hard_state_durable(), "handed out is not written");
        it.hard_state_changed();
        assert_eq!(take(&mut it, &log(1)), (3, "vote".to_owned()));
        assert!(report(&mut it, 2));
        assert!(!it.hard_state_durable(), "that was an older vote");
        assert!(report(&mut it, 3));
        assert!(it.hard_state_durable());
    }

    #[test]
    fn writes_of_replaced_entries_prove_what_was_before_them() {
        let mut it = Persistence::new(LogIndex(0));
        append(&mut it, 1);
        it.appended(LogIndex(2));
        take(&mut it, &log(4));
        it.truncated(LogIndex(3));
        assert_eq!(take(&mut it, &log(3)), (3, "from 3 1".to_owned()));
        assert!(report(&mut it, 1));
        assert_eq!(it.durable_index(), LogIndex(1));
        assert!(report(&mut it, 2));
        assert_eq!(it.durable_index(), LogIndex(2));
        assert!(report(&mut it, 3));
        assert_eq!(it.durable_index(), LogIndex(3));
        it.truncated(LogIndex(2));
        assert_eq!(it.durable_index(), LogIndex(1), "what is replaced is not durable any more");
    }

    #[test]
    fn after_a_failure_nothing_handed_out_before_counts_and_all_of_it_goes_again() {
        let mut it = Persistence::new(LogIndex(0));
        append(&mut it, 1);
        report(&mut it, 1);
        it.hard_state_changed();
        append(&mut it, 2);
        append(&mut it, 3);
        assert_eq!(it.failed(&log(3), LATER), PersistSequence(4));
        assert_eq!(it.retry_at(), Some(LATER));
        assert!(it.is_settled(PersistSequence(3)) && !it.is_settled(PersistSequence(4)));
        assert!(!report(&mut it, 2) && !report(&mut it, 3), "there may be a hole before it");
        assert_eq!(it.durable_index(), LogIndex(1));
        assert!(!it.hard_state_durable());
        assert_eq!(append(&mut it, 4), (3, String::new()), "not before the time");
        it.retry();
        assert_eq!(take(&mut it, &log(4)), (4, "vote, from 2 3".to_owned()));
        assert!(report(&mut it, 4));
        assert_eq!(it.durable_index(), LogIndex(4));
        assert!(it.hard_state_durable());
    }

    #[test]
    fn what_was_durable_before_a_failure_does_not_go_again() {
        let mut it = Persistence::new(LogIndex(0));
        it.hard_state_changed();
        append(&mut it, 1);
        report(&mut it, 1);
        it.cut_through(position(1));
        take(&mut it, &log(1));
        it.failed(&log(1), LATER);
        it.retry();
        assert_eq!(take(&mut it, &log(1)), (2, String::new()));
    }

    #[test]
    fn entries_replaced_while_a_failed_write_waits_go_with_it() {
        let mut it = Persistence::new(LogIndex(2));
        append(&mut it, 4);
        it.failed(&log(4), LATER);
        it.truncated(LogIndex(2));
        it.retry();
        assert_eq!(take(&mut it, &log(3)), (2, "from 2 2".to_owned()));
        report(&mut it, 2);
        assert_eq!(it.durable_index(), LogIndex(3));
    }

    #[test]
    fn after_a_reset_the_log_is_durable_where_the_rows_are_and_earlier_writes_say_nothing() {
        let mut it = Persistence::new(LogIndex(0));
        append(&mut it, 1);
        append(&mut it, 9);
        it.appended(LogIndex(10));
        it.cut_through(position(1));
        it.reset(position(5));
        assert_eq!(it.durable_index(), LogIndex(5));
        let mut after = Log::new(AppliedThrough { position: position(5), stamp: HybridTime(5) }, Vec::new());
        assert_eq!(take(&mut it, &after), (3, "reset 5".to_owned()));
        after.push(entry(6));
        it.appended(LogIndex(6));
        assert_eq!(take(&mut it, &after), (4, "from 6 1".to_owned()));
        assert!(report(&mut it, 2));
        assert_eq!(it.durable_index(), LogIndex(5));
        assert!(report(&mut it, 4));
        assert_eq!(it.durable_index(), LogIndex(6));
    }

    #[test]
    fn a_reset_that_failed_goes_again_before_everything_else_and_holds_back_a_cut() {
        let mut it = Persistence::new(LogIndex(0));
        it.reset(position(5));
        let after = Log::new(AppliedThrough { position: position(5), stamp: HybridTime(5) }, vec![entry(6)]);
        take(&mut it, &after);
        it.appended(LogIndex(6));
        take(&mut it, &after);
        it.failed(&after, LATER);
        it.cut_through(position(5));
        assert_eq!(take(&mut it, &after), (2, String::new()), "the log has yet to begin anew");
        it.retry();
        assert_eq!(take(&mut it, &after), (3, "reset 5, from 6 1, cut 5".to_owned()));
        it.failed(&after, LATER);
        it.retry();
        assert_eq!(take(&mut it, &after), (4, "reset 5, from 6 1".to_owned()), "it was not written this time either");
        assert!(report(&mut it, 4));
        it.failed(&after, LATER);
        it.cut_through(position(5));
        assert_eq!(take(&mut it, &after), (4, "cut 5".to_owned()), "a cut makes room");
        it.retry();
        assert_eq!(take(&mut it, &after), (4, String::new()), "and what is durable stays so");
    }

    #[test]
    fn a_reset_that_is_written_late_is_not_taken_for_a_later_one() {
        let mut it = Persistence::new(LogIndex(0));
        append(&mut it, 1);
        it.reset(position(5));
        let after = Log::new(AppliedThrough { position: position(5), stamp: HybridTime(5) }, Vec::new());
        take(&mut it, &after);
        report(&mut it, 1);
        it.failed(&after, LATER);
        it.retry();
        assert_eq!(take(&mut it, &after), (3, "reset 5".to_owned()), "the first report was of what came before");
    }

    #[test]
    fn a_disk_that_is_done_for_is_given_nothing_more() {
        let mut it = Persistence::new(LogIndex(0));
        append(&mut it, 1);
        it.failed(&log(1), Monotonic(u64::MAX));
        it.cut_through(position(1));
        it.hard_state_changed();
        assert_eq!(it.retry_at(), None);
        assert_eq!(append(&mut it, 2), (1, String::new()));
    }

    #[test]
    fn who_begins_again_writes_at_once_and_counts_on() {
        let mut it = Persistence::new(LogIndex(0));
        append(&mut it, 1);
        it.failed(&log(1), LATER);
        it.begin_again();
        let empty = Log::new(AppliedThrough::default(), Vec::new());
        assert_eq!(take(&mut it, &empty), (2, "reset 0".to_owned()));
        assert!(!report(&mut it, 1));
        assert_eq!(it.durable_index(), LogIndex(0));
    }
}
