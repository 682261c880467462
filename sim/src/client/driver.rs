//! A client: its lanes, their operations, and the manners of a driver. Another node is tried when nothing can have happened:
//! the connection could not be used, or the server said that it did not try. A write whose answer is missing is given up as
//! unknown, never sent again; reads are asked again as long as there is time.

use super::history::{Entry, History, Outcome, Page, Seen};
use super::link::{Link, PreparedId, Waiter};
use super::statement::{self, Call, Form, Statement};
use crate::language::interpreter::{Answer, Row};
use crate::language::program::Table;
use crate::plan::program::{ClientPlan, Operation, Routing, Step};
use crate::record::Kind;
use crate::world::connections::Frame;
use crate::world::queue::Time;
use crate::world::surroundings::{Event, Surroundings};
use bytes::Bytes;
use std::collections::BTreeMap;
use trefoil_core::ids::ConnId;
use trefoil_cql::protocol::request::{Batch, BatchQuery, BatchStatement, Execute, Prepare, Query, QueryParameters};
use trefoil_cql::protocol::response::{QueryResult, Rows};
use trefoil_cql::protocol::{CqlError, ProtocolVersion, Request, Response, ResponseEnvelope};

/// Times a read, or a write that cannot have happened, is tried at most.
const ATTEMPTS_MAX: u32 = 40;

/// Between two attempts: so many milliseconds more each time.
const BACKOFF_MS: u64 = 7;

/// What a lane does, in order.
#[derive(Clone, Debug)]
pub enum Script {
    /// The steps of a program.
    Program(Vec<Step>),
    /// Statements as text, each until it succeeds.
    Definitions(Vec<String>),
}

#[derive(Debug)]
enum State {
    /// Thinks until its timer.
    Pausing,
    /// Has an operation under way.
    Running(Box<Running>),
    /// Has nothing more to do.
    Done,
}

/// An operation under way.
#[derive(Debug)]
struct Running {
    /// Its number in the history; none for definitions of the set-up.
    entry: Option<usize>,
    operation: Option<Operation>,
    call: Call,
    node: usize,
    attempts: u32,
    deadline: Time,
    /// Waits until here before the next attempt.
    back_off: Option<Time>,
    paging_state: Option<Bytes>,
    pages: Vec<Page>,
    /// Rows of a generated program's request.
    rows: Vec<Row>,
    page_invoke: Time,
    /// Who gave the last page.
    page_node: Option<usize>,
}

#[derive(Debug)]
struct Lane {
    script: Script,
    next: usize,
    process: u64,
    state: State,
    /// The latest timer; others are stale.
    timer: u32,
    /// What this lane saw last of each conditional register.
    last_seen: BTreeMap<u32, Option<u32>>,
}

/// A client with its connections.
#[derive(Debug)]
pub struct Client {
    number: usize,
    version: ProtocolVersion,
    routing: Routing,
    timeout_ms: u64,
    /// Nodes in the order this client prefers them.
    nodes: Vec<usize>,
    turn: usize,
    links: BTreeMap<usize, Link>,
    /// Statements prepared on any node: as drivers do, one that does not know a statement is told when it says so.
    prepared: BTreeMap<String, PreparedId>,
    lanes: Vec<Lane>,
    seed: u64,
    /// Tables of generated programs.
    tables: Vec<Table>,
    audit: bool,
}

impl Client {
    /// A client as planned. `nodes` are in the order of its preference.
    #[must_use]
    pub fn new(number: usize, plan: &ClientPlan, nodes: Vec<usize>, seed: u64) -> Client {
        let scripts = plan.lanes.iter().map(|steps| Script::Program(steps.clone())).collect();
        let version = ProtocolVersion::from_number(plan.protocol).unwrap_or(ProtocolVersion::V4);
        Client::with_scripts(number, version, plan.routing, plan.timeout_ms, nodes, scripts, seed)
    }

