//! What a leader does: it opens its term with an empty entry, appends what is proposed, sends entries to every follower as fast
//! as that one's window allows, and learns from the answers. Its own log is written at the same time; until that is durable
//! it counts for nothing (`commit`).

use super::log::entry_bytes;
use super::progress::{Flow, Progress};
use super::quiesce::Quiescence;
use super::read::Reads;
use super::transfer::Transfer;
use super::{Append, Entry, Env, Position, Raft, RaftMessage, RebuildId, Round, State};
use crate::ids::{LogIndex, NodeId, Term};
use crate::time::{HybridTime, Monotonic};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Why a proposal was not appended. Nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ProposeError {
    /// Somebody else leads, perhaps this one.
    #[error("not the leader of the shard")]
    NotLeader(Option<NodeId>),
    /// Too many bytes wait for being committed, or for the disk.
    #[error("too many proposals are waiting")]
    Overloaded,
}

/// What only a leader knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Leading {
    pub(super) progress: BTreeMap<NodeId, Progress>,
    /// The empty entry that opened the term: when it is committed, so is everything committed before the term.
    pub(super) first: LogIndex,
    /// Bytes of entries that are not committed.
    pub(super) uncommitted_bytes: u64,
    /// The round that messages belong to now.
    pub(super) round: Round,
    /// No message of `round` has left yet.
    pub(super) round_fresh: bool,
    /// The newest round that a majority has answered.
    pub(super) confirmed: Option<Round>,
    /// Silence of followers counts from here: the beginning of the term, or of activity after quiescence.
    pub(super) since: Monotonic,
    pub(super) heartbeat_at: Monotonic,
    /// Somebody was asked to stand: no lease in this term any more.
    pub(super) lease_given_up: bool,
    pub(super) reads: Reads,
    pub(super) transfer: Option<Transfer>,
    pub(super) quiescence: Quiescence,
}

impl Raft {
    /// The election is won.
    pub(super) fn become_leader(&mut self, env: &mut impl Env) {
        let now = env.now();
        let last = self.log.last_index();
        let me = self.config.me;
        let leading = Leading {
            progress: self.voters.others(me).map(|node| (node, Progress::new(last))).collect(),
            first: LogIndex(last.0 + 1),
            uncommitted_bytes: self.log.bytes_after(self.commit),
            round: Round { number: 1, opened: now },
            round_fresh: true,
            confirmed: None,
            since: now,
            heartbeat_at: now.plus(self.config.heartbeat_interval),
            lease_given_up: false,
            reads: Reads::default(),
            transfer: None,
            quiescence: Quiescence::new(now),
        };
        self.state = State::Leader(Box::new(leading));
        self.leader = Some(me);
        self.preference.begin_anew();
        self.promise = None;
        self.quiescent = false;
        self.notices.role_changed = true;
        self.append(Bytes::new(), HybridTime(self.log.last_stamp().0 + 1));
        self.confirm_rounds();
        self.advance_commit(env);
    }

    /// Leadership is over, if there was one: nothing that waits for it will be served.
    pub(super) fn leave_leadership(&mut self) {
        if let State::Leader(leading) = &mut self.state {
            self.notices.reads_failed.extend(leading.reads.take_all());
            self.leader = None;
        }
    }

    fn append(&mut self, payload: Bytes, stamp: HybridTime) -> LogIndex {
        let index = LogIndex(self.log.last_index().0 + 1);
        let entry = Entry { index, term: self.hard.term, stamp, payload };
        if let State::Leader(leading) = &mut self.state {
            leading.uncommitted_bytes += entry_bytes(&entry);
        }
        self.log.push(entry);
        self.persistence.appended(index);
        index
    }

    /// Append an entry that nobody proposed.
    pub(super) fn append_empty(&mut self) -> LogIndex {
        self.append(Bytes::new(), HybridTime(self.log.last_stamp().0 + 1))
    }

    /// Append to the log, if this replica leads. `stamp` must be above `last_stamp()`.
    ///
    /// # Errors
    /// Not the leader, or overloaded; nothing happened.
    pub fn propose(
        &mut self,
        stamp: HybridTime,
        payload: Bytes,
        env: &mut impl Env,
    ) -> Result<(LogIndex, Term), ProposeError> {
        let State::Leader(leading) = &self.state else {
            return Err(ProposeError::NotLeader(self.leader));
        };
        if let Some(transfer) = &leading.transfer {
            return Err(ProposeError::NotLeader(Some(transfer.to)));
        }
        let in_memory = self.config.log_retained_bytes.saturating_add(self.config.uncommitted_bytes);
        if leading.uncommitted_bytes >= self.config.uncommitted_bytes || self.log.bytes() >= in_memory {
            return Err(ProposeError::Overloaded);
        }
        self.wake_leader(env.now());
        let index = self.append(payload, stamp);
        self.advance_commit_after_append(env);
        Ok((index, self.hard.term))
    }

