//! Reads that this node's replicas will serve once raft has confirmed their leadership, for its own operations and for peers.

use crate::command::ReadCommand;
use crate::ids::{NodeId, RequestId, ShardId};
use crate::message::Refusal;
use crate::node::Node;
use crate::replicate::ReadAnswer;
use crate::time::Monotonic;
use crate::world::World;
use std::collections::BTreeMap;

/// Reads that wait.
#[derive(Debug, Default)]
pub struct ParkedReads {
    next: u64,
    reads: BTreeMap<u64, Parked>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Parked {
    pub shard: ShardId,
    pub command: ReadCommand,
    pub reply_to: ReplyTo,
    pub since: Monotonic,
}

/// Who waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplyTo {
    /// An operation of this node.
    Operation(u64),
    /// A peer's.
    Peer(NodeId, RequestId),
}

impl ParkedReads {
    pub(super) fn insert(&mut self, parked: Parked) -> u64 {
        self.next += 1;
        self.reads.insert(self.next, parked);
        self.next
    }

    pub(super) fn get(&self, id: u64) -> Option<&Parked> {
        self.reads.get(&id)
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Parked> {
        self.reads.remove(&id)
    }
}

impl Node {
    /// Raft has confirmed a read: serve it from what is applied by now, unless leadership was lost in the same breath.
    pub(crate) fn parked_read_ready<W: World>(&mut self, id: u64, world: &mut W) {
        let Some(parked) = self.operations.parked.get(id) else { return };
        let (shard, command) = (parked.shard, parked.command.clone());
        // The index that raft named is applied here, so the rows are at least as new as the read's beginning.
        let result = match self.read_here(shard, false, id, &command, world) {
            ReadAnswer::Done(result) => Ok(result),
            ReadAnswer::Refused(refusal) => Err(refusal),
            ReadAnswer::Parked => Err(Refusal::NotLeader(None)),
        };
        self.unpark(id, result, world);
    }

    /// Raft cannot confirm it any more.
    pub(crate) fn parked_read_failed<W: World>(&mut self, id: u64, world: &mut W) {
        let Some(parked) = self.operations.parked.get(id) else { return };
        let hint = self.replica(parked.shard).and_then(|replica| replica.leader());
        self.unpark(id, Err(Refusal::NotLeader(hint)), world);
    }

    /// Reads that nobody waits for any more.
    pub(super) fn operations_forget_parked<W: World>(&mut self, world: &mut W) {
        let patience = self.config.tuning.request_timeout;
        let now = self.now;
        let old: Vec<u64> = (self.operations.parked.reads.iter())
            .take_while(|(_, parked)| now.since(parked.since) > patience)
            .map(|(&id, _)| id)
            .collect();
        for id in old {
            self.unpark(id, Err(Refusal::NotLeader(None)), world);
        }
    }
}
