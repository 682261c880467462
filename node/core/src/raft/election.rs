//! How a leader is found. A replica that hears no leader first asks whether it could win (pre-vote, which changes nothing and
//! disturbs nobody), then stands in a new term. A vote is durable before it is answered, one's own before it counts. Nobody
//! votes for a log that lacks what its own has, against a promise (`lease`), or while being rebuilt (`rebuild`).

use super::{Env, Position, Raft, RaftMessage, Start, State};
use crate::bugs::PlantedBug;
use crate::ids::{NodeId, Term};
use crate::time::Monotonic;
use std::time::Duration;

/// Votes received so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ballot {
    /// Ascending.
    granted: Vec<NodeId>,
}

impl Ballot {
    fn add(&mut self, voter: NodeId) {
        if let Err(at) = self.granted.binary_search(&voter) {
            self.granted.insert(at, voter);
        }
    }
}

impl Raft {
    /// Whether this replica may stand at all.
    fn eligible(&self) -> bool {
        self.may_lead && self.hard.rebuild.is_none() && self.voters.contains(self.config.me)
    }

    /// Whether this replica needs a leader and cannot become one: it is being rebuilt, or its disk or clock is bad.
    fn waits_for_others(&self) -> bool {
        !self.eligible() && self.leader.is_none() && !self.voters.only(self.config.me)
    }

    pub(super) fn election_wake(&self) -> Option<Monotonic> {
        ((self.eligible() || self.waits_for_others()) && !self.quiescent).then_some(self.election_at)
    }

    pub(super) fn election_tick(&mut self, env: &mut impl Env) {
        if self.election_wake().is_none_or(|at| env.now() < at) {
            return;
        }
        if self.eligible() {
            self.stand(env);
        } else {
            self.call_for_a_leader(env);
        }
    }

    /// The others may be quiescent, and believe that this replica leads or follows as before. A question about no election at all,
    /// which nobody grants, wakes them.
    fn call_for_a_leader(&mut self, env: &mut impl Env) {
        self.draw_jitter(env);
        self.restart_election_timer(env.now());
        let (term, last) = (self.hard.term, Position::default());
        self.ask_everybody(&RaftMessage::PreVote { term, last });
    }

    /// The chance part of the election timeout. Who should lead stands first.
    fn draw_jitter(&mut self, env: &mut impl Env) {
        let timeout = u64::try_from(self.config.election_timeout.as_nanos()).unwrap_or(u64::MAX).max(4);
        self.jitter = match self.config.preferred_leader {
            None => env.random_below(timeout),
            Some(preferred) if preferred == self.config.me => env.random_below(timeout / 4),
            Some(_) => timeout / 4 + env.random_below(timeout - timeout / 4),
        };
    }

    /// Wait for a leader from now on.
    pub(super) fn restart_election_timer(&mut self, now: Monotonic) {
        self.election_at = now.plus(self.config.election_timeout).plus(Duration::from_nanos(self.jitter));
    }

    /// The timer of a replica that has just come to life.
    pub(super) fn first_election(&mut self, start: Start, env: &mut impl Env) {
        self.draw_jitter(env);
        let alone = self.voters.only(self.config.me);
        if alone && self.eligible() {
            self.become_candidate(false, env);
        } else if start == Start::Founding && self.config.preferred_leader == Some(self.config.me) {
            self.election_at = env.now();
        } else {
            self.restart_election_timer(env.now());
        }
    }

    /// Ask whether an election could be won.
    fn stand(&mut self, env: &mut impl Env) {
        self.draw_jitter(env);
        self.restart_election_timer(env.now());
        if self.promised_against(self.config.me, env.now()) {
            return;
        }
        let mut ballot = Ballot { granted: Vec::new() };
        ballot.add(self.config.me);
        if self.voters.agree(&ballot.granted) {
            self.become_candidate(false, env);
            return;
        }
        self.leader = None;
        self.state = State::PreCandidate(ballot);
        self.notices.role_changed = true;
        let (term, last) = (Term(self.hard.term.0 + 1), self.log.last());
        self.ask_everybody(&RaftMessage::PreVote { term, last });
    }

    /// Stand in a new term. `transfer`: the leader wants it, or is this replica itself.
    pub(super) fn become_candidate(&mut self, transfer: bool, env: &mut impl Env) {
        self.leave_leadership();
        self.quiescent = false;
        self.leader = None;
        let (term, me) = (Term(self.hard.term.0 + 1), self.config.me);
        self.set_hard_state(super::HardState { term, vote: Some(me), ..self.hard });
        self.state = State::Candidate(Ballot { granted: Vec::new() });
        self.notices.role_changed = true;
        self.draw_jitter(env);
        self.restart_election_timer(env.now());
        let last = self.log.last();
        self.ask_everybody(&RaftMessage::Vote { term, last, transfer });
    }

