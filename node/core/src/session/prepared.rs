//! Prepared statements that a node remembers: bounded, the least recently used goes first. An id is a hash of the text, so what was
//! forgotten is simply prepared again.

use crate::limits::PREPARED_STATEMENTS;
use crate::statement::{KnownStatement, Prepared};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The prepared statements of a node.
#[derive(Debug, Default)]
pub(super) struct PreparedCache {
    statements: BTreeMap<[u8; 16], (u64, Arc<Prepared>)>,
    /// By last use; the first is the next to go.
    uses: BTreeMap<u64, [u8; 16]>,
    clock: u64,
    known: Vec<KnownStatement>,
}

impl PreparedCache {
    pub(super) fn get(&mut self, id: &[u8]) -> Option<&Arc<Prepared>> {
        let id: [u8; 16] = id.try_into().ok()?;
        // Recency matters only when something may have to go.
        if self.statements.len() >= PREPARED_STATEMENTS / 2 {
            self.touch(id);
        }
        self.statements.get(&id).map(|(_, prepared)| prepared)
    }

    fn touch(&mut self, id: [u8; 16]) {
        if let Some((used, _)) = self.statements.get_mut(&id) {
            self.clock += 1;
            self.uses.remove(used);
            *used = self.clock;
            self.uses.insert(self.clock, id);
        }
    }

    pub(super) fn insert(&mut self, prepared: Arc<Prepared>) {
        let id = prepared.id();
        self.clock += 1;
        match self.statements.insert(id, (self.clock, Arc::clone(&prepared))) {
            Some((used, _)) => {
                self.uses.remove(&used);
            }
            None => self.known.push(KnownStatement {
                id,
                keyspace: prepared.keyspace().map(ToOwned::to_owned),
                text: prepared.text().to_owned(),
            }),
        }
        self.uses.insert(self.clock, id);
        while self.statements.len() > PREPARED_STATEMENTS {
            let Some((_, oldest)) = self.uses.pop_first() else { break };
            self.statements.remove(&oldest);
            self.known.retain(|statement| statement.id != oldest);
        }
    }

    pub(super) fn known(&self) -> &[KnownStatement] {
        &self.known
    }
}
