//! Single situations, told one by one.

use super::random::{header, pages};
use super::store::{Replica, TOKENS, at};
use crate::bugs::{Bugs, NoBugs, PlantedBug};
use crate::command::{
    CellChange, CellOperation, Change, ClusteringRange, Command, Mutation, PartitionKey, Partitions, Position,
    PurgeCommand, ReadCommand, RowChange, RowId, WriteCommand, WriteOutcome,
};
use crate::ids::{ColumnId, ShardId, StorageId};
use crate::storage::key::{Space, token_bounds};
use crate::storage::{BatchError, Clearing, MapStore, RowsBatch, ShardStore, TokenRange};
use crate::time::HybridTime;
use bytes::Bytes;
use trefoil_cql::token::Token;

const TABLE: StorageId = StorageId(1);

fn partition(token: i64) -> PartitionKey {
    PartitionKey { token: Token(token), key: Bytes::from(token.to_be_bytes().to_vec()) }
}

fn write(mutations: Vec<Mutation>) -> Command {
    Command::Write(WriteCommand { header: header(), conditions: vec![], mutations })
}

fn change(token: i64, change: Change) -> Mutation {
    Mutation { table: TABLE, partition: partition(token), timestamp: None, now_seconds: None, changes: vec![change] }
}

fn put(token: i64, key: &[u8], operation: CellOperation) -> Mutation {
    let cells = vec![CellChange { column: ColumnId(1), operation }];
    let row = RowChange { row: RowId::Row(Bytes::copy_from_slice(key)), marker: true, ttl: 0, cells };
    change(token, Change::Row(row))
}

fn insert(token: i64, key: &[u8]) -> Command {
    write(vec![put(token, key, CellOperation::Set(Bytes::from_static(b"value")))])
}

fn scan(row_limit: u32) -> ReadCommand {
    ReadCommand::of(TABLE, Partitions::Range { start: TOKENS.start, end: TOKENS.end }, row_limit)
}

fn stamp(index: usize) -> HybridTime {
    HybridTime(index as i64 * 1_000_000)
}

/// A replica that has applied these, entry by entry, a second apart.
fn replica(commands: &[Command]) -> Replica {
    let mut replica = Replica::new();
    for (index, command) in commands.iter().enumerate() {
        replica.apply(index + 1, stamp(index + 1), command);
    }
    replica
}

fn keys(replica: &Replica, command: &ReadCommand) -> Vec<Option<Bytes>> {
    pages(replica, command, 1_000).into_iter().map(|row| row.clustering).collect()
}

#[test]
fn a_page_that_ends_with_the_last_row_says_that_nothing_is_left() {
    let replica = replica(&[insert(1, b"a"), insert(1, b"b")]);
    assert_eq!(replica.read(&scan(2), 0).resume, None);
    assert!(replica.read(&scan(1), 0).resume.is_some());
}

#[test]
fn paging_goes_on_although_the_row_it_stopped_at_is_gone() {
    for reversed in [false, true] {
        for flushed in [false, true] {
            let mut replica = replica(&[insert(1, b"a"), insert(1, b"b"), insert(1, b"c")]);
            let mut command = scan(2);
            command.reversed = reversed;
            command.resume = replica.read(&command, 0).resume;
            let row = RowId::Row(Bytes::from_static(b"b"));
            let wanted = Position { partition: partition(1), row: Some(row), returned_in_partition: 2 };
            assert_eq!(command.resume, Some(wanted));
            replica.apply(4, stamp(4), &write(vec![change(1, Change::DeletePartition)]));
            replica.apply(
                5,
                stamp(5),
                &write(vec![put(1, b"a", CellOperation::Delete), put(1, b"c", CellOperation::Delete)]),
            );
            if flushed {
                replica.flush();
                replica.sweep(1_000);
            }
            let last: &[u8] = if reversed { b"a" } else { b"c" };
            assert_eq!(keys(&replica, &command), [Some(Bytes::copy_from_slice(last))]);
        }
    }
}

