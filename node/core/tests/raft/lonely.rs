//! One replica of three that is written to by hand, for what no story can say.

use crate::oracle::no_bugs;
use crate::replica::StepEnv;
use std::time::Duration;
use trefoil_core::config::Tuning;
use trefoil_core::ids::{LogIndex, NodeId, ShardId, Term};
use trefoil_core::raft::{
    AppliedThrough, Effects, Raft, RaftConfig, RaftMessage, RebuildId, Round, SavedLog, SavedLogError, Start,
};
use trefoil_core::time::Monotonic;

/// An election timeout.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(600);

/// One replica of three that is written to by hand; its disk is instantaneous.
pub(crate) struct Lonely {
    pub(crate) raft: Raft,
    pub(crate) now: Monotonic,
}

impl Lonely {
    pub(crate) fn new(me: u32) -> Lonely {
        let nothing = (SavedLog::default(), AppliedThrough::default());
        Lonely::start(me, nothing.0, nothing.1, Start::Founding).expect("nothing contradicts nothing")
    }

    /// A replica that finds this in its stores.
    pub(crate) fn start(
        me: u32,
        saved: SavedLog,
        applied: AppliedThrough,
        start: Start,
    ) -> Result<Lonely, SavedLogError> {
        let voters = vec![NodeId(1), NodeId(2), NodeId(3)];
        let tuning = Tuning { election_timeout: TIMEOUT, ..Tuning::default() };
        let config = RaftConfig::new(ShardId(1), NodeId(me), voters, &tuning);
        let now = Monotonic(5_000_000_000);
        let raft = with(now, |env| Raft::new(config, saved, applied, start, env))?;
        Ok(Lonely { raft, now })
    }

    pub(crate) fn after(&mut self, milliseconds: u64) {
        self.now = self.now.plus(Duration::from_millis(milliseconds));
    }

    pub(crate) fn tell(&mut self, from: u32, message: RaftMessage) -> Vec<RaftMessage> {
        with(self.now, |env| self.raft.step(NodeId(from), message, env));
        self.written()
    }

    /// What it sends, with everything written.
    pub(crate) fn written(&mut self) -> Vec<RaftMessage> {
        let mut sent = Vec::new();
        loop {
            let Effects { messages, log_ops, sequence, .. } = self.raft.take_effects();
            sent.extend(messages.into_iter().map(|(_, message)| message));
            if log_ops.is_empty() {
                return sent;
            }
            with(self.now, |env| self.raft.durable(sequence, env));
        }
    }

    /// Make it the leader of the term after its own, by the vote of another.
    pub(crate) fn lead(mut self, voter: u32) -> Lonely {
        self.after(1_300);
        with(self.now, |env| self.raft.tick(env));
        self.written();
        let term = Term(self.raft.term().0 + 1);
        self.tell(voter, RaftMessage::PreVoteReply { term, granted: true });
        self.tell(voter, RaftMessage::VoteReply { term, granted: true });
        assert!(self.raft.is_leader());
        self
    }

    pub(crate) fn round(&mut self) -> Round {
        with(self.now, |env| self.raft.read(0, env));
        let rounds = self.written().into_iter().filter_map(|message| match message {
            RaftMessage::Append(append) => Some(append.round),
            _ => None,
        });
        rounds.max().expect("a read that waits asks everybody")
    }

    pub(crate) fn appended(&self, round: Round, through: u64, rebuild: Option<RebuildId>) -> RaftMessage {
        let (term, through) = (self.raft.term(), LogIndex(through));
        RaftMessage::Appended { term, round, through, quiesced: false, rebuild }
    }
}

pub(crate) fn with<R>(now: Monotonic, action: impl FnOnce(&mut StepEnv<'_>) -> R) -> R {
    let mut random = |bound: u64| bound / 8;
    let bugs = no_bugs();
    action(&mut StepEnv { now, random: &mut random, bugs: &bugs })
}
