//! Names: of tasks within their list, and of the variables that authors choose.

use std::collections::HashSet;

use super::{Checker, walk};
use crate::document::scope::{JQ_KEYWORDS, RESERVED_VARIABLES};
use crate::document::step::{Kind, Task};
use crate::document::tree::join;

/// Most tasks of one document (`reliability.md` E.3).
pub(super) const TASKS_MAX: usize = 10_000;

/// Longest name of a task, in bytes; names are parts of pointers, which are keys.
pub(super) const NAME_BYTES_MAX: usize = 128;

/// Directives, which a task's name would hide (ruling 14).
const DIRECTIVES: [&str; 3] = ["continue", "exit", "end"];

impl<'a> Checker<'a> {
    /// Reports a document of more tasks than can be run.
    pub(super) fn has_too_many_tasks(&mut self) -> bool {
        let count = walk::tasks(self.template).len();
        if count > TASKS_MAX {
            let message = format!("the document has {count} tasks; {TASKS_MAX} are allowed");
            let hint = "let some of them be templates of their own, started by `run: workflow`";
            self.report(
                "document.too_many_tasks",
                "/do",
                message,
                Some(hint.to_owned()),
            );
        }
        count > TASKS_MAX
    }

    pub(super) fn check_names(&mut self) {
        for list in walk::lists(self.template) {
            self.check_duplicates(list);
            for task in list {
                self.check_task_name(task);
                self.check_variables(task);
            }
        }
    }

    fn check_duplicates(&mut self, list: &'a [Task]) {
        let mut seen = HashSet::new();
        for task in list {
            if !seen.insert(task.name.as_str()) {
                let message = format!("another task of this list is named `{}`", task.name);
                let hint = "give it a name of its own".to_owned();
                self.report_key("flow.duplicate_name", &task.pointer, message, Some(hint));
            }
        }
    }

    fn check_task_name(&mut self, task: &Task) {
        let name = &task.name;
        if DIRECTIVES.contains(&name.as_str()) {
            let message = format!("`{name}` is a directive and cannot name a task");
            self.report_key("flow.reserved_name", &task.pointer, message, None);
        }
        let odd = name.is_empty()
            || name.len() > NAME_BYTES_MAX
            || name.trim() != name
            || name.chars().any(char::is_control);
        if odd {
            let shown: String = name.chars().take(40).collect();
            let message = format!("{shown:?} is no good name for a task");
            let hint = format!("1 to {NAME_BYTES_MAX} bytes, no blanks at its ends, on one line");
            self.report_key("names.malformed", &task.pointer, message, Some(hint));
        }
    }

    fn check_variables(&mut self, task: &Task) {
        match &task.kind {
            Kind::For(repeat) => {
                let pointer = join(&task.pointer, "for");
                self.check_variable(&repeat.each, &join(&pointer, "each"));
                self.check_variable(&repeat.at, &join(&pointer, "at"));
                if repeat.each == repeat.at {
                    let message = format!("item and index are both named `{}`", repeat.each);
                    self.report("names.variable", &pointer, message, None);
                }
            }
            Kind::Listen(listen) => {
                let pointer = join(&task.pointer, "foreach");
                if let Some(foreach) = &listen.foreach {
                    self.check_variable(&foreach.item, &join(&pointer, "item"));
                    self.check_variable(&foreach.at, &join(&pointer, "at"));
                }
            }
            Kind::Try(attempt) => {
                self.check_variable(&attempt.bind, &join(&attempt.pointer, "as"));
            }
            _ => {}
        }
    }

    fn check_variable(&mut self, name: &str, pointer: &str) {
        let taken = RESERVED_VARIABLES.contains(&name) || JQ_KEYWORDS.contains(&name);
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !taken && starts && name.len() <= NAME_BYTES_MAX && name.chars().all(word) {
            return;
        }
        let (message, hint) = match taken {
            true => (
                format!("`{name}` has a meaning of its own"),
                "choose another name",
            ),
            false => (
                format!("`{name}` is no name of a variable"),
                "letters, digits and underscores, without $",
            ),
        };
        self.report("names.variable", pointer, message, Some(hint.to_owned()));
    }
}