#[test]
fn rotten_values_are_found_by_reads_flushes_sweeps_and_snapshots_and_never_served() {
    let long = [3; 2_000];
    let mut replica = replica(&[insert(1, b"a"), insert(1, &long), write(vec![change(2, Change::DeletePartition)])]);
    replica.flush();
    let good = replica.rows.clone();
    let wanted = pages(&replica, &scan(10), 0);
    let (data_keys, meta_keys): (Vec<_>, Vec<_>) = good.map.keys().cloned().partition(|key| key[0] != 0);
    assert_eq!((data_keys.len(), meta_keys.len()), (3, 1));
    for key in &data_keys {
        for bit in 0..good.map[key].len() * 8 {
            let mut rotten = good.clone();
            rotten.map.get_mut(key).expect("there")[bit / 8] ^= 1 << (bit % 8);
            replica.rows = rotten;
            assert!(replica.shard.digest(&replica.rows).is_err(), "bit {bit} of {key:?}");
            let mut sweep = replica.shard.begin_sweep();
            assert!(replica.shard.sweep(&mut sweep, usize::MAX, &replica.rows).is_err());
            if key[0] == 2 {
                assert!(replica.shard.read(&scan(10), 0, &replica.rows, &NoBugs).is_err());
            }
            if bit % 64 == 0 {
                let mut flusher = replica.clone();
                flusher.apply(4, stamp(4), &insert(1, b"a"));
                flusher.apply(5, stamp(5), &insert(1, &long));
                flusher.apply(6, stamp(6), &write(vec![change(2, Change::DeletePartition)]));
                let part = flusher.shard.begin_flush(Bytes::new()).expect("something to flush");
                let error = RowsBatch { parts: vec![part.into()] }.write(&mut flusher.rows).expect_err("damage");
                assert!(matches!(error, BatchError::Damaged(damage) if damage.shard == ShardId(1)));
            }
        }
    }
    for bit in 0..good.map[&meta_keys[0]].len() * 8 {
        let mut rotten = good.clone();
        rotten.map.get_mut(&meta_keys[0]).expect("there")[bit / 8] ^= 1 << (bit % 8);
        assert!(ShardStore::recover(ShardId(1), TOKENS, &rotten).is_err());
    }
    replica.rows = good;
    assert_eq!(pages(&replica, &scan(10), 0), wanted);
}

#[test]
fn a_scan_passes_over_rows_that_nobody_asked_for() {
    let rows: Vec<(i64, u8)> = [(1, 3), (2, 40), (3, 17), (4, 16), (5, 1)]
        .into_iter()
        .flat_map(|(token, rows)| (0..rows).map(move |row| (token, row)))
        .collect();
    let mut replica = replica(&rows.iter().map(|(token, row)| insert(*token, &[*row])).collect::<Vec<_>>());
    let mut command = scan(2);
    command.per_partition_limit = Some(1);
    let wanted: Vec<_> = (1..=5).map(|token| (partition(token), Some(Bytes::from_static(&[0])))).collect();
    for flushed in [false, true] {
        if flushed {
            replica.flush();
        }
        for page in [2, 10] {
            command.row_limit = page;
            let found = pages(&replica, &command, 0).into_iter().map(|row| (row.partition, row.clustering));
            assert_eq!(found.collect::<Vec<_>>(), wanted, "flushed: {flushed}, pages of {page}");
        }
    }
    // Whose first row is rotten is not passed over with the rows before it.
    let tokens = TokenRange { start: Token(2), end: Token(2) };
    let (start, _) = token_bounds(Space::Rows, TABLE, tokens);
    let key = replica.rows.map.range(start..).next().map(|(key, _)| key);
    let key = key.cloned().expect("partition 2 is flushed");
    replica.rows.map.get_mut(&key).expect("there")[12] ^= 1;
    assert!(replica.shard.read(&command, 0, &replica.rows, &NoBugs).is_err());
}

#[test]
fn a_value_under_a_wrong_key_is_damage() {
    let mut replica = replica(&[insert(1, b"a"), insert(1, b"b")]);
    replica.flush();
    let values: Vec<_> = replica
        .rows
        .map
        .iter()
        .filter(|(key, _)| key[0] == 2)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    replica.rows.map.insert(values[0].0.clone(), values[1].1.clone());
    assert!(replica.shard.read(&scan(10), 0, &replica.rows, &NoBugs).is_err());
}

