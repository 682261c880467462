//! Stories of a small cluster, as text: lines that begin with `>` are what happens, the lines below are what came of it. The
//! recorded outcome is part of the file; a change of behaviour is a change that people see. `TREFOIL_RECORD=1 cargo test` writes
//! the outcome anew. The oracle looks after every command, so a story cannot record a violation.
//!
//! Commands (`N` names a replica):
//! `cluster VOTERS [prefer=N] [window=BYTES] [message=BYTES] [retain=BYTES] [quiesce=MS]` begin anew;
//! `wait MS` time passes, nobody notices; `pass MS` time passes, timers ring, messages arrive and disks write;
//! `timeout N` its timer rings; `tick N`; `deliver [FROM>TO]`; `double FROM>TO` what is on its way will come again: `late`; `drop [FROM>TO]`; `sync [N]` its disk writes;
//! `settle` deliver and sync until nothing moves; `propose N TEXT...`; `read N`; `transfer N TO`; `step-down N`;
//! `may-lead N yes|no`; `suspect N`; `flush N`; `fail N` its disk refuses what waits; `crash N`; `restart N`; `replace-disk N`;
//! `cut FROM>TO`; `isolate N`; `heal`; `state` print everybody.
//! For what is rare: `say FROM>TO MESSAGE` the message arrives, whoever sent it (`words`); `hold N` what it wants is not asked for
//! until `go N`, so that several inputs are one batch; `write N` its disk writes one batch; `report N SEQUENCE` says that one was
//! written; `refuse FROM>TO`, `installed FROM>TO INDEX` of a snapshot; `flushing N`, `flushed N`; `prefer N M`; `wake N`, `sure N`, `bytes N` ask it.

mod look;
mod words;

use crate::oracle::{Oracle, no_bugs};
use crate::replica::{Replica, StepEnv, Wire};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use trefoil_core::ids::{LogIndex, NodeId, ShardId};
use trefoil_core::raft::{PersistSequence, RaftConfig, ReadDecision};
use trefoil_core::time::{HybridTime, Monotonic};
use words::{describe, describe_op, role};

const MILLISECOND: u64 = 1_000_000;

#[derive(Default)]
struct Stage {
    now: u64,
    replicas: Vec<Replica>,
    network: Vec<(NodeId, NodeId, Wire)>,
    /// Doubles that have not set out yet.
    doubles: Vec<(NodeId, NodeId, Wire)>,
    cut: BTreeSet<(NodeId, NodeId)>,
    reads: BTreeMap<u64, LogIndex>,
    next_read: u64,
    oracle: Oracle,
    out: String,
    /// Whether messages and writes are told.
    chatty: bool,
    /// Whose wishes are not asked for now.
    held: BTreeSet<usize>,
}