    /// Give every follower what it may get now.
    pub(super) fn send_appends(&mut self) {
        let State::Leader(leading) = &mut self.state else { return };
        leading.round_fresh = false;
        let mut template = Append {
            term: self.hard.term,
            round: leading.round,
            previous: Position::default(),
            entries: Vec::new(),
            commit: self.commit,
            held_by_all: self.held_by_all,
            quiesce: leading.quiescence.asked(),
        };
        let last = self.log.last_index();
        for (node, progress) in &mut leading.progress {
            let mut written = false;
            if !matches!(progress.flow, Flow::Snapshot { .. }) && progress.previous(&self.log).is_none() {
                progress.want_snapshot(Monotonic(0));
            }
            while progress.next <= last && progress.may_send(self.config.append_window_bytes) {
                let Some(previous) = progress.previous(&self.log) else { break };
                let (entries, bytes) = self.log.copy(progress.next, self.config.append_message_bytes);
                let through = LogIndex(previous.index.0 + entries.len() as u64);
                progress.sent(through, bytes);
                self.outbox.send(*node, RaftMessage::Append(Append { previous, entries, ..template.clone() }));
                written = true;
            }
            // An idle follower hears of a commit at once, a busy one with the next entries.
            let news = self.commit > progress.commit_told && progress.flow == Flow::Replicate && progress.idle();
            if !written && (progress.heartbeat_due || news) {
                template.previous = match progress.flow {
                    Flow::Snapshot { .. } => Position::default(),
                    Flow::Probe { .. } | Flow::Replicate => progress.previous(&self.log).unwrap_or_default(),
                };
                self.outbox.send(*node, RaftMessage::Append(template.clone()));
                written = true;
            }
            if written {
                progress.commit_told = self.commit;
                progress.heartbeat_due = false;
            }
        }
    }

    /// A new round: everybody is written to, and answers to it prove that nobody else led when it was opened.
    pub(super) fn open_round(&mut self, now: Monotonic) {
        let State::Leader(leading) = &mut self.state else { return };
        if !leading.round_fresh {
            leading.round = Round { number: leading.round.number + 1, opened: now };
            leading.round_fresh = true;
        }
        for progress in leading.progress.values_mut() {
            progress.heartbeat_due = true;
        }
    }

    pub(super) fn leader_wake(&self, leading: &Leading) -> Option<Monotonic> {
        let heartbeat = (!self.quiescent && !leading.progress.is_empty()).then_some(leading.heartbeat_at);
        match (heartbeat, leading.transfer.as_ref().map(|transfer| transfer.deadline)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    pub(super) fn leader_tick(&mut self, env: &mut impl Env) {
        let now = env.now();
        self.expire_transfer(env);
        let State::Leader(leading) = &self.state else { return };
        if self.quiescent || leading.progress.is_empty() || now < leading.heartbeat_at {
            return;
        }
        if self.quorum_lost(env) {
            self.become_follower(self.hard.term, None, env);
            return;
        }
        self.probe_the_silent(now);
        self.prefer_leader(env);
        self.heartbeat(now);
        self.consider_quiescence(now);
    }

    /// A new round, and the next one later.
    pub(super) fn heartbeat(&mut self, now: Monotonic) {
        self.open_round(now);
        if let State::Leader(leading) = &mut self.state {
            leading.heartbeat_at = now.plus(self.config.heartbeat_interval);
        }
    }

    /// Nothing is sent ahead to a follower that does not answer.
    fn probe_the_silent(&mut self, now: Monotonic) {
        let State::Leader(leading) = &mut self.state else { return };
        for progress in leading.progress.values_mut() {
            let heard = progress.acked.map_or(leading.since, |round| round.opened.max(leading.since));
            if progress.flow == Flow::Replicate && now >= heard.plus(self.config.election_timeout) {
                progress.probe(LogIndex(progress.matched.0 + 1));
            }
        }
    }

    /// A follower has the log through here.
    pub(super) fn on_appended(
        &mut self,
        from: NodeId,
        round: Round,
        through: LogIndex,
        quiesced: bool,
        rebuild: Option<RebuildId>,
        env: &mut impl Env,
    ) {
        if !self.note_rebuild(from, round, rebuild, through) {
            return;
        }
        let floor = self.log.floor().index;
        let last = self.log.last_index();
        let State::Leader(leading) = &mut self.state else { return };
        let Some(progress) = leading.progress.get_mut(&from) else { return };
        if through > last {
            self.break_off("a follower has entries of this term that its leader has not");
            return;
        }
        progress.confirmed(through, floor);
        progress.acked = progress.acked.max(Some(round));
        if leading.quiescence.counts(round) {
            progress.quiesced = quiesced;
        }
        self.confirm_rounds();
        self.advance_commit(env);
        self.resolve_reads();
        self.learn_held_by_all();
        self.end_rebuild(from, env);
        self.go_on_with_transfer(from);
        self.ask_for_snapshot(from, env.now());
        self.quiesce_if_all_did();
    }

    /// A follower's log does not continue where entries were sent.
    pub(super) fn on_rejected(
        &mut self,
        from: NodeId,
        round: Option<Round>,
        previous: LogIndex,
        hint: Position,
        rebuild: Option<RebuildId>,
        env: &mut impl Env,
    ) {
        let Some(round) = round else { return };
        if !self.note_rebuild(from, round, rebuild, hint.index) {
            return;
        }
        let agreement = self.log.agreement(hint).index;
        let floor = self.log.floor().index;
        let State::Leader(leading) = &mut self.state else { return };
        let Some(progress) = leading.progress.get_mut(&from) else { return };
        progress.acked = progress.acked.max(Some(round));
        if progress.refused(previous, agreement) && (progress.next.0 <= floor.0 || hint.index < floor) {
            progress.want_snapshot(Monotonic(0));
        }
        self.confirm_rounds();
        self.resolve_reads();
        self.ask_for_snapshot(from, env.now());
    }
}
