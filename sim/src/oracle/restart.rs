//! **RESTART-SERVES-DURABLE**: "After a restart: load rows, replay the log from its applied index." Nothing that was durable
//! is missing, and a replica that has all of it knows so.
//!
//! Here: a node whose stores were not wiped, and no shard of which was made rotten, never finds damage: the prefix of its batches that survived a crash is a state
//! to go on from. What it then applies is judged by `equal_replicas`, and what it answers by the client oracles. Proved able
//! to fail by `LogCutBeforeFlush`.

use super::Broken;
use std::collections::BTreeSet;
use trefoil_core::ids::ShardId;

/// Which nodes have really lost something.
#[derive(Debug, Default)]
pub struct Restart {
    wiped: BTreeSet<usize>,
    rotten: BTreeSet<(usize, ShardId)>,
}

impl Restart {
    /// The stores of a node were emptied.
    pub fn wiped(&mut self, node: usize) {
        self.wiped.insert(node);
    }

    /// Something of a shard went bad under a node.
    pub fn rotten(&mut self, node: usize, shard: ShardId) {
        self.rotten.insert((node, shard));
    }

    /// Whether the stores of a node were ever emptied.
    #[must_use]
    pub fn was_wiped(&self, node: usize) -> bool {
        self.wiped.contains(&node)
    }

    /// A node says that a replica of it is damaged.
    pub(super) fn damage(&self, node: usize, shard: ShardId) -> Result<(), Broken> {
        if self.was_wiped(node) || self.rotten.contains(&(node, shard)) {
            return Ok(());
        }
        let text = format!("shard {shard}: node {node} finds damage, but its disk was only ever cut short");
        Err(("RESTART-SERVES-DURABLE", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wiped_node_may_miss_something() {
        let mut oracle = Restart::default();
        assert!(oracle.damage(1, ShardId(1)).is_err());
        oracle.wiped(1);
        assert!(oracle.damage(1, ShardId(1)).is_ok());
        assert!(oracle.damage(0, ShardId(1)).is_err());
        oracle.rotten(0, ShardId(1));
        assert!(oracle.damage(0, ShardId(1)).is_ok());
        assert!(oracle.damage(0, ShardId(2)).is_err());
    }
}
