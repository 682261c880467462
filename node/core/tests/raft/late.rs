//! Messages that come so late that whoever they answer is somebody else by now: the leader of another term, or the leader of a
//! replica that has lost what it answered with.

use crate::lonely::{Lonely, with};
use bytes::Bytes;
use trefoil_core::ids::{LogIndex, NodeId, Term};
use trefoil_core::raft::{Append, AppliedThrough, Entry, Position, RaftMessage, ReadDecision, RebuildId, Round};
use trefoil_core::time::{HybridTime, Monotonic};

/// `trefoil-sim run --seed 14` at 6ec411c: the answer to a heartbeat of an older leadership carried that leadership's round and the
/// new term, so a leader that had led before took it for a promise, perhaps until its former life's clock came round.
#[test]
fn a_refusal_of_an_older_terms_heartbeat_names_no_round() {
    let mut follower = Lonely::new(3);
    let append = |term: u64, round: u64| {
        RaftMessage::Append(Append {
            term: Term(term),
            round: Round { number: round, opened: Monotonic(9_000_000_000) },
            previous: Position::default(),
            entries: Vec::new(),
            commit: LogIndex(0),
            held_by_all: LogIndex(0),
            quiesce: false,
        })
    };
    follower.tell(1, append(4, 1));
    let answers = follower.tell(1, append(1, 116));
    assert!(matches!(answers[..], [RaftMessage::Rejected { term: Term(4), round: None, .. }]), "{answers:?}");
}

#[test]
fn a_refusal_without_a_round_renews_no_lease() {
    let mut leader = Lonely::new(1).lead(2);
    let round = leader.round();
    leader.tell(2, leader.appended(round, 1, None));
    assert!(leader.raft.is_surely_leader(leader.now));
    leader.after(700);
    let term = leader.raft.term();
    let hint = Position { index: LogIndex(1), term };
    leader.tell(3, RaftMessage::Rejected { term, round: None, previous: LogIndex(9), hint, rebuild: None });
    assert!(!leader.raft.lease_valid(leader.now));
    assert_eq!(with(leader.now, |env| leader.raft.read(7, env)), ReadDecision::Pending);
}

/// An answer from before a replica lost its disk arrives after its first answer since: what it claims is gone.
#[test]
fn an_answer_from_before_a_disk_was_lost_does_not_count() {
    let mut leader = Lonely::new(1).lead(2);
    let early = leader.round();
    let stamp = HybridTime(leader.raft.last_stamp().0 + 1);
    let (index, _) =
        with(leader.now, |env| leader.raft.propose(stamp, Bytes::from_static(b"x"), env)).expect("it leads");
    leader.written();
    leader.tell(3, leader.appended(early, 0, Some(RebuildId(7))));
    leader.tell(3, leader.appended(early, index.0, None));
    assert_eq!(leader.raft.commit(), LogIndex(0), "only the leader itself has the entry");
    // Whole again, it counts.
    let last = leader.raft.last_index().0;
    leader.tell(3, leader.appended(early, last, None));
    assert_eq!(leader.raft.commit(), LogIndex(last));
}

/// A snapshot may take a replica back: what it had was cleared, and the leader has applied less of what is committed. The entries in
/// between are applied again, so they are kept. `trefoil-sim run --seed 499` at 9dbe953.
#[test]
fn entries_after_a_snapshot_are_kept_until_they_are_applied_again() {
    let mut follower = Lonely::new(3);
    let entry = |index| Entry { index: LogIndex(index), term: Term(1), stamp: HybridTime(1), payload: Bytes::new() };
    let append = |entries: Vec<Entry>, previous: Position, held_by_all: u64| {
        let round = Round { number: 1, opened: Monotonic(1) };
        let (commit, held_by_all) = (LogIndex(3), LogIndex(held_by_all));
        RaftMessage::Append(Append { term: Term(1), round, previous, entries, commit, held_by_all, quiesce: false })
    };
    follower.tell(1, append((1..=3).map(entry).collect(), Position::default(), 0));
    follower.raft.applied(LogIndex(3));
    let second = Position { index: LogIndex(2), term: Term(1) };
    let installed = AppliedThrough { position: second, stamp: HybridTime(1) };
    with(follower.now, |env| follower.raft.install_snapshot(installed, env));
    let third = Position { index: LogIndex(3), term: Term(1) };
    follower.tell(1, append(Vec::new(), third, 3));
    // The entries in between are not applied yet.
    follower.raft.applied(LogIndex(2));
    assert!(follower.raft.entry(LogIndex(3)).is_some());
}

/// A replica that begins again in the same process: what it wrote before proves nothing.
#[test]
fn what_a_predecessor_in_the_same_process_wrote_is_not_durable_here() {
    let mut before = Lonely::new(3);
    with(before.now, |env| before.raft.step(NodeId(1), RaftMessage::TimeoutNow { term: Term(5) }, env));
    let sequence = before.raft.take_effects().sequence;

    let mut after = before.raft;
    with(before.now, |env| after.begin_again(env));
    let append = RaftMessage::Append(Append {
        term: Term(6),
        round: Round { number: 1, opened: Monotonic(1) },
        previous: Position::default(),
        entries: Vec::new(),
        commit: LogIndex(0),
        held_by_all: LogIndex(0),
        quiesce: false,
    });
    with(before.now, |env| after.step(NodeId(1), append, env));
    let own = after.take_effects();
    assert!(own.messages.is_empty(), "its term is not durable: {:?}", own.messages);
    with(before.now, |env| after.durable(sequence, env));
    assert!(after.take_effects().messages.is_empty(), "that was another's write");
    with(before.now, |env| after.durable(own.sequence, env));
    assert_eq!(after.take_effects().messages.len(), 1);
}
