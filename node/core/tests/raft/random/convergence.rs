//! The end of a seed: what went wrong is over, and everybody must agree within a bound. And what helps them meanwhile, the nodes'
//! failure detector.

use super::weather::MILLISECOND;
use super::world::{Event, World};
use crate::oracle::Violation;
use trefoil_core::ids::NodeId;

impl World {
    /// The nodes' failure detector: whoever believes in a leader that is down, or leads no more, is told.
    pub(super) fn suspect(&mut self) -> Result<(), Violation> {
        for replica in 0..self.replicas.len() {
            let leader = self.replicas[replica].raft.as_ref().and_then(|raft| raft.leader());
            let Some(leader) = leader.map(|leader| leader.0 as usize - 1) else { continue };
            let leads = self.replicas[leader].raft.as_ref().is_some_and(|raft| raft.is_leader());
            let heard = !self.cut.contains(&(self.replicas[leader].id, self.replicas[replica].id));
            if !leads || !heard {
                self.act(replica, |replica, env| replica.with(env, |raft, env| raft.leader_suspected(env)));
                self.settle(replica)?;
            }
        }
        Ok(())
    }

    /// The faults end and everything is back: all must agree within a bound.
    pub(super) fn converge(&mut self) -> Result<(), Violation> {
        self.faults = false;
        // An election takes two writes in a row: nobody can lead where those take longer than its timeout.
        self.weather.disk_max = self.weather.disk_max.min(20 * MILLISECOND);
        self.cut.clear();
        for replica in 0..self.replicas.len() {
            self.restart(replica)?;
        }
        for _ in 0..4 {
            for replica in 0..self.replicas.len() {
                let leader = self.replicas[replica].raft.as_ref().and_then(|raft| raft.leader());
                let leads =
                    |id: NodeId| self.replicas[id.0 as usize - 1].raft.as_ref().is_some_and(|raft| raft.is_leader());
                if !leader.is_some_and(leads) {
                    self.act(replica, |replica, env| replica.with(env, |raft, env| raft.leader_suspected(env)));
                    self.settle(replica)?;
                }
            }
            self.run_until(self.now + 4_000 * MILLISECOND)?;
        }
        self.queue.retain(|_, event| !matches!(event, Event::Propose));
        let before = self.oracle.committed();
        self.run_until(self.now + 5_000 * MILLISECOND)?;
        let ends: Vec<usize> = self.replicas.iter().map(|replica| replica.machine.history.len()).collect();
        if ends.iter().any(|end| *end != self.oracle.committed()) || before < 3 {
            let states: Vec<String> = self.replicas.iter().map(|it| format!("\n{:?}", it.raft)).collect();
            return Err(format!("no convergence: {ends:?} of {} applied{}", self.oracle.committed(), states.concat()));
        }
        self.stats.committed = before as u64;
        if let Some(rebuilding) = self.replicas.iter().find(|it| it.raft.as_ref().is_some_and(|it| it.is_rebuilding()))
        {
            return Err(format!("{} is still being rebuilt", rebuilding.id));
        }
        Ok(())
    }
}
