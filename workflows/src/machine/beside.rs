//! What a job sets going beside itself: events that it publishes, children, groups, saved contexts.
//!
//! All of it is written in the flush of the turn that asks for it, so it exists exactly once.

use chrono::SecondsFormat;
use sha2::{Digest, Sha256};

use super::Execution;
use super::fault::Fault;
use super::held::Held;
use super::row::{ChildTemplate, Fate, Interest, Row, StartChild};
use super::state::{OpenCall, Step};
use crate::catalogue::BATCH;
use crate::document::step::FunctionName;
use crate::program::node::{Form, RunNode, Target, Way};
use crate::program::part_name;
use crate::value::Value;

/// Bytes of an attribute that events are found by; indexes hold no long ones.
const NAME_BYTES_MAX: usize = 255;

/// Whether an attribute can name an event. Only the subject may be absent.
fn names(envelope: &Value, key: &str) -> bool {
    let is_subject = key == "subject";
    let fits = |text: &str| {
        (is_subject || !text.is_empty()) && text.len() <= NAME_BYTES_MAX && !text.contains('\0')
    };
    match envelope.get(key) {
        None => is_subject,
        Some(value) => value.as_str().is_some_and(fits),
    }
}

fn not_named(key: &str) -> Fault {
    let what = format!("the event's `{key}` is no text of 1 to {NAME_BYTES_MAX} bytes");
    Fault::standard("expression", 400, what)
}

impl Execution {
    /// Publishes the event of the task on top and gives it out.
    pub(super) fn emit(&mut self, form: &Form) -> Result<(), Fault> {
        let given = self.fill(form, &self.top().input.value, None)?;
        let envelope = self.envelope(&given)?;
        let id = envelope
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        self.rows.push(Row::Publish {
            id,
            envelope: envelope.clone(),
        });
        self.give(envelope);
        self.leave(None)
    }

