//! What is pinned of an operation, and whether a template gives what it wants.

use serde::{Deserialize, Serialize};

use super::style::Style;
use super::{Complaint, Subject};
use crate::document::nearest;
use crate::value::Value;

/// One operation: all that a request needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// `operationId`.
    pub id: String,
    /// Upper case.
    pub method: String,
    /// The address without a `/` at its end; `{name}` stands for a variable.
    pub server: String,
    /// What may be told apart in the address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<Variable>,
    /// The path; `{name}` stands for a parameter.
    pub path: String,
    /// In declared order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// What is sent as the body, unless it is made of form parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// `Accept`, where the operation can give JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
    /// SHA-256 of the document that it was read from, in hexadecimal.
    pub document: String,
    /// What is declared and cannot be sent. Told when a template is published, and not pinned.
    #[serde(skip)]
    pub(super) lacks: Vec<Lack>,
}

/// A variable of the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name, which a template may give among the parameters.
    pub name: String,
    /// What stands there otherwise.
    pub default: String,
    /// What else may; anything plain when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
}

/// Where a parameter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Into the path.
    Path,
    /// Behind the `?`.
    Query,
    /// A header line.
    Header,
    /// Into `Cookie`.
    Cookie,
    /// A field of the form that is the body (Swagger 2.0).
    Form,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it goes.
    pub place: Place,
    /// How lists and objects are written.
    pub style: Style,
    /// Each item or member by itself.
    pub explode: bool,
    /// Characters with a meaning in URLs stay as they are.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_reserved_allowed: bool,
    /// It must be given.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_required: bool,
    /// A name alone is sent for an empty list.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_empty_allowed: bool,
}

/// The body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The key of `parameters` that holds it.
    pub name: String,
    /// How it is written.
    pub media: Media,
    /// It must be given.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_required: bool,
}

/// How a body is written; the text is its `Content-Type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Media {
    /// JSON.
    Json(String),
    /// An object, as a form; the fields that are written in a way of their own.
    Form(Vec<Parameter>),
    /// Text as it is.
    Text(String),
}

/// Something that is declared and cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lack {
    pub(super) name: String,
    pub(super) is_required: bool,
    pub(super) why: String,
}

/// One key of a template's `parameters`.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The key.
    pub name: &'a str,
    /// Whether null is written there, which leaves a parameter out.
    pub is_null: bool,
}

impl Parameter {
    /// One that is neither required nor special, in the usual style of its place.
    pub(super) fn plain(name: &str, place: Place) -> Self {
        let is_simple = matches!(place, Place::Path | Place::Header);
        Self {
            name: name.to_owned(),
            place,
            style: if is_simple {
                Style::Simple
            } else {
                Style::Form
            },
            explode: !is_simple,
            is_reserved_allowed: false,
            is_required: false,
            is_empty_allowed: false,
        }
    }
}

impl Operation {
    /// As it is stored.
    pub fn to_value(&self) -> Value {
        let plain = serde_json::to_value(self).expect("texts, lists and booleans are JSON");
        Value::from(plain)
    }

    /// As `to_value` wrote it; nothing for what it never wrote.
    pub fn from_value(value: &Value) -> Option<Self> {
        serde_json::from_value(serde_json::Value::from(value)).ok()
    }

    /// What is wrong with these parameters, before any value is known.
    pub fn complaints(&self, given: &[Given<'_>]) -> Vec<Complaint> {
        let unknown = given.iter().filter_map(|one| self.unknown(one.name));
        let missing = self.wanted().filter(|name| {
            let mut given = given.iter();
            !given.any(|one| one.name == *name && !one.is_null)
        });
        let missing = missing.map(|name| {
            let message = format!("`{}` requires the parameter `{name}`", self.id);
            let (code, subject) = ("openapi.missing_parameter", Subject::Parameters);
            Complaint::new(code, subject, message).hint(format!("add `{name}:` to `parameters`"))
        });
        unknown.chain(missing).collect()
    }

    fn unknown(&self, name: &str) -> Option<Complaint> {
        let subject = Subject::Parameter(name.to_owned());
        if let Some(lack) = self.lacks.iter().find(|lack| lack.name == name) {
            let message = format!("`{name}` cannot be sent: {}", lack.why);
            let problem = Complaint::new("openapi.not_supported", subject, message);
            return Some(problem.hint("write the request as `call: http`, or a handler for it"));
        }
        if self.names().any(|known| known == name) {
            return None;
        }
        let message = format!("`{}` has no parameter `{name}`", self.id);
        let problem = Complaint::new("openapi.unknown_parameter", subject, message);
        let hint = nearest::hint(name, self.names());
        Some(problem.hint(hint.unwrap_or_else(|| {
            let names: Vec<&str> = self.names().take(12).collect();
            match names.is_empty() {
                true => "it takes none".to_owned(),
                false => format!("it takes {}", names.join(", ")),
            }
        })))
    }

    /// All keys that mean something.
    fn names(&self) -> impl Iterator<Item = &str> {
        let parameters = self.parameters.iter().map(|one| one.name.as_str());
        let body = self.body.iter().map(|body| body.name.as_str());
        let variables = self.variables.iter().map(|one| one.name.as_str());
        parameters.chain(body).chain(variables)
    }

    /// Names of what must be given, each once.
    fn wanted(&self) -> impl Iterator<Item = &str> {
        let parameters = self.parameters.iter();
        let parameters = parameters.filter_map(|one| one.is_required.then_some(&*one.name));
        let body = self
            .body
            .iter()
            .filter_map(|one| one.is_required.then_some(&*one.name));
        let lacks = self
            .lacks
            .iter()
            .filter_map(|one| one.is_required.then_some(&*one.name));
        let all = parameters.chain(body).chain(lacks);
        let mut seen = std::collections::BTreeSet::new();
        all.filter(move |name| seen.insert(*name))
    }

    /// Each placeholder of the path is declared, and the path can be joined to an address.
    pub(super) fn check_path(&self) -> Result<(), Complaint> {
        let mut rest = self.path.as_str();
        if rest.contains(['#', '\\']) || rest.contains(char::is_whitespace) {
            let message = format!("its path `{}` is none that is sent", self.path);
            return Err(Complaint::of_document(message));
        }
        while let Some((_, after)) = rest.split_once('{') {
            let name = after.split_once('}');
            let Some((name, after)) = name else {
                let message = format!(
                    "its path `{}` opens a `{{` and does not close it",
                    self.path
                );
                return Err(Complaint::of_document(message));
            };
            let declared = |one: &Parameter| one.place == Place::Path && one.name == name;
            if !self.parameters.iter().any(declared) {
                let message = format!("its path names `{name}`, which no parameter declares");
                return Err(Complaint::of_document(message));
            }
            rest = after;
        }
        Ok(())
    }
}

fn is_false(flag: &bool) -> bool {
    !*flag
}
