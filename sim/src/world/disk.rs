//! The disk of one node: a log store and a row store, each with one writer that makes batches durable in the order they
//! were submitted, as many together as were waiting when it became free (group commit). Between `submit` and the end
//! of the sync nothing is promised: a crash keeps some prefix of what was submitted, whole batches only, of each store
//! on its own. LMDB allows less (all or nothing of one transaction); what is allowed here contains it.
//!
//! The place of what comes next: `sync_done` may fail with `Full` or `Broken` instead, `crash` may forget the last durable
//! group (a lying sync), `RowStore` and `LogStore` may rot; each under the budget of one damaged replica of a shard.

use super::log_store::{LogStore, Removed};
use super::queue::Time;
use super::row_store::{RowStore, Transaction};
use crate::plan::environment::DiskPlan;
use crate::random::Stream;
use std::collections::VecDeque;
use trefoil_core::ids::{Incarnation, Ticket};
use trefoil_core::raft::LogOp;
use trefoil_core::storage::RowsBatch;
use trefoil_core::world::Batch;

/// One of a node's two stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Store {
    /// Raft entries and votes.
    Log,
    /// Rows.
    Rows,
}

/// Batches of one store on their way to the disk.
#[derive(Debug)]
struct Writer<T> {
    waiting: VecDeque<(Ticket, T)>,
    /// How many of them the running sync covers; 0: no sync runs.
    syncing: usize,
    /// The sync has ended while the disk was stalled.
    overdue: bool,
}

impl<T> Default for Writer<T> {
    fn default() -> Writer<T> {
        Writer { waiting: VecDeque::new(), syncing: 0, overdue: false }
    }
}

/// Both stores, and what is on its way to them.
#[derive(Debug)]
pub struct Disk {
    plan: DiskPlan,
    /// Whether syncs take much longer now and then.
    noisy: bool,
    /// What is durable of the log.
    pub log: LogStore,
    /// What is durable of the rows.
    pub rows: RowStore,
    /// The node's last life, as far as the disk knows.
    pub last_life: Option<Incarnation>,
    log_writer: Writer<Vec<LogOp>>,
    rows_writer: Writer<RowsBatch>,
    next_ticket: u64,
    stalls: u32,
    slow_factor: u32,
    /// Durable log entries that other entries have replaced, until somebody takes them.
    pub removed: Vec<Removed>,
}

impl Disk {
    /// Empty stores.
    #[must_use]
    pub fn new(plan: &DiskPlan) -> Disk {
        Disk {
            plan: plan.clone(),
            noisy: false,
            log: LogStore::default(),
            rows: RowStore::default(),
            last_life: None,
            log_writer: Writer::default(),
            rows_writer: Writer::default(),
            next_ticket: 1,
            stalls: 0,
            slow_factor: 1,
            removed: Vec::new(),
        }
    }

