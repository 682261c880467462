//! One connection of a client: its handshake, the streams in use.

use crate::world::connections::Frame;
use crate::world::surroundings::Surroundings;
use bytes::Bytes;
use std::collections::BTreeMap;
use trefoil_core::ids::ConnId;
use trefoil_cql::protocol::request::Startup;
use trefoil_cql::protocol::{Compression, ProtocolVersion, Request};

/// Streams of a connection: as many as a byte of a version 2 client had; few, so that numbers come round.
const STREAMS: i16 = 128;

/// Who waits for the answer on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Waiter {
    /// The handshake.
    Startup,
    /// A lane wants this text prepared.
    Prepare {
        /// The lane.
        lane: usize,
        /// What is prepared.
        text: String,
    },
    /// A lane's request.
    Call {
        /// The lane.
        lane: usize,
    },
    /// Nobody any more.
    Orphan,
}

/// What PREPARED said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PreparedId {
    pub id: Bytes,
    pub result_metadata_id: Bytes,
}

/// A connection, as its client sees it.
#[derive(Debug)]
pub(super) struct Link {
    pub conn: ConnId,
    pub ready: bool,
    version: ProtocolVersion,
    /// Lanes that wait for the handshake.
    pub waiting: Vec<usize>,
    waiters: BTreeMap<i16, Waiter>,
    next_stream: i16,
}

impl Link {
    /// Connect and say hello.
    pub fn open(client: usize, node: usize, version: ProtocolVersion, around: &mut Surroundings) -> Link {
        let conn = around.connections.open(client, node);
        around.frame_to_node(conn, Frame::Open);
        let mut link =
            Link { conn, ready: false, version, waiting: Vec::new(), waiters: BTreeMap::new(), next_stream: 0 };
        link.send(Waiter::Startup, &Request::Startup(Startup::new(Compression::None)), around);
        link
    }

    /// Send a request; false when all streams are taken.
    pub fn send(&mut self, waiter: Waiter, request: &Request, around: &mut Surroundings) -> bool {
        if self.waiters.len() >= STREAMS as usize {
            return false;
        }
        while self.waiters.contains_key(&self.next_stream) {
            self.next_stream = (self.next_stream + 1) % STREAMS;
        }
        let stream = self.next_stream;
        self.next_stream = (self.next_stream + 1) % STREAMS;
        self.waiters.insert(stream, waiter);
        around.frame_to_node(self.conn, Frame::Envelope(request.encode(self.version, stream)));
        true
    }

    /// Who waits for an answer on this stream; the stream is free again.
    pub fn answered(&mut self, stream: i16) -> Option<Waiter> {
        self.waiters.remove(&stream)
    }

    /// A lane does not wait any more. What it sent may still be answered.
    pub fn abandon(&mut self, lane: usize) {
        self.waiting.retain(|waiting| *waiting != lane);
        for waiter in self.waiters.values_mut() {
            match waiter {
                Waiter::Prepare { lane: waiting, .. } | Waiter::Call { lane: waiting } if *waiting == lane => {
                    *waiter = Waiter::Orphan;
                }
                _ => {}
            }
        }
    }

    /// Lanes that are hurt when the connection breaks, and whether their request was on its way.
    pub fn victims(&self) -> Vec<(usize, bool)> {
        let waiting = self.waiting.iter().map(|lane| (*lane, false));
        let streams = self.waiters.values().filter_map(|waiter| match waiter {
            Waiter::Prepare { lane, .. } => Some((*lane, false)),
            Waiter::Call { lane } => Some((*lane, true)),
            Waiter::Startup | Waiter::Orphan => None,
        });
        waiting.chain(streams).collect()
    }
}
