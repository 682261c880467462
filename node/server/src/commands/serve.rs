//! What `dev` and `start` share: logs, the admin endpoint, readiness, signals, the end.
//!
//! The first signal ends everything in good order, the second one at once; being killed is safe at any time.

use super::CommandError;
use crate::admin;
use crate::logging;
use crate::shell::{Host, HostError, NodeState};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use trefoil_core::ids::NodeId;

/// How often a starting process looks whether it is ready; afterwards nobody looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// What to serve.
pub(super) struct Serving {
    pub(super) host: Host,
    pub(super) ended: UnboundedReceiver<(NodeId, NodeState)>,
    pub(super) admin: SocketAddr,
    pub(super) ready_file: Option<PathBuf>,
    /// Printed when it is ready.
    pub(super) banner: Option<String>,
    pub(super) log_format: Option<String>,
    pub(super) log_filter: String,
}

/// Run until a signal, or until nothing is left to run.
pub(super) fn serve(serving: Serving) -> Result<ExitCode, CommandError> {
    logging::init(serving.log_format.as_deref(), &serving.log_filter).map_err(CommandError::Text)?;
    let system = |error: std::io::Error| CommandError::Text(error.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
    let listener = TcpListener::bind(serving.admin).map_err(|error| {
        let advice = "choose another one with --admin-address";
        CommandError::Text(format!("the admin endpoint cannot listen on {}: {error}; {advice}", serving.admin))
    })?;
    if let Some(path) = &serving.ready_file {
        // One left by an earlier run must not be mistaken for ours.
        let _ = std::fs::remove_file(path);
    }
    runtime.block_on(run(serving, listener))
}

async fn run(serving: Serving, listener: TcpListener) -> Result<ExitCode, CommandError> {
    let system = |error: std::io::Error| CommandError::Text(error.to_string());
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(system)?;
    let Serving { host, mut ended, ready_file, banner, .. } = serving;
    let host = Arc::new(host);
    let admin_address = listener.local_addr().map_err(system)?;
    let starting = host.clone();
    // Opening stores and joining threads block; this thread has signals to hear.
    let started: Result<(), HostError> = tokio::task::spawn_blocking(move || starting.start_all())
        .await
        .map_err(|error| CommandError::Text(error.to_string()))?;
    started?;
    tokio::spawn(admin::serve(listener, host.clone()));
    tokio::spawn(announce(host.clone(), admin_address, ready_file, banner));
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            Some((_, state)) = ended.recv() => {
                // Zones that were stopped on purpose can be started again; a process in which all is broken is of no use.
                let all_broken = host.states().values().all(|state| matches!(state, NodeState::Crashed(_)));
                if matches!(state, NodeState::Crashed(_)) && all_broken {
                    return Err(CommandError::Text("every node of this process has crashed".into()));
                }
            }
        }
    }
    tracing::info!("stopping; a second signal stops at once");
    let stopping = host.clone();
    let stopped = tokio::task::spawn_blocking(move || stopping.shut_down());
    tokio::select! {
        _ = stopped => Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => std::process::exit(130),
        _ = terminate.recv() => std::process::exit(143),
    }
}

/// Wait until the nodes answer queries, then say so.
async fn announce(host: Arc<Host>, admin: SocketAddr, ready_file: Option<PathBuf>, banner: Option<String>) {
    while !admin::is_ready(&host).await {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    if let Some(path) = ready_file
        && let Err(error) = write_ready_file(&path, &host, admin)
    {
        tracing::error!(path = %path.display(), %error, "the ready file cannot be written");
    }
    if let Some(banner) = banner {
        println!("{banner}");
        println!("  status, metrics: http://{admin}/status, http://{admin}/metrics");
    }
    println!("ready");
    tracing::info!(%admin, "ready");
}

fn write_ready_file(path: &Path, host: &Host, admin: SocketAddr) -> std::io::Result<()> {
    let layout = host.layout();
    let here = |node: &&trefoil_core::config::NodeInfo| host.node_ids().contains(&node.id);
    let addresses: Vec<String> = layout.nodes.iter().filter(here).map(|node| node.cql_address.to_string()).collect();
    let content = serde_json::json!({
        "process": std::process::id(),
        "cql": addresses,
        "admin": admin.to_string(),
    });
    // Whoever waits for it must never see half of it.
    let new = path.with_extension("new");
    std::fs::write(&new, format!("{content}\n"))?;
    std::fs::rename(new, path)
}
