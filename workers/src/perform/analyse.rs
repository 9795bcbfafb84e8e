//! `analyse:1.0.0`: asks the analysis service that a profile names.
//!
//! The body is the step's `with` without `profile`, the output is the service's JSON.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::SecretString;
use windlass_workflows::value::Value;

use super::failure::StepFailure;
use super::proof::proved;
use super::wire::Outgoing;
use super::{Inner, StepContext, http};
use crate::connection::SecretName;

/// Sends the rows; gives what the service computed.
pub(super) async fn perform(
    performer: &Inner,
    input: &Value,
    context: &StepContext,
) -> Result<Value, StepFailure> {
    let name = profile_name(input, "analyse:1.0.0")?;
    let profile = performer
        .connections
        .analyse_profile(context.tenant, name)
        .await?;
    let base = performer.references.resolve(&profile.base_url)?;
    let url = http::parse_url(&joined(&base, &profile.path))?;
    let mut headers =
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    http::stamp(&mut headers, &context.key)?;
    let proved = proved(performer, profile.proof.as_ref()).await?;
    proved.stamp(&mut headers);
    let body = Some(Bytes::from(without_profile(input).to_json()));
    let timeout = profile.timeout.unwrap_or(performer.default_timeout);

    let incoming = performer
        .wire
        .send(Outgoing {
            method: Method::POST,
            url,
            headers,
            body,
            timeout,
        })
        .await?;

    if !incoming.status.is_success() {
        return Err(proved.unwelcome(&incoming));
    }
    proved.content(&incoming)
}

/// The secret that a connection names, if it names one.
pub(super) async fn resolved(
    performer: &Inner,
    name: Option<&SecretName>,
) -> Result<Option<SecretString>, StepFailure> {
    match name {
        Some(name) => Ok(name.resolve(&performer.secrets).await?),
        None => Ok(None),
    }
}

/// The `profile` of a function's input.
pub(super) fn profile_name<'a>(input: &'a Value, function: &str) -> Result<&'a str, StepFailure> {
    let name = input.get("profile").and_then(Value::as_str);
    name.ok_or_else(|| {
        StepFailure::validation(format!("{function} needs `profile`, the name of a profile"))
    })
}

/// A base URL and a path with exactly one slash between them.
pub(super) fn joined(base: &str, path: &str) -> String {
    format!(
        "{}/{}",
        base.trim_end_matches('/'),
        path.trim_start_matches('/')
    )
}

fn without_profile(input: &Value) -> Value {
    let members = input.as_map().into_iter().flat_map(|map| map.iter());
    Value::map(
        members
            .filter(|(key, _)| &***key != "profile")
            .map(|(key, value)| (key.clone(), value.clone())),
    )
}
