//! Handing leadership over: on request, on the way down, or to the node that should lead. The successor is brought up to date
//! and then told to stand at once; its voters need not wait for their promises to lapse, *because the leader gives up its lease
//! for the rest of the term when it sends that message*, however late the message arrives.

use super::progress::Flow;
use super::{Env, Raft, RaftMessage, Role, State};
use crate::bugs::PlantedBug;
use crate::ids::{LogIndex, NodeId};
use crate::time::Monotonic;

/// A handover under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Transfer {
    pub(super) to: NodeId,
    /// It has failed then.
    pub(super) deadline: Monotonic,
    /// The successor was told to stand.
    sent: bool,
    /// The mistake of keeping the lease.
    keeps_lease: bool,
}

/// What a leader remembers about the node that should lead instead. Survives its terms: one that failed to take over would
/// otherwise be asked again as soon as its leader leads anew, and writes refused meanwhile, without end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Preference {
    healthy_since: Option<Monotonic>,
    not_before: Monotonic,
}

impl Preference {
    /// A leader of a new term has yet to see that the other is well.
    pub(super) fn begin_anew(&mut self) {
        self.healthy_since = None;
    }
}

impl Raft {
    /// Make another replica the leader: it is brought up to date, then asked to stand. Proposals are refused meanwhile. Given up
    /// after an election timeout.
    pub fn transfer_leadership(&mut self, to: NodeId, env: &mut impl Env) {
        if to == self.config.me {
            return;
        }
        self.wake_leader(env.now());
        let deadline = env.now().plus(self.config.election_timeout);
        let keeps_lease = env.planted(PlantedBug::TransferKeepsLease);
        let State::Leader(leading) = &mut self.state else { return };
        if leading.transfer.is_none() && leading.progress.contains_key(&to) {
            leading.transfer = Some(Transfer { to, deadline, sent: false, keeps_lease });
            self.go_on_with_transfer(to);
        }
    }

    /// The successor may have caught up.
    pub(super) fn go_on_with_transfer(&mut self, with: NodeId) {
        let last = self.log.last_index();
        let term = self.hard.term;
        let State::Leader(leading) = &mut self.state else { return };
        let Some(transfer) = &mut leading.transfer else { return };
        if transfer.to != with || transfer.sent {
            return;
        }
        if leading.progress.get(&with).is_some_and(|progress| progress.matched == last && progress.counts()) {
            transfer.sent = true;
            leading.lease_given_up |= !transfer.keeps_lease;
            self.send(with, RaftMessage::TimeoutNow { term });
        }
    }

    /// A handover that took too long has failed. If the successor was told to stand, it still may, and there is no lease in this
    /// term any more: begin a new one.
    pub(super) fn expire_transfer(&mut self, env: &mut impl Env) {
        let State::Leader(leading) = &mut self.state else { return };
        let Some(transfer) = leading.transfer.filter(|transfer| env.now() >= transfer.deadline) else { return };
        leading.transfer = None;
        if transfer.sent && !transfer.keeps_lease {
            self.become_candidate(true, env);
        }
    }

    /// The leader wants this replica to lead.
    pub(super) fn on_timeout_now(&mut self, env: &mut impl Env) {
        if self.role() == Role::Follower && self.may_lead && self.hard.rebuild.is_none() {
            self.become_candidate(true, env);
        }
    }

    /// Stop leading now, handing over to the most advanced follower.
    pub fn step_down(&mut self, env: &mut impl Env) {
        let State::Leader(leading) = &self.state else { return };
        let counting = leading.progress.iter().filter(|(_, progress)| progress.counts() && progress.acked.is_some());
        let successor = counting.max_by_key(|(_, progress)| (progress.matched, progress.acked)).map(|(node, _)| *node);
        let term = self.hard.term;
        self.become_follower(term, None, env);
        if let Some(node) = successor {
            self.send(node, RaftMessage::TimeoutNow { term });
        }
    }

    /// Whether another node should lead and could.
    pub(super) fn should_hand_over(&self) -> bool {
        self.config.preferred_leader.is_some_and(|node| node != self.config.me && self.voters.contains(node))
    }

    /// Hand over to the node that should lead, once it has been healthy for a while.
    pub(super) fn prefer_leader(&mut self, env: &mut impl Env) {
        let now = env.now();
        let Some(preferred) = self.config.preferred_leader.filter(|node| *node != self.config.me) else { return };
        let recent = self.config.heartbeat_interval * 3;
        let timeout = self.config.election_timeout;
        let commit = self.commit;
        let State::Leader(leading) = &mut self.state else { return };
        let Some(progress) = leading.progress.get(&preferred) else { return };
        let heard = progress.acked.is_some_and(|round| now < round.opened.plus(recent));
        let caught_up = progress.flow == Flow::Replicate && progress.counts() && progress.matched >= commit;
        if !(heard && caught_up && commit > LogIndex(0)) {
            self.preference.healthy_since = None;
            return;
        }
        let since = *self.preference.healthy_since.get_or_insert(now);
        if now >= since.plus(timeout * 2) && now >= self.preference.not_before && leading.transfer.is_none() {
            self.preference.not_before = now.plus(timeout * 10);
            self.transfer_leadership(preferred, env);
        }
    }

    /// Who should lead from now on, if possible.
    pub fn set_preferred_leader(&mut self, preferred: Option<NodeId>) {
        self.config.preferred_leader = preferred;
    }
}