impl Stage {
    fn say(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn act<R>(&mut self, at: usize, action: impl FnOnce(&mut Replica, &mut StepEnv<'_>) -> R) -> R {
        let replica = &mut self.replicas[at];
        // Chance without chance: lower numbers have shorter timeouts.
        let mut random = |bound: u64| bound / 8 * at as u64;
        let bugs = no_bugs();
        let mut env = StepEnv { now: Monotonic(self.now), random: &mut random, bugs: &bugs };
        action(replica, &mut env)
    }

    fn after(&mut self, at: usize, answer: Option<(NodeId, Wire)>) {
        let id = self.replicas[at].id;
        if let Some((to, wire)) = answer {
            self.send(id, to, wire);
        }
        self.effects(at);
    }

    fn send(&mut self, from: NodeId, to: NodeId, wire: Wire) {
        let lost = self.cut.contains(&(from, to));
        if self.chatty {
            let line = format!("{from}>{to} {}{}", describe(&wire), if lost { " (lost)" } else { "" });
            self.say(&line);
        }
        if !lost {
            self.network.push((from, to, wire));
        }
    }

    fn effects(&mut self, at: usize) {
        if self.held.contains(&at) {
            return;
        }
        let id = self.replicas[at].id;
        let Some(raft) = &mut self.replicas[at].raft else { return };
        let peek = raft.clone().take_effects();
        let Some(effects) = self.replicas[at].absorb() else { return };
        assert_eq!(effects.broken, None);
        if let Some(change) = effects.role {
            let leader = change.leader.filter(|leader| *leader != id);
            let of = leader.map_or(String::new(), |leader| format!(" of {leader}"));
            self.say(&format!("{id} {} in t{}{of}", role(change.role), change.term));
        }
        if self.chatty && !peek.log_ops.is_empty() {
            let ops: Vec<String> = peek.log_ops.iter().map(describe_op).collect();
            self.say(&format!("{id} writes {}", ops.join("; ")));
        }
        if let Some(committed) = effects.committed {
            self.say(&format!("{id} commits {}..={}", committed.start(), committed.end()));
            if self.replicas[at].raft.as_ref().is_some_and(|raft| raft.is_leader()) {
                self.oracle.acknowledge(LogIndex(*committed.end()));
            }
        }
        for (read, index) in effects.reads_ready {
            let before = self.reads.remove(&read).expect("a read is answered once");
            self.oracle.read(before, index).expect("no stale read");
            self.say(&format!("{id} read {read} is served at {index}"));
        }
        for read in effects.reads_failed {
            self.reads.remove(&read);
            self.say(&format!("{id} read {read} fails"));
        }
        for (to, message) in effects.messages {
            self.send(id, to, Wire::Raft(message));
        }
        for to in effects.snapshots_wanted {
            let snapshot = self.replicas[at].snapshot().expect("a leader is up");
            self.send(id, to, snapshot);
        }
        self.check(at);
    }

    fn check(&mut self, at: usize) {
        self.oracle.leader(&self.replicas[at]).expect("election safety and leader completeness");
        self.oracle.applied(&self.replicas[at]).expect("state machine safety");
        self.oracle.logs(&self.replicas).expect("log matching");
        let mut holders = Vec::new();
        for other in 0..self.replicas.len() {
            if self.act(other, |it, env| it.raft.as_ref().is_some_and(|raft| raft.holds_lease(env))) {
                holders.push(self.replicas[other].id);
            }
        }
        self.oracle.leases(&holders).expect("one lease holder");
    }

    fn deliver(&mut self, link: Option<(NodeId, NodeId)>) {
        let all = std::mem::take(&mut self.network);
        let (now, later): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(from, to, _)| link.is_none_or(|link| link == (*from, *to)));
        self.network = later;
        for (from, to, wire) in now {
            let at = to.0 as usize - 1;
            let answer = self.act(at, |replica, env| replica.receive(from, wire, env));
            self.after(at, answer);
        }
    }

    fn sync(&mut self, at: usize) {
        while let Some(sequence) = self.replicas[at].disk.sync_one() {
            let answer = self.act(at, |replica, env| {
                replica.with(env, |raft, env| raft.durable(sequence, env));
                replica.consider_snapshot(env)
            });
            self.after(at, answer);
        }
        if self.replicas[at].installing.is_some() {
            let answer = self.act(at, |replica, env| replica.end_flush(env));
            self.after(at, answer);
        }
    }

    fn settle(&mut self) {
        for _ in 0..1_000 {
            let busy = |replica: &Replica| replica.disk.is_busy() || replica.installing.is_some();
            if self.network.is_empty() && !self.replicas.iter().any(busy) {
                return;
            }
            self.deliver(None);
            for at in 0..self.replicas.len() {
                self.sync(at);
            }
        }
        panic!("it never settles");
    }

    fn pass(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.now += MILLISECOND;
            for at in 0..self.replicas.len() {
                let now = Monotonic(self.now);
                let due = |raft: &trefoil_core::raft::Raft| raft.next_wake().is_some_and(|wake| wake <= now);
                if self.replicas[at].raft.as_ref().is_some_and(due) {
                    self.act(at, |replica, env| replica.with(env, |raft, env| raft.tick(env)));
                    self.effects(at);
                }
            }
            self.settle();
        }
    }

    fn cluster(&mut self, words: &[&str]) {
        *self = Stage { chatty: true, ..Stage::default() };
        let mut voters = 3;
        let mut config = RaftConfig {
            shard: ShardId(1),
            me: NodeId(0),
            voters: Vec::new(),
            election_timeout: Duration::from_millis(600),
            heartbeat_interval: Duration::from_millis(100),
            clock_drift_ppm: 1_000,
            append_window_bytes: 1 << 20,
            append_message_bytes: 1 << 18,
            log_retained_bytes: 1 << 20,
            uncommitted_bytes: 4 << 20,
            quiesce_after: Duration::from_secs(3_600),
            preferred_leader: None,
        };
        for word in words {
            match word.split_once('=') {
                None => voters = word.parse().expect("a number of voters"),
                Some(("prefer", node)) => config.preferred_leader = Some(NodeId(node.parse().expect("a node"))),
                Some((key, value)) => {
                    let value: u64 = value.parse().expect("a number");
                    match key {
                        "window" => config.append_window_bytes = value,
                        "message" => config.append_message_bytes = value,
                        "retain" => config.log_retained_bytes = value,
                        "uncommitted" => config.uncommitted_bytes = value,
                        "drift" => config.clock_drift_ppm = value as u32,
                        "quiesce" => config.quiesce_after = Duration::from_millis(value),
                        _ => panic!("unknown setting {key}"),
                    }
                }
            }
        }
        config.voters = (1..=voters).map(NodeId).collect();
        for me in config.voters.clone() {
            self.replicas.push(Replica::new(RaftConfig { me, ..config.clone() }));
        }
        for at in 0..self.replicas.len() {
            self.restart(at);
        }
    }

