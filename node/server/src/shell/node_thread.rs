//! A node's thread: opens the stores, starts their writers, then carries the node, its listeners and its connections
//! until it is told to stop, killed, or broken.
//!
//! A panic anywhere on this thread is a crash of this node alone: everything it had is dropped, as a power cut would, and the
//! other nodes go on.

use super::connection::ConnectionLimits;
use super::connections::Connections;
use super::inbox::{Control, Event, Inbox};
use super::machine::Machine;
use super::node_loop::{LoopEnd, NodeLoop};
use super::peers::{Greeting, Links, answer, keep_calling};
use super::shell_world::{Parts, ShellWorld};
use super::switchboard::Switchboard;
use super::{NodeClock, listener, panic_text};
use crate::store::{Completion, Completions, Identity, NodeStores, RowsReader, StoreError, StoreOptions, Writer};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::runtime;
use tokio::task::{JoinHandle as TaskHandle, LocalSet, spawn_local};
use trefoil_core::config::Config;
use trefoil_core::ids::NodeId;
use trefoil_core::node::Saved;
use trefoil_core::raft::LogOp;
use trefoil_core::storage::RowsBatch;

/// Everything a node's thread is made from.
pub struct NodeSpec {
    /// Who it is, and the cluster.
    pub config: Config,
    /// Where its stores are.
    pub folder: PathBuf,
    /// How they are kept.
    pub stores: StoreOptions,
    /// No node of the cluster has ever run.
    pub founding: bool,
    /// What its clients may take up.
    pub limits: ConnectionLimits,
    /// Where clients come in.
    pub cql: TcpListener,
    /// Where nodes of other processes come in, if there are any.
    pub peers: Option<TcpListener>,
    /// Nodes in other processes.
    pub remote: Vec<(NodeId, SocketAddr)>,
    /// The way to the nodes of this process.
    pub switchboard: Arc<Switchboard>,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its stores cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system refused a thread or a socket.
    #[error("cannot start the node: {0}")]
    System(#[from] io::Error),
}

/// How a node is, as seen from outside its thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It runs.
    Running,
    /// It was stopped or killed on purpose.
    Stopped,
    /// It broke.
    Crashed(String),
}

/// A running node, seen from outside.
pub struct NodeThread {
    inbox: Arc<Inbox>,
    state: Arc<Mutex<NodeState>>,
    thread: Option<JoinHandle<()>>,
}

/// Carries completions from a writer to the node.
struct ToInbox {
    inbox: Arc<Inbox>,
    event: fn(Vec<Completion>) -> Event,
}

impl Completions for ToInbox {
    fn completed(&self, completions: Vec<Completion>) {
        self.inbox.put((self.event)(completions));
    }

    fn crashed(&self, reason: String) {
        self.inbox.put(Event::Control(Control::Crash(reason)));
    }
}

/// What is made before the thread and used on it.
struct Prepared {
    spec: NodeSpec,
    saved: Saved,
    rows: RowsReader,
    log: Writer<Vec<LogOp>>,
    rows_writer: Writer<RowsBatch>,
    inbox: Arc<Inbox>,
}

impl NodeThread {
    /// Open the stores and start. Returns when the stores are open; the node then needs a moment to serve.
    ///
    /// # Errors
    /// When the stores cannot be used or the system refuses.
    pub fn start<M: Machine>(
        spec: NodeSpec,
        ended: impl FnOnce(NodeState) + Send + 'static,
    ) -> Result<NodeThread, StartError> {
        let node = spec.config.node;
        let inbox = Arc::new(Inbox::default());
        let identity = Identity { cluster: spec.config.layout.cluster_id, node };
        let NodeStores { log, rows, loaded, incarnation } = NodeStores::open(&spec.folder, &identity, &spec.stores)?;
        for damage in loaded.damaged.values() {
            tracing::error!(%node, %damage, "a shard's log is damaged: its replica here is withdrawn and rebuilt from the others");
        }
        let saved = Saved {
            logs: loaded.shards,
            damaged: loaded.damaged.into_keys().collect(),
            founding: spec.founding,
            incarnation,
        };
        let rows_reader = rows.reader();
        let log_done = ToInbox { inbox: inbox.clone(), event: Event::LogDone };
        let rows_done = ToInbox { inbox: inbox.clone(), event: Event::RowsDone };
        let prepared = Prepared {
            log: Writer::spawn(format!("log-{node}"), log, log_done)?,
            rows_writer: Writer::spawn(format!("rows-{node}"), rows, rows_done)?,
            rows: rows_reader,
            saved,
            inbox: inbox.clone(),
            spec,
        };
        let state = Arc::new(Mutex::new(NodeState::Running));
        let (closing, after) = (inbox.clone(), state.clone());
        prepared.spec.switchboard.connect(node, inbox.clone());
        let thread = std::thread::Builder::new().name(format!("node-{node}")).spawn(move || {
            let span = tracing::info_span!("node", id = node.0);
            let _in_span = span.enter();
            let end = match catch_unwind(AssertUnwindSafe(|| run::<M>(prepared))) {
                Ok(Ok(LoopEnd::Drained | LoopEnd::Killed)) => NodeState::Stopped,
                Ok(Ok(LoopEnd::Crashed(reason))) => NodeState::Crashed(reason),
                Ok(Err(error)) => NodeState::Crashed(error.to_string()),
                Err(panic) => NodeState::Crashed(panic_text(&*panic)),
            };
            closing.close();
            match &end {
                NodeState::Crashed(reason) => tracing::error!(%reason, "the node crashed; other nodes go on"),
                _ => tracing::info!("the node stopped"),
            }
            *after.lock().unwrap_or_else(PoisonError::into_inner) = end.clone();
            ended(end);
        })?;
        Ok(NodeThread { inbox, state, thread: Some(thread) })
    }

