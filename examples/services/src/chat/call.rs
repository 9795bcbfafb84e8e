//! A call as clients of the protocol send it, checked.
//!
//! Keys that this service has no use for are accepted, as every provider has some of its own.

use serde::Deserialize;

use super::answer::Refusal;
use super::tokens;

const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];

/// A checked call.
pub(super) struct Call {
    pub(super) model: String,
    /// The text of the last message of the user.
    pub(super) prompt: String,
    /// Over all messages.
    pub(super) prompt_tokens: usize,
    pub(super) tokens_max: Option<usize>,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    messages: Option<Vec<Message>>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    temperature: Option<f64>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

impl Call {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let body: Body = serde_json::from_slice(bytes)
            .map_err(|error| Refusal::invalid(format!("invalid body: {error}"), None))?;
        check_limits(&body)?;
        let model = body.model.filter(|model| !model.is_empty());
        let model = model.ok_or_else(|| Refusal::invalid("`model` is missing", Some("model")))?;
        let messages = body.messages.unwrap_or_default();
        check_messages(&messages)?;
        Ok(Self {
            model,
            prompt: prompt(&messages),
            prompt_tokens: messages.iter().map(|m| tokens::count(&m.text())).sum(),
            tokens_max: body.max_completion_tokens.or(body.max_tokens),
            stream: body.stream.unwrap_or(false),
            include_usage: body.stream_options.is_some_and(|o| o.include_usage),
        })
    }
}

fn check_limits(body: &Body) -> Result<(), Refusal> {
    if body.max_completion_tokens.or(body.max_tokens) == Some(0) {
        let message = "`max_tokens` must be at least 1";
        return Err(Refusal::invalid(message, Some("max_tokens")));
    }
    match body.temperature {
        Some(given) if !(0.0..=2.0).contains(&given) => Err(Refusal::invalid(
            format!("`temperature` must be from 0 to 2, not {given}"),
            Some("temperature"),
        )),
        _ => Ok(()),
    }
}

fn check_messages(messages: &[Message]) -> Result<(), Refusal> {
    if let Some(unknown) = messages.iter().find(|m| !ROLES.contains(&m.role.as_str())) {
        let message = format!("unknown role {:?}", unknown.role);
        return Err(Refusal::invalid(message, Some("messages")));
    }
    match messages.iter().any(|message| message.role == "user") {
        true => Ok(()),
        false => Err(Refusal::invalid(
            "`messages` needs at least one message of the user",
            Some("messages"),
        )),
    }
}

fn prompt(messages: &[Message]) -> String {
    let last = messages.iter().rfind(|message| message.role == "user");
    last.map(Message::text).unwrap_or_default()
}

impl Message {
    fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => parts
                .iter()
                .filter_map(|part| part.text.as_deref())
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }
}
