//! `ETag` and `If-None-Match`: a read that would say the same again is answered by 304.
//!
//! The tag is a hash of the very bytes of the answer, so it is strong and needs no version column, unless the
//! resource gave one itself.

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Larger answers are not worth hashing; lists of a thousand items stay below.
const BYTES_MAX: u64 = 4 << 20;
/// Bytes of the hash in a tag: enough that two states of one resource never meet.
const TAG_BYTES: usize = 16;

/// Tags answers to reads whose length is known, and leaves streams alone.
pub async fn tag(request: Request, next: Next) -> Response {
    let is_read = request.method() == Method::GET;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let length = response.body().size_hint().exact();
    let is_small = length.is_some_and(|length| length <= BYTES_MAX);
    match is_read && is_small && response.status() == StatusCode::OK {
        true => tagged(response, known).await,
        false => response,
    }
}

async fn tagged(response: Response, known: Option<HeaderValue>) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let given = parts.headers.get(header::ETAG).cloned();
    let tag = given.unwrap_or_else(|| of(&bytes));
    parts.headers.insert(header::ETAG, tag.clone());
    match known.is_some_and(|known| names(&known, &tag)) {
        true => (StatusCode::NOT_MODIFIED, only_tag(tag)).into_response(),
        false => Response::from_parts(parts, Body::from(bytes)),
    }
}

fn only_tag(tag: HeaderValue) -> HeaderMap {
    [(header::ETAG, tag)].into_iter().collect()
}

fn of(bytes: &[u8]) -> HeaderValue {
    let hash = Sha256::digest(bytes);
    let text = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash[..TAG_BYTES]));
    HeaderValue::from_str(&text).expect("base64 is visible ASCII")
}

/// Whether a list of tags holds this one, or is `*`.
fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else {
        return false;
    };
    let mut tags = known
        .split(',')
        .map(|one| one.trim().trim_start_matches("W/"));
    tags.any(|one| one == "*" || one == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tags_is_searched() {
        let tag = of(b"{}");
        let list = format!("\"other\", W/{}", tag.to_str().unwrap());

        assert!(names(&HeaderValue::from_str(&list).unwrap(), &tag));
        assert!(names(&HeaderValue::from_static("*"), &tag));
        assert!(!names(&of(b"[]"), &tag));
    }
}
