//! The house rulings as scenarios: each runs once as it is, and once dropping its state after every
//! turn, so that what goes on is what the journal says. The test must not notice.

use std::fs;
use std::path::Path;

use windlass_workflows::trial::{self, Manner, Nobody, Trial};

/// Every trial of a folder, with the file that it stands in.
fn trials(folder: &str) -> Vec<(String, Trial)> {
    trials_of(folder, &[])
}

/// The same of the files with one of these endings.
fn trials_of(folder: &str, endings: &[&str]) -> Vec<(String, Trial)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    let wanted = |path: &Path| {
        let name = path.to_string_lossy();
        endings.is_empty() || endings.iter().any(|ending| name.ends_with(ending))
    };
    paths.retain(|path| wanted(path));
    paths.sort();
    let read = paths.iter().flat_map(|path| {
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(path).expect("text");
        let beside = |name: &str| {
            let read = fs::read_to_string(folder.join(name));
            read.map_err(|error| error.to_string())
        };
        let read = trial::read(&name, &text, beside);
        let trials = read.unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
        trials.into_iter().map(move |trial| (name.clone(), trial))
    });
    read.collect()
}

fn failures(trials: &[(String, Trial)], manner: Manner) -> Vec<String> {
    let failed = trials.iter().filter_map(|(file, trial)| {
        let failure = trial::run(trial, manner, &mut Nobody).err()?;
        Some(format!(
            "{file}:{}: {}\n  {}",
            failure.line, trial.name, failure.message
        ))
    });
    failed.collect()
}

fn hold(trials: &[(String, Trial)]) {
    for refolds in [false, true] {
        let failed = failures(trials, Manner { refolds }).join("\n");
        assert_eq!(failed, "", "refolds: {refolds}");
    }
}

#[test]
fn the_house_rulings_hold_and_survive_a_crash_after_every_turn() {
    let trials = trials("tests/features");
    assert!(trials.len() > 80, "{} scenarios", trials.len());

    hold(&trials);
}

/// Every file of the examples that is a test, by itself and with the engine dead after every turn.
#[test]
fn the_examples_that_have_tests_survive_a_crash_after_every_turn() {
    let trials = trials_of("../examples/templates", &[".feature", ".test.yaml"]);
    let files: std::collections::BTreeSet<&str> =
        trials.iter().map(|(file, _)| file.as_str()).collect();
    assert!(files.len() >= 6, "{files:?}");

    hold(&trials);
}

#[test]
fn sheets_assert_the_path_the_calls_and_the_output() {
    let trials = trials("tests/sheets");

    hold(&trials);
}

/// What a wrong test says: the line, and the beginning of the message.
fn said(name: &str, text: &str) -> (u32, String) {
    let trials = match trial::read(name, text, |_| Err("there is no file".to_owned())) {
        Ok(trials) => trials,
        Err(failure) => return (failure.line, failure.message),
    };
    let failures = trials
        .iter()
        .filter_map(|trial| trial::run(trial, Manner::default(), &mut Nobody).err());
    let first = failures.into_iter().next().expect("it fails");
    (first.line, first.message)
}

fn scenario(steps: &str) -> String {
    let definition = "    Given a workflow with definition:
      \"\"\"yaml
      document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
      do:
        - one: { set: { x: 1 } }
        - ask: { call: 'work:1.0.0@default', with: { n: '${ .x }' } }
      \"\"\"
    And ask answers:
      \"\"\"
      { y: [ 1, 2 ] }
      \"\"\"
";
    format!("Feature: a\n  Scenario: b\n{definition}    When the workflow is executed\n{steps}")
}

/// Steps that do not hold, and what is said of each.
const WRONG: [(&str, &str); 12] = [
    ("the moon rises", "no step is called `the moon rises`"),
    (
        "the workflow should complete with output: { y: [ 1, 3 ] }",
        "the output at /y/1 is 2; 3 is wanted",
    ),
    (
        "the workflow should fault",
        "the run is not failed: it ended completed with {\"y\":[1,2]}",
    ),
    ("ask should run first", "`ask` did not run first: one, ask"),
    ("one should run last", "`one` did not run last: one, ask"),
    ("one should run after ask", "`ask` did not run before `one`"),
    (
        "ask should have been called 2 times",
        "`ask` was called 1 times, not 2",
    ),
    (
        "ask should have been called with: { n: 2 }",
        "what `ask` was given at /0/n is 1; 2 is wanted",
    ),
    (
        "the workflow output should have properties 'y', 'z.a'",
        "there is no `z.a`",
    ),
    (
        "the workflow should be refused with 'flow.unknown_target'",
        "the workflow is published",
    ),
    ("nobody should complete", "`nobody` did not run: one, ask"),
    ("the event is received: { a: 1 }", "an event has a `type`"),
];

