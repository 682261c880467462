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
