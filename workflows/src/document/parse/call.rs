//! `call`: HTTP requests, written out or by a description of the service; functions of `use.functions`, functions of the default catalogue.

use super::Reader;
use super::shape::{shape, unwrapped};
use super::spot::Spot;
use crate::catalogue::{BATCH, CHUNKS, MAP};
use crate::document::step::{Authentication, FunctionName, HttpCall, HttpOutput, Kind, Shape};
use crate::value::Value;

const PROTOCOLS: [(&str, &str); 4] = [
    ("grpc", "write a handler for it"),
    ("asyncapi", "write a handler for it"),
    ("a2a", "write a handler for it"),
    ("mcp", "write a handler for it"),
];

const HTTP_KEYS: [&str; 7] = [
    "method", "endpoint", "headers", "query", "body", "output", "redirect",
];

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The parts of `name:version@catalogue`, if the text has that form.
pub fn function_name(text: &str) -> Option<(FunctionName, &str)> {
    let (name, rest) = text.split_once(':')?;
    let (version, catalogue) = rest.split_once('@')?;
    let word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let fits = word(name) && word(catalogue) && semver::Version::parse(version).is_ok();
    let function = FunctionName {
        name: name.to_owned(),
        version: version.to_owned(),
    };
    fits.then_some((function, catalogue))
}

impl Reader {
    pub fn call(&mut self, fields: &Spot<'_>) -> Option<Kind> {
        let spot = fields.get("call")?;
        let name = self.text(&spot)?;
        if name == "http" {
            let with = self.required(fields, "with")?;
            return self.http(&with).map(Kind::Http);
        }
        if name == "openapi" {
            let with = self.required(fields, "with")?;
            return self
                .openapi(&with)
                .map(|call| Kind::OpenApi(Box::new(call)));
        }
        if let Some((protocol, hint)) = PROTOCOLS.iter().find(|(protocol, _)| *protocol == name) {
            let message = format!("`call: {protocol}` is not supported");
            let code = format!("unsupported.call.{protocol}");
            self.problems.push(spot.problem(&code, message).hint(*hint));
            return None;
        }
        let with = match fields.get("with") {
            Some(spot) if is_batch(name) => self.recipe(&spot)?,
            Some(spot) => self.map_shape(&spot)?,
            None => Shape::Constant(Value::map([] as [(&str, Value); 0])),
        };
        let kind = self.callee(&spot, name, with)?;
        if let Kind::Function { function, .. } = &kind
            && [CHUNKS, MAP].contains(&function.name.as_str())
        {
            self.called_of_catalogue(fields);
        }
        Some(kind)
    }

    /// The `with` of a batch: the expressions of its `input` see a member, as those of a job configuration do.
    fn recipe(&mut self, spot: &Spot<'_>) -> Option<Shape> {
        let spot = self.any_object(spot)?;
        let entries = spot.entries().iter().map(|entry| {
            let of = spot.of(entry);
            let read = match &*entry.key {
                "input" => Shape::Constant(of.tree.to_value()),
                _ => shape(&of),
            };
            (entry.key.to_string(), read)
        });
        Some(Shape::Map(entries.collect()))
    }

    /// What a call of `chunks` or `map` names in its `with.call`, if a catalogue of the template has it.
    fn called_of_catalogue(&mut self, fields: &Spot<'_>) {
        let called = fields.get("with").and_then(|with| with.get("call"));
        if let Some(spot) = called
            && let Some(name) = spot.tree.as_str()
            && function_name(name).is_some_and(|(_, catalogue)| catalogue != "default")
        {
            self.callee(&spot, name, Shape::Constant(Value::Null));
        }
    }

    /// A function by its name here or in a catalogue.
    pub fn callee(&mut self, spot: &Spot<'_>, name: &str, with: Shape) -> Option<Kind> {
        if let Some(function) = self.function_index(name) {
            return Some(Kind::Local { function, with });
        }
        let problem = match function_name(name) {
            Some((function, "default")) => return Some(Kind::Function { function, with }),
            Some((function, catalogue)) => {
                let mut known = self.catalogs.iter();
                if let Some(known) = known.find(|(known, _)| known == catalogue).cloned() {
                    let function = self.borrowed(spot, &function, known)?;
                    return Some(Kind::Local { function, with });
                }
                let message = format!("`use.catalogs` has no `{catalogue}`");
                let problem = spot.problem("reference.unknown_catalog", message);
                problem.hint("define it there, or use a function of `@default`")
            }
            None if name.contains("://") => {
                let message = "a function from a URI is not supported";
                spot.problem("unsupported.call.uri", message)
                    .hint("use `call: http`")
            }
            None if name.contains([':', '@']) || unwrapped(name).is_some() => {
                let message = format!("`{name}` is no function name");
                let problem = spot.problem("call.name", message);
                problem.hint("write name:version@default, such as analyse:1.0.0@default")
            }
            None => {
                self.unknown_name(spot, "function", name);
                return None;
            }
        };
        self.problems.push(problem);
        None
    }

