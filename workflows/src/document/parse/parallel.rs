//! `fork` and `run`: what goes on beside its task.

use super::Reader;
use super::shape::unwrapped;
use super::spot::Spot;
use crate::document::step::{Fork, Kind, Run};
use crate::document::tree::Entry;

/// What `run` may start; only a workflow is run by the engine itself.
const RUNS: [&str; 4] = ["workflow", "script", "shell", "container"];

/// Branches of one fork (`machine.md` section 2).
const BRANCHES_MAX: usize = 256;

impl Reader {
    pub fn fork(&mut self, spot: &Spot<'_>) -> Option<Kind> {
        let fields = self.object(spot, &["branches", "compete"])?;
        let compete = fields.get("compete").and_then(|spot| self.boolean(&spot));
        let spot = self.required(&fields, "branches")?;
        let branches = self.tasks(&spot);
        let count = spot.tree.as_list().map_or(1, <[_]>::len);
        if !(1..=BRANCHES_MAX).contains(&count) {
            let message = format!("a fork has 1 to {BRANCHES_MAX} branches; this one has {count}");
            self.problems.push(spot.problem("flow.branches", message));
        }
        Some(Kind::Fork(Fork {
            branches,
            compete: compete.unwrap_or_default(),
        }))
    }

    pub fn run(&mut self, fields: &Spot<'_>, run: &Entry) -> Option<Kind> {
        if run.value.get("workflow").is_none() {
            return self.refuse_run(fields, run);
        }
        let head = self.object(&fields.of(run), &["workflow", "await", "return"])?;
        let is_awaited = head.get("await").and_then(|spot| self.boolean(&spot));
        let known = ["namespace", "name", "version", "input"];
        let workflow = self.object(&head.get("workflow")?, &known)?;
        let mut part = |key| {
            let spot = self.required(&workflow, key)?;
            let text = self.text(&spot)?.to_owned();
            if unwrapped(&text).is_none() {
                return Some(text);
            }
            let problem = spot.problem("run.computed", "a child's template is written out");
            self.problems.push(problem);
            None
        };
        let (namespace, name, version) = (part("namespace"), part("name"), part("version"));
        let input = workflow.get("input").and_then(|spot| self.map_shape(&spot));
        let version = version?;
        if version != "latest" && semver::Version::parse(&version).is_err() {
            let spot = workflow.get("version")?;
            let message = format!("`{version}` is neither a version nor latest");
            self.problems
                .push(spot.problem("document.version", message));
        }
        Some(Kind::Run(Box::new(Run {
            namespace: namespace?,
            name: name?,
            version,
            input,
            is_awaited: is_awaited.unwrap_or(true),
        })))
    }

    fn refuse_run(&mut self, fields: &Spot<'_>, run: &Entry) -> Option<Kind> {
        let what = RUNS.into_iter().find(|what| run.value.get(what).is_some());
        let code = match what {
            Some(what) => format!("unsupported.run.{what}"),
            None => "unsupported.task.run".to_owned(),
        };
        let message = format!("`run` of a {} is not supported", what.unwrap_or("process"));
        let problem = fields.problem_at(run, &code, message);
        self.problems.push(problem.hint("write a handler for it"));
        None
    }
}
