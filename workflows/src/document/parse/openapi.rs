//! What stands elsewhere: the document and operation of `call: openapi`, and schemas by `resource`.

use std::sync::Arc;

use super::Reader;
use super::shape::unwrapped;
use super::spot::Spot;
use crate::document::step::{OpenApiCall, Shape};
use crate::openapi::{Complaint, Document, Given, Operation, Subject};
use crate::resource::{RESOURCES_MAX, Resource};
use crate::value::Value;

const KEYS: [&str; 6] = [
    "document",
    "operationId",
    "parameters",
    "authentication",
    "output",
    "redirect",
];

impl Reader {
    /// `with` of `call: openapi`.
    pub(super) fn openapi(&mut self, spot: &Spot<'_>) -> Option<OpenApiCall> {
        let fields = self.object(spot, &KEYS)?;
        let document = self.required(&fields, "document");
        let url = document.and_then(|spot| self.resource(&spot));
        let id = self.required(&fields, "operationId");
        let id = id.and_then(|spot| self.text(&spot));
        let parameters = match fields.get("parameters") {
            Some(spot) => self.map_shape(&spot),
            None => Some(Shape::Map(Vec::new())),
        };
        let policy = fields.get("authentication");
        let authentication = policy.and_then(|spot| self.authentication(&spot));
        let output = fields
            .get("output")
            .and_then(|spot| self.http_output(&spot));
        let redirect = fields.get("redirect").and_then(|spot| self.boolean(&spot));
        let (url, id, parameters) = (url?, id?, parameters?);
        Some(OpenApiCall {
            operation: Arc::new(self.operation(&fields, &url, id)?),
            parameters,
            output: output.unwrap_or_default(),
            redirect: redirect.unwrap_or_default(),
            authentication,
        })
    }

    /// The operation: pinned, or found in the document that was read.
    fn operation(&mut self, fields: &Spot<'_>, url: &str, id: &str) -> Option<Operation> {
        // No address has a `#`, so this is the name of nothing else.
        let name = format!("{url}#{id}");
        let is_pinned = |resource: &&Resource| matches!(resource, Resource::Pinned { .. });
        let pinned = self.resources.get(&name).filter(is_pinned);
        if let Some(Resource::Pinned { hash, value }) = pinned.cloned() {
            let operation = Operation::from_value(&value);
            if operation.is_none() {
                let message = "its operation was pinned by another release";
                let problem = fields.problem("openapi.document", message);
                self.problems.push(problem);
            }
            self.pinned.add(name, Resource::Pinned { hash, value });
            return operation;
        }
        let document = self.openapi_document(fields, url)?;
        let found = document.operation(id);
        let operation = match found {
            Ok(operation) => operation,
            Err(complaint) => {
                self.complain(fields, &complaint);
                return None;
            }
        };
        let given = fields.get("parameters");
        let given = given.iter().flat_map(|spot| spot.entries());
        let given: Vec<Given<'_>> = given
            .map(|entry| Given {
                name: &entry.key,
                is_null: entry.value.is_null(),
            })
            .collect();
        for complaint in operation.complaints(&given) {
            self.complain(fields, &complaint);
        }
        let pinned = Resource::Pinned {
            hash: Arc::from(document.hash()),
            value: operation.to_value(),
        };
        self.pinned.add(name, pinned);
        Some(operation)
    }

    /// The document, read once however many calls name it.
    fn openapi_document(&mut self, fields: &Spot<'_>, url: &str) -> Option<Arc<Document>> {
        let spot = fields.get("document")?;
        if let Some(document) = self.documents.get(url) {
            return Some(document.clone());
        }
        let text = match self.resources.get(url).cloned() {
            Some(Resource::Read(text)) => text,
            Some(Resource::Failed(problem)) => {
                self.failed(&spot, problem);
                return None;
            }
            Some(Resource::Pinned { .. }) | None => {
                self.unread(&spot, url);
                return None;
            }
        };
        match Document::read(&text, url) {
            Ok(document) => {
                let document = Arc::new(document);
                self.documents.insert(url.to_owned(), document.clone());
                Some(document)
            }
            Err(complaint) => {
                self.complain(fields, &complaint);
                None
            }
        }
    }

    /// A schema that stands elsewhere.
    pub(super) fn schema_elsewhere(&mut self, spot: &Spot<'_>) -> Option<Value> {
        let url = self.resource(spot)?;
        match self.resources.schema(&url) {
            Some(Ok((hash, value))) => {
                let pinned = Resource::Pinned {
                    hash,
                    value: value.clone(),
                };
                self.pinned.add(url, pinned);
                return Some(value);
            }
            Some(Err(problem)) => self.failed(spot, problem),
            None => self.unread(spot, &url),
        }
        None
    }

    /// The address of an external resource, which must be known when a template is published.
    fn resource(&mut self, spot: &Spot<'_>) -> Option<String> {
        let fields = self.object(spot, &["name", "endpoint"])?;
        self.address(&fields)
    }

    /// The same of whatever has an `endpoint`.
    pub(super) fn address(&mut self, fields: &Spot<'_>) -> Option<String> {
        let mut endpoint = self.required(fields, "endpoint")?;
        if endpoint.tree.as_map().is_some() {
            let fields = self.object(&endpoint, &["uri", "authentication"])?;
            if let Some(spot) = fields.get("authentication") {
                let message = "what a template is published with is read without authentication";
                let code = "unsupported.resource.authentication";
                let hint = "publish it where whoever publishes templates may read it";
                self.problems.push(spot.problem(code, message).hint(hint));
                return None;
            }
            endpoint = self.required(&fields, "uri")?;
        }
        let text = self.text(&endpoint)?;
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        let is_plain = !text.contains(['{', '}', '#', '\\']) && !text.contains(char::is_whitespace);
        if unwrapped(text).is_none() && is_web && is_plain {
            return Some(text.to_owned());
        }
        let message = format!("`{text}` is no address that can be read when this is published");
        let problem = endpoint.problem("resource.endpoint", message);
        let hint = "write http:// or https:// out, without expressions, placeholders and #";
        self.problems.push(problem.hint(hint));
        None
    }

    pub(super) fn unread(&mut self, spot: &Spot<'_>, url: &str) {
        self.wanted.insert(url.to_owned());
        let message = match self.wanted.len() > self.resources.room() {
            true => format!("a template takes at most {RESOURCES_MAX} documents from elsewhere"),
            false => format!("`{url}` was not read"),
        };
        let problem = spot.problem("resource.unread", message);
        let hint = "a server reads it when the template is published";
        self.problems.push(problem.hint(hint));
    }

    pub(super) fn failed(&mut self, spot: &Spot<'_>, failed: crate::problem::Problem) {
        let problem = spot.problem(&failed.code, failed.message);
        self.problems.push(match failed.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
    }

    fn complain(&mut self, fields: &Spot<'_>, complaint: &Complaint) {
        let key = match &complaint.subject {
            Subject::Document => "document",
            Subject::Operation => "operationId",
            Subject::Parameters | Subject::Parameter(_) => "parameters",
        };
        let spot = fields.get(key);
        let spot = spot.as_ref().unwrap_or(fields);
        let entry = match &complaint.subject {
            Subject::Parameter(name) => spot.tree.entry(name),
            _ => None,
        };
        let message = complaint.message.clone();
        let problem = match entry {
            Some(entry) => spot.problem_at(entry, complaint.code, message),
            None => spot.problem(complaint.code, message),
        };
        self.problems.push(match &complaint.hint {
            Some(hint) => problem.hint(hint.clone()),
            None => problem,
        });
    }
}
