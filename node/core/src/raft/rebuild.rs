//! How a replica that lost what it once called durable becomes whole again. Until then it must not vote (it may have voted) nor
//! count (it may have promised, or followed a newer term): its answers carry the name of its rebuild, and the leader leaves
//! them out of every majority. When the leader has committed an entry *after* it first heard that name, without the replica's
//! help, a majority of the others stands behind it: whatever the replica once acknowledged and was committed is in that
//! leader's log, and no election that the replica's forgotten votes could decide is open. So when its log is durable
//! through that entry, it is a voter again.

use super::outbox::Outbox;
use super::progress::Rebuild;
use super::{AppliedThrough, Env, HardState, Notices, Raft, RaftMessage, RebuildId, Round, State};
use crate::bugs::PlantedBug;
use crate::ids::{LogIndex, NodeId};

impl Raft {
    /// What this replica has is damaged: forget everything but the term and the vote in it, and be rebuilt. Whatever was handed out
    /// before counts for nothing, whether its writes succeed or not.
    pub fn begin_again(&mut self, env: &mut impl Env) {
        self.commit = LogIndex(0);
        self.become_follower(self.hard.term, None, env);
        self.log.reset(AppliedThrough::default());
        self.persistence.begin_again();
        self.outbox = Outbox::default();
        (self.reported, self.applied, self.held_by_all) = (LogIndex(0), LogIndex(0), LogIndex(0));
        let Notices { mut reads_failed, reads_ready, .. } = std::mem::take(&mut self.notices);
        reads_failed.extend(reads_ready.into_iter().map(|(id, _)| id));
        self.notices = Notices { role_changed: true, reads_failed, ..Notices::default() };
        self.lose_state(env);
    }

    /// From now on it neither votes nor counts.
    pub(super) fn lose_state(&mut self, env: &mut impl Env) {
        if !env.planted(PlantedBug::LostStateForgotten) {
            self.hard.rebuild = Some(RebuildId(env.random_below(u64::MAX)));
            self.persistence.hard_state_changed();
        }
    }

    /// A follower answered as one that is being rebuilt, or not. `end`: at most where its log ends. `false`: the answer is from
    /// before it lost its state, and means nothing any more.
    pub(super) fn note_rebuild(
        &mut self,
        from: NodeId,
        round: Round,
        rebuild: Option<RebuildId>,
        end: LogIndex,
    ) -> bool {
        let State::Leader(leading) = &mut self.state else { return false };
        let Some(progress) = leading.progress.get_mut(&from) else { return false };
        let Some(id) = rebuild else {
            return match &mut progress.rebuild {
                // Who is whole again has the mark, which did not exist when what was lost was answered; started again, it may not know
                // yet that its log is the leader's through there. Then the round tells.
                Some(rebuild) if rebuild.active && end < rebuild.mark && round <= rebuild.heard => false,
                Some(rebuild) => {
                    rebuild.active = false;
                    true
                }
                None => true,
            };
        };
        if progress.matched > end {
            progress.forget(LogIndex(end.0 + 1));
        }
        match &mut progress.rebuild {
            Some(known) if known.id == id => known.active = true,
            _ => {
                progress.acked = None;
                let heard = leading.round;
                let mark = self.append_empty();
                self.set_rebuild(from, Rebuild { id, mark, heard, active: true });
            }
        }
        true
    }

    fn set_rebuild(&mut self, node: NodeId, rebuild: Rebuild) {
        if let State::Leader(leading) = &mut self.state
            && let Some(progress) = leading.progress.get_mut(&node)
        {
            progress.rebuild = Some(rebuild);
        }
    }

    /// The follower has everything that it could have lost: tell it.
    pub(super) fn end_rebuild(&mut self, node: NodeId, env: &impl Env) {
        let State::Leader(leading) = &self.state else { return };
        let Some(progress) = leading.progress.get(&node) else { return };
        if let Some(Rebuild { id, mark, active: true, .. }) = progress.rebuild
            && (self.commit >= mark && progress.matched >= mark || env.planted(PlantedBug::RebuildEndsEarly))
        {
            let term = self.hard.term;
            self.send(node, RaftMessage::Rebuilt { term, rebuild: id, through: mark });
        }
    }

    /// The leader says that everything is back.
    pub(super) fn on_rebuilt(&mut self, rebuild: RebuildId, through: LogIndex, env: &impl Env) {
        let whole = self.acknowledged() >= through || env.planted(PlantedBug::RebuildEndsEarly);
        if self.hard.rebuild == Some(rebuild) && whole {
            self.set_hard_state(HardState { rebuild: None, ..self.hard });
            self.following.answer_soon();
        }
    }
}
