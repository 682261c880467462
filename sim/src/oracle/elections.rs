//! **ELECTION-SAFETY** (Raft, figure 3): "At most one leader can be elected in a given term."
//!
//! Here: of all `BecameLeader` of a shard and a term there is one node. Proved able to fail by `VoteNotPersisted`.

use super::Broken;
use crate::hash::FixedHasher;
use std::collections::HashMap;
use trefoil_core::ids::{ShardId, Term};

/// Who led in which term.
#[derive(Debug, Default)]
pub struct Elections {
    leaders: HashMap<(ShardId, Term), usize, FixedHasher>,
}

impl Elections {
    /// A node leads.
    pub(super) fn leads(&mut self, node: usize, shard: ShardId, term: Term) -> Result<(), Broken> {
        let first = *self.leaders.entry((shard, term)).or_insert(node);
        if first == node {
            return Ok(());
        }
        Err(("ELECTION-SAFETY", format!("shard {shard}: nodes {first} and {node} both lead in term {term}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_leaders_of_a_term_are_found() {
        let mut oracle = Elections::default();
        assert!(oracle.leads(0, ShardId(1), Term(3)).is_ok());
        assert!(oracle.leads(1, ShardId(1), Term(4)).is_ok());
        assert!(oracle.leads(1, ShardId(1), Term(3)).is_err());
    }
}