#[test]
fn a_scenario_that_does_not_hold_says_where_and_what_was_found() {
    for (step, message) in WRONG {
        let step = match step.split_once(": ") {
            Some((step, doc)) => format!("{step}:\n\"\"\"\n{doc}\n\"\"\""),
            None => step.to_owned(),
        };

        let (line, said) = said("a.feature", &scenario(&format!("    Then {step}\n")));

        assert!(said.starts_with(message), "{step}: {said}");
        assert_eq!(line, 15, "{step}");
    }

    let (line, said) = said("a.feature", &scenario(""));
    assert_eq!((line, said.as_str()), (2, "this test expects nothing"));
}

#[test]
fn a_step_that_nobody_answers_and_a_document_that_is_refused_fail_the_test() {
    let definition = |body: &str| {
        format!(
            "Feature: a\nScenario: b\nGiven a workflow with definition:\n\"\"\"\n\
             document: {{ dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }}\n{body}\n\"\"\"\n\
             When the workflow is executed\nThen the workflow should complete\n"
        )
    };
    let asks = "do: [ { ask: { call: http, with: { method: GET, endpoint: 'http://a/b' } } } ]";

    let (line, message) = said("a.feature", &definition(asks));
    assert_eq!(line, 8);
    assert!(
        message.starts_with("no answer is prepared for {\"method\":\"GET\""),
        "{message}"
    );

    let (line, message) = said("a.feature", &definition("do: [ { a: { wait: P1M } } ]"));
    assert_eq!(line, 8);
    assert!(
        message.contains("6:20: `P1M` has years or months"),
        "{message}"
    );
}

#[test]
fn a_sheet_that_cannot_be_understood_says_where() {
    for (text, line, message) in [
        ("tests: []", 1, "`template` is missing"),
        ("template: nowhere.yaml\ntests: []", 1, "there is no file"),
        (
            "definition: {}\ntests:\n  - nam: x",
            3,
            "`nam` is no key here",
        ),
        (
            "definition: {}\ntests:\n  - expect: { outcome: good }",
            3,
            "`good` is none of",
        ),
        (
            "definition: {}\ntests:\n  - answers: { a: {} }",
            3,
            "an answer has an `output`",
        ),
        (
            "definition: {}\ntests:\n  - when: [ advance: P1Y ]",
            3,
            "`P1Y` has years or months",
        ),
        ("a: &b 1", 1, "1:7: "),
    ] {
        let (found, said) = said("a.test.yaml", text);
        assert!(said.starts_with(message), "{text}: {said}");
        assert_eq!(found, line, "{text}");
    }
}

/// A sheet of one test over a template of chunks, of a list and of a secret.
fn pieces(test: &str) -> (u32, String) {
    let sheet = "definition:
  document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
  use: { secrets: [ shop ] }
  do:
    - which: { switch: [ list: { when: .items != null, then: each }, none: { then: measure } ] }
    - each:
        call: map:1.0.0@default
        with: { items: '${ .items }', call: 'price:1.0.0@default' }
        then: end
    - measure: { call: 'chunks:1.0.0@default', with: { call: 'price:1.0.0@default' } }
    - tell: { call: 'tell:1.0.0@default', with: { key: '${ $secrets.shop }' } }
tests:
";
    said("a.test.yaml", &format!("{sheet}  - name: x\n{test}"))
}

