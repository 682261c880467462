//! Telling the shards led here what is gone: storages of dropped tables, and tombstones older than `gc_grace_seconds`. Both are
//! entries of the shard's log, so that replicas at one index agree on what can be seen.

use super::Node;
use crate::command::{Command, PurgeCommand};
use crate::ids::{LogIndex, SchemaVersion, ShardId};
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
    /// Storages gone in this schema were reported.
    dropped: SchemaVersion,
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
                self.tell_dropped(shard, world);
                self.tell_purge(shard, world);
            } else {
                self.background.reclaim.shards.remove(&shard);
            }
        }
    }

    fn told(&mut self, shard: ShardId) -> &mut Told {
        let now = self.now;
        let fresh = Told { dropped: SchemaVersion(0), purged: now, purged_at: LogIndex(0) };
        self.background.reclaim.shards.entry(shard).or_insert(fresh)
    }

    fn tell_dropped<W: World>(&mut self, shard: ShardId, world: &mut W) {
        let version = self.catalogue.version();
        if self.told(shard).dropped == version {
            return;
        }
        let Some(replica) = self.replica(shard) else { return };
        let gone: Vec<_> = self.catalogue.gone().filter(|&storage| !replica.has_dropped(storage)).collect();
        for storage in gone {
            let payload = Replica::encode(&Command::DropStorage(storage));
            if self.propose_here(shard, &[], payload, world).is_err() {
                return;
            }
        }
        self.told(shard).dropped = version;
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
