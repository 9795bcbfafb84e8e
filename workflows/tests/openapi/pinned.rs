//! What is read when a template is published stays with its version.

use std::sync::Arc;

use windlass_workflows::catalogue::Catalogue;
use windlass_workflows::check;
use windlass_workflows::program::{Bundle, Program};
use windlass_workflows::resource::{Resource, Resources};
use windlass_workflows::trial::{self, Manner, Nobody};

use super::MUSEUM;

const URL: &str = "https://docs.example/museum.yaml";
const SCHEMA: &str = "https://docs.example/ticket.json";
const TEMPLATE: &str = "
document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
input: { schema: { resource: { endpoint: 'https://docs.example/ticket.json' } } }
do:
  - get:
      call: openapi
      with:
        document: { endpoint: 'https://docs.example/museum.yaml' }
        operationId: getTicket
        parameters: { ticket: '${ .ticket }' }
  - put:
      call: openapi
      with:
        document: { endpoint: 'https://docs.example/museum.yaml' }
        operationId: putVisit
        parameters: { ticket: a, body: {}, tiket: b }
";

fn read(texts: &[(&str, &str)]) -> Resources {
    let mut resources = Resources::default();
    for (url, text) in texts {
        resources.add(*url, Resource::Read(Arc::from(*text)));
    }
    resources
}

#[test]
fn what_is_wanted_is_said_until_it_is_there() {
    let tree = check::read(TEMPLATE).expect("a tree");

    let all = check::wanted(&tree, &Resources::default());
    let one = check::wanted(&tree, &read(&[(URL, MUSEUM)]));

    assert_eq!(all.into_iter().collect::<Vec<_>>(), [URL, SCHEMA]);
    assert_eq!(one.into_iter().collect::<Vec<_>>(), [SCHEMA]);
}

#[test]
fn a_problem_of_a_parameter_stands_at_its_line() {
    let tree = check::read(TEMPLATE).expect("a tree");
    let resources = read(&[(URL, MUSEUM), (SCHEMA, "true")]);

    let problems = check::publish_tree(&tree, &Catalogue::builtin(), &resources);

    let problems = problems.expect_err("a problem");
    let [problem] = problems.as_slice() else {
        panic!("{problems:#?}");
    };
    assert_eq!(problem.code, "openapi.unknown_parameter");
    assert_eq!(problem.pointer, "/do/1/put/with/parameters/tiket");
    assert_eq!(problem.line, Some(16));
    assert_eq!(problem.hint.as_deref(), Some("did you mean `ticket`?"));
}

#[test]
fn a_bundle_is_built_without_what_was_read() {
    let tree = check::read(&TEMPLATE.replace(", tiket: b", "")).expect("a tree");
    let resources = read(&[(URL, MUSEUM), (SCHEMA, r#"{"required":["ticket"]}"#)]);
    let template = check::publish_tree(&tree, &Catalogue::builtin(), &resources).expect("sound");

    let stored = Bundle::of(&template).to_json();
    let bundle = Bundle::from_json(&stored).expect("a bundle");

    assert!(
        !stored.contains("deepObject"),
        "only what is called is kept"
    );
    let schema = bundle.input_schema().expect("a schema");
    assert_eq!(schema.to_json(), r#"{"required":["ticket"]}"#);
    Program::build(&bundle).expect("a program");
    assert!(check::wanted(&tree, &bundle.resources).is_empty());
    let again = check::publish_tree(&tree, &Catalogue::builtin(), &bundle.resources);
    assert_eq!(Bundle::of(&again.expect("sound")).to_json(), stored);
}

#[test]
fn features_say_what_stands_elsewhere() {
    let text = include_str!("calls.feature");
    let trials = trial::read("calls.feature", text, |_| Err(String::new())).expect("a feature");
    assert_eq!(trials.len(), 6);

    for trial in &trials {
        for refolds in [false, true] {
            let ran = trial::run(trial, Manner { refolds }, &mut Nobody);
            assert_eq!(ran, Ok(()), "{}", trial.name);
        }
    }
}

#[test]
fn sheets_name_files_that_stand_for_addresses() {
    let sheet = format!(
        "template: t.yaml\ndocuments: {{ '{URL}': museum.yaml, '{SCHEMA}': ticket.json }}\n\
         tests:\n  - name: it asks\n    input: {{ ticket: a/b }}\n\
         \x20   answers: {{ get: {{ output: 1 }}, put: {{ output: 2 }} }}\n\
         \x20   expect:\n      output: 2\n      calls: {{ get: [ {{ method: GET, \
         url: 'https://eu.museum.example:8443/api/tickets/a%2Fb', headers: {{ Accept: application/json }} }} ] }}\n"
    );
    let beside = |name: &str| match name {
        "t.yaml" => Ok(TEMPLATE.replace(", tiket: b", "")),
        "museum.yaml" => Ok(MUSEUM.to_owned()),
        _ => Ok("true".to_owned()),
    };

    let trials = trial::read("a.test.yaml", &sheet, beside).expect("a sheet");
    assert_eq!(trials.len(), 1);

    for trial in &trials {
        assert_eq!(trial::run(trial, Manner::default(), &mut Nobody), Ok(()));
    }
}