    /// A client that does this.
    #[must_use]
    pub fn with_scripts(
        number: usize,
        version: ProtocolVersion,
        routing: Routing,
        timeout_ms: u64,
        nodes: Vec<usize>,
        scripts: Vec<Script>,
        seed: u64,
    ) -> Client {
        let lane =
            |script| Lane { script, next: 0, process: 0, state: State::Done, timer: 0, last_seen: BTreeMap::new() };
        Client {
            number,
            version,
            routing,
            timeout_ms,
            nodes,
            turn: 0,
            links: BTreeMap::new(),
            prepared: BTreeMap::new(),
            lanes: scripts.into_iter().map(lane).collect(),
            seed,
            tables: Vec::new(),
            audit: false,
        }
    }

    /// The tables that generated programs work on.
    #[must_use]
    pub fn with_tables(mut self, tables: &[Table]) -> Client {
        self.tables = tables.to_vec();
        self
    }

    /// What it asks is asked after everything has healed: it must be answered.
    #[must_use]
    pub fn auditing(mut self) -> Client {
        self.audit = true;
        self
    }

    /// Begin with all lanes.
    pub fn begin(&mut self, history: &mut History, around: &mut Surroundings) {
        for lane in 0..self.lanes.len() {
            self.lanes[lane].process = history.new_process();
            self.pause(lane, around);
        }
    }

