//! What the order of the log decides at a replica: which storage a name means, whether a request comes too late, what the double of a
//! request is answered, and from which entry on a read may be served. Stories; the orders of events that can bring requests
//! twice are explored in `recovery` and `takeover`.

#![cfg(test)]

use crate::recovery::{TABLE, append, everything, list_of};
use crate::site::{Site, config};
use crate::withdrawal::{leader, receive, sync_everything};
use trefoil_core::command::{
    BatchCommand, BatchShare, Command, Condition, ReadCommand, RetireCommand, RowId, Test, WriteCommand, WriteOutcome,
};
use trefoil_core::ids::{LogIndex, SchemaVersion, ShardId, StorageId, Term};
use trefoil_core::message::Refusal;
use trefoil_core::raft::{RaftMessage, Round};
use trefoil_core::replicate::{ReadAnswer, Replica, ReplicaEvent};
use trefoil_core::time::{HybridTime, Monotonic};

const SCHEMA: SchemaVersion = SchemaVersion(5);

/// The only replica of a shard.
fn alone() -> Site {
    let mut site = Site::found(&config(1), None);
    sync_everything(&mut site);
    site
}

/// Order a command, and say what became of each request that was applied.
fn order(site: &mut Site, command: &Command) -> Vec<WriteOutcome> {
    let stamp = HybridTime(site.replica.last_stamp().0 + 1);
    site.replica.propose(stamp, Replica::encode(command), &mut site.around).expect("it leads");
    site.advance();
    sync_everything(site);
    let events = std::mem::take(&mut site.wanted.events).into_iter();
    let outcomes = events.filter_map(|(_, event)| match event {
        ReplicaEvent::Applied { outcome, .. } => Some(outcome),
        _ => None,
    });
    outcomes.collect()
}

fn write(request: usize) -> WriteCommand {
    let Command::Write(write) = append(request, 0) else { unreachable!("an append is a write") };
    write
}

/// The same write, to a row that must not be there.
fn unless_there(request: usize) -> WriteCommand {
    let write = write(request);
    let partition = write.mutations[0].partition.clone();
    let row = RowId::Row(bytes::Bytes::new());
    WriteCommand { conditions: vec![Condition { table: TABLE, partition, row, test: Test::NotExists }], ..write }
}

fn retire(storage: StorageId, successor: Option<StorageId>) -> Command {
    Command::Retire(RetireCommand { storage, successor, schema: SCHEMA })
}

fn read(table: StorageId) -> ReadCommand {
    ReadCommand::of(table, everything(), 10)
}

/// How many rows a reader of this storage is shown.
fn rows(site: &mut Site, table: StorageId) -> Result<usize, Refusal> {
    match site.replica.read_here(&read(table), 0, &mut site.around) {
        ReadAnswer::Done(result) => Ok(result.rows.len()),
        ReadAnswer::Refused(refusal) => Err(refusal),
        ReadAnswer::Parked => unreachable!("a replica reads what it has at once"),
    }
}

#[test]
fn what_comes_after_its_expiry_is_not_applied() {
    let mut site = alone();
    let mut late = write(0);
    late.header.expires = site.replica.last_stamp();
    assert_eq!(order(&mut site, &Command::Write(late)), [WriteOutcome::Expired]);
    assert_eq!(list_of(&site, TABLE), b"");
    let mut batch = BatchCommand { header: write(1).header, shares: Vec::new() };
    batch.header.expires = site.replica.last_stamp();
    batch.shares.push(BatchShare { shard: ShardId(1), mutations: write(1).mutations });
    assert_eq!(order(&mut site, &Command::Batch(batch)), [WriteOutcome::Expired]);
    assert_eq!(list_of(&site, TABLE), b"");
}

#[test]
fn the_double_of_a_refused_request_is_refused_again() {
    let mut site = alone();
    order(&mut site, &append(0, 0));
    let refused = order(&mut site, &Command::Write(unless_there(1)));
    assert!(matches!(&refused[..], [WriteOutcome::Rejected { .. }]), "{refused:?}");
    // Now the condition would hold.
    order(&mut site, &retire(TABLE, Some(StorageId(8))));
    assert_eq!(order(&mut site, &Command::Write(unless_there(1))), refused);
    assert_eq!(rows(&mut site, TABLE), Ok(0));
}

#[test]
fn a_storage_is_given_up_at_one_moment_and_once() {
    let mut site = alone();
    order(&mut site, &append(0, 0));
    order(&mut site, &retire(TABLE, Some(StorageId(8))));
    assert_eq!(list_of(&site, TABLE), b"");
    assert_eq!(site.replica.store().memory().active_bytes, 0, "the memtable keeps none of its rows");
    assert_eq!((rows(&mut site, TABLE), rows(&mut site, StorageId(8))), (Ok(0), Ok(0)));
    // Whoever planned with the old one means the new one, conditions included.
    assert_eq!(order(&mut site, &Command::Write(unless_there(1))), [WriteOutcome::Applied]);
    assert_eq!(list_of(&site, StorageId(8)), [1]);
    assert_eq!((rows(&mut site, TABLE), rows(&mut site, StorageId(8))), (Ok(1), Ok(1)));
    let refused = order(&mut site, &Command::Write(unless_there(3)));
    assert!(matches!(&refused[..], [WriteOutcome::Rejected { .. }]), "{refused:?}");
    // A leader that did not know that its predecessor had said so; what was served in between stays served.
    order(&mut site, &retire(TABLE, Some(StorageId(9))));
    assert_eq!(rows(&mut site, TABLE), Ok(1));
    order(&mut site, &retire(StorageId(8), None));
    assert_eq!(rows(&mut site, TABLE), Err(Refusal::StaleSchema(SCHEMA)));
    assert_eq!(order(&mut site, &append(2, 0)), [WriteOutcome::Gone(SCHEMA)]);
}

