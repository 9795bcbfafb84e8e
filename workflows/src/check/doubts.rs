//! Doubtful places that only the typed template shows: several results, exports of two branches, undos.

use std::collections::HashMap;

use super::walk;
use crate::document::step::{Expression, Fork, Kind, Shape, Task, Template};
use crate::document::tree::{Tree, join};
use crate::problem::Problems;

/// What takes many results and gives one, or says that it takes the first.
const GATHERS: [&str; 5] = ["reduce ", "foreach ", "first", "limit", "label "];

pub(super) fn doubts(tree: &Tree, template: &Template, found: &mut Problems) {
    let mut doubts = Doubts { tree, found };
    for task in walk::tasks(template) {
        doubts.several_results(task);
        if let Kind::Fork(fork) = &task.kind {
            doubts.same_exports(fork);
        }
    }
    doubts.undos(&template.body, false);
}

struct Doubts<'a> {
    tree: &'a Tree,
    found: &'a mut Problems,
}

impl Doubts<'_> {
    fn push(&mut self, code: &str, pointer: &str, message: &str, hint: &str) {
        let problem = self.tree.place_of(pointer).problem(code, pointer, message);
        self.found.push(problem.hint(hint));
    }

    /// Of several results only the first counts (ruling 4).
    fn several_results(&mut self, task: &Task) {
        let shapes = [&task.input.from, &task.output.shape, &task.export.shape];
        let shapes = shapes.into_iter().flatten();
        let own = match &task.kind {
            Kind::Set(shape) | Kind::Emit(shape) => Some(shape),
            Kind::Local { with, .. } | Kind::Function { with, .. } => Some(with),
            _ => None,
        };
        for shape in shapes.chain(own) {
            leaves(shape, &mut |expression| {
                if gives_several(&expression.text) {
                    self.push(
                        "warning.several_results",
                        &expression.pointer,
                        "this may give several results, of which only the first counts",
                        "write [ … ] around it to have them all",
                    );
                }
            });
        }
    }

    /// At the join the later branch wins (ruling 18).
    fn same_exports(&mut self, fork: &Fork) {
        let mut first: HashMap<String, &str> = HashMap::new();
        for branch in &fork.branches {
            let Some(shape) = branch.export.shape.as_ref().filter(|_| !fork.compete) else {
                continue;
            };
            for key in keys(shape) {
                let earlier = first.insert(key.clone(), &branch.name);
                if let Some(earlier) = earlier.filter(|earlier| *earlier != branch.name) {
                    let message = format!("`{earlier}` exports `{key}` too; this one wins");
                    let pointer = join(&branch.pointer, "export");
                    self.push("warning.same_export", &pointer, &message, "choose two keys");
                }
            }
        }
    }

    /// An undo needs a scope that runs it, and an effect to know what a timeout left behind.
    fn undos(&mut self, tasks: &[Task], is_scoped: bool) {
        for task in tasks {
            let is_scoped = is_scoped || task.settings.compensate.is_some();
            if task.settings.undo.is_some() {
                let pointer = format!("{}/metadata/windlass/undo", task.pointer);
                if !is_scoped {
                    let hint = "write `compensate` at a task around it";
                    let message = "no task around this one says when it is undone";
                    self.push("warning.undo_without_scope", &pointer, message, hint);
                }
                if task.timeout.is_some() && task.settings.effect.is_none() {
                    let hint = "add an `effect`, whose key finds it again";
                    let message = "after a timeout nobody knows whether there is something to undo";
                    self.push("warning.undo_without_effect", &pointer, message, hint);
                }
            }
            for list in walk::inner_lists(task) {
                self.undos(list, is_scoped);
            }
        }
    }
}

fn leaves(shape: &Shape, visit: &mut impl FnMut(&Expression)) {
    match shape {
        Shape::Constant(_) => {}
        Shape::Expression(expression) => visit(expression),
        Shape::List(items) => items.iter().for_each(|item| leaves(item, visit)),
        Shape::Map(entries) => entries.iter().for_each(|(_, shape)| leaves(shape, visit)),
    }
}