    fn restart(&mut self, at: usize) {
        self.oracle.forget(self.replicas[at].id);
        self.act(at, |replica, env| replica.start(env)).expect("what was saved is whole");
        self.effects(at);
    }

    fn propose(&mut self, at: usize, payloads: &[&str]) {
        for payload in payloads {
            let payload = Bytes::from((*payload).to_owned());
            let result = self.act(at, |replica, env| {
                replica.with(env, |raft, env| raft.propose(HybridTime(raft.last_stamp().0 + 1), payload, env))
            });
            match result.expect("it is up") {
                Ok((index, term)) => self.say(&format!("proposed at {index}/{term}")),
                Err(error) => self.say(&format!("refused: {error:?}")),
            }
        }
        self.effects(at);
    }

    fn read(&mut self, at: usize) {
        self.next_read += 1;
        let (id, before) = (self.next_read, self.oracle.acknowledged());
        let decision = self.act(at, |replica, env| replica.with(env, |raft, env| raft.read(id, env)));
        match decision.expect("it is up") {
            ReadDecision::ServeAt(index) => {
                self.oracle.read(before, index).expect("no stale read");
                self.say(&format!("read {id} is served at {index} under the lease"));
            }
            ReadDecision::Pending => {
                self.reads.insert(id, before);
                self.say(&format!("read {id} waits"));
            }
            other => self.say(&format!("read {id}: {other:?}")),
        }
        self.effects(at);
    }

