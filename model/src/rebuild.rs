//! A replica that loses what it once called durable, and is rebuilt: three replicas, of which the first leads and has committed an
//! entry with the third's help alone. The third loses its disk, or finds its log damaged, at any time; the second, which may have
//! heard of nothing, stands for election at any time.
//!
//! Bounds: one loss; one heartbeat of the first leader, which is how it hears of the loss; a message arrives at most once. Disks write
//! at once. Time stands still: no leases, no promises. Complete without the candidacy; with it the world is too large to be explored
//! to its end, and serves to catch the planted bugs.
//!
//! Properties: ELECTION-SAFETY, COMMITTED-STAYS, and that all apply the same. That the third becomes whole again is checked too.

use crate::cluster::{Cluster, config, safety};
use stateright::{Model, Property};
use trefoil_core::bugs::PlantedBug;
use trefoil_core::ids::{LogIndex, NodeId, Term};
use trefoil_core::raft::{RaftMessage, Role, SavedLog, Start};

/// How the third replica loses its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// Its node starts with an empty disk.
    Disk,
    /// It finds damage while it runs, and keeps its term and vote.
    Damage,
}

/// The world; its fields are the bounds.
#[derive(Clone, Debug)]
pub struct Rebuild {
    /// What is lost.
    pub loss: Loss,
    /// Heartbeats of the first leader.
    pub heartbeats: u8,
    /// Candidacies of the second replica.
    pub candidacies: u8,
    /// What is wrong on purpose.
    pub bug: Option<PlantedBug>,
}

/// A state of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    cluster: Cluster,
    losses: u8,
    candidacies: u8,
    heartbeats: u8,
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
    /// The second replica stands.
    Stand,
    /// The first leader asks everybody whether it still leads.
    Heartbeat,
    /// The third replica loses its state.
    Lose,
}

/// The positions of the replicas.
const LEADER: usize = 0;
const CANDIDATE: usize = 1;
const LOSER: usize = 2;

impl Rebuild {
    /// Deliver what is on its way between the first and the third.
    fn pass(&self, cluster: &mut Cluster) {
        cluster.sync_everything(self.bug);
        let second = cluster.sites[CANDIDATE].raft.config().me;
        let between: Vec<u64> = cluster
            .network
            .iter()
            .filter(|(_, it)| it.from != second && it.to != second)
            .map(|(key, _)| *key)
            .collect();
        for key in between {
            cluster.deliver(key, self.bug);
        }
    }

    /// Whether the third replica counts again, after a loss.
    fn whole_again(state: &State) -> bool {
        let site = &state.cluster.sites[LOSER];
        state.losses == 0 && site.disk.saved.hard_state.term > Term(0) && !site.raft.is_rebuilding()
    }
}

impl Model for Rebuild {
    type State = State;
    type Action = Action;

    /// The first replica was elected by the third's vote and has committed its first entry with it; what it sent to the second is
    /// still on its way.
    fn init_states(&self) -> Vec<State> {
        let replicas = (1..=3).map(|me| (config(me, 0, 1_000_000_000), SavedLog::default()));
        let mut cluster = Cluster::new(replicas.collect(), self.bug);
        cluster.may_lose = Some(LOSER);
        let stand = RaftMessage::TimeoutNow { term: Term(0) };
        cluster.act(LEADER, self.bug, |raft, step| raft.step(NodeId(2), stand, step));
        while cluster.observed.acknowledged < LogIndex(1) {
            self.pass(&mut cluster);
        }
        vec![State { cluster, losses: 1, candidacies: self.candidacies, heartbeats: self.heartbeats }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(state.cluster.deliverable().map(Action::Deliver));
        if state.candidacies > 0 && state.cluster.sites[CANDIDATE].raft.role() == Role::Follower {
            actions.push(Action::Stand);
        }
        if state.heartbeats > 0 && state.cluster.sites[LEADER].raft.is_leader() {
            actions.push(Action::Heartbeat);
        }
        if state.losses > 0 {
            actions.push(Action::Lose);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Deliver(key) => state.cluster.deliver(key, self.bug),
            Action::Stand => {
                state.candidacies -= 1;
                let term = state.cluster.sites[CANDIDATE].raft.term();
                let stand = RaftMessage::TimeoutNow { term };
                state.cluster.act(CANDIDATE, self.bug, |raft, step| raft.step(NodeId(1), stand, step));
            }
            Action::Heartbeat => {
                state.heartbeats -= 1;
                // A read without a lease opens a round.
                state.cluster.act(LEADER, self.bug, |raft, step| raft.read(0, step));
            }
            Action::Lose => {
                state.losses -= 1;
                state.cluster.may_lose = None;
                match self.loss {
                    Loss::Disk => {
                        state.cluster.sites[LOSER].disk = Default::default();
                        state.cluster.restart(LOSER, Start::Rebuilding, self.bug);
                    }
                    Loss::Damage => state.cluster.act(LOSER, self.bug, |raft, step| raft.begin_again(step)),
                }
            }
        }
        state.cluster.sync_everything(self.bug);
        state.cluster.reads_ready.clear();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = safety();
        properties.extend([Property::<Self>::sometimes("the replica is whole again", |_, state| {
            Rebuild::whole_again(state)
        })]);
        properties
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{caught, complete};

    fn world(loss: Loss, bug: Option<PlantedBug>) -> Rebuild {
        Rebuild { loss, heartbeats: 1, candidacies: u8::from(bug.is_some()), bug }
    }

    #[test]
    fn a_lost_disk_is_rebuilt() {
        complete(world(Loss::Disk, None), 110_595);
    }

    #[test]
    fn a_damaged_log_is_rebuilt() {
        complete(world(Loss::Damage, None), 110_595);
    }

    #[test]
    fn a_lost_vote_is_caught() {
        caught(world(Loss::Disk, Some(PlantedBug::RebuildingReplicaVotes)), "election safety");
    }

    #[test]
    fn a_vote_without_the_lost_entry_is_caught() {
        caught(world(Loss::Damage, Some(PlantedBug::RebuildingReplicaVotes)), "leader completeness");
    }

    #[test]
    fn a_rebuilding_replica_that_counts_is_caught() {
        caught(world(Loss::Disk, Some(PlantedBug::RebuildingReplicaCounts)), "leader completeness");
    }

    #[test]
    fn a_rebuild_that_ends_early_is_caught() {
        caught(world(Loss::Disk, Some(PlantedBug::RebuildEndsEarly)), "leader completeness");
    }

    #[test]
    fn a_loss_that_is_forgotten_is_caught() {
        caught(world(Loss::Disk, Some(PlantedBug::LostStateForgotten)), "leader completeness");
    }
}
