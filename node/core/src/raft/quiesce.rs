//! Idle shards cost nothing. A leader with nothing to do asks its followers, with a heartbeat, to stop their election timers;
//! when all have, it stops its heartbeats. Anything that happens ends it. A quiescent follower leaves it to the nodes' own
//! failure detector to notice a dead leader (`leader_suspected`). Promises and leases are not touched: a leader that was
//! quiescent has no lease, and confirms itself with a round before it serves a read.

use super::progress::Flow;
use super::{Env, Raft, Round, State};
use crate::ids::{LogIndex, NodeId};
use crate::time::Monotonic;

/// How far a leader is on its way to silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Quiescence {
    /// The last time something happened.
    active_at: Monotonic,
    /// The round in which followers were first asked to be silent.
    asked_in: Option<u64>,
}

impl Quiescence {
    pub(super) fn new(now: Monotonic) -> Quiescence {
        Quiescence { active_at: now, asked_in: None }
    }

    /// Whether messages ask for silence now.
    pub(super) fn asked(&self) -> bool {
        self.asked_in.is_some()
    }

    /// Whether an answer to this round says anything about silence.
    pub(super) fn counts(&self, round: Round) -> bool {
        self.asked_in.is_some_and(|asked| round.number >= asked)
    }
}

impl Raft {
    /// Something happens at a leader: it is heard again, in a new round, so that what it asked for before is void.
    pub(super) fn wake_leader(&mut self, now: Monotonic) {
        let State::Leader(leading) = &mut self.state else { return };
        leading.quiescence.active_at = now;
        if leading.quiescence.asked_in.take().is_none() {
            return;
        }
        if std::mem::take(&mut self.quiescent) {
            leading.since = now;
        }
        leading.round_fresh = false;
        self.heartbeat(now);
    }

    /// At a heartbeat: ask for silence if nothing has happened for a while and everybody has everything.
    pub(super) fn consider_quiescence(&mut self, now: Monotonic) {
        let hand_over = self.should_hand_over();
        let last = self.log.last_index();
        let settled = self.commit == last && self.applied == last && self.persistence.durable_index() == last;
        let quiesce_after = self.config.quiesce_after;
        let State::Leader(leading) = &mut self.state else { return };
        let everybody = leading.progress.values().all(|progress| {
            progress.flow == Flow::Replicate && progress.matched == last && progress.rebuild.is_none_or(|it| !it.active)
        });
        let idle = settled
            && everybody
            && !hand_over
            && leading.reads.is_empty()
            && leading.transfer.is_none()
            && now >= leading.quiescence.active_at.plus(quiesce_after);
        if idle && leading.quiescence.asked_in.is_none() {
            leading.quiescence.asked_in = Some(leading.round.number);
            for progress in leading.progress.values_mut() {
                progress.quiesced = false;
            }
        } else if !idle {
            leading.quiescence.asked_in = None;
        }
    }

    /// When every follower is silent, so is the leader.
    pub(super) fn quiesce_if_all_did(&mut self) {
        let State::Leader(leading) = &self.state else { return };
        if leading.quiescence.asked() && leading.progress.values().all(|progress| progress.quiesced) {
            self.quiescent = true;
        }
    }

    /// A follower stops its timer when asked, if it has everything.
    pub(super) fn follow_into_quiescence(&mut self, asked: bool, leader_commit: LogIndex) {
        let last = self.log.last_index();
        let complete = leader_commit == last && self.commit == last && self.acknowledged() == last;
        self.quiescent = asked && complete && self.hard.rebuild.is_none();
    }

    /// Somebody stands for election: there is no silence. A follower gives its leader another timeout to be heard, unless it is the
    /// leader who stands.
    pub(super) fn wake_up(&mut self, candidate: NodeId, env: &mut impl Env) {
        self.wake_leader(env.now());
        if !self.is_leader() && std::mem::take(&mut self.quiescent) {
            self.restart_election_timer(env.now());
            if let Some(leader) = self.leader.filter(|leader| *leader != candidate) {
                self.promise_to(leader, env.now());
            }
        }
    }

    /// The nodes' failure detector says that this shard's leader is dead: a follower that is quiescent wakes and stands soon.
    pub fn leader_suspected(&mut self, env: &mut impl Env) {
        if self.is_leader() || !std::mem::take(&mut self.quiescent) {
            return;
        }
        let timeout = u64::try_from(self.config.election_timeout.as_nanos()).unwrap_or(u64::MAX).max(1);
        let soon = env.now().plus(std::time::Duration::from_nanos(env.random_below(timeout)));
        self.election_at = self.promise.map_or(soon, |promise| soon.max(promise.until));
    }
}