/// What a test may not say of them: its own lines, the line that fails, and what is said of it.
fn wrong_pieces() -> [(String, u32, &'static str); 9] {
    let output = "output: 1 } ] }\n    expect: { outcome: completed }";
    [
        (
            format!("    answers: {{ measure: [ {{ chunk: 1, {output}"),
            14,
            "chunk 1 of `measure` is answered, and the test gives no chunks",
        ),
        (
            format!(
                "    chunks: [ {{ items: [ 1 ] }}, {{ items: [ 2 ] }} ]\n    answers: {{ measure: [ {{ chunk: 3, {output}"
            ),
            15,
            "chunk 3 of `measure` is answered, and the test gives chunks 1 to 2",
        ),
        (
            format!(
                "    input: {{ items: [ 1, 2 ] }}\n    answers: {{ each: [ {{ {}, {{ item: 2, {output}",
                "item: 1, output: 1 }, { item: 0, output: 1 }"
            ),
            15,
            "item 2 of `each` is answered, and its items are 0 to 1",
        ),
        (
            "    secrets: { shpo: x }".to_owned(),
            14,
            "the template declares no secret `shpo`: `use.secrets` has shop; did you mean `shop`?",
        ),
        (
            "    secrets: { shop: 7 }".to_owned(),
            14,
            "a secret is a text, or an object of texts",
        ),
        (
            "    chunks: []".to_owned(),
            14,
            "a job has at least one chunk",
        ),
        (
            "    chunks: { items: [ 1 ] }".to_owned(),
            14,
            "say how `items` are cut",
        ),
        (
            format!("    answers: {{ each: [ {{ when: 'a b', {output}"),
            14,
            "`when` is no expression: ",
        ),
        (
            format!(
                "    input: {{ items: [ 1 ] }}\n    answers: {{ price:1.0.0: [ {{ when: ., {output}"
            ),
            13,
            "`when` of an answer of `price:1.0.0`: it gives number, not true or false",
        ),
    ]
}

#[test]
fn what_a_test_says_of_chunks_items_and_secrets_is_checked() {
    for (test, line, message) in wrong_pieces() {
        let (found, said) = pieces(&test);

        assert!(said.starts_with(message), "{test}: {said}");
        assert_eq!(found, line, "{test}");
    }
}

#[test]
fn what_is_missing_is_told_with_what_was_asked() {
    for (test, message) in [
        (
            "    input: { items: [ 1, 2 ] }\n    answers: { each: [ { item: 0, output: 1 } ] }",
            "no answer is prepared for `price:1.0.0` at /do/0/item, item 1 of `each`, which is given 2; \
             answers are prepared for `each` (item 0)",
        ),
        (
            "    chunks: [ { items: [ 1 ] } ]",
            "no answer is prepared for `price:1.0.0` at /do/2/measure, chunk 1 of `measure`, which is given \
             {\"chunk\":1,\"chunks\":1,\"count\":1,\"keys\":[\"1\"],\"items\":[1]}; no answers are prepared",
        ),
        (
            "    input: { chunks: 2 }",
            "/do/2/measure reads chunks, and the test gives none: say `chunks` in the test",
        ),
        (
            "    input: { chunks: 2 }\n    chunks: [ { items: [ 1 ] } ]\n    answers: { measure: { output: 1 } }",
            "/do/2/measure reads chunk 2, and the test gives 1: `chunks` of the input is 2",
        ),
    ] {
        let (_, said) = pieces(&format!("{test}\n    expect: {{ outcome: completed }}"));

        assert_eq!(said, message);
    }
}

#[test]
fn a_secret_stands_in_no_message() {
    let test = "    input: { chunks: 1 }
    chunks: [ { items: [ 1 ] } ]
    secrets: { shop: open-sesame }
    answers: { measure: { output: 1 }, tell: { output: { echo: open-sesame } } }
    expect: ";

    let (_, said) = pieces(&format!("{test}{{ output: {{ echo: other }} }}"));
    assert_eq!(said, "the output at /echo is \"***\"; \"other\" is wanted");
    let (_, said) = pieces(&format!(
        "{test}{{ calls: {{ tell: [ {{ key: open-sesame }} ] }} }}"
    ));
    assert_eq!(
        said,
        "what `tell` was given at /0/key is \"{secret:shop}\"; \"***\" is wanted"
    );
    let (_, said) = pieces(&format!("{test}{{ calls: {{ tel: 1 }} }}"));
    assert_eq!(
        said,
        "`tel` was called 0 times, not 1: the calls were price:1.0.0@default 1, tell 1"
    );
}
