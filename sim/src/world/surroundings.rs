//! What all nodes of a run share: the queue, the network, the connections, and everything that watches. A step borrows it
//! together with the body of one node.

use super::connections::{Connections, Frame};
use super::disk::Store;
use super::network::Network;
use super::queue::{Queue, Time};
use crate::faults::links::client_place;
use crate::hash::StateHash;
use crate::marks::Marks;
use crate::oracle::{Violation, Watch};
use crate::record::{Kind, Line, Record, brief};
use std::hash::{Hash, Hasher};
use trefoil_core::bugs::PlantedBug;
use trefoil_core::ids::ConnId;
use trefoil_core::message::Message;

/// What is in the queue.
#[derive(Debug)]
pub enum Event {
    /// A message arrives.
    Message {
        /// The receiver's place.
        to: u8,
        /// The sender's place.
        from: u8,
        /// The sender's life when it was sent.
        life: u32,
        /// What it says.
        message: Message,
    },
    /// A node that was busy takes its inbox.
    Work {
        /// Its place.
        node: u8,
        /// Its life; another one has other events.
        life: u32,
    },
    /// The time a node asked for has perhaps come.
    Wake {
        /// Its place.
        node: u8,
        /// Its life.
        life: u32,
    },
    /// A sync ends.
    Synced {
        /// The node's place.
        node: u8,
        /// Its life.
        life: u32,
        /// Which store.
        store: Store,
    },
    /// Frames to a node are due on a connection.
    ToNode(ConnId),
    /// Frames to a client are due.
    ToClient(ConnId),
    /// A client asked for this.
    Timer {
        /// The client's number.
        client: u16,
        /// Its lane.
        lane: u16,
        /// Which of the lane's timers; a lane ignores all but its latest.
        sequence: u32,
    },
    /// Something goes wrong, or right again.
    Action(u32),
    /// A node that was to die in the middle of a step has had its time.
    FuseEnd {
        /// Its place.
        node: u8,
        /// Its life.
        life: u32,
    },
    /// Look whether the cluster has converged.
    Probe,
}

/// Everything but the nodes.
#[derive(Debug)]
pub struct Surroundings {
    /// What will happen.
    pub queue: Queue<Event>,
    /// Links.
    pub network: Network,
    /// Client connections.
    pub connections: Connections,
    /// The zone of each client.
    pub client_zones: Vec<u8>,
    /// Mistakes switched on.
    pub bugs: Vec<PlantedBug>,
    /// Whether fault points in the code fire.
    pub buggify: bool,
    /// Seed of which fault points are active.
    pub seed: u64,
    /// Whether messages go through their encoding.
    pub encode_messages: bool,
    /// Rolling, over all inputs and effects.
    pub hash: StateHash,
    /// Rare situations that came about.
    pub marks: Marks,
    /// The oracles.
    pub watch: Watch,
    /// The first broken promise; the run ends with it.
    pub violation: Option<Violation>,
    /// Kept only when somebody will look at it.
    pub record: Option<Record>,
}

impl Surroundings {
    /// True time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.queue.now()
    }

    /// A promise is broken. The first one counts.
    pub fn broken(&mut self, promise: &'static str, text: String) {
        let at = self.now();
        self.note(0, Kind::Fault, || format!("{promise} broken: {text}"));
        self.violation.get_or_insert(Violation { promise, at, text, operations: Vec::new() });
    }

    /// Keep a line of the record, if there is one.
    #[inline]
    pub fn note(&mut self, place: usize, kind: Kind, text: impl FnOnce() -> String) {
        if self.record.is_some() {
            self.note_arrow(place, kind, None, text);
        }
    }

    #[cold]
    fn note_arrow(&mut self, place: usize, kind: Kind, arrow: Option<(usize, Time)>, text: impl FnOnce() -> String) {
        let at = self.queue.now();
        if let Some(record) = &mut self.record {
            record.push(Line { at, place, kind, arrow, text: brief(&text(), 4000) });
        }
    }

    /// A node sends to another.
    #[inline]
    pub fn send(&mut self, from: usize, life: u32, to: usize, message: Message) {
        (from as u8, to as u8).hash(&mut self.hash);
        message.hash(&mut self.hash);
        let message = if self.encode_messages { self.encoded(message) } else { message };
        let [first, second] = self.network.send(self.queue.now(), from, to);
        if self.record.is_some() {
            let arrow = first.map(|arrival| (to, arrival));
            let fate = if first.is_none() { " (lost)" } else { "" };
            self.note_arrow(from, Kind::Send, arrow, || format!("to {to}{fate}: {:?}", message.body));
        }
        let (to, from) = (to as u8, from as u8);
        if let Some(again) = second {
            self.marks.hit("sim: a message was doubled");
            self.queue.push(again, Event::Message { to, from, life, message: message.clone() });
        }
        if let Some(arrival) = first {
            self.queue.push(arrival, Event::Message { to, from, life, message });
        }
    }

    /// As it comes out at the other end of a real connection.
    fn encoded(&mut self, message: Message) -> Message {
        let encoded = postcard::to_stdvec(&message);
        match encoded.and_then(|bytes| postcard::from_bytes::<Message>(&bytes)) {
            Ok(decoded) if decoded == message => decoded,
            Ok(_) => {
                self.broken("PEER-CODEC", format!("a message does not survive its encoding: {message:?}"));
                message
            }
            Err(error) => {
                self.broken("PEER-CODEC", format!("a message has no encoding ({error}): {message:?}"));
                message
            }
        }
    }

    /// Send a frame from a client to its node.
    pub fn frame_to_node(&mut self, conn: ConnId, frame: Frame) {
        let connection = self.connections.get_mut(conn);
        let from = client_place(self.client_zones[connection.client]);
        let arrival = self.queue.now().plus(self.network.latency_ns(from, connection.node));
        if let Some(due) = connection.to_node.send(arrival, frame) {
            self.queue.push(due, Event::ToNode(conn));
        }
    }

    /// Send a frame from a node to its client.
    pub fn frame_to_client(&mut self, conn: ConnId, frame: Frame) {
        let connection = self.connections.get_mut(conn);
        let to = client_place(self.client_zones[connection.client]);
        let arrival = self.queue.now().plus(self.network.latency_ns(connection.node, to));
        if let Some(due) = connection.to_client.send(arrival, frame) {
            self.queue.push(due, Event::ToClient(conn));
        }
    }

    /// Mix a number into the state hash.
    #[inline]
    pub fn mix(&mut self, value: u64) {
        self.hash.write_u64(value);
    }
}
