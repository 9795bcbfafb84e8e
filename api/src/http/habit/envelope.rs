//! What every answer has: a request id, security headers, and a problem document where it is an error.
//!
//! Handlers, extractors, limits, time-outs and panics all leave through here, so no error of any layer
//! reaches a caller in another form, and none shows what is inside.

use std::any::Any;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::timeout::TimeoutBody;
use tracing::Instrument;
use uuid::Uuid;

use super::problem::Refusal;

/// Taken from the caller or made here; in every answer and every log line of the request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids of callers are replaced.
const REQUEST_ID_BYTES_MAX: usize = 128;
/// A body that says nothing for so long is given up, so that slow senders hold nothing.
const BODY_IDLE_MAX: Duration = Duration::from_secs(10);
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The API's answers are data: nothing in them is run, framed, guessed at or kept.
const SECURITY: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::CACHE_CONTROL, "private, no-cache"),
];

/// Serves a request and puts its answer into the envelope.
pub async fn envelop(request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let instance = request.uri().path().to_owned();
    let span = tracing::debug_span!("request", request.id = %id, method = %request.method(), path = %instance);
    let request = request.map(|body| Body::new(TimeoutBody::new(BODY_IDLE_MAX, body)));
    let response = next.run(request).instrument(span).await;
    let mut response = explained(response, &instance, &id);
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// The answer to a path that is not in the description.
pub async fn unknown_path() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "unknown_path",
        "nothing is served at this path",
    )
    .hint("every path stands in /v1/openapi.json")
}

/// The answer to a request that panicked.
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or_default();
    tracing::error!(panic = text, "a request panicked");
    Refusal::internal("internal").into_response()
}

fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_plain = |id: &&str| {
        let mut bytes = id.bytes();
        (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && bytes.all(|byte| byte.is_ascii_graphic())
    };
    given
        .filter(is_plain)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Marks the answer to an error that says what is wrong in a form that its caller asked for.
#[derive(Clone, Copy, Debug)]
pub struct SaysWhy;

/// An error of whichever layer, as a problem document; anything else as it is.
fn explained(mut response: Response, instance: &str, id: &str) -> Response {
    let status = response.status();
    let refusal = response.extensions_mut().remove::<Refusal>();
    let says_why = response.extensions_mut().remove::<SaysWhy>().is_some();
    let foreign = !says_why && (status.is_client_error() || status.is_server_error());
    let Some(refusal) = refusal.or_else(|| foreign.then(|| of_status(status))) else {
        return response;
    };
    let retry_after = refusal.retry_after;
    let allow = response.headers_mut().remove(header::ALLOW);
    let mut response = (status, Json(refusal.details(instance, id))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
    headers.extend(allow.map(|allow| (header::ALLOW, allow)));
    headers.extend(retry_after.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
    response
}

/// What a layer below the handlers meant by its bare status.
fn of_status(status: StatusCode) -> Refusal {
    let (code, detail) = match status {
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            "this path is served, with other methods",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("body_too_large", "the body is larger than this path takes")
        }
        StatusCode::GATEWAY_TIMEOUT => {
            ("timeout", "the answer took longer than this path may take")
        }
        StatusCode::NOT_FOUND => ("not_found", "there is nothing of this name"),
        status if status.is_client_error() => ("malformed", "the request cannot be read"),
        _ => (
            "internal",
            "the call failed inside the server; its log says why",
        ),
    };
    Refusal::new(status, code, detail)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Bytes, to_bytes};
    use axum::middleware::from_fn;
    use axum::routing::{get, post};
    use futures::stream;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;
    use tower_http::timeout::TimeoutLayer;

    use super::*;

    #[test]
    fn ids_of_callers_are_kept_when_they_are_plain() {
        let with = |id: &str| {
            let value = HeaderValue::from_str(id).unwrap();
            request_id(&[(REQUEST_ID, value)].into_iter().collect())
        };

        assert_eq!(with("trace-7"), "trace-7");
        assert_ne!(with("two words"), "two words");
        assert_ne!(with(&"x".repeat(129)), "x".repeat(129));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_coming_is_given_up() {
        let router: Router = Router::new()
            .route("/read", post(|_: Bytes| async {}))
            .layer(from_fn(envelop));
        let silent = stream::pending::<Result<Bytes, std::io::Error>>();
        let request = Request::post("/read")
            .body(Body::from_stream(silent))
            .unwrap();

        let response = router.oneshot(request).await.unwrap();

        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
    }

    #[tokio::test]
    async fn panics_and_time_outs_leave_as_problem_documents_without_their_words() {
        let late = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::ZERO);
        let router: Router = Router::new()
            .route("/late", get(std::future::pending::<()>).layer(late))
            .route("/panic", get(|| async { panic!("a secret") as () }))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(envelop));
        let call = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            (status, String::from_utf8(bytes.to_vec()).unwrap())
        };

        let (late, timeout) = call("/late").await;
        let (broken, panic) = call("/panic").await;

        assert_eq!((late, broken), (504, 500));
        assert!(timeout.contains(r#""code":"timeout""#), "{timeout}");
        assert!(
            panic.contains(r#""code":"internal""#) && !panic.contains("secret"),
            "{panic}"
        );
    }
}
