//! Drills: schedules written for one mistake each, because chance would need too many coincidences for them. A drill names roles,
//! hands them to nodes at random, and goes through its story again and again; where it matters when something happens, the time
//! is drawn. A node that works right survives every drill: what fails without a planted bug is a bug.
//!
//! Three nodes, one in each zone. Each leads a shard of its own as a rule, so that whoever has a role has it for some shard. Times
//! are in election timeouts: a follower that hears nobody stands after one to two of them.

use super::cluster::ClusterPlan;
use crate::faults::{Fault, TimedFault};
use crate::random::Stream;

/// Which story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drill {
    /// A vote given by a node whose disk hangs decides an election; then the node loses power and is asked again in the same
    /// term, by somebody who has heard nothing of it.
    LostVote,
    /// Figure 8 of the Raft paper: a leader replicates what it could not in an older term, and is lost before its own term has
    /// anything; meanwhile another waits whose log is newer.
    OldTerm,
    /// A leader with a slow clock is cut off from followers with fast ones.
    SlowLeader,
    /// A leader hands over to the node that should lead, and does not hear that it was taken at its word.
    Handover,
    /// A voter that has just promised a leader a lease starts again, and is asked by somebody whom the leader cannot reach.
    Promise,
}

/// The faults of a run that lasts about `workload_ms`.
#[must_use]
pub fn draw(drill: Drill, stream: &mut Stream, cluster: &ClusterPlan, workload_ms: u64) -> Vec<TimedFault> {
    let election_ms = cluster.tuning.election_timeout.as_millis() as u64;
    let mut story = Story { stream, election_ms, faults: Vec::new(), at_ms: election_ms };
    while story.faults.is_empty() || story.at_ms < workload_ms {
        match drill {
            Drill::LostVote => story.lost_vote(),
            Drill::OldTerm => story.old_term(),
            Drill::SlowLeader => story.slow_leader(),
            Drill::Handover => story.handover(),
            Drill::Promise => story.promise(),
        }
    }
    story.faults.sort_by_key(|fault| fault.at_ms);
    story.faults
}

struct Story<'a> {
    stream: &'a mut Stream,
    election_ms: u64,
    faults: Vec<TimedFault>,
    at_ms: u64,
}

impl Story<'_> {
    /// The three nodes in some order.
    fn roles(&mut self) -> [u8; 3] {
        let first = self.stream.below(3) as u8;
        let step = self.stream.between(1, 2) as u8;
        [first, (first + step) % 3, (first + 2 * step) % 3]
    }

    /// So many thousandths of an election timeout.
    fn timeouts(&self, thousandths: u64) -> u64 {
        self.election_ms * thousandths / 1_000
    }

    /// A moment between two, in thousandths of an election timeout.
    fn sometime(&mut self, from: u64, to: u64) -> u64 {
        let (from, to) = (self.timeouts(from), self.timeouts(to));
        self.stream.between(from, to)
    }

    fn happens(&mut self, at_ms: u64, fault: Fault) {
        self.faults.push(TimedFault { at_ms, fault });
    }

    /// Nothing gets between a node and some others.
    fn cut(&mut self, at_ms: u64, one: u8, others: &[u8], for_ms: u64) {
        let to = others.iter().fold(0, |bits, other| bits | 1 << other);
        self.happens(at_ms, Fault::Cut { from: 1 << one, to, one_way: false, for_ms });
    }

    fn lost_vote(&mut self) {
        let [elected, late, voter] = self.roles();
        let (begin, turn) = (self.at_ms, self.at_ms + self.timeouts(3_000));
        self.happens(begin, Fault::DiskStall { node: voter, for_ms: turn - begin });
        self.cut(begin, late, &[elected, voter], turn - begin);
        self.happens(turn - 1, Fault::Crash { node: voter, after_effects: 0, down_ms: 5 });
        self.cut(turn - 1, elected, &[late, voter], self.timeouts(5_000));
        self.at_ms = turn + self.timeouts(8_000);
    }

    fn old_term(&mut self) {
        let [first, waiting, voter] = self.roles();
        let begin = self.at_ms;
        let second = begin + self.sometime(1_000, 2_200);
        let third = second + self.sometime(1_000, 3_500);
        let end = third + self.timeouts(4_000);
        let factor = self.stream.between(5, 12) as u32;
        // The first leader has entries that nobody else has; the voter's disk gives the story time.
        self.cut(begin, first, &[waiting, voter], second - begin);
        self.happens(begin, Fault::DiskSlow { node: voter, factor, for_ms: end - begin });
        // The waiting one was elected, and the voter has nothing of it.
        self.happens(second, Fault::Crash { node: voter, after_effects: 0, down_ms: 5 });
        self.cut(second, waiting, &[first, voter], third - second);
        // The first one was elected again, and the voter has something of its old term.
        self.cut(third, first, &[waiting, voter], end - third);
        self.at_ms = end + self.timeouts(2_000);
    }

    fn slow_leader(&mut self) {
        // By the places' clocks (`drift_at_bound`) the second node is slow, and the others are fast.
        self.cut(self.at_ms, 1, &[0, 2], self.timeouts(2_000));
        self.at_ms += self.timeouts(8_000);
    }

    fn handover(&mut self) {
        let [leader, successor, third] = self.roles();
        let back = self.at_ms + self.timeouts(3_000);
        self.cut(self.at_ms, successor, &[leader, third], back - self.at_ms);
        let deaf = back + self.sometime(1_700, 2_400);
        let (from, to) = (1 << successor | 1 << third, 1 << leader);
        self.happens(deaf, Fault::Cut { from, to, one_way: true, for_ms: self.timeouts(1_500) });
        self.at_ms = deaf + self.timeouts(4_000);
    }

    fn promise(&mut self) {
        let [leader, asking, voter] = self.roles();
        let begin = self.at_ms;
        let restart = begin + self.sometime(2_000, 3_000);
        self.cut(begin, leader, &[asking], restart - begin + self.timeouts(1_500));
        self.happens(restart, Fault::Crash { node: voter, after_effects: 0, down_ms: 5 });
        self.cut(restart, leader, &[voter], self.timeouts(1_500));
        self.at_ms = restart + self.timeouts(5_000);
    }
}
