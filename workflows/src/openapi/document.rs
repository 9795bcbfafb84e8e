//! Reading a document, finding an operation in it, following its references.

use sha2::{Digest, Sha256};

use super::operation::Operation;
use super::{Complaint, Subject};
use crate::document::nearest;
use crate::document::tree::{self, Format};
use crate::value::Value;

/// Bytes of one document in JSON; one in YAML has at most `tree::TEXT_BYTES_MAX`, since its reader keeps
/// the place of every value. The largest that services publish as one file are a few megabytes.
pub const DOCUMENT_BYTES_MAX: usize = 8 << 20;

/// Levels of containers. Descriptions nest schemas, which no request needs, but whole documents are read.
const DEPTH_MAX: u32 = 128;

/// References followed one after the other: a parameter that is a reference to a reference is rare.
const REFERENCES_MAX: usize = 8;

/// Keys of a path that are operations. `trace` is missing: no client of ours sends it.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// The two forms of description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// Swagger 2.0.
    Two,
    /// OpenAPI 3.0 and 3.1.
    Three,
}

/// A document that was read.
#[derive(Clone, Debug)]
pub struct Document {
    pub(super) root: Value,
    pub(super) flavour: Flavour,
    /// Where it came from: relative servers are meant from there.
    pub(super) url: String,
    hash: String,
}

/// An operation where it stands.
pub(super) struct Found<'a> {
    pub(super) path: &'a str,
    pub(super) method: &'static str,
    /// What all operations of the path share.
    pub(super) item: &'a Value,
    pub(super) operation: &'a Value,
}

impl Document {
    /// Reads a document, JSON or YAML, that came from `url`.
    ///
    /// # Errors
    /// When it cannot be read, or is no description of a kind that is known.
    pub fn read(text: &str, url: &str) -> Result<Self, Complaint> {
        let root = read(text)?;
        Ok(Self {
            flavour: flavour(&root)?,
            root,
            url: url.to_owned(),
            hash: hex::encode(Sha256::digest(text.as_bytes())),
        })
    }

    /// SHA-256 of its text, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The operation of this id, as it is pinned.
    ///
    /// # Errors
    /// When there is none, or one that cannot be sent.
    pub fn operation(&self, id: &str) -> Result<Operation, Complaint> {
        let found = self.find(id)?;
        let (parameters, declared_body, mut lacks) = self.parameters(&found)?;
        let body = match self.flavour {
            Flavour::Two => self.body_of_two(&found, declared_body, &parameters, &mut lacks),
            Flavour::Three => self.body_of_three(&found, &mut lacks)?,
        };
        let (server, variables) = self.server(&found)?;
        let operation = Operation {
            id: id.to_owned(),
            method: found.method.to_uppercase(),
            server,
            variables,
            path: found.path.to_owned(),
            parameters,
            body,
            accept: self.accept(&found),
            document: self.hash.clone(),
            lacks,
        };
        operation.check_path().map(|()| operation)
    }

