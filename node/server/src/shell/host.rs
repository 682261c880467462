//! The nodes of one process: starting, stopping and cutting off, zone by zone, and asking how they are.
//!
//! Stopping a zone kills its nodes as a crash would: what was not committed is lost, sockets close. Starting brings them
//! back from their stores. Which nodes have ever run is written down before they run: a store that vanished later
//! is a lost one, and must not vote as if it were new.

use super::connection::ConnectionLimits;
use super::inbox::{Control, Event, Inbox};
use super::node_thread::{NodeSpec, NodeState, NodeThread, StartError};
use super::report::NodeReport;
use super::switchboard::Switchboard;
use crate::store::{StoreOptions, node_folder};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use trefoil_core::config::{Config, Layout, Tuning};
use trefoil_core::ids::{NodeId, ZoneId};
use trefoil_core::node::Node;

/// How long a node may take to say how it is.
const REPORT_TIME_MAX: Duration = Duration::from_secs(2);

/// Which nodes have ever run, remembered across starts of the process.
pub trait History: Send + 'static {
    /// This node is about to run. Whether it may believe that it is new, if its stores are empty. Durable when it returns.
    ///
    /// # Errors
    /// When it cannot be remembered.
    fn about_to_run(&mut self, node: NodeId) -> io::Result<bool>;
}

/// What a process runs.
pub struct HostSpec {
    /// The cluster.
    pub layout: Layout,
    /// Numbers.
    pub tuning: Tuning,
    /// Where the nodes' folders are.
    pub data_folder: PathBuf,
    /// How stores are kept.
    pub stores: StoreOptions,
    /// What clients may take up.
    pub limits: ConnectionLimits,
    /// The nodes that this process runs.
    pub nodes: Vec<NodeId>,
}

/// Why the nodes did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A node cannot start.
    #[error("node {node}: {source}")]
    Start {
        /// Which.
        node: NodeId,
        /// Why.
        source: StartError,
    },
    /// An address cannot be used.
    #[error("node {node} cannot listen on {address}: {source}{}", hint(source))]
    Listen {
        /// Which node.
        node: NodeId,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such zone here.
    #[error("there is no zone '{zone}' in this process; it runs {known}")]
    UnknownZone {
        /// What was asked for.
        zone: String,
        /// What there is.
        known: String,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => ": another program uses it; stop that one, or choose another port",
        io::ErrorKind::AddrNotAvailable => ": this machine does not have that address",
        _ => "",
    }
}

/// The nodes of this process.
pub struct Host {
    spec: HostSpec,
    switchboard: Arc<Switchboard>,
    nodes: Mutex<BTreeMap<NodeId, NodeThread>>,
    /// Bound beforehand, used by the first start of each node.
    listeners: Mutex<BTreeMap<NodeId, TcpListener>>,
    history: Mutex<Box<dyn History>>,
    ended: mpsc::UnboundedSender<(NodeId, NodeState)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Host {
    /// Nothing runs yet. `listeners`: sockets for clients that are bound already. The receiver hears of every node that ends.
    #[must_use]
    pub fn new(
        spec: HostSpec,
        listeners: BTreeMap<NodeId, TcpListener>,
        history: Box<dyn History>,
    ) -> (Host, mpsc::UnboundedReceiver<(NodeId, NodeState)>) {
        let (ended, receiver) = mpsc::unbounded_channel();
        let host = Host {
            switchboard: Arc::new(Switchboard::new(&spec.layout)),
            nodes: Mutex::default(),
            listeners: Mutex::new(listeners),
            history: Mutex::new(history),
            ended,
            spec,
        };
        (host, receiver)
    }

    /// The cluster.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.spec.layout
    }

    /// The nodes that this process is for.
    #[must_use]
    pub fn node_ids(&self) -> &[NodeId] {
        &self.spec.nodes
    }

    /// Start every node that does not run.
    ///
    /// # Errors
    /// When one cannot start; those before it run.
    pub fn start_all(&self) -> Result<(), HostError> {
        self.spec.nodes.iter().try_for_each(|node| self.start(*node))
    }

