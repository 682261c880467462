//! Rules of one replica that no cluster of these tests brings about: contradictions, stores that disagree, snapshots step by step,
//! entries that are committed and not applied.

use crate::lonely::{Lonely, TIMEOUT, with};
use bytes::Bytes;
use trefoil_core::ids::{LogIndex, NodeId, Term};
use trefoil_core::raft::{
    Append, AppliedThrough, Entry, HardState, LogOp, PersistSequence, Position, ProposeError, RaftMessage,
    ReadDecision, RebuildId, Role, Round, SavedLog, SnapshotAnswer, Start,
};
use trefoil_core::time::{HybridTime, Monotonic};

fn entry(index: u64, term: u64) -> Entry {
    let stamp = HybridTime(i64::try_from(index).expect("a small number") * 10);
    Entry { index: LogIndex(index), term: Term(term), stamp, payload: Bytes::new() }
}

fn position(index: u64, term: u64) -> Position {
    Position { index: LogIndex(index), term: Term(term) }
}

fn applied(index: u64, term: u64) -> AppliedThrough {
    AppliedThrough { position: position(index, term), stamp: entry(index, term).stamp }
}

/// What a replica in term 2 left behind: so many entries of term 1 after the cut.
fn saved(cut: u64, count: u64) -> SavedLog {
    let hard_state = HardState { term: Term(2), ..HardState::default() };
    let term = Term(u64::from(cut > 0));
    let entries = (cut + 1..=cut + count).map(|index| entry(index, 1));
    SavedLog { hard_state, cut: (LogIndex(cut), term), entries: entries.collect() }
}

fn append(term: u64, previous: Position, entries: Vec<Entry>, commit: u64) -> RaftMessage {
    let round = Round { number: 1, opened: Monotonic(1) };
    let (commit, held_by_all) = (LogIndex(commit), LogIndex(0));
    RaftMessage::Append(Append { term: Term(term), round, previous, entries, commit, held_by_all, quiesce: false })
}

fn through(messages: &[RaftMessage]) -> Option<u64> {
    messages.iter().rev().find_map(|message| match message {
        RaftMessage::Appended { through, .. } => Some(through.0),
        _ => None,
    })
}

#[test]
fn two_leaders_in_one_term_are_a_contradiction() {
    let mut leader = Lonely::new(1).lead(2);
    let term = leader.raft.term().0;
    let message = append(term, Position::default(), Vec::new(), 0);
    with(leader.now, |env| leader.raft.step(NodeId(2), message, env));
    assert!(leader.raft.take_effects().broken.is_some());
}

#[test]
fn a_follower_that_has_more_than_its_leader_is_a_contradiction() {
    let mut leader = Lonely::new(1).lead(2);
    let round = leader.round();
    let message = leader.appended(round, 2, None);
    with(leader.now, |env| leader.raft.step(NodeId(2), message, env));
    assert!(leader.raft.take_effects().broken.is_some());
}

#[test]
fn rows_that_are_ahead_of_the_log_are_where_it_goes_on() {
    let mut it = Lonely::start(3, saved(0, 2), applied(5, 2), Start::Again).expect("rows may be ahead");
    assert_eq!((it.raft.last_index(), it.raft.durable_index()), (LogIndex(5), LogIndex(5)));
    assert_eq!((it.raft.commit(), it.raft.last_stamp()), (LogIndex(5), HybridTime(50)));
    let ops = it.raft.take_effects().log_ops;
    assert!(matches!(ops[..], [LogOp::Reset { index: LogIndex(5), term: Term(2), .. }]), "{ops:?}");
    assert_eq!(through(&it.tell(1, append(2, position(5, 2), vec![entry(6, 2)], 5))), Some(6));
}

#[test]
fn a_log_that_is_all_cut_is_stamped_on_from_where_the_rows_are() {
    let it = Lonely::start(3, saved(3, 0), applied(3, 1), Start::Again).expect("a log may be empty");
    assert_eq!((it.raft.last_stamp(), it.raft.floor()), (HybridTime(30), LogIndex(3)));
}

#[test]
fn what_is_applied_is_the_leaders_whoever_leads() {
    let mut it = Lonely::start(3, saved(0, 5), applied(3, 1), Start::Again).expect("it is whole");
    assert_eq!(through(&it.tell(1, append(2, position(1, 1), Vec::new(), 1))), Some(3));
}

