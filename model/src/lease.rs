//! Leases: three replicas whose clocks run apart as far as they may, one of which leads. Every order in which time passes, timers
//! ring late or not, messages arrive or do not, one follower starts again, or leadership is handed over.
//!
//! Bounds: a few steps of time. In a step the first leader's clock gains 2 and the others' 3; the drift allowed is one half, the
//! election timeout 6, so the lease is 3. Disks write at once. At most one restart, at most one handover.
//!
//! Properties: SINGLE-LEASE (nobody else holds one at the same time), and no read that a leader would serve at this moment, by lease or
//! otherwise unasked, misses what was acknowledged before. That a second leader holds a lease after the first is checked too.

use crate::cluster::{Cluster, config};
use stateright::{Model, Property};
use trefoil_core::bugs::PlantedBug;
use trefoil_core::ids::{NodeId, Term};
use trefoil_core::raft::{Env, Raft, RaftConfig, RaftMessage, ReadDecision, SavedLog, Start};
use trefoil_core::time::Monotonic;

/// What the clocks gain in a step.
const GAINS: [u64; 3] = [2, 3, 3];

/// The world; its fields are the bounds.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Steps of time.
    pub steps: u8,
    /// Restarts of followers.
    pub restarts: u8,
    /// Handovers by the first leader.
    pub transfers: u8,
    /// What is wrong on purpose.
    pub bug: Option<PlantedBug>,
}

/// A state of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    cluster: Cluster,
    steps: u8,
    restarts: u8,
    transfers: u8,
}

/// What may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A message arrives.
    Deliver(u64),
    /// Time passes.
    Pass,
    /// A timer that is due rings.
    Timer(usize),
    /// A replica starts again.
    Restart(usize),
    /// The leader hands over to the second replica.
    Transfer,
}

impl Lease {
    /// What a leader would answer to a read that begins now. Asked of a copy.
    fn read(&self, state: &State, at: usize) -> Option<ReadDecision> {
        let site = &state.cluster.sites[at];
        let mut step = crate::cluster::Step { now: Monotonic(site.clock), bug: self.bug };
        let mut raft: Raft = site.raft.clone();
        raft.is_leader().then(|| raft.read(0, &mut step))
    }

    fn holds(&self, state: &State, at: usize) -> bool {
        let site = &state.cluster.sites[at];
        let step = crate::cluster::Step { now: Monotonic(site.clock), bug: self.bug };
        debug_assert_eq!(step.now(), Monotonic(site.clock));
        site.raft.holds_lease(&step)
    }
}

impl Model for Lease {
    type State = State;
    type Action = Action;

    /// The first replica leads and has committed its first entry; the others have it, and do not know yet that it is committed.
    fn init_states(&self) -> Vec<State> {
        let replica = |me| (RaftConfig { clock_drift_ppm: 500_000, ..config(me, 6, 2) }, SavedLog::default());
        let mut cluster = Cluster::new((1..=3).map(replica).collect(), self.bug);
        let stand = RaftMessage::TimeoutNow { term: Term(0) };
        cluster.act(0, self.bug, |raft, step| raft.step(NodeId(2), stand, step));
        while cluster.observed.committed.is_empty() {
            cluster.sync_everything(self.bug);
            let keys: Vec<u64> = cluster.deliverable().collect();
            for key in keys {
                cluster.deliver(key, self.bug);
            }
        }
        cluster.network.clear();
        vec![State { cluster, steps: self.steps, restarts: self.restarts, transfers: self.transfers }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(state.cluster.deliverable().map(Action::Deliver));
        if state.steps > 0 {
            actions.push(Action::Pass);
        }
        for (at, site) in state.cluster.sites.iter().enumerate() {
            if site.raft.next_wake().is_some_and(|wake| wake <= Monotonic(site.clock)) {
                actions.push(Action::Timer(at));
            }
            if state.restarts > 0 && at > 0 {
                actions.push(Action::Restart(at));
            }
        }
        if state.transfers > 0 && state.cluster.sites[0].raft.is_leader() {
            actions.push(Action::Transfer);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Deliver(key) => state.cluster.deliver(key, self.bug),
            Action::Pass => {
                state.steps -= 1;
                for (site, gain) in state.cluster.sites.iter_mut().zip(GAINS) {
                    site.clock += gain;
                }
            }
            Action::Timer(at) => state.cluster.act(at, self.bug, |raft, step| raft.tick(step)),
            Action::Restart(at) => {
                state.restarts -= 1;
                state.cluster.restart(at, Start::Again, self.bug);
            }
            Action::Transfer => {
                state.transfers -= 1;
                state.cluster.act(0, self.bug, |raft, step| raft.transfer_leadership(NodeId(2), step));
            }
        }
        state.cluster.sync_everything(self.bug);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("single lease", |model, state| {
                (0..3).filter(|at| model.holds(state, *at)).count() <= 1
            }),
            Property::<Self>::always("no stale read", |model, state| {
                (0..3).all(|at| match model.read(state, at) {
                    Some(ReadDecision::ServeAt(index)) => index >= state.cluster.observed.acknowledged,
                    _ => true,
                })
            }),
            Property::<Self>::sometimes("a second leader has a lease", |model, state| {
                (1..3).any(|at| model.holds(state, at))
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{caught, complete};

    fn drift(bug: Option<PlantedBug>) -> Lease {
        Lease { steps: 2, restarts: 0, transfers: 0, bug }
    }

    fn restart(bug: Option<PlantedBug>) -> Lease {
        Lease { restarts: 1, ..drift(bug) }
    }

    fn transfer(bug: Option<PlantedBug>) -> Lease {
        Lease { steps: 0, restarts: 0, transfers: 1, bug }
    }

    #[test]
    fn a_lease_ends_before_the_promises() {
        complete(drift(None), 41_856);
    }

    #[test]
    fn a_promise_survives_a_restart() {
        complete(restart(None), 285_290);
    }

    #[test]
    fn a_handover_gives_the_lease_up() {
        complete(transfer(None), 537);
    }

    #[test]
    fn a_lease_not_shortened_for_drift_is_caught() {
        caught(drift(Some(PlantedBug::LeaseNotShortenedForDrift)), "single lease");
    }

    #[test]
    fn a_lease_forgotten_by_restart_is_caught() {
        caught(restart(Some(PlantedBug::RestartForgetsLease)), "single lease");
    }

    #[test]
    fn a_lease_kept_after_a_handover_is_caught() {
        caught(transfer(Some(PlantedBug::TransferKeepsLease)), "single lease");
    }

    #[test]
    fn a_read_from_a_deposed_leader_is_caught() {
        caught(drift(Some(PlantedBug::ReadFromDeposedLeader)), "no stale read");
    }

    #[test]
    fn a_read_before_the_own_term_is_committed_is_caught() {
        caught(drift(Some(PlantedBug::ReadBeforeOwnTermCommitted)), "no stale read");
    }
}
