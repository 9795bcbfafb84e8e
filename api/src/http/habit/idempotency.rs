//! `Idempotency-Key`: at most one job or batch per key, however often a caller asks.
//!
//! The key may stand in the header or in the body; both at once must agree. A repeat is answered with
//! the first answer and `Idempotency-Replayed: true`.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use windlass_workflows::problem::Problem;

use super::problem::Refusal;

/// The request header.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The answer's header, on a repeat.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longer keys carry data, which belongs elsewhere.
const KEY_BYTES_MAX: usize = 255;

/// The key of a call, from its header or its body.
pub fn key(headers: &HeaderMap, body: Option<String>) -> Result<Option<String>, Refusal> {
    let header = headers.get(&KEY).map(read).transpose()?;
    let key = match (header, body) {
        (Some(header), Some(body)) if header != body => {
            let message = "the header `Idempotency-Key` and `idempotency_key` differ";
            return Err(refused(message));
        }
        (Some(key), _) | (None, Some(key)) => key,
        (None, None) => return Ok(None),
    };
    fits(&key).map_err(|problem| Refusal::malformed(*problem))?;
    Ok(Some(key))
}

/// Whether a key has a length that keys have.
pub fn fits(key: &str) -> Result<(), Box<Problem>> {
    match key.len() {
        1..=KEY_BYTES_MAX => Ok(()),
        _ => Err(Box::new(fault("an idempotency key has 1 to 255 bytes"))),
    }
}

/// The key of a call that must have one.
pub fn required(headers: &HeaderMap, body: Option<String>) -> Result<String, Refusal> {
    key(headers, body)?.ok_or_else(|| {
        let detail = "this call creates many jobs and needs an `Idempotency-Key`";
        Refusal::new(StatusCode::BAD_REQUEST, "idempotency_key_required", detail).hint(
            "send a header such as `Idempotency-Key: nightly-2026-11-21`; repeat it on a retry",
        )
    })
}

/// The mark of a repeat.
pub fn replayed(is_repeat: bool) -> HeaderMap {
    let mark = is_repeat.then_some((REPLAYED, HeaderValue::from_static("true")));
    mark.into_iter().collect()
}

fn read(value: &HeaderValue) -> Result<String, Refusal> {
    let text = std::str::from_utf8(value.as_bytes());
    text.map(str::to_owned)
        .map_err(|_| refused("an idempotency key is UTF-8"))
}

fn refused(message: &str) -> Refusal {
    Refusal::malformed(fault(message))
}

fn fault(message: &str) -> Problem {
    Problem::new("idempotency_key_malformed", "/idempotency_key", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_body_must_agree() {
        let headers: HeaderMap = [(KEY, HeaderValue::from_static("a"))].into_iter().collect();

        assert_eq!(
            key(&headers, Some("a".into())).unwrap().as_deref(),
            Some("a")
        );
        assert!(key(&headers, Some("b".into())).is_err());
    }

    #[test]
    fn a_missing_key_is_refused_where_it_must_be() {
        let refusal = required(&HeaderMap::new(), None).unwrap_err();

        assert_eq!(refusal.code, "idempotency_key_required");
    }
}
