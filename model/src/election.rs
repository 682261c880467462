//! Elections and the log: three replicas; every order in which messages arrive or do not, in which batches reach the three disks, in
//! which replicas stand for election, are proposed to, and lose power.
//!
//! Bounds: two candidacies of two different replicas (which ones does not matter, by symmetry), at most one power loss
//! or one disk replaced. Replicas stand when they are told
//! to, without pre-vote, which changes nothing but how often they stand; time does not pass, so there are no heartbeats, leases or
//! promises (those are `lease`). A message arrives at most once.
//!
//! Properties: ELECTION-SAFETY, COMMITTED-STAYS, and that all apply the same. That elections and commits happen is checked too.

use crate::cluster::{Cluster, config, safety, saved};
use bytes::Bytes;
use stateright::{Model, Property};
use trefoil_core::bugs::PlantedBug;
use trefoil_core::raft::{RaftConfig, RaftMessage, Role, SavedLog, Start};
use trefoil_core::time::HybridTime;

/// The world; its fields are the bounds.
#[derive(Clone, Debug)]
pub struct Election {
    /// Term and entries' terms of the three logs at the beginning.
    pub logs: [(u64, &'static [u64]); 3],
    /// How often each replica may stand.
    pub candidacies: [u8; 3],
    /// How often all together may stand.
    pub candidacies_total: u8,
    /// Which disks take their time; the others write at once, and lose nothing.
    pub slow: [bool; 3],
    /// Power losses, at replicas with a slow disk.
    pub crashes: u8,
    /// Disks replaced by empty ones, where they are slow.
    pub replacements: u8,
    /// Proposals.
    pub proposals: u8,
    /// Whether every entry travels alone.
    pub single_entries: bool,
    /// What is wrong on purpose.
    pub bug: Option<PlantedBug>,
}

/// A state of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    cluster: Cluster,
    candidacies: [u8; 3],
    crashes: u8,
    replacements: u8,
    proposals: u8,
}

impl AsRef<Cluster> for State {
    fn as_ref(&self) -> &Cluster {
        &self.cluster
    }
}

/// What may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A message arrives.
    Deliver(u64),
    /// A disk writes its oldest batch.
    Sync(usize),
    /// A replica stands.
    Stand(usize),
    /// A leader gets a proposal.
    Propose(usize),
    /// Power is lost and comes back.
    Crash(usize),
    /// A disk is lost; the replica begins anew on another.
    Replace(usize),
}

impl Election {
    /// Three founders.
    #[must_use]
    pub fn founders(bug: Option<PlantedBug>) -> Election {
        Election {
            logs: [(0, &[]); 3],
            candidacies: [1, 1, 0],
            candidacies_total: 2,
            slow: [true; 3],
            crashes: 0,
            replacements: 0,
            proposals: 0,
            single_entries: false,
            bug,
        }
    }

    fn replicas(&self) -> Vec<(RaftConfig, SavedLog)> {
        let bytes = if self.single_entries { 1 } else { 1 << 20 };
        (1..)
            .zip(&self.logs)
            .map(|(me, (term, entries))| {
                (RaftConfig { append_message_bytes: bytes, ..config(me, 0, 1_000_000_000) }, saved(*term, entries))
            })
            .collect()
    }
}

