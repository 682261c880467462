//! When an entry is committed: a majority has it durably, and it is of the leader's own term (older ones are committed with
//! it; Raft paper, figure 8). The leader counts itself like everybody else, by what its disk has confirmed, and is not needed.

use super::log::entry_bytes;
use super::progress::Progress;
use super::{Env, Raft, State};
use crate::bugs::PlantedBug;
use crate::ids::LogIndex;

impl Raft {
    /// Commit what a majority has.
    pub(super) fn advance_commit(&mut self, env: &impl Env) {
        let State::Leader(leading) = &self.state else { return };
        let me = self.config.me;
        let own = if env.planted(PlantedBug::LeaderCountsUndurable) {
            self.log.last_index()
        } else {
            self.persistence.durable_index()
        };
        let reached = self.voters.reached(|node| {
            if node == me {
                return own;
            }
            let counts = |progress: &&Progress| progress.counts() || env.planted(PlantedBug::RebuildingReplicaCounts);
            let progress = leading.progress.get(&node).filter(counts);
            progress.map_or(LogIndex(0), |progress| progress.matched)
        });
        let Some(index) = reached.filter(|index| *index > self.commit) else { return };
        let own_term = self.log.term_at(index) == Some(self.hard.term);
        if own_term || env.planted(PlantedBug::CommitOldTermByCounting) {
            self.commit_through(index);
            self.resolve_reads();
        }
        self.learn_held_by_all();
    }

    /// An entry was appended: nothing to count yet, but for the mistake of counting what is not durable.
    pub(super) fn advance_commit_after_append(&mut self, env: &impl Env) {
        if env.planted(PlantedBug::LeaderCountsUndurable) {
            self.advance_commit(env);
        }
    }

    /// Everything through here is committed.
    pub(super) fn commit_through(&mut self, index: LogIndex) {
        if index <= self.commit {
            return;
        }
        if let State::Leader(leading) = &mut self.state {
            for index in self.commit.0 + 1..=index.0 {
                let bytes = self.log.get(LogIndex(index)).map_or(0, entry_bytes);
                leading.uncommitted_bytes = leading.uncommitted_bytes.saturating_sub(bytes);
            }
        }
        self.commit = index;
    }
}
