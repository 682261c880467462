//! A node's process: its life, its inbox, and the machine it runs on. While it works, what arrives waits; what has waited is
//! stepped through together and then settled, as the node's thread does in production.

use crate::plan::Plan;
use crate::plan::cluster::ClusterPlan;
use crate::random::Stream;
use crate::world::clock::NodeClock;
use crate::world::disk::Disk;
use crate::world::queue::Time;
use crate::world::view::Body;
use std::collections::VecDeque;
use trefoil_core::node::Node;
use trefoil_core::world::Input;

/// A node's process, running or not.
pub struct Process {
    /// The node; none while it is down.
    pub node: Option<Node>,
    /// What it owns besides its state.
    pub body: Body,
    /// Its clocks.
    pub clock: NodeClock,
    /// What waits for it.
    pub inbox: VecDeque<Input>,
    /// A `Work` event is in the queue.
    pub work_pending: bool,
    /// It works until then.
    pub busy_until: Time,
    /// How many faults hold it still.
    pub paused: u32,
    /// How many faults hold it down.
    pub held_down: u32,
    /// Its machine has no power: nobody answers, not even with a reset.
    pub dark: bool,
    /// It was asked to stop and dies when it is drained.
    pub stopping: bool,
}

impl Process {
    /// Not yet started, with empty stores.
    #[must_use]
    pub fn new(plan: &Plan, place: usize) -> Process {
        let stream = Stream::numbered(plan.seed, "node", ClusterPlan::id(place).0.into());
        Process {
            node: None,
            body: Body {
                place,
                life: 0,
                disk: Disk::new(&plan.disk),
                stream,
                wake_at: None,
                wake_event: None,
                fuse: None,
                dead: false,
            },
            clock: NodeClock::new(&plan.clocks[place]),
            inbox: VecDeque::new(),
            work_pending: false,
            busy_until: Time(0),
            paused: 0,
            held_down: 0,
            dark: false,
            stopping: false,
        }
    }

    /// Whether it is up (perhaps standing still).
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.node.is_some()
    }
}