/// Keys of the object that a shape builds, as far as they are written out.
fn keys(shape: &Shape) -> Vec<String> {
    match shape {
        Shape::Constant(value) => {
            let keys = value.as_map().into_iter().flat_map(|map| map.keys());
            keys.map(|key| key.to_string()).collect()
        }
        Shape::Map(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
        Shape::Expression(expression) => {
            let parts = outermost(&expression.text, '{');
            let words = parts.iter().flat_map(|part| outermost_split(part));
            words.collect()
        }
        Shape::List(_) => Vec::new(),
    }
}

/// Insides of the outermost braces.
fn outermost(text: &str, open: char) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut from) = (0_u32, 0);
    for (at, sign, _) in signs(text) {
        match sign {
            '{' | '[' | '(' => {
                if depth == 0 && sign == open {
                    from = at + 1;
                }
                depth += 1;
            }
            '}' | ']' | ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && sign == '}' && from > 0 {
                    found.push(&text[from..at]);
                    from = 0;
                }
            }
            _ => {}
        }
    }
    found
}

/// Keys before the colons of an object's inside.
fn outermost_split(inside: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut from = 0;
    for (at, sign, depth) in signs(inside) {
        match sign {
            ':' if depth == 0 => {
                let key = inside[from..at].trim().trim_matches('"');
                keys.push(key.to_owned());
            }
            ',' if depth == 0 => from = at + 1,
            _ => {}
        }
    }
    keys
}

/// Signs outside of strings, with the number of brackets around them.
fn signs(text: &str) -> impl Iterator<Item = (usize, char, u32)> {
    let (mut depth, mut is_text, mut is_escaped) = (0_u32, false, false);
    text.char_indices().filter_map(move |(at, sign)| {
        let was_escaped = std::mem::take(&mut is_escaped);
        if is_text {
            is_escaped = sign == '\\' && !was_escaped;
            is_text = sign != '"' || was_escaped;
            return None;
        }
        match sign {
            '"' => is_text = true,
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let outside = match sign {
            '{' | '[' | '(' => depth.saturating_sub(1),
            _ => depth,
        };
        Some((at, sign, outside))
    })
}

fn gives_several(text: &str) -> bool {
    if GATHERS.iter().any(|word| text.contains(word)) {
        return false;
    }
    let mut signs = signs(text).peekable();
    while let Some((_, sign, depth)) = signs.next() {
        let opens = sign == '[' && signs.peek().is_some_and(|(_, next, _)| *next == ']');
        // `[]` alone is an empty list; behind a value it takes it apart.
        let is_iteration = opens && !text.trim_start().starts_with("[]");
        if depth == 0 && (sign == ',' || is_iteration) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::warnings;
    use crate::document::tree::{Format, read_one};

    fn codes(text: &str) -> Vec<String> {
        let head = "document: { dsl: 1.0.3, namespace: a, name: a, version: 1.0.0 }\n";
        let tree = read_one(&format!("{head}{text}"), Format::Yaml).expect("YAML");
        warnings(&tree).into_iter().map(|w| w.code).collect()
    }

    #[test]
    fn several_results_are_told_from_one() {
        for several in [".a, .b", ".items[]", ".[] | select(.ok)", "\"a\", 1"] {
            assert!(gives_several(several), "{several}");
        }
        for one in [
            "[ .[] | .a ]",
            "{ a: 1, b: 2 }",
            "reduce .[] as $x (0; . + $x)",
            "\"a, b\"",
            "map(.a, .b)",
            "first(.[])",
        ] {
            assert!(!gives_several(one), "{one}");
        }
        assert_eq!(
            codes("do: [ { a: { set: { x: '${ .l[] }' } } } ]"),
            ["warning.several_results"]
        );
    }

    #[test]
    fn a_key_that_two_branches_export_is_named() {
        let text = "do: [ { f: { fork: { branches: [
            { a: { set: { x: 1 }, export: { as: '$context + { k: { deep: 1 }, a: 1 }' } } },
            { b: { set: { x: 1 }, export: { as: { k: 2, deep: 3 } } } } ] } } } ]";

        assert_eq!(codes(text), ["warning.same_export"]);
    }

    #[test]
    fn an_undo_that_nobody_runs_or_that_a_timeout_may_miss_is_named() {
        let bare = "do: [ { a: { call: 'x:1.0.0@default', timeout: { after: PT1S }, metadata: { windlass: { undo: { call: 'y:1.0.0@default' } } } } } ]";
        let scoped = "do: [ { s: { do: [ { a: { call: 'x:1.0.0@default', metadata: { windlass: { undo: { call: 'y:1.0.0@default' } } } } } ], metadata: { windlass: { compensate: onFailure } } } } ]";

        assert_eq!(
            codes(bare),
            ["warning.undo_without_scope", "warning.undo_without_effect"]
        );
        assert!(codes(scoped).is_empty());
    }
}
