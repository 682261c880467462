//! The disk of one node: a log store and a row store, each with one writer that makes batches durable in the order they
//! were submitted, as many together as were waiting when it became free (group commit). Between `submit` and the end
//! of the sync nothing is promised: a crash keeps some prefix of what was submitted, whole batches only, of each store
//! on its own. LMDB allows less (all or nothing of one transaction); what is allowed here contains it.
//!
//! A sync may fail. When a batch fails, so does every one behind it until the node has heard of it, as in production
//! (`trefoil::store::writer`): what was submitted meanwhile was built on what is lost. A full store still cuts logs, and takes
//! whatever happens to fit; a broken one takes nothing before the process is started again; a merge with a rotten value fails
//! for its shard. Not here: a sync that lies.

use super::log_store::{LogStore, Removed};
use super::queue::Time;
use super::row_store::{RowStore, Transaction};
use crate::plan::environment::DiskPlan;
use crate::random::Stream;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use trefoil_core::ids::{Incarnation, Ticket};
use trefoil_core::raft::LogOp;
use trefoil_core::storage::{BatchError, RowsBatch};
use trefoil_core::world::{Batch, DiskFailure};

/// One of a node's two stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Store {
    /// Raft entries and votes.
    Log,
    /// Rows.
    Rows,
}

/// Batches of one store on their way to the disk.
#[derive(Debug)]
struct Writer<T> {
    waiting: VecDeque<Waiting<T>>,
    /// How many of them the running sync covers; 0: no sync runs.
    syncing: usize,
    /// The sync has ended while the disk was stalled.
    overdue: bool,
    /// How many batches have failed, and of how many of them the node has heard.
    failures: u64,
    heard: u64,
    last_failure: DiskFailure,
    /// Of a million batches, so many do not fit.
    full_ppm: u32,
    broken: bool,
}

/// A batch that is not durable yet.
#[derive(Debug)]
struct Waiting<T> {
    ticket: Ticket,
    batch: T,
    /// How many failures the node had heard of when it submitted this.
    heard: u64,
}

impl<T> Default for Writer<T> {
    fn default() -> Writer<T> {
        Writer {
            waiting: VecDeque::new(),
            syncing: 0,
            overdue: false,
            failures: 0,
            heard: 0,
            last_failure: DiskFailure::Full,
            full_ppm: 0,
            broken: false,
        }
    }
}

impl<T> Writer<T> {
    fn submit(&mut self, ticket: Ticket, batch: T) {
        self.waiting.push_back(Waiting { ticket, batch, heard: self.heard });
    }

    /// The batches of the sync that ended, one after the other.
    fn end_sync(
        &mut self,
        stream: &mut Stream,
        reports: &mut Vec<Report>,
        wants_room: impl Fn(&T) -> bool,
        mut write: impl FnMut(T) -> Result<Option<DiskFailure>, String>,
    ) -> Result<(), String> {
        let done = std::mem::take(&mut self.syncing);
        for Waiting { ticket, batch, heard } in self.waiting.drain(..done) {
            if heard == self.failures {
                let full = self.full_ppm > 0 && wants_room(&batch) && stream.chance(self.full_ppm);
                let failure = match () {
                    () if self.broken => Some(DiskFailure::Broken),
                    () if full => Some(DiskFailure::Full),
                    () => write(batch)?,
                };
                let Some(failure) = failure else {
                    reports.push((ticket, None));
                    continue;
                };
                self.failures += 1;
                self.last_failure = failure;
            }
            reports.push((ticket, Some((self.last_failure, self.failures))));
        }
        Ok(())
    }

    /// What reached the disk before the process died.
    fn crash(&mut self, stream: &mut Stream) -> (Vec<T>, bool) {
        let Writer { waiting, failures, .. } = std::mem::take(self);
        let sound = waiting.iter().take_while(|waiting| waiting.heard == failures).count();
        let survive = stream.below(sound as u64 + 1) as usize;
        let lost = survive < waiting.len();
        (waiting.into_iter().take(survive).map(|waiting| waiting.batch).collect(), lost)
    }
}

