//! What arrived at each path, and which answers are armed to fail: the view that a test needs from outside.
//!
//! Every request counts, also one that then gets an armed fault. Idempotency keys are kept as 64-bit
//! hashes, so "how often was the same call made again" costs eight bytes a key.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::{chat, feed, hook};

/// The paths that are counted and may fail on demand.
const PATHS: [&str; 7] = [
    "/analyse",
    "/analyse/risk",
    "/analyse/statistics",
    chat::PATH,
    feed::PATH,
    hook::PATH,
    "/healthz",
];
/// Keys kept per path: a hundred batches of 10,000 jobs in 8 MiB; later ones are not told apart.
const KEYS_MAX: usize = 1_000_000;

/// The visits of all paths since the start.
#[derive(Default)]
pub(crate) struct Visits(Mutex<BTreeMap<&'static str, Visited>>);

#[derive(Default)]
struct Visited {
    requests: u64,
    faults: u64,
    keys: HashSet<u64>,
    armed: Option<(StatusCode, u32)>,
}

/// One line of `GET /counts`.
#[derive(Serialize)]
struct Count {
    requests: u64,
    /// Of these, answered with an armed fault.
    faults: u64,
    /// Different values of `Idempotency-Key`.
    keys: usize,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    path: String,
    status: u16,
    /// How many of the next answers fail; zero disarms.
    times: u32,
}

/// Counts the request and answers in the service's place while a fault is armed.
pub(crate) async fn watch(
    State(visits): State<Arc<Visits>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(path) = known(request.uri().path()) else {
        return next.run(request).await;
    };
    match visits.arrive(path, key(request.headers())) {
        Some(status) if path == chat::PATH => chat::armed_fault(status),
        Some(status) => armed_fault(status),
        None => next.run(request).await,
    }
}

/// `POST /faults`: the next answers of a path fail; replaces what was armed there.
pub(crate) async fn arm(
    State(visits): State<Arc<Visits>>,
    fault: Result<Json<Fault>, JsonRejection>,
) -> Result<Json<Fault>, Problem> {
    let Json(fault) = fault.map_err(|rejection| Problem {
        status: rejection.status(),
        detail: rejection.body_text(),
    })?;
    let path = known(&fault.path).ok_or_else(|| {
        Problem::unprocessable(format!("`path` must be one of {}", PATHS.join(", ")))
    })?;
    let status = StatusCode::from_u16(fault.status)
        .ok()
        .filter(|status| status.is_client_error() || status.is_server_error())
        .ok_or_else(|| Problem::unprocessable("`status` must be from 400 to 599"))?;
    visits.lock().entry(path).or_default().armed =
        (fault.times > 0).then_some((status, fault.times));
    Ok(Json(fault))
}

/// `GET /counts`: requests, faults and different keys per path, all paths always named.
pub(crate) async fn counts(State(visits): State<Arc<Visits>>) -> Response {
    let visited = visits.lock();
    let counts: BTreeMap<_, _> = PATHS
        .iter()
        .map(|path| (*path, count(visited.get(path))))
        .collect();
    Json(counts).into_response()
}

impl Visits {
    /// The status to answer with instead, if a fault is armed.
    fn arrive(&self, path: &'static str, key: Option<u64>) -> Option<StatusCode> {
        let mut paths = self.lock();
        let visited = paths.entry(path).or_default();
        visited.requests += 1;
        if visited.keys.len() < KEYS_MAX {
            visited.keys.extend(key);
        }
        let (status, times) = visited.armed?;
        visited.faults += 1;
        visited.armed = (times > 1).then(|| (status, times - 1));
        Some(status)
    }

    /// Counters stay usable after a panic elsewhere: no step leaves them half changed.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Visited>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn known(path: &str) -> Option<&'static str> {
    PATHS.into_iter().find(|known| *known == path)
}

fn key(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get("idempotency-key")?;
    let mut hasher = DefaultHasher::new();
    value.as_bytes().hash(&mut hasher);
    Some(hasher.finish())
}

fn count(visited: Option<&Visited>) -> Count {
    Count {
        requests: visited.map_or(0, |visited| visited.requests),
        faults: visited.map_or(0, |visited| visited.faults),
        keys: visited.map_or(0, |visited| visited.keys.len()),
    }
}

fn armed_fault(status: StatusCode) -> Response {
    let detail = "armed at POST /faults".to_owned();
    Problem { status, detail }.into_response()
}
