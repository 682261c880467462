//! The clients of a plan: how many, where, and what they do. A generator that never makes a certain operation hides every
//! bug behind it, so each kind of work mixes all of its operations, and a swarm drops whole kinds, not single operations.

use super::cluster::ClusterPlan;
use super::preset::{Shape, Work};
use super::program::{ClientPlan, Half, Operation, Routing, Step};
use crate::random::Stream;
use std::collections::BTreeMap;

/// Rows of a partition in the scanning work.
pub const ROWS_PER_PARTITION: u32 = 24;

/// Increments of a counter: each has a place of its own in it, of two bits.
pub const PLACES: u32 = 31;

/// How many keys each kind of work uses; fewer keys, more meetings.
struct Keys {
    registers: u64,
    cas: u64,
    collections: u64,
    counters: u64,
    partitions: u64,
    batches: u64,
    spread: u64,
    tables: u64,
}

/// What has been handed out so far: values are unique, expiring keys are written once.
#[derive(Default)]
struct Handed {
    value: u32,
    expiring: u32,
    /// Increments so far, by counter in use.
    increments: BTreeMap<u32, u32>,
}

impl Handed {
    fn value(&mut self) -> u32 {
        self.value += 1;
        self.value
    }

    /// A place that no other increment has; when all of a counter are taken, another counter takes its turn.
    fn increment(&mut self, counter: u32, keys: &Keys) -> (u32, u8) {
        let before = self.increments.entry(counter).or_default();
        let place = (counter + *before / PLACES * keys.counters as u32, (*before % PLACES) as u8);
        *before += 1;
        place
    }
}

/// Draw the clients of a run that lasts about `workload_ms`.
#[must_use]
pub fn draw(stream: &mut Stream, shape: &Shape, cluster: &ClusterPlan, workload_ms: u64) -> Vec<ClientPlan> {
    let mut work: Vec<Work> = shape.work.iter().copied().filter(|_| !shape.swarm || stream.chance(500_000)).collect();
    if work.is_empty() {
        work.push(*stream.pick(&shape.work));
    }
    let most = if shape.few_keys { 3 } else { 12 };
    let keys = Keys {
        registers: stream.between(1, most),
        cas: stream.between(1, most),
        collections: stream.between(1, most),
        counters: stream.between(1, most.min(4)),
        partitions: stream.between(1, 4),
        batches: stream.between(1, most.min(6)),
        spread: stream.between(2, 8),
        tables: stream.between(1, 3),
    };
    let clients = stream.between(2, 6);
    let mut handed = Handed::default();
    (0..clients)
        .map(|client| {
            let zone = stream.below(u64::from(cluster.zones)) as u8;
            let lanes = stream.between(1, 3);
            ClientPlan {
                zone,
                protocol: if stream.one_in(2) { 5 } else { 4 },
                routing: *stream.pick(&[Routing::OwnZone, Routing::RoundRobin, Routing::Sticky]),
                timeout_ms: cluster.tuning.request_timeout.as_millis() as u64 * stream.between(1, 2) + 200,
                lanes: (0..lanes)
                    .map(|lane| {
                        let first = client == 0 && lane == 0;
                        program(stream, shape, &work, &keys, &mut handed, workload_ms, first)
                    })
                    .collect(),
            }
        })
        .collect()
}

fn program(
    stream: &mut Stream,
    shape: &Shape,
    work: &[Work],
    keys: &Keys,
    handed: &mut Handed,
    workload_ms: u64,
    defines_tables: bool,
) -> Vec<Step> {
    let steps = if shape.busy { 500 } else { stream.between(10, 80) };
    let pause_ms = workload_ms / steps;
    (0..steps)
        .map(|_| {
            let operation = match stream.pick(work) {
                Work::Registers if shape.mostly_reads && !stream.one_in(100) => {
                    Operation::RegisterRead { key: stream.below(keys.registers) as u32 }
                }
                Work::Registers => register(stream, keys, handed),
                Work::Cas => cas(stream, keys, handed),
                Work::Collections => collection(stream, keys, handed),
                Work::Counters => counter(stream, keys, handed),
                Work::Rows => rows(stream, keys, handed),
                Work::Batches => batch(stream, keys, handed),
                Work::Spread => spread(stream, keys, handed),
                Work::Expiring => expiring(stream, handed),
                Work::Tables => table(stream, keys, handed, defines_tables),
                Work::Language => unreachable!("generated programs are drawn as a whole"),
            };
            // Bursts and lulls: many steps follow at once, some after a long pause.
            let pause_ms = if stream.one_in(3) { 0 } else { stream.exponential(pause_ms) };
            Step { pause_ms: pause_ms as u32, operation }
        })
        .collect()
}

fn filler(stream: &mut Stream) -> u16 {
    if stream.one_in(4) { stream.magnitude(1, 3_000) as u16 } else { stream.below(60) as u16 }
}

