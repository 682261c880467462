//! Exactly-once when the leader changes: two replicas of one shard, every order in which messages arrive or do not, in which either
//! stands for election, and in which one request arrives again at whichever leads, because its coordinator was not answered.
//!
//! Bounds: one request that appends to a list, sent a few times; a few candidacies, flushes and power losses. Disks write at once;
//! time stands still, so nothing expires and nobody stands by himself. A message arrives at most once.
//!
//! Properties: EXACTLY-ONCE at every replica, and what was acknowledged stays with every leader that may serve. That a request
//! sent to the second leader is recognised as one that the first has ordered is checked too.

use crate::recovery::{append, list};
use crate::site::{Site, config};
use stateright::{Model, Property};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use trefoil_core::bugs::PlantedBug;
use trefoil_core::command::WriteOutcome;
use trefoil_core::config::Config;
use trefoil_core::ids::{NodeId, Term};
use trefoil_core::raft::RaftMessage;
use trefoil_core::replicate::{Replica, ReplicaEvent};
use trefoil_core::time::{HybridTime, Monotonic};

/// The world; its fields are the bounds.
#[derive(Clone, Debug)]
pub struct Takeover {
    /// How often the request may be sent.
    pub sendings: u8,
    /// How often each replica may stand.
    pub candidacies: [u8; 2],
    /// Flushes.
    pub flushes: u8,
    /// Power losses.
    pub crashes: u8,
    /// What is wrong on purpose.
    pub bug: Option<PlantedBug>,
}

/// A state of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    sites: Vec<Site>,
    /// By their hash: a message is on its way once, however often it was sent.
    network: BTreeMap<u64, (usize, RaftMessage)>,
    sendings: u8,
    candidacies: [u8; 2],
    flushes: u8,
    crashes: u8,
    acknowledged: bool,
    /// Who was sent the request while leading, a bit each.
    sent_to: u8,
    /// What each replica has applied.
    lists: [Vec<u8>; 2],
}

/// What may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A message arrives.
    Deliver(u64),
    /// A replica stands.
    Stand(usize),
    /// The request arrives at a leader.
    Arrive(usize),
    /// A memtable is flushed.
    Flush(usize),
    /// Power is lost and comes back.
    Crash(usize),
}

fn config_of(at: usize) -> Config {
    Config { node: NodeId(at as u32 + 1), ..config(2) }
}

fn term(site: &Site) -> Term {
    Term(site.replica.status(Monotonic(0)).term)
}

impl State {
    /// What a replica wants happens at once, but for its messages, which may arrive.
    fn settle(&mut self, at: usize) {
        let site = &mut self.sites[at];
        while !(site.log.waiting.is_empty() && site.around.waiting.is_empty()) {
            site.sync_log();
            site.sync_rows();
        }
        for (to, _, message) in std::mem::take(&mut site.wanted.raft) {
            let envelope = (to.0 as usize - 1, message);
            let mut hasher = DefaultHasher::new();
            envelope.hash(&mut hasher);
            self.network.insert(hasher.finish(), envelope);
        }
        for (_, event) in std::mem::take(&mut site.wanted.events) {
            // A follower answers nobody.
            let answer = matches!(event, ReplicaEvent::Applied { outcome: WriteOutcome::Applied, .. });
            self.acknowledged |= answer && site.replica.is_leader();
        }
        self.lists[at] = list(&self.sites[at]);
        let sites = &self.sites;
        // Older ones lead to nothing but a refusal.
        self.network.retain(|_, (to, message)| message.term() >= term(&sites[*to]));
    }
}

impl Model for Takeover {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State {
            sites: (0..2).map(|at| Site::found(&config_of(at), self.bug)).collect(),
            network: BTreeMap::new(),
            sendings: self.sendings,
            candidacies: self.candidacies,
            flushes: self.flushes,
            crashes: self.crashes,
            acknowledged: false,
            sent_to: 0,
            lists: Default::default(),
        };
        (0..2).for_each(|at| state.settle(at));
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(state.network.keys().copied().map(Action::Deliver));
        for (at, site) in state.sites.iter().enumerate() {
            let leads = site.replica.is_leader();
            if state.candidacies[at] > 0 && !leads {
                actions.push(Action::Stand(at));
            }
            if state.sendings > 0 && leads {
                actions.push(Action::Arrive(at));
            }
            if state.flushes > 0 && !state.lists[at].is_empty() {
                actions.push(Action::Flush(at));
            }
            if state.crashes > 0 {
                actions.push(Action::Crash(at));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let at = match action {
            Action::Deliver(key) => {
                let (to, message) = state.network.remove(&key)?;
                let Site { replica, around, .. } = &mut state.sites[to];
                replica.receive(NodeId(2 - to as u32), message, around);
                to
            }
            Action::Stand(at) => {
                state.candidacies[at] -= 1;
                let stand = RaftMessage::TimeoutNow { term: term(&state.sites[at]) };
                let Site { replica, around, .. } = &mut state.sites[at];
                replica.receive(NodeId(2 - at as u32), stand, around);
                at
            }
            Action::Arrive(at) => {
                state.sendings -= 1;
                state.sent_to |= 1 << at;
                let Site { replica, around, .. } = &mut state.sites[at];
                let stamp = HybridTime(replica.last_stamp().0 + 1);
                replica.propose(stamp, Replica::encode(&append(0, 0)), around).ok()?;
                at
            }
            Action::Flush(at) => {
                state.flushes -= 1;
                let Site { replica, around, .. } = &mut state.sites[at];
                if !replica.flush(around) {
                    return None;
                }
                at
            }
            Action::Crash(at) => {
                state.crashes -= 1;
                state.sites[at] = state.sites[at].clone().restart(&config_of(at), true);
                at
            }
        };
        state.sites[at].advance();
        state.settle(at);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("applied once", |_, state| state.lists.iter().all(|list| list.len() < 2)),
            Property::<Self>::always("acknowledged stays", |_, state| {
                let empty = |(site, list): (&Site, &Vec<u8>)| site.replica.is_current(Monotonic(0)) && list.is_empty();
                !(state.acknowledged && state.sites.iter().zip(&state.lists).any(empty))
            }),
            Property::<Self>::sometimes("both leaders have ordered the request, and it is done once", |_, state| {
                state.acknowledged && state.sent_to == 0b11 && state.lists.iter().all(|list| list.len() == 1)
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{caught, complete};

    fn leaders_change(bug: Option<PlantedBug>) -> Takeover {
        Takeover { sendings: 2, candidacies: [1, 1], flushes: 0, crashes: 0, bug }
    }

    fn leaders_lose_power(bug: Option<PlantedBug>) -> Takeover {
        Takeover { flushes: 1, crashes: 1, ..leaders_change(bug) }
    }

    #[test]
    fn a_request_sent_to_two_leaders_is_applied_once() {
        complete(leaders_change(None), 20_863);
    }

    #[test]
    fn a_request_is_applied_once_although_a_leader_loses_power() {
        complete(leaders_lose_power(None), 645_607);
    }

    #[test]
    fn forgotten_deduplication_is_caught() {
        caught(leaders_change(Some(PlantedBug::DeduplicationForgotten)), "applied once");
    }

    #[test]
    fn deduplication_lost_at_a_restart_is_caught() {
        caught(leaders_lose_power(Some(PlantedBug::DeduplicationLostAtRestart)), "applied once");
    }
}
