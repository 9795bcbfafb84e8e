//! `call: openapi`: from a document that describes a service to one request.
//!
//! When a template is published, its operation is looked up in the document (OpenAPI 3.0, 3.1 or
//! Swagger 2.0) and pinned: method, address, and where each parameter goes. What is pinned holds no
//! part of the document that the request does not need, so that a worker never reads a document, and a
//! large one costs a job nothing. Values find their places when the step is asked for.
//!
//! Documents come from others. They are bounded in size and depth, references are followed a few times
//! and never leave the document, and whatever cannot be sent as declared is a complaint, not a guess.
//!
//! | File | Story |
//! |---|---|
//! | `document` | reading one, finding an operation in it, following references |
//! | `declared` | its parameters |
//! | `body` | what its body is sent as |
//! | `server` | where it is |
//! | `operation` | what is pinned, and whether a template gives what it wants |
//! | `request` | values in their places |
//! | `style` | how a list or an object is written there |

mod body;
mod declared;
mod document;
mod operation;
mod request;
mod server;
mod style;

pub use document::{DOCUMENT_BYTES_MAX, Document};
pub use operation::{Body, Given, Media, Operation, Parameter, Place, Variable};
pub use request::Parts;
pub use style::Style;

/// What a complaint is about, in the words of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The document itself.
    Document,
    /// `operationId`.
    Operation,
    /// All of `parameters`.
    Parameters,
    /// One of them, by name.
    Parameter(String),
}

/// Why a call cannot be made as it is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Complaint {
    /// Stable name of the kind of mistake.
    pub code: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Complaint {
    fn new(code: &'static str, subject: Subject, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code,
            subject,
            message,
            hint: None,
        }
    }

    fn of_document(message: impl Into<String>) -> Self {
        Self::new("openapi.document", Subject::Document, message)
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { hint, ..self }
    }
}
