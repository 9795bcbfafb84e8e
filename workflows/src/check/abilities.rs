//! What whoever runs a template cannot do yet is refused when it is published, never ignored.

use super::{Checker, walk};
use crate::catalogue::{APPROVAL, Ability, BATCH, CHUNKS, CONTEXT_SAVE, MAP};
use crate::document::settings::Settings;
use crate::document::step::{Kind, Shape, Task};
use crate::document::tree::join;
use crate::program;

/// Keys of `metadata.windlass` of a document.
const DOCUMENT_KEYS: [&str; 2] = ["purpose", "lane"];

impl<'a> Checker<'a> {
    pub(super) fn check_abilities(&mut self) {
        let later = "leave it out until a release supports it";
        let job = "write a `schedule` beside the job's configuration";
        let clock = ["cron", "every", "after"].map(|key| (key, Ability::Schedule));
        for (key, ability) in clock.into_iter().chain([("on", Ability::Trigger)]) {
            self.wants(
                ability,
                "unsupported.schedule",
                &format!("/schedule/{key}"),
                job,
            );
        }
        self.wants(
            Ability::Emit,
            "unsupported.metadata.lifecycle",
            "/document/metadata/windlass/lifecycle",
            later,
        );
        for key in DOCUMENT_KEYS {
            let pointer = format!("/document/metadata/windlass/{key}");
            let code = format!("unsupported.metadata.{key}");
            self.wants(Ability::DocumentSettings, &code, &pointer, later);
        }
        for task in walk::tasks(self.template) {
            self.check_kind(task);
            self.check_settings(task, &task.settings);
            self.check_effect(task);
            self.check_inner_places(task);
        }
    }

    /// Refuses what stands at a pointer, if it does and cannot be done.
    fn wants(&mut self, ability: Ability, code: &str, pointer: &str, hint: &str) {
        if self.catalogue.can(ability) || self.tree.pointer(pointer).is_none() {
            return;
        }
        let what = pointer.rsplit('/').next().unwrap_or_default();
        let message = format!("`{what}` is not supported yet");
        self.report_key(code, pointer, message, Some(hint.to_owned()));
    }

    fn check_kind(&mut self, task: &Task) {
        let (ability, code, key) = match &task.kind {
            Kind::Listen(_) => (Ability::Listen, "unsupported.task.listen", "listen"),
            Kind::Emit(_) => (Ability::Emit, "unsupported.task.emit", "emit"),
            Kind::Run(_) => (Ability::Child, "unsupported.run.workflow", "run"),
            // Not even a handler of that name could do it: these calls are rows of the job's own turn.
            Kind::Function { function, .. } => match function.name.as_str() {
                MAP => (Ability::Group, "unsupported.call.map", "call"),
                BATCH => (Ability::Batch, "unsupported.call.batch", "call"),
                CONTEXT_SAVE => (Ability::Context, "unsupported.call.context-save", "call"),
                _ => return,
            },
            _ => return,
        };
        let pointer = format!("{}/{key}", task.pointer);
        self.wants(ability, code, &pointer, "it comes with a later release");
    }

    fn check_settings(&mut self, task: &'a Task, settings: &'a Settings) {
        let ours = format!("{}/metadata/windlass", task.pointer);
        let leaf = self.is_known(task).then(|| self.leaf(&task.kind));
        let placed = settings.placement.iter();
        let placed = placed.filter(|(key, shape)| !says_something(leaf, key, shape));
        let placed = placed.map(|(key, _)| (key.as_str(), Ability::Placement));
        let others = [
            ("effect", Ability::Effect, settings.effect.is_none()),
            ("onParentClose", Ability::Child, settings.fate.is_none()),
        ];
        let others = others
            .into_iter()
            .filter(|(_, _, is_absent)| !is_absent)
            .map(|(key, ability, _)| (key, ability));
        for (key, ability) in placed.chain(others) {
            let code = format!("unsupported.metadata.{key}");
            let hint = "leave it out until a release supports it";
            self.wants(ability, &code, &join(&ours, key), hint);
        }
    }
}

/// What is said of a job that is started.
pub(super) const PLACES: [&str; 7] = [
    "queue", "priority", "limits", "cost", "startBy", "needs", "prefers",
];

/// Whether what places a task can be done for what it comes to. A child, each of a map, or the job that makes one
/// call, is placed where it is born; and the running time of a call has a bound.
fn says_something(leaf: Option<&Kind>, key: &str, shape: &Shape) -> bool {
    let is_constant = matches!(shape, Shape::Constant(_));
    let leaf = match (leaf, key) {
        // Leases are renewed by the process that holds them: a heartbeat has nothing to say.
        (_, "heartbeat") => return true,
        // It is read from the document, so nothing is known but what is written out.
        (_, "stage") => return is_constant,
        // Why it is not known was said.
        (None, _) => return true,
        (Some(leaf), _) => leaf,
    };
    match (leaf, key) {
        (Kind::Run(_), key) => PLACES.contains(&key),
        (Kind::Function { function, .. }, key) if function.name == MAP => PLACES.contains(&key),
        // Its jobs stand in a lane of their own.
        (Kind::Function { function, .. }, key) if function.name == BATCH => {
            ["priority", "limits"].contains(&key)
        }
        (Kind::Function { function, .. }, "runTime" | "subject") => {
            ![CHUNKS, APPROVAL].contains(&&*function.name)
        }
        (leaf, key) if program::is_step(leaf) => {
            ["runTime", "subject"].contains(&key) || PLACES.contains(&key)
        }
        // Whoever takes the job has what all its own calls need; so what they need is known when it is made.
        (Kind::Function { .. }, "needs" | "prefers") => is_constant,
        _ => false,
    }
}
