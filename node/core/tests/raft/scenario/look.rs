//! What a story can ask of its replicas.

use super::Stage;
use super::words::role;
use std::fmt::Write;
use trefoil_core::ids::LogIndex;
use trefoil_core::time::Monotonic;

impl Stage {
    pub(super) fn state(&mut self) {
        let mut lines = String::new();
        for at in 0..self.replicas.len() {
            let lease = self.act(at, |it, env| it.raft.as_ref().is_some_and(|raft| raft.holds_lease(env)));
            let replica = &self.replicas[at];
            let Some(raft) = &replica.raft else {
                writeln!(lines, "{} is down", replica.id).expect("strings do not fail");
                continue;
            };
            let mut marks = Vec::new();
            marks.extend(lease.then_some("lease"));
            marks.extend(raft.is_quiescent().then_some("quiescent"));
            marks.extend(raft.is_rebuilding().then_some("rebuilding"));
            let first = (1..=raft.last_index().0 + 1).find(|index| raft.entry(LogIndex(*index)).is_some());
            writeln!(
                lines,
                "{} {} t{} log {}..={} durable {} commit {} {}",
                replica.id,
                role(raft.role()),
                raft.term(),
                first.unwrap_or(raft.last_index().0 + 1),
                raft.last_index(),
                raft.durable_index(),
                raft.commit(),
                marks.join(" ")
            )
            .expect("strings do not fail");
        }
        for line in lines.lines() {
            self.say(line.trim_end());
        }
    }

    pub(super) fn ask(&mut self, what: &str, at: usize) {
        let now = Monotonic(self.now);
        let Some(raft) = &self.replicas[at].raft else { return };
        let id = self.replicas[at].id;
        let answer = match what {
            "wake" => match raft.next_wake() {
                Some(wake) if wake < now => "should be awake".to_owned(),
                Some(wake) => format!("wakes in {} us", wake.since(now).as_micros()),
                None => "sleeps".to_owned(),
            },
            "sure" => format!("is {}surely the leader", if raft.is_surely_leader(now) { "" } else { "not " }),
            _ => format!("keeps {} bytes", raft.log_bytes()),
        };
        self.say(&format!("{id} {answer}"));
    }
}
