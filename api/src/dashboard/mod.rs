//! The web pages: rendered here, whole without a script, drawn from what the store reads.
//!
//! One file a screen; `words` and `chart` hold the shapes they share, `page` the frame around them.
//! A page states when it was read. Nothing on it is counted for it.

mod assets;
mod batch;
mod batches;
mod callbacks;
mod chart;
mod home;
mod job;
mod json;
mod members;
mod page;
mod schedules;
mod timeline;
mod words;

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use windlass_engine::Store;
use windlass_engine::store::DEFAULT_TENANT;

/// The slowest page reads a few pages of rows.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// A worker counts as alive so long after its last heartbeat: three heartbeats of ten seconds.
const WORKER_TTL: Duration = Duration::from_secs(30);

/// What pages are drawn from. Cheap to clone.
#[derive(Clone, Debug)]
struct Dashboard {
    store: Store,
    tenant: i32,
}

/// The pages and their style, script and mark. Has no fallback, so it merges with any router.
pub fn router(store: Store) -> Router {
    let dashboard = Dashboard {
        store,
        tenant: DEFAULT_TENANT,
    };
    Router::new()
        .route("/", get(home::show))
        .route("/batches", get(batches::list))
        .route("/batches/{id}", get(batch::show))
        .route("/jobs/{id}", get(job::show))
        .route("/schedules", get(schedules::list))
        .route("/assets/{file}", get(assets::serve))
        .layer(CatchPanicLayer::custom(page::panicked))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            PAGE_TIMEOUT,
        ))
        .layer(from_fn(page::guard))
        .with_state(dashboard)
}

/// The API with the pages beside it; browsers that ask for an unknown path get a page.
pub fn mount(api: Router, store: Store) -> Router {
    api.merge(router(store))
        .layer(from_fn(page::explain_missing))
}
