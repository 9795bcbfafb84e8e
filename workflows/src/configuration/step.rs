//! The job configuration that a step of a template writes as the `with` of `call: batch`.
//!
//! The words are those of the document; keys are in camelCase, as everywhere in templates, and a null says nothing.

use crate::value::Value;

/// What `with` calls otherwise than the document does, by pointers.
const PLACES: [(&str, &str); 4] = [
    ("/release/window", "/parallel"),
    ("/chunk/max_items", "/chunk/maxItems"),
    ("/chunk/max_bytes", "/chunk/maxBytes"),
    ("/template", "/workflow"),
];

/// What says which work is done; one of them.
const WORK: [&str; 3] = ["workflow", "purpose", "configuration"];
/// What a stored job configuration says itself.
const OF_CONFIGURATION: [&str; 4] = ["selection", "strategy", "chunk", "input"];

/// A key of `with` that does not go with the others, and why; the empty text is all of it.
pub fn conflict_in_step(is_said: impl Fn(&str) -> bool) -> Option<(&'static str, String)> {
    if WORK.iter().filter(|key| is_said(key)).count() != 1 {
        let message = "`batch` needs `workflow`, `purpose` or `configuration`, one of them";
        return Some(("", message.to_owned()));
    }
    let mut beside = OF_CONFIGURATION.into_iter();
    let key = beside.find(|key| is_said("configuration") && is_said(key))?;
    Some((key, format!("the configuration says `{key}` itself")))
}

/// The job configuration, under that name, that `with` of a `batch` says; of one that names a stored one, what it
/// says beside it. It is not checked: [`restore`](super::restore) does that.
pub fn of_step(with: &Value, name: &str) -> Value {
    let said = |key: &str| with.get(key).filter(|value| !value.is_null()).cloned();
    let chunk = said("chunk").map(|chunk| {
        let renamed = [("maxItems", "max_items"), ("maxBytes", "max_bytes")];
        let parts = renamed.map(|(key, of)| Some((of, chunk.get(key)?.clone())));
        Value::map(parts.into_iter().flatten())
    });
    let release = said("parallel").map(|window| Value::map([("window", window)]));
    let mut parts = vec![("chunk", chunk), ("release", release)];
    if said("configuration").is_none() {
        parts.extend([
            ("windlass", Some(Value::from("v1"))),
            ("kind", Some(Value::from("JobConfiguration"))),
            ("name", Some(Value::from(name))),
            ("purpose", said("purpose")),
            ("template", said("workflow").map(|of| reference(&of))),
            ("selection", said("selection").map(|of| without_nulls(&of))),
            (
                "strategy",
                said("strategy").or(Some(Value::from("individual"))),
            ),
            ("input", said("input")),
            // A step hears of a guard that trips; there is nobody to ask.
            (
                "approval",
                Some(Value::map([("when", Value::from("never"))])),
            ),
        ]);
    }
    let parts = parts.into_iter();
    Value::map(parts.filter_map(|(key, value)| Some((key, value?))))
}

/// Where in `with` stands what the document has at that pointer.
pub fn place_in_step(pointer: &str) -> String {
    let renamed = PLACES.iter().find_map(|(of, place)| {
        let rest = pointer.strip_prefix(of)?;
        Some(format!("{place}{rest}"))
    });
    renamed.unwrap_or_else(|| pointer.to_owned())
}

fn reference(workflow: &Value) -> Value {
    let text = |key: &str| workflow.get(key).and_then(Value::as_str);
    let name = format!(
        "{}.{}",
        text("namespace").unwrap_or_default(),
        text("name").unwrap_or_default()
    );
    match text("version").filter(|version| *version != "latest") {
        Some(version) => Value::from(format!("{name}@{version}")),
        None => Value::from(name),
    }
}

fn without_nulls(selection: &Value) -> Value {
    let members = selection.as_map().into_iter().flat_map(|map| map.iter());
    let said = members.filter(|(_, value)| !value.is_null());
    Value::map(said.map(|(key, value)| (key.clone(), value.clone())))
}

#[cfg(test)]
mod tests {
    use super::super::{Content, Source, Strategy, restore};
    use super::*;

    fn read(with: &str) -> Result<Content, Vec<String>> {
        let with = Value::parse(with).expect("JSON");
        restore(&of_step(&with, "step")).map_err(|problems| {
            let places = problems.iter();
            places.map(|one| place_in_step(&one.pointer)).collect()
        })
    }

    #[test]
    fn a_step_says_what_a_job_configuration_says() {
        let with = r#"{"workflow":{"namespace":"a","name":"b","version":"1.2.0"},
            "selection":{"items":[{"k":1}],"key":"k","filter":null},"strategy":"combined",
            "chunk":{"maxItems":5},"input":{"n":"${ .count }"},"parallel":7,"tolerate":{"count":1}}"#;

        let Ok(Content::JobConfiguration(read)) = read(with) else {
            panic!("it is one");
        };

        assert_eq!(read.strategy, Strategy::Combined);
        assert_eq!(
            (read.release.window, read.chunk.map(|of| of.max_items)),
            (7, Some(5))
        );
        assert!(matches!(read.selection.source, Source::Items { .. }));
        assert!(read.input.is_some());
    }

    #[test]
    fn what_does_not_fit_is_said_where_it_stands() {
        let work = r#""workflow":{"namespace":"a","name":"b","version":"1.x y"}"#;
        let with = format!(
            r#"{{{work},"selection":{{"category":"c","filter":".a ="}},"strategy":"object","chunk":{{"maxBytes":"x"}}}}"#
        );

        let mut places = read(&with).expect_err("four faults");

        places.sort();
        assert_eq!(
            places,
            ["/chunk/maxBytes", "/selection/filter", "/workflow"]
        );
    }

    #[test]
    fn beside_a_stored_one_only_what_changes_it_is_said() {
        let with = Value::parse(r#"{"configuration":"nightly","parallel":3}"#).expect("JSON");

        assert_eq!(of_step(&with, "x").to_json(), r#"{"release":{"window":3}}"#);
    }
}
