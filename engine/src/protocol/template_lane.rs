//! The lane that a template reads from a job's input, or its caller names: beside whom the job shares the workers.

use chrono::DateTime;
use windlass_workflows::expression::{Budget, Library, Scope, Source};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use crate::{Error, Store};

/// Longest name of a lane, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// The expression of a template's lane.
pub(super) struct TemplateLane(Library);

impl TemplateLane {
    /// Nothing for a template that says nothing.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for what publishing would have refused.
    pub(super) fn of(expression: Option<&str>, template: &str) -> Result<Option<Self>, Error> {
        let Some(text) = expression else {
            return Ok(None);
        };
        let source = Source {
            text,
            variables: &[],
        };
        match Library::compile(&[source]) {
            Ok(library) => Ok(Some(Self(library))),
            Err(faults) => Err(Error::Unreadable {
                noun: "lane of the template",
                name: template.to_owned(),
                message: faults
                    .into_iter()
                    .map(|(_, fault)| fault.message)
                    .collect::<Vec<_>>()
                    .join("; "),
            }),
        }
    }

    /// The name of the lane of a job with this input.
    ///
    /// # Errors
    /// `lane_malformed` when the expression fails, or gives no name.
    pub(super) fn name(&self, input: &Value) -> Result<String, Problem> {
        // An expression that asks for the time is refused when the template is published.
        let scope = Scope {
            now: DateTime::UNIX_EPOCH,
            variables: &[],
        };
        let malformed = |message| Problem::new("lane_malformed", "/input", message);
        let value = self.0.evaluate(0, input, &scope, Budget::default());
        let value = value.map_err(|error| malformed(format!("the template's lane: {error}")))?;
        match value.as_str() {
            Some(name) if is_name(name) => Ok(name.to_owned()),
            Some(name) => Err(malformed(format!("the template's {}", length(name)))),
            None => Err(malformed(format!(
                "the template's lane is no text: {}",
                short(&value.to_json())
            ))),
        }
    }
}

/// The group of a lane of this name.
///
/// # Errors
/// `lane_malformed`.
pub(super) fn named(tenant: i32, name: &str) -> Result<String, Problem> {
    match is_name(name) {
        true => Ok(group(tenant, name)),
        false => Err(Problem::new("lane_malformed", "/lane", length(name))),
    }
}

pub(super) fn group(tenant: i32, name: &str) -> String {
    format!("{tenant}/{name}")
}

/// What [`group`] made one of.
pub(super) fn name_of(group: &str) -> &str {
    group.split_once('/').map_or(group, |(_, name)| name)
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains('\0')
}

fn length(name: &str) -> String {
    let bytes = name.len();
    format!("lane has {bytes} bytes, or a U+0000; 1 to {NAME_BYTES_MAX} bytes are allowed")
}

fn short(text: &str) -> String {
    text.chars().take(NAME_BYTES_MAX).collect()
}

impl Store {
    /// What the version of a batch reads its jobs' lanes with.
    pub(super) async fn template_lane(&self, version: i32) -> Result<Option<TemplateLane>, Error> {
        let row = sqlx::query_file!("queries/template/lane.sql", version)
            .fetch_one(self.pool())
            .await?;
        TemplateLane::of(row.lane_expression.as_deref(), &row.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(expression: &str, input: &str) -> Result<String, String> {
        let lane = TemplateLane::of(Some(expression), "a.b").expect("it compiles");
        let input = Value::parse(input).expect("JSON");
        let name = lane.expect("an expression").name(&input);
        name.map_err(|problem| format!("{}: {}", problem.code, problem.message))
    }

    #[test]
    fn a_lane_is_a_text_of_bounded_length() {
        assert_eq!(read(".c", r#"{"c":"spring"}"#), Ok("spring".to_owned()));
        for (expression, input) in [
            (".c", "{}"),
            (".c", r#"{"c":7}"#),
            (".c", r#"{"c":""}"#),
            (".c", r#"{"c":"a\u0000"}"#),
            (".c * 40", r#"{"c":"long"}"#),
            ("error", r#""no""#),
            ("empty", "1"),
            ("[range(1e9)]|tostring", "1"),
        ] {
            let read = read(expression, input);
            assert!(
                read.as_ref()
                    .is_err_and(|error| error.starts_with("lane_malformed: ")),
                "{expression}: {read:?}"
            );
        }
        assert!(named(1, "x").is_ok_and(|group| name_of(&group) == "x"));
        assert!(named(1, &"x".repeat(101)).is_err());
    }
}
