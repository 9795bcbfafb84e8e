//! Functions of other catalogues: read when a template is published, pinned, and checked as its own.

use windlass_workflows::catalogue::Catalogue;
use windlass_workflows::check;
use windlass_workflows::problem::Problem;
use windlass_workflows::program::{Bundle, Program, calls};
use windlass_workflows::resource::{Resource, Resources};
use windlass_workflows::trial::{self, Manner, Nobody};

const BASE: &str = "https://templates.example/catalog/functions";
const SCORE: &str = "call: 'analyse:1.0.0@default'\nwith: { profile: score, text: '${ .text }' }\noutput: { as: .score }\n";

fn template(body: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }}
use:
  catalogs: {{ team: {{ endpoint: 'https://templates.example/catalog/' }} }}
  secrets: [ key ]
  authentications: {{ shop: {{ bearer: {{ token: '${{ $secrets.key }}' }} }} }}
  timeouts: {{ short: {{ after: {{ seconds: 1 }} }} }}
  functions: {{ own: {{ call: http, with: {{ method: get, endpoint: 'https://a.example' }} }} }}
do:
  - score: {body}
"
    )
}

fn read(files: &[(&str, &str)]) -> Resources {
    let mut resources = Resources::default();
    for (function, text) in files {
        let address = format!("{BASE}/{function}/function.yaml");
        resources.add(address, Resource::Read((*text).into()));
    }
    resources
}

fn problems(text: &str, files: &[(&str, &str)]) -> Vec<Problem> {
    let tree = check::read(text).expect("a tree");
    let checked = check::publish_tree(&tree, &Catalogue::builtin(), &read(files));
    checked.err().unwrap_or_default()
}

const CALL: &str = "{ call: 'score:2.0.0@team', with: { text: '${ .text }' } }";

#[test]
fn the_file_is_pinned_and_the_bundle_needs_nobody_else() {
    let tree = check::read(&template(CALL)).expect("a tree");
    let wanted = check::wanted(&tree, &Resources::default());
    assert_eq!(
        wanted.into_iter().collect::<Vec<_>>(),
        [format!("{BASE}/score/2.0.0/function.yaml")]
    );

    let template = check::publish_tree(
        &tree,
        &Catalogue::builtin(),
        &read(&[("score/2.0.0", SCORE)]),
    );
    let stored = Bundle::of(&template.expect("sound")).to_json();
    let bundle = Bundle::from_json(&stored).expect("a bundle");

    Program::build(&bundle).expect("a program");
    assert!(check::wanted(&tree, &bundle.resources).is_empty());
    let again = check::publish_tree(&tree, &Catalogue::builtin(), &bundle.resources);
    assert_eq!(Bundle::of(&again.expect("sound")).to_json(), stored);
}

#[test]
fn a_function_may_name_another_one_of_its_catalogue() {
    let outer = "{ call: 'inner:1.0.0@team', with: { text: '${ .text }' } }";
    let tree = check::read(&template(CALL)).expect("a tree");

    let first = read(&[("score/2.0.0", outer)]);
    let wanted = check::wanted(&tree, &first);
    let whole = problems(
        &template(CALL),
        &[("score/2.0.0", outer), ("inner/1.0.0", SCORE)],
    );

    assert_eq!(
        wanted.into_iter().collect::<Vec<_>>(),
        [format!("{BASE}/inner/1.0.0/function.yaml")]
    );
    assert!(whole.is_empty(), "{whole:#?}");
}

#[test]
fn items_and_chunks_are_given_to_functions_of_a_catalogue() {
    for body in [
        "{ call: 'map:1.0.0@default', with: { items: [ 1 ], call: 'score:2.0.0@team' } }",
        "{ call: 'chunks:1.0.0@default', with: { call: 'score:2.0.0@team' } }",
    ] {
        let tree = check::read(&template(body)).expect("a tree");
        let able = windlass_workflows::catalogue::Ability::ALL;
        let catalogue = able.into_iter().fold(Catalogue::builtin(), Catalogue::able);

        let found = check::publish_tree(&tree, &catalogue, &read(&[("score/2.0.0", SCORE)]));

        let template = found.unwrap_or_else(|problems| panic!("{problems:#?}"));
        let bundle = Bundle::of(&template);
        Program::build(&bundle).expect("a program");
        for call in calls(&template) {
            assert_eq!(call, "score:2.0.0@team");
            Program::build(&bundle.clone().entered(&call)).expect("a part");
        }
    }
}

