//! A run: the plan's nodes, clients and faults around one event queue, until all is done, healed and audited, or a promise
//! is broken. In this order: set-up (the tables are defined, nothing is wrong), workload (programs and faults), healing
//! (everything is put right, the cluster must converge), audit (every key is read everywhere), verdict.

mod actions;
mod audit;
mod lifecycle;
pub mod process;

use crate::client::driver::{Client, Script};
use crate::client::history::History;
use crate::client::statement::definitions;
use crate::faults::Action;
use crate::faults::links::client_place;
use crate::hash::StateHash;
use crate::marks::Marks;
use crate::oracle::{self, Violation, Watch};
use crate::plan::Plan;
use crate::plan::cluster::ClusterPlan;
use crate::plan::program::Routing;
use crate::random::Stream;
use crate::record::{Kind, Record};
use crate::world::connections::{Connections, Frame, RETRANSMIT_NS};
use crate::world::network::Network;
use crate::world::queue::{Queue, Time};
use crate::world::surroundings::{Event, Surroundings};
use crate::world::view::View;
use process::Process;
use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use trefoil_core::ids::ConnId;
use trefoil_core::world::Input;
use trefoil_cql::protocol::ProtocolVersion;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Tables are being defined.
    SetUp,
    /// Clients work, things go wrong.
    Workload,
    /// Everything was put right; clients finish, replicas catch up.
    Healing,
    /// Every key is read everywhere.
    Audit,
    /// Nothing more happens.
    Done,
}

/// What is kept of a run besides its verdict.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keep {
    /// The last so many lines of what happened; 0: none.
    pub record: usize,
    /// The state hash after every event, to find where two runs part.
    pub trail: bool,
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// The seed of the plan.
    pub seed: u64,
    /// The first broken promise.
    pub violation: Option<Violation>,
    /// Over every input and effect of every node.
    pub hash: u64,
    /// Events that came out of the queue.
    pub events: u64,
    /// Inputs that nodes took.
    pub inputs: u64,
    /// Virtual time at the end.
    pub time: Time,
    /// How far it came.
    pub phase: Phase,
    /// Rare situations.
    pub marks: Marks,
    /// What clients saw.
    pub history: History,
    /// Checkers that gave up, with their reason.
    pub undecided: Vec<String>,
    /// If it was wanted.
    pub record: Option<Record>,
    /// If it was wanted.
    pub trail: Vec<u64>,
}

/// Two probes for convergence.
const PROBE_NS: u64 = 100_000_000;

/// A run under way.
pub struct Simulation<'a> {
    plan: &'a Plan,
    nodes: Vec<Process>,
    clients: Vec<Client>,
    history: History,
    around: Surroundings,
    actions: Vec<Action>,
    phase: Phase,
    /// When the present phase must be over.
    limit: Time,
    inputs: u64,
    dark_zone: bool,
    reports: Vec<crate::world::disk::Report>,
}

/// Run a plan.
#[must_use]
pub fn run(plan: &Plan, keep: Keep) -> Report {
    Simulation::new(plan, keep).run(keep)
}

