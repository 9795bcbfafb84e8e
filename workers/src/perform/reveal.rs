//! Secrets of one call: markers become values where something is sent, and values become `[secret]` in what
//! comes back.
//!
//! What a call gives is recorded and shown, so no part of it may hold what the call was given in secret,
//! however often the other side repeats it. Text that looks like a marker goes the same way. Only secrets
//! that the template declares are revealed, whoever names them.

use std::collections::BTreeMap;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use windlass_workflows::machine::command::{Call, HttpRequest};
use windlass_workflows::machine::secret::Marks;
use windlass_workflows::value::Value;

use super::answer;
use super::failure::StepFailure;
use super::wire::Incoming;
use crate::secret::{SecretProblem, Secrets};

/// What stands where a secret stood.
const MASK: &str = "[secret]";
/// A shorter value is masked nowhere: it would be found in any text, and hides nothing.
const MASKED_BYTES_MIN: usize = 4;

/// The secrets of one call.
#[derive(Default)]
pub(super) struct Revealed<'a> {
    marks: Option<&'a Marks>,
    values: BTreeMap<String, SecretString>,
    /// As they may come back, the longest first.
    masked: Vec<SecretString>,
}

impl<'a> Revealed<'a> {
    /// Reads what the markers of a call name.
    ///
    /// # Errors
    /// `authorization` with the code `secret.missing` or `secret.unreadable`.
    pub async fn of(
        call: &Call,
        marks: Option<&'a Marks>,
        secrets: &Secrets,
    ) -> Result<Self, StepFailure> {
        let mut revealed = Self {
            marks,
            ..Self::default()
        };
        let Some(marks) = marks else {
            return Ok(revealed);
        };
        for name in named(call, marks) {
            let value = read(secrets, &name).await?;
            revealed.mask(value.expose_secret());
            revealed.values.insert(name, value);
        }
        Ok(revealed)
    }

    /// Whether nothing is to be swapped or hidden.
    pub fn is_plain(&self) -> bool {
        self.marks.is_none() && self.masked.is_empty()
    }

    /// Hides this too in what comes back.
    pub fn mask(&mut self, value: &str) {
        for form in forms(value) {
            let is_known = self.masked.iter().any(|one| one.expose_secret() == form);
            if form.len() >= MASKED_BYTES_MIN && !is_known {
                self.masked.push(form.into());
            }
        }
        let length = |one: &SecretString| std::cmp::Reverse(one.expose_secret().len());
        self.masked.sort_by_key(length);
    }

    /// A text as it is sent.
    pub fn text(&self, text: &str) -> String {
        match self.marks {
            Some(marks) => marks.swapped(text, |name, _| self.value_of(name).to_owned()),
            None => text.to_owned(),
        }
    }

    /// A URL as it is sent: a secret that does not begin it is one part of it and cannot break out.
    pub fn url(&self, text: &str) -> String {
        let Some(marks) = self.marks else {
            return text.to_owned();
        };
        marks.swapped(text, |name, place| match (place, self.value_of(name)) {
            (0, value) => value.to_owned(),
            (_, value) => encoded(value),
        })
    }

    /// A value as it is sent.
    pub fn value(&self, value: &Value) -> Value {
        match self.marks {
            Some(marks) => marks.swapped_in(value, &mut |name| self.value_of(name).to_owned()),
            None => value.clone(),
        }
    }

    fn value_of(&self, name: &str) -> &str {
        let known = self.values.get(name);
        known.map_or("", |value| value.expose_secret())
    }

    /// What came back, as it may be kept.
    pub fn hidden(&self, answer: Result<Value, StepFailure>) -> Result<Value, StepFailure> {
        if self.is_plain() {
            return answer;
        }
        answer
            .map(|output| self.hidden_in(&output))
            .map_err(|failure| self.hidden_failure(failure))
    }

