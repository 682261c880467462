//! Names of things. Each is its own type, so that what must not be confused cannot be.

use crate::time::WallClock;
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id!(/** A node: one single-threaded state machine with its own stores. Unique in the cluster, never reused. */ NodeId(u32));
id!(/** An availability zone; an index into the cluster's list of zones. */ ZoneId(u8));
id!(/** A shard: a range of the token ring, or the catalogue (`ShardId::CATALOGUE`). */ ShardId(u32));
id!(/** A client's connection to one node. Never reused within a node's incarnation. */ ConnId(u64));
id!(/** A promise that the world will say when something submitted is durable. Per node, increasing. */ Ticket(u64));
id!(/** Where a table's rows are kept. TRUNCATE and DROP + CREATE give a new one, so old rows can never come back. */ StorageId(u32));
id!(/** A column of a table. The id of a dropped column is never given again. */ ColumnId(u32));
id!(/** Position in a shard's log; the first entry is 1, 0 is "nothing". */ LogIndex(u64));
id!(/** A raft term; 0 is "before the first election". */ Term(u64));
id!(/** One life of a node: a new number at every start, larger than all before it that the node knows of (`Incarnation::next`). */ Incarnation(u64));
id!(/** Version of the schema: the catalogue's log index at which it was made. */ SchemaVersion(u64));

impl Incarnation {
    /// Bits of a number that are chance; above them milliseconds since 1970 last for 139 years.
    const CHANCE_BITS: u32 = 22;

    /// The life that begins now. `last`: the one before, if the disk still knows; `wall`: microseconds since 1970; `chance`: drawn for
    /// this life. A node that lost its disk counts from the wall clock, or shards would take its first requests for those of its
    /// first life, which they remember, and not apply them; and since that clock may stand still or be set back to where it was when
    /// an earlier life began, the number ends in chance.
    #[must_use]
    pub fn next(last: Option<Incarnation>, wall: WallClock, chance: u64) -> Incarnation {
        let longest = u64::MAX >> Incarnation::CHANCE_BITS;
        let milliseconds = u64::try_from(wall.0 / 1_000).unwrap_or(0).min(longest);
        let chance = chance & ((1 << Incarnation::CHANCE_BITS) - 1);
        Incarnation(last.map_or(1, |last| last.0 + 1).max(milliseconds << Incarnation::CHANCE_BITS | chance))
    }
}

impl StorageId {
    /// The rows of `system_traces.sessions`.
    pub const TRACE_SESSIONS: StorageId = StorageId(u32::MAX - 2);
    /// The rows of `system_traces.events`.
    pub const TRACE_EVENTS: StorageId = StorageId(u32::MAX - 1);

    /// Whether it belongs to a system table: it is there whatever the schema is.
    #[must_use]
    pub fn is_system(self) -> bool {
        self >= StorageId::TRACE_SESSIONS
    }
}

impl ShardId {
    /// The shard that holds keyspaces, tables and the layout of the cluster. Data shards start at 1.
    pub const CATALOGUE: ShardId = ShardId(0);
}

/// Names a request inside the cluster: however often it is sent, a shard applies it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// The coordinator.
    pub node: NodeId,
    /// The coordinator's life in which the request was made.
    pub incarnation: Incarnation,
    /// Increasing within that life.
    pub sequence: u64,
}

impl RequestId {
    /// Requests that a shard makes of others, not a node: the shares of its logged batches. Such an origin outlives every leader.
    const SHARD_ORIGIN: u32 = 1 << 31;

    /// The identity of the shares of the batch at this index of a shard's log.
    #[must_use]
    pub fn of_batch(home: ShardId, batch: u64) -> RequestId {
        RequestId { node: NodeId(home.0 | RequestId::SHARD_ORIGIN), incarnation: Incarnation(0), sequence: batch }
    }

    /// The shard that made this request, if it was a shard.
    #[must_use]
    pub fn home(&self) -> Option<ShardId> {
        (self.node.0 & RequestId::SHARD_ORIGIN != 0).then_some(ShardId(self.node.0 & !RequestId::SHARD_ORIGIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_without_its_disk_begins_a_life_it_never_had() {
        let hour = |hours: i64| WallClock(1_800_000_000_000_000 + hours * 3_600_000_000);
        let first = Incarnation::next(None, hour(0), 5);
        let restarted = Incarnation::next(Some(first), hour(0), 4);
        let clock_went_back = Incarnation::next(Some(restarted), hour(-2), 7);
        assert!(first < restarted && restarted < clock_went_back);
        assert!(Incarnation::next(None, hour(1), 0) > clock_went_back);
        let clock_stood_still = Incarnation::next(None, hour(0), 9);
        assert!(![first, restarted, clock_went_back].contains(&clock_stood_still));
        assert!(Incarnation::next(None, WallClock(i64::MAX), u64::MAX) > clock_stood_still);
    }
}
