//! Presets: what kind of world a seed is drawn as. The swarm draws everything; the others turn towards one corner, so
//! that a planted bug that lives there falls within few seeds. A preset only changes ranges and odds, never rules.

use super::drill::Drill;
use serde::{Deserialize, Serialize};

/// What kind of world a seed is drawn as.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Everything, each part switched off at random.
    #[default]
    Swarm,
    /// No faults at all: what fails here is not the faults' doing.
    Calm,
    /// Three nodes, leaders cut off and paused, clocks at the edge of their drift.
    Leases,
    /// Crashes in quick succession, log entries half replicated.
    Elections,
    /// Tiny memtables, crashes and wipes: flush, replay, snapshot.
    Storage,
    /// Wall clocks far off and jumping.
    Clocks,
    /// Lost answers and leaders that change, so that proposals are sent again.
    Retries,
    /// Tables come and go beside writes.
    Schema,
    /// Scans with small pages over rows that come and go.
    Paging,
    /// Rows that expire.
    Expiry,
    /// Generated programs, answered as the reference interpreter does.
    Language,
    /// One zone: power goes right after an acknowledgement.
    Alone,
    /// Batches over several shards, whose coordinators and leaders die.
    Spread,
    /// Disks that are full, fail, and rot.
    Disks,
    /// Counters, whose increments are sent again and applied while memtables are flushed.
    Counters,
    /// `Drill::LostVote`
    LostVote,
    /// `Drill::OldTerm`
    OldTerm,
    /// `Drill::SlowLeader`
    SlowLeader,
    /// `Drill::Handover`
    Handover,
    /// `Drill::Promise`
    Promise,
}

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 20] = [
        Preset::Swarm,
        Preset::Calm,
        Preset::Leases,
        Preset::Elections,
        Preset::Storage,
        Preset::Clocks,
        Preset::Retries,
        Preset::Schema,
        Preset::Paging,
        Preset::Expiry,
        Preset::Language,
        Preset::Alone,
        Preset::Spread,
        Preset::Disks,
        Preset::Counters,
        Preset::LostVote,
        Preset::OldTerm,
        Preset::SlowLeader,
        Preset::Handover,
        Preset::Promise,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Preset::Swarm => "swarm",
            Preset::Calm => "calm",
            Preset::Leases => "leases",
            Preset::Elections => "elections",
            Preset::Storage => "storage",
            Preset::Clocks => "clocks",
            Preset::Retries => "retries",
            Preset::Schema => "schema",
            Preset::Paging => "paging",
            Preset::Expiry => "expiry",
            Preset::Language => "language",
            Preset::Alone => "alone",
            Preset::Spread => "spread",
            Preset::Disks => "disks",
            Preset::Counters => "counters",
            Preset::LostVote => "lost-vote",
            Preset::OldTerm => "old-term",
            Preset::SlowLeader => "slow-leader",
            Preset::Handover => "handover",
            Preset::Promise => "promise",
        }
    }
}

/// Kinds of faults, as the schedule draws them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// `Fault::ZonePower`
    ZonePower,
    /// `Fault::ZoneIsolation`
    ZoneIsolation,
    /// `Fault::ZoneFlapping`
    ZoneFlapping,
    /// `Fault::Crash`
    Crash,
    /// `Fault::Restart`
    Restart,
    /// `Fault::Pause`
    Pause,
    /// `Fault::Wipe`
    Wipe,
    /// `Fault::Cut`, both ways
    Cut,
    /// `Fault::Cut`, one way
    CutOneWay,
    /// `Fault::Clog`
    Clog,
    /// `Fault::Storm`
    Storm,
    /// `Fault::WallStep`
    WallStep,
    /// `Fault::WallStrobe`
    WallStrobe,
    /// `Fault::WallFreeze`
    WallFreeze,
    /// `Fault::Drift`
    Drift,
    /// `Fault::DiskStall`
    DiskStall,
    /// `Fault::DiskSlow`
    DiskSlow,
    /// `Fault::DiskFull`
    DiskFull,
    /// `Fault::DiskBroken`
    DiskBroken,
    /// `Fault::RotRows`
    RotRows,
    /// `Fault::RotLog`
    RotLog,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [FaultKind; 21] = [
        FaultKind::ZonePower,
        FaultKind::ZoneIsolation,
        FaultKind::ZoneFlapping,
        FaultKind::Crash,
        FaultKind::Restart,
        FaultKind::Pause,
        FaultKind::Wipe,
        FaultKind::Cut,
        FaultKind::CutOneWay,
        FaultKind::Clog,
        FaultKind::Storm,
        FaultKind::WallStep,
        FaultKind::WallStrobe,
        FaultKind::WallFreeze,
        FaultKind::Drift,
        FaultKind::DiskStall,
        FaultKind::DiskSlow,
        FaultKind::DiskFull,
        FaultKind::DiskBroken,
        FaultKind::RotRows,
        FaultKind::RotLog,
    ];
}