    /// What came back without secrets. They are hidden before anything is cut off: half a secret is not found.
    fn hidden_incoming(&self, incoming: &Incoming) -> Incoming {
        Incoming {
            status: incoming.status,
            headers: incoming.headers.clone(),
            body: self.hidden_bytes(&incoming.body).into(),
        }
    }

    /// The fault of a status that is no success.
    pub fn unwelcome(&self, incoming: &Incoming) -> StepFailure {
        answer::unwelcome(&self.hidden_incoming(incoming))
    }

    /// Why an answer cannot be read, with the beginning of it.
    pub fn unreadable(&self, failure: StepFailure, incoming: &Incoming) -> StepFailure {
        let begins = answer::excerpt(&self.hidden_incoming(incoming));
        self.hidden_failure(failure)
            .with_detail(answer::body(&begins))
    }

    /// A failure that quotes nothing of them.
    pub fn hidden_failure(&self, mut failure: StepFailure) -> StepFailure {
        let fault = &mut failure.fault;
        fault.kind = self.hidden_text(&fault.kind);
        fault.title = fault.title.as_deref().map(|title| self.hidden_text(title));
        fault.detail = fault.detail.as_ref().map(|detail| self.hidden_in(detail));
        failure
    }

    /// The value without secrets and markers, in keys and texts.
    fn hidden_in(&self, value: &Value) -> Value {
        match value {
            Value::Text(text) => Value::from(self.hidden_text(text)),
            Value::List(_) => {
                let items = value.as_list().unwrap_or_default().iter();
                Value::list(items.map(|item| self.hidden_in(item)))
            }
            Value::Map(map) => Value::map(
                map.iter()
                    .map(|(key, value)| (self.hidden_text(key), self.hidden_in(value))),
            ),
            // A number that is a secret comes back as text.
            Value::Number(_) => match self.hidden_text(&value.to_json()) {
                text if text.contains(MASK) => Value::from(text),
                _ => value.clone(),
            },
            _ => value.clone(),
        }
    }

    /// A text without secrets and markers.
    pub fn hidden_text(&self, text: &str) -> String {
        let marks = self.marks;
        let unmarked = marks.map(|marks| marks.swapped(text, |_, _| MASK.to_owned()));
        let text = unmarked.unwrap_or_else(|| text.to_owned());
        let masked = self.masked.iter().map(ExposeSecret::expose_secret);
        masked.fold(text, |text, value| text.replace(value, MASK))
    }

    /// Bytes without secrets.
    pub fn hidden_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for value in &self.masked {
            bytes = replaced(&bytes, value.expose_secret().as_bytes());
        }
        bytes
    }
}

/// The secret that a template means.
///
/// # Errors
/// `authorization` with the code `secret.missing` or `secret.unreadable`.
pub(super) async fn read(secrets: &Secrets, name: &str) -> Result<SecretString, StepFailure> {
    let refused = |title: String, code: &str| {
        let code = Value::map([("code", Value::from(code)), ("secret", Value::from(name))]);
        StepFailure::failed("authorization", 403, title).with_detail(code)
    };
    match secrets.meant(name).await {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(refused(
            format!("this worker has no secret `{name}`"),
            "secret.missing",
        )),
        Err(problem @ SecretProblem::Name { .. }) => {
            Err(refused(problem.to_string(), "secret.missing"))
        }
        Err(problem @ SecretProblem::Unreadable { .. }) => {
            Err(refused(problem.to_string(), "secret.unreadable"))
        }
    }
}

/// The names of all markers in a call.
fn named(call: &Call, marks: &Marks) -> Vec<String> {
    let mut names = Vec::new();
    let mut note = |name: &str| {
        if marks.declares(name) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        String::new()
    };
    match call {
        Call::Function { input, .. } => {
            marks.swapped_in(input, &mut note);
        }
        Call::Http(request) => {
            for text in texts(request) {
                marks.swapped(text, |name, _| note(name));
            }
            let policy = request.authentication.as_deref();
            let parameters = policy.map(|policy| &policy.parameters);
            for value in request.body.iter().chain(parameters) {
                marks.swapped_in(value, &mut note);
            }
        }
    }
    names
}

