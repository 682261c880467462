//! What goes wrong in a seed: crashes, lost disks, damage, cuts, handovers; for the seeds with a focus, exactly what their corner
//! needs. Never more than the cluster must survive.

use super::weather::{Focus, MILLISECOND};
use super::world::{Event, World};
use crate::oracle::Violation;
use crate::replica::Replica;

impl World {
    pub(super) fn fault(&mut self) -> Result<(), Violation> {
        if !self.faults {
            return Ok(());
        }
        let delay = self.below(2 * self.weather.fault_every);
        self.at(delay, Event::Fault);
        if self.weather.focus != Focus::Everything {
            return self.isolate_leader();
        }
        let mut replica = self.below(self.replicas.len() as u64) as usize;
        if self.below(2) == 0
            && let Some(leader) = self.some_leader()
        {
            replica = leader;
        }
        match self.below(10) {
            9 if self.may_wipe() && self.replicas[replica].raft.is_some() => {
                let id = self.replicas[replica].id;
                self.oracle.forget(id);
                self.act(replica, |replica, env| replica.give_up_state(env));
                self.stats.rebuilds += 1;
                self.settle(replica)?;
            }
            0..=2 => {
                self.crash(replica);
                if self.below(5) == 0 && self.may_wipe() {
                    self.replicas[replica].wipe();
                    self.stats.rebuilds += 1;
                }
            }
            3..=4 => {
                let other = self.below(self.replicas.len() as u64) as usize;
                let (one, two) = (self.replicas[replica].id, self.replicas[other].id);
                self.cut.insert((one, two));
                if self.below(2) == 0 {
                    self.cut.insert((two, one));
                }
                let delay = self.below(self.weather.outage_max);
                self.at(delay, Event::Reconnect);
            }
            5 => {
                self.isolate(replica);
                let delay = self.below(self.weather.outage_max);
                self.at(delay, Event::Reconnect);
            }
            6..=7 => {
                let other = self.below(self.replicas.len() as u64) as usize;
                let (from, to) = (self.replicas[replica].id, self.replicas[other].id);
                self.act(replica, |replica, env| replica.with(env, |raft, env| raft.transfer_leadership(to, env)));
                self.settle(replica)?;
                if self.below(2) == 0 {
                    // The old leader hears nothing of the new one.
                    self.cut.extend(self.replicas.iter().map(|other| (other.id, from)));
                    let delay = self.below(self.weather.outage_max);
                    self.at(delay, Event::Reconnect);
                }
            }
            _ => {
                self.act(replica, |replica, env| replica.with(env, |raft, env| raft.step_down(env)));
                self.settle(replica)?;
            }
        }
        Ok(())
    }

    pub(super) fn isolate(&mut self, replica: usize) {
        let one = self.replicas[replica].id;
        for other in self.replicas.iter().map(|other| other.id).filter(|other| *other != one) {
            self.cut.insert((one, other));
            self.cut.insert((other, one));
        }
    }

    pub(super) fn isolate_leader(&mut self) -> Result<(), Violation> {
        let Some(leader) = self.some_leader() else { return Ok(()) };
        let (waiting, voter) = ((leader + 1) % 3, (leader + 2) % 3);
        if self.weather.focus == Focus::Restart && self.cut.is_empty() {
            let (one, two) = (self.replicas[leader].id, self.replicas[waiting].id);
            self.cut.extend([(one, two), (two, one)]);
            return Ok(());
        }
        self.isolate(leader);
        if self.weather.focus == Focus::Restart {
            self.crash(voter);
            self.at(10 * MILLISECOND, Event::Restart { replica: voter });
        }
        self.at(600 * MILLISECOND, Event::Reconnect);
        Ok(())
    }

    pub(super) fn crash(&mut self, replica: usize) {
        let (survivors, flush_survives) = (self.below(3) as usize, self.below(2) == 0);
        self.replicas[replica].crash(survivors, flush_survives);
        self.lives[replica] += 1;
        // Every life has its own clock, but only its rate matters.
        let delay = self.below(self.weather.outage_max);
        self.at(delay, Event::Restart { replica });
    }

    /// A disk may be lost while every other replica is whole, and there are others.
    pub(super) fn may_wipe(&self) -> bool {
        let whole = |replica: &Replica| {
            let rebuilding = match &replica.raft {
                Some(raft) => raft.is_rebuilding(),
                None => replica.disk.saved().hard_state.rebuild.is_some(),
            };
            !replica.wiped && !rebuilding
        };
        self.replicas.len() >= 3 && self.replicas.iter().filter(|replica| whole(replica)).count() == self.replicas.len()
    }
}
