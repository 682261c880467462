//! Planted bugs and where they fall: for each mistake that the node can make on request, the preset whose seeds find it and
//! how many seeds that takes at most. A net that lets one through is torn.

use crate::oracle::Violation;
use crate::plan::preset::Preset;
use crate::sweep::{Sweep, sweep};
use trefoil_core::bugs::PlantedBug;

/// One mistake and the net for it.
#[derive(Clone, Copy, Debug)]
pub struct Net {
    /// The mistake.
    pub bug: PlantedBug,
    /// Where it is looked for.
    pub preset: Preset,
    /// Seeds from 0 within which it must be found.
    pub seeds: u64,
}

const fn net(bug: PlantedBug, preset: Preset, seeds: u64) -> Net {
    Net { bug, preset, seeds }
}

/// Planted bugs that the node makes on request, with their nets. Not caught here: `VoteNotPersisted`, `CommitOldTermByCounting`,
/// `LeaseNotShortenedForDrift` and `RestartForgetsLease` (the models catch them), `LeaderCountsUndurable` (raft's own random world),
/// `TombstoneLosesTie` (storage's laws of merging).
pub const NETS: &[Net] = &[
    net(PlantedBug::AcknowledgeBeforeDurable, Preset::Elections, 300),
    net(PlantedBug::DeduplicationForgotten, Preset::Retries, 100),
    net(PlantedBug::DeduplicationLostAtRestart, Preset::Retries, 200),
    net(PlantedBug::MemtableLostAtFlush, Preset::Storage, 50),
    net(PlantedBug::LogCutBeforeFlush, Preset::Storage, 50),
    net(PlantedBug::TransferKeepsLease, Preset::Leases, 1000),
    net(PlantedBug::ReadFromDeposedLeader, Preset::Leases, 100),
    net(PlantedBug::ReadBeforeOwnTermCommitted, Preset::Leases, 400),
    net(PlantedBug::ConflictingSuffixKept, Preset::Elections, 200),
    net(PlantedBug::LivesCountedFromOne, Preset::Swarm, 250),
    net(PlantedBug::BatchTorn, Preset::Paging, 20),
    net(PlantedBug::ExpiryByLocalWallClock, Preset::Expiry, 100),
    net(PlantedBug::PageRepeatsRow, Preset::Paging, 20),
    net(PlantedBug::SchemaReturnsEarly, Preset::Schema, 100),
    net(PlantedBug::SnapshotWithoutMemtable, Preset::Storage, 100),
    net(PlantedBug::TruncateKeepsRows, Preset::Schema, 50),
    net(PlantedBug::RetiredStorageServed, Preset::Schema, 1000),
];

/// What the net caught.
#[derive(Clone, Debug)]
pub struct Catch {
    /// The first seed that found the bug.
    pub seed: u64,
    /// By which promise.
    pub violation: Violation,
}

/// Look for a planted bug in the seeds of its net.
#[must_use]
pub fn find(net: &Net, jobs: usize) -> Option<Catch> {
    let summary = sweep(
        &Sweep {
            from: 0,
            count: net.seeds,
            jobs,
            preset: net.preset,
            bugs: vec![net.bug],
            twice_every: 0,
            stop_at_failure: true,
        },
        |_| {},
    );
    summary.failures.into_iter().next().map(|failure| Catch { seed: failure.seed, violation: failure.violation })
}
