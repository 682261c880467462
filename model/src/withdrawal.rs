//! A replica that finds out that what it has cannot be trusted: it withdraws at once, wherever power goes meanwhile, and waits to be
//! rebuilt; the only replica there is keeps what is left, and says so. Stories, not worlds: what withdrawn replicas may do to
//! others is explored in `election`.

#![cfg(test)]

use crate::site::{Site, config};
use trefoil_core::command::{Partitions, ReadCommand};
use trefoil_core::ids::{LogIndex, NodeId, StorageId, Term};
use trefoil_core::message::Refusal;
use trefoil_core::raft::{Append, LogOp, Position, RaftMessage, Round, SavedLog};
use trefoil_core::replicate::ReadAnswer;
use trefoil_core::time::{HybridTime, Monotonic};

pub(crate) fn receive(site: &mut Site, from: u32, message: RaftMessage) {
    site.replica.receive(NodeId(from), message, &mut site.around);
    site.advance();
}

/// The log becomes durable, with what comes of it; the rows do not.
pub(crate) fn sync_whole_log(site: &mut Site) {
    while !site.log.waiting.is_empty() {
        site.sync_log();
    }
}

pub(crate) fn sync_everything(site: &mut Site) {
    while !(site.log.waiting.is_empty() && site.around.waiting.is_empty()) {
        site.sync_log();
        site.sync_rows();
    }
}

/// The leader of three, its first entry committed.
pub(crate) fn leader() -> Site {
    let mut site = Site::found(&config(3), None);
    receive(&mut site, 2, RaftMessage::TimeoutNow { term: Term(0) });
    sync_everything(&mut site);
    receive(&mut site, 2, RaftMessage::VoteReply { term: Term(1), granted: true });
    sync_everything(&mut site);
    let round = Round { number: 1, opened: Monotonic(0) };
    let through = LogIndex(1);
    receive(&mut site, 2, RaftMessage::Appended { term: Term(1), round, through, quiesced: false, rebuild: None });
    assert!(site.replica.is_current(Monotonic(0)));
    site.wanted.raft.clear();
    site
}

/// Somebody says that it leads a term.
fn heartbeat(term: u64) -> RaftMessage {
    RaftMessage::Append(Append {
        term: Term(term),
        round: Round { number: 1, opened: Monotonic(0) },
        previous: Position::default(),
        entries: Vec::new(),
        commit: LogIndex(0),
        held_by_all: LogIndex(0),
        quiesce: false,
    })
}

fn everything() -> ReadCommand {
    let (start, end) = (trefoil_cql::token::Token(i64::MIN), trefoil_cql::token::Token(i64::MAX));
    ReadCommand::of(StorageId(7), Partitions::Range { start, end }, 10)
}

/// It neither serves nor writes nor votes.
fn assert_withdrawn(site: &mut Site) {
    assert!(!site.replica.is_leader());
    assert!(!site.replica.is_sound());
    let read = site.replica.read_here(&everything(), 0, &mut site.around);
    assert_eq!(read, ReadAnswer::Refused(Refusal::Damaged));
    let proposed = site.replica.propose(HybridTime(9), bytes::Bytes::new(), &mut site.around);
    assert_eq!(proposed, Err(Refusal::NotLeader(None)));
    site.wanted.raft.clear();
    let last = Position { index: LogIndex(9), term: Term(8) };
    receive(site, 3, RaftMessage::Vote { term: Term(9), last, transfer: true });
    sync_everything(site);
    let granted = |message: &RaftMessage| matches!(message, RaftMessage::VoteReply { granted: true, .. });
    assert!(!site.wanted.raft.iter().any(|(_, _, message)| granted(message)));
}

#[test]
fn a_leader_whose_raft_contradicts_itself_withdraws_and_is_rebuilt() {
    let mut site = leader();
    receive(&mut site, 3, heartbeat(1));
    assert!(site.wanted.raft.is_empty(), "what it wanted before it withdrew does not happen");
    assert!(matches!(site.replica.status(Monotonic(0)), status if !status.leads && !status.sound));
    let given_up = |op: &LogOp| matches!(op, LogOp::Reset { index: LogIndex(0), .. });
    assert!(site.log.waiting.iter().any(|(_, ops)| ops.iter().any(given_up)), "{:?}", site.log.waiting);
    assert_withdrawn(&mut site.clone());
    sync_everything(&mut site);
    assert!(site.log.saved.hard_state.rebuild.is_some());
    assert_withdrawn(&mut site);
}

#[test]
fn a_withdrawn_replica_stays_so_wherever_power_goes() {
    for (log_syncs, rows_syncs) in (0..4).flat_map(|log| (0..4).map(move |rows| (log, rows))) {
        let mut site = leader();
        site.replica.flush(&mut site.around);
        sync_everything(&mut site);
        receive(&mut site, 3, heartbeat(1));
        (0..log_syncs).for_each(|_| site.sync_log());
        (0..rows_syncs).for_each(|_| site.sync_rows());
        let durable = site.log.saved.hard_state.rebuild.is_some();
        let mut site = site.restart(&config(3), true);
        // Before the first of it is durable, it is as if it had stopped before it knew.
        if durable {
            assert_eq!(
                site.replica.status(Monotonic(0)).applied,
                0,
                "rows that were to be cleared are not gone on from"
            );
            assert_withdrawn(&mut site);
        }
    }
}

#[test]
fn reports_of_writes_from_before_count_for_nothing() {
    let mut site = leader();
    for _ in 0..5 {
        let stamp = HybridTime(site.replica.last_stamp().0 + 1);
        site.replica.propose(stamp, bytes::Bytes::new(), &mut site.around).expect("it leads");
        site.advance();
    }
    let before = site.log.waiting.len();
    assert!(before > 1, "several writes are on their way");
    receive(&mut site, 3, heartbeat(1));
    (0..before).for_each(|_| site.sync_log());
    site.wanted.raft.clear();
    receive(&mut site, 2, heartbeat(2));
    assert!(
        site.wanted.raft.is_empty(),
        "it speaks before it is durable that it does not count: {:?}",
        site.wanted.raft
    );
}

#[test]
fn the_only_replica_keeps_what_is_left_and_refuses() {
    let mut site = Site::found(&config(1), None);
    sync_everything(&mut site);
    let stamp = HybridTime(site.replica.last_stamp().0 + 1);
    site.replica.propose(stamp, bytes::Bytes::new(), &mut site.around).expect("it leads");
    site.advance();
    sync_everything(&mut site);
    site.replica.flush(&mut site.around);
    sync_everything(&mut site);
    let (log, stored) = (site.log.saved.clone(), site.around.stored.clone());
    assert_ne!(log, SavedLog::default());

    let mut site = site.restart(&config(1), false);
    sync_everything(&mut site);
    let read = site.replica.read_here(&everything(), 0, &mut site.around);
    assert_eq!(read, ReadAnswer::Refused(Refusal::Lost));
    let read = site.replica.read(1, &everything(), 0, &mut site.around);
    assert_eq!(read, ReadAnswer::Refused(Refusal::Lost));
    let proposed = site.replica.propose(HybridTime(99), bytes::Bytes::new(), &mut site.around);
    assert_eq!(proposed, Err(Refusal::Lost));
    assert_eq!((site.log.saved, site.around.stored), (log, stored), "nothing is touched");
}