    /// Whether all lanes have come to their end.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.lanes.iter().all(|lane| matches!(lane.state, State::Done))
    }

    fn pause(&mut self, lane: usize, around: &mut Surroundings) {
        let pause_ms = match &self.lanes[lane].script {
            Script::Program(steps) => steps.get(self.lanes[lane].next).map(|step| u64::from(step.pause_ms)),
            Script::Definitions(texts) => (self.lanes[lane].next < texts.len()).then_some(1),
        };
        match pause_ms {
            None => self.lanes[lane].state = State::Done,
            Some(pause_ms) => {
                self.lanes[lane].state = State::Pausing;
                let at = around.now().plus(pause_ms * 1_000_000);
                self.set_timer(lane, at, around);
            }
        }
    }

    fn set_timer(&mut self, lane: usize, at: Time, around: &mut Surroundings) {
        self.lanes[lane].timer += 1;
        let (client, sequence) = (self.number as u16, self.lanes[lane].timer);
        around.queue.push(at, Event::Timer { client, lane: lane as u16, sequence });
    }

    /// A timer has rung.
    pub fn timer(&mut self, lane: usize, sequence: u32, history: &mut History, around: &mut Surroundings) {
        if self.lanes[lane].timer != sequence {
            return;
        }
        let now = around.now();
        match &mut self.lanes[lane].state {
            State::Done => {}
            State::Pausing => self.next_operation(lane, history, around),
            State::Running(running) if now >= running.deadline => self.give_up(lane, history, around),
            State::Running(running) => {
                running.back_off = None;
                self.attempt(lane, history, around);
            }
        }
    }

    fn next_operation(&mut self, lane: usize, history: &mut History, around: &mut Surroundings) {
        let now = around.now();
        let state = &mut self.lanes[lane];
        let at = state.next;
        state.next += 1;
        let (operation, call) = match &state.script {
            Script::Program(steps) => {
                let operation = steps[at].operation.clone();
                let expected = expected(&operation, &state.last_seen);
                let call = statement::call(&operation, expected, &self.tables, self.seed);
                (Some((operation, expected)), call)
            }
            Script::Definitions(texts) => (None, statement::definition(texts[at].clone())),
        };
        let entry = operation.as_ref().map(|(operation, expected)| {
            history.entries.push(Entry {
                client: self.number,
                lane,
                process: state.process,
                operation: operation.clone(),
                expected: *expected,
                invoke: now,
                complete: now,
                outcome: Outcome::Open,
                node: 0,
                attempts: 0,
                audit: self.audit,
            });
            history.entries.len() - 1
        });
        self.turn += 1;
        self.lanes[lane].state = State::Running(Box::new(Running {
            entry,
            operation: operation.map(|(operation, _)| operation),
            call,
            node: 0,
            attempts: 0,
            deadline: now.plus(self.timeout_ms * 1_000_000),
            back_off: None,
            paging_state: None,
            pages: Vec::new(),
            rows: Vec::new(),
            page_invoke: now,
            page_node: None,
        }));
        self.choose_node(lane, false);
        self.attempt(lane, history, around);
    }

    fn running(&mut self, lane: usize) -> Option<&mut Running> {
        match &mut self.lanes[lane].state {
            State::Running(running) => Some(running),
            State::Pausing | State::Done => None,
        }
    }

    /// The node for the next attempt; after a failure another one.
    fn choose_node(&mut self, lane: usize, failed: bool) {
        let count = self.nodes.len();
        let attempts = self.running(lane).map_or(0, |running| running.attempts as usize);
        let at = match self.routing {
            Routing::OwnZone => attempts,
            Routing::RoundRobin => self.turn + attempts,
            Routing::Sticky => {
                self.turn = if failed { self.turn + 1 } else { self.turn.saturating_sub(1) };
                self.turn
            }
            Routing::Pinned(node) => {
                if let Some(running) = self.running(lane) {
                    running.node = usize::from(node);
                }
                return;
            }
        };
        let node = self.nodes[at % count];
        if let Some(running) = self.running(lane) {
            running.node = node;
        }
    }

    /// Go on with a lane's operation: connect, prepare or ask, whatever is next.
    fn attempt(&mut self, lane: usize, history: &mut History, around: &mut Surroundings) {
        let (number, version) = (self.number, self.version);
        let State::Running(running) = &mut self.lanes[lane].state else { return };
        let deadline = running.deadline;
        let node = running.node;
        let link = self.links.entry(node).or_insert_with(|| Link::open(number, node, version, around));
        if !link.ready {
            link.waiting.push(lane);
        } else if let Some(text) = unprepared_text(&running.call, &self.prepared) {
            let request = Request::Prepare(Prepare { text: text.clone(), keyspace: None });
            link.send(Waiter::Prepare { lane, text }, &request, around);
        } else {
            running.attempts += 1;
            running.page_invoke = around.now();
            if running.page_node.is_some_and(|before| before != node) {
                around.marks.hit("sim: a scan went on at another node");
            }
            if let Some(entry) = running.entry {
                history.entries[entry].attempts = running.attempts;
                history.entries[entry].node = node;
            }
            let request = request(running, &self.prepared);
            around.note(crate::faults::links::CLIENT_PLACES, Kind::Client, || {
                format!("client {number}.{lane} asks node {node}: {:?}", running.operation)
            });
            link.send(Waiter::Call { lane }, &request, around);
        }
        self.set_timer(lane, deadline, around);
    }

    /// Nothing has happened: try again in a moment, somewhere else.
    fn try_again(&mut self, lane: usize, why: String, history: &mut History, around: &mut Surroundings) {
        let now = around.now();
        let Some(running) = self.running(lane) else { return };
        running.attempts += 1;
        // Definitions of the set-up are tried for ever; liveness has its own limit.
        if running.attempts >= ATTEMPTS_MAX && running.entry.is_some() {
            return self.end(lane, Outcome::Failed(why), history, around);
        }
        let wait_ms = BACKOFF_MS * u64::from(running.attempts.min(30));
        let at = now.plus(wait_ms * 1_000_000);
        running.back_off = Some(at);
        let at = at.min(running.deadline);
        self.choose_node(lane, true);
        self.set_timer(lane, at, around);
    }

    /// The time is over.
    fn give_up(&mut self, lane: usize, history: &mut History, around: &mut Surroundings) {
        let Some(running) = self.running(lane) else { return };
        let node = running.node;
        let is_definition = running.entry.is_none();
        let was_asked = self.links.get(&node).is_some_and(|link| link.victims().contains(&(lane, true)));
        for link in self.links.values_mut() {
            link.abandon(lane);
        }
        // A handshake that is not answered has failed. Of a connection that worked, some drivers keep what does not answer,
        // some close it.
        if self.turn.is_multiple_of(2) || self.links.get(&node).is_some_and(|link| !link.ready) {
            self.hang_up(node, history, around);
        }
        if self.routing == Routing::Sticky {
            self.turn += 1;
        }
        if is_definition {
            let timeout_ms = self.timeout_ms;
            if let Some(running) = self.running(lane) {
                running.deadline = around.now().plus(timeout_ms * 1_000_000);
            }
            return self.try_again(lane, "no answer".to_owned(), history, around);
        }
        let why = "no answer in time".to_owned();
        let writes = self.running(lane).is_some_and(|running| running.call.writes);
        let outcome = if writes && was_asked { Outcome::Unknown(why) } else { Outcome::Failed(why) };
        self.end(lane, outcome, history, around);
    }

    /// Close a connection from this side.
    fn hang_up(&mut self, node: usize, history: &mut History, around: &mut Surroundings) {
        let Some(link) = self.links.remove(&node) else { return };
        around.connections.get_mut(link.conn).client_closed = true;
        around.frame_to_node(link.conn, Frame::Close);
        self.broken(link, history, around);
    }

    /// A connection is gone: who waited for the handshake tries elsewhere, who waited for an answer may never know.
    fn broken(&mut self, link: Link, history: &mut History, around: &mut Surroundings) {
        for (lane, was_asked) in link.victims() {
            let Some(running) = self.running(lane) else { continue };
            if was_asked && running.call.writes && running.entry.is_some() {
                self.end(lane, Outcome::Unknown("connection lost".to_owned()), history, around);
            } else {
                self.try_again(lane, "connection lost".to_owned(), history, around);
            }
        }
    }

    /// A frame arrives from a node.
    pub fn frame(&mut self, conn: ConnId, node: usize, frame: Frame, history: &mut History, around: &mut Surroundings) {
        if self.links.get(&node).is_none_or(|link| link.conn != conn) {
            return;
        }
        match frame {
            Frame::Open => {}
            Frame::Close => {
                if let Some(link) = self.links.remove(&node) {
                    around.connections.get_mut(conn).client_closed = true;
                    self.broken(link, history, around);
                }
            }
            Frame::Envelope(envelope) => match ResponseEnvelope::decode(&envelope) {
                Ok(answer) => self.answer(node, answer, history, around),
                Err(error) => around.broken("CLIENT-CODEC", format!("node {node} answers nonsense: {error}")),
            },
        }
    }

    fn answer(&mut self, node: usize, answer: ResponseEnvelope, history: &mut History, around: &mut Surroundings) {
        if matches!(answer.response, Response::Event(_)) {
            return;
        }
        let Some(link) = self.links.get_mut(&node) else { return };
        match link.answered(answer.stream) {
            None => {
                let (stream, response) = (answer.stream, answer.response);
                around.broken("CLIENT-CODEC", format!("node {node} answers on stream {stream}: {response:?}"));
            }
            Some(Waiter::Orphan) => {}
            Some(Waiter::Startup) => match answer.response {
                Response::Ready => {
                    link.ready = true;
                    for lane in std::mem::take(&mut link.waiting) {
                        self.attempt(lane, history, around);
                    }
                }
                _ => self.hang_up(node, history, around),
            },
            Some(Waiter::Prepare { lane, text }) => match answer.response {
                Response::Result(QueryResult::Prepared(prepared)) => {
                    let PreparedId { id, result_metadata_id } =
                        PreparedId { id: prepared.id, result_metadata_id: prepared.result_metadata_id };
                    self.prepared.insert(text, PreparedId { id, result_metadata_id });
                    self.attempt(lane, history, around);
                }
                Response::Error(error) => self.error(lane, error, true, history, around),
                other => around.broken("CLIENT-CODEC", format!("PREPARE is answered with {other:?}")),
            },
            Some(Waiter::Call { lane }) => match answer.response {
                Response::Error(error) => self.error(lane, error, false, history, around),
                Response::Result(result) => self.result(lane, result, history, around),
                other => around.broken("CLIENT-CODEC", format!("a request is answered with {other:?}")),
            },
        }
    }

    /// The server says that something did not work.
    fn error(
        &mut self,
        lane: usize,
        error: CqlError,
        preparing: bool,
        history: &mut History,
        around: &mut Surroundings,
    ) {
        let now = around.now();
        let Some(running) = self.running(lane) else { return };
        let is_definition = running.entry.is_none();
        let writes = running.call.writes && !preparing;
        if let Some(entry) = running.entry {
            let limit = running.attempts + 1;
            history.entries[entry].attempts = limit;
        }
        if now >= running.deadline && !is_definition {
            return self.give_up(lane, history, around);
        }
        match error {
            CqlError::Unprepared { ref id, .. } => {
                around.marks.hit("sim: a statement was prepared again");
                self.prepared.retain(|_, prepared| prepared.id != *id);
                self.attempt(lane, history, around);
            }
            CqlError::Unavailable { .. } | CqlError::Overloaded(_) | CqlError::Bootstrapping(_) => {
                self.try_again(lane, error.to_string(), history, around);
            }
            CqlError::ReadTimeout { .. } | CqlError::ReadFailure { .. } if !writes => {
                self.try_again(lane, error.to_string(), history, around);
            }
            _ if is_definition => self.try_again(lane, error.to_string(), history, around),
            _ if error.outcome_is_unknown() && writes => {
                self.end(lane, Outcome::Unknown(error.to_string()), history, around);
            }
            _ if error.outcome_is_unknown() => self.try_again(lane, error.to_string(), history, around),
            _ => self.end(lane, Outcome::Refused(format!("{}: {error}", error.name())), history, around),
        }
    }

    /// The server says that it worked.
    fn result(&mut self, lane: usize, result: QueryResult, history: &mut History, around: &mut Surroundings) {
        let now = around.now();
        let Some(running) = self.running(lane) else { return };
        let rows = match result {
            QueryResult::Rows(rows) => Some(rows),
            QueryResult::Prepared(_) => {
                return around.broken("CLIENT-CODEC", "a request is answered with PREPARED".to_owned());
            }
            QueryResult::Void | QueryResult::SetKeyspace(_) | QueryResult::SchemaChange(_) => None,
        };
        let Some(operation) = running.operation.clone() else {
            return self.end(lane, Outcome::Ok(Seen::Nothing), history, around);
        };
        let paged =
            matches!(operation, Operation::Scan { .. } | Operation::ScanAll { .. } | Operation::BatchRead { .. });
        let is_statement = matches!(operation, Operation::Statement { .. });
        let seen = match rows.as_ref() {
            rows if paged => page(running, rows, now),
            Some(rows) if is_statement => {
                running.rows.extend(
                    rows.iter().map(|row| row.iter().map(|cell| cell.as_deref().map(<[u8]>::to_vec)).collect()),
                );
                running.page_node = Some(running.node);
                Ok(Seen::Answer(Answer::Rows(running.rows.clone())))
            }
            None if is_statement => Ok(Seen::Answer(Answer::Done)),
            rows => statement::seen(&operation, rows),
        };
        match seen {
            Err(bad) => around.broken("CLIENT-CODEC", format!("{operation:?}: {bad}")),
            Ok(seen) => {
                let paging_state = rows.and_then(|rows| rows.paging_state);
                if (paged || is_statement) && paging_state.is_some() {
                    running.paging_state = paging_state;
                    self.turn += 1;
                    around.marks.hit("sim: a scan took several pages");
                    // The next page is asked from whoever is next: paging states survive other nodes.
                    self.choose_node(lane, false);
                    return self.attempt(lane, history, around);
                }
                self.end(lane, Outcome::Ok(seen), history, around);
            }
        }
    }

    /// An operation has come to its end.
    fn end(&mut self, lane: usize, outcome: Outcome, history: &mut History, around: &mut Surroundings) {
        let now = around.now();
        let state = &mut self.lanes[lane];
        let State::Running(running) = std::mem::replace(&mut state.state, State::Pausing) else { return };
        if let Some(number) = running.entry {
            let entry = &mut history.entries[number];
            remember(&mut state.last_seen, entry, &outcome);
            if matches!(outcome, Outcome::Unknown(_)) {
                around.marks.hit("sim: an operation ended unknown");
                state.process = history.new_process();
            }
            let entry = &mut history.entries[number];
            (entry.complete, entry.outcome) = (now, outcome);
            around.note(crate::faults::links::CLIENT_PLACES, Kind::Client, || format!("{}", history.entries[number]));
            around.mix(number as u64);
        }
        self.pause(lane, around);
    }
}

