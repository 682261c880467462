//! EVENT: what clients are told that registered for it. A hint, never a promise: what was missed is found by asking.

use crate::membership::liveness::StatusChange as Liveness;
use crate::node::Node;
use crate::world::World;
use trefoil_cql::protocol::response::{Event, EventKind, Response, SchemaChange, StatusChange};

impl Node {
    /// Tell those who registered that the schema changed.
    pub(crate) fn schema_event<W: World>(&mut self, change: &SchemaChange, world: &mut W) {
        self.publish(&Event::Schema(change.clone()), world);
    }

    /// A node came or went.
    pub(crate) fn status_changed<W: World>(&mut self, change: Liveness, world: &mut W) {
        let (node, status) = match change {
            Liveness::Up(node) => (node, StatusChange::Up),
            Liveness::Down(node) => (node, StatusChange::Down),
            Liveness::Restarted(node) => {
                // Whatever it led, it leads no more.
                self.leader_suspected(node, world);
                return self.wake_shards_of(node, world);
            }
        };
        tracing::info!(%node, ?status, "status of a node changed");
        if let Some(info) = self.config.layout.node(node) {
            let event = Event::Status(status, info.cql_address);
            self.publish(&event, world);
        }
        match status {
            StatusChange::Down => self.leader_suspected(node, world),
            StatusChange::Up => self.wake_shards_of(node, world),
        }
    }

    fn publish<W: World>(&mut self, event: &Event, world: &mut W) {
        let kind: EventKind = event.kind();
        for (&conn, session) in &self.sessions.sessions {
            if let Some(version) = session.version.filter(|_| session.events.contains(&kind)) {
                world.reply(conn, Response::Event(event.clone()).encode(version, -1));
            }
        }
    }
}
