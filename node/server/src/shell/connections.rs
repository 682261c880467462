//! The clients of one node, all on the node's thread: what they asked since the last drain, and what they are owed.
//!
//! Ids are (generation, slot), so finding a connection is an index and an id never comes again. A connection that is gone
//! is unknown at once; a late reply to it is dropped here. Requests that have no reply yet are bounded by their bytes: beyond that
//! nothing more is read, so that a client that asks too much waits instead of being refused. How many bytes of replies wait is the
//! business of `connection`.

use super::clock::NodeClock;
use super::inbox::Inbox;
use super::request_stats::{RequestStats, Started};
use bytes::Bytes;
use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;
use trefoil_core::ids::ConnId;
use trefoil_core::world::Input;

/// Requests that may wait for the node's next drain before connections stop reading.
const INPUTS_MAX: usize = 16_384;

/// Bytes of requests under way before nothing more is read from anybody. Raft refuses what one shard has not committed above that.
const BYTES_IN_FLIGHT_PAUSE: usize = 64 << 20;

/// What a request under way takes beyond its own bytes, roughly.
const REQUEST_OVERHEAD_BYTES: usize = 512;

/// Bytes that one read takes at most.
pub(super) const READ_BYTES: usize = 64 << 10;

/// What the node and a connection's task share.
#[derive(Default)]
pub(super) struct Line {
    /// What the node replied and the task has not taken.
    pub(super) replies: Vec<Bytes>,
    /// How many of these are counted.
    counted: usize,
    /// The node wants it closed after what was replied.
    pub(super) close: bool,
    /// Whether `flush` has to look at this line.
    touched: bool,
    /// Wakes the task.
    pub(super) waker: Option<Waker>,
    in_flight: HashMap<i16, UnderWay>,
    /// Bytes of these.
    bytes_in_flight: usize,
}

/// A request without a reply.
struct UnderWay {
    started: Started,
    bytes: usize,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    line: Option<Line>,
}

/// The clients of one node.
pub struct Connections {
    slots: RefCell<Vec<Slot>>,
    free: RefCell<Vec<u32>>,
    inputs: RefCell<Vec<Input>>,
    /// Connections that wait for the next drain.
    paused: RefCell<Vec<Waker>>,
    touched: RefCell<Vec<ConnId>>,
    stats: RefCell<RequestStats>,
    open: Cell<usize>,
    accepted: Cell<u64>,
    /// Bytes of requests under way.
    bytes_in_flight: Cell<usize>,
    /// Connections that wait until these are fewer.
    held_back: RefCell<Vec<Waker>>,
    inbox: Arc<Inbox>,
    /// Whether the node was told of inputs since the last drain.
    nudged: Cell<bool>,
    clock: NodeClock,
    /// Where connections read into before they know how much there is; one for all of them.
    pub(super) scratch: RefCell<Box<[u8]>>,
}

fn slot_of(conn: ConnId) -> (usize, u32) {
    ((conn.0 & 0xffff_ffff) as usize, (conn.0 >> 32) as u32)
}

impl Connections {
    /// No connections yet; the inbox's bell is rung when there is something to drain.
    #[must_use]
    pub fn new(inbox: Arc<Inbox>, clock: NodeClock) -> Connections {
        Connections {
            slots: RefCell::default(),
            free: RefCell::default(),
            inputs: RefCell::default(),
            paused: RefCell::default(),
            touched: RefCell::default(),
            stats: RefCell::default(),
            open: Cell::new(0),
            accepted: Cell::new(0),
            bytes_in_flight: Cell::new(0),
            held_back: RefCell::default(),
            inbox,
            nudged: Cell::new(false),
            clock,
            scratch: RefCell::new(vec![0; READ_BYTES].into_boxed_slice()),
        }
    }

    /// Put something for the node's next drain.
    pub(super) fn put(&self, input: Input) {
        self.inputs.borrow_mut().push(input);
        if !self.nudged.replace(true) {
            self.inbox.nudge();
        }
    }

    /// A client is there.
    pub(super) fn add(&self, remote: SocketAddr) -> ConnId {
        let mut slots = self.slots.borrow_mut();
        let place = self.free.borrow_mut().pop().unwrap_or_else(|| {
            slots.push(Slot { generation: 1, line: None });
            u32::try_from(slots.len() - 1).expect("connections are limited")
        });
        let slot = &mut slots[place as usize];
        slot.line = Some(Line::default());
        let conn = ConnId(u64::from(slot.generation) << 32 | u64::from(place));
        self.open.set(self.open.get() + 1);
        self.accepted.set(self.accepted.get() + 1);
        drop(slots);
        self.put(Input::Connected { conn, remote });
        conn
    }

    /// A client is gone.
    pub(super) fn remove(&self, conn: ConnId) {
        let (place, generation) = slot_of(conn);
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(place).filter(|slot| slot.generation == generation) else { return };
        if let Some(line) = slot.line.take() {
            self.bytes_in_flight.set(self.bytes_in_flight.get() - line.bytes_in_flight);
            slot.generation = slot.generation.wrapping_add(1);
            if slot.generation != 0 {
                // A slot whose generations are used up is not used again.
                self.free.borrow_mut().push(place as u32);
            }
            self.open.set(self.open.get() - 1);
            drop(slots);
            self.let_go_on();
            self.put(Input::Disconnected { conn });
        }
    }

