//! What raft sees of the world: time, randomness, planted bugs.

use crate::bugs::{Bugs, PlantedBug};
use crate::raft::Env;
use crate::time::Monotonic;
use crate::world::World;
use rand_core::RngCore;

/// A world, as narrow as raft needs it.
pub struct RaftEnvironment<'a, W: World>(pub &'a mut W);

impl<W: World> Bugs for RaftEnvironment<'_, W> {
    #[inline(always)]
    fn planted(&self, bug: PlantedBug) -> bool {
        self.0.planted(bug)
    }
}

impl<W: World> Env for RaftEnvironment<'_, W> {
    fn now(&self) -> Monotonic {
        self.0.clock().monotonic
    }

    fn random_below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder is far below what a timeout could show.
        self.0.rng().next_u64() % bound.max(1)
    }
}
