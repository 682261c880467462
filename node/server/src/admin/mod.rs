//! The operator's endpoint over HTTP: health, readiness, metrics, status, and the scissors for zones.
//!
//! It listens on the loopback address by default and asks for no password: whoever reaches it may stop zones.

mod metrics;
mod status;

#[cfg(test)]
mod tests;

pub use status::{ClusterStatus, NodeStatusLine, ReplicaLine, ZoneStatus};

use crate::shell::{Host, HostError, NodeState};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use std::net::TcpListener;
use std::sync::Arc;

/// Whether every node that should run here answers queries.
pub async fn is_ready(host: &Host) -> bool {
    let reports = host.reports().await;
    let running = host.states().into_iter().filter(|(_, state)| *state == NodeState::Running);
    let mut running = running.map(|(node, _)| node).peekable();
    running.peek().is_some()
        && running.all(|node| {
            reports.get(&node).is_some_and(|report| {
                report.status.ready && report.status.replicas.iter().all(|replica| replica.leader.is_some())
            })
        })
}

/// Answer until the process ends.
pub async fn serve(listener: TcpListener, host: Arc<Host>) {
    let result = async {
        listener.set_nonblocking(true)?;
        axum::serve(tokio::net::TcpListener::from_std(listener)?, router(host)).await
    };
    if let Err(error) = result.await {
        tracing::error!(%error, "the admin endpoint broke; the nodes go on");
    }
}

/// The endpoint's routes.
pub fn router(host: Arc<Host>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .route("/zone/{name}/{action}", post(zone))
        .with_state(host)
}

/// Whether the process is worth keeping: no node of it has crashed.
async fn health(State(host): State<Arc<Host>>) -> Response {
    let crashed: Vec<String> = host
        .states()
        .into_iter()
        .filter_map(|(node, state)| match state {
            NodeState::Crashed(reason) => Some(format!("node {node} crashed: {reason}\n")),
            NodeState::Running | NodeState::Stopped => None,
        })
        .collect();
    if crashed.is_empty() {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, crashed.concat()).into_response()
    }
}

/// Whether clients should be sent here.
async fn ready(State(host): State<Arc<Host>>) -> Response {
    if is_ready(&host).await {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

async fn metrics(State(host): State<Arc<Host>>) -> Response {
    match metrics::text(&host, host.reports().await) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn status(State(host): State<Arc<Host>>) -> Json<ClusterStatus> {
    Json(ClusterStatus::of(&host, &host.reports().await))
}

async fn zone(State(host): State<Arc<Host>>, Path((name, action)): Path<(String, String)>) -> Response {
    let zone = name.clone();
    // Stopping waits for threads, starting opens stores: not on the thread that answers.
    let done = tokio::task::spawn_blocking(move || {
        let done = match action.as_str() {
            "stop" => host.stop_zone(&name).map(|()| "stopped"),
            "start" => host.start_zone(&name).map(|()| "started"),
            "isolate" => host.set_zone_isolated(&name, true).map(|()| "isolated from the other zones"),
            "heal" => host.set_zone_isolated(&name, false).map(|()| "connected to the other zones"),
            _ => return None,
        };
        Some(done)
    });
    match done.await {
        Ok(Some(Ok(what))) => format!("zone {zone} is {what}\n").into_response(),
        Ok(Some(Err(error @ HostError::UnknownZone { .. }))) => {
            (StatusCode::NOT_FOUND, format!("{error}\n")).into_response()
        }
        Ok(Some(Err(error))) => (StatusCode::CONFLICT, format!("{error}\n")).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "a zone can be: stop, start, isolate, heal\n").into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