#[test]
fn a_rebuild_keeps_its_name_over_a_restart() {
    let rebuild = Some(RebuildId(77));
    let hard_state = HardState { term: Term(2), vote: None, rebuild };
    let lost = SavedLog { hard_state, ..SavedLog::default() };
    for start in [Start::Rebuilding, Start::Again] {
        let mut it = Lonely::start(3, lost.clone(), AppliedThrough::default(), start).expect("it is whole");
        let answers = it.tell(1, append(2, Position::default(), Vec::new(), 0));
        let names: Vec<_> = answers
            .iter()
            .filter_map(|answer| match answer {
                RaftMessage::Appended { rebuild, .. } => Some(*rebuild),
                _ => None,
            })
            .collect();
        assert_eq!(names, [rebuild], "{start:?}");
    }
}

#[test]
fn a_lost_disk_draws_a_name_by_chance() {
    let mut it = Lonely::start(3, SavedLog::default(), AppliedThrough::default(), Start::Rebuilding).expect("nothing");
    let answers = it.tell(1, append(2, Position::default(), Vec::new(), 0));
    // Chance is an eighth of the bound here.
    let named = answers.iter().any(|answer| {
        matches!(answer, RaftMessage::Appended { rebuild: Some(RebuildId(name)), .. } if *name == u64::MAX / 8)
    });
    assert!(named, "{answers:?}");
}

#[test]
fn a_snapshot_is_taken_from_the_leader_of_this_term_or_a_newer_when_that_is_durable() {
    let mut it = Lonely::start(3, saved(0, 2), applied(1, 1), Start::Again).expect("it is whole");
    let accept = |it: &mut Lonely, term| with(it.now, |env| it.raft.accept_snapshot(NodeId(1), Term(term), env));
    assert_eq!(accept(&mut it, 1), SnapshotAnswer::Stale);
    assert_eq!(accept(&mut it, 2), SnapshotAnswer::Ready);
    assert_eq!(it.raft.leader(), None, "of an offer in the same term nothing is learned");
    assert_eq!(accept(&mut it, 4), SnapshotAnswer::Wait);
    assert_eq!((it.raft.term(), it.raft.leader()), (Term(4), Some(NodeId(1))));
    let sequence = it.raft.take_effects().sequence;
    assert_eq!(accept(&mut it, 4), SnapshotAnswer::Wait);
    with(it.now, |env| it.raft.durable(sequence, env));
    assert_eq!(accept(&mut it, 4), SnapshotAnswer::Ready);
    let mut leader = Lonely::new(1).lead(2);
    let term = leader.raft.term().0;
    assert_eq!(accept(&mut leader, term), SnapshotAnswer::Stale);
}

fn install(it: &mut Lonely, index: u64, term: u64) {
    with(it.now, |env| it.raft.install_snapshot(applied(index, term), env));
}

#[test]
fn a_snapshot_that_the_log_contains_takes_nothing_from_it() {
    let mut it = Lonely::start(3, saved(0, 5), applied(1, 1), Start::Again).expect("it is whole");
    it.tell(1, append(2, position(1, 1), Vec::new(), 1));
    install(&mut it, 4, 1);
    assert_eq!((it.raft.last_index(), it.raft.commit()), (LogIndex(5), LogIndex(4)));
    assert_eq!(through(&it.written()), Some(4), "the leader had committed it");
    assert_eq!(it.raft.take_effects().committed, None, "the rows have it");
    // What is behind the log's beginning, or committed here already, changes nothing.
    it.raft.flushed(position(4, 1));
    let message = append(2, position(4, 1), vec![entry(5, 1)], 5);
    it.tell(1, message);
    it.raft.applied(LogIndex(5));
    let held = RaftMessage::Append(Append {
        term: Term(2),
        round: Round { number: 2, opened: Monotonic(1) },
        previous: position(5, 1),
        entries: vec![entry(6, 2)],
        commit: LogIndex(5),
        held_by_all: LogIndex(5),
        quiesce: false,
    });
    it.tell(1, held);
    it.raft.applied(LogIndex(5));
    assert_eq!(it.raft.floor(), LogIndex(5));
    install(&mut it, 2, 1);
    assert_eq!((it.raft.last_index(), it.raft.floor(), it.raft.commit()), (LogIndex(6), LogIndex(5), LogIndex(5)));
    assert_eq!(it.raft.take_effects().committed, None, "told once");
}

