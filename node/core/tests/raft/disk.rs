//! A log store as the worst allowed one: a batch is there wholly or not at all, in the order submitted; what was not reported
//! durable may be gone after a crash, or only its tail. Refuses what would leave a hole.

use std::collections::VecDeque;
use trefoil_core::ids::{LogIndex, Term};
use trefoil_core::raft::{Entry, LogOp, PersistSequence, SavedLog};

/// One replica's log store.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    saved: SavedLog,
    waiting: VecDeque<(PersistSequence, Vec<LogOp>)>,
}

impl Disk {
    /// A batch is submitted.
    pub fn submit(&mut self, sequence: PersistSequence, ops: Vec<LogOp>) {
        self.waiting.push_back((sequence, ops));
    }

    /// Whether batches wait.
    pub fn is_busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The oldest batch becomes durable.
    pub fn sync_one(&mut self) -> Option<PersistSequence> {
        let (sequence, ops) = self.waiting.pop_front()?;
        for op in ops {
            apply(&mut self.saved, op);
        }
        Some(sequence)
    }

    /// The oldest batch, and all that wait with it, fail.
    pub fn fail(&mut self) -> Vec<PersistSequence> {
        self.waiting.drain(..).map(|(sequence, _)| sequence).collect()
    }

    /// Power is lost: some of what waits was written, in order.
    pub fn crash(&mut self, survivors: usize) {
        for _ in 0..survivors.min(self.waiting.len()) {
            self.sync_one();
        }
        self.waiting.clear();
    }

    /// What a restart finds.
    pub fn saved(&self) -> SavedLog {
        self.saved.clone()
    }

    /// The log is given up; term and vote stay.
    pub fn forget_log(&mut self) {
        self.saved = SavedLog { hard_state: self.saved.hard_state, ..SavedLog::default() };
    }

    /// A new disk.
    pub fn wipe(&mut self) {
        *self = Disk::default();
    }
}

fn last(saved: &SavedLog) -> LogIndex {
    saved.entries.last().map_or(saved.cut.0, |entry| entry.index)
}

fn apply(saved: &mut SavedLog, op: LogOp) {
    match op {
        LogOp::HardState(_, hard_state) => saved.hard_state = hard_state,
        LogOp::Append { truncate_from, entries, .. } => {
            assert!(
                truncate_from > saved.cut.0,
                "truncation from {truncate_from} reaches below the cut {:?}",
                saved.cut
            );
            assert!(truncate_from.0 <= last(saved).0 + 1, "a hole: {truncate_from} after {}", last(saved));
            saved.entries.retain(|entry: &Entry| entry.index < truncate_from);
            saved.entries.extend(entries);
        }
        LogOp::CutThrough { index, term, .. } => {
            assert!(index <= last(saved), "cut through {index}, but the log ends at {}", last(saved));
            if index > saved.cut.0 {
                let there = saved.entries.iter().find(|entry| entry.index == index).map(|entry| entry.term);
                assert_eq!(there, Some(term), "the term at the cut {index}");
                saved.entries.retain(|entry| entry.index > index);
                saved.cut = (index, term);
            }
        }
        LogOp::Reset { index, term, .. } => {
            saved.entries.clear();
            saved.cut = (index, term);
        }
    }
    assert!(saved.cut.1 >= Term(0));
}