#[test]
fn longest_keys_are_found_in_order_both_ways() {
    let longest = |fill: u8, last: u8| [vec![fill; crate::limits::KEY_BYTES - 1], vec![last]].concat();
    let rows = [longest(1, 0), longest(1, 1), longest(1, 255), longest(2, 0), b"\x02".to_vec(), b"\x01".to_vec()];
    let commands: Vec<Command> = rows
        .iter()
        .map(|key| {
            let Command::Write(mut write) = insert(5, key) else { unreachable!("it is a write") };
            write.mutations[0].partition.key = Bytes::from(vec![0; crate::limits::KEY_BYTES]);
            Command::Write(write)
        })
        .collect();
    let mut replica = replica(&commands);
    let mut wanted: Vec<_> = rows.iter().map(|key| Some(Bytes::from(key.clone()))).collect();
    wanted.sort();
    for flushed in [false, true] {
        if flushed {
            replica.flush();
            assert!(replica.shard.memory().frozen_bytes == 0 && replica.shard.memory().active_bytes == 0);
        }
        let mut command = scan(1);
        assert_eq!(keys(&replica, &command), wanted);
        command.reversed = true;
        let mut reversed = keys(&replica, &command);
        reversed.reverse();
        assert_eq!(reversed, wanted);
        command.clustering = vec![ClusteringRange::row(&Bytes::from(longest(1, 1)))];
        assert_eq!(keys(&replica, &command), [Some(Bytes::from(longest(1, 1)))]);
    }
}

#[test]
fn clearing_leaves_other_shards_and_tables_alone() {
    let commands: Vec<Command> = (-20..20).map(|token| insert(token, b"a")).collect();
    let mut other_table = commands.clone();
    for command in &mut other_table {
        if let Command::Write(write) = command {
            write.mutations[0].table = StorageId(2);
        }
    }
    let mut replica = replica(&[commands, other_table].concat());
    replica.flush();
    let neighbour = TokenRange { start: Token(0), end: Token(9) };
    let all = replica.rows.map.len();
    let mut slices = 0;
    let mut clearing = Clearing::table(ShardId(1), neighbour, TABLE);
    while let Some(part) = clearing.next(&replica.rows, 3) {
        replica.rows.write(part);
        slices += 1;
    }
    assert_eq!((replica.rows.map.len(), slices), (all - 10, 4));
    let mut clearing = Clearing::shard(ShardId(1), TOKENS);
    while let Some(part) = clearing.next(&replica.rows, 7) {
        replica.rows.write(part);
    }
    assert!(replica.rows.map.is_empty(), "meta record included");
}

#[test]
fn an_interrupted_snapshot_leaves_nothing_to_recover() {
    let commands: Vec<Command> = (0..50).map(|token| insert(token, b"a")).collect();
    let mut sender = replica(&commands);
    let chunk = sender.shard.snapshot_chunk(crate::ids::NodeId(2), 0, 500, Bytes::new, &sender.rows, &NoBugs);
    let chunk = chunk.expect("undamaged").expect("begun");
    assert!(chunk.end.is_none());
    let mut receiver = MapStore::default();
    receiver.write(crate::storage::InstallPart::new(ShardId(1), &chunk).expect("a chunk"));
    assert!(!receiver.map.is_empty());
    assert!(ShardStore::recover(ShardId(1), TOKENS, &receiver).expect("undamaged").is_none());
    let mut cut = chunk.clone();
    cut.rows = cut.rows.slice(..cut.rows.len() - 1);
    assert!(crate::storage::InstallPart::new(ShardId(1), &cut).is_err(), "a cut chunk is refused");
}

