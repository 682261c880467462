//! What reaches a node from other threads: messages of other nodes in this process, completions of its writers,
//! and the operator. Its own clients and remote peers live on its thread and use `Connections` instead.
//!
//! The bell is rung only if nobody has rung it since the last drain, so a busy node costs its senders no system call.
//! Messages are bounded and dropped beyond that (the network may lose them, so may we); completions never are.

use crate::store::Completion;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};
use trefoil_core::ids::NodeId;
use trefoil_core::message::Message;

/// Messages that may wait; a node that is this far behind is as good as cut off.
const MESSAGES_MAX: usize = 65_536;

/// Something from another thread.
#[derive(Debug)]
pub enum Event {
    /// Another node of this process says something.
    Message {
        /// The sender.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// The log's writer finished these, in order.
    LogDone(Vec<Completion>),
    /// The rows' writer finished these, in order.
    RowsDone(Vec<Completion>),
    /// The operator or the process.
    Control(Control),
}

/// What a process asks of its node.
#[derive(Debug)]
pub enum Control {
    /// Hand over leadership, answer what is under way, write what waits, end.
    Shutdown,
    /// End now, as in a crash.
    Kill,
    /// A writer broke: end, and say why.
    Crash(String),
    /// Tell how you are.
    Report(oneshot::Sender<super::NodeReport>),
}

#[derive(Debug, Default)]
struct Waiting {
    events: Vec<Event>,
    messages: usize,
    closed: bool,
    dropped: u64,
}

/// The mailbox of one node.
#[derive(Debug, Default)]
pub struct Inbox {
    waiting: Mutex<Waiting>,
    /// Whether anything came since the last drain.
    rung: AtomicBool,
    bell: Notify,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // No code that can panic runs under this lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.bell.notify_one();
        }
    }

    /// Deliver messages, or drop them when the node is gone or far behind. The vector is left empty, its memory kept.
    pub fn deliver(&self, from: NodeId, messages: &mut Vec<Message>) {
        let mut waiting = self.lock();
        let room = if waiting.closed { 0 } else { MESSAGES_MAX - waiting.messages.min(MESSAGES_MAX) };
        let lost = messages.len().saturating_sub(room);
        waiting.dropped += lost as u64;
        waiting.messages += messages.len() - lost;
        waiting.events.extend(messages.drain(..).take(room).map(|message| Event::Message { from, message }));
        drop(waiting);
        self.ring();
    }

    /// Put something that must not be lost.
    pub fn put(&self, event: Event) {
        self.lock().events.push(event);
        self.ring();
    }

    /// Take all that waits.
    pub fn drain(&self, events: &mut Vec<Event>) {
        if self.rung.swap(false, Ordering::AcqRel) {
            let mut waiting = self.lock();
            waiting.messages = 0;
            if events.is_empty() {
                std::mem::swap(events, &mut waiting.events);
            } else {
                events.append(&mut waiting.events);
            }
        }
    }

    /// Whether something came since the last drain.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.rung.load(Ordering::Acquire)
    }

    /// Wait for the bell.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Ring without putting anything: for the node's own thread.
    pub(super) fn nudge(&self) {
        self.bell.notify_one();
    }

    /// The node is gone: forget what waits, and everything that still comes.
    pub fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.events = Vec::new();
    }

    /// Messages dropped because the node was too far behind.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }
}
