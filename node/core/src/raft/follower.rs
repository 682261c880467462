//! What a follower does with its leader's log: take what continues its own, drop what contradicts, and say through where its
//! log equals the leader's *and* is durable. One answer covers everything since the last; a new round is answered at once,
//! whatever the disk does.

use super::{Append, Env, Position, Raft, RaftMessage, Round, State};
use crate::bugs::PlantedBug;
use crate::ids::{LogIndex, NodeId};

/// What a replica knows as a follower in the current term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Following {
    /// The log is known to equal the leader's through here.
    verified: LogIndex,
    /// The newest round seen.
    round: Round,
    /// What the leader was last told.
    answered: LogIndex,
    answer_due: bool,
    /// What is claimed to be durable and is not: only ever set by a planted bug.
    boasted: LogIndex,
}

impl Following {
    /// In a new term: every leader has what is committed (leader completeness).
    pub(super) fn new(commit: LogIndex) -> Following {
        Following {
            verified: commit,
            round: Round::default(),
            answered: LogIndex(0),
            answer_due: false,
            boasted: LogIndex(0),
        }
    }

    pub(super) fn restart(&mut self, commit: LogIndex) {
        *self = Following::new(commit);
    }

    /// Through where a replica whose log is durable through `durable` says that it has the leader's log.
    pub(super) fn acknowledged(&self, durable: LogIndex) -> LogIndex {
        self.verified.min(durable.max(self.boasted))
    }

    pub(super) fn verify(&mut self, through: LogIndex) {
        self.verified = self.verified.max(through);
    }

    pub(super) fn answer_soon(&mut self) {
        self.answer_due = true;
    }
}

impl Raft {
    /// The leader of the current term, or of a newer one, was heard.
    pub(super) fn on_append(&mut self, from: NodeId, append: Append, env: &mut impl Env) {
        let known = append.term == self.hard.term && self.leader == Some(from);
        if append.term == self.hard.term && self.is_leader() {
            self.break_off("two leaders in one term");
            return;
        }
        if !known || !matches!(self.state, State::Follower) {
            self.become_follower(append.term, Some(from), env);
        }
        self.promise_to(from, env.now());
        self.restart_election_timer(env.now());
        let fresh = append.round.number > self.following.round.number;
        let late = append.round.number < self.following.round.number;
        self.following.round = self.following.round.max(append.round);

        let (commit, held_by_all, quiesce) = (append.commit, append.held_by_all, append.quiesce);
        let (round, previous) = (append.round, append.previous);
        if !self.accept(append, env) {
            self.quiescent = false;
            let rejected = RaftMessage::Rejected {
                term: self.hard.term,
                round: Some(round),
                previous: previous.index,
                hint: self.log.agreement(previous),
                rebuild: self.hard.rebuild,
            };
            self.send(from, rejected);
            return;
        }
        self.following.answer_due |= fresh;
        self.commit_through(commit.min(self.following.verified));
        self.held_by_all = self.held_by_all.max(held_by_all);
        if !late {
            self.follow_into_quiescence(quiesce, commit);
        }
    }

    /// Take the entries, if they continue the log.
    fn accept(&mut self, append: Append, env: &mut impl Env) -> bool {
        let Position { index: previous, .. } = append.previous;
        // What is committed is in the leader's log, whatever the message starts at.
        if previous > self.commit && !self.log.contains(append.previous) {
            return false;
        }
        let through = LogIndex(previous.0 + append.entries.len() as u64);
        let last_before = self.log.last_index();
        for entry in append.entries {
            let index = entry.index;
            if index <= self.commit {
                continue;
            }
            if index <= self.log.last_index() {
                if self.log.term_at(index) == Some(entry.term) {
                    continue;
                }
                if env.planted(PlantedBug::ConflictingSuffixKept) {
                    continue;
                }
                self.log.truncate_from(index);
                self.persistence.truncated(index);
            }
            self.log.push(entry);
            self.persistence.appended(index);
        }
        self.following.verify(through);
        // What was here already is answered again: the answer may have been lost.
        self.following.answer_due |= through > previous && through <= last_before;
        if env.planted(PlantedBug::AcknowledgeBeforeDurable) {
            self.following.boasted = self.log.last_index();
            self.following.answer_due = true;
        }
        true
    }

    /// A write of this replica is durable.
    pub(super) fn follower_durable(&mut self) {
        if self.acknowledged() > self.following.answered {
            self.following.answer_due = true;
        }
    }

    /// Tell the leader how far this log is, if there is news.
    pub(super) fn answer(&mut self) {
        if !std::mem::take(&mut self.following.answer_due) {
            return;
        }
        let Some(leader) = self.leader.filter(|leader| *leader != self.config.me) else { return };
        if !matches!(self.state, State::Follower) {
            return;
        }
        let through = self.acknowledged();
        self.following.answered = through;
        let appended = RaftMessage::Appended {
            term: self.hard.term,
            round: self.following.round,
            through,
            quiesced: self.quiescent,
            rebuild: self.hard.rebuild,
        };
        self.send(leader, appended);
    }
}