#[test]
fn a_deletion_that_is_covered_by_nothing_any_more_is_swept_away() {
    let purge = |seconds| Command::Purge(PurgeCommand { deleted_before: seconds, exceptions: vec![] });
    let mut replica = replica(&[insert(1, b"a"), insert(1, b"b")]);
    replica.flush();
    replica.apply(3, stamp(3), &write(vec![change(1, Change::DeletePartition)]));
    replica.flush();
    assert_eq!(replica.rows.map.len(), 4, "two rows, their deletion, the meta record");
    replica.sweep(10);
    assert_eq!(replica.rows.map.len(), 2, "rows under a deletion need not wait for its purge");
    replica.apply(4, stamp(20), &purge(10));
    replica.sweep(10);
    assert_eq!(replica.rows.map.len(), 2, "the purge is not durable: a restart would apply it again");
    replica.flush();
    replica.sweep(10);
    assert_eq!(replica.rows.map.len(), 1);
}

/// A request may say that its time is long ago. What expired before the purge horizon must not be older than the horizon, or a
/// sweep would purge it, and replicas that have not swept would still let it hide what is older.
#[test]
fn what_is_written_dead_hides_what_is_older_on_every_replica() {
    let put = |timestamp, ttl, now_seconds| {
        let cells =
            vec![CellChange { column: ColumnId(1), operation: CellOperation::Set(Bytes::from_static(b"value")) }];
        let row = RowChange { row: RowId::Row(Bytes::from_static(b"a")), marker: true, ttl, cells };
        let timestamp = Some(timestamp);
        write(vec![Mutation { timestamp, now_seconds, ..change(1, Change::Row(row)) }])
    };
    let outcome = |sweeps: bool| {
        let mut replica = Replica::new();
        let purge = PurgeCommand { deleted_before: 100, exceptions: vec![] };
        replica.apply(1, stamp(200), &Command::Purge(purge));
        // A deletion that covers nothing of it: rows under deletions are looked at by sweeps.
        let deletion = Mutation { timestamp: Some(5), ..change(1, Change::DeletePartition) };
        replica.apply(2, stamp(201), &write(vec![deletion]));
        replica.apply(3, stamp(202), &put(20, 10, Some(40)));
        replica.flush();
        if sweeps {
            replica.sweep(10);
        }
        replica.apply(4, stamp(203), &put(10, 0, None));
        (replica.digest(), keys(&replica, &scan(9)))
    };
    assert_eq!(outcome(false), outcome(true));
    assert_eq!(outcome(true).1, [], "the later one has expired, the earlier one is overwritten");
}

#[test]
fn operations_of_one_statement_on_a_list_see_each_other() {
    let value = Bytes::from_static;
    let statement = |operations: Vec<CellOperation>| {
        let cell = |operation| CellChange { column: ColumnId(1), operation };
        let cells = operations.into_iter().map(cell).collect();
        let row = RowChange { row: RowId::Row(value(b"a")), marker: true, ttl: 0, cells };
        write(vec![change(1, Change::Row(row))])
    };
    let mut replica = replica(&[
        statement(vec![CellOperation::ListReplace(vec![value(b"a"), value(b"b"), value(b"c")])]),
        statement(vec![CellOperation::ListSet(1, None), CellOperation::ListSet(1, None)]),
        statement(vec![CellOperation::ListAppend(vec![value(b"d")]), CellOperation::ListSet(1, Some(value(b"e")))]),
        statement(vec![CellOperation::ListSet(0, Some(value(b"x"))), CellOperation::ListRemove(vec![value(b"x")])]),
    ]);
    let elements: Vec<Bytes> =
        pages(&replica, &scan(9), 0).iter().flat_map(|row| row.cells.iter().map(|cell| cell.value.clone())).collect();
    assert_eq!(elements, [value(b"e")]);
    let outcome = replica.apply(
        9,
        stamp(9),
        &statement(vec![CellOperation::ListRemove(vec![value(b"e")]), CellOperation::ListSet(0, Some(value(b"y")))]),
    );
    let reason = "Attempted to set an element on a list which is null";
    assert_eq!(outcome, Some(WriteOutcome::Invalid(reason.into())), "the element is gone already");
}

