//! The batches that a job opens: `batch:1.0.0`.
//!
//! Its recipe is resolved here, before the turn that opens it is recorded: what is wrong with it is the step's error.

use windlass_engine::Error;
use windlass_engine::protocol::ChildBatch;
use windlass_engine::store::{NewChildBatch, OnClose, Tolerated};
use windlass_workflows::configuration::{conflict_in_step, place_in_step};
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::Stuck;
use super::child::Placement;
use super::conduct::Conduct;
use super::group::Opened;
use super::mail::unread;

/// Codes of what a recipe names and nobody knows.
const UNKNOWN: [&str; 4] = [
    "template_not_published",
    "unknown_purpose",
    "unknown_category",
    "unknown_reference",
];

impl Conduct {
    /// The batch that a row opens, or why it cannot be.
    pub(super) async fn batch(
        &self,
        opened: Opened<'_>,
    ) -> Result<Result<NewChildBatch, Fault>, Stuck> {
        let with = opened.input;
        let refusal = self.shared.performer.refusal(opened.function, with);
        let refusal = refusal
            .or_else(|| conflict(with))
            .or_else(|| unwritable(with));
        let read = refusal.map_or(Ok(()), Err);
        let read = read.and_then(|()| Placement::read(opened.placement));
        let placed = match read {
            Ok(placed) => placed,
            Err(fault) => return Ok(Err(fault)),
        };
        let path = self.execution.path_of(opened.key);
        let template = self.execution.template_name();
        let is_awaited = said(with, "await").and_then(Value::as_bool).unwrap_or(true);
        let new = ChildBatch {
            activity: opened.activity.0,
            with,
            configuration: template.to_owned(),
            name: format!("{template} {path}"),
            terms: placed.terms,
            is_awaited,
            on_close: on_close(with, is_awaited),
            tolerated: tolerated(with),
        };
        match self.shared.store.child_batch(self.tenant, new).await {
            Ok(batch) => Ok(Ok(batch)),
            Err(error) => match fault(&error) {
                Some(fault) => Ok(Err(fault)),
                None => Err(unread(self.job, &error)),
            },
        }
    }
}

/// Null says nothing.
fn said<'a>(with: &'a Value, key: &str) -> Option<&'a Value> {
    with.get(key).filter(|value| !value.is_null())
}

/// Unless it says so, what nobody awaits goes on alone: as a child of `run`.
fn on_close(with: &Value, is_awaited: bool) -> OnClose {
    match said(with, "onParentClose").and_then(Value::as_str) {
        Some("cancel") => OnClose::Cancel,
        None if is_awaited => OnClose::Cancel,
        _ => OnClose::Abandon,
    }
}

fn conflict(with: &Value) -> Option<Fault> {
    let (_, message) = conflict_in_step(|key| said(with, key).is_some())?;
    Some(Fault::standard("configuration", 400, message))
}

/// Postgres keeps no U+0000.
fn unwritable(with: &Value) -> Option<Fault> {
    let title = "batch:1.0.0 cannot keep U+0000";
    let has_nul = with.to_json().contains("\\u0000");
    has_nul.then(|| Fault::standard("validation", 400, title))
}

fn tolerated(with: &Value) -> Tolerated {
    let tolerate = said(with, "tolerate");
    let of = |key: &str| tolerate.and_then(|tolerate| tolerate.get(key));
    match of("percent").and_then(Value::as_f64) {
        Some(percent) => Tolerated::Percent(percent),
        None => Tolerated::Count(of("count").and_then(Value::as_i64).unwrap_or(0)),
    }
}

/// Nothing when another try may go better.
fn fault(error: &Error) -> Option<Fault> {
    match error {
        Error::NotFound { .. } => Some(Fault::standard("configuration", 404, error.to_string())),
        Error::Invalid { problems } => {
            let is_unknown = |one: &Problem| UNKNOWN.contains(&&*one.code);
            let status = match problems.iter().any(is_unknown) {
                true => 404,
                false => 400,
            };
            let said: Vec<String> = problems.iter().map(in_words).collect();
            Some(Fault::standard("configuration", status, said.join("; ")))
        }
        _ => None,
    }
}

/// Where in `with`, and what.
fn in_words(problem: &Problem) -> String {
    let place = place_in_step(&problem.pointer);
    format!("{place}: {}", problem.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Value {
        Value::parse(text).expect("JSON")
    }

    #[test]
    fn what_is_tolerated_is_a_count_or_a_share_and_nothing_unless_said() {
        let read = |text: &str| tolerated(&with(text));

        assert_eq!(read("{}"), Tolerated::Count(0));
        assert_eq!(read(r#"{"tolerate":null}"#), Tolerated::Count(0));
        assert_eq!(read(r#"{"tolerate":{"count":3}}"#), Tolerated::Count(3));
        assert_eq!(
            read(r#"{"tolerate":{"percent":1.5}}"#),
            Tolerated::Percent(1.5)
        );
    }

    #[test]
    fn a_batch_does_one_work_and_a_stored_recipe_is_not_told_what_it_says() {
        for wrong in [
            "{}",
            r#"{"purpose":null}"#,
            r#"{"purpose":"a","configuration":"b"}"#,
            r#"{"configuration":"b","selection":{"category":"c"}}"#,
        ] {
            let fault = conflict(&with(wrong)).expect(wrong);
            assert_eq!(fault.status, 400, "{wrong}");
        }
        assert_eq!(
            conflict(&with(r#"{"configuration":"b","parallel":3}"#)),
            None
        );
        assert!(unwritable(&with(r#"{"a":["\u0000"]}"#)).is_some());
    }

    #[test]
    fn what_nobody_knows_is_not_found_and_the_rest_does_not_fit() {
        let invalid = |code: &str, pointer: &str| {
            let fault = fault(&Error::invalid(Problem::new(code, pointer, "no"))).expect("one");
            (fault.status, fault.title.unwrap_or_default())
        };

        let unknown = invalid("unknown_category", "/selection/category");
        assert_eq!(unknown, (404, "/selection/category: no".to_owned()));
        let unfit = invalid("configuration.value", "/release/window");
        assert_eq!(unfit, (400, "/parallel: no".to_owned()));
    }
}
