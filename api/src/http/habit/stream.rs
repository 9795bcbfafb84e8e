//! Server-sent events: what changes, at most four times a second, a comment every fifteen seconds,
//! and an end. A stream looks at the database; it holds no connection of it between two looks.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Refusal;

/// Pause between two looks: at most four events a second.
pub const PAUSE: Duration = Duration::from_millis(250);
/// A quiet stream says that it lives, so that proxies keep it open.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// Seconds after which a refused stream is worth asking for again.
const AGAIN_AFTER: u32 = 5;

/// Whether the caller asks for events rather than for a page.
pub fn is_asked(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/event-stream"))
}

/// The number of the last event that the caller has seen.
pub fn last_event(headers: &HeaderMap) -> Option<i32> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

/// A place among the streams of this process.
pub fn admit(streams: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refusal> {
    Arc::clone(streams)
        .try_acquire_owned()
        .map_err(|_| Refusal {
            retry_after: Some(AGAIN_AFTER),
            ..Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_streams",
                "this process serves as many streams as it may",
            )
        })
}

/// Answers with events until their source ends; the place is given back then.
pub fn reply(
    place: OwnedSemaphorePermit,
    events: impl Stream<Item = Event> + Send + 'static,
) -> Response {
    let events = futures::StreamExt::map(events, move |event| {
        let _held = &place;
        Ok::<_, Infallible>(event)
    });
    let comment = KeepAlive::new().interval(COMMENT_EVERY).text("alive");
    Sse::new(events).keep_alive(comment).into_response()
}
