//! **SINGLE-LEASE**: "Linearizable reads are served from the leader under a lease on the monotonic clock, shortened for
//! drift": while a lease is good nobody else can be elected.
//!
//! Here, in true time, which no node sees: when a node uses its lease in a term, no node has begun to lead in a later term.
//! That is stronger than two leases at once, and it is what the followers' promise says. Proved able to fail by
//! `LeaseNotShortenedForDrift`, `RestartForgetsLease` and `ReadFromDeposedLeader`.

use super::Broken;
use std::collections::BTreeMap;
use trefoil_core::ids::{ShardId, Term};

/// The latest leader of every shard.
#[derive(Debug, Default)]
pub struct SingleLease {
    latest: BTreeMap<ShardId, (Term, usize)>,
}

impl SingleLease {
    /// A node leads from now on.
    pub(super) fn leads(&mut self, node: usize, shard: ShardId, term: Term) {
        let latest = self.latest.entry(shard).or_insert((term, node));
        if latest.0 < term {
            *latest = (term, node);
        }
    }

    /// A node serves a read under its lease.
    pub(super) fn used(&self, node: usize, shard: ShardId, term: Term) -> Result<(), Broken> {
        match self.latest.get(&shard) {
            Some(&(later, other)) if later > term => {
                let text = format!(
                    "shard {shard}: node {node} reads under its lease of term {term}, but node {other} leads in {later}"
                );
                Err(("SINGLE-LEASE", text))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_outlives_the_next_election_is_found() {
        let mut oracle = SingleLease::default();
        oracle.leads(0, ShardId(1), Term(1));
        assert!(oracle.used(0, ShardId(1), Term(1)).is_ok());
        oracle.leads(1, ShardId(1), Term(2));
        assert!(oracle.used(1, ShardId(1), Term(2)).is_ok());
        assert!(oracle.used(0, ShardId(1), Term(1)).is_err());
    }
}
