//! Planted bugs: each is a mistake that somebody has made in a system like this one. The simulator and the models
//! switch one on to prove that their oracles can fail. In production `Bugs::planted` is a constant `false` and the
//! branches do not exist; nothing here may ever be reachable from configuration.

use serde::{Deserialize, Serialize};

/// A mistake that can be switched on in tests. Replay files of the simulator name them, hence serde.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PlantedBug {
    /// A leader trusts its lease for the full election timeout, although clocks drift.
    LeaseNotShortenedForDrift,
    /// A vote is answered before it is durable.
    VoteNotPersisted,
    /// A leader commits an entry of an older term by counting replicas (Raft paper, figure 8).
    CommitOldTermByCounting,
    /// A follower acknowledges entries before they are durable.
    AcknowledgeBeforeDurable,
    /// The leader counts its own log entry before it is durable.
    LeaderCountsUndurable,
    /// A retried request is applied again.
    DeduplicationForgotten,
    /// Deduplication records are not carried by flush and snapshot.
    DeduplicationLostAtRestart,
    /// A restarted node votes at once, although it may have promised a lease.
    RestartForgetsLease,
    /// The frozen memtable is dropped when the flush is submitted, not when it is durable.
    MemtableLostAtFlush,
    /// The log is cut up to what was applied instead of what was flushed.
    LogCutBeforeFlush,
    /// A deposed leader goes on serving linearizable reads.
    ReadFromDeposedLeader,
    /// A leader keeps its lease after it told another replica to stand.
    TransferKeepsLease,
    /// A replica with a new disk votes and counts like one that has lost nothing.
    LostStateForgotten,
    /// Reads at a new leader are served before an entry of its term is committed.
    ReadBeforeOwnTermCommitted,
    /// A follower does not truncate a conflicting suffix.
    ConflictingSuffixKept,
    /// Only the first partition change of a batch is applied.
    BatchTorn,
    /// A write of the log that failed counts as durable.
    FailedWriteCounts,
    /// After a failed flush the memtable is dropped.
    MemtableLostAtFailedFlush,
    /// A read that meets a damaged value answers that nothing is there.
    DamageReadAsNothing,
    /// Logged batches under way are not carried by flush and snapshot.
    BatchForgottenByFlush,
    /// A new leader does not go on with the logged batches that its predecessors decided.
    BatchNotTakenUp,
    /// At equal timestamps the value beats the tombstone.
    TombstoneLosesTie,
    /// Expiry is judged by the wall clock of whoever reads.
    ExpiryByLocalWallClock,
    /// A page starts at the last row of the page before.
    PageRepeatsRow,
    /// PER PARTITION LIMIT counts anew on every page.
    PartitionLimitForgottenBetweenPages,
    /// Of two values with one timestamp the smaller stays.
    SmallerValueWinsTie,
    /// DDL returns when the catalogue has it, before other nodes serve it.
    SchemaReturnsEarly,
    /// A snapshot omits the memtable.
    SnapshotWithoutMemtable,
    /// TRUNCATE keeps the table's storage id.
    TruncateKeepsRows,
    /// A node that lost its disk begins to count its lives anew.
    LivesCountedFromOne,
    /// A replica that is being rebuilt votes.
    RebuildingReplicaVotes,
    /// A leader counts the entries of a replica that is being rebuilt.
    RebuildingReplicaCounts,
    /// A replica that is being rebuilt is told that it is whole as soon as its leader hears of it, and believes it.
    RebuildEndsEarly,
    /// Leaders switch a truncated table's storage when they hear of it, and their logs retire nothing.
    RetiredStorageServed,
    /// An increment that is applied while a flush is under way does not see what is in memory.
    IncrementMissesMemory,
}

/// Which planted bugs are switched on. The production world never overrides `planted`.
pub trait Bugs {
    /// Whether this mistake shall be made.
    #[inline(always)]
    fn planted(&self, _bug: PlantedBug) -> bool {
        false
    }
}

/// No bugs: what production runs with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NoBugs;

impl Bugs for NoBugs {}