/// What became of a batch: durable, or not written, with the number of the failure.
pub type Report = (Ticket, Option<(DiskFailure, u64)>);

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
    /// Failures that were reported and that the node has not heard of yet.
    unheard: BTreeMap<Ticket, (Store, u64)>,
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
            unheard: BTreeMap::new(),
            removed: Vec::new(),
        }
    }

    /// Take a batch. If the writer was free it starts at once: the second part says when its sync is done.
    pub fn submit(&mut self, now: Time, batch: Batch, stream: &mut Stream) -> (Ticket, Option<(Store, Time)>) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let store = match batch {
            Batch::Log(operations) => {
                self.log_writer.submit(ticket, operations);
                Store::Log
            }
            Batch::Rows(rows) => {
                self.rows_writer.submit(ticket, rows);
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

    /// A sync ends: its batches are durable now, or failed, and the next sync starts. Puts what to report into `reports`.
    ///
    /// # Errors
    /// When the node asked for something impossible; the text says what.
    pub fn sync_done(
        &mut self,
        store: Store,
        now: Time,
        stream: &mut Stream,
        reports: &mut Vec<Report>,
    ) -> Result<Option<Time>, String> {
        if self.stalls > 0 {
            match store {
                Store::Log => self.log_writer.overdue = true,
                Store::Rows => self.rows_writer.overdue = true,
            }
            return Ok(None);
        }
        match store {
            Store::Log => self.log_writer.end_sync(
                stream,
                reports,
                |operations| log_wants_room(operations),
                |operations| write_log(&mut self.log, operations, &mut self.removed).map(|()| None),
            )?,
            Store::Rows => {
                self.rows_writer.end_sync(stream, reports, |_| true, |batch| write_rows(&mut self.rows, &batch))?;
            }
        }
        for (ticket, failure) in reports.iter() {
            self.unheard.extend(failure.map(|(_, failures)| (*ticket, (store, failures))));
        }
        if !self.plan.report_every_ticket {
            // Of those that became durable together, the last one speaks for the others.
            let speaks: Vec<bool> = (0..reports.len())
                .map(|at| reports[at].1.is_some() || reports.get(at + 1).is_none_or(|next| next.1.is_some()))
                .collect();
            let mut speaks = speaks.into_iter();
            reports.retain(|_| speaks.next().unwrap_or(true));
        }
        Ok(self.start(store, now, stream))
    }

    /// The node hears that a batch failed: what it submits to that store from now on is not built on what was lost.
    pub fn heard(&mut self, ticket: Ticket) {
        let Some((store, failures)) = self.unheard.remove(&ticket) else { return };
        let heard = match store {
            Store::Log => &mut self.log_writer.heard,
            Store::Rows => &mut self.rows_writer.heard,
        };
        *heard = failures.max(*heard);
    }

    /// Of a million batches of these stores so many do not fit from now on.
    pub fn fill(&mut self, log_ppm: u32, rows_ppm: u32) {
        (self.log_writer.full_ppm, self.rows_writer.full_ppm) = (log_ppm, rows_ppm);
    }

    /// A store takes nothing more in this life of the node.
    pub fn break_store(&mut self, store: Store) {
        match store {
            Store::Log => self.log_writer.broken = true,
            Store::Rows => self.rows_writer.broken = true,
        }
    }

    /// Whether a store takes nothing more.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.log_writer.broken || self.rows_writer.broken
    }

    /// The power goes, or the process: a prefix of what was on its way has reached the disk, the rest is gone. Says whether
    /// anything was lost. A full disk stays full.
    ///
    /// # Errors
    /// When the node asked for something impossible; the text says what.
    pub fn crash(&mut self, stream: &mut Stream) -> Result<bool, String> {
        self.unheard.clear();
        let (log_full, rows_full) = (self.log_writer.full_ppm, self.rows_writer.full_ppm);
        let failing = self.is_broken() || log_full > 0 || rows_full > 0;
        let (log, log_lost) = self.log_writer.crash(stream);
        let (rows, rows_lost) = self.rows_writer.crash(stream);
        self.fill(log_full, rows_full);
        // What was on its way to a disk that fails has not arrived.
        if failing {
            return Ok(log_lost || rows_lost);
        }
        for operations in log {
            write_log(&mut self.log, operations, &mut self.removed)?;
        }
        for batch in rows {
            if write_rows(&mut self.rows, &batch)?.is_some() {
                break;
            }
        }
        Ok(log_lost || rows_lost)
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
        self.fill(0, 0);
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

/// Cutting makes room.
fn log_wants_room(operations: &[LogOp]) -> bool {
    !operations.iter().all(|operation| matches!(operation, LogOp::CutThrough { .. }))
}

fn write_rows(rows: &mut RowStore, batch: &RowsBatch) -> Result<Option<DiskFailure>, String> {
    let may_be_damaged = rows.was_rotten();
    let mut transaction = Transaction::new(rows);
    match batch.write(&mut transaction) {
        Ok(()) => Ok(None),
        Err(error) => {
            transaction.give_up();
            match error {
                BatchError::Damaged(damage) if may_be_damaged => Ok(Some(DiskFailure::Damaged(damage.shard))),
                error => Err(format!("rows batch refused: {error}")),
            }
        }
    }
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
        assert_eq!((durable_term(&disk), tickets), (3, vec![(last, None)]));
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

    #[test]
    fn what_was_built_on_a_failed_batch_fails_until_the_node_has_heard() {
        let (mut disk, mut stream) = disk();
        disk.fill(1_000_000, 0);
        let (first, started) = disk.submit(Time(0), vote(1), &mut stream);
        let (store, done) = started.expect("the writer was free");
        let mut reports = Vec::new();
        disk.sync_done(store, done, &mut stream, &mut reports).expect("no impossible batch");
        assert_eq!(std::mem::take(&mut reports), vec![(first, Some((DiskFailure::Full, 1)))]);

        disk.fill(0, 0);
        let (second, started) = disk.submit(done, vote(2), &mut stream);
        let (store, done) = started.expect("the writer was free");
        disk.heard(first);
        let (third, _) = disk.submit(done, vote(3), &mut stream);
        let next = disk.sync_done(store, done, &mut stream, &mut reports).expect("no impossible batch");
        disk.sync_done(store, next.expect("one waits"), &mut stream, &mut reports).expect("no impossible batch");
        assert_eq!(reports, vec![(second, Some((DiskFailure::Full, 1))), (third, None)]);
        assert_eq!(durable_term(&disk), 3);
    }

    #[test]
    fn a_broken_store_takes_nothing_until_the_process_is_started_again() {
        let (mut disk, mut stream) = disk();
        disk.break_store(Store::Log);
        let (_, started) = disk.submit(Time(0), vote(1), &mut stream);
        let (store, done) = started.expect("the writer was free");
        let mut reports = Vec::new();
        disk.sync_done(store, done, &mut stream, &mut reports).expect("no impossible batch");
        assert!(matches!(reports[..], [(_, Some((DiskFailure::Broken, 1)))]));
        disk.crash(&mut stream).expect("nothing impossible waits");
        assert!(!disk.is_broken());
        assert_eq!(durable_term(&disk), 0);
    }
}
