//! What a story says of messages, writes and roles, and what it may say itself: a message in words, and back.

use crate::replica::Wire;
use bytes::Bytes;
use trefoil_core::ids::{LogIndex, Term};
use trefoil_core::raft::{Append, Entry, LogOp, Position, RaftMessage, RebuildId, Role, Round};
use trefoil_core::time::{HybridTime, Monotonic};

fn position(position: Position) -> String {
    format!("{}/{}", position.index, position.term)
}

fn entries(entries: &[Entry]) -> String {
    let each = entries
        .iter()
        .map(|entry| format!("{}/{} {:?}", entry.index, entry.term, String::from_utf8_lossy(&entry.payload)));
    format!("[{}]", each.collect::<Vec<_>>().join(", "))
}

pub(super) fn describe(wire: &Wire) -> String {
    let answer = |granted: &bool| if *granted { "granted" } else { "refused" };
    let lost = |rebuild: bool| if rebuild { " rebuilding" } else { "" };
    match wire {
        Wire::Raft(RaftMessage::PreVote { term, last }) => format!("pre-vote t{term} last {}", position(*last)),
        Wire::Raft(RaftMessage::PreVoteReply { term, granted }) => format!("pre-vote {} t{term}", answer(granted)),
        Wire::Raft(RaftMessage::Vote { term, last, transfer }) => {
            format!("vote t{term} last {}{}", position(*last), if *transfer { " transfer" } else { "" })
        }
        Wire::Raft(RaftMessage::VoteReply { term, granted }) => format!("vote {} t{term}", answer(granted)),
        Wire::Raft(RaftMessage::Append(Append { term, round, previous, entries: new, commit, quiesce, .. })) => {
            format!(
                "append t{term} r{} after {} {} commit {commit}{}",
                round.number,
                position(*previous),
                entries(new),
                if *quiesce { " quiesce" } else { "" }
            )
        }
        Wire::Raft(RaftMessage::Appended { term, round, through, quiesced, rebuild }) => format!(
            "appended t{term} r{} through {through}{}{}",
            round.number,
            if *quiesced { " quiesced" } else { "" },
            lost(rebuild.is_some())
        ),
        Wire::Raft(RaftMessage::Rejected { term, round, previous, hint, rebuild }) => format!(
            "rejected t{term} r{} after {previous}, perhaps {}{}",
            round.map_or(0, |round| round.number),
            position(*hint),
            lost(rebuild.is_some())
        ),
        Wire::Raft(RaftMessage::TimeoutNow { term }) => format!("stand now t{term}"),
        Wire::Raft(RaftMessage::Rebuilt { term, through, .. }) => format!("rebuilt t{term} through {through}"),
        Wire::Snapshot { term, state } => format!("snapshot t{term} at {}", position(state.applied.position)),
        Wire::SnapshotInstalled { through } => format!("snapshot installed through {through}"),
        Wire::SnapshotRefused => "snapshot refused".to_owned(),
    }
}

pub(super) fn describe_op(op: &LogOp) -> String {
    match op {
        LogOp::HardState(_, hard) => {
            let vote = hard.vote.map_or("nobody".to_owned(), |vote| vote.to_string());
            format!("term {} vote {vote}{}", hard.term, if hard.rebuild.is_some() { " rebuilding" } else { "" })
        }
        LogOp::Append { truncate_from, entries: new, .. } => format!("from {truncate_from} {}", entries(new)),
        LogOp::CutThrough { index, term, .. } => format!("cut through {index}/{term}"),
        LogOp::Reset { index, term, .. } => format!("reset to {index}/{term}"),
    }
}

pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Follower => "follower",
        Role::PreCandidate => "pre-candidate",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
    }
}

/// The words of a message, read one by one.
struct Words<'a>(&'a [&'a str]);

impl Words<'_> {
    fn has(&self, word: &str) -> bool {
        self.0.contains(&word)
    }

    fn after(&self, word: &str) -> Option<&str> {
        self.0.iter().position(|it| *it == word).and_then(|at| self.0.get(at + 1)).copied()
    }

    fn number(&self, word: &str) -> Option<u64> {
        self.after(word).map(|number| number.parse().expect("a number"))
    }

    fn index(&self, word: &str) -> LogIndex {
        LogIndex(self.number(word).unwrap_or_else(|| panic!("no {word}")))
    }

    fn position(&self, word: &str) -> Position {
        place(self.after(word).unwrap_or_else(|| panic!("no {word}")))
    }

    /// A number behind a letter: `t3`, `r7`.
    fn lettered(&self, letter: char) -> u64 {
        let number = self.0.iter().find_map(|word| word.strip_prefix(letter).and_then(|rest| rest.parse().ok()));
        number.unwrap_or_else(|| panic!("no {letter} and number"))
    }

    fn rebuild(&self) -> Option<RebuildId> {
        self.number("rebuilding").map(name_of_rebuild)
    }
}

fn place(text: &str) -> Position {
    let (index, term) = text.split_once('/').expect("INDEX/TERM");
    Position { index: LogIndex(index.parse().expect("an index")), term: Term(term.parse().expect("a term")) }
}

/// The name that replica `N` draws for its rebuild on this stage.
fn name_of_rebuild(replica: u64) -> RebuildId {
    RebuildId(u64::MAX / 8 * (replica - 1))
}

/// A message in the words of `describe`, with these differences: entries are `INDEX/TERM=PAYLOAD`, a rebuild is `rebuilding N` (as
/// replica N would name it), `rebuilt` says `of N`, an append may say `held INDEX`, a round `opened MS`.
pub(super) fn parse(words: &[&str], now: u64) -> RaftMessage {
    let words = Words(words);
    let term = Term(words.lettered('t'));
    let opened = Monotonic(words.number("opened").map_or(now, |at| at * super::MILLISECOND));
    let round = || Round { number: words.lettered('r'), opened };
    let answered = words.has("granted") || words.has("refused");
    match words.0[0] {
        "pre-vote" if answered => RaftMessage::PreVoteReply { term, granted: words.has("granted") },
        "pre-vote" => RaftMessage::PreVote { term, last: words.position("last") },
        "vote" if answered => RaftMessage::VoteReply { term, granted: words.has("granted") },
        "vote" => RaftMessage::Vote { term, last: words.position("last"), transfer: words.has("transfer") },
        "append" => {
            let entries = words.0.iter().filter_map(|word| word.split_once('=')).map(|(at, payload)| {
                let Position { index, term } = place(at);
                let stamp = HybridTime(i64::try_from(index.0).expect("a small number"));
                Entry { index, term, stamp, payload: Bytes::from(payload.to_owned()) }
            });
            RaftMessage::Append(Append {
                term,
                round: round(),
                previous: words.position("after"),
                entries: entries.collect(),
                commit: words.index("commit"),
                held_by_all: LogIndex(words.number("held").unwrap_or(0)),
                quiesce: words.has("quiesce"),
            })
        }
        "appended" => RaftMessage::Appended {
            term,
            round: round(),
            through: words.index("through"),
            quiesced: words.has("quiesced"),
            rebuild: words.rebuild(),
        },
        "rejected" => RaftMessage::Rejected {
            term,
            round: Some(round()).filter(|round| round.number > 0),
            previous: words.index("after"),
            hint: words.position("perhaps"),
            rebuild: words.rebuild(),
        },
        "stand" => RaftMessage::TimeoutNow { term },
        "rebuilt" => RaftMessage::Rebuilt {
            term,
            rebuild: name_of_rebuild(words.number("of").expect("of N")),
            through: words.index("through"),
        },
        other => panic!("unknown message {other}"),
    }
}