#[test]
fn lists_grow_at_both_ends_and_are_changed_by_index() {
    let value = Bytes::from_static;
    let list = |operation| write(vec![put(1, b"a", operation)]);
    let mut replica = replica(&[
        list(CellOperation::ListReplace(vec![value(b"m"), value(b"n")])),
        list(CellOperation::ListPrepend(vec![value(b"k"), value(b"l")])),
        list(CellOperation::ListAppend(vec![value(b"o")])),
        list(CellOperation::ListPrepend(vec![value(b"j")])),
        list(CellOperation::ListSet(2, Some(value(b"L")))),
        list(CellOperation::ListRemove(vec![value(b"n"), value(b"x")])),
    ]);
    let elements = |replica: &Replica| {
        pages(replica, &scan(9), 0)
            .iter()
            .flat_map(|row| row.cells.iter().map(|cell| cell.value.clone()))
            .collect::<Vec<_>>()
            .concat()
    };
    assert_eq!(elements(&replica), b"jkLmo");
    let digest = replica.digest();
    let invalid = replica.apply(
        7,
        stamp(7),
        &write(vec![
            put(1, b"z", CellOperation::Set(value(b"not written either"))),
            put(1, b"a", CellOperation::ListSet(5, None)),
        ]),
    );
    assert_eq!(invalid, Some(WriteOutcome::Invalid("List index 5 out of bound, list has size 5".into())));
    assert_eq!(elements(&replica), b"jkLmo");
    assert_ne!(replica.digest(), digest, "the index has moved");
}

#[test]
fn appending_to_a_large_collection_stays_exact_over_flushes() {
    let mut replica = Replica::new();
    for n in 0..2_000usize {
        let element = Bytes::from(format!("{n:>20}"));
        replica.apply(n + 1, stamp(n + 1), &write(vec![put(1, b"a", CellOperation::ListAppend(vec![element]))]));
        if n % 700 == 0 {
            replica.flush();
        }
    }
    let rows = pages(&replica, &scan(9), 0);
    let numbers: Vec<usize> = rows[0]
        .cells
        .iter()
        .map(|cell| String::from_utf8_lossy(&cell.value).trim().parse().expect("a number"))
        .collect();
    assert!(numbers.iter().copied().eq(0..2_000));
}

struct Planted(PlantedBug);

impl Bugs for Planted {
    fn planted(&self, bug: PlantedBug) -> bool {
        bug == self.0
    }
}

#[test]
fn planted_bugs_can_be_seen() {
    let sender = replica(&[insert(1, b"a"), insert(2, b"b")]);
    let mut command = scan(1);
    command.resume = sender.read(&command, 0).resume;
    let next = |bugs: &Planted| sender.shard.read(&command, 0, &sender.rows, bugs).expect("undamaged").rows;
    let resumed = command.resume.clone();
    assert!(resumed.is_some());
    let both = replica(&[insert(1, b"a"), insert(1, b"b")]);
    let mut inside = scan(1);
    inside.resume = both.read(&inside, 0).resume;
    let repeated = both.shard.read(&inside, 0, &both.rows, &Planted(PlantedBug::PageRepeatsRow)).expect("undamaged");
    assert_eq!(repeated.rows[0].clustering.as_deref(), Some(&b"a"[..]), "a page repeats a row");
    assert_eq!(next(&Planted(PlantedBug::BatchTorn)).len(), 1);

    let mut torn = Replica::new();
    let Command::Write(batch) = write(vec![put(1, b"a", CellOperation::Delete), put(1, b"b", CellOperation::Delete)])
    else {
        unreachable!("it is a write")
    };
    let rows = torn.rows.clone();
    let outcome = torn.shard.apply_write(at(1, stamp(1)), &batch, &rows, &Planted(PlantedBug::BatchTorn));
    assert_eq!(outcome, Ok(WriteOutcome::Applied));
    assert_eq!(keys(&torn, &scan(9)).len(), 1, "half of a batch");

    let mut sender = sender.clone();
    let planted = Planted(PlantedBug::SnapshotWithoutMemtable);
    let chunk = sender.shard.snapshot_chunk(crate::ids::NodeId(2), 0, 9_999, Bytes::new, &sender.rows, &planted);
    let mut received = MapStore::default();
    received
        .write(crate::storage::InstallPart::new(ShardId(1), &chunk.expect("undamaged").expect("begun")).expect("good"));
    assert_eq!(received.map.len(), 1, "only the meta record");
}
