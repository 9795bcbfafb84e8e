//! What may be published and is probably not meant (rulings 2, 4, 9, 18 and 34).

use super::defined::unused_secrets;
use super::doubts::doubts;
use crate::document::parse::{self, unwrapped};
use crate::document::tree::{Node, Tree, join};
use crate::problem::{Problem, Problems};
use crate::resource::Resources;

/// Keys whose values are not read as templates.
const FREE: [&str; 2] = ["metadata", "schema"];

/// Doubtful places of a document that was published.
pub fn warnings(tree: &Tree) -> Vec<Problem> {
    let mut found = Problems::default();
    for part in ["do", "use"] {
        if let Some(tree) = tree.get(part) {
            visit(tree, &format!("/{part}"), &mut found);
        }
    }
    unused_secrets(tree, &mut found);
    if let (Some(template), _) = parse::parse(tree, &Resources::default()) {
        doubts(tree, &template, &mut found);
    }
    found.into_list()
}

/// As deep as the document, whose depth is bounded.
fn visit(tree: &Tree, pointer: &str, found: &mut Problems) {
    match &tree.node {
        Node::List(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, item)| visit(item, &format!("{pointer}/{index}"), found));
        }
        Node::Map(entries) => {
            skipped_and_directed(tree, pointer, found);
            let read = entries.iter().filter(|entry| !FREE.contains(&&*entry.key));
            read.for_each(|entry| visit(&entry.value, &join(pointer, &entry.key), found));
        }
        Node::Scalar(value) => {
            let text = value.as_str().unwrap_or_default();
            if text.contains("${") && unwrapped(text).is_none() {
                let message = "`${` inside a longer text is plain text";
                let problem = tree.problem("warning.literal_expression", pointer, message);
                found.push(problem.hint(r#"write ${ "Hello \(.name)" } around the whole"#));
            }
        }
    }
}

fn skipped_and_directed(tree: &Tree, pointer: &str, found: &mut Problems) {
    let Some(then) = tree.get("then").filter(|_| tree.get("if").is_some()) else {
        return;
    };
    let message = "`then` is followed also when `if` skips the task";
    let problem = then.problem("warning.then_of_skipped", join(pointer, "then"), message);
    found.push(problem.hint("use a `switch` to go elsewhere only sometimes"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tree::{Format, read_one};

    #[test]
    fn doubtful_places_are_named() {
        let text = "do:\n  - a: { if: .x, then: end, set: { t: 'Hi ${ .n }!', u: '${ .n }' } }\n";
        let tree = read_one(text, Format::Yaml).unwrap();

        let codes: Vec<String> = warnings(&tree).into_iter().map(|w| w.code).collect();

        assert_eq!(
            codes,
            ["warning.then_of_skipped", "warning.literal_expression"]
        );
    }

    #[test]
    fn clear_places_are_not() {
        let text =
            "do:\n  - a: { if: .x, set: { u: ' ${ .n } ' }, metadata: { note: 'a ${ b' } }\n";

        assert!(warnings(&read_one(text, Format::Yaml).unwrap()).is_empty());
    }
}