    /// Take a batch. If the writer was free it starts at once: the second part says when its sync is done.
    pub fn submit(&mut self, now: Time, batch: Batch, stream: &mut Stream) -> (Ticket, Option<(Store, Time)>) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let store = match batch {
            Batch::Log(operations) => {
                self.log_writer.waiting.push_back((ticket, operations));
                Store::Log
            }
            Batch::Rows(rows) => {
                self.rows_writer.waiting.push_back((ticket, rows));
                Store::Rows
            }
        };
        (ticket, self.start(store, now, stream).map(|done| (store, done)))
    }

    /// Start a sync of everything that waits, if none runs; when it will be done.
    fn start(&mut self, store: Store, now: Time, stream: &mut Stream) -> Option<Time> {
        let (syncing, waiting) = match store {
            Store::Log => (&mut self.log_writer.syncing, self.log_writer.waiting.len()),
            Store::Rows => (&mut self.rows_writer.syncing, self.rows_writer.waiting.len()),
        };
        if *syncing > 0 || waiting == 0 {
            return None;
        }
        *syncing = waiting;
        let fixed = match store {
            Store::Log => self.plan.log_sync_ns,
            Store::Rows => self.plan.rows_sync_ns,
        };
        let mut latency = fixed + stream.exponential(fixed * self.plan.jitter_per_mille / 1_000);
        latency *= u64::from(self.slow_factor);
        // Not made longer by slowness: a sync of minutes would outlast the faults, and nothing could converge.
        if self.noisy && stream.chance(self.plan.tail_ppm) {
            latency += stream.below(self.plan.tail_ns);
        }
        Some(now.plus(latency))
    }

    /// A sync ends: its batches are durable now, and the next sync starts. Puts the tickets to report into `tickets`.
    ///
    /// # Errors
    /// When the node asked for something impossible; the text says what.
    pub fn sync_done(
        &mut self,
        store: Store,
        now: Time,
        stream: &mut Stream,
        tickets: &mut Vec<Ticket>,
    ) -> Result<Option<Time>, String> {
        if self.stalls > 0 {
            match store {
                Store::Log => self.log_writer.overdue = true,
                Store::Rows => self.rows_writer.overdue = true,
            }
            return Ok(None);
        }
        match store {
            Store::Log => {
                let done = std::mem::take(&mut self.log_writer.syncing);
                for (ticket, operations) in self.log_writer.waiting.drain(..done) {
                    write_log(&mut self.log, operations, &mut self.removed)?;
                    tickets.push(ticket);
                }
            }
            Store::Rows => {
                let done = std::mem::take(&mut self.rows_writer.syncing);
                for (ticket, batch) in self.rows_writer.waiting.drain(..done) {
                    write_rows(&mut self.rows, &batch)?;
                    tickets.push(ticket);
                }
            }
        }
        if !self.plan.report_every_ticket && tickets.len() > 1 {
            tickets.drain(..tickets.len() - 1);
        }
        Ok(self.start(store, now, stream))
    }

    /// The power goes, or the process: a prefix of what was on its way has reached the disk, the rest is gone. Says whether
    /// anything was lost.
    ///
    /// # Errors
    /// When the node asked for something impossible; the text says what.
    pub fn crash(&mut self, stream: &mut Stream) -> Result<bool, String> {
        let mut lost = false;
        let log = std::mem::take(&mut self.log_writer);
        let survive = stream.below(log.waiting.len() as u64 + 1) as usize;
        lost |= survive < log.waiting.len();
        for (_, operations) in log.waiting.into_iter().take(survive) {
            write_log(&mut self.log, operations, &mut self.removed)?;
        }
        let rows = std::mem::take(&mut self.rows_writer);
        let survive = stream.below(rows.waiting.len() as u64 + 1) as usize;
        lost |= survive < rows.waiting.len();
        for (_, batch) in rows.waiting.into_iter().take(survive) {
            write_rows(&mut self.rows, &batch)?;
        }
        Ok(lost)
    }

    /// Both stores are gone.
    pub fn wipe(&mut self) {
        self.log = LogStore::default();
        self.rows = RowStore::default();
        self.last_life = None;
    }

    /// Syncs do not return until as many `unstall`.
    pub fn stall(&mut self) {
        self.stalls += 1;
    }

    /// The contrary. Says which syncs are done now.
    pub fn unstall(&mut self) -> Vec<Store> {
        self.stalls = self.stalls.saturating_sub(1);
        self.overdue()
    }

    /// Syncs take this many times as long.
    pub fn slow(&mut self, factor: u32) {
        self.slow_factor = factor.max(1);
    }

    /// From now on syncs are as bad as planned.
    pub fn begin_noise(&mut self) {
        self.noisy = true;
    }

    /// Nothing is wrong with this disk any more. Says which syncs are done now.
    pub fn heal(&mut self) -> Vec<Store> {
        self.stalls = 0;
        self.slow_factor = 1;
        self.noisy = false;
        self.overdue()
    }

    fn overdue(&mut self) -> Vec<Store> {
        let mut done = Vec::new();
        if self.stalls == 0 {
            if std::mem::take(&mut self.log_writer.overdue) {
                done.push(Store::Log);
            }
            if std::mem::take(&mut self.rows_writer.overdue) {
                done.push(Store::Rows);
            }
        }
        done
    }
}