/// A file, the code, and where below its own place.
const WRONG: [(&str, &str, &str); 12] = [
    (
        "{ call: http, with: { method: get, endpoint: 'https://a.example' }, then: end }",
        "function.then",
        "/then",
    ),
    (
        "{ call: http, with: { method: get, endpoint: 'https://a.example' }, export: { as: . } }",
        "function.export",
        "/export",
    ),
    ("{ call: 'score:2.0.0@team' }", "reference.recursion", ""),
    ("{ call: own }", "reference.unknown_function", "/call"),
    (
        "{ call: 'nobody:1.0.0@default' }",
        "handler.not_registered",
        "/call",
    ),
    (
        "{ call: 'a:1.0.0@other' }",
        "reference.unknown_catalog",
        "/call",
    ),
    (
        "{ call: 'analyse:1.0.0@default', with: { profile: a }, timeout: short }",
        "reference.unknown_timeout",
        "/timeout",
    ),
    (
        "{ call: http, with: { method: get, endpoint: 'https://a.example', headers: { a: '${ $secrets.key }' } } }",
        "function.secret",
        "/with/headers/a",
    ),
    (
        "{ call: http, with: { method: get, endpoint: { uri: 'https://a.example', authentication: { use: shop } } } }",
        "function.secret",
        "/with/endpoint/authentication",
    ),
    (
        "{ call: http, with: { method: get, endpoint: { uri: 'https://a.example', authentication: { bearer: { use: key } } } } }",
        "function.secret",
        "/with/endpoint/authentication/bearer/use",
    ),
    ("{ call: grpc, with: {} }", "unsupported.call.grpc", "/call"),
    (
        "{ run: { workflow: { namespace: a, name: b, version: '1.0.0' } } }",
        "unsupported.run.workflow",
        "/run",
    ),
];

#[test]
fn what_is_wrong_with_a_file_has_a_code_and_the_line_of_its_call() {
    let place = "/use/catalogs/team/score:2.0.0";
    for (file, code, pointer) in WRONG {
        let text = template(CALL);

        let found = problems(&text, &[("score/2.0.0", file)]);

        let [problem] = found.as_slice() else {
            panic!("{file}: {found:#?}");
        };
        assert_eq!(problem.code, code, "{file}");
        assert_eq!(problem.pointer, format!("{place}{pointer}"), "{file}");
        assert_eq!(problem.line, Some(9), "{file}");
    }
}

#[test]
fn what_could_not_be_read_is_said_at_the_call() {
    let broken = problems(&template(CALL), &[("score/2.0.0", "a: [")]);
    let unread = problems(&template(CALL), &[]);
    let unknown = problems(&template("{ call: 'score:2.0.0@town' }"), &[]);
    let address = template(CALL).replace("https://templates.example/catalog/", "${ .address }");
    let address = problems(&address, &[]);

    let code = |problems: &[Problem]| {
        let said = problems
            .iter()
            .map(|one| format!("{} {}", one.code, one.pointer));
        said.collect::<Vec<_>>()
    };
    assert_eq!(code(&broken), ["resource.unreadable /do/0/score/call"]);
    assert_eq!(code(&unread), ["resource.unread /do/0/score/call"]);
    assert_eq!(
        code(&unknown),
        ["reference.unknown_catalog /do/0/score/call"]
    );
    assert_eq!(
        code(&address),
        ["resource.endpoint /use/catalogs/team/endpoint"]
    );
}

#[test]
fn a_feature_says_what_stands_in_a_catalogue() {
    let text = include_str!("catalogs.feature");
    let trials = trial::read("catalogs.feature", text, |_| Err(String::new())).expect("a feature");
    assert_eq!(trials.len(), 1);

    for trial in &trials {
        for refolds in [false, true] {
            let ran = trial::run(trial, Manner { refolds }, &mut Nobody);
            assert_eq!(ran, Ok(()), "{}", trial.name);
        }
    }
}
