//! Telling the shards led here what is gone: storages of dropped tables, and tombstones older than `gc_grace_seconds`. Both are
//! entries of the shard's log, so that replicas at one index agree on what can be seen.

use super::Node;
use crate::bugs::PlantedBug;
use crate::command::{Command, PurgeCommand, RetireCommand};
use crate::ids::{LogIndex, ShardId};
use crate::message::Refusal;
use crate::replicate::Replica;
use crate::time::Monotonic;
use crate::world::World;
use std::collections::BTreeMap;

/// `gc_grace_seconds` of a table that does not say (Cassandra `TableParams.DEFAULT_GC_GRACE_SECONDS`).
const DEFAULT_GC_GRACE_SECONDS: i64 = 864_000;

/// What the shards led here have been told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reclaim {
    shards: BTreeMap<ShardId, Told>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    purged: Monotonic,
    /// The index of the last purge: nothing new, nothing to purge.
    purged_at: LogIndex,
}

impl Node {
    pub(super) fn run_reclaim<W: World>(&mut self, world: &mut W) {
        if !self.schema_known() || !self.catalogue_lease_valid() {
            return;
        }
        let shards: Vec<ShardId> = self.config.layout.shard_ids().skip(1).collect();
        for shard in shards {
            if self.replica(shard).is_some_and(Replica::is_leader) {
                // What is refused now is tried again at the next look.
                let _ = self.catch_up(shard, world);
                self.tell_purge(shard, world);
            } else {
                self.background.reclaim.shards.remove(&shard);
            }
        }
    }

    fn told(&mut self, shard: ShardId) -> &mut Told {
        let now = self.now;
        let fresh = Told { purged: now, purged_at: LogIndex(0) };
        self.background.reclaim.shards.entry(shard).or_insert(fresh)
    }

    /// Retire in the log of a shard led here what the schema served here has given up: nothing may be appended or read under that
    /// schema before it stands there (see `replicate::retire`).
    pub(crate) fn catch_up<W: World>(&mut self, shard: ShardId, world: &mut W) -> Result<(), Refusal> {
        let schema = self.catalogue.version();
        let Some(replica) = self.replica(shard) else { return Ok(()) };
        if shard == ShardId::CATALOGUE || replica.has_caught_up(schema) || !replica.is_leader() {
            return Ok(());
        }
        if world.planted(PlantedBug::RetiredStorageServed) {
            return Ok(());
        }
        let retired = &replica.state().retired;
        let missing: Vec<RetireCommand> = (self.catalogue.gone())
            .filter(|(storage, _)| !retired.contains_key(storage))
            .map(|(storage, successor)| RetireCommand { storage, successor, schema })
            .collect();
        let nothing = missing.is_empty();
        for retire in missing {
            self.append_here(shard, Replica::encode(&Command::Retire(retire)), world)?;
        }
        if let Some(replica) = self.replica_mut(shard) {
            let through = if nothing { LogIndex(0) } else { replica.raft().last_index() };
            replica.caught_up(schema, through);
        }
        Ok(())
    }

    fn tell_purge<W: World>(&mut self, shard: ShardId, world: &mut W) {
        let (now, interval) = (self.now, self.config.tuning.purge_interval);
        let Some(last) = self.replica(shard).map(|replica| replica.store().applied().position.index) else { return };
        let told = self.told(shard);
        if now.since(told.purged) < interval || last == told.purged_at {
            return;
        }
        told.purged = now;
        let seconds = self.hybrid_now().seconds();
        let exceptions = (self.schema().tables())
            .map(|table| (table.storage, i64::from(table.options.gc_grace_seconds)))
            .filter(|&(_, grace)| grace != DEFAULT_GC_GRACE_SECONDS)
            .map(|(storage, grace)| (storage, seconds - grace))
            .collect();
        let purge = PurgeCommand { deleted_before: seconds - DEFAULT_GC_GRACE_SECONDS, exceptions };
        let payload = Replica::encode(&Command::Purge(purge));
        if self.propose_here(shard, &[], payload, world).is_ok() {
            // The purge itself is the next entry.
            self.told(shard).purged_at = LogIndex(last.0 + 1);
        }
    }
}
