//! A node with one replica of one shard: the replica of the real type, its two stores, and the power that may go. What is submitted
//! becomes durable batch by batch, each store in its own order and neither waiting for the other; what is not durable when
//! power is lost never was. Time stands still, unless a story moves it. `recovery` explores it, `withdrawal` tells stories in it.

use rand_core::RngCore;
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use trefoil_core::bugs::{Bugs, PlantedBug};
use trefoil_core::config::{Config, Layout, NodeInfo, Tuning};
use trefoil_core::ids::{ConnId, NodeId, ShardId, Ticket, ZoneId};
use trefoil_core::message::Message;
use trefoil_core::raft::SavedLog;
use trefoil_core::replicate::{Output, Replica};
use trefoil_core::storage::{MapStore, RowsBatch};
use trefoil_core::time::{Clock, Monotonic};
use trefoil_core::world::{Batch, TraceEvent, World};

use crate::cluster::Disk;

/// The one shard with data.
const SHARD: ShardId = ShardId(1);

/// What the replica sees: its rows, no time, no chance, nobody who listens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    pub(crate) bug: Option<PlantedBug>,
    pub(crate) stored: MapStore,
    pub(crate) waiting: VecDeque<(Ticket, RowsBatch)>,
    tickets: u64,
    chance: Chance,
    pub(crate) clock: Clock,
    /// To peers, by a whole node.
    pub(crate) sent: Vec<(NodeId, Message)>,
    /// To clients, by a whole node.
    pub(crate) replies: Vec<bytes::Bytes>,
    /// It reported damage.
    pub(crate) damage: bool,
}

/// Always the same.
#[derive(Clone, Copy, Debug, Default)]
struct Chance;

impl RngCore for Chance {
    fn next_u32(&mut self) -> u32 {
        1
    }

    fn next_u64(&mut self) -> u64 {
        1
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill(1);
    }
}

impl Bugs for Surroundings {
    fn planted(&self, bug: PlantedBug) -> bool {
        self.bug == Some(bug)
    }
}

impl World for Surroundings {
    type Rows = MapStore;

    fn clock(&self) -> Clock {
        self.clock
    }

    fn rng(&mut self) -> &mut impl RngCore {
        &mut self.chance
    }

    fn send(&mut self, to: NodeId, message: Message) {
        self.sent.push((to, message));
    }

    fn reply(&mut self, _conn: ConnId, envelope: bytes::Bytes) {
        self.replies.push(envelope);
    }

    fn close(&mut self, _conn: ConnId) {}

    fn wake(&mut self, _at: Monotonic) {}

    fn persist(&mut self, batch: Batch) -> Ticket {
        self.tickets += 1;
        if let Batch::Rows(batch) = batch {
            self.waiting.push_back((Ticket(self.tickets), batch));
        }
        Ticket(self.tickets)
    }

    fn rows(&self) -> &MapStore {
        &self.stored
    }

    fn trace(&mut self, event: TraceEvent) {
        self.damage |= matches!(event, TraceEvent::DamageFound { .. });
    }
}

/// The node.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) replica: Replica,
    pub(crate) log: Disk,
    pub(crate) around: Surroundings,
    /// What the replica wanted since it was last looked at, but for what went to the stores.
    pub(crate) wanted: Output,
}

/// Worlds are one when nothing that can be seen of them differs.
impl PartialEq for Site {
    fn eq(&self, other: &Site) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

impl Eq for Site {}

impl Hash for Site {
    fn hash<H: Hasher>(&self, state: &mut H) {
        format!("{self:?}").hash(state);
    }
}

/// A cluster of so many zones with a node in each, and one shard; this node is the first.
pub(crate) fn config(zones: u8) -> Config {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    let nodes = (0..zones).map(|zone| NodeInfo {
        id: NodeId(u32::from(zone) + 1),
        zone: ZoneId(zone),
        host_id: [zone; 16],
        cql_address: address,
        peer_address: address,
    });
    let layout = Layout {
        cluster_id: [0; 16],
        cluster_name: String::new(),
        data_center: String::new(),
        zones: (0..zones).map(|zone| zone.to_string()).collect(),
        nodes: nodes.collect(),
        shards: 1,
    };
    Config { node: NodeId(1), layout, tuning: Tuning::default() }
}

impl Site {
    /// The first start.
    pub(crate) fn found(config: &Config, bug: Option<PlantedBug>) -> Site {
        let around = Surroundings { bug, ..Surroundings::default() };
        Site::start(config, SHARD, Disk::default(), around, None, true)
    }

    /// The first start of a replica of some shard, the catalogue perhaps.
    #[cfg(test)]
    pub(crate) fn found_of(config: &Config, shard: ShardId) -> Site {
        let Site { around, .. } = Site::found(config, None);
        let around = Surroundings { waiting: VecDeque::new(), tickets: 0, ..around };
        Site::start(config, shard, Disk::default(), around, None, true)
    }

    /// A start with what the stores hold. `sound`: the log can be read.
    pub(crate) fn start(
        config: &Config,
        shard: ShardId,
        log: Disk,
        mut around: Surroundings,
        saved: Option<SavedLog>,
        sound: bool,
    ) -> Site {
        let founding = saved.is_none();
        let replica = Replica::start(config, shard, saved, sound, founding, &mut around);
        let mut site = Site { replica, log, around, wanted: Output::default() };
        site.advance();
        site
    }

    /// Power is lost, and comes back.
    pub(crate) fn restart(self, config: &Config, sound: bool) -> Site {
        let shard = self.replica.store().shard();
        let (mut log, mut around) = (self.log, self.around);
        log.waiting.clear();
        around.waiting.clear();
        around.tickets = 0;
        let saved = (log.saved != SavedLog::default()).then(|| log.saved.clone());
        Site::start(config, shard, log, around, saved, sound)
    }

    /// Let the replica go on, and hand its log batch to the store.
    pub(crate) fn advance(&mut self) {
        loop {
            self.wanted.unfinished = false;
            self.replica.advance(&mut self.around, &mut self.wanted);
            if !self.wanted.unfinished {
                break;
            }
        }
        let ops = std::mem::take(&mut self.wanted.log_ops);
        let sequence = self.wanted.sequences.drain(..).map(|(_, sequence)| sequence).next_back();
        if !ops.is_empty() {
            self.log.waiting.push_back((sequence.unwrap_or_default(), ops));
        }
    }

    /// The oldest batch of the log becomes durable.
    pub(crate) fn sync_log(&mut self) {
        if let Some(sequence) = self.log.sync_one() {
            self.replica.durable(sequence, &mut self.around);
            self.advance();
        }
    }

    /// The oldest batch of rows becomes durable.
    pub(crate) fn sync_rows(&mut self) {
        if let Some((ticket, batch)) = self.around.waiting.pop_front() {
            batch.write(&mut self.around.stored).expect("nothing is damaged");
            self.replica.rows_durable(ticket, &mut self.around, &mut self.wanted);
            self.advance();
        }
    }
}