/// Kinds of work, as clients' programs mix them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Registers with unique values, some of them deleted.
    Registers,
    /// Conditional updates.
    Cas,
    /// Appends to lists and sets.
    Collections,
    /// Increments.
    Counters,
    /// Rows of a partition, written, deleted and scanned.
    Rows,
    /// Batches over two tables of a partition.
    Batches,
    /// Batches over several partitions, on whatever shards they lie.
    Spread,
    /// Rows that expire.
    Expiring,
    /// Definitions beside writes.
    Tables,
    /// Generated programs; never mixed with the others.
    Language,
}

impl Work {
    /// All that may be mixed.
    pub const ALL: [Work; 9] = [
        Work::Registers,
        Work::Cas,
        Work::Collections,
        Work::Rows,
        Work::Batches,
        Work::Spread,
        Work::Expiring,
        Work::Tables,
        Work::Counters,
    ];
}

/// What a preset makes of the ranges that plans are drawn from.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Faults that may be drawn; a swarm switches half of them off.
    pub faults: Vec<FaultKind>,
    /// How many faults there are at most.
    pub faults_max: u64,
    /// What clients may do; a swarm switches half of it off.
    pub work: Vec<Work>,
    /// Whether parts are switched off at random.
    pub swarm: bool,
    /// How often there is only one zone.
    pub one_zone_ppm: u32,
    /// Nodes per zone.
    pub nodes_per_zone_max: u64,
    /// Data shards.
    pub shards_max: u64,
    /// Few keys, so that everybody meets.
    pub few_keys: bool,
    /// Memtables, retained logs and windows of a few hundred bytes.
    pub tiny_memory: bool,
    /// Monotonic clocks as far apart as allowed, and a lot is allowed.
    pub drift_at_bound: bool,
    /// Wall clocks further off than tolerated.
    pub wild_wall_clocks: bool,
    /// Much is lost and doubled between nodes.
    pub bad_links: bool,
    /// Syncs of the log take long.
    pub slow_disks: bool,
    /// How far monotonic clocks may be apart then, in parts per million.
    pub drift_ppm: (u64, u64),
    /// Clients hardly pause.
    pub busy: bool,
    /// Many reads and few writes: a stale read needs somebody who reads at that moment.
    pub mostly_reads: bool,
    /// The schedule follows a story instead of chance.
    pub drill: Option<Drill>,
}

