//! Random programs from a seed, run on two replicas and the model.

use super::naive::Naive;
use super::store::{Replica, TOKENS};
use crate::command::{
    CellChange, CellOperation, Change, ClusteringRange, Command, Condition, Filter, FilterTarget, Mutation, Operator,
    PartitionKey, Partitions, PurgeCommand, ReadCommand, RequestHeader, RetireCommand, RowChange, RowId, Test,
    WriteCommand,
};
use crate::ids::{ColumnId, Incarnation, NodeId, RequestId, SchemaVersion, StorageId};
use crate::storage::Clearing;
use crate::time::HybridTime;
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use trefoil_cql::token::Token;
use trefoil_cql::types::CqlType;

/// Columns: 1 text, 2 list, 3 map, 4 static text, 5 counter (in a table of its own).
const COUNTERS: StorageId = StorageId(3);

pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(ChaCha8Rng::seed_from_u64(seed))
    }

    fn below(&mut self, below: u64) -> u64 {
        self.0.next_u64() % below
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    fn partition(&mut self) -> PartitionKey {
        let long: &'static [u8] = &[7; 700];
        let (token, key) = self.pick(&[(-100, &b"a"[..]), (3, b"a"), (3, b"b\0"), (3, b"b"), (60, long), (100, b"z")]);
        PartitionKey { token: Token(token), key: Bytes::from_static(key) }
    }

    fn key(&mut self) -> Bytes {
        let long: [&'static [u8]; 3] = [&[5; 600], &[5; 601], &[4; 900]];
        match self.below(8) {
            0 => Bytes::from_static(long[self.below(3) as usize]),
            n => Bytes::from(vec![n as u8]),
        }
    }

    fn value(&mut self) -> Bytes {
        let value = self.pick(&["a", "b", ""]);
        Bytes::from_static(value.as_bytes())
    }

    fn range(&mut self) -> ClusteringRange {
        let (one, two) = (self.key(), self.key());
        match self.below(5) {
            0 => ClusteringRange::all(),
            1 => ClusteringRange { start: one, end: Bytes::new() },
            2 => ClusteringRange { start: Bytes::new(), end: one },
            3 => ClusteringRange::row(&one),
            _ => ClusteringRange { start: one.clone().min(two.clone()), end: one.max(two) },
        }
    }

    fn operation(&mut self) -> CellOperation {
        let values = |dice: &mut Dice| (0..dice.below(3)).map(|_| dice.value()).collect::<Vec<_>>();
        let pairs = |dice: &mut Dice| (0..dice.below(3)).map(|_| (dice.value(), dice.value())).collect::<Vec<_>>();
        match self.below(11) {
            0 => CellOperation::Replace(pairs(self)),
            1 | 2 => CellOperation::Put(pairs(self)),
            3 => CellOperation::Remove(values(self)),
            _ => CellOperation::Delete,
        }
    }

    fn list_operation(&mut self) -> CellOperation {
        let values = |dice: &mut Dice| (0..1 + dice.below(2)).map(|_| dice.value()).collect::<Vec<_>>();
        match self.below(8) {
            0 => CellOperation::ListReplace(values(self)),
            1 | 2 => CellOperation::ListAppend(values(self)),
            3 => CellOperation::ListPrepend(values(self)),
            4 => CellOperation::ListSet(self.below(3) as i32, Some(self.value())),
            5 => CellOperation::ListSet(self.below(2) as i32, None),
            6 => CellOperation::ListHas(self.below(2) as i32),
            _ => CellOperation::ListRemove(values(self)),
        }
    }

    fn change(&mut self, table: StorageId) -> Change {
        let key = self.key();
        match self.below(12) {
            0 => return Change::DeletePartition,
            1 | 2 => return Change::DeleteRange(self.range()),
            3 => return Change::DeleteRow(key),
            _ => {}
        }
        let cell = |column, operation| CellChange { column: ColumnId(column), operation };
        if table == COUNTERS {
            let cells = vec![cell(5, CellOperation::CounterAdd(self.below(5) as i64 - 2))];
            return Change::Row(RowChange { row: RowId::Row(key), marker: false, ttl: 0, cells });
        }
        let ttl = if self.one_in(3) { 1 + self.below(6) as u32 } else { 0 };
        if self.one_in(5) {
            let operation = if self.one_in(3) { CellOperation::Delete } else { CellOperation::Set(self.value()) };
            return Change::Row(RowChange { row: RowId::Static, marker: false, ttl, cells: vec![cell(4, operation)] });
        }
        let mut cells = Vec::new();
        if self.one_in(2) {
            let operation = if self.one_in(5) { CellOperation::Delete } else { CellOperation::Set(self.value()) };
            cells.push(cell(1, operation));
        }
        if self.one_in(3) {
            cells.push(cell(3, self.operation()));
        }
        if self.one_in(3) {
            cells.push(cell(2, self.list_operation()));
        }
        Change::Row(RowChange { row: RowId::Row(key), marker: self.one_in(2), ttl, cells })
    }

    fn condition(&mut self) -> Condition {
        let row = if self.one_in(6) { RowId::Static } else { RowId::Row(self.key()) };
        let value = if self.one_in(2) { None } else { Some(self.value()) };
        let column = if row == RowId::Static { 4 } else { 1 };
        let test = match self.below(4) {
            0 => Test::Exists,
            1 | 2 => Test::NotExists,
            _ => Test::Column {
                column: ColumnId(column),
                column_type: CqlType::Text,
                element: None,
                operator: Operator::Equal,
                values: vec![value],
            },
        };
        Condition { table: StorageId(1), partition: self.partition(), row, test }
    }

    pub(super) fn command(&mut self, stamp: HybridTime) -> Command {
        match self.below(24) {
            0 => Command::Empty,
            1 | 2 => {
                let near = |dice: &mut Dice| stamp.seconds() - dice.below(6) as i64 + 1;
                let exceptions = if self.one_in(3) { vec![(StorageId(1), near(self))] } else { vec![] };
                Command::Purge(PurgeCommand { deleted_before: near(self), exceptions })
            }
            3 if self.one_in(15) => {
                Command::Retire(RetireCommand { storage: StorageId(2), successor: None, schema: SchemaVersion(0) })
            }
            _ => {
                let conditions =
                    if self.one_in(6) { (0..1 + self.below(2)).map(|_| self.condition()).collect() } else { vec![] };
                let now_seconds = self.one_in(4).then(|| stamp.seconds() + 6 - self.below(12) as i64);
                let mutations = (0..1 + self.below(2)).map(|_| {
                    let table = self.pick(&[StorageId(1), StorageId(1), StorageId(2), COUNTERS]);
                    let old = self.one_in(3) && table != COUNTERS;
                    Mutation {
                        table,
                        partition: self.partition(),
                        timestamp: old.then(|| stamp.0 - 1_000_000 * self.below(6) as i64 - self.below(2) as i64),
                        now_seconds,
                        changes: (0..1 + self.below(3)).map(|_| self.change(table)).collect(),
                    }
                });
                Command::Write(WriteCommand { header: header(), conditions, mutations: mutations.collect() })
            }
        }
    }

    pub(super) fn read(&mut self, now: i64) -> ReadCommand {
        let mut keys: Vec<PartitionKey> = (0..1 + self.below(3)).map(|_| self.partition()).collect();
        keys.sort();
        keys.dedup();
        let partitions = if self.one_in(2) {
            Partitions::Keys(keys)
        } else {
            let (start, end) =
                self.pick(&[(TOKENS.start, TOKENS.end), (Token(-5), Token(60)), (Token(i64::MIN), Token(i64::MAX))]);
            Partitions::Range { start, end }
        };
        let clustering = match self.below(3) {
            0 => vec![],
            1 => vec![self.range()],
            _ => {
                let mut rows: Vec<Bytes> = (0..self.below(4)).map(|_| self.key()).collect();
                rows.sort();
                rows.dedup();
                rows.iter().map(ClusteringRange::row).collect()
            }
        };
        let filter = Filter {
            target: FilterTarget::Column(ColumnId(self.pick(&[1, 4]))),
            target_type: CqlType::Text,
            operator: Operator::Equal,
            values: vec![self.value()],
        };
        ReadCommand {
            table: self.pick(&[StorageId(1), StorageId(2), COUNTERS]),
            partitions,
            clustering,
            reversed: self.one_in(2),
            columns: self.one_in(3).then(|| vec![ColumnId(4), ColumnId(3)]),
            statics: self.one_in(2),
            distinct: self.one_in(6),
            filters: if self.one_in(4) { vec![filter] } else { vec![] },
            per_partition_limit: self.one_in(4).then(|| 1 + self.below(3) as u32),
            row_limit: self.pick(&[1, 2, 3, 1_000]),
            byte_budget: self.pick(&[0, 300, 1_000_000]),
            resume: None,
            now_seconds: self.one_in(3).then(|| now - 3 + self.below(5) as i64),
            dropped: match self.below(4) {
                0 => vec![(ColumnId(1), i64::MAX)],
                1 => vec![(ColumnId(4), (now - 2) * 1_000_000)],
                _ => vec![],
            },
        }
    }
}

pub(super) fn header() -> RequestHeader {
    RequestHeader {
        id: RequestId { node: NodeId(1), incarnation: Incarnation(1), sequence: 1 },
        answered_below: 0,
        expires: HybridTime(i64::MAX),
        schema: SchemaVersion(1),
    }
}

/// All pages, one after the other.
pub(super) fn pages(replica: &Replica, command: &ReadCommand, now: i64) -> Vec<crate::command::ReadRow> {
    let mut command = command.clone();
    let mut rows = Vec::new();
    for _ in 0..10_000 {
        let page = replica.read(&command, now);
        assert!(page.rows.len() <= command.row_limit as usize);
        rows.extend(page.rows);
        match page.resume {
            None => return rows,
            Some(position) => command.resume = Some(position),
        }
    }
    panic!("pages do not end");
}

/// As text, without the long runs that long keys are made of.
fn compact(thing: &impl std::fmt::Debug) -> String {
    let text = format!("{thing:?}");
    ["\\x04", "\\x05", "\\x07"].iter().fold(text, |text, unit| {
        let mut text = text;
        while text.contains(&unit.repeat(8)) {
            text = text.replace(&unit.repeat(4), unit);
        }
        text
    })
}

fn run(seed: u64, length: usize) {
    let mut dice = Dice::new(seed);
    let mut naive = Naive::default();
    let mut replicas = [Replica::new(), Replica::new()];
    let mut log: Vec<(HybridTime, Command)> = Vec::new();
    let mut stamp = HybridTime(20_000_000);
    for index in 1..=length {
        stamp.0 += if dice.one_in(3) { 1 } else { dice.below(2_500_000) as i64 + 1 };
        let command = dice.command(stamp);
        log.push((stamp, command.clone()));
        let wanted = naive.apply(stamp, &command);
        for replica in &mut replicas {
            let outcome = replica.apply(index, stamp, &command);
            assert_eq!(outcome, wanted, "seed {seed}, entry {index}: {command:?}");
        }
        let replica = &mut replicas[dice.below(2) as usize];
        match dice.below(14) {
            0 | 1 => replica.begin_flush(),
            2 | 3 => replica.write_flush(),
            4 | 5 => {
                replica.write_flush();
                replica.shard.flush_done();
            }
            6 if replica.flushing.is_some() => {
                replica.flushing = None;
                replica.shard.flush_failed();
            }
            7 => replica.restart(&log),
            8 => {
                let bytes_max = dice.pick(&[1, 500, 100_000]);
                replica.sweep(bytes_max);
            }
            9 => {
                for table in replica.shard.droppable().collect::<Vec<_>>() {
                    let mut clearing = Clearing::table(replica.shard.shard(), TOKENS, table);
                    while let Some(part) = clearing.next(&replica.rows, 2) {
                        replica.rows.write(part);
                    }
                }
            }
            _ => {}
        }
        let read = dice.read(stamp.seconds());
        let wanted = naive.read(&read, stamp.seconds());
        for (number, replica) in replicas.iter().enumerate() {
            let got = pages(replica, &read, stamp.seconds());
            let place = format!("seed {seed}, after entry {index}, replica {number}");
            assert!(got == wanted, "{place}: {}\n got {}\nwant {}", compact(&read), compact(&got), compact(&wanted));
        }
        assert_eq!(replicas[0].digest(), replicas[1].digest(), "seed {seed}, after entry {index}: {command:?}");
    }
    // A third replica gets a snapshot while more is applied.
    let bytes_max = dice.pick(&[1, 400, 100_000]);
    let mut next = length;
    let [sender, other] = &mut replicas;
    let mut received = sender.snapshot(bytes_max, |sender, number| {
        if number < 20 {
            stamp.0 += 700_000;
            let command = dice.command(stamp);
            next += 1;
            sender.apply(next, stamp, &command);
            other.apply(next, stamp, &command);
            naive.apply(stamp, &command);
            if dice.one_in(4) {
                sender.flush();
            }
        }
    });
    assert_eq!(received.digest(), other.digest(), "seed {seed}: snapshot");
    for _ in 0..25 {
        stamp.0 += 700_000;
        next += 1;
        let command = dice.command(stamp);
        let wanted = naive.apply(stamp, &command);
        assert_eq!(received.apply(next, stamp, &command), wanted, "seed {seed}: after the snapshot");
        let read = dice.read(stamp.seconds());
        assert_eq!(
            pages(&received, &read, stamp.seconds()),
            naive.read(&read, stamp.seconds()),
            "seed {seed}: {read:?}"
        );
        if dice.one_in(3) {
            received.flush();
        }
    }
}

#[test]
fn replicas_answer_as_the_model_does_whenever_they_flush() {
    for seed in 0..150 {
        run(seed, 60);
    }
}
