//! What becomes of a context, decided from how it stands: no statement and no clock.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use windlass_workflows::context::ComputeError;
pub use windlass_workflows::context::{
    BYTES_MAX as CONTEXT_BYTES_MAX, DEPTH_MAX as CONTEXT_DEPTH_MAX,
};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use crate::Error;

/// Bytes of a key or a subject: indexes hold no long ones.
const NAME_BYTES_MAX: usize = 255;

/// Longest time to live: a century, which calendars can still add to.
const TTL_MAX: Duration = Duration::from_secs(100 * 366 * 86_400);

/// How somebody who changes a context believes that it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// However it stands.
    #[default]
    Anything,
    /// There is one.
    Exists,
    /// There is none.
    Absent,
    /// It has one of these versions.
    OneOf(Vec<i64>),
}

/// One change of a context.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextChange {
    /// How it must stand.
    pub expected: Expected,
    /// The document, or what is merged into it; null leaves it as it is.
    pub document: Value,
    /// `document` is merged into what is there (RFC 7396), and what is not said stays. Else it replaces all.
    pub merges: bool,
    /// What it is about; nothing in it takes it away.
    pub subject: Option<Option<String>>,
    /// How long it lives from now on; nothing in it: for ever.
    pub ttl: Option<Option<Duration>>,
}

/// How a context stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Standing {
    /// The last one that its key had; 0 if it never had one.
    pub version: i64,
    /// Its JSON text; none where there is no context now.
    pub document: Option<String>,
    pub subject: Option<String>,
    pub expires_at: Option<DateTime<Utc>>,
    /// The database's time.
    pub now: DateTime<Utc>,
}

/// What a change made of a context.
#[derive(Debug)]
pub(super) struct Edited {
    pub now: Standing,
    /// What was changed, as the history keeps it.
    pub data: String,
}

/// Why a change is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is not as expected; the version that it has, 0 where there is none.
    Stale(i64),
    TooLarge(usize),
    TooDeep(u32),
    /// It is no object.
    Kind(&'static str),
    /// What computes it gives no document.
    Computed(ComputeError),
    /// The time to live.
    TooLong,
    /// What is stored is no JSON.
    Damaged,
}

impl Expected {
    pub(super) fn holds(&self, standing: &Standing) -> Result<(), Refused> {
        let version = match standing.document {
            Some(_) => standing.version,
            None => 0,
        };
        let holds = match self {
            Self::Anything => true,
            Self::Exists => version > 0,
            Self::Absent => version == 0,
            Self::OneOf(versions) => version > 0 && versions.contains(&version),
        };
        if holds {
            Ok(())
        } else {
            Err(Refused::Stale(version))
        }
    }
}

impl ContextChange {
    /// The word of the history.
    pub(super) const fn kind(&self) -> &'static str {
        if self.merges { "patch" } else { "put" }
    }

    pub(super) fn subject(&self) -> Option<&str> {
        self.subject.as_ref()?.as_deref()
    }

    pub(super) fn of(&self, standing: &Standing) -> Result<Edited, Refused> {
        self.expected.holds(standing)?;
        let document = match self.merges {
            true => standing.document()?,
            false => no_document(),
        };
        let document = match (&self.document, self.merges) {
            (Value::Null, _) => document,
            (patch, true) if patch.as_map().is_none() => return Err(Refused::Kind(patch.kind())),
            (patch, true) => document.patched(patch),
            (whole, false) => whole.clone(),
        };
        let now = self.leading_to(&document, standing)?;
        let data = self.document.to_json();
        Ok(Edited { now, data })
    }

    /// How it stands once it has this document.
    pub(super) fn leading_to(
        &self,
        document: &Value,
        standing: &Standing,
    ) -> Result<Standing, Refused> {
        Ok(Standing {
            version: standing.version + 1,
            document: Some(fitting(document)?),
            subject: match &self.subject {
                Some(subject) => subject.clone(),
                None => standing.subject.clone().filter(|_| self.merges),
            },
            expires_at: match self.ttl {
                Some(ttl) => ttl.map(|ttl| after(standing.now, ttl)).transpose()?,
                None => standing.expires_at.filter(|_| self.merges),
            },
            now: standing.now,
        })
    }
}

impl Standing {
    /// The document as a value, empty where there is none.
    pub(super) fn document(&self) -> Result<Value, Refused> {
        match &self.document {
            Some(text) => Value::parse(text).map_err(|_| Refused::Damaged),
            None => Ok(no_document()),
        }
    }
}

fn no_document() -> Value {
    Value::map([] as [(&str, Value); 0])
}

fn fitting(document: &Value) -> Result<String, Refused> {
    if document.as_map().is_none() {
        return Err(Refused::Kind(document.kind()));
    }
    if document.depth() > CONTEXT_DEPTH_MAX {
        return Err(Refused::TooDeep(document.depth()));
    }
    let text = document.to_json();
    match text.len() {
        0..=CONTEXT_BYTES_MAX => Ok(text),
        bytes => Err(Refused::TooLarge(bytes)),
    }
}

fn after(now: DateTime<Utc>, ttl: Duration) -> Result<DateTime<Utc>, Refused> {
    let ttl = Some(ttl).filter(|ttl| *ttl <= TTL_MAX);
    let ttl = ttl.and_then(|ttl| TimeDelta::from_std(ttl).ok());
    ttl.and_then(|ttl| now.checked_add_signed(ttl))
        .ok_or(Refused::TooLong)
}