    fn command(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let node = |at: usize| -> usize { words[at].parse::<usize>().expect("a replica") - 1 };
        let link = |at: usize| {
            words.get(at).map(|link| {
                let (from, to) = link.split_once('>').expect("FROM>TO");
                (NodeId(from.parse().expect("a replica")), NodeId(to.parse().expect("a replica")))
            })
        };
        self.chatty = !matches!(words[0], "pass" | "settle");
        match words[0] {
            "cluster" => self.cluster(&words[1..]),
            "wait" => self.now += nanoseconds(words[1]),
            "say" => {
                let ((from, to), at) = (link(1).expect("a link"), node_of(words[1]));
                let wire = Wire::Raft(words::parse(&words[2..], self.now));
                assert_eq!(to, self.replicas[at].id);
                let answer = self.act(at, |replica, env| replica.receive(from, wire, env));
                self.after(at, answer);
            }
            "refuse" | "installed" => {
                let ((from, _), at) = (link(1).expect("a link"), node_of(words[1]));
                let through = words.get(2).map(|through| LogIndex(through.parse().expect("an index")));
                let wire = through.map_or(Wire::SnapshotRefused, |through| Wire::SnapshotInstalled { through });
                let answer = self.act(at, |replica, env| replica.receive(from, wire, env));
                self.after(at, answer);
            }
            "hold" => assert!(self.held.insert(node(1))),
            "go" => {
                assert!(self.held.remove(&node(1)));
                self.effects(node(1));
            }
            "write" => {
                let at = node(1);
                let sequence = self.replicas[at].disk.sync_one().expect("something waits");
                self.act(at, |replica, env| replica.with(env, |raft, env| raft.durable(sequence, env)));
                self.effects(at);
            }
            "report" => {
                let sequence = PersistSequence(words[2].parse().expect("a sequence"));
                self.act(node(1), |replica, env| replica.with(env, |raft, env| raft.durable(sequence, env)));
                self.effects(node(1));
            }
            "flushing" => self.replicas[node(1)].begin_flush(),
            "flushed" => {
                let answer = self.act(node(1), |replica, env| replica.end_flush(env));
                self.after(node(1), answer);
            }
            "prefer" => {
                let preferred = words[2].parse().ok().map(NodeId);
                self.act(node(1), |it, env| it.with(env, |raft, _| raft.set_preferred_leader(preferred)));
            }
            "wake" | "sure" | "bytes" => self.ask(words[0], node(1)),
            "pass" => self.pass(words[1].parse().expect("milliseconds")),
            "timeout" => {
                let wake = self.replicas[node(1)].raft.as_ref().and_then(|raft| raft.next_wake());
                self.now = self.now.max(wake.expect("it has a timer").0);
                self.act(node(1), |replica, env| replica.with(env, |raft, env| raft.tick(env)));
                self.effects(node(1));
            }
            "tick" => {
                self.act(node(1), |replica, env| replica.with(env, |raft, env| raft.tick(env)));
                self.effects(node(1));
            }
            "deliver" => self.deliver(link(1)),
            "double" => {
                let link = link(1).expect("a link");
                self.doubles.extend(self.network.iter().filter(|(from, to, _)| link == (*from, *to)).cloned());
            }
            "late" => self.network.append(&mut self.doubles),
            "drop" => {
                let link = link(1);
                self.network.retain(|(from, to, _)| link.is_some_and(|link| link != (*from, *to)));
            }
            "sync" if words.len() > 1 => self.sync(node(1)),
            "sync" => (0..self.replicas.len()).for_each(|at| self.sync(at)),
            "settle" => self.settle(),
            "propose" => self.propose(node(1), &words[2..]),
            "read" => self.read(node(1)),
            "transfer" => {
                let to = NodeId(node(2) as u32 + 1);
                self.act(node(1), |it, env| it.with(env, |raft, env| raft.transfer_leadership(to, env)));
                self.effects(node(1));
            }
            "step-down" => {
                self.act(node(1), |it, env| it.with(env, |raft, env| raft.step_down(env)));
                self.effects(node(1));
            }
            "may-lead" => {
                let may_lead = words[2] == "yes";
                self.act(node(1), |it, env| it.with(env, |raft, env| raft.set_may_lead(may_lead, env)));
                self.effects(node(1));
            }
            "damage" => {
                self.act(node(1), |it, env| it.give_up_state(env));
                self.effects(node(1));
            }
            "break-disk" => {
                self.act(node(1), |it, env| {
                    it.with(env, |raft, env| {
                        raft.stop_writing(env);
                        raft.set_may_lead(false, env);
                    })
                });
                self.effects(node(1));
            }
            "suspect" => {
                self.act(node(1), |it, env| it.with(env, |raft, env| raft.leader_suspected(env)));
                self.effects(node(1));
            }
            "flush" => {
                self.replicas[node(1)].begin_flush();
                let answer = self.act(node(1), |replica, env| replica.end_flush(env));
                self.after(node(1), answer);
            }
            "fail" => {
                self.act(node(1), |replica, env| {
                    for sequence in replica.disk.fail() {
                        replica.with(env, |raft, env| raft.persist_failed(sequence, env));
                    }
                });
                self.effects(node(1));
            }
            "crash" => self.replicas[node(1)].crash(0, false),
            "restart" => self.restart(node(1)),
            "replace-disk" => self.replicas[node(1)].wipe(),
            "cut" => self.cut.extend(link(1)),
            "isolate" => {
                let one = self.replicas[node(1)].id;
                for other in self.replicas.iter().map(|it| it.id).filter(|other| *other != one) {
                    self.cut.extend([(one, other), (other, one)]);
                }
            }
            "heal" => self.cut.clear(),
            "state" => self.state(),
            _ => panic!("unknown command {line}"),
        }
    }
}

/// Milliseconds, perhaps with a fraction of six digits.
fn nanoseconds(text: &str) -> u64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "000000"));
    assert_eq!(fraction.len(), 6, "six digits of nanoseconds");
    whole.parse::<u64>().expect("milliseconds") * MILLISECOND + fraction.parse::<u64>().expect("nanoseconds")
}

/// The position of whom a link leads to.
fn node_of(link: &str) -> usize {
    link.split_once('>').and_then(|(_, to)| to.parse::<usize>().ok()).expect("FROM>TO") - 1
}

/// The text with every outcome as it is now.
fn play(script: &str) -> String {
    let mut stage = Stage::default();
    let mut text = String::new();
    for line in script.lines() {
        if let Some(command) = line.strip_prefix('>') {
            stage.command(command);
            text.push_str(line);
            text.push('\n');
            text.push_str(&std::mem::take(&mut stage.out));
        } else if line.starts_with('#') || line.trim().is_empty() {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[test]
fn every_story_ends_as_recorded() {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/raft/scenarios");
    let record = std::env::var_os("TREFOIL_RECORD").is_some();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder is in the repository")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no stories");
    for path in files {
        let recorded = std::fs::read_to_string(&path).expect("a story is text");
        let played = play(&recorded);
        if record {
            std::fs::write(&path, &played).expect("the repository can be written");
            continue;
        }
        for (number, (now, then)) in played.lines().zip(recorded.lines()).enumerate() {
            assert_eq!(now, then, "{}, line {}", path.display(), number + 1);
        }
        assert_eq!(played.lines().count(), recorded.lines().count(), "{}", path.display());
    }
}
