//! The stores under reopening, rot, full maps and wrong folders.

use super::log::{Place, state_key};
use super::writer::Completions;
use super::*;
use bytes::Bytes;
use std::sync::mpsc::{Receiver, Sender, channel};
use tempfile::TempDir;
use trefoil_core::ids::{LogIndex, ShardId, Term, Ticket};
use trefoil_core::raft::{Entry, HardState, LogOp, RebuildId, SavedLog};
use trefoil_core::time::HybridTime;
use trefoil_core::world::DiskFailure;

const SHARD: ShardId = ShardId(3);

struct Reports(Sender<Completion>);

impl Completions for Reports {
    fn completed(&self, completions: Vec<Completion>) {
        for completion in completions {
            // The test may have stopped listening.
            let _ = self.0.send(completion);
        }
    }

    fn crashed(&self, reason: String) {
        panic!("the writer crashed: {reason}");
    }
}

/// A node's folder and the log writer on it.
struct Bench {
    folder: TempDir,
    options: StoreOptions,
    ticket: u64,
    failures_heard: u64,
}

impl Bench {
    fn new() -> Bench {
        Bench::with_log_of(16 << 20)
    }

    fn with_log_of(log_map_bytes: u64) -> Bench {
        let options = StoreOptions { log_map_bytes, rows_map_bytes: 16 << 20, durable: false };
        Bench { folder: tempfile::tempdir().expect("a folder"), options, ticket: 0, failures_heard: 0 }
    }

    fn identity() -> Identity {
        Identity { cluster: [7; 16], node: NodeId(1) }
    }

    fn open(&self) -> NodeStores {
        NodeStores::open(self.folder.path(), &Bench::identity(), &self.options).expect("the stores open")
    }

    fn writer(&self) -> (Writer<Vec<LogOp>>, Receiver<Completion>) {
        let (sender, receiver) = channel();
        (Writer::spawn("log".into(), self.open().log, Reports(sender)).expect("a thread"), receiver)
    }

    fn submission(&mut self, batch: Vec<LogOp>) -> Submission<Vec<LogOp>> {
        self.ticket += 1;
        Submission { ticket: Ticket(self.ticket), failures_heard: self.failures_heard, batch }
    }

    /// Write batches one after the other and close the store.
    fn write(&mut self, batches: Vec<Vec<LogOp>>) {
        let (writer, completions) = self.writer();
        for batch in batches {
            writer.submit(&mut vec![self.submission(batch)]);
            assert_eq!(completions.recv().expect("an answer").outcome, Outcome::Durable);
        }
        writer.finish();
    }

    fn damage_after(&self, key: &[u8], rot: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) -> DamageKind {
        self.open().log.rot(key, rot);
        let loaded = self.open().loaded;
        assert!(!loaded.shards.contains_key(&SHARD), "a damaged shard must not be handed to the node");
        loaded.damaged.get(&SHARD).expect("the damage is found").kind.clone()
    }
}

