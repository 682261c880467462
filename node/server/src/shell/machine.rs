//! What the shell needs of a node. `trefoil_core::node::Node` is the one that matters; tests of the shell bring simpler ones.

use trefoil_core::config::Config;
use trefoil_core::node::{Node, NodeStatus, Saved};
use trefoil_core::world::{Input, World};

/// A single-threaded state machine between sockets and stores.
pub trait Machine: Sized + 'static {
    /// Come to life.
    fn start<W: World>(config: Config, saved: Saved, world: &mut W) -> Self;

    /// Something happened.
    fn step<W: World>(&mut self, input: Input, world: &mut W);

    /// Everything that had happened was stepped: emit what was held back for batching.
    fn settle<W: World>(&mut self, world: &mut W);

    /// After `Input::Shutdown`: nothing is under way any more.
    fn is_drained(&self) -> bool;

    /// How it is.
    fn status(&self) -> NodeStatus;
}

impl Machine for Node {
    fn start<W: World>(config: Config, saved: Saved, world: &mut W) -> Node {
        Node::start(config, saved, world)
    }

    fn step<W: World>(&mut self, input: Input, world: &mut W) {
        Node::step(self, input, world);
    }

    fn settle<W: World>(&mut self, world: &mut W) {
        Node::settle(self, world);
    }

    fn is_drained(&self) -> bool {
        Node::is_drained(self)
    }

    fn status(&self) -> NodeStatus {
        Node::status(self)
    }
}
