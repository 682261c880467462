//! A replica that found damage withdraws, clears what is left of itself slice by slice, and is rebuilt from the other zones.
//!
//! From the moment damage is known nothing of the replica is served, and it neither votes nor counts until a leader has given it
//! everything anew. The only replica of a shard is never cleared: what is sound of it is all there is.

use super::environment::RaftEnvironment;
use super::housekeeping::Housekeeping;
use super::output::Output;
use super::replica::Replica;
use super::state::ShardState;
use crate::ids::{LogIndex, ShardId, Ticket};
use crate::message::Refusal;
use crate::storage::{Clearing, Damage, RowsBatch, RowsPart, ShardStore};
use crate::world::{Batch, TraceEvent, World};

/// Keys that one step clears at most.
const CLEAR_KEYS_MAX: usize = 5_000;

/// Whether a replica can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Serving.
    Sound,
    /// Its old rows are being cleared; then a leader gives it everything anew.
    Clearing(Box<ClearingState>),
    /// Cleared, waiting for a leader to send everything.
    Rebuilding,
    /// Some rows are damaged, and there is no other replica to rebuild it from: reads of them fail, nothing else changes.
    Alone,
    /// The log or the record of the rows is damaged, and there is no other replica to rebuild it from: nothing is served, and
    /// what is left is not touched.
    Lost,
}

/// Progress of a clearing.
#[derive(Clone, Debug)]
pub struct ClearingState {
    pub(super) clearing: Clearing,
    /// Because something was damaged, and not because a snapshot was interrupted.
    pub(super) damaged: bool,
    /// What the replica had in memory is forgotten, and its raft has begun again.
    pub(super) forgotten: bool,
    pub(super) waiting: Option<Ticket>,
}

impl PartialEq for ClearingState {
    fn eq(&self, other: &ClearingState) -> bool {
        self.waiting == other.waiting
    }
}

impl Eq for ClearingState {}

impl Replica {
    /// What a reader of damaged rows is told.
    pub(super) fn damaged(&self) -> Refusal {
        if self.replicas == 1 { Refusal::Lost } else { Refusal::Damaged }
    }

    /// Damage was found: withdraw. The next `advance` begins the rebuilding.
    pub(super) fn found_damage(&mut self, damage: &Damage) {
        tracing::error!(shard = %self.shard, %damage, "damage found");
        if self.is_sound() {
            // One replica alone keeps what is sound; with others it is rebuilt from them.
            if self.replicas == 1 {
                self.health = Health::Alone;
            } else {
                self.begin_clearing(true);
            }
        }
    }

    /// A batch of rows met a damaged value in the store.
    pub fn rows_damaged(&mut self) {
        let reason = "found when it was to be merged with newer rows";
        self.found_damage(&Damage { shard: self.shard, key: Vec::new(), reason });
    }

    /// Raft found what cannot be: its log, or another's, is not what was written.
    pub(super) fn raft_broke(&mut self, what: &'static str) {
        tracing::error!(shard = %self.shard, what, "the replica withdraws");
        if self.replicas == 1 {
            self.health = Health::Lost;
        } else {
            self.begin_clearing(true);
        }
    }

    /// What this replica has is given up; once it is cleared away, the replica is rebuilt.
    pub(super) fn begin_clearing(&mut self, damaged: bool) {
        let clearing = Clearing::shard(self.shard, self.store.tokens());
        let state = ClearingState { clearing, damaged, forgotten: false, waiting: None };
        self.health = Health::Clearing(Box::new(state));
    }

    /// Forget a damaged replica at once, and clear what is left of it slice by slice.
    pub(super) fn go_on_rebuilding<W: World>(&mut self, world: &mut W, output: &mut Output) {
        if matches!(&self.health, Health::Clearing(progress) if !progress.forgotten) {
            self.forget(world, output);
        }
        let Health::Clearing(progress) = &mut self.health else { return };
        if progress.waiting.is_some() {
            return;
        }
        if let Some(part) = progress.clearing.next(world.rows(), CLEAR_KEYS_MAX) {
            let batch = RowsBatch { parts: vec![RowsPart::Clear(part)] };
            progress.waiting = Some(world.persist(Batch::Rows(batch)));
            return;
        }
        self.health = Health::Rebuilding;
    }

    /// From now on this replica is one that has nothing, neither votes nor counts, and serves nobody.
    fn forget<W: World>(&mut self, world: &mut W, output: &mut Output) {
        let shard = self.shard;
        // Rows that are on their way would come back after the clearing.
        let waiting = self.rows_under_way();
        if let Health::Clearing(progress) = &mut self.health {
            (progress.forgotten, progress.waiting) = (true, waiting);
            tracing::warn!(%shard, damaged = progress.damaged, "rebuilding this replica from the others");
            if progress.damaged {
                world.trace(TraceEvent::DamageFound { shard });
            }
        }
        self.fail_waiting(output);
        self.raft.begin_again(&mut RaftEnvironment(world));
        self.store = ShardStore::empty(shard, self.store.tokens());
        self.state = ShardState::default();
        if shard == ShardId::CATALOGUE {
            self.state.schema = Some(crate::schema::Schema::default());
        }
        self.commit = LogIndex(0);
        (self.dirty_since, self.flushing, self.incoming, self.hollow) = (None, None, None, false);
        self.outgoing.clear();
        self.housekeeping = Housekeeping::default();
    }

    /// The last batch of rows that was submitted and not reported.
    pub(super) fn rows_under_way(&self) -> Option<Ticket> {
        let flush = self.flushing.as_ref().map(|(ticket, _)| *ticket);
        [flush, self.housekeeping_under_way(), self.install_under_way()].into_iter().flatten().max()
    }
}
