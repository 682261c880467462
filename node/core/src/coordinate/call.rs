//! A call: one request of an operation to one shard, sent again until somebody answers it.
//!
//! Requests meet a leader change with latency, not with errors: a refusal that says "nothing happened" only decides where
//! and when the call goes next. Every sending carries the same request id, so however often a write is sent, it is applied
//! once (`replicate::deduplication`).

use crate::ids::{NodeId, SchemaVersion, ShardId};
use crate::message::Refusal;
use crate::time::Monotonic;
use std::time::Duration;

/// Silence after which a call is sent again, perhaps elsewhere: longer than a healthy round trip with a slow disk.
pub const RESEND_AFTER: Duration = Duration::from_millis(400);
/// What a client is told of a shard whose only replica cannot be trusted (`Next::Lost`).
pub const ONLY_REPLICA_DAMAGED: &str = "The only replica of the data is damaged: bring its files back";
/// What a client is told of a node whose disk has failed (`Next::DiskBroken`).
pub const DISK_BROKEN: &str = "The disk has failed: writes are refused until the node is started again";
/// Pause after a refusal that named no better place; elections take some time.
const PAUSE: Duration = Duration::from_millis(20);

/// One sending in so many goes to another replica than the believed leader: the belief may be wrong.
const BELIEF_TRIES: u32 = 3;

/// Where one request to a shard stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The shard.
    pub shard: ShardId,
    /// Where it was sent last.
    pub target: Option<NodeId>,
    /// How often it was sent.
    pub attempts: u32,
    /// Whether a sending may have had an effect: something was sent and not refused.
    pub in_doubt: bool,
}

/// What to do after a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send it there now.
    Send(NodeId),
    /// Send it again at this time.
    Later(Monotonic),
    /// Plan it again once this schema is served here.
    Replan(SchemaVersion),
    /// Tell the client.
    Overloaded,
    /// Tell the client.
    DiskFull,
    /// Tell the client.
    DiskBroken,
    /// Tell the client.
    Lost,
}

impl Call {
    /// A call that has not been sent.
    #[must_use]
    pub fn new(shard: ShardId) -> Call {
        Call { shard, target: None, attempts: 0, in_doubt: false }
    }

    /// It is being sent to this node.
    pub fn sent(&mut self, target: NodeId) {
        self.target = Some(target);
        self.attempts += 1;
        self.in_doubt = true;
    }

    /// The node it was sent to refused it.
    pub fn refused(&mut self, refusal: &Refusal, now: Monotonic) -> Next {
        // A single sending that was refused leaves no doubt; an earlier one without an answer does.
        if self.attempts <= 1 {
            self.in_doubt = false;
        }
        match refusal {
            Refusal::NotLeader(Some(hint)) if self.target != Some(*hint) => {
                // Two nodes that each believe in the other would be asked for ever without a pause.
                if self.attempts % 4 == 3 { Next::Later(now.plus(PAUSE)) } else { Next::Send(*hint) }
            }
            Refusal::StaleSchema(version) => Next::Replan(*version),
            Refusal::Overloaded if !self.in_doubt => Next::Overloaded,
            Refusal::DiskFull if !self.in_doubt => Next::DiskFull,
            Refusal::DiskBroken if !self.in_doubt => Next::DiskBroken,
            Refusal::Lost if !self.in_doubt => Next::Lost,
            _ => Next::Later(now.plus(PAUSE)),
        }
    }
}

impl Next {
    /// A request that was refused may be sent again by whoever is told so: once another part of it may have happened, it is not refused
    /// any more, only late.
    pub fn unless_begun(self, begun: bool, now: Monotonic) -> Next {
        match self {
            Next::Overloaded | Next::DiskFull if begun => Next::Later(now.plus(PAUSE)),
            next => next,
        }
    }
}

/// Where to send a call whose leader is not known for sure: what is believed first, then every replica in turn.
#[must_use]
pub fn candidate(replicas: impl FnOnce() -> Vec<NodeId>, believed: Option<NodeId>, attempts: u32) -> Option<NodeId> {
    if let Some(leader) = believed.filter(|_| attempts % BELIEF_TRIES != BELIEF_TRIES - 1) {
        return Some(leader);
    }
    let replicas = replicas();
    let turn = if believed.is_some() { attempts / BELIEF_TRIES } else { attempts };
    replicas.get((turn as usize).checked_rem(replicas.len())?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_begun_is_late_and_not_refused() {
        let later = Next::Later(Monotonic(0).plus(PAUSE));
        for next in [Next::Overloaded, Next::DiskFull] {
            assert_eq!(next.clone().unless_begun(true, Monotonic(0)), later, "another share may have been done");
            assert_eq!(next.clone().unless_begun(false, Monotonic(0)), next, "it may be sent again as a whole");
        }
    }

    #[test]
    fn a_hint_is_followed_and_circles_are_paused() {
        let mut call = Call::new(ShardId(1));
        call.sent(NodeId(1));
        let now = Monotonic(0);
        assert_eq!(call.refused(&Refusal::NotLeader(Some(NodeId(2))), now), Next::Send(NodeId(2)));
        call.sent(NodeId(2));
        assert_eq!(call.refused(&Refusal::NotLeader(Some(NodeId(1))), now), Next::Send(NodeId(1)));
        call.sent(NodeId(1));
        assert!(matches!(call.refused(&Refusal::NotLeader(Some(NodeId(2))), now), Next::Later(_)));
    }

    #[test]
    fn only_an_unanswered_sending_leaves_doubt() {
        let mut call = Call::new(ShardId(1));
        call.sent(NodeId(1));
        call.refused(&Refusal::NotLeader(None), Monotonic(0));
        assert!(!call.in_doubt);
        call.sent(NodeId(1));
        call.sent(NodeId(2));
        call.refused(&Refusal::NotLeader(None), Monotonic(0));
        assert!(call.in_doubt, "the first of two sendings was never answered");
    }

    #[test]
    fn every_replica_gets_its_turn() {
        let replicas = [NodeId(0), NodeId(1), NodeId(2)];
        for believed in replicas {
            let asked: Vec<_> =
                (0..9).filter_map(|attempts| candidate(|| replicas.to_vec(), Some(believed), attempts)).collect();
            for replica in replicas {
                assert!(asked.contains(&replica), "{asked:?}");
            }
        }
        let asked: Vec<_> = (0..3).filter_map(|attempts| candidate(|| replicas.to_vec(), None, attempts)).collect();
        assert_eq!(asked, replicas);
    }
}
