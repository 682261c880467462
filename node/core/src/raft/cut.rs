//! How entries leave. From memory: when they are applied and durable here, and every replica has them, or too many bytes of them
//! are kept for one that lags. From the log store: when the rows hold them durably, and memory does not keep them any more,
//! so that a restart finds what a lagging follower needs.

use super::{Position, Raft, State};
use crate::ids::LogIndex;

impl Raft {
    /// Entries through here are applied in memory; those that nobody needs any more may leave memory.
    pub fn applied(&mut self, index: LogIndex) {
        self.applied = self.applied.max(index);
        self.forget();
    }

    /// Rows are durable through this position: the log store may be cut there.
    pub fn flushed(&mut self, position: Position) {
        let floor = self.log.floor();
        let cut = if position.index < floor.index { position } else { floor };
        if cut.index > LogIndex(0) {
            self.persistence.cut_through(cut);
        }
    }

    /// What every replica has.
    pub(super) fn learn_held_by_all(&mut self) {
        let State::Leader(leading) = &self.state else { return };
        let own = self.persistence.durable_index();
        let held = leading.progress.values().map(|progress| progress.matched).fold(own, LogIndex::min);
        if held > self.held_by_all {
            self.held_by_all = held;
            self.forget();
        }
    }

    fn forget(&mut self) {
        let done = self.applied.min(self.persistence.durable_index());
        let wanted_by_nobody = done.min(self.held_by_all);
        while self.log.forget_first(wanted_by_nobody) {}
        while self.log.bytes() > self.config.log_retained_bytes && self.log.forget_first(done) {}
    }
}
