//! Sessions: what a node knows of each client's connection, and how its requests are taken apart.
//!
//! A request comes in as one envelope and leaves as one reply, now or later. The number of requests under way is bounded, on a
//! connection and on the node; what is more gets OVERLOADED, at once. Replies to connections that are gone vanish.

mod events;
mod prepared;
mod request;
mod startup;
mod statement;
mod trace;

pub(crate) use statement::Options;

use crate::ids::ConnId;
use crate::node::Node;
use crate::statement::{AnswerOptions, SessionFacts};
use crate::time::Monotonic;
use crate::world::World;
use bytes::Bytes;
use prepared::PreparedCache;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use trefoil_cql::protocol::response::{Attachments, CqlError, EventKind, Response};
use trefoil_cql::protocol::version::ProtocolVersion;

/// Nothing comes along with most answers.
static NO_ATTACHMENTS: Attachments = Attachments::NONE;

/// All clients of a node.
#[derive(Debug, Default)]
pub struct Sessions {
    sessions: BTreeMap<ConnId, Session>,
    prepared: PreparedCache,
    /// What system tables show of the sessions; made anew only when one changes, for requests must not pay for it.
    facts: Vec<SessionFacts>,
    /// Requests under way on this node.
    in_flight: u32,
    /// Those whose clients want to know what happens.
    traces: trace::Traces,
    /// Requests counted since the node started, for metrics.
    pub(crate) counters: Counters,
}

/// Counts of what clients asked and got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests taken.
    pub requests: u64,
    /// Reads answered with rows.
    pub reads: u64,
    /// Writes acknowledged.
    pub writes: u64,
    /// Errors answered.
    pub errors: u64,
    /// Requests refused because too many were under way.
    pub overloaded: u64,
    /// Requests that reached their deadline.
    pub timeouts: u64,
}

/// One client's connection.
#[derive(Debug)]
struct Session {
    remote: SocketAddr,
    version: Option<ProtocolVersion>,
    /// STARTUP was answered with READY.
    ready: bool,
    keyspace: Option<String>,
    /// It was told that names without a keyspace depend on USE.
    warned_of_use: bool,
    events: BTreeSet<EventKind>,
    driver: (Option<String>, Option<String>),
    in_flight: u32,
    requests: u64,
}

/// Who waits for an answer, and in which form.
#[derive(Clone, Debug)]
pub struct Client {
    /// The connection.
    pub conn: ConnId,
    /// The stream of the request.
    pub stream: i16,
    /// The version of the request.
    pub version: ProtocolVersion,
    /// The whole request: if its plan turns out to be stale it is taken apart again.
    pub envelope: Bytes,
    /// When the client is told that it takes too long.
    pub deadline: Monotonic,
    /// The client knows the columns.
    pub skip_metadata: bool,
    /// The id of the columns it knows.
    pub known_columns: Option<Bytes>,
    /// What comes along with the answer.
    pub attachments: Option<Box<Attachments>>,
}

impl Client {
    /// How the client wants its answer.
    #[must_use]
    pub fn options(&self) -> AnswerOptions<'_> {
        AnswerOptions {
            version: self.version,
            stream: self.stream,
            attachments: self.attachments.as_deref().unwrap_or(&NO_ATTACHMENTS),
            skip_metadata: self.skip_metadata,
            known_columns: self.known_columns.as_deref(),
        }
    }
}

impl Sessions {
    /// A client connected.
    pub(crate) fn connected(&mut self, conn: ConnId, remote: SocketAddr) {
        let session = Session {
            remote,
            version: None,
            ready: false,
            keyspace: None,
            warned_of_use: false,
            events: BTreeSet::new(),
            driver: (None, None),
            in_flight: 0,
            requests: 0,
        };
        self.sessions.insert(conn, session);
        self.refresh_facts();
    }

    /// Change what is known of a session.
    fn change(&mut self, conn: ConnId, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            change(session);
            self.refresh_facts();
        }
    }

    fn refresh_facts(&mut self) {
        let facts = |session: &Session| SessionFacts {
            remote: session.remote,
            protocol_version: session.version.map_or(0, ProtocolVersion::number),
            driver_name: session.driver.0.clone(),
            driver_version: session.driver.1.clone(),
            keyspace: session.keyspace.clone(),
            requests: session.requests,
        };
        self.facts = self.sessions.values().map(facts).collect();
    }

    fn facts(&self) -> &[SessionFacts] {
        &self.facts
    }

    /// A client is gone. What it asked for goes on; nobody is told.
    pub(crate) fn disconnected(&mut self, conn: ConnId) {
        if let Some(session) = self.sessions.remove(&conn) {
            self.in_flight = self.in_flight.saturating_sub(session.in_flight);
            self.refresh_facts();
        }
    }

    /// Connections.
    pub(crate) fn count(&self) -> usize {
        self.sessions.len()
    }

    /// Requests under way.
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight
    }
}

impl Node {
    /// The answer to a request.
    pub(crate) fn reply<W: World>(&mut self, client: &Client, envelope: Bytes, world: &mut W) {
        if let Some(session) = self.sessions.sessions.get_mut(&client.conn) {
            session.in_flight = session.in_flight.saturating_sub(1);
            self.sessions.in_flight = self.sessions.in_flight.saturating_sub(1);
            world.reply(client.conn, envelope);
        }
        self.trace_end(client, world);
    }

    /// The answer to a request is an error.
    pub(crate) fn reply_error<W: World>(&mut self, client: &Client, error: CqlError, world: &mut W) {
        self.sessions.counters.errors += 1;
        let attachments = client.attachments.as_deref().unwrap_or(&NO_ATTACHMENTS);
        let envelope = Response::Error(error).encode_with(client.version, client.stream, attachments);
        self.reply(client, envelope, world);
    }
}
