//! One request: decoded, admitted or refused, and handed on by kind.

use super::Client;
use crate::ids::ConnId;
use crate::node::Node;
use crate::world::World;
use bytes::Bytes;
use trefoil_cql::protocol::request::{Request, RequestEnvelope};
use trefoil_cql::protocol::response::{CqlError, Response};

impl Node {
    /// A client sent a request.
    pub(crate) fn request<W: World>(&mut self, conn: ConnId, envelope: Bytes, world: &mut W) {
        let Some(session) = self.sessions.sessions.get_mut(&conn) else { return };
        session.requests += 1;
        self.sessions.counters.requests += 1;
        let decoded = match RequestEnvelope::decode(&envelope) {
            Ok(decoded) => decoded,
            Err(error) => {
                // The shell has checked the header; the body is what cannot be read. Only this stream suffers.
                self.sessions.counters.errors += 1;
                let response = Response::Error(error.to_cql_error());
                world.reply(conn, response.encode(error.version(), error.stream()));
                if error.is_fatal() {
                    world.close(conn);
                }
                return;
            }
        };
        let tuning = &self.config.tuning;
        let full =
            session.in_flight >= tuning.requests_per_connection || self.sessions.in_flight >= tuning.requests_per_node;
        session.version.get_or_insert(decoded.version);
        session.in_flight += 1;
        self.sessions.in_flight += 1;
        let mut client = Client {
            conn,
            stream: decoded.stream,
            version: decoded.version,
            envelope,
            deadline: self.now.plus(tuning.request_timeout),
            skip_metadata: false,
            known_columns: None,
            attachments: None,
        };
        if full {
            self.sessions.counters.overloaded += 1;
            let error = CqlError::overloaded("Too many requests under way; try again later or on another node");
            return self.reply_error(&client, error, world);
        }
        if decoded.tracing {
            self.trace_begin(&mut client, &decoded.request, world);
        }
        self.dispatch(client, decoded, world);
    }

    /// A request whose plan was stale is taken apart again; its deadline stays.
    pub(crate) fn request_again<W: World>(&mut self, client: Client, world: &mut W) {
        match RequestEnvelope::decode(&client.envelope.clone()) {
            Ok(decoded) => self.dispatch(client, decoded, world),
            Err(error) => self.reply_error(&client, error.to_cql_error(), world),
        }
    }

    fn dispatch<W: World>(&mut self, client: Client, decoded: RequestEnvelope, world: &mut W) {
        let ready = self.sessions.sessions.get(&client.conn).is_some_and(|session| session.ready);
        match decoded.request {
            Request::Options => self.options(&client, world),
            Request::Startup(startup) => self.startup(&client, &startup, world),
            Request::AuthResponse(_) => {
                let error = CqlError::protocol("Unexpected message AUTH_RESPONSE, expecting STARTUP or OPTIONS");
                self.reply_error(&client, error, world);
            }
            _ if !ready => {
                let name = decoded.request.opcode().name();
                let error = CqlError::protocol(format!("Unexpected message {name}, expecting STARTUP or OPTIONS"));
                self.reply_error(&client, error, world);
            }
            Request::Register(register) => self.register(&client, &register, world),
            // Nothing can be planned before the schema is known: soon after a start it will be.
            _ if !self.schema_known() => self.wait_for_schema(client, world),
            Request::Query(query) => self.query(client, &query, world),
            Request::Prepare(prepare) => self.prepare(client, &prepare, world),
            Request::Execute(execute) => self.execute(client, execute, world),
            Request::Batch(batch) => self.batch(client, &batch, world),
        }
    }
}