    fn http(&mut self, spot: &Spot<'_>) -> Option<HttpCall> {
        let fields = self.object(spot, &HTTP_KEYS)?;
        let method = self
            .required(&fields, "method")
            .and_then(|spot| self.method(&spot));
        let endpoint = self
            .required(&fields, "endpoint")
            .and_then(|spot| self.endpoint(&spot));
        let headers = fields.get("headers").and_then(|spot| self.texts(&spot));
        let query = fields.get("query").and_then(|spot| self.texts(&spot));
        let output = fields
            .get("output")
            .and_then(|spot| self.http_output(&spot));
        let redirect = fields.get("redirect").and_then(|spot| self.boolean(&spot));
        self.check_header_names(&fields);
        let (endpoint, authentication) = endpoint?;
        Some(HttpCall {
            method: method?,
            endpoint,
            headers,
            query,
            body: fields.get("body").map(|spot| shape(&spot)),
            output: output.unwrap_or_default(),
            redirect: redirect.unwrap_or_default(),
            authentication,
        })
    }

    fn method(&mut self, spot: &Spot<'_>) -> Option<String> {
        let text = self.text(spot)?.to_uppercase();
        if METHODS.contains(&text.as_str()) {
            return Some(text);
        }
        let problem = spot.problem("call.method", format!("`{text}` is no method that is sent"));
        self.problems
            .push(problem.hint(format!("one of {}", METHODS.join(", "))));
        None
    }

    /// Text, an expression, or an object with `uri`.
    fn endpoint(&mut self, spot: &Spot<'_>) -> Option<(Shape, Option<Authentication>)> {
        let (mut spot, mut authentication) = (spot.clone(), None);
        if spot.tree.as_map().is_some() {
            let fields = self.object(&spot, &["uri", "authentication"])?;
            let policy = fields.get("authentication");
            authentication = policy.and_then(|spot| self.authentication(&spot));
            spot = self.required(&fields, "uri")?;
        }
        let text = self.text(&spot)?;
        if unwrapped(text).is_none() && !is_endpoint(text) {
            let problem = spot.problem("call.endpoint", format!("`{text}` is no URI to call"));
            let hint = "write http:// or https://, placeholders as {name}, or ${ an expression }";
            self.problems.push(problem.hint(hint));
            return None;
        }
        Some((shape(&spot), authentication))
    }

    /// A map of texts, or an expression giving one.
    fn texts(&mut self, spot: &Spot<'_>) -> Option<Shape> {
        if spot
            .tree
            .as_str()
            .is_some_and(|text| unwrapped(text).is_some())
        {
            return Some(shape(spot));
        }
        let spot = self.any_object(spot)?;
        for entry in spot.entries() {
            self.text(&spot.of(entry));
        }
        Some(shape(&spot))
    }

    fn check_header_names(&mut self, fields: &Spot<'_>) {
        let Some(headers) = fields.get("headers") else {
            return;
        };
        for entry in headers.entries() {
            let clean = |text: &str| !text.contains(['\r', '\n']);
            if is_token(&entry.key) && entry.value.as_str().is_none_or(clean) {
                continue;
            }
            let message = format!("`{}` is no header", entry.key.escape_debug());
            let problem = headers.problem_at(entry, "call.header", message);
            self.problems
                .push(problem.hint("a name without blanks, a value on one line"));
        }
    }

    pub(super) fn http_output(&mut self, spot: &Spot<'_>) -> Option<HttpOutput> {
        match self.text(spot)? {
            "content" => Some(HttpOutput::Content),
            "raw" => Some(HttpOutput::Raw),
            "response" => Some(HttpOutput::Response),
            other => {
                let message = format!("`{other}` is no form of output");
                let problem = spot.problem("call.output", message);
                self.problems.push(problem.hint("content, raw or response"));
                None
            }
        }
    }
}

fn is_batch(name: &str) -> bool {
    function_name(name).is_some_and(|(function, of)| function.name == BATCH && of == "default")
}

/// An HTTP URI whose placeholders are closed and named.
fn is_endpoint(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
        return false;
    };
    let mut parts = rest.split('{');
    let outside = |text: &str| !text.contains('}') && !text.contains(char::is_whitespace);
    let before = parts.next().is_some_and(outside);
    before
        && parts.all(|part| match part.split_once('}') {
            Some((name, rest)) => !name.is_empty() && outside(rest),
            None => false,
        })
}

/// A token of HTTP: what header names are made of.
fn is_token(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(fits)
}
