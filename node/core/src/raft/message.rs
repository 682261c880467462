//! What replicas of one shard say to each other. Every message may be lost, doubled, delayed or overtaken by a later one;
//! none is ever altered. Sent only when everything it claims is durable (`outbox.rs`).

use super::{Entry, Position, RebuildId};
use crate::ids::{LogIndex, Term};
use crate::time::Monotonic;
use serde::{Deserialize, Serialize};

/// A round of questions from a leader to everybody: "do you still follow me?" Answers to it renew the lease and confirm reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Round {
    /// Increasing within a term.
    pub number: u64,
    /// The leader's own clock when it opened the round, before any message of it was sent. Only the leader looks at it.
    pub opened: Monotonic,
}

/// A message of one shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RaftMessage {
    /// Would you vote for me? Changes nothing at the receiver, so that a replica that was cut off cannot disturb.
    PreVote {
        /// The term the sender would stand in: its own plus one.
        term: Term,
        /// The end of its log.
        last: Position,
    },
    /// Answer to `PreVote`.
    PreVoteReply {
        /// Granted: the term asked about. Refused: the voter's own term.
        term: Term,
        /// The answer.
        granted: bool,
    },
    /// Vote for me.
    Vote {
        /// The term the sender stands in.
        term: Term,
        /// The end of its log.
        last: Position,
        /// The leader asked the sender to stand and has given up its lease: do not wait for it to lapse.
        transfer: bool,
    },
    /// Answer to `Vote`.
    VoteReply {
        /// The voter's term.
        term: Term,
        /// The answer.
        granted: bool,
    },
    /// From the leader: entries, the commit index, a heartbeat, or all of it.
    Append(Append),
    /// The follower has the leader's log, durably, through here.
    Appended {
        /// The follower's term.
        term: Term,
        /// The latest round it was asked in.
        round: Round,
        /// Durable there and equal to the leader's log.
        through: LogIndex,
        /// It has stopped its election timer, as asked.
        quiesced: bool,
        /// Set while it rebuilds: its answers do not count.
        rebuild: Option<RebuildId>,
    },
    /// The follower's log does not continue at `previous`, or the sender's term is over.
    Rejected {
        /// The follower's term.
        term: Term,
        /// The round it was asked in. `None`: the refused message was of an older term, so the answer only says that this term
        /// exists; whoever leads by now must not take the rounds of an older leadership for its own.
        round: Option<Round>,
        /// `previous.index` of the refused message.
        previous: LogIndex,
        /// The last place at or before `previous` where the two logs may agree.
        hint: Position,
        /// Set while it rebuilds.
        rebuild: Option<RebuildId>,
    },
    /// From the leader: stand for election at once.
    TimeoutNow {
        /// The leader's term.
        term: Term,
    },
    /// From the leader to a replica that lost its state: it has everything again once its log is durable through here.
    Rebuilt {
        /// The leader's term.
        term: Term,
        /// Which rebuild this ends.
        rebuild: RebuildId,
        /// An entry that was committed after the rebuild began, without the replica's help.
        through: LogIndex,
    },
}

/// Entries, commit index, heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Append {
    /// The leader's term.
    pub term: Term,
    /// The round this belongs to.
    pub round: Round,
    /// Where the entries continue the log.
    pub previous: Position,
    /// New entries, the first at `previous.index + 1`. May be empty.
    pub entries: Vec<Entry>,
    /// The leader's commit index.
    pub commit: LogIndex,
    /// Every replica has the log durably through here: nobody will ask for what is before it.
    pub held_by_all: LogIndex,
    /// Nothing is going on: stop the election timer until something does.
    pub quiesce: bool,
}

impl RaftMessage {
    /// The term it carries.
    #[must_use]
    pub fn term(&self) -> Term {
        match self {
            RaftMessage::PreVote { term, .. }
            | RaftMessage::PreVoteReply { term, .. }
            | RaftMessage::Vote { term, .. }
            | RaftMessage::VoteReply { term, .. }
            | RaftMessage::Appended { term, .. }
            | RaftMessage::Rejected { term, .. }
            | RaftMessage::TimeoutNow { term }
            | RaftMessage::Rebuilt { term, .. } => *term,
            RaftMessage::Append(append) => append.term,
        }
    }
}