    /// A client's line; `None` when it is gone.
    pub(super) fn line(&self, conn: ConnId) -> Option<RefMut<'_, Line>> {
        let (place, generation) = slot_of(conn);
        RefMut::filter_map(self.slots.borrow_mut(), |slots| {
            slots.get_mut(place).filter(|slot| slot.generation == generation)?.line.as_mut()
        })
        .ok()
    }

    /// A client asks.
    pub(super) fn request(&self, conn: ConnId, envelope: Bytes, nanos: u64) {
        if let Some(mut line) = self.line(conn) {
            let bytes = envelope.len() + REQUEST_OVERHEAD_BYTES;
            let request = UnderWay { started: Started::now(&envelope, nanos), bytes };
            // A client that uses a stream twice is not counted twice.
            let replaced = line.in_flight.insert(stream_of(&envelope), request).map_or(0, |request| request.bytes);
            line.bytes_in_flight = line.bytes_in_flight + bytes - replaced;
            self.bytes_in_flight.set(self.bytes_in_flight.get() + bytes - replaced);
        }
        self.put(Input::Request { conn, envelope });
    }

    /// Monotonic time now, for latencies.
    pub(super) fn nanos(&self) -> u64 {
        self.clock.monotonic().0
    }

    /// Whether the node keeps up; otherwise the waker is woken after its next drain.
    pub(super) fn keeps_up(&self, waker: &Waker) -> bool {
        if self.inputs.borrow().len() < INPUTS_MAX {
            return true;
        }
        self.paused.borrow_mut().push(waker.clone());
        false
    }

    /// Whether a client with so few bytes under way may ask for more; otherwise its waker is woken when that may have changed.
    pub(super) fn has_room(&self, conn: ConnId, in_flight_bytes_pause: usize, waker: &Waker) -> bool {
        if !self.keeps_up(waker) {
            return false;
        }
        if self.bytes_in_flight.get() >= BYTES_IN_FLIGHT_PAUSE {
            self.held_back.borrow_mut().push(waker.clone());
            return false;
        }
        // Each reply wakes it.
        self.line(conn).is_none_or(|line| line.bytes_in_flight < in_flight_bytes_pause)
    }

    /// Wake connections that wait for requests of others to end.
    fn let_go_on(&self) {
        if self.bytes_in_flight.get() < BYTES_IN_FLIGHT_PAUSE {
            self.held_back.borrow_mut().drain(..).for_each(Waker::wake);
        }
    }

    /// Take all that clients asked.
    pub fn drain(&self, inputs: &mut Vec<Input>) {
        self.nudged.set(false);
        inputs.append(&mut self.inputs.borrow_mut());
        for waker in self.paused.borrow_mut().drain(..) {
            waker.wake();
        }
    }

    /// Whether there is something to drain.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.nudged.get()
    }

    /// One whole envelope to a client.
    pub fn reply(&self, conn: ConnId, envelope: Bytes) {
        self.touch(conn, |line| line.replies.push(envelope));
    }

    /// Close a client's connection after what was replied.
    pub fn close(&self, conn: ConnId) {
        self.touch(conn, |line| line.close = true);
    }

    /// Close every connection after what was replied.
    pub(super) fn close_all(&self) {
        for line in self.slots.borrow_mut().iter_mut().filter_map(|slot| slot.line.as_mut()) {
            line.close = true;
            if let Some(waker) = &line.waker {
                waker.wake_by_ref();
            }
        }
    }

    fn touch(&self, conn: ConnId, change: impl FnOnce(&mut Line)) {
        if let Some(mut line) = self.line(conn) {
            change(&mut line);
            if !std::mem::replace(&mut line.touched, true) {
                self.touched.borrow_mut().push(conn);
            }
        }
    }

    /// Let the connections send what they were given since the last flush.
    pub fn flush(&self) {
        let mut touched = self.touched.borrow_mut();
        if touched.is_empty() {
            return;
        }
        let nanos = self.nanos();
        let mut stats = self.stats.borrow_mut();
        for conn in touched.drain(..) {
            let Some(mut line) = self.line(conn) else { continue };
            let line = &mut *line;
            line.touched = false;
            for reply in &line.replies[line.counted..] {
                if let Some(UnderWay { started, bytes }) = line.in_flight.remove(&stream_of(reply)) {
                    line.bytes_in_flight -= bytes;
                    self.bytes_in_flight.set(self.bytes_in_flight.get() - bytes);
                    stats.finished(started, reply, nanos);
                }
            }
            line.counted = line.replies.len();
            if let Some(waker) = &line.waker {
                waker.wake_by_ref();
            }
        }
        self.let_go_on();
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.get()
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.get()
    }

    /// Requests that no reply was given to yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.slots.borrow().iter().filter_map(|slot| slot.line.as_ref()).map(|line| line.in_flight.len()).sum()
    }

    /// Counts and latencies so far.
    #[must_use]
    pub fn stats(&self) -> RequestStats {
        self.stats.borrow().clone()
    }
}

impl Line {
    /// Take the replies, leaving the vector's memory.
    pub(super) fn take_replies(&mut self, into: &mut Vec<Bytes>) {
        self.counted = 0;
        into.append(&mut self.replies);
    }
}

fn stream_of(envelope: &[u8]) -> i16 {
    envelope.get(2..4).map_or(0, |stream| i16::from_be_bytes([stream[0], stream[1]]))
}