    /// Broken paths beside it are not its business: they are skipped.
    fn find(&self, id: &str) -> Result<Found<'_>, Complaint> {
        let mut all = self.operations();
        let Some(found) = all.find(|(known, _)| *known == id) else {
            let names = self.operations().map(|(name, _)| name);
            let message = format!("the document has no operation `{id}`");
            let problem = Complaint::new("openapi.unknown_operation", Subject::Operation, message);
            let hint = nearest::hint(id, names);
            return Err(problem.hint(hint.unwrap_or_else(|| self.first_names())));
        };
        if all.any(|(known, _)| known == id) {
            let message = format!("the document has two operations `{id}`");
            return Err(Complaint::of_document(message).hint("an operationId must be unique"));
        }
        Ok(found.1)
    }

    fn operations(&self) -> impl Iterator<Item = (&str, Found<'_>)> {
        let paths = self.root.get("paths").and_then(Value::as_map);
        let paths = paths.into_iter().flat_map(|paths| paths.iter());
        paths
            .filter(|(path, _)| path.starts_with('/'))
            .filter_map(|(path, item)| Some((path, self.resolved(item).ok()?)))
            .flat_map(|(path, item)| {
                METHODS.into_iter().filter_map(move |method| {
                    let operation = item.get(method)?;
                    let id = operation.get("operationId")?.as_str()?;
                    let found = Found {
                        path,
                        method,
                        item,
                        operation,
                    };
                    Some((id, found))
                })
            })
    }

    fn first_names(&self) -> String {
        const SHOWN: usize = 8;
        let names: Vec<&str> = self
            .operations()
            .map(|(name, _)| name)
            .take(SHOWN + 1)
            .collect();
        match names.len() {
            0 => "no operation of it has an operationId".to_owned(),
            1..=SHOWN => format!("it has {}", names.join(", ")),
            _ => format!("it has {} and more", names[..SHOWN].join(", ")),
        }
    }

    /// The value itself, or what its `$ref` leads to.
    pub(super) fn resolved<'a>(&'a self, value: &'a Value) -> Result<&'a Value, Complaint> {
        let mut at = value;
        for _ in 0..=REFERENCES_MAX {
            let Some(reference) = at.get("$ref").and_then(Value::as_str) else {
                return Ok(at);
            };
            at = self.target(reference)?;
        }
        Err(broken(format!(
            "its references lead on more than {REFERENCES_MAX} times"
        )))
    }

    fn target(&self, reference: &str) -> Result<&Value, Complaint> {
        let Some(fragment) = reference.strip_prefix('#') else {
            let message = format!("it refers to another document: `{}`", cut(reference));
            return Err(broken(message).hint("publish it as one file: tools call that bundling"));
        };
        let target = self.root.pointer(&decoded(fragment));
        target.ok_or_else(|| broken(format!("it refers to nothing: `{}`", cut(reference))))
    }

    /// JSON is asked for where the operation can give it; otherwise the service chooses.
    fn accept(&self, found: &Found<'_>) -> Option<String> {
        let produced: Vec<&str> = match self.flavour {
            Flavour::Two => self.texts(found, "produces"),
            Flavour::Three => {
                let responses = found.operation.get("responses").and_then(Value::as_map);
                let responses = responses.into_iter().flat_map(|map| map.iter());
                let good = responses.filter(|(status, _)| status.starts_with('2'));
                let contents = good.filter_map(|(_, response)| {
                    self.resolved(response).ok()?.get("content")?.as_map()
                });
                contents
                    .flat_map(|content| content.keys().map(AsRef::as_ref))
                    .collect()
            }
        };
        let json = produced.iter().find(|media| super::body::is_json(media));
        json.map(|media| super::body::concrete(media))
    }

    /// A list of texts of an operation of Swagger 2.0, or the document's own.
    pub(super) fn texts<'a>(&'a self, found: &Found<'a>, key: &str) -> Vec<&'a str> {
        let own = found.operation.get(key).and_then(Value::as_list);
        let list = own.or_else(|| self.root.get(key).and_then(Value::as_list));
        let list = list.unwrap_or_default().iter();
        list.filter_map(Value::as_str).collect()
    }
}

fn broken(message: String) -> Complaint {
    Complaint::new("openapi.reference", Subject::Document, message)
}

fn read(text: &str) -> Result<Value, Complaint> {
    let too_large = |limit: usize| {
        let message = format!("it has {} bytes; {limit} are allowed", text.len());
        Complaint::of_document(message)
    };
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(too_large(DOCUMENT_BYTES_MAX));
    }
    if text.trim_start().starts_with('{')
        && let Ok(value) = Value::parse_within(text, DEPTH_MAX)
    {
        return Ok(value);
    }
    if text.len() > tree::TEXT_BYTES_MAX {
        return Err(too_large(tree::TEXT_BYTES_MAX).hint("a larger one must be JSON"));
    }
    let tree = tree::read_one(text, Format::Yaml).map_err(|problems| {
        let first = problems.first().map(ToString::to_string);
        let first = first.unwrap_or_default();
        Complaint::of_document(format!("it is neither JSON nor YAML: {first}"))
    })?;
    Ok(tree.to_value())
}

fn flavour(root: &Value) -> Result<Flavour, Complaint> {
    let version = |key: &str| {
        let value = root.get(key)?;
        // Without quotes YAML reads 2.0 as a number.
        let text = value.as_str().map(str::to_owned);
        text.or_else(|| Some(value.as_number()?.to_string()))
    };
    let refused = |what: &str, found: &str| {
        let message = format!("it is {what} {}", cut(found));
        let problem = Complaint::new("openapi.version", Subject::Document, message);
        Err(problem.hint("OpenAPI 3.0 and 3.1 and Swagger 2.0 are read"))
    };
    match (version("swagger"), version("openapi")) {
        (_, Some(found)) if ["3.0", "3.1"].iter().any(|known| is_of(&found, known)) => {
            Ok(Flavour::Three)
        }
        (_, Some(found)) => refused("OpenAPI", &found),
        (Some(found), None) if is_of(&found, "2.0") || found == "2" => Ok(Flavour::Two),
        (Some(found), None) => refused("Swagger", &found),
        (None, None) => {
            let problem = Complaint::of_document("it has neither `openapi` nor `swagger`");
            Err(problem.hint("name the description itself, not a page about it"))
        }
    }
}

fn is_of(version: &str, known: &str) -> bool {
    version == known || version.starts_with(&format!("{known}."))
}

/// A fragment of a URI as the pointer that it stands for.
fn decoded(fragment: &str) -> String {
    let bytes = fragment.as_bytes();
    let mut text = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = fragment.get(at + 1..at + 3);
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], byte) {
            (b'%', Some(byte)) => {
                text.push(byte);
                at += 3;
            }
            (byte, _) => {
                text.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A text of the document as a message may carry it.
pub(super) fn cut(text: &str) -> String {
    const SHOWN: usize = 80;
    text.chars().take(SHOWN).collect()
}
