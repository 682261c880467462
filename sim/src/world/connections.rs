//! Client connections: TCP as far as it matters. What one side sends arrives in order, stalls while the link is cut (and
//! arrives late, when the sender has long given up), and is answered with a reset when the process it was meant for has died.
//! A machine without power answers nothing.

use super::queue::Time;
use bytes::Bytes;
use std::collections::VecDeque;
use trefoil_core::ids::ConnId;

/// How long a stalled stream waits before it tries again.
pub const RETRANSMIT_NS: u64 = 150_000_000;

/// What travels on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A client opens it; a node accepts it.
    Open,
    /// One whole envelope.
    Envelope(Bytes),
    /// It is closed, or was reset.
    Close,
}

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
pub struct Pipe {
    /// On their way, with the time they arrive at if nothing holds them.
    frames: VecDeque<(Time, Frame)>,
    /// Whether an event that will deliver them is in the queue.
    pub pumping: bool,
    last: Time,
}

impl Pipe {
    /// Send; says when the first frame is due if nobody waits for it yet.
    pub fn send(&mut self, arrival: Time, frame: Frame) -> Option<Time> {
        // In order: nothing overtakes, whatever latency it drew.
        self.last = arrival.max(self.last);
        self.frames.push_back((self.last, frame));
        if self.pumping {
            return None;
        }
        self.pumping = true;
        self.frames.front().map(|(at, _)| *at)
    }

    /// The next frame that is due.
    pub fn take_due(&mut self, now: Time) -> Option<Frame> {
        let due = self.frames.front().is_some_and(|(at, _)| *at <= now);
        if due { self.frames.pop_front().map(|(_, frame)| frame) } else { None }
    }

    /// When the next frame is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        self.frames.front().map(|(at, _)| *at)
    }

    /// Nothing that is on its way will arrive.
    pub fn clear(&mut self) {
        self.frames.clear();
    }
}

/// A connection of a client to one life of a node.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The client's number.
    pub client: usize,
    /// The node's place.
    pub node: usize,
    /// The life of the node that accepted it; 0: not yet.
    pub life: u64,
    /// Requests.
    pub to_node: Pipe,
    /// Answers.
    pub to_client: Pipe,
    /// The node's side is closed.
    pub node_closed: bool,
    /// The client's side is closed.
    pub client_closed: bool,
}

/// All connections of a run. Numbers are never reused.
#[derive(Debug, Default)]
pub struct Connections {
    list: Vec<Connection>,
}

impl Connections {
    /// A new connection of a client to a node.
    pub fn open(&mut self, client: usize, node: usize) -> ConnId {
        self.list.push(Connection {
            client,
            node,
            life: 0,
            to_node: Pipe::default(),
            to_client: Pipe::default(),
            node_closed: false,
            client_closed: false,
        });
        ConnId(self.list.len() as u64 - 1)
    }

    /// One of them.
    #[must_use]
    pub fn get_mut(&mut self, conn: ConnId) -> &mut Connection {
        &mut self.list[conn.0 as usize]
    }

    /// Connections that this life of a node has accepted and that are still open.
    pub fn of_life(&self, node: usize, life: u64) -> Vec<ConnId> {
        let of_life =
            |connection: &Connection| connection.node == node && connection.life == life && !connection.node_closed;
        let all = self.list.iter().enumerate();
        all.filter(|(_, connection)| of_life(connection)).map(|(number, _)| ConnId(number as u64)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_keeps_the_order_and_asks_for_one_delivery() {
        let mut pipe = Pipe::default();
        assert_eq!(pipe.send(Time(50), Frame::Open), Some(Time(50)));
        assert_eq!(pipe.send(Time(20), Frame::Envelope(Bytes::from_static(b"late"))), None);
        assert_eq!(pipe.take_due(Time(30)), None);
        assert_eq!(pipe.take_due(Time(50)), Some(Frame::Open));
        assert_eq!(pipe.take_due(Time(50)), Some(Frame::Envelope(Bytes::from_static(b"late"))));
        assert_eq!(pipe.next_at(), None);
    }
}
