//! The loop of a node: drain, step, settle, flush; sleep when there is nothing to do.
//!
//! Everything that arrived is stepped before the node settles, so one log batch and one message per peer stand for all of
//! it. A round is bounded, so that sockets get their turn. Clocks and rows are looked at after draining, never before.

use super::connections::Connections;
use super::inbox::{Control, Event, Inbox};
use super::machine::Machine;
use super::peers::Links;
use super::report::{NodeReport, StoreReport};
use super::shell_world::ShellWorld;
use crate::store::Completion;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use trefoil_core::world::Input;

/// Inputs stepped before the node settles and others get their turn.
const STEPS_PER_ROUND: usize = 1_024;

/// How long a graceful end may take.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(15);

/// Why the loop ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LoopEnd {
    /// Drained: what was promised is kept.
    Drained,
    /// As in a crash, on purpose.
    Killed,
    /// A writer broke.
    Crashed(String),
}

pub(super) struct NodeLoop<M: Machine> {
    pub(super) machine: M,
    pub(super) world: ShellWorld,
    pub(super) inbox: Arc<Inbox>,
    pub(super) connections: Rc<Connections>,
    pub(super) links: Rc<Links>,
    /// Called once when the node is asked to stop: closes the listeners.
    pub(super) stop_accepting: Box<dyn Fn()>,
}

/// What was drained and is not stepped.
#[derive(Default)]
struct Work {
    events: Vec<Event>,
    arriving: Vec<Input>,
    inputs: VecDeque<Input>,
}

impl<M: Machine> NodeLoop<M> {
    pub(super) async fn run(mut self) -> (LoopEnd, ShellWorld) {
        let mut work = Work::default();
        let mut stop_by = None;
        self.machine.settle(&mut self.world);
        self.world.flush();
        loop {
            if let Some(end) = self.drain(&mut work, &mut stop_by) {
                return (end, self.world);
            }
            self.round(&mut work);
            if let Some(deadline) = stop_by
                && ((self.machine.is_drained() && work.inputs.is_empty()) || Instant::now() >= deadline)
            {
                self.say_goodbye(deadline).await;
                return (LoopEnd::Drained, self.world);
            }
            self.rest(&work, stop_by).await;
        }
    }

    /// Take what waits; `Some` when the loop must end at once.
    fn drain(&mut self, work: &mut Work, stop_by: &mut Option<Instant>) -> Option<LoopEnd> {
        self.inbox.drain(&mut work.events);
        for event in work.events.drain(..) {
            match event {
                Event::Message { from, message } => work.inputs.push_back(Input::Message { from, message }),
                Event::LogDone(done) => {
                    let log = &mut self.world.log;
                    work.inputs
                        .extend(done.into_iter().map(|Completion { ticket, outcome }| log.input(ticket, outcome)));
                }
                Event::RowsDone(done) => {
                    let rows = &mut self.world.rows_writer;
                    work.inputs
                        .extend(done.into_iter().map(|Completion { ticket, outcome }| rows.input(ticket, outcome)));
                }
                Event::Control(Control::Kill) => return Some(LoopEnd::Killed),
                Event::Control(Control::Crash(reason)) => return Some(LoopEnd::Crashed(reason)),
                Event::Control(Control::Shutdown) => {
                    if stop_by.is_none() {
                        *stop_by = Some(Instant::now() + DRAIN_TIME_MAX);
                        (self.stop_accepting)();
                        work.inputs.push_back(Input::Shutdown);
                    }
                }
                Event::Control(Control::Report(answer)) => {
                    // Whoever asked may have given up.
                    let _ = answer.send(report(&self.machine, &self.world, &self.inbox, &self.links));
                }
            }
        }
        self.connections.drain(&mut work.arriving);
        work.inputs.extend(work.arriving.drain(..));
        None
    }

    /// Let every client read what it is owed.
    async fn say_goodbye(&self, deadline: Instant) {
        self.connections.close_all();
        let mut ignored = Vec::new();
        while self.connections.open() > 0 {
            self.connections.drain(&mut ignored);
            ignored.clear();
            if tokio::time::timeout_at(deadline, self.inbox.rung()).await.is_err() {
                return;
            }
        }
    }

    fn round(&mut self, work: &mut Work) {
        self.world.renew();
        let mut stepped = false;
        if self.world.take_wake() {
            self.machine.step(Input::Wake, &mut self.world);
            stepped = true;
        }
        let count = work.inputs.len().min(STEPS_PER_ROUND);
        for input in work.inputs.drain(..count) {
            self.machine.step(input, &mut self.world);
            stepped = true;
        }
        if work.inputs.is_empty() {
            self.world.has_heard();
        }
        if stepped {
            self.machine.settle(&mut self.world);
            self.world.flush();
        }
    }

    /// Give way to the sockets, and sleep until something happens.
    async fn rest(&self, work: &Work, stop_by: Option<Instant>) {
        if !work.inputs.is_empty() || self.inbox.has_waiting() || self.connections.has_waiting() {
            return tokio::task::yield_now().await;
        }
        let wait = self.world.until_wake();
        let wait = match (wait, stop_by) {
            (Some(wait), Some(deadline)) => Some(wait.min(deadline.saturating_duration_since(Instant::now()))),
            (None, Some(deadline)) => Some(deadline.saturating_duration_since(Instant::now())),
            (wait, None) => wait,
        };
        match wait {
            Some(wait) if wait.is_zero() => tokio::task::yield_now().await,
            // Whether the bell or the clock ended the wait is found out by the next round.
            Some(wait) => drop(tokio::time::timeout(wait, self.inbox.rung()).await),
            None => self.inbox.rung().await,
        }
    }
}

fn report<M: Machine>(machine: &M, world: &ShellWorld, inbox: &Inbox, links: &Links) -> NodeReport {
    let connections = &world.connections;
    NodeReport {
        status: machine.status(),
        requests: connections.stats(),
        requests_in_flight: connections.in_flight() as u64,
        connections_open: connections.open() as u64,
        connections_accepted: connections.accepted(),
        messages_dropped: inbox.dropped(),
        log: StoreReport::of(&world.log.writer.stats(), world.log.writer.waiting()),
        rows: StoreReport::of(&world.rows_writer.writer.stats(), world.rows_writer.writer.waiting()),
        links: links.stats(),
    }
}
