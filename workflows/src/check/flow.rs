//! Where tasks go next: only to tasks of their own list (ruling 14), and switches that decide.

use std::collections::HashSet;

use super::{Checker, walk};
use crate::document::step::{Case, Directive, Kind, Task};
use crate::document::tree::join;

impl<'a> Checker<'a> {
    pub(super) fn check_flow(&mut self) {
        let lists = walk::lists(self.template);
        let everywhere: HashSet<&str> = lists.iter().copied().flatten().map(name).collect();
        for list in lists {
            let here: HashSet<&str> = list.iter().map(name).collect();
            let targets = Targets {
                list,
                here,
                everywhere: &everywhere,
            };
            list.iter()
                .for_each(|task| self.check_task_flow(task, &targets));
        }
        for task in walk::tasks(self.template) {
            if let Kind::Fork(fork) = &task.kind {
                self.check_fork(task, &fork.branches);
            }
        }
    }

    /// Nobody defines what `end` inside a branch does to the others (ruling 13).
    fn check_fork(&mut self, fork: &Task, branches: &[Task]) {
        let mut seen = HashSet::new();
        for branch in branches {
            if !seen.insert(branch.name.as_str()) {
                let message = format!("another branch of this fork is named `{}`", branch.name);
                self.report_key("flow.duplicate_name", &branch.pointer, message, None);
            }
            for task in walk::with_inner(branch) {
                for (directive, pointer) in directives(task) {
                    if *directive == Directive::End {
                        let message = format!("`end` inside a branch of `{}`", fork.name);
                        let hint = "write `exit`, which ends the branch".to_owned();
                        self.report("flow.end_in_branch", &pointer, message, Some(hint));
                    }
                }
            }
        }
    }

    fn check_task_flow(&mut self, task: &Task, targets: &Targets<'_>) {
        self.check_target(&task.then, &join(&task.pointer, "then"), targets);
        match &task.kind {
            Kind::Switch(cases) => self.check_switch(task, cases, targets),
            Kind::Try(attempt) => {
                self.check_target(&attempt.then, &join(&attempt.pointer, "then"), targets);
            }
            _ => {}
        }
    }

    fn check_switch(&mut self, task: &Task, cases: &[Case], targets: &Targets<'_>) {
        let pointer = join(&task.pointer, "switch");
        if cases.is_empty() {
            let message = "a switch has at least one case".to_owned();
            self.report("flow.empty_switch", &pointer, message, None);
        }
        let mut seen = HashSet::new();
        let mut default: Option<&str> = None;
        for (index, case) in cases.iter().enumerate() {
            let place = join(&format!("{pointer}/{index}"), &case.name);
            if !seen.insert(case.name.as_str()) {
                let message = format!("another case of this switch is named `{}`", case.name);
                self.report_key("flow.duplicate_name", &place, message, None);
            }
            match (default, &case.when) {
                (Some(first), None) => {
                    let message = format!("`{first}` is the case without `when` already");
                    let hint = "give one of them a `when`".to_owned();
                    self.report_key("flow.two_defaults", &place, message, Some(hint));
                }
                (None, None) => default = Some(&case.name),
                _ => {}
            }
            self.check_target(&case.then, &join(&place, "then"), targets);
        }
    }

    fn check_target(&mut self, directive: &Directive, pointer: &str, targets: &Targets<'_>) {
        let Directive::Jump(target) = directive else {
            return;
        };
        if targets.here.contains(target.as_str()) {
            return;
        }
        let message = format!("no task of this list is named `{target}`");
        let hint = match targets.everywhere.contains(target.as_str()) {
            true => Some("it is in another list, which cannot be reached from here".to_owned()),
            false => {
                let directives = ["continue", "exit", "end"];
                let names = targets.list.iter().map(name).chain(directives);
                let near = self.nearest(target, names);
                near.or_else(|| Some(targets.told()))
            }
        };
        self.report("flow.unknown_target", pointer, message, hint);
    }
}

/// Everywhere that a task says where to go next.
pub(super) fn directives(task: &Task) -> Vec<(&Directive, String)> {
    let mut found = vec![(&task.then, join(&task.pointer, "then"))];
    match &task.kind {
        Kind::Switch(cases) => found.extend(cases.iter().enumerate().map(|(index, case)| {
            let place = join(&format!("{}/switch/{index}", task.pointer), &case.name);
            (&case.then, join(&place, "then"))
        })),
        Kind::Try(attempt) => found.push((&attempt.then, join(&attempt.pointer, "then"))),
        _ => {}
    }
    found
}

/// Names that a directive may mean.
struct Targets<'a> {
    list: &'a [Task],
    here: HashSet<&'a str>,
    everywhere: &'a HashSet<&'a str>,
}

/// So many names are listed where none is near.
const NAMES_TOLD_MAX: usize = 8;

impl Targets<'_> {
    /// The names that may be meant, the first of them.
    fn told(&self) -> String {
        let told = self.list.iter().map(name).take(NAMES_TOLD_MAX);
        let told: Vec<String> = told.map(|name| format!("`{name}`")).collect();
        let more = self.list.len().saturating_sub(NAMES_TOLD_MAX);
        let more = match more {
            0 => String::new(),
            more => format!(", {more} more"),
        };
        format!(
            "tasks of this list: {}{more}; or `continue`, `exit`, `end`",
            told.join(", ")
        )
    }
}

fn name(task: &Task) -> &str {
    &task.name
}
