//! A seed becomes data first. A plan holds everything that a run depends on: the cluster, its network, disks and clocks,
//! the schedule of faults and the programs of the clients. Running, replaying and shrinking work on the plan, never on
//! the seed, so that a part can be left out without shifting the rest. Nothing outside the plan may influence a run.

pub mod clients;
pub mod cluster;
pub mod draw;
pub mod drill;
pub mod environment;
pub mod language;
pub mod preset;
pub mod program;
pub mod schedule;

use crate::faults::TimedFault;
use crate::language::program::Table;
use cluster::ClusterPlan;
use environment::{ClockPlan, DiskPlan, MachinePlan, NetworkPlan};
use preset::Preset;
use program::ClientPlan;
use serde::{Deserialize, Serialize};
use trefoil_core::bugs::PlantedBug;

/// Version of the replay file; raised when an old plan would not mean the same any more.
pub const FORMAT: u32 = 1;

/// Everything that a run depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this structure.
    pub format: u32,
    /// The seed it was drawn from; still feeds the random streams of the run itself.
    pub seed: u64,
    /// What it was drawn as.
    pub preset: Preset,
    /// Mistakes switched on in the node.
    pub bugs: Vec<PlantedBug>,
    /// Zones, nodes, shards, and the nodes' numbers.
    pub cluster: ClusterPlan,
    /// Latencies, loss, duplication.
    pub network: NetworkPlan,
    /// How long syncs take.
    pub disk: DiskPlan,
    /// One for each node.
    pub clocks: Vec<ClockPlan>,
    /// How fast nodes work and how they batch.
    pub machine: MachinePlan,
    /// What goes wrong, and when.
    pub faults: Vec<TimedFault>,
    /// When the last fault is over and everything is healed; virtual milliseconds.
    pub faults_end_ms: u64,
    /// Tables of generated programs.
    #[serde(default)]
    pub tables: Vec<Table>,
    /// Who does what.
    pub clients: Vec<ClientPlan>,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn from_seed(seed: u64, preset: Preset, bugs: &[PlantedBug]) -> Plan {
        draw::draw(seed, preset, bugs)
    }

    /// Number of steps in all programs.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.clients.iter().flat_map(|client| &client.lanes).map(Vec::len).sum()
    }
}