#[test]
fn a_snapshot_that_the_log_does_not_contain_is_where_it_begins() {
    let mut it = Lonely::start(3, saved(0, 5), applied(1, 1), Start::Again).expect("it is whole");
    install(&mut it, 4, 2);
    assert_eq!((it.raft.last_index(), it.raft.commit()), (LogIndex(4), LogIndex(4)));
    assert_eq!((it.raft.durable_index(), it.raft.last_stamp()), (LogIndex(4), HybridTime(40)));
    let effects = it.raft.take_effects();
    assert!(matches!(effects.log_ops[..], [LogOp::Reset { index: LogIndex(4), .. }]), "{:?}", effects.log_ops);
    assert_eq!(effects.committed, None);
}

/// A leader whose entry is committed by its followers, and which applies nothing.
fn busy_leader() -> Lonely {
    let mut leader = Lonely::new(1).lead(2);
    let round = leader.round();
    for follower in [2, 3] {
        let message = leader.appended(round, 1, None);
        leader.tell(follower, message);
    }
    assert_eq!(leader.raft.commit(), LogIndex(1));
    leader
}

#[test]
fn a_read_is_served_at_what_is_committed_not_at_what_happens_to_be_applied() {
    let mut leader = busy_leader();
    assert_eq!(with(leader.now, |env| leader.raft.read(7, env)), ReadDecision::ServeAt(LogIndex(1)));
}

#[test]
fn a_shard_is_not_silent_before_everything_is_applied() {
    let mut leader = busy_leader();
    let heartbeat = leader.raft.config().heartbeat_interval;
    let quiesce_after = leader.raft.config().quiesce_after;
    let asked = |leader: &mut Lonely| {
        let mut asked = false;
        for _ in 0..=quiesce_after.as_nanos() / heartbeat.as_nanos() + 1 {
            leader.after(u64::try_from(heartbeat.as_millis()).expect("a short time"));
            with(leader.now, |env| leader.raft.tick(env));
            let rounds: Vec<(Round, bool)> = leader
                .written()
                .into_iter()
                .filter_map(|message| match message {
                    RaftMessage::Append(append) => Some((append.round, append.quiesce)),
                    _ => None,
                })
                .collect();
            for (round, quiesce) in rounds {
                asked |= quiesce;
                let message = leader.appended(round, 1, None);
                leader.tell(2, message.clone());
                leader.tell(3, message);
            }
        }
        asked
    };
    assert!(!asked(&mut leader));
    leader.raft.applied(LogIndex(1));
    assert!(asked(&mut leader));
}

#[test]
fn waiting_reads_are_bounded() {
    let mut leader = Lonely::new(1).lead(2);
    let waiting = (0..).take_while(|id| with(leader.now, |env| leader.raft.read(*id, env)) == ReadDecision::Pending);
    assert_eq!(waiting.take(100_000).count(), 65_536);
    assert_eq!(with(leader.now, |env| leader.raft.read(0, env)), ReadDecision::Overloaded);
}

#[test]
fn a_failure_told_again_voids_nothing_that_was_written_since() {
    let mut it = Lonely::start(3, saved(0, 1), applied(1, 1), Start::Again).expect("it is whole");
    let step = |it: &mut Lonely, message| with(it.now, |env| it.raft.step(NodeId(1), message, env));
    step(&mut it, append(2, position(1, 1), vec![entry(2, 2)], 1));
    let first = it.raft.take_effects().sequence;
    with(it.now, |env| it.raft.persist_failed(first, env));
    it.now = it.now.plus(it.raft.config().heartbeat_interval);
    with(it.now, |env| it.raft.tick(env));
    let second = it.raft.take_effects();
    assert_eq!((second.sequence, second.log_ops.len()), (PersistSequence(first.0 + 1), 1));
    with(it.now, |env| it.raft.persist_failed(first, env));
    with(it.now, |env| it.raft.durable(second.sequence, env));
    let messages: Vec<RaftMessage> = it.raft.take_effects().messages.into_iter().map(|(_, message)| message).collect();
    assert_eq!(through(&messages), Some(2));
}

#[test]
fn a_disk_that_is_done_for_ends_leadership_and_asks_for_no_time() {
    let mut leader = busy_leader();
    with(leader.now, |env| leader.raft.stop_writing(env));
    assert_eq!(leader.raft.role(), Role::Follower);
    assert!(leader.raft.next_wake().is_some_and(|at| at < leader.now.plus(TIMEOUT * 2)));
    let stamp = HybridTime(leader.raft.last_stamp().0 + 1);
    let refused = with(leader.now, |env| leader.raft.propose(stamp, Bytes::new(), env));
    assert_eq!(refused, Err(ProposeError::NotLeader(None)));
}