impl Model for Election {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let cluster = Cluster::new(self.replicas(), self.bug);
        vec![State {
            cluster,
            candidacies: self.candidacies,
            crashes: self.crashes,
            replacements: self.replacements,
            proposals: self.proposals,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(state.cluster.deliverable().map(Action::Deliver));
        let stood: u8 = self.candidacies.iter().sum::<u8>() - state.candidacies.iter().sum::<u8>();
        for (at, site) in state.cluster.sites.iter().enumerate() {
            if !site.disk.waiting.is_empty() {
                actions.push(Action::Sync(at));
            }
            if state.candidacies[at] > 0 && stood < self.candidacies_total && site.raft.role() == Role::Follower {
                actions.push(Action::Stand(at));
            }
            if state.proposals > 0 && site.raft.is_leader() {
                actions.push(Action::Propose(at));
            }
            if state.crashes > 0 && self.slow[at] {
                actions.push(Action::Crash(at));
            }
            if state.replacements > 0 && self.slow[at] {
                actions.push(Action::Replace(at));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let mut replaced = None;
        match action {
            Action::Deliver(key) => state.cluster.deliver(key, self.bug),
            Action::Sync(at) => state.cluster.sync(at, self.bug),
            Action::Stand(at) => {
                state.candidacies[at] -= 1;
                let term = state.cluster.sites[at].raft.term();
                let other = state.cluster.sites[(at + 1) % 3].raft.config().me;
                let stand = RaftMessage::TimeoutNow { term };
                state.cluster.act(at, self.bug, |raft, step| raft.step(other, stand, step));
            }
            Action::Propose(at) => {
                state.proposals -= 1;
                let proposed = state.cluster.act(at, self.bug, |raft, step| {
                    raft.propose(HybridTime(raft.last_stamp().0 + 1), Bytes::from_static(b"p"), step)
                });
                proposed.ok()?;
            }
            Action::Replace(at) => replaced = Some(at),
            Action::Crash(at) => {
                state.crashes -= 1;
                state.cluster.restart(at, Start::Again, self.bug);
            }
        }
        if let Some(at) = replaced {
            state.replacements -= 1;
            state.cluster.sites[at].disk = Default::default();
            state.cluster.restart(at, Start::Rebuilding, self.bug);
        }
        for (at, slow) in self.slow.into_iter().enumerate() {
            if !slow {
                state.cluster.sync_all(at, self.bug);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = safety();
        properties.extend([
            Property::<Self>::sometimes("an entry is committed", |_, state| {
                !state.cluster.observed.committed.is_empty()
            }),
            Property::<Self>::sometimes("a second leader follows a first", |_, state| {
                state.cluster.observed.leaders.len() > 1
            }),
        ]);
        properties
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{caught, complete};

    /// Figure 8 of the Raft paper, before its third step: the first entry differs, and whoever replicates the old one must
    /// not take it for committed.
    fn figure_8(bug: Option<PlantedBug>) -> Election {
        Election {
            logs: [(2, &[1]), (2, &[]), (3, &[2])],
            candidacies: [1, 0, 1],
            slow: [false; 3],
            single_entries: true,
            ..Election::founders(bug)
        }
    }

    /// Power may fail at a replica that only votes and follows.
    fn crash_of_a_voter(bug: Option<PlantedBug>) -> Election {
        Election { crashes: 1, slow: [false, false, true], ..Election::founders(bug) }
    }

    /// Power may fail at a replica that stands.
    fn crash_of_a_leader(bug: Option<PlantedBug>) -> Election {
        Election { crashes: 1, slow: [true, false, false], ..Election::founders(bug) }
    }

    #[test]
    fn founders_elect_and_commit() {
        complete(Election::founders(None), 421_127);
    }

    #[test]
    fn a_voter_may_lose_power() {
        complete(crash_of_a_voter(None), 307_083);
    }

    #[test]
    fn a_leader_may_lose_power() {
        complete(crash_of_a_leader(None), 285_016);
    }

    /// A voter's disk may be lost with what it had acknowledged.
    fn replaced_disk(bug: Option<PlantedBug>) -> Election {
        Election { replacements: 1, slow: [false, false, true], ..Election::founders(bug) }
    }

    #[test]
    fn lost_state_forgotten_is_caught() {
        caught(replaced_disk(Some(PlantedBug::LostStateForgotten)), "leader completeness");
    }

    #[test]
    fn an_old_entry_is_not_committed_by_counting() {
        complete(figure_8(None), 76_704);
    }

    #[test]
    fn a_vote_not_persisted_is_caught() {
        caught(crash_of_a_voter(Some(PlantedBug::VoteNotPersisted)), "election safety");
    }

    #[test]
    fn an_old_term_committed_by_counting_is_caught() {
        caught(figure_8(Some(PlantedBug::CommitOldTermByCounting)), "leader completeness");
    }

    #[test]
    fn an_acknowledgement_before_durability_is_caught() {
        caught(crash_of_a_voter(Some(PlantedBug::AcknowledgeBeforeDurable)), "leader completeness");
    }

    #[test]
    fn a_leader_that_counts_itself_early_is_caught() {
        caught(crash_of_a_leader(Some(PlantedBug::LeaderCountsUndurable)), "leader completeness");
    }

    #[test]
    fn a_conflicting_suffix_kept_is_caught() {
        caught(Election::founders(Some(PlantedBug::ConflictingSuffixKept)), "state machine safety");
    }
}
