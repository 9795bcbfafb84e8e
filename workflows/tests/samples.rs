//! The sample templates: each is read, checked and built, and its settings fit the schema of our own
//! metadata.

use std::path::Path;

use windlass_workflows::catalogue::{Ability, Catalogue};
use windlass_workflows::check;
use windlass_workflows::document::tree::{Format, Tree, read_one};
use windlass_workflows::program::{Bundle, Program};
use windlass_workflows::resource::{Resource, Resources};
use windlass_workflows::schema::Schema;
use windlass_workflows::value::Value;

/// Handlers and built-in functions that the samples call.
const CALLED: [(&str, &str); 15] = [
    ("account-suspend", "1.0.0"),
    ("crm-suppress", "1.0.0"),
    ("crm-unreachable", "1.0.0"),
    ("flight-book", "1.0.0"),
    ("hotel-book", "1.0.0"),
    ("hotel-cancel", "1.0.0"),
    ("identity-create", "1.0.0"),
    ("identity-delete", "1.0.0"),
    ("invoice-charge", "1.0.0"),
    ("invoice-status", "1.0.0"),
    ("item-enrich", "1.0.0"),
    ("item-enrich", "1.2.0"),
    ("message-status", "1.0.0"),
    ("user-eligibility", "1.0.0"),
    ("workspace-trial", "1.0.0"),
];

const MORE: [(&str, &str); 4] = [
    ("storage-create", "1.0.0"),
    ("storage-delete", "1.0.0"),
    ("workspace-create", "1.0.0"),
    ("workspace-delete", "1.0.0"),
];

fn catalogue() -> Catalogue {
    let all = Ability::ALL.into_iter();
    let catalogue = all.fold(Catalogue::builtin(), Catalogue::able);
    let called = CALLED.into_iter().chain(MORE);
    called.fold(catalogue, |catalogue, (name, version)| {
        let known = catalogue.with(name, version, &Value::from(true));
        known.expect("a schema")
    })
}

/// What they take from elsewhere.
fn team() -> Resources {
    let mut resources = Resources::default();
    let address = "https://templates.internal.example/catalog/functions/score/2.0.0/function.yaml";
    let text = "{ call: 'analyse:1.0.0@default', with: { profile: score, text: '${ .text }' } }";
    resources.add(address, Resource::Read(text.into()));
    resources
}

fn samples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let mut found: Vec<(String, String)> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.to_owned();
            let is_sample = name.starts_with(|c: char| c.is_ascii_digit());
            let text = is_sample.then(|| std::fs::read_to_string(&path).expect("a file"))?;
            Some((name, text))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn all_thirteen_are_read_checked_and_built() {
    let samples = samples();
    assert_eq!(samples.len(), 13);

    for (name, text) in samples {
        let tree = check::read(&text).expect("YAML");
        let template = check::publish_tree(&tree, &catalogue(), &team())
            .unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
        let bundle = Bundle::of(&template).to_json();
        let bundle = Bundle::from_json(&bundle).expect("a bundle");
        Program::build(&bundle).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn what_nobody_can_do_yet_is_refused_and_never_ignored() {
    let codes: Vec<String> = samples()
        .iter()
        .filter_map(|(_, text)| check::publish(text, &Catalogue::builtin()).err())
        .flatten()
        .map(|problem| problem.code)
        .filter(|code| code.starts_with("unsupported."))
        .collect();

    for wanted in [
        "unsupported.task.listen",
        "unsupported.task.emit",
        "unsupported.run.workflow",
        "unsupported.call.map",
        "unsupported.call.batch",
        "unsupported.schedule",
        "unsupported.metadata.effect",
        "unsupported.metadata.onParentClose",
        "unsupported.metadata.lane",
    ] {
        assert!(
            codes.iter().any(|code| code == wanted),
            "{wanted}: {codes:?}"
        );
    }
}

#[test]
fn their_settings_fit_our_schema_and_a_typo_does_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let text = std::fs::read_to_string(folder.join("windlass-metadata.schema.yaml"));
    let schema = read_one(&text.expect("a file"), Format::Yaml).expect("YAML");
    let of = |kind: &str| {
        let whole = schema.to_value();
        let one = Value::map([("$ref", Value::from(format!("#/$defs/{kind}")))]);
        Schema::compile(&whole.merged(&one)).expect("a schema")
    };
    let (document, task) = (of("document"), of("task"));
    let mut seen = 0;
    for (name, text) in samples() {
        let tree = read_one(&text, Format::Yaml).expect("YAML");
        let whole = tree.get("document").expect("a document");
        seen += fits(&document, whole, &name);
        seen += within(&task, tree.get("do").expect("tasks"), &name);
    }
    assert!(seen > 20, "{seen} settings were looked at");
    let typo = Value::map([("onExausted", Value::from("park"))]);
    assert!(!task.mismatches(&typo).is_empty());
}

/// Every `metadata.windlass` below a node.
fn within(schema: &Schema, tree: &Tree, name: &str) -> usize {
    let lists = tree.as_list().unwrap_or_default().iter();
    let entries = tree.as_map().unwrap_or_default();
    let inner = entries.iter().map(|entry| &entry.value).chain(lists);
    fits(schema, tree, name) + inner.map(|tree| within(schema, tree, name)).sum::<usize>()
}

fn fits(schema: &Schema, tree: &Tree, name: &str) -> usize {
    let ours = tree.get("metadata").and_then(|tree| tree.get("windlass"));
    let Some(ours) = ours else { return 0 };
    let found = schema.mismatches(&ours.to_value());
    let told: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
    assert!(told.is_empty(), "{name}: {told:?}");
    1
}
