//! The writer thread of a store: group commit.
//!
//! It takes everything that waits, applies it in order in one transaction, and reports each ticket when the commit
//! is durable. When a batch fails, every batch behind it fails too, until the node has heard of the failure: what it
//! submitted in between was built on the lost one, and a log with a hole in it must never come to be.

use super::environment::{Environment, EnvironmentUse};
use heed::RwTxn;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use trefoil_core::ids::Ticket;
use trefoil_core::storage::Damage;
use trefoil_core::world::DiskFailure;

/// How long housekeeping rests when the store is full.
const HOUSEKEEPING_PAUSE: Duration = Duration::from_secs(1);

/// Why a transaction was given up.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("{0}")]
    Lmdb(#[from] heed::Error),
    #[error(transparent)]
    Damaged(#[from] Damage),
}

/// A store that a writer thread can own.
pub(super) trait Store: Send + 'static {
    /// What is written atomically.
    type Batch: Send + 'static;

    /// How far its thread stands back behind others that want the same core, as `nice` counts.
    const NICENESS: i32;

    fn environment(&self) -> &Environment;

    /// Write one batch into the transaction.
    fn apply(&mut self, txn: &mut RwTxn<'_>, batch: &Self::Batch) -> Result<(), WriteError>;

    /// The last writes of a transaction; `idle` when it was started for nothing else.
    fn before_commit(&mut self, txn: &mut RwTxn<'_>, idle: bool) -> Result<(), WriteError>;

    /// The transaction is durable.
    fn committed(&mut self);

    /// The transaction never was.
    fn rolled_back(&mut self);

    /// How long nothing must have been submitted until this store may commit something of its own; `None`: it has nothing to do.
    fn housekeeping_after(&self) -> Option<Duration>;

    /// Try to make room for a batch (or, for `None`, for housekeeping) that failed; whether it is worth trying again.
    fn make_room(&mut self, batch: Option<&Self::Batch>, failure: DiskFailure) -> bool;

    fn usage(&self) -> EnvironmentUse;
}

/// A batch on its way to a store.
#[derive(Debug)]
pub struct Submission<B> {
    /// What the node calls it.
    pub ticket: Ticket,
    /// How many failures of this store the node had heard of when it submitted this (`Outcome::Failed::failures`).
    pub failures_heard: u64,
    /// What to write.
    pub batch: B,
}

/// What became of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Which batch.
    pub ticket: Ticket,
    /// What became of it.
    pub outcome: Outcome,
}

/// Durable, or not written at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It survives a power cut.
    Durable,
    /// The store is as if it had never been submitted.
    Failed {
        /// Why.
        failure: DiskFailure,
        /// How many failures this store has had; later submissions must show that the node knows.
        failures: u64,
    },
}

/// Counts of a store's writer, for metrics. All only grow, but the two of the environment.
#[derive(Debug, Default)]
pub struct WriterStats {
    /// Transactions made durable.
    pub commits: AtomicU64,
    /// Batches made durable.
    pub batches: AtomicU64,
    /// Batches that failed.
    pub failed: AtomicU64,
    /// Time spent from the start of transactions to their durability.
    pub busy_nanos: AtomicU64,
    /// Size of the file.
    pub file_bytes: AtomicU64,
    /// Size of the map.
    pub map_bytes: AtomicU64,
}

/// How a writer tells the node; called on the writer's thread.
pub trait Completions: Send + 'static {
    /// These came to an end, in the order submitted.
    fn completed(&self, completions: Vec<Completion>);

    /// The writer broke an invariant of its own and is gone; the node must stop.
    fn crashed(&self, reason: String);
}

struct Queue<B> {
    waiting: VecDeque<Submission<B>>,
    sleeping: bool,
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// When all that waits is written.
    Finish,
    /// Now, as in a crash.
    Abandon,
}

struct Shared<B> {
    queue: Mutex<Queue<B>>,
    ready: Condvar,
}