impl Shape {
    /// The shape of a preset.
    #[must_use]
    pub fn of(preset: Preset) -> Shape {
        use FaultKind::{Crash, Cut, CutOneWay, Pause, Restart, Wipe};
        let swarm = Shape {
            faults: FaultKind::ALL.to_vec(),
            faults_max: 24,
            work: Work::ALL.to_vec(),
            swarm: true,
            one_zone_ppm: 80_000,
            nodes_per_zone_max: 3,
            shards_max: 12,
            few_keys: false,
            tiny_memory: false,
            drift_at_bound: false,
            wild_wall_clocks: false,
            bad_links: false,
            slow_disks: false,
            drift_ppm: (100_000, 200_000),
            busy: false,
            mostly_reads: false,
            drill: None,
        };
        // The targeted ones: three nodes, few shards, few keys, so that all pressure is on one spot.
        let small = |faults: &[FaultKind], work: &[Work]| Shape {
            faults: faults.to_vec(),
            work: work.to_vec(),
            swarm: false,
            one_zone_ppm: 0,
            nodes_per_zone_max: 1,
            shards_max: 2,
            few_keys: true,
            ..swarm.clone()
        };
        match preset {
            Preset::Swarm => swarm,
            Preset::Calm => Shape { faults: Vec::new(), faults_max: 0, ..swarm },
            Preset::Leases => Shape {
                drift_at_bound: true,
                ..small(&[Pause, Cut, CutOneWay, FaultKind::ZoneIsolation, Crash], &[Work::Registers])
            },
            Preset::Elections => {
                Shape { slow_disks: true, ..small(&[Crash, Cut, CutOneWay, FaultKind::ZonePower], &[Work::Cas]) }
            }
            Preset::Storage => Shape {
                tiny_memory: true,
                ..small(
                    &[Crash, Wipe, Restart, FaultKind::ZonePower, FaultKind::DiskStall],
                    &[Work::Registers, Work::Collections],
                )
            },
            Preset::Clocks => Shape {
                wild_wall_clocks: true,
                ..small(
                    &[FaultKind::WallStep, FaultKind::WallStrobe, FaultKind::WallFreeze, Crash, Cut, Pause],
                    &[Work::Registers, Work::Expiring],
                )
            },
            Preset::Retries => Shape {
                bad_links: true,
                ..small(&[Crash, Cut, CutOneWay, Pause, Restart], &[Work::Collections, Work::Cas])
            },
            Preset::Schema => Shape { ..small(&[Cut, Pause, Crash], &[Work::Tables]) },
            Preset::Paging => {
                Shape { tiny_memory: true, ..small(&[Crash, Restart, Cut], &[Work::Rows, Work::Batches]) }
            }
            Preset::Language => Shape {
                faults_max: 2,
                shards_max: 6,
                tiny_memory: true,
                ..small(
                    &[Crash, Restart, Wipe, Pause, Cut, FaultKind::ZonePower, FaultKind::DiskStall],
                    &[Work::Language],
                )
            },
            Preset::Alone => Shape {
                one_zone_ppm: 1_000_000,
                slow_disks: true,
                ..small(&[Crash, FaultKind::ZonePower], &[Work::Registers, Work::Cas])
            },
            Preset::Spread => Shape {
                tiny_memory: true,
                shards_max: 6,
                ..small(&[Crash, Restart, Cut, Wipe, Pause, FaultKind::ZonePower], &[Work::Spread])
            },
            Preset::Disks => Shape {
                tiny_memory: true,
                one_zone_ppm: 150_000,
                ..small(
                    &[
                        FaultKind::DiskFull,
                        FaultKind::DiskBroken,
                        FaultKind::RotRows,
                        FaultKind::RotLog,
                        FaultKind::DiskStall,
                        Crash,
                    ],
                    &[Work::Registers, Work::Collections, Work::Rows, Work::Spread],
                )
            },
            Preset::Counters => Shape {
                tiny_memory: true,
                bad_links: true,
                ..small(&[Crash, Restart, Wipe, Cut, CutOneWay, Pause, FaultKind::DiskStall], &[Work::Counters])
            },
            Preset::LostVote => Shape { drill: Some(Drill::LostVote), shards_max: 3, ..small(&[], &[Work::Registers]) },
            Preset::OldTerm => Shape {
                busy: true,
                drill: Some(Drill::OldTerm),
                shards_max: 3,
                slow_disks: true,
                tiny_memory: true,
                ..small(&[], &[Work::Registers])
            },
            Preset::SlowLeader => Shape {
                busy: true,
                drift_ppm: (500_000, 800_000),
                drill: Some(Drill::SlowLeader),
                shards_max: 3,
                drift_at_bound: true,
                mostly_reads: true,
                ..small(&[], &[Work::Registers])
            },
            Preset::Handover => Shape {
                drill: Some(Drill::Handover),
                shards_max: 3,
                busy: true,
                mostly_reads: true,
                ..small(&[], &[Work::Registers])
            },
            Preset::Promise => Shape {
                drill: Some(Drill::Promise),
                shards_max: 3,
                busy: true,
                mostly_reads: true,
                ..small(&[], &[Work::Registers])
            },
            Preset::Expiry => {
                Shape { wild_wall_clocks: true, ..small(&[Cut, Pause, FaultKind::WallStep], &[Work::Expiring]) }
            }
        }
    }
}
