//! `call: http`: one request, made from values that a template computed.
//!
//! Those values may come from anybody's data, so a URL or header that could be read in two ways is
//! refused rather than repaired.

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use windlass_workflows::document::step::HttpOutput;
use windlass_workflows::machine::command::HttpRequest;
use windlass_workflows::value::Value;

use super::failure::StepFailure;
use super::reveal::Revealed;
use super::wire::{Incoming, Outgoing};
use super::{Inner, StepContext, answer, authentication};

/// A form whose fields are encoded like parts of a URL.
const FORM: &str = "application/x-www-form-urlencoded";
/// Longest URL (reliability E.3).
const URL_BYTES_MAX: usize = 8 * 1024;
/// What names one try of a step for the other side.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Headers that frame the message or choose its target: the client's own business.
const RESERVED: [&str; 6] = [
    "connection",
    "content-length",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Sends the request; its output is what the template asked for.
pub(super) async fn perform(
    performer: &Inner,
    request: &HttpRequest,
    revealed: &mut Revealed<'_>,
    context: &StepContext,
) -> Result<Value, StepFailure> {
    let incoming = sent(performer, request, revealed, context).await?;
    let welcome =
        incoming.status.is_success() || (request.redirect && incoming.status.is_redirection());
    if !welcome {
        return Err(revealed.unwelcome(&incoming));
    }
    match request.output {
        HttpOutput::Content => content(&incoming, revealed),
        HttpOutput::Raw => {
            let body = match revealed.is_plain() {
                true => incoming.body,
                false => revealed.hidden_bytes(&incoming.body).into(),
            };
            Ok(answer::raw(&body))
        }
        HttpOutput::Response => response(request, revealed, &incoming),
    }
}

fn content(incoming: &Incoming, revealed: &Revealed<'_>) -> Result<Value, StepFailure> {
    answer::content(incoming).map_err(|failure| revealed.unreadable(failure, incoming))
}

/// The answer; a token that was refused is fetched once anew.
async fn sent(
    performer: &Inner,
    request: &HttpRequest,
    revealed: &mut Revealed<'_>,
    context: &StepContext,
) -> Result<Incoming, StepFailure> {
    let mut outgoing = outgoing(performer, request, revealed, context)?;
    let Some(policy) = &request.authentication else {
        return Ok(performer.wire.send(outgoing).await?);
    };
    let proof = authentication::proof(performer, policy, revealed, None).await?;
    outgoing.headers.insert(AUTHORIZATION, proof.line);
    let Some(used) = proof.token else {
        return Ok(performer.wire.send(outgoing).await?);
    };
    let incoming = performer.wire.send(outgoing.clone()).await?;
    if incoming.status != StatusCode::UNAUTHORIZED {
        return Ok(incoming);
    }
    let proof = authentication::proof(performer, policy, revealed, Some(used)).await?;
    outgoing.headers.insert(AUTHORIZATION, proof.line);
    Ok(performer.wire.send(outgoing).await?)
}

fn outgoing(
    performer: &Inner,
    request: &HttpRequest,
    revealed: &Revealed<'_>,
    context: &StepContext,
) -> Result<Outgoing, StepFailure> {
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| {
        StepFailure::configuration(format!("`{}` is no HTTP method", request.method))
    })?;
    let texts = |pairs: &[(String, String)]| -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, text)| (name.clone(), revealed.text(text)))
            .collect()
    };
    let mut url = parse_url(&revealed.url(&request.url))?;
    if !request.query.is_empty() {
        url.query_pairs_mut().extend_pairs(texts(&request.query));
    }
    let mut headers = headers(&texts(&request.headers))?;
    stamp(&mut headers, &context.key)?;
    let is_form = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == FORM);
    let body = request.body.as_ref().map(|body| match body.as_str() {
        // As in a URL: a secret is one part of it and cannot break out.
        Some(form) if is_form => Value::from(revealed.url(form)),
        _ => revealed.value(body),
    });
    let body = self::body(body.as_ref(), &mut headers);
    Ok(Outgoing {
        method,
        url,
        headers,
        body,
        timeout: performer.default_timeout,
    })
}

/// Reads a URL strictly: what the parser would quietly drop or turn around is refused.
pub(crate) fn parse_url(text: &str) -> Result<Url, StepFailure> {
    if text.len() > URL_BYTES_MAX {
        return Err(StepFailure::configuration(format!(
            "the URL is longer than {URL_BYTES_MAX} bytes"
        )));
    }
    if text
        .chars()
        .any(|character| character.is_control() || character.is_whitespace() || character == '\\')
    {
        return Err(StepFailure::configuration(
            "the URL holds a blank, a backslash or a control character",
        ));
    }
    Url::parse(text).map_err(|error| StepFailure::configuration(format!("not a URL: {error}")))
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, StepFailure> {
    let mut headers = HeaderMap::with_capacity(given.len() + 2);
    for (name, text) in given {
        let known = HeaderName::from_bytes(name.as_bytes());
        let name =
            known.map_err(|_| StepFailure::configuration(format!("`{name}` is no header name")))?;
        if RESERVED.contains(&name.as_str()) {
            return Err(StepFailure::configuration(format!(
                "header `{name}` cannot be set by a template"
            )));
        }
        let value = HeaderValue::from_str(text).map_err(|_| {
            StepFailure::configuration(format!(
                "header `{name}` holds a character that ends a line"
            ))
        })?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Adds the idempotency key, unless the template brought its own.
pub(super) fn stamp(headers: &mut HeaderMap, key: &str) -> Result<(), StepFailure> {
    if !headers.contains_key(IDEMPOTENCY_KEY) {
        let key = HeaderValue::from_str(key)
            .map_err(|_| StepFailure::configuration("the effect key is no header text"))?;
        headers.insert(IDEMPOTENCY_KEY, key);
    }
    Ok(())
}

/// Text is sent as it is, everything else as JSON.
fn body(value: Option<&Value>, headers: &mut HeaderMap) -> Option<Bytes> {
    let value = value?;
    let (text, media) = match value.as_str() {
        Some(text) => (text.to_owned(), "text/plain; charset=utf-8"),
        None => (value.to_json(), "application/json"),
    };
    headers
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static(media));
    Some(Bytes::from(text))
}

/// `output: response` of the standard. Of what was sent it tells what the template wrote, without secrets.
fn response(
    request: &HttpRequest,
    revealed: &Revealed<'_>,
    incoming: &Incoming,
) -> Result<Value, StepFailure> {
    let query = request.query.iter();
    let query = query.map(|(name, text)| (name, revealed.hidden_text(text)));
    let written = revealed.hidden_text(&request.url);
    let uri = match Url::parse(&written) {
        Ok(mut uri) if !request.query.is_empty() => {
            uri.query_pairs_mut().extend_pairs(query);
            uri.into()
        }
        Ok(uri) => uri.into(),
        // All of it is a secret.
        Err(_) => written,
    };
    let sent = request
        .headers
        .iter()
        .map(|(name, text)| (name.as_str(), Value::from(text.as_str())));
    let request = Value::map([
        ("method", Value::from(request.method.as_str())),
        ("uri", Value::from(uri)),
        ("headers", Value::map(sent)),
    ]);
    Ok(Value::map([
        ("request", request),
        (
            "statusCode",
            Value::from(i64::from(incoming.status.as_u16())),
        ),
        ("headers", answer::headers(&incoming.headers)),
        ("content", content(incoming, revealed)?),
    ]))
}
