//! `message:1.0.0`: sends a message through a channel: a webhook, a chat's incoming webhook, or a handler.
//!
//! The text is the channel's own, filled from the step's values. Whoever takes the message may say what it made
//! of it: that it was suppressed or deferred is an output, not an error.

mod pace;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use windlass_workflows::configuration::{Address, Channel, Message, Way};
use windlass_workflows::value::Value;

pub(super) use self::pace::Paces;
use self::pace::turn;
use super::analyse::resolved;
use super::failure::StepFailure;
use super::proof::proved;
use super::wire::Outgoing;
use super::{Inner, StepContext, answer, handler, http};
use crate::connection::ConnectionProblem;

/// What becomes of a message of which nothing else is said.
const SENT: &str = "sent";
/// The parts of the input that a channel is told.
const TOLD: [&str; 4] = ["to", "template", "thread", "values"];

/// Sends the message; gives `{ messageId, state }`.
pub(super) async fn perform(
    performer: &Inner,
    input: &Value,
    context: &StepContext,
) -> Result<Value, StepFailure> {
    let name = text(input, "channel")?;
    let channel = performer.connections.channel(context.tenant, name).await?;
    let message = written(&channel, input)?;
    turn(&performer.paces, context.tenant, &channel).await?;
    let said = match &channel.way {
        Way::Webhook(address) => {
            let body = told(input, message.as_ref());
            post(performer, &channel, address, &body, context).await?
        }
        Way::Chat(address) => {
            let body = chat(message.as_ref());
            post(performer, &channel, address, &body, context).await?
        }
        Way::Handler(function) => {
            let body = told(input, message.as_ref());
            handler::begin(&performer.catalogue, function, &body, context).await?
        }
    };
    Ok(output(&said, &context.key))
}

fn text<'a>(input: &'a Value, part: &str) -> Result<&'a str, StepFailure> {
    let found = input.get(part).and_then(Value::as_str);
    found.ok_or_else(|| StepFailure::validation(format!("message:1.0.0 needs `{part}`, a text")))
}

/// The channel's text of that name, filled; nothing where the channel has no texts at all.
fn written(channel: &Channel, input: &Value) -> Result<Option<Message>, StepFailure> {
    let template = text(input, "template")?;
    if channel.messages.is_empty() {
        return Ok(None);
    }
    let name = &channel.header.name;
    let message = channel.message(template);
    let message = message.ok_or_else(|| ConnectionProblem::UnknownMessage {
        channel: name.clone(),
        message: template.to_owned(),
    })?;
    // `{to}` and `{thread}` too, unless a value has that name.
    let values = input.get("values").and_then(Value::as_map);
    let values = values.into_iter().flat_map(|values| values.iter());
    let values = values.map(|(key, value)| (key.to_string(), value.clone()));
    let own = ["to", "thread"].into_iter();
    let own = own.filter_map(|part| Some((part.to_owned(), input.get(part)?.clone())));
    let filled = message.filled(&Value::map(own.chain(values)));
    filled.map(Some).map_err(|missing| {
        let missing = missing.join(", ");
        let title = format!("message `{template}` of channel `{name}` has no value for: {missing}");
        StepFailure::validation(title)
    })
}

/// All that is known of a message.
fn told(input: &Value, message: Option<&Message>) -> Value {
    let given = TOLD.into_iter().filter_map(|part| {
        let value = input.get(part).filter(|value| !value.is_null())?;
        Some((part, value.clone()))
    });
    let texts = message.into_iter().flat_map(|message| {
        let subject = message.subject.as_deref().map(|text| ("subject", text));
        let html = message.html.as_deref().map(|text| ("html", text));
        let texts = [subject, Some(("text", message.text.as_str())), html];
        texts.into_iter().flatten()
    });
    Value::map(given.chain(texts.map(|(part, text)| (part, Value::from(text)))))
}

/// A chat is sent a text alone: the address says to whom.
fn chat(message: Option<&Message>) -> Value {
    let text = message.map(|message| match &message.subject {
        Some(subject) => format!("{subject}\n{}", message.text),
        None => message.text.clone(),
    });
    Value::map([("text", Value::from(text.unwrap_or_default()))])
}

async fn post(
    performer: &Inner,
    channel: &Channel,
    address: &Address,
    body: &Value,
    context: &StepContext,
) -> Result<Value, StepFailure> {
    let mut proved = proved(performer, channel.proof.as_ref()).await?;
    let url = url(performer, address).await?;
    let parsed = http::parse_url(url.expose_secret())?;
    // An address may be the secret: some services quote the part of it that they are asked for.
    let parts = match address {
        Address::Plain(_) => [None, None],
        Address::Secret(_) => [Some(parsed.path()), parsed.query()],
    };
    let parts = parts.into_iter().flatten().filter(|part| *part != "/");
    parts.for_each(|part| proved.guard(part));
    let mut headers =
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    http::stamp(&mut headers, &context.key)?;
    proved.stamp(&mut headers);
    let incoming = performer
        .wire
        .send(Outgoing {
            method: Method::POST,
            url: parsed,
            headers,
            body: Some(Bytes::from(body.to_json())),
            timeout: performer.default_timeout,
        })
        .await?;
    if !incoming.status.is_success() {
        return Err(proved.unwelcome(&incoming));
    }
    // A text such as `ok` says no more than its status; so does what only claims to be JSON.
    Ok(answer::content(&incoming).unwrap_or_default())
}

/// An address is handled as a secret, whatever it is.
async fn url(performer: &Inner, address: &Address) -> Result<SecretString, StepFailure> {
    match address {
        Address::Plain(plain) => Ok(performer.references.resolve(&plain.into())?.into()),
        Address::Secret(secret) => {
            let found = resolved(performer, Some(&secret.into())).await?;
            let name = secret.name.clone();
            Ok(found.ok_or(ConnectionProblem::MissingSecret { name })?)
        }
    }
}

/// What the other side says of a message, and what it leaves out: the idempotency key is then its id.
fn output(said: &Value, key: &str) -> Value {
    let text = |part: &str| said.get(part).and_then(Value::as_str);
    let id = text("messageId").or_else(|| text("id")).unwrap_or(key);
    let state = text("state").unwrap_or(SENT);
    Value::map([
        ("messageId", Value::from(id)),
        ("state", Value::from(state)),
    ])
}