fn register(stream: &mut Stream, keys: &Keys, handed: &mut Handed) -> Operation {
    let key = stream.below(keys.registers) as u32;
    match stream.below(20) {
        0..=7 => Operation::RegisterWrite { key, value: handed.value(), filler: filler(stream) },
        8 => Operation::RegisterDelete { key },
        9..=10 => Operation::RegisterReadNear { key },
        _ => Operation::RegisterRead { key },
    }
}

fn cas(stream: &mut Stream, keys: &Keys, handed: &mut Handed) -> Operation {
    let key = stream.below(keys.cas) as u32;
    match stream.below(20) {
        0..=3 => Operation::CasInsert { key, value: handed.value() },
        4..=11 => Operation::CasUpdate { key, value: handed.value() },
        12 => Operation::CasDelete { key },
        _ => Operation::CasRead { key },
    }
}

fn collection(stream: &mut Stream, keys: &Keys, handed: &mut Handed) -> Operation {
    let key = stream.below(keys.collections) as u32;
    match stream.below(10) {
        0..=3 => Operation::ListAppend { key, value: handed.value() },
        4..=5 => Operation::SetAdd { key, value: handed.value() },
        _ => Operation::CollectionRead { key },
    }
}

fn counter(stream: &mut Stream, keys: &Keys, handed: &mut Handed) -> Operation {
    let counter = stream.below(keys.counters) as u32;
    if stream.one_in(2) {
        let last = handed.increments.get(&counter).map_or(0, |increments| increments.saturating_sub(1));
        return Operation::CounterRead { key: counter + last / PLACES * keys.counters as u32 };
    }
    let several = stream.one_in(4);
    let mut counters = vec![handed.increment(counter, keys)];
    for other in (0..keys.counters as u32).filter(|&other| several && other != counter) {
        counters.push(handed.increment(other, keys));
    }
    Operation::CounterAdd { counters }
}

fn rows(stream: &mut Stream, keys: &Keys, handed: &mut Handed) -> Operation {
    let partition = stream.below(keys.partitions) as u32;
    let row = stream.below(u64::from(ROWS_PER_PARTITION)) as u32;
    let page_size = stream.magnitude(1, 12) as u32;
    match stream.below(40) {
        0..=19 => Operation::RowWrite { partition, row, value: handed.value(), filler: filler(stream) },
        20..=22 => Operation::RowDelete { partition, row },
        23 => {
            let to = stream.between(u64::from(row) + 1, u64::from(ROWS_PER_PARTITION)) as u32;
            Operation::RangeDelete { partition, from: row, to }
        }
        24 => Operation::PartitionDelete { partition },
        25..=26 => Operation::ScanAll { page_size },
        _ => Operation::Scan { partition, page_size, reversed: stream.one_in(3) },
    }
}

fn batch(stream: &mut Stream, keys: &Keys, handed: &mut Handed) -> Operation {
    let partition = stream.below(keys.batches) as u32;
    match stream.below(10) {
        0..=3 => Operation::BatchWrite { partition, value: handed.value() },
        4..=6 => Operation::BatchRead { partition, half: Half::Left },
        _ => Operation::BatchRead { partition, half: Half::Right },
    }
}

fn spread(stream: &mut Stream, keys: &Keys, handed: &mut Handed) -> Operation {
    if stream.one_in(2) {
        return Operation::SpreadRead { partition: stream.below(keys.spread) as u32 };
    }
    let mut partitions: Vec<u32> = (0..keys.spread as u32).collect();
    while partitions.len() > 2 && !stream.one_in(4) {
        partitions.remove(stream.below(partitions.len() as u64) as usize);
    }
    Operation::SpreadWrite { partitions, value: handed.value(), logged: !stream.one_in(4) }
}

fn expiring(stream: &mut Stream, handed: &mut Handed) -> Operation {
    if handed.expiring == 0 || stream.one_in(5) {
        let key = handed.expiring;
        handed.expiring += 1;
        return Operation::ExpiringWrite { key, value: handed.value(), ttl: stream.between(1, 6) as u32 };
    }
    // Recent keys, which are about to expire.
    let back = stream.exponential(2).min(u64::from(handed.expiring) - 1) as u32;
    Operation::ExpiringRead { key: handed.expiring - 1 - back }
}

fn table(stream: &mut Stream, keys: &Keys, handed: &mut Handed, defines: bool) -> Operation {
    let table = stream.below(keys.tables) as u32;
    if defines && stream.one_in(2) {
        return match stream.below(8) {
            0..=3 => Operation::TableCreate { table },
            4..=5 => Operation::TableDrop { table },
            6 => Operation::TableAlter { table, column: handed.value() },
            _ => Operation::TableTruncate { table },
        };
    }
    let key = stream.below(3) as u32;
    if stream.one_in(2) {
        Operation::TableWrite { table, key, value: handed.value() }
    } else {
        Operation::TableRead { table, key }
    }
}
