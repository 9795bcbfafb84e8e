//! Task lists and tasks: the shared parts here, the kinds in their own files.

use super::Reader;
use super::spot::Spot;
use crate::document::step::{Directive, Kind, Task};

const COMMON: [&str; 7] = [
    "if", "input", "output", "export", "timeout", "then", "metadata",
];

/// Each kind's own keys, the first of which marks it. `for` stands before `do`, which it contains.
const KINDS: [(&str, &[&str]); 12] = [
    ("call", &["call", "with"]),
    ("for", &["for", "while", "do"]),
    ("do", &["do"]),
    ("set", &["set"]),
    ("switch", &["switch"]),
    ("try", &["try", "catch"]),
    ("raise", &["raise"]),
    ("wait", &["wait"]),
    ("fork", &["fork"]),
    ("listen", &["listen", "foreach"]),
    ("emit", &["emit"]),
    ("run", &["run"]),
];

impl Reader {
    pub fn tasks(&mut self, spot: &Spot<'_>) -> Vec<Task> {
        let items = self.items(spot);
        let tasks = items.iter().filter_map(|item| {
            let entry = self.only_entry(item, "a task")?;
            Some(self.task(entry.key.to_string(), &item.of(entry)))
        });
        tasks.collect()
    }

    pub fn task(&mut self, name: String, spot: &Spot<'_>) -> Task {
        let mut task = empty(name, spot.pointer.clone());
        let Some(fields) = self.any_object(spot) else {
            return task;
        };
        let Some((kind, keys)) = self.kind_of(&fields) else {
            return task;
        };
        for entry in fields.entries() {
            if !COMMON.contains(&&*entry.key) && !keys.contains(&&*entry.key) {
                let known: Vec<&str> = keys.iter().chain(&COMMON).copied().collect();
                self.unknown_key(&fields, entry, &known);
            }
        }
        task.condition = fields.get("if").and_then(|spot| self.expression(&spot));
        task.input = fields
            .get("input")
            .map(|spot| self.input(&spot))
            .unwrap_or_default();
        task.output = fields
            .get("output")
            .map(|spot| self.output(&spot))
            .unwrap_or_default();
        task.export = fields
            .get("export")
            .map(|spot| self.output(&spot))
            .unwrap_or_default();
        task.timeout = fields.get("timeout").and_then(|spot| self.timeout(&spot));
        task.then = fields
            .get("then")
            .map(|spot| self.directive(&spot))
            .unwrap_or_default();
        task.settings = self.settings(&fields);
        if let Some(kind) = self.kind(kind, &fields) {
            task.kind = kind;
        }
        task
    }

    /// Which kind of task this is, from its keys.
    fn kind_of(&mut self, fields: &Spot<'_>) -> Option<(&'static str, &'static [&'static str])> {
        let mut found = KINDS.iter().filter(|(key, _)| fields.has(key));
        let Some(&(kind, keys)) = found.next() else {
            self.no_kind(fields);
            return None;
        };
        let other = found.find(|(key, _)| !keys.contains(key));
        if let Some((other, _)) = other {
            let message = format!("a task does one thing; this one has `{kind}` and `{other}`");
            let problem = fields.problem("document.two_kinds", message);
            self.problems.push(problem.hint("make two tasks of it"));
            return None;
        }
        Some((kind, keys))
    }

    fn no_kind(&mut self, fields: &Spot<'_>) {
        let names = || KINDS.iter().map(|(key, _)| *key);
        let own = fields
            .entries()
            .iter()
            .filter(|entry| !COMMON.contains(&&*entry.key));
        let meant = own
            .filter_map(|entry| self.nearest(&entry.key, names()))
            .next();
        let problem = fields.problem("document.no_kind", "this task says nothing to do");
        let hint = meant.unwrap_or_else(|| {
            let names: Vec<&str> = names().take(8).collect();
            format!("a task has one of {}", names.join(", "))
        });
        self.problems.push(problem.hint(hint));
    }

    fn kind(&mut self, kind: &str, fields: &Spot<'_>) -> Option<Kind> {
        let entry = fields.tree.entry(kind)?;
        let spot = fields.of(entry);
        match kind {
            "call" => self.call(fields),
            "do" => Some(Kind::Do(self.tasks(&spot))),
            "for" => self.repeat(fields),
            "set" => self.set(&spot),
            "switch" => Some(Kind::Switch(self.cases(&spot))),
            "try" => self.attempt(fields),
            "raise" => self.raise(&spot),
            "wait" => self.delay(&spot).map(Kind::Wait),
            "fork" => self.fork(&spot),
            "listen" => self.listen(fields),
            "emit" => self.emit(&spot),
            "run" => self.run(fields, entry),
            _ => None,
        }
    }

    pub fn directive(&mut self, spot: &Spot<'_>) -> Directive {
        match self.text(spot) {
            None | Some("continue") => Directive::Continue,
            Some("exit") => Directive::Exit,
            Some("end") => Directive::End,
            Some(name) => Directive::Jump(name.to_owned()),
        }
    }
}

/// A task that passes its input through: what stands for a broken one.
fn empty(name: String, pointer: String) -> Task {
    Task {
        name,
        pointer,
        condition: None,
        input: Default::default(),
        output: Default::default(),
        export: Default::default(),
        timeout: None,
        then: Directive::Continue,
        settings: Default::default(),
        kind: Kind::Do(Vec::new()),
    }
}
