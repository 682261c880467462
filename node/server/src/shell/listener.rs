//! Accepts clients of one node, up to a limit.

use super::connection::{ConnectionLimits, Ended, serve};
use super::connections::Connections;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long accepting rests when the process has no file handles left.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accept until the task is dropped.
pub(super) async fn accept_clients(listener: TcpListener, connections: Rc<Connections>, limits: ConnectionLimits) {
    loop {
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a client could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if connections.open() >= limits.connections_max {
            tracing::warn!(%remote, limit = limits.connections_max, "a client was turned away: too many connections");
            continue;
        }
        // Answers are written in one go, so waiting for more bytes only costs time.
        let _ = stream.set_nodelay(true);
        let connections = connections.clone();
        tokio::task::spawn_local(async move {
            match serve(stream, remote, connections, limits).await {
                Ended::ByClient | Ended::ByNode | Ended::Network(_) => {}
                ended => tracing::info!(%remote, %ended, "a client was cut off"),
            }
        });
    }
}