/// What a conditional write expects: what its lane saw last.
fn expected(operation: &Operation, last_seen: &BTreeMap<u32, Option<u32>>) -> Option<u32> {
    match operation {
        Operation::CasUpdate { key, .. } | Operation::CasDelete { key } => last_seen.get(key).copied().flatten(),
        _ => None,
    }
}

/// What a lane has learnt of a conditional register.
fn remember(last_seen: &mut BTreeMap<u32, Option<u32>>, entry: &Entry, outcome: &Outcome) {
    let (key, written) = match entry.operation {
        Operation::CasInsert { key, value } | Operation::CasUpdate { key, value } => (key, Some(value)),
        Operation::CasDelete { key } | Operation::CasRead { key } => (key, None),
        _ => return,
    };
    match outcome {
        Outcome::Ok(Seen::Applied { applied: true, .. }) => last_seen.insert(key, written),
        Outcome::Ok(Seen::Applied { applied: false, instead: Some(instead) }) => last_seen.insert(key, *instead),
        Outcome::Ok(Seen::Value(value, _)) => last_seen.insert(key, *value),
        _ => None,
    };
}

/// A page has come.
fn page(running: &mut Running, rows: Option<&Rows>, now: Time) -> Result<Seen, statement::BadAnswer> {
    let rows = rows.map_or(Ok(Vec::new()), statement::rows)?;
    running.page_node = Some(running.node);
    running.pages.push(Page { invoke: running.page_invoke, complete: now, rows });
    Ok(Seen::Pages(running.pages.clone()))
}

