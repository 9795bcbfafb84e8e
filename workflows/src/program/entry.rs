//! A template entered at one of its calls: what a job runs that a `map` makes for an item.
//!
//! Such a job is one of its own, so it needs a version of its own to be pinned to: the same document, and instead
//! of its list the one call, which gets the job's input as its `with`. Publishing stores these parts beside
//! the version, and their names have a `/`, which no template's name has.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::Unbuildable;
use super::place::refused;
use super::placed::alone;
use super::target::member;
use crate::catalogue::MAP;
use crate::check::walk;
use crate::document::parse::function_name;
use crate::document::step::{Directive, Expression, Input, Kind, Output, Shape, Task, Template};

/// Characters of a name, as everywhere.
const NAME_MAX: usize = 63;

/// What a `map` calls for its items, once each.
pub fn calls(template: &Template) -> BTreeSet<String> {
    let tasks = walk::tasks(template).into_iter();
    tasks.filter_map(mapped).collect()
}

/// The function that a `map` calls for its items.
pub(super) fn mapped(task: &Task) -> Option<String> {
    match &task.kind {
        Kind::Function { function, with } if function.name == MAP => match member(with, "call")? {
            Shape::Constant(call) => call.as_str().map(ToOwned::to_owned),
            _ => None,
        },
        _ => None,
    }
}

/// The name of the part of a template that makes this call, such as `refresh/item-enrich-1-0-0`; that of a step
/// goes by the pointer of its task, such as `refresh/do-0-enrich`.
pub fn part_name(template: &str, call: &str) -> String {
    let call = call.strip_suffix("@default").unwrap_or(call);
    let kept = call.chars().map(|letter| match letter {
        'a'..='z' | '0'..='9' => letter,
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => '-',
    });
    let kept: Vec<char> = kept.collect();
    let kept: String = match call.strip_prefix('/') {
        // Deep pointers begin alike.
        Some(_) if kept.len() > NAME_MAX => {
            let hash = hex::encode(&Sha256::digest(call.as_bytes())[..4]);
            let rest = &kept[kept.len() + hash.len() + 1 - NAME_MAX..];
            hash.chars()
                .chain(['-'])
                .chain(rest.iter().copied())
                .collect()
        }
        _ => kept.into_iter().take(NAME_MAX).collect(),
    };
    format!("{template}/{}", kept.trim_matches('-'))
}

/// The template with that call as all that it does.
pub(super) fn entered(template: Template, call: &str) -> Result<Template, Unbuildable> {
    let whole = Shape::Expression(Expression {
        text: ".".to_owned(),
        pointer: ENTRY.to_owned(),
    });
    let named = template.functions.iter().position(|(name, _)| name == call);
    let kind = match (named, function_name(call)) {
        (Some(function), _) => Kind::Local {
            function,
            with: whole,
        },
        (None, Some((function, "default"))) => Kind::Function {
            function,
            with: whole,
        },
        _ => return Err(refused(ENTRY, "it calls no function")),
    };
    let task = Task {
        name: "item".to_owned(),
        pointer: ENTRY.to_owned(),
        condition: None,
        input: Input::default(),
        output: Output::default(),
        export: Output::default(),
        timeout: None,
        then: Directive::Continue,
        settings: Default::default(),
        kind,
    };
    Ok(alone(template, task))
}

/// Where the call of a part stands.
pub(crate) const ENTRY: &str = "/do/0/item";

#[cfg(test)]
mod tests {
    use super::super::{Bundle, Memory, Program};
    use super::*;
    use crate::catalogue::{Ability, Catalogue};
    use crate::check;

    const DOCUMENT: &str = "
document: { dsl: '1.0.3', namespace: a, name: refresh, version: '1.0.0', metadata: { windlass: { deadline: PT1H } } }
input: { schema: { document: { type: object, required: [ items ] } } }
timeout: { after: PT1H }
use:
  functions:
    look: { call: http, with: { method: get, endpoint: 'https://shop.example/{sku}' } }
do:
  - named: { call: 'map:1.0.0@default', with: { items: '${ .items }', call: look } }
  - built: { call: 'map:1.0.0@default', with: { items: '${ .items }', call: 'analyse:1.0.0@default' } }
  - other: { call: 'map:1.0.0@default', with: { items: '${ .items }', workflow: { namespace: a, name: b } } }
";

    #[test]
    fn a_part_is_the_same_document_entered_at_one_call() {
        let able = [Ability::Group, Ability::DocumentSettings];
        let catalogue = able.into_iter().fold(Catalogue::builtin(), Catalogue::able);
        let template = check::publish(DOCUMENT, &catalogue).expect("a template");

        let calls = calls(&template);

        let known: Vec<&str> = calls.iter().map(String::as_str).collect();
        assert_eq!(known, ["analyse:1.0.0@default", "look"]);
        let whole = Program::build(&Bundle::new(template.document.clone())).expect("built");
        assert!(matches!(whole.memory(), Memory::Journaled(_)));
        for call in calls {
            let bundle = Bundle::new(template.document.clone()).entered(&call);
            let read = Bundle::from_json(&bundle.to_json()).expect("a bundle");
            assert_eq!(read, bundle);
            let part = Program::build(&read).expect("built");
            assert_eq!(part.memory(), Memory::None, "{call} is one step");
        }
    }

    #[test]
    fn the_name_of_a_part_tells_its_call() {
        assert_eq!(
            part_name("refresh", "item-enrich:1.0.0@default"),
            "refresh/item-enrich-1-0-0"
        );
        assert_eq!(part_name("refresh", "enrichItem"), "refresh/enrichitem");
    }
}
