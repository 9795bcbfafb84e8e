//! Somebody who is told what happens: takes deliveries of webhooks, and refuses what is none.
//!
//! It has no key, so it checks no signature; a receiver of one's own must.

use axum::http::{HeaderMap, StatusCode};

use crate::problem::Problem;

/// Where deliveries arrive.
pub(crate) const PATH: &str = "/hooks/operations";
/// The headers of Standard Webhooks.
const HEADERS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/// `POST /hooks/operations`: 204 for a signed delivery.
pub(crate) async fn take(headers: HeaderMap) -> Result<StatusCode, Problem> {
    match HEADERS.iter().find(|name| !headers.contains_key(**name)) {
        None => Ok(StatusCode::NO_CONTENT),
        Some(missing) => Err(Problem::unprocessable(format!(
            "the header `{missing}` is missing: this is no delivery"
        ))),
    }
}
