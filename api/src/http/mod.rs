//! The API over HTTP: a table of paths, each group with its limits, in one envelope.
//!
//! `habit` holds what all resources do alike, `view` how nouns look in JSON; beside them stands one
//! file a resource. Nothing is served that the description at `/v1/openapi.json` does not name.

mod additions;
mod aliases;
mod apply;
mod approvals;
mod backfills;
mod batch;
mod batch_life;
mod batch_parts;
mod batches;
mod breakers;
mod bulk;
mod bulk_changes;
mod categories;
mod category_life;
mod clock;
mod context_references;
mod contexts;
mod doctor;
mod documents;
mod elsewhere;
mod export;
mod failures;
mod fleet;
mod flights;
mod habit;
mod health;
mod job_parts;
mod jobs;
mod lanes;
mod limits;
mod loads;
mod messages;
mod openapi;
mod pauses;
mod refused;
mod requests;
mod restarts;
mod schedules;
mod state;
mod templates;
mod timeline;
mod view;
mod webhooks;

use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;

pub use self::habit::problem::{Fault, ProblemDetails};
use self::habit::{envelope, etag};
pub use self::state::{ApiState, RenderMetrics};

/// Bodies of ordinary calls.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Bodies that carry one payload, which may have 8 MiB, and a little around it.
const PAYLOAD_BODY_BYTES_MAX: usize = 9 << 20;
/// A set of documents with the data of its categories.
const APPLY_BODY_BYTES_MAX: usize = 64 << 20;
/// Ordinary calls; the slowest reads a page.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Calls that may wait up to a minute, and plan or check before they answer.
const WAITING_TIMEOUT: Duration = Duration::from_secs(90);
/// Calls that read a body of any length.
const LOADING_TIMEOUT: Duration = Duration::from_secs(600);

/// Everything that is served, ready for a listener.
pub fn router(state: ApiState) -> Router {
    let (router, description) = routes().split_for_parts();
    let description = openapi::describe(description);
    router
        .layer(Extension(description))
        .fallback(envelope::unknown_path)
        .layer(CatchPanicLayer::custom(envelope::panicked))
        .layer(from_fn(etag::tag))
        .layer(from_fn(envelope::envelop))
        .with_state(state)
}

/// The paths with their limits.
fn routes() -> OpenApiRouter<ApiState> {
    let calls = [
        contexts::routes(),
        context_references::routes(),
        documents::routes(),
        category_life::routes(),
        export::routes(),
        limits::routes(),
        webhooks::routes(),
        templates::routes(),
        aliases::routes(),
        schedules::routes(),
        backfills::routes(),
        failures::routes(),
        breakers::routes(),
        fleet::routes(),
        pauses::routes(),
        lanes::routes(),
        clock::routes(),
        health::routes(),
        openapi::routes(),
    ];
    let waiting = [
        requests::routes(),
        jobs::routes(),
        job_parts::routes(),
        flights::routes(),
        bulk_changes::routes(),
        messages::routes(),
        approvals::routes(),
        timeline::routes(),
        batch::routes(),
        batch_life::routes(),
        additions::short_routes(),
        batch_parts::routes(),
        restarts::routes(),
        doctor::routes(),
    ];
    OpenApiRouter::with_openapi(openapi::header())
        .merge(limited(calls, BODY_BYTES_MAX, CALL_TIMEOUT))
        .merge(limited(waiting, PAYLOAD_BODY_BYTES_MAX, WAITING_TIMEOUT))
        .merge(limited(
            [batches::routes()],
            PAYLOAD_BODY_BYTES_MAX,
            LOADING_TIMEOUT,
        ))
        .merge(limited(
            [apply::routes()],
            APPLY_BODY_BYTES_MAX,
            LOADING_TIMEOUT,
        ))
        .merge(limited(
            [categories::routes(), additions::routes()],
            BODY_BYTES_MAX,
            LOADING_TIMEOUT,
        ))
}

fn limited(
    groups: impl IntoIterator<Item = OpenApiRouter<ApiState>>,
    body_bytes_max: usize,
    timeout: Duration,
) -> OpenApiRouter<ApiState> {
    let all = groups
        .into_iter()
        .fold(OpenApiRouter::new(), OpenApiRouter::merge);
    all.layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            timeout,
        ))
}