    fn start(&self, node: NodeId) -> Result<(), HostError> {
        let mut nodes = lock(&self.nodes);
        if nodes.get(&node).is_some_and(|thread| thread.state() == NodeState::Running) {
            return Ok(());
        }
        // Its stores must be closed before they are opened again.
        drop(nodes.remove(&node));
        let start_error = |source| HostError::Start { node, source };
        let Some(info) = self.spec.layout.node(node).cloned() else {
            let source = io::Error::new(io::ErrorKind::NotFound, "the cluster has no such node");
            return Err(start_error(source.into()));
        };
        let bind = |address: SocketAddr| {
            TcpListener::bind(address).map_err(|source| HostError::Listen { node, address, source })
        };
        let bound = lock(&self.listeners).remove(&node);
        let cql = bound.map_or_else(|| bind(info.cql_address), Ok)?;
        let elsewhere = self.spec.layout.nodes.iter().filter(|other| !self.spec.nodes.contains(&other.id));
        let remote: Vec<_> = elsewhere.map(|other| (other.id, other.peer_address)).collect();
        let peers = (!remote.is_empty()).then(|| bind(info.peer_address)).transpose()?;
        let founding = lock(&self.history).about_to_run(node).map_err(|source| start_error(source.into()))?;
        let spec = NodeSpec {
            config: Config { node, layout: self.spec.layout.clone(), tuning: self.spec.tuning.clone() },
            folder: node_folder(&self.spec.data_folder, node),
            stores: self.spec.stores,
            founding,
            limits: self.spec.limits,
            cql,
            peers,
            remote,
            switchboard: self.switchboard.clone(),
        };
        let ended = self.ended.clone();
        let thread = NodeThread::start::<Node>(spec, move |state| {
            // Nobody listens while the process ends.
            let _ = ended.send((node, state));
        });
        nodes.insert(node, thread.map_err(start_error)?);
        Ok(())
    }

    fn zone(&self, name: &str) -> Result<(ZoneId, Vec<NodeId>), HostError> {
        let layout = &self.spec.layout;
        let here = |zone: ZoneId| {
            let nodes = layout.nodes.iter().filter(|node| node.zone == zone).map(|node| node.id);
            nodes.filter(|node| self.spec.nodes.contains(node)).collect::<Vec<_>>()
        };
        let zones = layout.zones.iter().zip(0_u8..).map(|(zone, number)| (zone, ZoneId(number)));
        let mut zones = zones.map(|(zone, id)| (zone, id, here(id))).filter(|(_, _, nodes)| !nodes.is_empty());
        let known = zones.clone().map(|(zone, _, _)| zone.as_str()).collect::<Vec<_>>().join(", ");
        match zones.find(|(zone, _, _)| *zone == name) {
            Some((_, id, nodes)) => Ok((id, nodes)),
            None => Err(HostError::UnknownZone { zone: name.into(), known }),
        }
    }

    /// Kill the nodes of a zone, as a crash would.
    ///
    /// # Errors
    /// When there is no such zone here.
    pub fn stop_zone(&self, name: &str) -> Result<(), HostError> {
        let (_, ids) = self.zone(name)?;
        let mut nodes = lock(&self.nodes);
        let killed: Vec<NodeThread> = ids.iter().filter_map(|node| nodes.remove(node)).collect();
        // All at once, as when a zone loses power.
        for thread in &killed {
            thread.inbox().put(Event::Control(Control::Kill));
        }
        killed.into_iter().for_each(NodeThread::kill);
        Ok(())
    }

    /// Start the nodes of a zone again.
    ///
    /// # Errors
    /// When there is no such zone here, or a node cannot start.
    pub fn start_zone(&self, name: &str) -> Result<(), HostError> {
        let (_, nodes) = self.zone(name)?;
        nodes.into_iter().try_for_each(|node| self.start(node))
    }

    /// Cut a zone off from the other zones (clients still reach it), or connect it again.
    ///
    /// # Errors
    /// When there is no such zone here.
    pub fn set_zone_isolated(&self, name: &str, isolated: bool) -> Result<(), HostError> {
        let (zone, _) = self.zone(name)?;
        self.switchboard.set_isolated(zone, isolated);
        Ok(())
    }

    /// Whether a zone is cut off.
    #[must_use]
    pub fn is_isolated(&self, zone: ZoneId) -> bool {
        self.switchboard.is_isolated(zone)
    }

    /// How the threads of the nodes are.
    #[must_use]
    pub fn states(&self) -> BTreeMap<NodeId, NodeState> {
        let nodes = lock(&self.nodes);
        let state = |node: &NodeId| nodes.get(node).map_or(NodeState::Stopped, NodeThread::state);
        self.spec.nodes.iter().map(|node| (*node, state(node))).collect()
    }

    /// Ask every node how it is. A node that does not answer in time is left out.
    pub async fn reports(&self) -> BTreeMap<NodeId, NodeReport> {
        let inboxes: Vec<(NodeId, Arc<Inbox>)> =
            lock(&self.nodes).iter().map(|(node, thread)| (*node, thread.inbox().clone())).collect();
        let asked: Vec<_> = inboxes
            .into_iter()
            .map(|(node, inbox)| {
                let (question, answer) = oneshot::channel();
                inbox.put(Event::Control(Control::Report(question)));
                (node, answer)
            })
            .collect();
        let deadline = tokio::time::Instant::now() + REPORT_TIME_MAX;
        let mut reports = BTreeMap::new();
        for (node, answer) in asked {
            if let Ok(Ok(report)) = tokio::time::timeout_at(deadline, answer).await {
                reports.insert(node, report);
            }
        }
        reports
    }

    /// End all nodes in good order, and wait for them.
    pub fn shut_down(&self) {
        let mut nodes = lock(&self.nodes);
        nodes.values().for_each(NodeThread::shut_down);
        nodes.values_mut().for_each(NodeThread::join);
        nodes.clear();
    }
}
