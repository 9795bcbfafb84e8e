//! How a request proves who sends it: `basic`, `bearer`, and `oauth2` with the client's own credentials.
//!
//! Only the header line leaves this file. Whatever a policy was given in secret is masked in the answer.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use windlass_workflows::machine::command::Authentication;
use windlass_workflows::value::Value;

use super::Inner;
use super::failure::StepFailure;
use super::reveal::{self, Revealed};
use super::token::{Client, Used};

/// What a request is sent with.
pub(super) struct Proof {
    /// The value of `Authorization`, kept out of every log.
    pub line: HeaderValue,
    /// The token in it, if it was fetched: when it is refused, another one may help.
    pub token: Option<Used>,
}

/// What the policy sends; `refused` is the token that the other side did not take.
///
/// # Errors
/// `authorization` when a secret is missing, `configuration` when the policy lacks something, and what
/// fetching a token gives.
pub(super) async fn proof(
    performer: &Inner,
    policy: &Authentication,
    revealed: &mut Revealed<'_>,
    refused: Option<Used>,
) -> Result<Proof, StepFailure> {
    let parameters = parameters(performer, policy, revealed).await?;
    match policy.scheme.as_str() {
        "basic" => {
            let password = text(&parameters, "password", "basic")?;
            let pair = format!("{}:{password}", text(&parameters, "username", "basic")?);
            let encoded = BASE64_STANDARD.encode(pair);
            revealed.mask(password);
            line("Basic", &encoded.into(), revealed, None)
        }
        "bearer" => {
            let token = text(&parameters, "token", "bearer")?;
            line("Bearer", &token.into(), revealed, None)
        }
        "oauth2" => {
            let client = Client::read(&parameters)?;
            revealed.mask(client.secret.expose_secret());
            revealed.mask(&client.basic());
            let (token, used) = performer.tokens.get(performer, &client, refused).await?;
            line("Bearer", &token, revealed, Some(used))
        }
        scheme => Err(StepFailure::configuration(format!(
            "there is no authentication by `{scheme}`"
        ))),
    }
}

/// What the policy says, or the secret that it names: a JSON object, or for `bearer` the token alone.
async fn parameters(
    performer: &Inner,
    policy: &Authentication,
    revealed: &Revealed<'_>,
) -> Result<Value, StepFailure> {
    let Some(name) = &policy.secret else {
        return Ok(revealed.value(&policy.parameters));
    };
    let secret = reveal::read(&performer.secrets, name).await?;
    let whole = Value::parse(secret.expose_secret()).ok();
    match whole.filter(|whole| whole.as_map().is_some()) {
        Some(whole) => Ok(whole),
        None if policy.scheme == "bearer" => {
            Ok(Value::map([("token", Value::from(secret.expose_secret()))]))
        }
        None => Err(StepFailure::configuration(format!(
            "secret `{name}` is no JSON object, which `{}` needs",
            policy.scheme
        ))),
    }
}

/// A member that must be text.
pub(super) fn text<'a>(
    parameters: &'a Value,
    key: &str,
    scheme: &str,
) -> Result<&'a str, StepFailure> {
    let found = parameters.get(key).and_then(Value::as_str);
    found.ok_or_else(|| {
        StepFailure::configuration(format!("`{scheme}` needs `{key}`, which is text"))
    })
}

fn line(
    word: &str,
    value: &SecretString,
    revealed: &mut Revealed<'_>,
    token: Option<Used>,
) -> Result<Proof, StepFailure> {
    let value = value.expose_secret();
    let line = HeaderValue::from_str(&format!("{word} {value}"));
    let mut line = line.map_err(|_| {
        StepFailure::configuration("what proves who sends the request is no header text")
    })?;
    line.set_sensitive(true);
    revealed.mask(value);
    Ok(Proof { line, token })
}
