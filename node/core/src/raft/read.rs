//! Linearizable reads. The leader serves under its lease, or else asks everybody whether it still leads, with a round of
//! heartbeats opened after the read arrived (read index; Raft dissertation, section 6.4). Either way only after an entry of its
//! own term is committed: before that it does not know what was committed before its term.

use super::{Env, Raft, ReadDecision, State};
use crate::bugs::PlantedBug;
use std::collections::VecDeque;

/// Reads that wait at one replica. More are refused; a node bounds its requests far below (`Tuning::requests_per_node`).
const WAITING_MAX: usize = 65_536;

/// Reads that wait for their round, in the order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Reads {
    waiting: VecDeque<WaitingRead>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct WaitingRead {
    id: u64,
    round: u64,
}

impl Reads {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn take_all(&mut self) -> impl Iterator<Item = u64> + '_ {
        self.waiting.drain(..).map(|read| read.id)
    }
}

impl Raft {
    /// A linearizable read wants to be served; `id` is the caller's.
    pub fn read(&mut self, id: u64, env: &mut impl Env) -> ReadDecision {
        self.wake_leader(env.now());
        let State::Leader(leading) = &self.state else { return ReadDecision::NotLeader(self.leader) };
        let first_committed = self.commit >= leading.first || env.planted(PlantedBug::ReadBeforeOwnTermCommitted);
        let unasked = self.holds_lease(env) || env.planted(PlantedBug::ReadFromDeposedLeader);
        if first_committed && unasked {
            return ReadDecision::ServeAt(self.commit);
        }
        if leading.reads.waiting.len() >= WAITING_MAX {
            return ReadDecision::Overloaded;
        }
        self.open_round(env.now());
        if let State::Leader(leading) = &mut self.state {
            leading.reads.waiting.push_back(WaitingRead { id, round: leading.round.number });
        }
        ReadDecision::Pending
    }

    /// Release the reads whose round a majority has answered.
    pub(super) fn resolve_reads(&mut self) {
        let State::Leader(leading) = &mut self.state else { return };
        let Some(confirmed) = leading.confirmed else { return };
        if self.commit < leading.first {
            return;
        }
        while let Some(read) = leading.reads.waiting.front().copied()
            && read.round <= confirmed.number
        {
            leading.reads.waiting.pop_front();
            self.notices.reads_ready.push((read.id, self.commit));
        }
    }
}