#[test]
fn what_was_retired_stays_so_over_flush_and_restart() {
    let mut site = alone();
    order(&mut site, &append(0, 0));
    site.replica.flush(&mut site.around);
    sync_everything(&mut site);
    order(&mut site, &retire(TABLE, Some(StorageId(8))));
    order(&mut site, &append(1, 0));
    for flushed in [false, true] {
        if flushed {
            site.replica.flush(&mut site.around);
            sync_everything(&mut site);
        }
        site = site.restart(&config(1), true);
        sync_everything(&mut site);
        assert_eq!((rows(&mut site, TABLE), list_of(&site, TABLE)), (Ok(1), Vec::new()), "flushed: {flushed}");
    }
    site.replica.flush(&mut site.around);
    sync_everything(&mut site);
    assert_eq!(list_of(&site, StorageId(8)), [1]);
    assert!(site.around.stored.map.len() < 4, "the old rows were freed: {:?}", site.around.stored.map.keys());
}

#[test]
fn a_batch_that_names_a_table_that_is_gone_is_refused_whole() {
    let mut site = alone();
    order(&mut site, &retire(StorageId(8), None));
    let mut elsewhere = write(0).mutations;
    elsewhere[0].table = StorageId(8);
    let header = write(0).header;
    let shares = vec![
        BatchShare { shard: ShardId(1), mutations: write(0).mutations },
        BatchShare { shard: ShardId(2), mutations: elsewhere },
    ];
    let outcomes = order(&mut site, &Command::Batch(BatchCommand { header, shares }));
    assert_eq!(outcomes, [WriteOutcome::Gone(SCHEMA)]);
    assert_eq!(list_of(&site, TABLE), b"");
    assert!(site.replica.state().batches.is_empty());
}

/// The follower has everything, and confirms the leader's latest round.
fn acknowledge(site: &mut Site, through: LogIndex) {
    let mut round = Round { number: 1, opened: Monotonic(0) };
    for (_, _, message) in site.wanted.raft.drain(..) {
        if let RaftMessage::Append(append) = message {
            round = append.round;
        }
    }
    receive(site, 2, RaftMessage::Appended { term: Term(1), round, through, quiesced: false, rebuild: None });
}

fn events(site: &mut Site) -> Vec<ReplicaEvent> {
    let events = std::mem::take(&mut site.wanted.events).into_iter().map(|(_, event)| event);
    events.filter(|event| matches!(event, ReplicaEvent::ReadReady(_) | ReplicaEvent::ReadFailed(_))).collect()
}

/// Under its lease, and after a round of heartbeats when it has none.
#[test]
fn a_read_waits_until_what_the_schema_gave_up_is_retired() {
    for lease in [true, false] {
        let mut site = leader();
        let retired = LogIndex(2);
        let stamp = HybridTime(site.replica.last_stamp().0 + 1);
        let payload = Replica::encode(&retire(TABLE, None));
        assert_eq!(site.replica.propose(stamp, payload, &mut site.around), Ok(retired));
        site.replica.caught_up(SCHEMA, retired);
        if !lease {
            // Long enough for the lease to end, not for the leader to give up.
            let moments = (0..).map(|tenths| Monotonic(tenths * 100_000));
            let over = moments.into_iter().find(|&at| !site.replica.leads_surely(at));
            site.around.clock.monotonic = over.expect("no lease is for ever");
        }
        let answer = site.replica.read(1, &read(TABLE), 0, &mut site.around);
        assert_eq!(answer, ReadAnswer::Parked, "lease: {lease}");
        site.advance();
        acknowledge(&mut site, LogIndex(1));
        assert_eq!(events(&mut site), [], "lease: {lease}");
        sync_everything(&mut site);
        acknowledge(&mut site, retired);
        assert_eq!(events(&mut site), [ReplicaEvent::ReadReady(1)], "lease: {lease}");
        assert_eq!(rows(&mut site, TABLE), Err(Refusal::StaleSchema(SCHEMA)));
    }
}

#[test]
fn what_a_leader_has_retired_counts_for_its_own_term_only() {
    let mut site = leader();
    site.replica.caught_up(SCHEMA, LogIndex(1));
    assert!(site.replica.has_caught_up(SCHEMA));
    assert!(!site.replica.has_caught_up(SchemaVersion(6)));
    receive(
        &mut site,
        3,
        RaftMessage::Appended {
            term: Term(4),
            round: Round { number: 1, opened: Monotonic(0) },
            through: LogIndex(0),
            quiesced: false,
            rebuild: None,
        },
    );
    assert!(!site.replica.has_caught_up(SCHEMA), "another may have led in between, and served another schema");
}

#[test]
fn reads_that_wait_are_failed_when_damage_is_found() {
    let mut site = leader();
    let stamp = HybridTime(site.replica.last_stamp().0 + 1);
    site.replica.propose(stamp, bytes::Bytes::new(), &mut site.around).expect("it leads");
    site.replica.caught_up(SCHEMA, LogIndex(2));
    assert_eq!(site.replica.read(1, &read(TABLE), 0, &mut site.around), ReadAnswer::Parked);
    site.replica.rows_damaged();
    site.advance();
    assert_eq!(events(&mut site), [ReplicaEvent::ReadFailed(1)]);
}