impl<'a> Simulation<'a> {
    fn new(plan: &'a Plan, keep: Keep) -> Simulation<'a> {
        let network = Network::new(&plan.network, &plan.cluster, Stream::new(plan.seed, "network"));
        let around = Surroundings {
            queue: Queue::default(),
            network,
            connections: Connections::default(),
            client_zones: Vec::new(),
            bugs: plan.bugs.clone(),
            buggify: plan.machine.buggify,
            seed: plan.seed,
            encode_messages: plan.machine.encode_messages,
            hash: StateHash::new(plan.seed),
            marks: Marks::default(),
            watch: Watch::default(),
            violation: None,
            record: (keep.record > 0).then(|| Record::new(keep.record)),
        };
        let nodes = (0..plan.cluster.nodes()).map(|place| Process::new(plan, place)).collect();
        Simulation {
            plan,
            nodes,
            clients: Vec::new(),
            history: History::default(),
            around,
            actions: Vec::new(),
            phase: Phase::SetUp,
            limit: Time(0),
            inputs: 0,
            dark_zone: false,
            reports: Vec::new(),
        }
    }

    fn run(mut self, keep: Keep) -> Report {
        let mut events = 0;
        let mut trail = Vec::new();
        self.begin();
        while self.around.violation.is_none() && self.phase != Phase::Done {
            let Some(event) = self.around.queue.pop() else {
                self.around.broken("LIVENESS", "nothing will ever happen again".to_owned());
                break;
            };
            events += 1;
            if self.around.now() > self.limit {
                self.too_late();
                break;
            }
            self.handle(event);
            if keep.trail {
                trail.push(self.around.hash.value());
            }
        }
        let time = self.around.now();
        let mut undecided = Vec::new();
        let judged = oracle::judge(self.plan, &self.history, time, &mut undecided);
        let violation = self.around.violation.or_else(|| judged.err());
        Report {
            seed: self.plan.seed,
            violation,
            hash: self.around.hash.finish(),
            events,
            inputs: self.inputs,
            time,
            phase: self.phase,
            marks: self.around.marks,
            history: self.history,
            undecided,
            record: self.around.record,
            trail,
        }
    }

    /// How long healing, converging and serving may take: several elections, leases and requests, and the transfer of
    /// everything. What takes longer than this has no excuse.
    fn patience_ns(&self) -> u64 {
        let tuning = &self.plan.cluster.tuning;
        let slowest = tuning.election_timeout * 20 + tuning.schema_lease * 4 + tuning.request_timeout * 4;
        30_000_000_000 + u64::try_from(slowest.as_nanos()).unwrap_or(u64::MAX / 4)
    }

    /// Everybody starts, and one client defines the tables.
    fn begin(&mut self) {
        for node in 0..self.nodes.len() {
            self.start(node);
        }
        if self.plan.steps() == 0 {
            // Nobody needs tables: faults and elections only.
            return self.begin_workload();
        }
        let texts = definitions(self.plan);
        let timeout_ms = self.plan.cluster.tuning.request_timeout.as_millis() as u64 * 2 + 500;
        let nodes = (0..self.nodes.len()).collect();
        let scripts = vec![Script::Definitions(texts)];
        let version = ProtocolVersion::V4;
        let client = Client::with_scripts(0, version, Routing::Sticky, timeout_ms, nodes, scripts, self.plan.seed);
        self.add_client(client, 0);
        self.limit = Time(self.patience_ns());
    }

    fn add_client(&mut self, client: Client, zone: u8) {
        self.around.client_zones.push(zone);
        self.clients.push(client);
        let number = self.clients.len() - 1;
        self.clients[number].begin(&mut self.history, &mut self.around);
    }

    /// Nodes in the order in which a client of this zone prefers them.
    fn preference(&self, client: usize, zone: u8) -> Vec<usize> {
        let mut nodes: Vec<usize> = (0..self.nodes.len()).collect();
        let count = nodes.len();
        nodes.rotate_left(client % count);
        nodes.sort_by_key(|&node| self.plan.cluster.zone(node) != usize::from(zone));
        nodes
    }

    /// The tables are there: clients begin, and so do faults.
    fn begin_workload(&mut self) {
        let now = self.around.now();
        self.phase = Phase::Workload;
        // While tables are defined nothing is wrong; what a bad network does to that, definitions of the workload show.
        self.around.network.begin_noise();
        for process in &mut self.nodes {
            process.body.disk.begin_noise();
        }
        self.around.note(0, Kind::Life, || "the workload begins".to_owned());
        for plan in &self.plan.clients {
            let number = self.clients.len();
            let client = Client::new(number, plan, self.preference(number, plan.zone), self.plan.seed);
            self.add_client(client.with_tables(&self.plan.tables), plan.zone);
        }
        let faults = &self.plan.faults;
        let timed = faults.iter().flat_map(|fault| fault.fault.actions(fault.at_ms, &self.plan.cluster));
        for (at_ms, action) in timed {
            self.actions.push(action);
            let number = self.actions.len() as u32 - 1;
            self.around.queue.push(now.plus(at_ms * 1_000_000), Event::Action(number));
        }
        let faults_end_ns = self.plan.faults_end_ms * 1_000_000;
        self.around.queue.push(now.plus(faults_end_ns + 1), Event::Probe);
        self.limit = now.plus(faults_end_ns + self.patience_ns());
    }

    fn too_late(&mut self) {
        let text = match self.phase {
            Phase::SetUp => "the tables could not be defined although nothing was wrong".to_owned(),
            _ => format!("everything was healed, but {}", self.unfinished()),
        };
        self.around.broken("LIVENESS", text);
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Message { to, from, life, message } => {
                let (to, sender) = (usize::from(to), usize::from(from));
                if self.nodes[sender].body.life != life {
                    self.around.marks.hit("sim: a message from an earlier life arrived");
                }
                if self.around.network.is_clogged(sender, to) {
                    let later = self.around.now().plus(RETRANSMIT_NS / 4);
                    self.around.queue.push(later, Event::Message { to: to as u8, from, life, message });
                } else if self.nodes[to].inbox.len() >= self.plan.machine.inbox_messages_max as usize {
                    self.around.marks.hit("sim: an inbox was full");
                } else {
                    self.deliver(to, Input::Message { from: ClusterPlan::id(sender), message });
                }
            }
            Event::Work { node, life } => {
                let process = &mut self.nodes[usize::from(node)];
                if process.body.life == life && process.is_up() {
                    process.work_pending = false;
                    if process.paused == 0 {
                        self.work(usize::from(node), None);
                    }
                }
            }
            Event::Wake { node, life } => self.wake(usize::from(node), life),
            Event::Synced { node, life, store } => self.synced(usize::from(node), life, store),
            Event::ToNode(conn) => self.pump_to_node(conn),
            Event::ToClient(conn) => self.pump_to_client(conn),
            Event::Timer { client, lane, sequence } => {
                let (history, around) = (&mut self.history, &mut self.around);
                self.clients[usize::from(client)].timer(usize::from(lane), sequence, history, around);
                self.after_client();
            }
            Event::Action(number) => {
                if self.phase == Phase::Workload {
                    let action = self.actions[number as usize].clone();
                    self.apply(action);
                }
            }
            Event::FuseEnd { node, life } => {
                let process = &self.nodes[usize::from(node)];
                if process.body.life == life && process.body.fuse.is_some() {
                    self.kill(usize::from(node), false);
                }
            }
            Event::Probe => self.probe(),
        }
    }