fn texts(request: &HttpRequest) -> impl Iterator<Item = &str> {
    let pairs = request.headers.iter().chain(&request.query);
    let parts = pairs.flat_map(|(name, text)| [name.as_str(), text.as_str()]);
    std::iter::once(request.url.as_str()).chain(parts)
}

/// A value as it is, in JSON, in a URL, in a form and in a query, which leave other characters alone.
fn forms(value: &str) -> [String; 5] {
    let json = Value::from(value).to_json();
    let in_json = json.get(1..json.len() - 1).unwrap_or_default();
    let (own, in_json) = (value.to_owned(), in_json.to_owned());
    [
        own,
        in_json,
        encoded(value),
        in_form(value),
        in_query(value),
    ]
}

/// Everything but the unreserved characters of RFC 3986, section 2.3.
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let written = text.bytes().map(|byte| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    written.collect()
}

/// A text as the query of a URL is written here.
fn in_query(text: &str) -> String {
    let url = Url::parse_with_params("http://host", [("", text)]);
    let query = url.ok().and_then(|url| url.query().map(str::to_owned));
    query.map_or_else(String::new, |query| {
        query.trim_start_matches('=').to_owned()
    })
}

/// A text as a form's body writes it.
pub(super) fn in_form(text: &str) -> String {
    encoded(text).replace("%20", "+")
}

fn replaced(bytes: &[u8], wanted: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        match rest.strip_prefix(wanted) {
            Some(after) => {
                whole.extend_from_slice(MASK.as_bytes());
                rest = after;
            }
            None => {
                whole.push(first);
                rest = &rest[1..];
            }
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masking(value: &str) -> Revealed<'static> {
        let mut revealed = Revealed::default();
        revealed.mask(value);
        revealed
    }

    #[test]
    fn a_query_writes_other_characters_than_a_form() {
        assert_eq!(
            masking("a~b*c=").hidden_text("?k=a%7Eb*c%3D"),
            "?k=[secret]"
        );
    }

    #[test]
    fn what_comes_back_is_without_the_secret_in_every_form() {
        let revealed = masking("a\"b c&d");
        let answer = Value::parse(r#"{"x":["is a\"b c&d!"],"a\"b c&d":1,"n":12}"#).expect("JSON");

        let hidden = revealed.hidden(Ok(answer)).expect("an answer").to_json();

        assert_eq!(hidden, r#"{"x":["is [secret]!"],"[secret]":1,"n":12}"#);
        assert_eq!(revealed.hidden_text("q=a%22b+c%26d"), "q=[secret]");
        assert_eq!(
            revealed.hidden_text(r#"{"k":"a\"b c&d"}"#),
            r#"{"k":"[secret]"}"#
        );
        assert_eq!(revealed.hidden_bytes(b"\xff a\"b c&d"), b"\xff [secret]");
    }

    #[test]
    fn a_number_that_is_a_secret_is_hidden_and_a_short_one_is_not() {
        let number = |text| Ok(Value::parse(text).expect("JSON"));

        let hidden = masking("4711").hidden(number("[4711,47]"));
        assert_eq!(hidden.expect("an answer").to_json(), r#"["[secret]",47]"#);
        let plain = masking("12").hidden(number("[12]"));
        assert_eq!(plain.expect("an answer").to_json(), "[12]");
    }

    #[test]
    fn failures_hide_it_too() {
        let failure = StepFailure::communication(500, "no route to hunter22")
            .with_detail(Value::map([("body", Value::from("hunter22!"))]));

        let hidden = masking("hunter22")
            .hidden(Err(failure))
            .expect_err("a failure");

        assert_eq!(hidden.title(), "no route to [secret]");
        assert_eq!(
            hidden.fault.detail.expect("a detail").to_json(),
            r#"{"body":"[secret]!"}"#
        );
    }
}