/// Whether there can be a context of this key about this subject.
pub(super) fn check(key: &str, subject: Option<&str>) -> Result<(), Error> {
    let of_key = (!is_name(key)).then(|| named("/key", "a context's key"));
    let of_subject = subject.is_some_and(|subject| !is_name(subject));
    let of_subject = of_subject.then(|| named("/subject", "a subject"));
    let problems: Vec<Problem> = of_key.into_iter().chain(of_subject).collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid { problems }),
    }
}

/// Whether a text can be a key or a subject.
pub(super) fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn named(pointer: &str, what: &str) -> Problem {
    let message = format!("{what} has 1 to {NAME_BYTES_MAX} bytes and no control characters");
    Problem::new("wrong_value", pointer, message)
}

impl Refused {
    /// Status and words for a job that asked for it.
    pub(super) fn said(&self, key: &str) -> (u16, String) {
        match self {
            Self::Stale(0) => (409, format!("there is no context `{key}`")),
            Self::Stale(version) => (409, format!("the context `{key}` has version {version}")),
            Self::TooLarge(bytes) => (
                413,
                format!(
                    "the context `{key}` would have {bytes} bytes; {CONTEXT_BYTES_MAX} are allowed"
                ),
            ),
            Self::TooDeep(depth) => (
                413,
                format!(
                    "the context `{key}` would be {depth} levels deep; {CONTEXT_DEPTH_MAX} are allowed"
                ),
            ),
            Self::Kind(kind) => (400, format!("a context is an object, not {kind}")),
            Self::Computed(error) => (400, format!("the context `{key}` stays as it is: {error}")),
            Self::TooLong => (
                400,
                "a context lives for a hundred years at most".to_owned(),
            ),
            Self::Damaged => (500, format!("the context `{key}` cannot be read")),
        }
    }

    /// The same for a caller.
    pub(super) fn error(&self, key: &str) -> Error {
        let (_, message) = self.said(key);
        let invalid = |code: &'static str, pointer: &str| {
            Error::invalid(Problem::new(code, pointer, message.clone()))
        };
        match self {
            Self::Stale(_) => Error::Conflict {
                code: "precondition_failed",
                message,
                hint: Some("read it again, and decide anew what is to change".into()),
            },
            Self::TooLarge(_) | Self::TooDeep(_) => invalid("too_large", "/document"),
            Self::Kind(_) | Self::Computed(_) => invalid("wrong_value", "/document"),
            Self::TooLong => invalid("wrong_value", "/ttl"),
            Self::Damaged => Error::Unreadable {
                noun: "context",
                name: key.to_owned(),
                message,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(text: &str, expected: Expected) -> ContextChange {
        ContextChange {
            expected,
            document: Value::parse(text).expect("JSON"),
            merges: true,
            subject: None,
            ttl: None,
        }
    }

    fn at(version: i64, document: &str) -> Standing {
        Standing {
            version,
            document: Some(document.to_owned()),
            subject: Some("mia".to_owned()),
            ..Standing::default()
        }
    }

    #[test]
    fn a_patch_keeps_what_it_does_not_name_and_null_takes_away() {
        let change = patch(r#"{"a":null,"b":{"c":2}}"#, Expected::OneOf(vec![3]));

        let edited = change
            .of(&at(3, r#"{"a":1,"b":{"x":1.50}}"#))
            .expect("fits");

        let document = edited.now.document.as_deref();
        assert_eq!(document, Some(r#"{"b":{"x":1.50,"c":2}}"#));
        assert_eq!(edited.now.subject.as_deref(), Some("mia"));
        assert_eq!(edited.now.version, 4);
    }

    #[test]
    fn a_whole_document_forgets_what_was_there() {
        let change = ContextChange {
            merges: false,
            ..patch(r#"{"b":null}"#, Expected::Anything)
        };

        let edited = change.of(&at(3, r#"{"a":1}"#)).expect("fits");

        assert_eq!(edited.now.document.as_deref(), Some(r#"{"b":null}"#));
        assert_eq!(edited.now.subject, None);
    }

    #[test]
    fn what_is_not_as_expected_is_stale() {
        let gone = Standing {
            version: 7,
            ..Standing::default()
        };
        let refused = |expected, standing: &Standing| {
            let changed = patch("{}", expected).of(standing);
            changed
                .map(|edited| edited.now.version)
                .map_err(|fault| fault.said("k").0)
        };

        assert_eq!(refused(Expected::OneOf(vec![2]), &at(3, "{}")), Err(409));
        assert_eq!(refused(Expected::OneOf(vec![7]), &gone), Err(409));
        assert_eq!(refused(Expected::Exists, &gone), Err(409));
        assert_eq!(refused(Expected::Absent, &at(3, "{}")), Err(409));
        assert_eq!(refused(Expected::Absent, &gone), Ok(8));
        assert_eq!(refused(Expected::Exists, &at(3, "{}")), Ok(4));
    }

    #[test]
    fn what_is_too_large_too_deep_or_no_object_is_refused() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(33), "}".repeat(33));
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(CONTEXT_BYTES_MAX));
        let status = |text: &str| {
            let changed = patch(text, Expected::Anything).of(&Standing::default());
            changed.map(drop).map_err(|fault| fault.said("k").0)
        };

        assert_eq!(status(&deep), Err(413));
        assert_eq!(status(&large), Err(413));
        assert_eq!(status("[1]"), Err(400));
        assert_eq!(status(r#"{"a":{}}"#), Ok(()));
    }
}