    fn after_client(&mut self) {
        if self.phase == Phase::SetUp && self.clients.iter().all(Client::is_done) {
            self.begin_workload();
        }
    }

    /// Something reaches a node that is up: at once if it is free, into its inbox if not.
    #[inline]
    fn deliver(&mut self, node: usize, input: Input) {
        let now = self.around.now();
        let process = &mut self.nodes[node];
        if !process.is_up() {
            return;
        }
        if process.paused == 0 && !process.work_pending && process.busy_until <= now {
            return self.work(node, Some(input));
        }
        process.inbox.push_back(input);
        if process.paused == 0 && !process.work_pending {
            process.work_pending = true;
            let life = process.body.life;
            self.around.queue.push(process.busy_until, Event::Work { node: node as u8, life });
        }
    }

    /// A node takes this and what waits, then settles.
    fn work(&mut self, node: usize, first: Option<Input>) {
        let now = self.around.now();
        let process = &mut self.nodes[node];
        let Some(state) = process.node.as_mut() else { return };
        let mut view = View { clock: process.clock.read(now), body: &mut process.body, around: &mut self.around };
        let most = self.plan.machine.inputs_per_settle_max.max(1);
        let mut taken = 0;
        let mut next = first.or_else(|| process.inbox.pop_front());
        while let Some(input) = next {
            mix_input(&mut view, node, &input);
            if let Input::PersistFailed { ticket, .. } = input {
                view.body.disk.heard(ticket);
            }
            state.step(input, &mut view);
            taken += 1;
            next = if taken < most && !view.body.dead { process.inbox.pop_front() } else { None };
        }
        if !view.body.dead {
            state.settle(&mut view);
        }
        self.inputs += u64::from(taken);
        let drained = process.stopping && state.is_drained();
        process.busy_until = now.plus(self.plan.machine.step_cost_ns * u64::from(taken.max(1)));
        if process.body.dead || drained {
            return self.kill(node, false);
        }
        if !process.inbox.is_empty() && !process.work_pending {
            process.work_pending = true;
            let life = process.body.life;
            self.around.queue.push(process.busy_until, Event::Work { node: node as u8, life });
        }
        self.arm_wake(node);
    }

    /// Put a wake event into the queue, if there is none early enough.
    #[inline]
    fn arm_wake(&mut self, node: usize) {
        let now = self.around.now();
        let process = &mut self.nodes[node];
        let Some(at) = process.body.wake_at else { return };
        let when = process.clock.when(at, now);
        if process.body.wake_event.is_none_or(|event| event > when) {
            process.body.wake_event = Some(when);
            let life = process.body.life;
            self.around.queue.push(when, Event::Wake { node: node as u8, life });
        }
    }

    fn wake(&mut self, node: usize, life: u32) {
        let now = self.around.now();
        let process = &mut self.nodes[node];
        // Events that were overtaken by an earlier one are stale.
        if process.body.life != life || process.body.wake_event != Some(now) {
            return;
        }
        process.body.wake_event = None;
        let Some(at) = process.body.wake_at else { return };
        if process.clock.when(at, now) > now {
            return self.arm_wake(node);
        }
        process.body.wake_at = None;
        self.deliver(node, Input::Wake);
    }

