//! Logged batches over several shards: decided in one log, delivered to the others.
//!
//! The batch is one entry in the log of its *home* shard; once that is committed, all of it will happen. The home's own share is
//! applied with the entry; the others are kept in the replicated state until the home's leader, whoever that is by then, has had
//! them applied (`coordinate::delivery`), under an identity that belongs to the shard and not to a node, so each is applied once.
//! All or nothing, also when a coordinator or a leader dies; between shards not isolated, like Cassandra's batches.

use super::output::{Output, ReplicaEvent};
use super::replica::Replica;
use super::state::PendingBatch;
use crate::command::{BatchCommand, BatchShare, WriteCommand, WriteOutcome};
use crate::ids::LogIndex;
use crate::raft::AppliedThrough;
use crate::storage::Damage;
use crate::world::World;

impl Replica {
    /// Decide a batch: remember what others have to do, and do the own share.
    pub(super) fn apply_batch<W: World>(
        &mut self,
        batch: BatchCommand,
        at: AppliedThrough,
        world: &mut W,
        output: &mut Output,
    ) -> Result<WriteOutcome, Damage> {
        let BatchCommand { header, shares } = batch;
        if let Some(outcome) = self.known(&header, at, world) {
            self.store.advance(at);
            // While its shares are under way, the answer is still to come.
            if !self.state.batches.values().any(|pending| pending.request == header.id) {
                let outcome = outcome.clone();
                output.events.push((self.shard, ReplicaEvent::Applied { header, outcome }));
            }
            return Ok(outcome);
        }
        let (own, others): (Vec<_>, Vec<_>) = shares.into_iter().partition(|share| share.shard == self.shard);
        let mutations = own.into_iter().flat_map(|share| share.mutations).collect();
        let mut write = WriteCommand { header, conditions: Vec::new(), mutations };
        // A table that is gone here is gone for the whole batch. Gone elsewhere only: its share will have no effect, and nobody
        // can have seen that before the batch is answered.
        let gone = others.iter().flat_map(BatchShare::storages).find_map(|storage| self.state.resolve(storage).err());
        let outcome = match gone.map_or_else(|| self.redirect_write(&mut write), Err) {
            Ok(()) => self.store.apply_write(at, &write, world.rows(), &*world)?,
            Err(schema) => {
                self.store.advance(at);
                WriteOutcome::Gone(schema)
            }
        };
        self.remember(&header, &outcome, at, world);
        if outcome == WriteOutcome::Applied {
            let pending = PendingBatch { request: header.id, shares: others };
            self.state.batches.insert(at.position.index.0, pending);
            crate::sometimes!(world, "batch over several shards decided");
            output.events.push((self.shard, ReplicaEvent::BatchDecided));
        } else {
            // The own share cannot be applied to the data, or a table is gone: nothing was decided.
            output.events.push((self.shard, ReplicaEvent::Applied { header, outcome: outcome.clone() }));
        }
        Ok(outcome)
    }

    /// Whether this batch was decided while this replica leads as it does now.
    pub(crate) fn decided(&self, batch: u64) -> bool {
        self.raft.entry(LogIndex(batch)).is_some_and(|entry| entry.term == self.raft.term())
    }
}
