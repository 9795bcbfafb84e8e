//! Contexts that jobs share: a load is a step that reads one, a save rides in its turn's own flush, and what
//! came of it is a letter.

use windlass_engine::store::{NewSave, SaveEdit};
use windlass_workflows::context::{self, ComputedChange, Edit, SECRET_IN_CONTEXT, Save};
use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::row::{Interest, Row};
use windlass_workflows::value::Value;

use super::Stuck;
use super::conduct::Conduct;
use super::mail::failed;
use crate::perform::StepFailure;
use crate::shared::Shared;

/// `{ key, version, document, subject }`; version 0 and no document where there is none.
///
/// # Errors
/// `configuration` when the input names no context. A database that does not answer is nobody's error: the job is
/// given back.
pub(super) async fn load(
    shared: &Shared,
    (tenant, job): (i32, i64),
    input: &Value,
) -> Result<Value, StepFailure> {
    // A request's own context stands under its id.
    let part = match input.get("requestId") {
        Some(_) => "requestId",
        None => "key",
    };
    let key = context::name(input, part).map_err(StepFailure::from)?;
    let found = shared.store.read_context(tenant, &key, job).await;
    let found = found.map_err(|error| {
        tracing::warn!(error = %error, "a context could not be read; the job is given back");
        StepFailure::interrupted()
    })?;
    let Some(found) = found else {
        return Ok(Value::map([
            ("key", Value::from(key)),
            ("version", Value::from(0i64)),
            ("document", Value::Null),
            ("subject", Value::Null),
        ]));
    };
    let document = Value::parse(&found.document).map_err(|error| {
        let title = format!("the context `{key}` cannot be read: {error}");
        StepFailure::failed("runtime", 500, title)
    })?;
    Ok(Value::map([
        ("key", Value::from(key)),
        ("version", Value::from(found.version)),
        ("document", document),
        ("subject", found.subject.map_or(Value::Null, Value::from)),
    ]))
}

impl Conduct {
    /// A save, as the store takes it.
    pub(super) async fn save(
        &self,
        activity: Activity,
        input: &Value,
        key: &str,
    ) -> Result<NewSave, Fault> {
        let marks = self.execution.marks();
        if marks.is_some_and(|marks| marks.stand_in(input)) {
            return Err(Fault::standard("configuration", 400, SECRET_IN_CONTEXT));
        }
        let save = Save::read(input)?;
        Ok(NewSave {
            activity: activity.0,
            key: save.key,
            edit: self.edit(save.edit).await?,
            subject: save.subject,
            ttl: save.ttl,
            step: self.execution.path_of(key).to_owned(),
        })
    }

    async fn edit(&self, edit: Edit<'_>) -> Result<SaveEdit, Fault> {
        let (text, input) = match edit {
            Edit::Change { text, input } => (text, input),
            Edit::Patch { patch, version } => {
                let patch = patch.to_json();
                return Ok(SaveEdit::Patch { patch, version });
            }
        };
        let formula = self.shared.formulas.get(text).await;
        let formula = formula.map_err(|problem| {
            let title = format!("`change` is no jq of ours: {problem}");
            context::fault(&title, Some(problem.code))
        })?;
        let change = ComputedChange::new(formula, input.cloned());
        Ok(SaveEdit::Change(change))
    }

    /// Whether it waits to be told of a save: that is soon, and no reason to rest.
    pub(super) fn awaits_save(&self) -> bool {
        let interests = self.execution.interests();
        let is_save = |one: &Interest| matches!(one, Interest::Context { .. });
        interests.iter().any(is_save)
    }

    /// What the machine must hear after a turn with these rows was recorded, beside what it was to hear anyway.
    pub(super) async fn heard_of_saves(
        &mut self,
        saves: bool,
        mut events: Vec<EventKind>,
    ) -> Result<Vec<EventKind>, Stuck> {
        if saves {
            events.extend(self.read_children().await?);
        }
        Ok(events)
    }
}

/// Whether a turn saves contexts.
pub(super) fn saves(rows: &[Row]) -> bool {
    let is_save = |row: &Row| matches!(row, Row::SaveContext { .. });
    rows.iter().any(is_save)
}

/// `{ activity, key, version }`, or a status and a title instead of the version, as the store wrote it; with a type and
/// a code where an expression is at fault.
pub(super) fn answered(letter: &Value) -> Option<EventKind> {
    let activity = Activity(u32::try_from(letter.get("activity")?.as_u64()?).ok()?);
    let Some(status) = letter.get("status").and_then(Value::as_u64) else {
        let output = ["key", "version"].map(|part| {
            let value = letter.get(part).cloned();
            (part, value.unwrap_or_default())
        });
        let output = Value::map(output);
        return Some(EventKind::Succeeded { activity, output });
    };
    let text = |part| letter.get(part).and_then(Value::as_str);
    let title = text("title").unwrap_or_default();
    let status = u16::try_from(status).ok()?;
    if text("type") == Some("expression") {
        return Some(failed(activity, context::fault(title, text("code"))));
    }
    // What has changed meanwhile may fit when it is tried again.
    let kind = match status {
        409 => "communication",
        500 => "runtime",
        _ => "validation",
    };
    let fault = Fault::standard(kind, status, title);
    Some(failed(activity, fault))
}

/// What a job is told of a save of which it was not told: it could not be.
pub(super) fn never_saved(activity: Activity) -> EventKind {
    let title = "the context was not saved";
    failed(activity, Fault::standard("configuration", 400, title))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> EventKind {
        answered(&Value::parse(text).expect("JSON")).expect("an event")
    }

    #[test]
    fn what_came_of_a_save_is_an_output_or_an_error_with_its_status() {
        let EventKind::Succeeded { activity, output } =
            heard(r#"{"activity":3,"key":"k","version":7}"#)
        else {
            panic!("it was saved");
        };
        assert_eq!(activity, Activity(3));
        assert_eq!(output.to_json(), r#"{"key":"k","version":7}"#);

        for (status, code) in [
            (409, "communication"),
            (413, "validation"),
            (500, "runtime"),
        ] {
            let text = format!(r#"{{"activity":3,"key":"k","status":{status},"title":"no"}}"#);
            let EventKind::Failed { fault, .. } = heard(&text) else {
                panic!("it was not saved");
            };
            assert_eq!((fault.status, fault.code()), (status, code));
        }
    }

    #[test]
    fn what_could_not_be_computed_is_a_fault_of_its_expression() {
        let text = r#"{"activity":3,"key":"k","status":400,"title":"no","type":"expression","code":"expression.steps"}"#;

        let EventKind::Failed { fault, .. } = heard(text) else {
            panic!("it was not saved");
        };

        assert_eq!((fault.status, fault.code()), (400, "expression"));
        let detail = fault.detail.expect("the code");
        assert_eq!(detail.to_json(), r#"{"code":"expression.steps"}"#);
    }
}