impl<B> Shared<B> {
    fn lock(&self) -> MutexGuard<'_, Queue<B>> {
        // No code that can panic runs under this lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle to a store's writer thread. Dropping it abandons what waits, as a crash would.
pub struct Writer<B> {
    shared: Arc<Shared<B>>,
    stats: Arc<WriterStats>,
    thread: Option<JoinHandle<()>>,
}

impl<B: Send + 'static> Writer<B> {
    /// Start the thread that owns this store from now on.
    ///
    /// # Errors
    /// When the system has no thread left.
    #[allow(private_bounds)]
    pub fn spawn<S: Store<Batch = B>>(
        name: String,
        store: S,
        completions: impl Completions,
    ) -> std::io::Result<Writer<B>> {
        let queue = Queue { waiting: VecDeque::new(), sleeping: false, end: None };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), ready: Condvar::new() });
        let stats = Arc::new(WriterStats::default());
        let mut worker = Worker {
            store,
            shared: shared.clone(),
            stats: stats.clone(),
            failures: 0,
            last_failure: DiskFailure::Full,
            failing: false,
        };
        worker.publish_usage();
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            stand_back(S::NICENESS);
            let run = catch_unwind(AssertUnwindSafe(|| worker.run(&completions)));
            if let Err(panic) = run {
                completions.crashed(crate::shell::panic_text(&*panic));
            }
        })?;
        Ok(Writer { shared, stats, thread: Some(thread) })
    }

    /// Hand over batches, in order. The vector is left empty, its memory kept.
    pub fn submit(&self, submissions: &mut Vec<Submission<B>>) {
        let mut queue = self.shared.lock();
        queue.waiting.extend(submissions.drain(..));
        if std::mem::take(&mut queue.sleeping) {
            drop(queue);
            self.shared.ready.notify_one();
        }
    }

    /// Batches that wait for the thread.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.lock().waiting.len()
    }

    /// Counts for metrics.
    #[must_use]
    pub fn stats(&self) -> Arc<WriterStats> {
        self.stats.clone()
    }

    /// Write what waits, then close the store.
    pub fn finish(mut self) {
        self.end(End::Finish);
    }

    fn end(&mut self, end: End) {
        self.shared.lock().end = Some(end);
        self.shared.ready.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported by `crashed`.
            let _ = thread.join();
        }
    }
}

impl<B> Drop for Writer<B> {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.shared.lock().end = Some(End::Abandon);
            self.shared.ready.notify_one();
            let _ = thread.join();
        }
    }
}

