//! What must hold in every cluster, whatever happened. Raft paper, figure 3, and the promises about leases and reads.

use crate::replica::Replica;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use trefoil_core::bugs::PlantedBug;
use trefoil_core::ids::{LogIndex, NodeId, Term};
use trefoil_core::raft::Role;

/// What was seen so far.
#[derive(Default)]
pub struct Oracle {
    leaders: BTreeMap<Term, NodeId>,
    committed: Vec<(Term, Bytes)>,
    checked: BTreeMap<NodeId, usize>,
    /// Everything through here was acknowledged to a client.
    acknowledged: LogIndex,
}

/// What does not hold.
pub type Violation = String;

impl Oracle {
    /// Entries through here were reported committed by some leader: clients know it.
    pub fn acknowledge(&mut self, through: LogIndex) {
        self.acknowledged = self.acknowledged.max(through);
    }

    /// A linearizable read that begins now must see all this.
    pub fn acknowledged(&self) -> LogIndex {
        self.acknowledged
    }

    /// A replica was started anew: its state machine is another.
    pub fn forget(&mut self, replica: NodeId) {
        self.checked.remove(&replica);
    }

    /// How many entries are known to be committed.
    pub fn committed(&self) -> usize {
        self.committed.len()
    }

    /// Election safety: at most one leader in a term. Leader completeness: it has everything committed before.
    pub fn leader(&mut self, replica: &Replica) -> Result<(), Violation> {
        let Some(raft) = replica.raft.as_ref().filter(|raft| raft.role() == Role::Leader) else { return Ok(()) };
        let first = *self.leaders.entry(raft.term()).or_insert(replica.id);
        if first != replica.id {
            return Err(format!("election safety: {first} and {} lead in term {}", replica.id, raft.term()));
        }
        let newest = self.leaders.last_key_value().is_some_and(|(term, _)| *term == raft.term());
        if !newest {
            return Ok(());
        }
        for (offset, (term, _)) in self.committed.iter().enumerate().rev().take(64) {
            let index = LogIndex(offset as u64 + 1);
            let there = raft.term_at(index);
            if there != Some(*term) && (there.is_some() || index > raft.last_index()) {
                return Err(format!(
                    "leader completeness: {} leads term {} with {there:?} at {index}, where term {term} is committed",
                    replica.id,
                    raft.term()
                ));
            }
        }
        Ok(())
    }

    /// State machine safety: all apply the same entries in the same order.
    pub fn applied(&mut self, replica: &Replica) -> Result<(), Violation> {
        let history = &replica.machine.history;
        let checked = self.checked.entry(replica.id).or_default();
        for at in (*checked).min(history.len())..history.len() {
            match self.committed.get(at) {
                None => self.committed.push(history[at].clone()),
                Some(expected) if *expected == history[at] => {}
                Some(expected) => {
                    return Err(format!(
                        "state machine safety: {} applied {:?} at {}, others {expected:?}",
                        replica.id,
                        history[at],
                        at + 1
                    ));
                }
            }
        }
        *checked = history.len();
        Ok(())
    }

    /// Log matching: two logs with the same term at an index are equal up to it.
    pub fn logs(&self, replicas: &[Replica]) -> Result<(), Violation> {
        for (at, one) in replicas.iter().enumerate() {
            for two in &replicas[at + 1..] {
                let (Some(a), Some(b)) = (&one.raft, &two.raft) else { continue };
                let mut equal = false;
                for index in (1..=a.last_index().min(b.last_index()).0).rev().map(LogIndex) {
                    let (Some(x), Some(y)) = (a.entry(index), b.entry(index)) else { break };
                    equal |= x.term == y.term;
                    if equal && x != y {
                        return Err(format!("log matching: {} and {} differ at {index}: {x:?} {y:?}", one.id, two.id));
                    }
                }
            }
        }
        Ok(())
    }

    /// At most one replica believes that it may serve reads unasked.
    pub fn leases(&self, holders: &[NodeId]) -> Result<(), Violation> {
        if holders.len() > 1 { Err(format!("lease: held by {holders:?} at once")) } else { Ok(()) }
    }

    /// A linearizable read sees what was acknowledged before it began.
    pub fn read(&self, acknowledged_before: LogIndex, served_at: LogIndex) -> Result<(), Violation> {
        if served_at < acknowledged_before {
            return Err(format!(
                "stale read: served at {served_at}, but {acknowledged_before} was acknowledged before it began"
            ));
        }
        Ok(())
    }
}

/// No mistakes.
pub fn no_bugs() -> BTreeSet<PlantedBug> {
    BTreeSet::new()
}