    /// Its mailbox.
    #[must_use]
    pub fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> NodeState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// End it as a crash would, and wait until it and its stores are closed.
    pub fn kill(mut self) {
        self.inbox.put(Event::Control(Control::Kill));
        self.join();
    }

    /// Ask it to end in good order.
    pub fn shut_down(&self) {
        self.inbox.put(Event::Control(Control::Shutdown));
    }

    /// Wait for its end.
    pub fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic was caught and is in `state`.
            let _ = thread.join();
        }
    }
}

impl Drop for NodeThread {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.inbox.put(Event::Control(Control::Kill));
            self.join();
        }
    }
}

fn run<M: Machine>(prepared: Prepared) -> Result<LoopEnd, StartError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = LocalSet::new();
    let (end, world) = tasks.block_on(&runtime, async {
        let node_loop = start::<M>(prepared)?;
        // A task of its own, so that it is looked at only when it was woken.
        match spawn_local(node_loop.run()).await {
            Ok(end) => Ok(end),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(StartError::System(io::ErrorKind::Interrupted.into())),
            },
        }
    })?;
    // Sockets go before the stores: nobody is told anything any more.
    drop(tasks);
    drop(runtime);
    if end == LoopEnd::Drained {
        world.finish();
    }
    Ok(end)
}

/// Inside the runtime: sockets, world, node.
fn start<M: Machine>(prepared: Prepared) -> Result<NodeLoop<M>, StartError> {
    let Prepared { spec, saved, rows, log, rows_writer, inbox } = prepared;
    let clock = NodeClock::start();
    let connections = Rc::new(Connections::new(inbox.clone(), clock));
    let (node, cluster) = (spec.config.node, spec.config.layout.cluster_id);
    let links = Rc::new(Links::new(spec.remote.iter().map(|(peer, _)| *peer)));
    for (peer, address) in &spec.remote {
        let greeting = Greeting { cluster, from: node, to: *peer };
        spawn_local(keep_calling(links.clone(), greeting, *address));
    }
    let mut listeners: Vec<TaskHandle<()>> = Vec::new();
    if let Some(listener) = spec.peers {
        let listener = into_tokio(listener)?;
        spawn_local(accept_peers(listener, node, cluster, connections.clone(), spec.switchboard.clone()));
    }
    let parts = Parts {
        me: node,
        clock,
        log,
        rows_writer,
        rows: rows.view()?,
        connections: connections.clone(),
        switchboard: spec.switchboard,
        links: links.clone(),
    };
    let mut world = ShellWorld::new(parts);
    let machine = M::start(spec.config, saved, &mut world);
    // Clients come in when there is a node to speak to.
    let clients = listener::accept_clients(into_tokio(spec.cql)?, connections.clone(), spec.limits);
    listeners.push(spawn_local(clients));
    let stop_accepting = Box::new(move || listeners.iter().for_each(TaskHandle::abort));
    Ok(NodeLoop { machine, world, inbox, connections, links, stop_accepting })
}

fn into_tokio(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

async fn accept_peers(
    listener: tokio::net::TcpListener,
    me: NodeId,
    cluster: [u8; 16],
    connections: Rc<Connections>,
    switchboard: Arc<Switchboard>,
) {
    loop {
        let Ok((stream, remote)) = listener.accept().await else {
            tokio::time::sleep(listener::ACCEPT_PAUSE).await;
            continue;
        };
        let (connections, switchboard) = (connections.clone(), switchboard.clone());
        spawn_local(async move {
            let _ = stream.set_nodelay(true);
            let error = answer(stream, me, cluster, &connections, &switchboard).await;
            tracing::info!(%remote, %error, "a peer's line ended");
        });
    }
}