/// A text that must be prepared first.
fn unprepared_text(call: &Call, known: &BTreeMap<String, PreparedId>) -> Option<String> {
    let missing = |statement: &&Statement| !known.contains_key(&statement.text);
    match &call.form {
        Form::Simple(_) => None,
        Form::Prepared(statement) => Some(statement).filter(missing).map(|statement| statement.text.clone()),
        Form::Batch(_, statements) => statements.iter().find(missing).map(|statement| statement.text.clone()),
    }
}

/// The request of an operation for which everything is prepared.
fn request(running: &Running, known: &BTreeMap<String, PreparedId>) -> Request {
    let call = &running.call;
    let parameters = |statement: &Statement| QueryParameters {
        values: statement.values.clone(),
        page_size: call.page_size,
        paging_state: running.paging_state.clone(),
        serial_consistency: call.serial,
        ..QueryParameters::with_consistency(call.consistency)
    };
    let prepared = |statement: &Statement| known[&statement.text].clone();
    match &call.form {
        Form::Simple(statement) => {
            Request::Query(Query { text: statement.text.clone(), parameters: parameters(statement) })
        }
        Form::Prepared(statement) => {
            let PreparedId { id, result_metadata_id } = prepared(statement);
            Request::Execute(Execute { id, result_metadata_id, parameters: parameters(statement) })
        }
        Form::Batch(kind, statements) => Request::Batch(Batch {
            kind: *kind,
            statements: statements
                .iter()
                .map(|statement| BatchStatement {
                    query: BatchQuery::Prepared(prepared(statement).id),
                    values: statement.values.clone(),
                })
                .collect(),
            consistency: call.consistency,
            serial_consistency: call.serial,
            timestamp: None,
            keyspace: None,
            now_in_seconds: None,
        }),
    }
}
