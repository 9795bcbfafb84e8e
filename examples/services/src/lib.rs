//! The services that the examples call over HTTP: an analysis service with real statistics and rules, a
//! generative service that speaks the OpenAI protocol without being a model, a feed of reports, and somebody who is told.
//!
//! They stand outside the product on purpose: the engine meets them only through addresses.

mod analyse;
mod chat;
mod feed;
mod hook;
mod incident;
mod problem;
mod risk;
mod statistics;
mod visits;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::visits::Visits;

/// The largest request body: 10,000 incidents are about 4 MiB.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// All services under one address, with counts and faults of their own.
pub fn router() -> Router {
    let visits = Arc::new(Visits::default());
    let watched = Router::new()
        .route("/analyse", post(analyse::by_profile))
        .route("/analyse/risk", post(analyse::risk))
        .route("/analyse/statistics", post(analyse::statistics))
        .route("/v1/chat/completions", post(chat::complete))
        .route(feed::PATH, get(feed::incidents))
        .route(hook::PATH, post(hook::take))
        .route("/healthz", get(async || "ok"))
        .route_layer(middleware::from_fn_with_state(
            visits.clone(),
            visits::watch,
        ));
    Router::new()
        .route("/faults", post(visits::arm))
        .route("/counts", get(visits::counts))
        .merge(watched)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(visits)
}

/// Serves [`router`] until `shutdown` resolves and the requests under way are answered.
///
/// # Errors
/// What the listener reports; a single connection's failure is not one.
///
/// # Cancel safety
/// Dropped, it closes the listener and abandons the answers under way.
pub async fn serve(
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    // Small answers on kept connections: without this they wait for the peer's delayed acknowledgement.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router())
        .with_graceful_shutdown(shutdown)
        .await
}
