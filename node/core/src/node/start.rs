//! How a node comes to life from what its stores hold.

use super::Node;
use super::background::Background;
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::coordinate::{Deliveries, Operations};
use crate::ids::{Incarnation, ShardId};
use crate::membership::liveness::Liveness;
use crate::membership::numbering::Numbering;
use crate::raft::SavedLog;
use crate::replicate::{Output, Replica};
use crate::session::Sessions;
use crate::time::{HybridClock, HybridTime, Monotonic, WallClock, WallDiscipline};
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the log store held when the node started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// The logs, by shard. A shard that is missing here has never run on this node.
    pub logs: BTreeMap<ShardId, SavedLog>,
    /// Shards whose log is damaged: something in it is not what was written. Their replicas are rebuilt from the others.
    pub damaged: BTreeSet<ShardId>,
    /// The cluster is being founded: replicas that are missing in `logs` are new, not lost. Say so only when *no* node of the
    /// cluster has ever run; a node that lost its disk must say `false`.
    pub founding: bool,
    /// Larger than in every earlier start; durable before the node starts.
    pub incarnation: Incarnation,
}

impl Node {
    /// A node as its stores left it. Call `settle` next.
    pub fn start<W: World>(config: Config, mut saved: Saved, world: &mut W) -> Node {
        let config = Arc::new(config);
        let mut replicas = Vec::new();
        for shard in config.layout.shard_ids() {
            replicas.push(config.layout.replicas(shard).contains(&config.node).then(|| {
                let log = saved.logs.remove(&shard);
                let sound = !saved.damaged.contains(&shard);
                Replica::start(&config, shard, log, sound, saved.founding, world)
            }));
        }
        let catalogue =
            Catalogue::new(&config, replicas[0].as_ref().and_then(|replica| replica.state().schema.clone()));
        let mut node = Node {
            incarnation: saved.incarnation,
            hybrid: HybridClock::default(),
            read_floor: HybridTime::default(),
            discipline: WallDiscipline::default(),
            now: Monotonic(0),
            wall: WallClock(0),
            replicas,
            touched: BTreeSet::new(),
            output: Output::default(),
            submitted: BTreeMap::new(),
            liveness: Liveness::new(&config.layout, config.node),
            numbering: Numbering::default(),
            catalogue,
            operations: Operations::default(),
            deliveries: Deliveries::default(),
            sessions: Sessions::default(),
            background: Background::default(),
            config,
        };
        node.read_clock(world);
        // Stamps go on above everything in the logs, whatever the wall clock says now.
        for replica in node.replicas.iter().flatten() {
            node.hybrid.observe(replica.last_stamp());
        }
        node.touch_all();
        node
    }
}