/// Lower the priority of this thread, where threads have one of their own.
fn stand_back(niceness: i32) {
    #[cfg(target_os = "linux")]
    if niceness > 0
        && let Err(error) = rustix::process::setpriority_process(None, niceness)
    {
        tracing::debug!(%error, "a store's thread keeps its priority");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = niceness;
}

struct Worker<S: Store> {
    store: S,
    shared: Arc<Shared<S::Batch>>,
    stats: Arc<WriterStats>,
    failures: u64,
    last_failure: DiskFailure,
    /// Whether the last commit failed, so that a full disk is logged once and not for every batch.
    failing: bool,
}

impl<S: Store> Worker<S> {
    fn run(&mut self, completions: &impl Completions) {
        let mut group = Vec::new();
        while self.take(&mut group) {
            if group.is_empty() {
                self.housekeep();
                continue;
            }
            let done = self.write(&group);
            group.clear();
            self.publish_usage();
            completions.completed(done);
        }
    }

    /// Wait until there is something to do and take all that waits; false at the end. Nothing taken means housekeeping.
    fn take(&self, group: &mut Vec<Submission<S::Batch>>) -> bool {
        let mut queue = self.shared.lock();
        let mut idle = false;
        loop {
            if queue.end == Some(End::Abandon) {
                return false;
            }
            if !queue.waiting.is_empty() {
                group.extend(queue.waiting.drain(..));
                return true;
            }
            if queue.end == Some(End::Finish) {
                return false;
            }
            let after = self.store.housekeeping_after();
            if idle && after.is_some() || after == Some(Duration::ZERO) {
                return true;
            }
            queue.sleeping = true;
            if let Some(after) = after {
                let waited = self.shared.ready.wait_timeout(queue, after).unwrap_or_else(PoisonError::into_inner);
                (queue, idle) = (waited.0, waited.1.timed_out());
            } else {
                queue = self.shared.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            queue.sleeping = false;
        }
    }

    fn write(&mut self, group: &[Submission<S::Batch>]) -> Vec<Completion> {
        let mut done = Vec::with_capacity(group.len());
        if group.iter().all(|submission| submission.failures_heard == self.failures)
            && self.commit(group.iter().map(|submission| &submission.batch), false).is_ok()
        {
            done.extend(group.iter().map(|submission| self.durable(submission.ticket)));
            return done;
        }
        // Something is in the way: one at a time, so that only what must fail does.
        for submission in group {
            let built_on_a_lost_one = submission.failures_heard < self.failures;
            if !built_on_a_lost_one {
                match self.commit_with_room(&submission.batch) {
                    Ok(()) => {
                        done.push(self.durable(submission.ticket));
                        continue;
                    }
                    Err(failure) => {
                        self.failures += 1;
                        self.last_failure = failure;
                    }
                }
            }
            done.push(self.failed(submission.ticket));
        }
        done
    }

    fn durable(&self, ticket: Ticket) -> Completion {
        self.stats.batches.fetch_add(1, Ordering::Relaxed);
        Completion { ticket, outcome: Outcome::Durable }
    }

    fn failed(&self, ticket: Ticket) -> Completion {
        self.stats.failed.fetch_add(1, Ordering::Relaxed);
        let outcome = Outcome::Failed { failure: self.last_failure, failures: self.failures };
        Completion { ticket, outcome }
    }

    fn commit_with_room(&mut self, batch: &S::Batch) -> Result<(), DiskFailure> {
        loop {
            match self.commit(std::iter::once(batch), false) {
                Ok(()) => return Ok(()),
                Err(failure) if self.store.make_room(Some(batch), failure) => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    fn housekeep(&mut self) {
        while let Err(failure) = self.commit(std::iter::empty(), true) {
            if !self.store.make_room(None, failure) {
                // Space may come back with the next batch; until then there is nothing to gain.
                let mut queue = self.shared.lock();
                queue.sleeping = true;
                let nothing_to_do = |queue: &mut Queue<S::Batch>| queue.waiting.is_empty() && queue.end.is_none();
                let waited = self.shared.ready.wait_timeout_while(queue, HOUSEKEEPING_PAUSE, nothing_to_do);
                waited.unwrap_or_else(PoisonError::into_inner).0.sleeping = false;
                return;
            }
        }
        self.publish_usage();
    }

    fn commit<'b>(&mut self, batches: impl Iterator<Item = &'b S::Batch>, idle: bool) -> Result<(), DiskFailure>
    where
        S::Batch: 'b,
    {
        let started = Instant::now();
        let environment = self.store.environment().clone();
        let write = || {
            let mut txn = environment.env.write_txn()?;
            for batch in batches {
                self.store.apply(&mut txn, batch)?;
            }
            self.store.before_commit(&mut txn, idle)?;
            txn.commit().map_err(WriteError::Lmdb)
        };
        match write() {
            Ok(()) => {
                self.store.committed();
                let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
                self.stats.busy_nanos.fetch_add(nanos, Ordering::Relaxed);
                self.stats.commits.fetch_add(1, Ordering::Relaxed);
                if std::mem::take(&mut self.failing) {
                    tracing::info!(folder = %environment.folder.display(), "the store can be written again");
                }
                Ok(())
            }
            Err(error) => {
                self.store.rolled_back();
                let failure = match &error {
                    WriteError::Lmdb(error) => environment.failure(error),
                    WriteError::Damaged(damage) => DiskFailure::Damaged(damage.shard),
                };
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(folder = %environment.folder.display(), %error, ?failure, "the store cannot be written");
                }
                Err(failure)
            }
        }
    }

    fn publish_usage(&self) {
        let usage = self.store.usage();
        self.stats.file_bytes.store(usage.file_bytes, Ordering::Relaxed);
        self.stats.map_bytes.store(usage.map_bytes, Ordering::Relaxed);
    }
}