    /// A CloudEvent: what is absent is filled in, the same in every try.
    pub(super) fn envelope(&self, given: &Value) -> Result<Value, Fault> {
        let text = |key: &str| {
            given
                .get(key)
                .and_then(Value::as_str)
                .map(ToOwned::to_owned)
        };
        let at = self
            .state
            .root
            .at
            .to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let document = self.program.document.get("document");
        let part = |key: &str| {
            let part = document.and_then(|document| document.get(key));
            part.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let source = || {
            format!(
                "/{}/{}/{}",
                part("namespace"),
                part("name"),
                part("version")
            )
        };
        let filled = [
            (
                "specversion",
                text("specversion").unwrap_or_else(|| "1.0".into()),
            ),
            ("id", text("id").unwrap_or_else(|| self.drawn_id())),
            ("source", text("source").unwrap_or_else(source)),
            ("time", text("time").unwrap_or(at)),
        ];
        let filled = filled.map(|(key, value)| (key, Value::from(value)));
        let envelope = Value::map(filled).merged(given);
        match ["id", "source", "type", "subject"]
            .iter()
            .find(|key| !names(&envelope, key))
        {
            Some(key) => Err(not_named(key)),
            None => Ok(envelope),
        }
    }

    /// The same for the same visit of the same task.
    fn drawn_id(&self) -> String {
        let frame = self.top();
        let key = self
            .facts
            .key(&self.program.node(frame.node).pointer, frame.visit);
        hex::encode(&Sha256::digest(key.as_bytes())[..16])
    }

    /// The task that the key of a row belongs to.
    pub fn path_of<'k>(&self, key: &'k str) -> &'k str {
        self.facts.path_of(key)
    }

    /// Starts the child of the task on top.
    pub(super) fn start_child(&mut self, node: &RunNode) -> Result<(), Fault> {
        let input = match &node.input {
            Some(form) => self.fill(form, &self.top().input.value, None)?,
            None => self.top().input.value.clone(),
        };
        let placement = self.placement()?;
        let frame = self.top();
        let key = self
            .facts
            .key(&self.program.node(frame.node).pointer, frame.visit);
        let activity = self.next_activity();
        self.rows.push(Row::StartChild(StartChild {
            activity,
            template: node.template.clone(),
            input: input.clone(),
            key,
            is_awaited: node.is_awaited,
            fate: node.fate,
            placement,
            step_input: None,
        }));
        if !node.is_awaited {
            if node.fate == Fate::Cancel {
                self.state.root.loose.push(activity);
            }
            return self.leave(None);
        }
        // The child has its input in its own row.
        let input = self.state.hold(Value::Null);
        let call = OpenCall::Child {
            template: node.template.clone(),
            input,
            fate: node.fate,
        };
        self.open_step(activity, call, Vec::new())
    }

    /// A call that is a row of its own.
    pub(super) fn open_row(
        &mut self,
        target: &Target,
        function: FunctionName,
        input: Value,
        layers: Vec<Held>,
    ) -> Result<(), Fault> {
        let frame = self.top();
        let key = self
            .facts
            .key(&self.program.node(frame.node).pointer, frame.visit);
        let placement = self.placement()?;
        let activity = self.next_activity();
        // The row has the input: the state need not, unless it says what the job rests for.
        let kept = match target.way() {
            Way::Approval => input.clone(),
            _ => Value::Null,
        };
        let kept = self.state.hold(kept);
        let (row, call) = match target.way() {
            Way::Context => (
                Row::SaveContext {
                    activity,
                    input,
                    key,
                },
                OpenCall::Context { input: kept },
            ),
            Way::Approval => (
                Row::OpenApproval {
                    activity,
                    input,
                    key,
                },
                OpenCall::Approval { input: kept },
            ),
            Way::Group | Way::Perform => (
                Row::OpenGroup {
                    activity,
                    function: function.clone(),
                    input,
                    key,
                    placement,
                },
                OpenCall::Group {
                    function,
                    input: kept,
                },
            ),
        };
        self.rows.push(row);
        self.open_step(activity, call, layers)
    }

    /// A step that a person lets be made again asks people again.
    pub(super) fn ask_people_again(&mut self) {
        let step = self.state.branch().step();
        if let Some((step, OpenCall::Approval { input })) = step.map(|step| (step, &step.call)) {
            let row = Row::OpenApproval {
                activity: step.activity,
                input: input.value.clone(),
                key: self.key_of(self.state.cursor, step),
            };
            self.rows.push(row);
        }
    }

    /// The name of this job's template.
    pub fn template_name(&self) -> &str {
        let header = self.program.document.get("document");
        let name = header.and_then(|of| of.get("name")?.as_str());
        name.unwrap_or_default()
    }

    /// The part of this job's template that makes this call alone.
    pub fn part(&self, call: &str) -> ChildTemplate {
        let header = self.program.document.get("document");
        let text = |key| header.and_then(|of| of.get(key)?.as_str());
        ChildTemplate {
            namespace: text("namespace").unwrap_or_default().to_owned(),
            name: part_name(text("name").unwrap_or_default(), call),
            version: text("version").unwrap_or_default().to_owned(),
        }
    }

    /// What no longer shall go on outside, with rows of its own; whether it had not even begun.
    pub(super) fn close_beside(&mut self, step: &Step) -> bool {
        let activity = step.activity;
        let known = self.rows.len();
        self.rows.retain(|row| match row {
            Row::StartChild(child) => child.activity != activity,
            Row::OpenGroup { activity: of, .. }
            | Row::SaveContext { activity: of, .. }
            | Row::OpenApproval { activity: of, .. } => *of != activity,
            _ => true,
        });
        if self.rows.len() < known {
            return true;
        }
        match &step.call {
            // A closing job has said so already.
            _ if step.is_stopping => {}
            _ if step.is_elsewhere() => self.rows.push(Row::CloseChild { activity }),
            OpenCall::Child {
                fate: Fate::Abandon,
                ..
            } => {}
            OpenCall::Child { .. } => self.rows.push(Row::CloseChild { activity }),
            OpenCall::Group { .. } => self.rows.push(Row::CloseGroup { activity }),
            OpenCall::Approval { .. } => self.rows.push(Row::CloseApproval { activity }),
            _ => {}
        }
        false
    }

    /// Children that nobody awaits and that end with the job.
    pub(super) fn close_loose(&mut self) {
        for activity in std::mem::take(&mut self.state.root.loose) {
            self.rows.push(Row::CloseChild { activity });
        }
    }
}

impl Step {
    /// What its answer comes from, if no worker performs it.
    pub(super) fn interest(&self) -> Option<Interest> {
        let activity = self.activity;
        match &self.call {
            _ if self.is_placed => self.end_elsewhere(),
            OpenCall::Child { .. } => Some(Interest::Child { activity }),
            OpenCall::Group { function, .. } => Some(match function.name.as_str() {
                BATCH => Interest::Batch { activity },
                _ => Interest::Group { activity },
            }),
            OpenCall::Context { .. } => Some(Interest::Context { activity }),
            OpenCall::Approval { input } => Some(Interest::Approval {
                activity,
                input: input.value.clone(),
            }),
            OpenCall::Http { .. } | OpenCall::Function { .. } | OpenCall::Chunks(_) => None,
        }
    }
}
