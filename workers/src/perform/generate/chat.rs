//! OpenAI's chat completions: the order that is sent, the reply that is read.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use windlass_workflows::value::{Map, Value};

use super::super::failure::StepFailure;
use super::super::wire::Incoming;
use crate::connection::{GenerateProfile, Price, Provider};

/// Members of the step's `with` that mean something; all others are what is written from.
const MEMBERS: [&str; 3] = ["profile", "prompt", "answer"];
/// Deepest JSON that an answer may be.
const ANSWER_DEPTH_MAX: u32 = 60;
/// Problems of a wrong answer that are told.
const PROBLEMS_MAX: usize = 5;

/// What a step asks for.
pub(super) struct Order<'a> {
    /// What to write from, then what to write: messages to the provider.
    said: Vec<Cow<'a, str>>,
    schema: Option<(serde_json::Value, jsonschema::Validator)>,
}

impl<'a> Order<'a> {
    /// Reads the step's input.
    pub fn read(input: &'a Value) -> Result<Self, StepFailure> {
        let prompt =
            match input.get("prompt").filter(|prompt| !prompt.is_null()) {
                Some(prompt) => Some(prompt.as_str().ok_or_else(|| {
                    StepFailure::validation("`prompt` of generate:1.0.0 is a text")
                })?),
                None => None,
            };
        let said: Vec<_> = material(input)
            .map(Cow::Owned)
            .into_iter()
            .chain(prompt.map(Cow::Borrowed))
            .collect();
        if said.is_empty() {
            let message = "generate:1.0.0 needs `prompt`, or something to write from";
            return Err(StepFailure::validation(message));
        }
        let schema = input.get("answer").map(compiled).transpose()?;
        Ok(Self { said, schema })
    }

    /// The request's body.
    pub fn body(&self, profile: &GenerateProfile, model: &str) -> String {
        let system = profile
            .system
            .iter()
            .map(|text| json!({ "role": "system", "content": text }));
        let said = self.said.iter();
        let messages: Vec<_> = system
            .chain(said.map(|text| json!({ "role": "user", "content": text })))
            .collect();
        let mut body = json!({ "model": model, "messages": messages });
        if let Some(most) = profile.max_tokens {
            body["max_tokens"] = json!(most);
        }
        if let Some(temperature) = profile.temperature {
            body["temperature"] = json!(temperature);
        }
        if let Some((schema, _)) = &self.schema {
            let named = json!({ "name": "answer", "schema": schema });
            body["response_format"] = json!({ "type": "json_schema", "json_schema": named });
        }
        body.to_string()
    }

    /// The text as JSON that fits the schema; nothing if none was asked for.
    fn answer(&self, text: &str) -> Result<Option<Value>, StepFailure> {
        let Some((_, schema)) = &self.schema else {
            return Ok(None);
        };
        let wrong = |why: String| {
            StepFailure::communication(502, format!("the answer does not fit its schema: {why}"))
        };
        let answer = Value::parse_within(text, ANSWER_DEPTH_MAX)
            .map_err(|error| wrong(format!("not JSON: {error}")))?;
        let plain = serde_json::Value::from(&answer);
        let problems: Vec<_> = schema
            .iter_errors(&plain)
            .take(PROBLEMS_MAX)
            .map(|problem| format!("{} at `{}`", problem, problem.instance_path()))
            .collect();
        match problems.is_empty() {
            true => Ok(Some(answer)),
            false => Err(wrong(problems.join("; "))),
        }
    }
}

/// The members that are there to be written from, as one JSON object; an absent value says nothing.
fn material(input: &Value) -> Option<String> {
    let all = input.as_map().into_iter().flat_map(Map::iter);
    let given = all
        .filter(|(key, value)| !MEMBERS.contains(&&***key) && !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()));
    let given: Vec<_> = given.collect();
    (!given.is_empty()).then(|| Value::map(given).to_json())
}

fn compiled(schema: &Value) -> Result<(serde_json::Value, jsonschema::Validator), StepFailure> {
    let schema = serde_json::Value::from(schema);
    let validator = jsonschema::validator_for(&schema)
        .map_err(|error| StepFailure::validation(format!("`answer` is no JSON Schema: {error}")))?;
    Ok((schema, validator))
}

/// What a provider wrote.
#[derive(Deserialize)]
pub(super) struct Reply {
    model: Option<String>,
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

#[derive(Default, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
}

impl Reply {
    /// Reads the response's body.
    pub fn read(incoming: &Incoming) -> Result<Self, StepFailure> {
        let reply: Self = serde_json::from_slice(&incoming.body).map_err(|error| {
            StepFailure::communication(
                502,
                format!("the provider's reply is no chat completion: {error}"),
            )
        })?;
        match reply.text() {
            Some(_) => Ok(reply),
            None => Err(StepFailure::communication(
                502,
                "the provider's reply holds no text",
            )),
        }
    }

    /// The step's output: `{ text, model, provider, usage, cost?, answer? }`.
    pub fn output(&self, provider: &Provider, order: &Order<'_>) -> Result<Value, StepFailure> {
        let text = self.text().unwrap_or_default();
        let mut output = vec![
            ("text", Value::from(text)),
            (
                "model",
                self.model.as_deref().map_or(Value::Null, Value::from),
            ),
            ("provider", Value::from(provider.name.as_str())),
            ("usage", self.usage.value()),
        ];
        output.extend(
            provider
                .price
                .as_ref()
                .map(|price| ("cost", self.usage.cost(price))),
        );
        output.extend(order.answer(text)?.map(|answer| ("answer", answer)));
        Ok(Value::map(output))
    }

    fn text(&self) -> Option<&str> {
        self.choices.first()?.message.content.as_deref()
    }
}

impl Usage {
    fn value(&self) -> Value {
        Value::map([
            ("input_tokens", Value::from(self.prompt_tokens)),
            ("output_tokens", Value::from(self.completion_tokens)),
        ])
    }

    fn cost(&self, price: &Price) -> Value {
        let input = f64::from(self.prompt_tokens) * price.input_per_million;
        let output = f64::from(self.completion_tokens) * price.output_per_million;
        Value::map([
            ("amount", Value::from((input + output) / 1_000_000.0)),
            ("currency", Value::from(price.currency.as_str())),
        ])
    }
}