fn write_log(log: &mut LogStore, operations: Vec<LogOp>, removed: &mut Vec<Removed>) -> Result<(), String> {
    operations.into_iter().try_for_each(|operation| log.apply(operation, removed))
}

fn write_rows(rows: &mut RowStore, batch: &RowsBatch) -> Result<(), String> {
    let mut transaction = Transaction::new(rows);
    batch.write(&mut transaction).map_err(|error| {
        // Nothing in this world damages rows yet, so whatever is damaged was written so.
        transaction.give_up();
        format!("rows batch refused: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::plan::preset::Preset;
    use trefoil_core::ids::{NodeId, ShardId, Term};
    use trefoil_core::raft::HardState;

    const SHARD: ShardId = ShardId(1);

    fn disk() -> (Disk, Stream) {
        let mut plan = Plan::from_seed(1, Preset::Calm, &[]).disk;
        plan.report_every_ticket = false;
        (Disk::new(&plan), Stream::new(1, "disk"))
    }

    fn vote(term: u64) -> Batch {
        Batch::Log(vec![LogOp::HardState(SHARD, HardState { term: Term(term), vote: Some(NodeId(1)), rebuild: None })])
    }

    fn durable_term(disk: &Disk) -> u64 {
        disk.log.shard(SHARD).map_or(0, |saved| saved.hard_state.term.0)
    }

    #[test]
    fn what_waits_is_synced_together_and_reported_in_order() {
        let (mut disk, mut stream) = disk();
        let (_, started) = disk.submit(Time(0), vote(1), &mut stream);
        let (store, done) = started.expect("the writer was free");
        assert_eq!(disk.submit(Time(1), vote(2), &mut stream).1, None);
        let (last, _) = disk.submit(Time(2), vote(3), &mut stream);
        assert_eq!(durable_term(&disk), 0);

        let mut tickets = Vec::new();
        let next = disk.sync_done(store, done, &mut stream, &mut tickets).expect("a sound batch");
        assert_eq!((durable_term(&disk), tickets.len()), (1, 1));
        tickets.clear();
        disk.sync_done(store, next.expect("two wait"), &mut stream, &mut tickets).expect("sound batches");
        assert_eq!((durable_term(&disk), tickets), (3, vec![last]));
    }

    #[test]
    fn a_crash_keeps_a_prefix() {
        let mut kept = [0; 4];
        for seed in 0..200 {
            let (mut disk, _) = disk();
            let mut stream = Stream::new(seed, "crash");
            for term in 1..=3 {
                disk.submit(Time(0), vote(term), &mut stream);
            }
            disk.crash(&mut stream).expect("sound batches");
            kept[durable_term(&disk) as usize] += 1;
        }
        assert!(kept.iter().all(|&times| times > 20), "{kept:?}");
    }

    #[test]
    fn a_stalled_sync_is_done_when_the_stall_is_over() {
        let (mut disk, mut stream) = disk();
        let (store, done) = disk.submit(Time(0), vote(1), &mut stream).1.expect("the writer was free");
        disk.stall();
        let mut tickets = Vec::new();
        assert_eq!(disk.sync_done(store, done, &mut stream, &mut tickets), Ok(None));
        assert_eq!((durable_term(&disk), tickets.len()), (0, 0));
        assert_eq!(disk.unstall(), vec![Store::Log]);
        disk.sync_done(store, done, &mut stream, &mut tickets).expect("a sound batch");
        assert_eq!((durable_term(&disk), tickets.len()), (1, 1));
    }
}
