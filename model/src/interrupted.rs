//! Installations of snapshots, clearings and flushes that do not come to their end: the sender falls silent, a write fails, power goes.
//! Whatever was half done, the replica serves none of it, says nothing of damage, and takes the next snapshot.

#![cfg(test)]

use crate::recovery::{append, list};
use crate::restored::{complete, config_of, offer, snapshot_of};
use crate::site::{Site, config};
use crate::withdrawal::{leader, receive, sync_everything, sync_whole_log};
use std::time::Duration;
use trefoil_core::ids::{LogIndex, ShardId, Term, Ticket};
use trefoil_core::message::SnapshotPart;
use trefoil_core::raft::{Append, Entry, Position, RaftMessage, Round};
use trefoil_core::replicate::Replica;
use trefoil_core::time::{HybridTime, Monotonic};

const SHARD: ShardId = ShardId(1);

/// How long a replica that was cleared waits for the next part.
const PATIENCE: Monotonic = Monotonic(5_000_000_000);

/// The third replica, which has nothing yet.
fn third() -> Site {
    let mut site = Site::found_of(&config_of(3), SHARD);
    sync_everything(&mut site);
    site
}

/// The beginning of a snapshot of which more is to come.
fn beginning(whole: &SnapshotPart) -> SnapshotPart {
    let mut part = whole.clone();
    part.chunk.end = None;
    part
}

/// A snapshot of another leadership's counting is taken, and what it holds is all there is.
fn assert_takes(mut site: Site, whole: &SnapshotPart) {
    site.wanted.bodies.clear();
    for _ in 0..2 {
        // The first may come while the replica is still busy with what it had begun: the sender asks again.
        offer(&mut site, SnapshotPart { stream: 90, ..whole.clone() });
        sync_everything(&mut site);
    }
    assert!(complete(&site).contains(&90), "{:?}", site.wanted.bodies);
    assert!(site.replica.is_sound() || site.log.saved.hard_state.rebuild.is_some());
    assert_eq!(list(&site), [0]);
}

#[test]
fn a_snapshot_that_stops_coming_is_given_up() {
    let whole = snapshot_of(SHARD);
    let mut site = third();
    offer(&mut site, beginning(&whole));
    sync_everything(&mut site);
    assert!(site.replica.is_installing() && !site.replica.is_sound());
    assert_eq!(site.replica.snapshot_wake(), Some(PATIENCE), "it asks to be woken");
    site.around.clock.monotonic = PATIENCE;
    site.advance();
    site.advance();
    sync_everything(&mut site);
    assert!(!site.replica.is_installing());
    assert!(site.log.saved.hard_state.rebuild.is_some(), "it asks to be rebuilt");
    assert!(!site.around.damage);
    assert_takes(site, &whole);
}

#[test]
fn power_may_go_at_any_moment_of_an_installation() {
    let whole = snapshot_of(SHARD);
    for part in [beginning(&whole), whole.clone()] {
        for (log_syncs, rows_syncs) in (0..4).flat_map(|log| (0..4).map(move |rows| (log, rows))) {
            let mut site = third();
            offer(&mut site, part.clone());
            (0..log_syncs).for_each(|_| site.sync_log());
            (0..rows_syncs).for_each(|_| site.sync_rows());
            let mut site = site.restart(&config_of(3), true);
            sync_everything(&mut site);
            assert!(!site.around.damage, "power alone does no damage: {log_syncs} {rows_syncs}");
            let whole_here = site.replica.store().applied().position.index >= LogIndex(2);
            assert_eq!(list(&site).len(), usize::from(whole_here), "{log_syncs} {rows_syncs}");
            assert!(whole_here || site.around.stored.map.is_empty(), "half of it is left: {log_syncs} {rows_syncs}");
            assert_takes(site, &whole);
        }
    }
}

/// An entry from the leader of the first term, committed.
fn entry(index: u64) -> RaftMessage {
    let payload = if index == 1 { bytes::Bytes::new() } else { Replica::encode(&append(0, 0)) };
    let (index, term, stamp) = (LogIndex(index), Term(1), HybridTime(index as i64));
    let previous = Position { index: LogIndex(index.0 - 1), term: Term(u64::from(index.0 > 1)) };
    RaftMessage::Append(Append {
        term,
        round: Round { number: index.0, opened: Monotonic(0) },
        previous,
        entries: vec![Entry { index, term, stamp, payload }],
        commit: index,
        held_by_all: LogIndex(0),
        quiesce: false,
    })
}

#[test]
fn nothing_is_cleared_while_a_flush_is_on_its_way() {
    let whole = snapshot_of(SHARD);
    let mut site = third();
    receive(&mut site, 1, entry(1));
    sync_everything(&mut site);
    assert!(site.replica.flush(&mut site.around));
    offer(&mut site, whole.clone());
    sync_whole_log(&mut site);
    assert!(!site.replica.is_installing(), "the flush belongs to what is about to be cleared");
    assert_eq!(site.around.waiting.len(), 1);
    assert_takes(site, &whole);
}

