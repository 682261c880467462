//! Tracing: the story of a request whose client asked for it. While the request is under way the story is kept here; when it is
//! answered it is written to `system_traces`, into rows like any others, which expire after a day, so every node can show it.
//! A request that is not traced pays no more than a look at an empty map. A trace is a courtesy: it is lost with its node.

use super::Client;
use crate::ids::ConnId;
use crate::node::Node;
use crate::session::Options;
use crate::statement::{TraceEvent, TraceRecord, trace_id, trace_plan};
use crate::time::{HybridTime, Monotonic};
use crate::world::World;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use trefoil_cql::protocol::consistency::Consistency;
use trefoil_cql::protocol::request::{Batch, BatchQuery, QueryParameters, Request};
use trefoil_cql::protocol::response::Attachments;

/// Nobody's connection: what is answered there vanishes.
const NOBODY: ConnId = ConnId(u64::MAX);
/// More is not told of one request: a scan of a large table asks for many parts.
const EVENTS_MAX: usize = 200;
/// Texts are cut to this many characters.
const TEXT_CHARACTERS: usize = 1_000;

/// Stories of requests under way, by their ids.
pub(super) type Traces = BTreeMap<[u8; 16], Trace>;

/// What is known so far.
#[derive(Debug)]
pub(super) struct Trace {
    began: Monotonic,
    started: HybridTime,
    client: IpAddr,
    request: &'static str,
    parameters: Vec<(String, String)>,
    events: Vec<(Monotonic, String)>,
}

impl Client {
    fn tracing_id(&self) -> Option<[u8; 16]> {
        self.attachments.as_ref()?.tracing_id
    }
}

impl Node {
    /// The client asked for the story of this request.
    pub(super) fn trace_begin<W: World>(&mut self, client: &mut Client, request: &Request, world: &mut W) {
        let Some((title, parameters)) = describe(request) else { return };
        let id = trace_id(self.hybrid_now(), world.rng());
        let remote = self.sessions.sessions.get(&client.conn).map(|session| session.remote.ip());
        let trace = Trace {
            began: self.now,
            started: self.hybrid_now(),
            client: remote.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            request: title,
            parameters,
            events: Vec::new(),
        };
        self.sessions.traces.insert(id, trace);
        client.attachments = Some(Box::new(Attachments { tracing_id: Some(id), ..Attachments::NONE }));
    }

    /// Something happened to a request.
    pub(crate) fn trace(&mut self, client: &Client, event: impl FnOnce() -> String) {
        if !self.sessions.traces.is_empty() {
            self.trace_by_id(client.tracing_id(), event);
        }
    }

    /// Something happened to an operation.
    pub(crate) fn trace_operation(&mut self, sequence: u64, event: impl FnOnce() -> String) {
        if !self.sessions.traces.is_empty() {
            self.trace_by_id(self.operations.client(sequence).and_then(Client::tracing_id), event);
        }
    }

    fn trace_by_id(&mut self, id: Option<[u8; 16]>, event: impl FnOnce() -> String) {
        let trace = id.and_then(|id| self.sessions.traces.get_mut(&id));
        if let Some(trace) = trace.filter(|trace| trace.events.len() < EVENTS_MAX) {
            trace.events.push((self.now, cut(event())));
        }
    }

    /// The request is answered: its story is written down.
    pub(super) fn trace_end<W: World>(&mut self, client: &Client, world: &mut W) {
        if self.sessions.traces.is_empty() {
            return;
        }
        let Some((id, trace)) = client.tracing_id().and_then(|id| Some((id, self.sessions.traces.remove(&id)?))) else {
            return;
        };
        let Some(here) = self.config.layout.node(self.config.node).map(|info| info.cql_address) else { return };
        let micros = |at: Monotonic| i32::try_from(at.since(trace.began).as_micros()).unwrap_or(i32::MAX);
        let events = trace.events.into_iter();
        let record = TraceRecord {
            id,
            started: trace.started,
            duration: micros(self.now),
            client: trace.client,
            coordinator: here,
            request: trace.request,
            parameters: trace.parameters,
            events: events.map(|(at, activity)| TraceEvent { elapsed: micros(at), activity }).collect(),
        };
        let Some(plan) = trace_plan(&record) else { return };
        let nobody = Client {
            conn: NOBODY,
            stream: 0,
            version: client.version,
            envelope: Bytes::new(),
            deadline: self.now.plus(self.config.tuning.request_timeout),
            skip_metadata: false,
            known_columns: None,
            attachments: None,
        };
        self.start_write(nobody, plan, Options::new(Consistency::LocalQuorum, None), world);
    }
}

/// What Cassandra calls a request, and what it is asked with; `None`: it is not traced.
fn describe(request: &Request) -> Option<(&'static str, Vec<(String, String)>)> {
    Some(match request {
        Request::Query(query) => {
            let mut parameters = parameters(&query.parameters);
            parameters.push(("query".to_owned(), cut(query.text.to_string())));
            ("Execute CQL3 query", parameters)
        }
        Request::Execute(execute) => ("Execute CQL3 prepared query", parameters(&execute.parameters)),
        Request::Batch(batch) => ("Execute batch of CQL3 queries", batch_parameters(batch)),
        Request::Prepare(prepare) => {
            ("Preparing CQL3 query", vec![("query".to_owned(), cut(prepare.text.to_string()))])
        }
        _ => return None,
    })
}

fn parameters(given: &QueryParameters) -> Vec<(String, String)> {
    let mut parameters = vec![("consistency_level".to_owned(), given.consistency.to_string())];
    if let Some(size) = given.page_size {
        parameters.push(("page_size".to_owned(), size.to_string()));
    }
    if let Some(serial) = given.serial_consistency {
        parameters.push(("serial_consistency_level".to_owned(), serial.to_string()));
    }
    parameters
}

fn batch_parameters(batch: &Batch) -> Vec<(String, String)> {
    let mut parameters = vec![("consistency_level".to_owned(), batch.consistency.to_string())];
    for (index, statement) in batch.statements.iter().enumerate().take(10) {
        if let BatchQuery::Text(text) = &statement.query {
            parameters.push((format!("batch[{index}]"), cut(text.to_string())));
        }
    }
    parameters
}

fn cut(text: String) -> String {
    match text.char_indices().nth(TEXT_CHARACTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
