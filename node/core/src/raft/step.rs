//! What comes in: messages, time, durability. Terms are compared here, once, before any message is looked at: whoever hears
//! of a newer term follows it, except when asked for a vote, where a promise to the present leader comes first.

use super::{Env, PersistSequence, Raft, RaftMessage, Role, State};
use crate::ids::{LogIndex, NodeId, Term};
use crate::time::Monotonic;

impl Raft {
    /// A message arrived.
    pub fn step(&mut self, from: NodeId, message: RaftMessage, env: &mut impl Env) {
        if !self.voters.contains(from) || from == self.config.me {
            return;
        }
        if message.term() < self.hard.term {
            self.answer_stale(from, &message);
            return;
        }
        match message {
            RaftMessage::PreVote { term, last } => self.on_pre_vote(from, term, last, env),
            RaftMessage::PreVoteReply { term, granted } => self.on_pre_vote_reply(from, term, granted, env),
            RaftMessage::Vote { term, last, transfer } => self.on_vote(from, term, last, transfer, env),
            RaftMessage::Append(append) => self.on_append(from, append, env),
            RaftMessage::VoteReply { .. }
            | RaftMessage::Appended { .. }
            | RaftMessage::Rejected { .. }
            | RaftMessage::TimeoutNow { .. }
            | RaftMessage::Rebuilt { .. } => {
                self.observe_term(message.term(), env);
                self.step_in_term(from, message, env);
            }
        }
    }

    /// A message that makes no exception from the rule about newer terms; it is of the current term now.
    fn step_in_term(&mut self, from: NodeId, message: RaftMessage, env: &mut impl Env) {
        match message {
            RaftMessage::VoteReply { granted, .. } => self.on_vote_reply(from, granted, env),
            RaftMessage::Appended { round, through, quiesced, rebuild, .. } => {
                self.on_appended(from, round, through, quiesced, rebuild, env);
            }
            RaftMessage::Rejected { round, previous, hint, rebuild, .. } => {
                self.on_rejected(from, round, previous, hint, rebuild, env);
            }
            RaftMessage::TimeoutNow { .. } => self.on_timeout_now(env),
            RaftMessage::Rebuilt { rebuild, through, .. } => self.on_rebuilt(rebuild, through, env),
            RaftMessage::PreVote { .. }
            | RaftMessage::PreVoteReply { .. }
            | RaftMessage::Vote { .. }
            | RaftMessage::Append(_) => {}
        }
    }

    /// The sender of a message is behind: tell it the term, if it waits for an answer.
    fn answer_stale(&mut self, from: NodeId, message: &RaftMessage) {
        let term = self.hard.term;
        match message {
            RaftMessage::PreVote { .. } => self.send(from, RaftMessage::PreVoteReply { term, granted: false }),
            RaftMessage::Vote { .. } => self.send(from, RaftMessage::VoteReply { term, granted: false }),
            RaftMessage::Append(append) => {
                let rejected = RaftMessage::Rejected {
                    term,
                    round: None,
                    previous: append.previous.index,
                    hint: self.log.last(),
                    rebuild: self.hard.rebuild,
                };
                self.send(from, rejected);
            }
            _ => {}
        }
    }

    /// Follow a newer term.
    pub(super) fn observe_term(&mut self, term: Term, env: &mut impl Env) {
        if term > self.hard.term {
            self.become_follower(term, None, env);
        }
    }

    /// Time has passed; call at or after `next_wake`. Calling it more often is harmless.
    pub fn tick(&mut self, env: &mut impl Env) {
        if self.persistence.retry_at().is_some_and(|at| env.now() >= at) {
            self.persistence.retry();
        }
        match self.role() {
            Role::Leader => self.leader_tick(env),
            Role::Follower | Role::PreCandidate | Role::Candidate => self.election_tick(env),
        }
    }

    /// When `tick` has to be called next; may change with every call. `None`: never, unless something happens.
    #[must_use]
    pub fn next_wake(&self) -> Option<Monotonic> {
        let timer = match &self.state {
            State::Leader(leading) => self.leader_wake(leading),
            State::Follower | State::PreCandidate(_) | State::Candidate(_) => self.election_wake(),
        };
        match (timer, self.persistence.retry_at()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Everything submitted up to and including the effects with this sequence is durable.
    pub fn durable(&mut self, sequence: PersistSequence, env: &mut impl Env) {
        if !self.persistence.report(sequence) {
            return;
        }
        self.outbox.release(sequence);
        match self.state {
            State::Candidate(_) => self.own_vote_durable(env),
            State::Leader(_) => self.advance_commit(env),
            State::Follower | State::PreCandidate(_) => self.follower_durable(),
        }
    }

    /// The effects with this sequence could not be written (disk full). The replica hands out everything that is not durable once
    /// more (with a new sequence) a little later, until it succeeds. It steps down if another could lead; a voter alone goes on:
    /// nobody else can serve.
    pub fn persist_failed(&mut self, sequence: PersistSequence, env: &mut impl Env) {
        if self.persistence.is_settled(sequence) {
            return;
        }
        let retry_at = env.now().plus(self.config.heartbeat_interval);
        self.write_again(retry_at, env);
    }

    /// The disk is done for: nothing is handed out any more, and what was counts for nothing. Steps down as `persist_failed` does.
    pub fn stop_writing(&mut self, env: &mut impl Env) {
        self.write_again(Monotonic(u64::MAX), env);
    }

    fn write_again(&mut self, retry_at: Monotonic, env: &mut impl Env) {
        let next = self.persistence.failed(&self.log, retry_at);
        self.outbox.postpone(next);
        if self.role() != Role::Follower && !self.voters.only(self.config.me) {
            self.become_follower(self.hard.term, None, env);
        }
    }

    /// The log, for messages that claim it: durable, and known to equal the leader's.
    pub(super) fn acknowledged(&self) -> LogIndex {
        self.following.acknowledged(self.persistence.durable_index())
    }
}
