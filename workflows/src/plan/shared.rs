//! The context that the jobs of a batch share: its key, fixed with the plan.

use crate::configuration::JobConfiguration;
use crate::problem::Problem;

use super::asked::known;
use super::occasion::Occasion;

/// Bytes of a context's key, as they are stored.
const KEY_BYTES_MAX: usize = 255;

/// The key of the context that a batch of this configuration has on one occasion; null is none.
///
/// # Errors
/// `expression_failed`, or `wrong_value` for what is no key.
pub fn context_key(job: &JobConfiguration, occasion: &Occasion) -> Result<Option<String>, Problem> {
    let Some(shape) = &job.context else {
        return Ok(None);
    };
    let value = known(shape, occasion, "/context")?;
    match value.as_str() {
        Some(key) if is_context_key(key) => Ok(Some(key.to_owned())),
        None if value.is_null() => Ok(None),
        _ => Err(no_key(&value.to_json())),
    }
}

/// Whether a text can be the key of a context.
pub(crate) fn is_context_key(text: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn no_key(value: &str) -> Problem {
    let shown: String = value.chars().take(40).collect();
    let message = format!(
        "the key of a context is a text of 1 to {KEY_BYTES_MAX} bytes without control characters, not {shown}"
    );
    Problem::new("wrong_value", "/context", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{Content, SourceFile, read};
    use crate::plan::SlotScope;

    fn key(context: &str, by_slot: bool) -> Result<Option<String>, String> {
        let text = format!(
            "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
             selection: {{ category: strikes }}\nstrategy: individual\ncontext: '{context}'\n\
             schedule: {{ weekly: {{ days: [ mon ], at: \"06:00\" }}, zone: America/New_York }}\n"
        );
        let file = SourceFile {
            name: "job.yaml",
            text: &text,
        };
        let documents = read(&[file], "2026-11-21T00:00:00Z".parse().unwrap());
        let content = documents
            .map_err(|_| "refused".to_owned())?
            .remove(0)
            .content;
        let Content::JobConfiguration(job) = content else {
            panic!("a job configuration");
        };
        let at = "2026-11-23T11:00:00Z".parse().unwrap();
        let schedule = job.schedule.as_ref().expect("a schedule");
        let occasion = Occasion {
            now: at,
            slot: by_slot.then(|| SlotScope::behind(schedule, None, at)),
            configuration: "briefs".to_owned(),
        };
        context_key(&job, &occasion).map_err(|problem| problem.code)
    }

    #[test]
    fn a_context_is_named_outright_or_by_the_slot() {
        let found = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(key("campaign/7", false), found("campaign/7"));
        let by_day = r#"${ "\($configuration)/\($slot.wall[0:10])" }"#;
        assert_eq!(key(by_day, true), found("briefs/2026-11-23"));
        assert_eq!(key("${ $slot.at }", false), Ok(None));
    }

    #[test]
    fn what_is_no_key_is_refused_before_or_on_its_occasion() {
        assert_eq!(
            key("${ $key }", true),
            Err("refused".to_owned()),
            "no member yet"
        );
        assert_eq!(key("${ .cost }", true), Ok(None), "there is no document");
        assert_eq!(key(&"x".repeat(256), true), Err("refused".to_owned()));
        assert_eq!(key("${ 7 }", true), Err("wrong_value".to_owned()));
        assert_eq!(
            key(r#"${ "a" * 300 }"#, true),
            Err("wrong_value".to_owned())
        );
        assert_eq!(
            key(r#"${ error("no") }"#, true),
            Err("expression_failed".to_owned())
        );
    }
}