/// The store has no space for the oldest batch of rows.
fn refuse_rows(site: &mut Site) {
    let (ticket, _) = site.around.waiting.pop_front().expect("a batch is on its way");
    site.replica.rows_failed(ticket, Some(site.around.clock.monotonic), &site.around);
    site.advance();
}

#[test]
fn what_cannot_be_written_of_a_snapshot_is_written_later() {
    let whole = snapshot_of(SHARD);
    let mut site = third();
    offer(&mut site, whole.clone());
    sync_whole_log(&mut site);
    assert!(site.replica.is_installing());
    refuse_rows(&mut site);
    assert!(!site.around.waiting.is_empty(), "the clearing begins again");
    site.sync_rows();
    refuse_rows(&mut site);
    assert!(site.replica.is_installing(), "the part is not there");
    offer(&mut site, whole.clone());
    sync_everything(&mut site);
    assert_eq!(complete(&site), [whole.stream]);
    assert_eq!(list(&site), [0]);
}

#[test]
fn parts_are_installed_in_order_and_of_one_stream() {
    let whole = snapshot_of(SHARD);
    let mut site = third();
    offer(&mut site, beginning(&whole));
    sync_everything(&mut site);
    let numbered = |number: u64, stream: u64| {
        let mut part = whole.clone();
        (part.chunk.number, part.stream) = (number, stream);
        part
    };
    for strange in [numbered(2, whole.stream), numbered(1, whole.stream + 1)] {
        offer(&mut site, strange);
        sync_everything(&mut site);
        assert!(site.replica.is_installing());
        assert!(complete(&site).is_empty());
    }
    offer(&mut site, numbered(1, whole.stream));
    sync_everything(&mut site);
    assert_eq!(complete(&site), [whole.stream]);
}

#[test]
fn rows_on_their_way_do_not_come_back_after_a_clearing() {
    let mut site = leader();
    let stamp = HybridTime(site.replica.last_stamp().0 + 1);
    site.replica.propose(stamp, Replica::encode(&append(0, 0)), &mut site.around).expect("it leads");
    site.advance();
    sync_everything(&mut site);
    let round = Round { number: 1, opened: Monotonic(0) };
    let through = LogIndex(2);
    receive(&mut site, 2, RaftMessage::Appended { term: Term(1), round, through, quiesced: false, rebuild: None });
    assert_eq!(list(&site), [0]);
    assert!(site.replica.flush(&mut site.around));
    site.replica.rows_damaged();
    site.advance();
    sync_everything(&mut site);
    assert!(site.around.stored.map.is_empty(), "{:?}", site.around.stored.map.keys());
}

/// The log is given up before the rows are: when power goes in between, the rows are cleared after it, and it is no new damage.
#[test]
fn a_rebuilding_that_was_interrupted_is_gone_on_with() {
    let mut site = leader();
    site.replica.flush(&mut site.around);
    sync_everything(&mut site);
    site.replica.rows_damaged();
    site.advance();
    sync_whole_log(&mut site);
    assert!(!site.around.stored.map.is_empty());
    site.around.damage = false;
    let mut site = site.restart(&config(3), true);
    assert_eq!(site.replica.status(Monotonic(0)).applied, 0);
    sync_everything(&mut site);
    assert!(!site.around.damage, "that was told before");
    assert!(site.around.stored.map.is_empty(), "{:?}", site.around.stored.map.keys());
    assert!(!site.replica.is_sound() || site.log.saved.hard_state.rebuild.is_some());
}

#[test]
fn a_flush_that_failed_is_due_again() {
    let mut site = leader();
    assert!(site.replica.flush(&mut site.around));
    assert_eq!(site.replica.stale_at(Duration::ZERO), None);
    site.around.clock.monotonic = PATIENCE;
    refuse_rows(&mut site);
    assert_eq!(site.replica.stale_at(Duration::ZERO), Some(PATIENCE));
    assert!(site.replica.flush(&mut site.around));
}

#[test]
fn a_flush_that_failed_for_good_is_not_covered_by_a_later_report() {
    let mut site = third();
    for index in 1..3 {
        receive(&mut site, 1, entry(index));
        sync_everything(&mut site);
    }
    let before = list(&site);
    assert!(!before.is_empty(), "something is applied");
    assert!(site.replica.flush(&mut site.around));
    let (ticket, _) = site.around.waiting.pop_front().expect("the flush is on its way");
    site.replica.rows_failed(ticket, None, &site.around);
    // Another shard's batch, submitted later, is durable.
    site.replica.rows_durable(Ticket(ticket.0 + 1), &mut site.around, &mut site.wanted);
    assert_eq!(list(&site), before);
    assert!(site.replica.is_flushing(), "and it is not tried again on such a disk");
}
