//! What `use` defines: names that can be called by, each once (rulings 33 and 34); and secrets that nothing uses.

use std::collections::HashSet;

use super::Checker;
use super::names::NAME_BYTES_MAX;
use crate::document::tree::{Node, Tree, join};
use crate::problem::Problems;

/// Sections of `use` that are objects, by whose keys something else names their entries.
const SECTIONS: [&str; 6] = [
    "functions",
    "retries",
    "errors",
    "timeouts",
    "authentications",
    "catalogs",
];

/// What `call` means by itself.
const PROTOCOLS: [&str; 6] = ["http", "openapi", "grpc", "asyncapi", "a2a", "mcp"];

/// How an expression names a secret.
const MARK: &str = "$secrets";

impl Checker<'_> {
    pub(super) fn check_defined(&mut self) {
        let Some(defined) = self.tree.get("use") else {
            return;
        };
        for section in SECTIONS {
            let entries = defined.get(section).and_then(Tree::as_map);
            for entry in entries.unwrap_or_default() {
                let pointer = join(&format!("/use/{section}"), &entry.key);
                if !is_word(&entry.key, true) {
                    self.bad_name(&entry.key, &pointer);
                }
                if section == "functions" && PROTOCOLS.contains(&&*entry.key) {
                    let message = format!("`call: {}` never means this function", entry.key);
                    self.taken(&pointer, message, "choose another name");
                }
                if section == "catalogs" && &*entry.key == "default" {
                    let message = "`@default` is the catalogue of what workers register".to_owned();
                    self.taken(&pointer, message, "choose another name for this one");
                }
            }
        }
        self.check_defined_secrets(defined);
    }

    fn check_defined_secrets(&mut self, defined: &Tree) {
        let secrets = defined.get("secrets").and_then(Tree::as_list);
        let secrets = secrets.unwrap_or_default();
        let mut seen = HashSet::new();
        for (index, secret) in secrets.iter().enumerate() {
            let Some(name) = secret.as_str() else {
                continue;
            };
            let pointer = format!("/use/secrets/{index}");
            if !is_word(name, false) {
                self.bad_name(name, &pointer);
            } else if !seen.insert(name) {
                let message = format!("`{name}` stands in this list twice");
                let hint = Some("keep one of them".to_owned());
                self.report("names.repeated", &pointer, message, hint);
            }
        }
    }

    fn bad_name(&mut self, name: &str, pointer: &str) {
        let shown: String = name.chars().take(40).collect();
        let message = format!("{shown:?} is no good name to be called by");
        let hint = format!(
            "1 to {NAME_BYTES_MAX} letters, digits, `-` and `_`, the first a letter or `_`"
        );
        self.report_key("names.malformed", pointer, message, Some(hint));
    }

    fn taken(&mut self, pointer: &str, message: String, hint: &str) {
        self.report_key("names.reserved", pointer, message, Some(hint.to_owned()));
    }
}

/// A dot parts a secret from its member, so that no secret has one in its name.
fn is_word(name: &str, may_have_dots: bool) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let fits =
        |c: char| c.is_ascii_alphanumeric() || "-_".contains(c) || (may_have_dots && c == '.');
    starts && name.len() <= NAME_BYTES_MAX && name.chars().all(fits)
}

/// Warns of secrets that nothing uses: whoever runs the template would have to grant them for nothing.
pub(super) fn unused_secrets(tree: &Tree, found: &mut Problems) {
    let defined = tree.get("use").and_then(|defined| defined.get("secrets"));
    let secrets = defined.and_then(Tree::as_list).unwrap_or_default();
    let mut used = HashSet::new();
    if !secrets.is_empty() {
        said(tree, &mut used);
    }
    for (index, secret) in secrets.iter().enumerate() {
        let unused = secret.as_str().filter(|name| !used.contains(name));
        if let Some(name) = unused {
            let message = format!("nothing uses the secret `{name}`");
            let pointer = format!("/use/secrets/{index}");
            let problem = secret.problem("warning.unused_secret", pointer, message);
            found.push(problem.hint("leave it out: who runs the template would have to grant it"));
        }
    }
}

/// Secrets that a tree names: in texts behind the mark, and as the `use` of a policy.
fn said<'a>(tree: &'a Tree, found: &mut HashSet<&'a str>) {
    match &tree.node {
        Node::Scalar(value) => marked(value.as_str().unwrap_or_default(), found),
        Node::List(items) => items.iter().for_each(|item| said(item, found)),
        Node::Map(entries) => {
            for entry in entries {
                let name = entry.value.as_str().filter(|_| &*entry.key == "use");
                found.extend(name.and_then(|name| name.split('.').next()));
                said(&entry.value, found);
            }
        }
    }
}

fn marked<'a>(text: &'a str, found: &mut HashSet<&'a str>) {
    for rest in text.split(MARK).skip(1) {
        let name = rest.trim_start_matches(['.', '[', '"', ' ']);
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
        found.insert(&name[..end.unwrap_or(name.len())]);
        // `$secrets.a-b` may also take `b` away from the secret `a`.
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        found.insert(&name[..end.unwrap_or(name.len())]);
    }
}
