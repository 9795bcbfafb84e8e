//! `generate:1.0.0`: has a text written by the first provider of a profile that answers.
//!
//! A provider that is unwell (5xx, 429, no answer, open breaker) is passed over; any other refusal
//! is the caller's own and ends the step. With an `answer` schema the text must be JSON that fits
//! it; one that does not is tried again like a failed exchange, since the next may fit.

mod chat;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use windlass_workflows::value::Value;

use self::chat::{Order, Reply};
use super::analyse::{joined, profile_name, resolved};
use super::failure::StepFailure;
use super::http;
use super::proof::bearer;
use super::reveal::Revealed;
use super::wire::{Outgoing, WireError};
use super::{Inner, StepContext};
use crate::connection::{GenerateProfile, Provider};

/// Why a provider gave no text.
enum Pass {
    /// Unwell: ask the next.
    Next(StepFailure),
    /// The next would say the same.
    Final(StepFailure),
}

/// Asks the providers in their order; gives the first reply.
pub(super) async fn perform(
    performer: &Inner,
    input: &Value,
    context: &StepContext,
) -> Result<Value, StepFailure> {
    let name = profile_name(input, "generate:1.0.0")?;
    let profile = performer
        .connections
        .generate_profile(context.tenant, name)
        .await?;
    let order = Order::read(input)?;
    let mut passed: Vec<(String, StepFailure)> = Vec::new();
    for provider in &profile.providers {
        match ask(performer, &profile, provider, &order, context).await {
            Ok(output) => return Ok(output),
            Err(Pass::Final(failure)) => return Err(failure),
            Err(Pass::Next(failure)) => passed.push((provider.name.clone(), failure)),
        }
    }
    Err(exhausted(name, passed))
}

async fn ask(
    performer: &Inner,
    profile: &GenerateProfile,
    provider: &Provider,
    order: &Order<'_>,
    context: &StepContext,
) -> Result<Value, Pass> {
    let key = resolved(performer, provider.api_key.as_ref())
        .await
        .map_err(Pass::Final)?;
    let outgoing = outgoing(performer, profile, provider, order, context, key.as_ref())
        .map_err(Pass::Final)?;
    let incoming = performer.wire.send(outgoing).await.map_err(pass_over)?;
    // Some services quote the key when they refuse it.
    let mut guarded = Revealed::default();
    if let Some(key) = &key {
        guarded.mask(key.expose_secret());
    }
    if incoming.status.is_success() {
        let reply = Reply::read(&incoming);
        let reply = reply.map_err(|failure| Pass::Final(guarded.unreadable(failure, &incoming)))?;
        let output = reply.output(provider, order);
        return output.map_err(|failure| Pass::Final(guarded.hidden_failure(failure)));
    }
    let failure = guarded.unwelcome(&incoming);
    match incoming.status {
        StatusCode::TOO_MANY_REQUESTS => Err(Pass::Next(failure)),
        status if status.is_server_error() => Err(Pass::Next(failure)),
        _ => Err(Pass::Final(failure)),
    }
}

fn outgoing(
    performer: &Inner,
    profile: &GenerateProfile,
    provider: &Provider,
    order: &Order<'_>,
    context: &StepContext,
    key: Option<&SecretString>,
) -> Result<Outgoing, StepFailure> {
    let base = performer.references.resolve(&provider.base_url)?;
    let url = http::parse_url(&joined(&base, "chat/completions"))?;
    let model = performer.references.resolve(&provider.model)?;
    let mut headers =
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    http::stamp(&mut headers, &context.key)?;
    if let Some(key) = key {
        headers.insert(AUTHORIZATION, bearer(key)?);
    }
    let body = Some(order.body(profile, &model).into());
    let timeout = provider.timeout.unwrap_or(performer.default_timeout);
    Ok(Outgoing {
        method: Method::POST,
        url,
        headers,
        body,
        timeout,
    })
}

/// No answer: unwell, unless our own guard refused.
fn pass_over(error: WireError) -> Pass {
    let is_ours = matches!(&error, WireError::Refused(refusal) if !refusal.is_passing());
    match is_ours {
        true => Pass::Final(error.into()),
        false => Pass::Next(error.into()),
    }
}

/// Every provider was passed over: the last one's error, and what the others said.
fn exhausted(profile: &str, passed: Vec<(String, StepFailure)>) -> StepFailure {
    let said: Vec<_> = passed
        .iter()
        .map(|(name, failure)| format!("{name}: {}", failure.title()))
        .collect();
    let soonest = passed
        .iter()
        .filter_map(|(_, failure)| failure.again_after)
        .min();
    let Some((_, last)) = passed.into_iter().next_back() else {
        return StepFailure::configuration(format!("profile `{profile}` has no provider"));
    };
    let mut failure = last.again_after(soonest);
    failure.fault.title = Some(format!(
        "no provider of `{profile}` answered ({})",
        said.join("; ")
    ));
    failure
}