fn entry(index: u64, text: &str) -> Entry {
    Entry {
        index: LogIndex(index),
        term: Term(1),
        stamp: HybridTime(1_000 + i64::try_from(index).expect("a small index")),
        payload: Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// The key of an entry of a log that was written once, from its first entry on.
fn entry_key(index: u64) -> [u8; 21] {
    Place { sequence: index, shard: SHARD, index: LogIndex(index) }.key()
}

fn append(range: std::ops::RangeInclusive<u64>) -> LogOp {
    let truncate_from = LogIndex(*range.start());
    LogOp::Append { shard: SHARD, truncate_from, entries: range.map(|index| entry(index, "content")).collect() }
}

fn indices(loaded: &LoadedLog) -> Vec<u64> {
    loaded.shards[&SHARD].entries.iter().map(|entry| entry.index.0).collect()
}

#[test]
fn what_was_durable_is_there_after_reopening() {
    let mut bench = Bench::new();
    let vote = HardState { term: Term(4), vote: Some(NodeId(2)), rebuild: None };
    let first = bench.open().incarnation;
    bench.write(vec![vec![LogOp::HardState(SHARD, vote), append(1..=3)], vec![append(4..=5)]]);
    let stores = bench.open();
    assert!(stores.incarnation > first, "every start is a new life");
    let log = &stores.loaded.shards[&SHARD];
    assert_eq!(log.hard_state, vote);
    assert_eq!(log.entries, (1..=5).map(|index| entry(index, "content")).collect::<Vec<_>>());
}

#[test]
fn appending_in_the_middle_replaces_the_rest() {
    let mut bench = Bench::new();
    let shorter = LogOp::Append { shard: SHARD, truncate_from: LogIndex(3), entries: vec![entry(3, "another")] };
    bench.write(vec![vec![append(1..=9)], vec![shorter]]);
    let loaded = bench.open().loaded;
    assert_eq!(indices(&loaded), [1, 2, 3]);
    assert_eq!(loaded.shards[&SHARD].entries[2].payload, "another");
}

#[test]
fn cut_entries_stay_away_and_are_removed_in_slices() {
    let mut bench = Bench::new();
    let cut = LogOp::CutThrough { shard: SHARD, index: LogIndex(9_000), term: Term(1) };
    bench.write(vec![vec![append(1..=10_000)], vec![cut]]);
    // Most of the rubbish is still there, and it means nothing.
    let loaded = bench.open().loaded;
    assert_eq!(loaded.shards[&SHARD].cut, (LogIndex(9_000), Term(1)));
    assert_eq!(indices(&loaded), (9_001..=10_000).collect::<Vec<_>>());
    // An idle writer removes it; enough commits beside other work do so too.
    bench.write((0..40).map(|turn| vec![append(10_001 + turn * 200..=10_200 + turn * 200)]).collect());
    let stores = bench.open();
    assert_eq!(indices(&stores.loaded).len(), 9_000);
    // Only the window that the cut runs through still holds some of it.
    assert_eq!(stores.log.entries_stored(), 9_000 + (9_000 - 8 * 1_024 + 1));
}

#[test]
fn a_reset_forgets_everything_but_the_vote() {
    let mut bench = Bench::new();
    let vote = HardState { term: Term(4), vote: None, rebuild: None };
    let reset = LogOp::Reset { shard: SHARD, index: LogIndex(50), term: Term(1) };
    bench.write(vec![vec![LogOp::HardState(SHARD, vote), append(1..=9)], vec![reset], vec![append(51..=52)]]);
    let log = &bench.open().loaded.shards[&SHARD];
    assert_eq!((log.hard_state, log.cut), (vote, (LogIndex(50), Term(1))));
    assert_eq!(log.entries.len(), 2);
}

#[test]
fn rot_is_damage_and_never_a_shorter_log() {
    let flip = |mut record: Vec<u8>| {
        *record.last_mut().expect("a record has bytes") ^= 1;
        Some(record)
    };
    let written = || {
        let mut bench = Bench::new();
        bench.write(vec![vec![append(1..=5)]]);
        bench
    };
    let key = entry_key;
    let torn = written().damage_after(&key(5), flip);
    assert!(matches!(torn, DamageKind::Entry { index: LogIndex(5), .. }), "{torn:?}");
    let truncated = written().damage_after(&key(2), |mut record| {
        record.truncate(4);
        Some(record)
    });
    assert!(matches!(truncated, DamageKind::Entry { index: LogIndex(2), .. }), "{truncated:?}");
    assert_eq!(written().damage_after(&key(3), |_| None), DamageKind::Missing(LogIndex(3)));
    assert_eq!(written().damage_after(&key(5), |_| None), DamageKind::Missing(LogIndex(5)));
    assert!(matches!(written().damage_after(&state_key(SHARD), flip), DamageKind::State(_)));
    assert!(matches!(written().damage_after(&state_key(SHARD), |_| None), DamageKind::State(_)));
}

#[test]
fn a_misdirected_entry_is_damage() {
    let mut bench = Bench::new();
    bench.write(vec![vec![append(1..=5)]]);
    let mut fourth = None;
    bench.open().log.rot(&entry_key(4), |record| {
        fourth = Some(record.clone());
        Some(record)
    });
    let damage = bench.damage_after(&entry_key(3), |_| fourth);
    assert!(matches!(damage, DamageKind::Entry { index: LogIndex(3), .. }), "{damage:?}");
}

#[test]
fn a_damaged_shard_starts_again_empty_and_without_a_vote() {
    let mut bench = Bench::new();
    bench.write(vec![vec![append(1..=5)]]);
    assert_eq!(bench.damage_after(&entry_key(2), |_| None), DamageKind::Missing(LogIndex(2)));
    // Nothing is believed again until the node has written to the shard.
    assert!(bench.open().loaded.damaged.contains_key(&SHARD));
    let rebuilding = HardState { rebuild: Some(RebuildId(9)), ..HardState::default() };
    bench.write(vec![vec![LogOp::HardState(SHARD, rebuilding)]]);
    let empty = SavedLog { hard_state: rebuilding, ..SavedLog::default() };
    assert_eq!(bench.open().loaded.shards[&SHARD], empty);
    bench.write(vec![vec![LogOp::Reset { shard: SHARD, index: LogIndex(4), term: Term(1) }], vec![append(5..=6)]]);
    assert_eq!(indices(&bench.open().loaded), [5, 6]);
}

#[test]
fn a_group_is_one_commit_in_order() {
    let mut bench = Bench::new();
    let (writer, completions) = bench.writer();
    let mut group: Vec<_> = (1..=100).map(|index| bench.submission(vec![append(index..=index)])).collect();
    writer.submit(&mut group);
    for ticket in 1..=100 {
        let expected = Completion { ticket: Ticket(ticket), outcome: Outcome::Durable };
        assert_eq!(completions.recv().expect("an answer"), expected);
    }
    let stats = writer.stats();
    writer.finish();
    assert_eq!(stats.commits.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(indices(&bench.open().loaded).len(), 100);
}

#[test]
fn abandoned_batches_leave_a_prefix() {
    let mut bench = Bench::new();
    let (writer, completions) = bench.writer();
    for index in 1..=200 {
        writer.submit(&mut vec![bench.submission(vec![append(index..=index)])]);
    }
    drop(writer);
    let reported = completions.iter().count() as u64;
    let loaded = bench.open().loaded;
    let found = if reported == 0 && loaded.shards.is_empty() { vec![] } else { indices(&loaded) };
    assert_eq!(found, (1..=found.len() as u64).collect::<Vec<_>>());
    assert!(found.len() as u64 >= reported, "{reported} were reported durable, {} are there", found.len());
}

#[test]
fn a_full_map_refuses_until_space_returns() {
    let mut bench = Bench::with_log_of(1 << 20);
    let (writer, completions) = bench.writer();
    let payload = Bytes::from(vec![7; 32 << 10]);
    let big = |index| {
        let entries = vec![Entry { payload: payload.clone(), ..entry(index, "") }];
        vec![LogOp::Append { shard: SHARD, truncate_from: LogIndex(index), entries }]
    };
    // Given a log that grows until its map is full,
    let mut last = 0;
    let failures = loop {
        writer.submit(&mut vec![bench.submission(big(last + 1))]);
        match completions.recv().expect("an answer").outcome {
            Outcome::Durable => last += 1,
            Outcome::Failed { failure, failures } => {
                assert_eq!(failure, DiskFailure::Full);
                break failures;
            }
        }
    };
    assert!(last > 8, "only {last} entries fitted");
    // what was built on the lost entry fails too, although it would fit,
    writer.submit(&mut vec![bench.submission(vec![LogOp::HardState(SHARD, HardState::default())])]);
    assert!(matches!(completions.recv().expect("an answer").outcome, Outcome::Failed { .. }));
    // the node that has heard of it can still vote and cut,
    bench.failures_heard = failures;
    let vote = HardState { term: Term(9), vote: Some(NodeId(1)), rebuild: None };
    let cut = LogOp::CutThrough { shard: SHARD, index: LogIndex(last), term: Term(1) };
    for batch in [vec![LogOp::HardState(SHARD, vote)], vec![cut]] {
        writer.submit(&mut vec![bench.submission(batch)]);
        assert_eq!(completions.recv().expect("an answer").outcome, Outcome::Durable);
    }
    // and goes on where it stopped.
    for index in last + 1..last + 6 {
        loop {
            writer.submit(&mut vec![bench.submission(big(index))]);
            match completions.recv().expect("an answer").outcome {
                Outcome::Durable => break,
                // The writer is still removing what was cut.
                Outcome::Failed { failures, .. } => bench.failures_heard = failures,
            }
        }
    }
    writer.finish();
    let loaded = bench.open().loaded;
    assert_eq!(loaded.shards[&SHARD].hard_state, vote);
    assert_eq!(indices(&loaded), (last + 1..last + 6).collect::<Vec<_>>());
}

#[test]
fn folders_of_others_are_refused() {
    let mut bench = Bench::new();
    bench.write(vec![vec![append(1..=1)]]);
    let open = |identity: Identity| NodeStores::open(bench.folder.path(), &identity, &bench.options).err();
    let other_node = open(Identity { node: NodeId(2), ..Bench::identity() });
    assert!(matches!(other_node, Some(StoreError::OtherNode { found: 1, expected: 2, .. })));
    let other_cluster = open(Identity { cluster: [8; 16], ..Bench::identity() });
    let text = other_cluster.expect("it is refused").to_string();
    assert!(text.contains("belongs to cluster 07070707-0707-0707-0707-070707070707"), "{text}");
    let lock = FolderLock::acquire(bench.folder.path()).expect("the folder is free");
    assert!(matches!(FolderLock::acquire(bench.folder.path()), Err(StoreError::InUse { holder: Some(_), .. })));
    drop(lock);
    FolderLock::acquire(bench.folder.path()).expect("the folder is free again");
}

#[test]
fn a_newer_format_is_refused_politely() {
    let bench = Bench::new();
    let mut record = Vec::new();
    seal::seal(identity::IDENTITY_KEY, &mut record, |content| {
        content.extend_from_slice(&9_u32.to_le_bytes());
        content.extend_from_slice(&[7; 20]);
    });
    bench.open().log.rot(identity::IDENTITY_KEY, |_| Some(record));
    let error = NodeStores::open(bench.folder.path(), &Bench::identity(), &bench.options).err().expect("it is refused");
    assert!(matches!(error, StoreError::Format { found: 9, known: identity::STORE_FORMAT, .. }));
    assert!(error.to_string().contains("use the newer version"), "{error}");
}

#[test]
fn half_a_store_is_refused() {
    let mut bench = Bench::new();
    bench.write(vec![vec![append(1..=1)]]);
    std::fs::remove_dir_all(bench.folder.path().join("rows")).expect("the rows go");
    let error = NodeStores::open(bench.folder.path(), &Bench::identity(), &bench.options).err();
    assert!(matches!(error, Some(StoreError::HalfMissing { missing: "rows", .. })));
}

#[test]
fn checking_finds_what_loading_finds() {
    let mut bench = Bench::new();
    bench.write(vec![vec![append(1..=5)]]);
    let report = check_node(bench.folder.path(), |_, _| Ok(())).expect("it can be read");
    assert!(report.is_sound());
    assert_eq!((report.shards, report.entries, report.identity), (1, 5, Some(Bench::identity())));
    bench.open().log.rot(&entry_key(2), |_| None);
    let report = check_node(bench.folder.path(), |_, _| Ok(())).expect("it can be read");
    assert_eq!(report.damaged_shards[0].kind, DamageKind::Missing(LogIndex(2)));
}

/// Bytes of format 2. If this fails, the format has changed: raise its version, keep these, and add those of the new one.
#[test]
fn records_look_as_the_format_says() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let key = Place { sequence: 77, shard: ShardId(3), index: LogIndex(258) }.key();
    assert_eq!(hex(&key), "5a000000000000004d000000030000000000000102");
    let mut record = Vec::new();
    seal::seal(&key, &mut record, |content| super::log::encode_entry(&entry(258, "content"), content));
    assert_eq!(hex(&record), "01da2f5d92848069be0100000000000000ea04000000000000636f6e74656e74");
    assert_eq!(hex(&state_key(ShardId(3))), "5300000003");
}

#[test]
fn a_view_sees_what_was_reported_durable_and_nothing_before_it_is_renewed() {
    use trefoil_core::storage::RowsBatch;
    use trefoil_core::world::Rows;
    use writer::Store;
    let bench = Bench::new();
    let mut rows = bench.open().rows;
    let mut view = rows.reader().view().expect("it can be read");
    let environment = rows.environment().clone();
    let mut put = |key: &[u8], value: &[u8]| {
        let mut txn = environment.env.write_txn().expect("it can be written");
        rows.put(&mut txn, key, value);
        rows.apply(&mut txn, &RowsBatch::default()).expect("it can be written");
        txn.commit().expect("it can be written");
        rows.committed();
    };
    put(b"b", b"2");
    put(b"d", b"4");
    assert_eq!(view.get(b"b"), None, "a view does not change while a step lasts");
    view.renew();
    assert_eq!(view.get(b"b"), Some(&b"2"[..]));
    assert_eq!((view.get(b"c"), view.get(b"")), (None, None));
    let keys = |start: &[u8], end: &[u8]| view.range(start, end).map(|(key, _)| key.to_vec()).collect::<Vec<_>>();
    assert_eq!(keys(b"", b"z"), [b"b", b"d"]);
    assert_eq!(keys(b"b", b"d"), [b"b"]);
    assert_eq!(keys(b"d", b"b"), Vec::<Vec<u8>>::new());
    let reversed: Vec<_> = view.range_reversed(b"b", b"e").map(|(_, value)| value.to_vec()).collect();
    assert_eq!(reversed, [b"4", b"2"]);
}