    fn ask_everybody(&mut self, question: &RaftMessage) {
        let others: Vec<NodeId> = self.voters.others(self.config.me).collect();
        for node in others {
            self.send(node, question.clone());
        }
    }

    /// Follow this term, and this leader if it is known.
    pub(super) fn become_follower(&mut self, term: Term, leader: Option<NodeId>, env: &mut impl Env) {
        self.leave_leadership();
        if term > self.hard.term {
            self.set_hard_state(super::HardState { term, vote: None, ..self.hard });
        }
        self.state = State::Follower;
        self.leader = leader;
        self.quiescent = false;
        self.following.restart(self.commit);
        self.notices.role_changed = true;
        self.draw_jitter(env);
        self.restart_election_timer(env.now());
    }

    pub(super) fn on_pre_vote(&mut self, from: NodeId, term: Term, last: Position, env: &mut impl Env) {
        self.wake_up(from, env);
        let own = self.hard.term;
        let granted = term > own
            && self.hard.rebuild.is_none()
            && !self.is_leader()
            && !self.promised_against(from, env.now())
            && self.up_to_date(last);
        self.send(from, RaftMessage::PreVoteReply { term: if granted { term } else { own }, granted });
    }

    pub(super) fn on_pre_vote_reply(&mut self, from: NodeId, term: Term, granted: bool, env: &mut impl Env) {
        if !granted {
            self.observe_term(term, env);
            return;
        }
        let asked = Term(self.hard.term.0 + 1);
        let State::PreCandidate(ballot) = &mut self.state else { return };
        if term != asked {
            return;
        }
        ballot.add(from);
        if self.voters.agree(&ballot.granted) {
            self.become_candidate(false, env);
        }
    }

    pub(super) fn on_vote(&mut self, from: NodeId, term: Term, last: Position, transfer: bool, env: &mut impl Env) {
        self.wake_up(from, env);
        // A promise comes before a newer term. With `transfer`, the leader has given its lease up.
        let bound = self.is_leader() || self.promised_against(from, env.now());
        let lost = self.hard.rebuild.is_some() && !env.planted(PlantedBug::RebuildingReplicaVotes);
        if lost || (bound && !transfer) {
            return;
        }
        self.observe_term(term, env);
        let free = self.hard.vote.is_none_or(|vote| vote == from);
        let granted = free && self.leader.is_none() && self.up_to_date(last);
        if granted {
            self.set_hard_state(super::HardState { vote: Some(from), ..self.hard });
            self.restart_election_timer(env.now());
        }
        let reply = RaftMessage::VoteReply { term, granted };
        if env.planted(PlantedBug::VoteNotPersisted) {
            self.outbox.send(from, reply);
        } else {
            self.send(from, reply);
        }
    }

    pub(super) fn on_vote_reply(&mut self, from: NodeId, granted: bool, env: &mut impl Env) {
        if let State::Candidate(ballot) = &mut self.state
            && granted
        {
            ballot.add(from);
            self.count_votes(env);
        }
    }

    /// A candidate's own vote counts when it is durable.
    pub(super) fn own_vote_durable(&mut self, env: &mut impl Env) {
        if !self.persistence.hard_state_durable() {
            return;
        }
        if let State::Candidate(ballot) = &mut self.state {
            ballot.add(self.config.me);
            self.count_votes(env);
        }
    }

    fn count_votes(&mut self, env: &mut impl Env) {
        if let State::Candidate(ballot) = &self.state
            && self.voters.agree(&ballot.granted)
        {
            self.become_leader(env);
        }
    }

    /// Whether a log that ends there has everything that could be committed here (Raft paper, section 5.4.1).
    fn up_to_date(&self, last: Position) -> bool {
        let own = self.log.last();
        (last.term, last.index) >= (own.term, own.index)
    }

    /// Whether this replica may lead (it votes in any case). `false` (wrong clock, failed disk) makes a leader step down.
    pub fn set_may_lead(&mut self, may_lead: bool, env: &mut impl Env) {
        if may_lead == self.may_lead {
            return;
        }
        self.may_lead = may_lead;
        if may_lead {
            self.restart_election_timer(env.now());
        } else if self.is_leader() {
            self.step_down(env);
        } else if !matches!(self.state, State::Follower) {
            self.become_follower(self.hard.term, None, env);
        }
    }
}