    fn pump_to_node(&mut self, conn: ConnId) {
        let now = self.around.now();
        loop {
            let connection = self.around.connections.get_mut(conn);
            let (client, node) = (connection.client, connection.node);
            let from = client_place(self.around.client_zones[client]);
            let connection = self.around.connections.get_mut(conn);
            connection.to_node.pumping = false;
            if self.around.network.is_blocked(from, node) {
                connection.to_node.pumping = true;
                return self.around.queue.push(now.plus(RETRANSMIT_NS), Event::ToNode(conn));
            }
            let Some(frame) = connection.to_node.take_due(now) else {
                if let Some(at) = connection.to_node.next_at() {
                    connection.to_node.pumping = true;
                    self.around.queue.push(at, Event::ToNode(conn));
                }
                return;
            };
            self.frame_to_node(conn, node, frame);
        }
    }

    fn frame_to_node(&mut self, conn: ConnId, node: usize, frame: Frame) {
        let life = u64::from(self.nodes[node].body.life);
        let (up, dark) = (self.nodes[node].is_up(), self.nodes[node].dark);
        let connection = self.around.connections.get_mut(conn);
        if dark {
            return connection.to_node.clear();
        }
        let opens = frame == Frame::Open;
        if !up || connection.node_closed || (!opens && connection.life != life) {
            // Nobody there, or somebody who has never heard of this connection: a reset.
            connection.to_node.clear();
            connection.node_closed = true;
            if !connection.client_closed {
                self.around.frame_to_client(conn, Frame::Close);
            }
            return;
        }
        match frame {
            Frame::Open => {
                connection.life = life;
                let ip = Ipv4Addr::new(192, 168, 0, connection.client as u8);
                let remote = SocketAddr::new(IpAddr::V4(ip), 1_024 + (conn.0 % 60_000) as u16);
                self.deliver(node, Input::Connected { conn, remote });
            }
            Frame::Envelope(envelope) => {
                if connection.client_closed {
                    self.around.marks.hit("sim: a request arrived after its client had given up");
                }
                self.deliver(node, Input::Request { conn, envelope });
            }
            Frame::Close => {
                connection.node_closed = true;
                self.deliver(node, Input::Disconnected { conn });
            }
        }
    }

    fn pump_to_client(&mut self, conn: ConnId) {
        let now = self.around.now();
        loop {
            let connection = self.around.connections.get_mut(conn);
            let (client, node) = (connection.client, connection.node);
            let to = client_place(self.around.client_zones[client]);
            let connection = self.around.connections.get_mut(conn);
            connection.to_client.pumping = false;
            if self.around.network.is_blocked(node, to) {
                connection.to_client.pumping = true;
                return self.around.queue.push(now.plus(RETRANSMIT_NS), Event::ToClient(conn));
            }
            let Some(frame) = connection.to_client.take_due(now) else {
                if let Some(at) = connection.to_client.next_at() {
                    connection.to_client.pumping = true;
                    self.around.queue.push(at, Event::ToClient(conn));
                }
                return;
            };
            if !connection.client_closed {
                self.clients[client].frame(conn, node, frame, &mut self.history, &mut self.around);
                self.after_client();
            }
        }
    }
}

/// Which input a node takes belongs to the state hash. What a message says was hashed when it was sent.
#[inline]
fn mix_input(view: &mut View<'_>, node: usize, input: &Input) {
    let around = &mut *view.around;
    around.mix(around.queue.now().0);
    let (kind, about) = match input {
        Input::Connected { conn, .. } => (1, conn.0),
        Input::Request { conn, envelope } => {
            around.hash.write(envelope);
            (2, conn.0)
        }
        Input::Disconnected { conn } => (3, conn.0),
        Input::Message { from, message } => (4, u64::from(from.0) ^ ((message.stamp.0 as u64) << 8)),
        Input::Durable { ticket } => (5, ticket.0),
        Input::PersistFailed { ticket, .. } => (6, ticket.0),
        Input::Wake => (7, 0),
        Input::Shutdown => (8, 0),
    };
    around.mix((node as u64) << 8 | kind);
    around.mix(about);
    if around.record.is_some() {
        around.note(node, Kind::Input, || match input {
            Input::Request { conn, envelope } => format!("request on {conn}: {}", request_text(envelope)),
            other => format!("{other:?}"),
        });
    }
}

fn request_text(envelope: &bytes::Bytes) -> String {
    match trefoil_cql::protocol::RequestEnvelope::decode(envelope) {
        Ok(request) => format!("{:?}", request.request),
        Err(error) => error.to_string(),
    }
}
