//! What a response becomes: the output of a step, or the fault that its status means.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use windlass_workflows::value::Value;

use super::failure::StepFailure;
use super::wire::Incoming;

/// How much of an unwelcome response a fault keeps.
const EXCERPT_BYTES_MAX: usize = 2 * 1024;
/// Deepest JSON that is stored (reliability E.3).
const JSON_DEPTH_MAX: u32 = 64;
/// A longer `Retry-After` is a mistake, or a no.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The decoded body: JSON if it says so, else text; nothing is `null`.
pub(super) fn content(answer: &Incoming) -> Result<Value, StepFailure> {
    let media = media_type(&answer.headers);
    if answer.body.is_empty() {
        return Ok(Value::Null);
    }
    let text = text(answer, &media)?;
    if !is_json(&media) {
        return Ok(Value::text(text));
    }
    Value::parse_within(&text, JSON_DEPTH_MAX).map_err(|error| {
        StepFailure::communication(
            502,
            format!("the response is not the JSON it says it is: {error}"),
        )
        .with_detail(body(&excerpt(answer)))
    })
}

/// The body as base64.
pub(super) fn raw(body: &[u8]) -> Value {
    Value::text(BASE64_STANDARD.encode(body))
}

/// The fault of a status that is no success.
pub(super) fn unwelcome(answer: &Incoming) -> StepFailure {
    let title = answer
        .status
        .canonical_reason()
        .unwrap_or("unexpected status");
    StepFailure::communication(answer.status.as_u16(), title)
        .with_detail(body(&excerpt(answer)))
        .again_after(retry_after(&answer.headers, Utc::now()))
}

/// Header lines by lower-case name; a repeated name is joined with commas.
pub(super) fn headers(headers: &HeaderMap) -> Value {
    Value::map(headers.keys().map(|name| {
        let lines: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|line| String::from_utf8_lossy(line.as_bytes()))
            .collect();
        (name.as_str().to_owned(), Value::text(lines.join(", ")))
    }))
}

/// The beginning of a body, as text.
pub(super) fn excerpt(answer: &Incoming) -> String {
    let end = answer.body.len().min(EXCERPT_BYTES_MAX);
    let mut text = String::from_utf8_lossy(&answer.body[..end]).into_owned();
    // A character cut in half becomes a replacement, which is longer than what it replaces.
    while text.len() > EXCERPT_BYTES_MAX {
        text.pop();
    }
    text
}

/// A fault's detail: `{ body }`.
pub(super) fn body(excerpt: &str) -> Value {
    Value::map([("body", Value::from(excerpt))])
}

/// `Retry-After` in seconds or as a date (RFC 9110 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = DateTime::parse_from_rfc2822(text).ok()?;
            (at.with_timezone(&Utc) - now).to_std().unwrap_or_default()
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

fn text(answer: &Incoming, media: &str) -> Result<String, StepFailure> {
    if media.contains("charset=iso-8859-1") || media.contains("charset=\"iso-8859-1\"") {
        return Ok(answer.body.iter().map(|&byte| char::from(byte)).collect());
    }
    match std::str::from_utf8(&answer.body) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(StepFailure::communication(
            502,
            "the response is not UTF-8 text; ask for `output: raw`",
        )),
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let line = headers
        .get(CONTENT_TYPE)
        .and_then(|line| line.to_str().ok());
    line.unwrap_or_default().to_ascii_lowercase()
}

fn is_json(media: &str) -> bool {
    let kind = media.split(';').next().unwrap_or_default().trim();
    kind == "application/json" || kind.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn wait_of(text: &'static str, now: &str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        retry_after(&headers, now.parse().expect("an instant"))
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_date() {
        let now = "2015-10-21T07:27:30Z";

        assert_eq!(wait_of("120", now), Some(Duration::from_secs(120)));
        assert_eq!(
            wait_of("Wed, 21 Oct 2015 07:28:00 GMT", now),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            wait_of("Wed, 21 Oct 2015 07:27:00 GMT", now),
            Some(Duration::ZERO)
        );
        assert_eq!(wait_of("99999999999", now), Some(RETRY_AFTER_MAX));
        assert_eq!(wait_of("soon", now), None);
    }
}
