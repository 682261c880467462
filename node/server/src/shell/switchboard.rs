//! Who reaches whom: nodes of this process directly, others by their links; and the operator's scissors.
//!
//! `zone isolate` cuts a zone off from the others in both directions, for messages sent and for messages arriving.

use super::inbox::Inbox;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use trefoil_core::config::Layout;
use trefoil_core::ids::{NodeId, ZoneId};
use trefoil_core::message::Message;

/// Routes between the nodes of a process.
#[derive(Debug)]
pub struct Switchboard {
    zones: BTreeMap<NodeId, ZoneId>,
    inboxes: RwLock<BTreeMap<NodeId, Arc<Inbox>>>,
    /// A bit for each isolated zone.
    isolated: AtomicU64,
}

/// Whether a message reached a node of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// It was delivered here, or lost here.
    Here,
    /// The node is in another process.
    Elsewhere,
}

impl Switchboard {
    /// Nobody is connected yet, nobody is isolated.
    #[must_use]
    pub fn new(layout: &Layout) -> Switchboard {
        let zones = layout.nodes.iter().map(|node| (node.id, node.zone)).collect();
        Switchboard { zones, inboxes: RwLock::default(), isolated: AtomicU64::new(0) }
    }

    /// A node of this process is there, or is there again.
    pub fn connect(&self, node: NodeId, inbox: Arc<Inbox>) {
        self.inboxes.write().unwrap_or_else(PoisonError::into_inner).insert(node, inbox);
    }

    /// Cut a zone off, or connect it again.
    pub fn set_isolated(&self, zone: ZoneId, isolated: bool) {
        let bit = 1_u64.checked_shl(u32::from(zone.0)).unwrap_or(0);
        if isolated {
            self.isolated.fetch_or(bit, Ordering::Relaxed);
        } else {
            self.isolated.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    /// Whether a zone is cut off.
    #[must_use]
    pub fn is_isolated(&self, zone: ZoneId) -> bool {
        self.isolated.load(Ordering::Relaxed) & 1_u64.checked_shl(u32::from(zone.0)).unwrap_or(0) != 0
    }

    /// Whether messages pass between two nodes.
    #[must_use]
    pub fn passes(&self, from: NodeId, to: NodeId) -> bool {
        if self.isolated.load(Ordering::Relaxed) == 0 {
            return true;
        }
        match (self.zones.get(&from), self.zones.get(&to)) {
            (Some(from), Some(to)) => from == to || !(self.is_isolated(*from) || self.is_isolated(*to)),
            _ => false,
        }
    }

    /// Deliver to a node of this process. The messages are gone afterwards, unless the node is elsewhere.
    pub fn deliver(&self, from: NodeId, to: NodeId, messages: &mut Vec<Message>) -> Route {
        if !self.passes(from, to) {
            messages.clear();
            return Route::Here;
        }
        match self.inboxes.read().unwrap_or_else(PoisonError::into_inner).get(&to) {
            Some(inbox) => {
                inbox.deliver(from, messages);
                Route::Here
            }
            None => Route::Elsewhere,
        }
    }
}
