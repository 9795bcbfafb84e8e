//! The parts that all tasks share: `input`, `output`, `export`, `timeout`, `metadata`.

use super::Reader;
use super::spot::Spot;
use crate::document::step::{Delay, Input, Output};
use crate::value::Value;

/// Keys of `metadata.windlass` of a document that a later release reads.
const DOCUMENT_METADATA: [&str; 5] = ["profile", "purpose", "lane", "deadline", "schedule"];

/// Keys of `metadata.windlass` of a task; all but `heartbeat` and `onExhausted` wait for a later release.
const TASK_METADATA: [&str; 17] = [
    "heartbeat",
    "queue",
    "priority",
    "limits",
    "cost",
    "subject",
    "runTime",
    "startBy",
    "needs",
    "prefers",
    "onExhausted",
    "effect",
    "undo",
    "compensate",
    "onParentClose",
    "pin",
    "stage",
];

impl Reader {
    pub fn input(&mut self, spot: &Spot<'_>) -> Input {
        let Some(fields) = self.object(spot, &["schema", "from"]) else {
            return Input::default();
        };
        Input {
            schema: fields.get("schema").and_then(|spot| self.schema(&spot)),
            from: fields.get("from").and_then(|spot| self.data_shape(&spot)),
        }
    }

    /// `output` or `export`.
    pub fn output(&mut self, spot: &Spot<'_>) -> Output {
        let Some(fields) = self.object(spot, &["schema", "as"]) else {
            return Output::default();
        };
        Output {
            schema: fields.get("schema").and_then(|spot| self.schema(&spot)),
            shape: fields.get("as").and_then(|spot| self.data_shape(&spot)),
        }
    }

    /// An inline JSON Schema; whether it compiles is asked later.
    fn schema(&mut self, spot: &Spot<'_>) -> Option<Value> {
        let fields = self.object(spot, &["format", "document", "resource"])?;
        if let Some(spot) = fields.get("format") {
            let format = self.text(&spot)?;
            if !["json", "json:2020-12"].contains(&format) {
                let message = format!("the schema format `{format}` is not supported");
                let problem = spot.problem("unsupported.schema.format", message);
                self.problems.push(problem.hint("write format: json"));
            }
        }
        if let Some(spot) = fields.get("resource") {
            let message = "a schema from elsewhere is not supported yet";
            let problem = spot.problem("unsupported.schema.resource", message);
            self.problems
                .push(problem.hint("write it inline under `document`"));
            return None;
        }
        let document = self.required(&fields, "document")?;
        Some(document.tree.to_value())
    }

    /// `timeout`: an object, or a name of `use.timeouts`.
    pub fn timeout(&mut self, spot: &Spot<'_>) -> Option<Delay> {
        let Some(name) = spot.tree.as_str() else {
            return self.timeout_after(spot);
        };
        let delay = self.timeouts.get(name).cloned();
        if delay.is_none() {
            self.unknown_name(spot, "timeout", name);
        }
        delay
    }

    pub fn timeout_after(&mut self, spot: &Spot<'_>) -> Option<Delay> {
        let fields = self.object(spot, &["after"])?;
        let after = self.required(&fields, "after")?;
        self.delay(&after)
    }

    /// `metadata` of the document: free, but for our own key.
    pub fn document_metadata(&mut self, fields: &Spot<'_>) {
        self.metadata(fields, &DOCUMENT_METADATA);
    }

    /// `metadata` of a task: free, but for our own key. A heartbeat is read and has no effect:
    /// leases are renewed by the process that holds them.
    pub fn task_metadata(&mut self, fields: &Spot<'_>) {
        self.metadata(fields, &TASK_METADATA);
    }

    fn metadata(&mut self, fields: &Spot<'_>, known: &[&str]) {
        let metadata = fields
            .get("metadata")
            .and_then(|spot| self.any_object(&spot));
        let ours = metadata.and_then(|spot| spot.get("windlass"));
        let Some(ours) = ours.and_then(|spot| self.any_object(&spot)) else {
            return;
        };
        for entry in ours.entries() {
            let key = &*entry.key;
            let problem = match key {
                "heartbeat" if known.contains(&key) => {
                    self.delay(&ours.of(entry));
                    continue;
                }
                "onExhausted" if known.contains(&key) && fields.has("try") => {
                    self.on_exhausted(&ours.of(entry));
                    continue;
                }
                "onExhausted" if known.contains(&key) => ours
                    .problem_at(
                        entry,
                        "metadata.misplaced",
                        "`onExhausted` says what follows the last retry; this task has none",
                    )
                    .hint("write it at the task that has `try` and `catch.retry`"),
                _ if known.contains(&key) => ours
                    .problem_at(
                        entry,
                        &format!("unsupported.metadata.{key}"),
                        format!("`metadata.windlass.{key}` is not supported yet"),
                    )
                    .hint("leave it out until a release supports it"),
                _ => {
                    let message = format!("`{key}` is no key of metadata.windlass");
                    let problem = ours.problem_at(entry, "metadata.unknown_key", message);
                    match self.nearest(key, known.iter().copied()) {
                        Some(hint) => problem.hint(hint),
                        None => problem.hint("keys of your own belong beside `windlass`"),
                    }
                }
            };
            self.problems.push(problem);
        }
    }

    fn on_exhausted(&mut self, spot: &Spot<'_>) {
        if let Some(word) = self.text(spot)
            && !["fail", "park"].contains(&word)
        {
            let message = format!("`{word}` is neither fail nor park");
            let problem = spot.problem("metadata.on_exhausted", message);
            self.problems
                .push(problem.hint("park keeps the job for a person once its retries ran out"));
        }
    }
}
