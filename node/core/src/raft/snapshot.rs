//! Snapshots, as far as consensus cares: which follower needs one, and what a replica's log is after it got one. The content
//! is streamed by the replica layer, in bounded chunks, and never passes through here.

use super::progress::Flow;
use super::{AppliedThrough, Env, Raft, State};
use crate::ids::{LogIndex, NodeId, Term};
use crate::time::Monotonic;

/// Whether a snapshot may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotAnswer {
    /// Go on.
    Ready,
    /// Ask again after the next `durable`.
    Wait,
    /// From a leader whose term is over: refuse it.
    Stale,
}

impl Raft {
    /// A follower was heard that needs a snapshot: tell the replica layer, once.
    pub(super) fn ask_for_snapshot(&mut self, follower: NodeId, now: Monotonic) {
        let State::Leader(leading) = &mut self.state else { return };
        let Some(progress) = leading.progress.get_mut(&follower) else { return };
        if let Flow::Snapshot { asked: asked @ false, not_before } = &mut progress.flow
            && now >= *not_before
        {
            *asked = true;
            self.notices.snapshots_wanted.push(follower);
        }
    }

    /// The snapshot wanted by this follower is installed there, through this index: go on with entries.
    pub fn snapshot_sent(&mut self, to: NodeId, through: LogIndex, env: &mut impl Env) {
        let State::Leader(leading) = &mut self.state else { return };
        if let Some(progress) = leading.progress.get_mut(&to)
            && matches!(progress.flow, Flow::Snapshot { .. })
        {
            progress.probe(LogIndex(through.0 + 1));
        }
        self.wake_leader(env.now());
    }

    /// The snapshot did not arrive. It is asked for again later if it is still needed.
    pub fn snapshot_failed(&mut self, to: NodeId, env: &mut impl Env) {
        let not_before = env.now().plus(self.config.election_timeout);
        let State::Leader(leading) = &mut self.state else { return };
        if let Some(progress) = leading.progress.get_mut(&to)
            && matches!(progress.flow, Flow::Snapshot { .. })
        {
            progress.want_snapshot(not_before);
        }
    }

    /// A leader of this term offers a snapshot. Call before writing anything of it, and again until it says `Ready`: the term must
    /// be durable before rows that were committed in it are.
    pub fn accept_snapshot(&mut self, leader: NodeId, leader_term: Term, env: &mut impl Env) -> SnapshotAnswer {
        if leader_term < self.hard.term || self.is_leader() {
            return SnapshotAnswer::Stale;
        }
        if leader_term > self.hard.term {
            self.become_follower(leader_term, Some(leader), env);
        }
        if self.persistence.hard_state_durable() { SnapshotAnswer::Ready } else { SnapshotAnswer::Wait }
    }

    /// A snapshot accepted before is durable in the rows: the log restarts after it unless it is already there. The state machine is
    /// at this position now; nothing through it comes in `Effects::committed` any more.
    pub fn install_snapshot(&mut self, applied: AppliedThrough, env: &mut impl Env) {
        let index = applied.position.index;
        self.wake_leader(env.now());
        if index > self.commit {
            if !self.log.contains(applied.position) {
                self.log.reset(applied);
                self.persistence.reset(applied.position);
            }
            self.commit_through(index);
            self.following.verify(index);
        }
        self.reported = self.reported.max(index);
        // Perhaps less than before: what was here was cleared, and the leader had applied less of what is committed.
        self.applied = index;
        self.applied(index);
        self.following.answer_soon();
    }
}
