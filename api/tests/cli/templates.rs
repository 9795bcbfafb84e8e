//! Templates on the command line without a server: tests, drawings, differences, the schema.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::process::{Ended, windlass};

fn example(name: &str) -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/templates");
    examples.join(name).display().to_string()
}

pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn with(files: &[(&str, &str)]) -> Folder {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        Folder(folder)
    }

    pub(super) fn path(&self, name: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        path.display().to_string()
    }
}

pub(super) fn last_line(ended: &Ended) -> &str {
    ended.stdout.lines().last().unwrap_or_default()
}

#[tokio::test]
async fn the_tests_of_an_example_pass_and_their_sum_is_the_last_line() {
    let ended = windlass(&["template", "test", &example("")]).await;

    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(last_line(&ended), "22 passed, 0 failed");
}

const UNKNOWN: &str = "Feature: a
  Scenario: b
    Given the moon rises
  Scenario: c
    Given a workflow with definition:
      \"\"\"yaml
      document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
      do: [ { one: { set: { x: 1 } } } ]
      \"\"\"
    When the workflow is executed
    Then the workflow should complete with output:
      \"\"\"yaml
      { x: 1 }
      \"\"\"
";

#[tokio::test]
async fn an_unknown_step_fails_its_scenario_with_its_line() {
    let folder = Folder::with(&[("a.feature", UNKNOWN), ("broken.feature", "Scenario\n")]);
    let broken = folder.path("broken.feature");

    let ended = windlass(&["template", "test", &folder.path("a.feature"), &broken]).await;

    assert_eq!(ended.code, 9);
    assert_eq!(last_line(&ended), "1 passed, 2 failed");
    let failed = format!("FAILED  {}:3: b\n", folder.path("a.feature"));
    assert!(ended.stdout.contains(&failed), "{}", ended.stdout);
    assert!(ended.stdout.contains("no step is called `the moon rises`"));
    assert!(
        ended.stdout.contains(&format!("FAILED  {broken}:1: ")),
        "{}",
        ended.stdout
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_read_or_holds_no_test_fails_and_the_others_count() {
    let empty = "Feature: a\n";
    let folder = Folder::with(&[("a.feature", UNKNOWN), ("empty.feature", empty)]);
    let (strange, missing) = (
        folder.path("strange.feature"),
        folder.path("missing.feature"),
    );
    std::fs::write(&strange, [0xff, 0xfe, 0x00]).expect("written");
    let (good, empty) = (folder.path("a.feature"), folder.path("empty.feature"));

    let ended = windlass(&["template", "test", &strange, &missing, &empty, &good]).await;

    assert_eq!(ended.code, 9);
    assert_eq!(last_line(&ended), "1 passed, 4 failed");
    for file in [&strange, &missing, &empty] {
        let failed = format!("FAILED  {file}:1: the file cannot be read\n");
        assert!(ended.stdout.contains(&failed), "{}", ended.stdout);
    }
    assert!(
        ended.stdout.contains("the file holds no test"),
        "{}",
        ended.stdout
    );
}

#[tokio::test]
async fn results_as_json_are_one_document() {
    let folder = Folder::with(&[("a.feature", UNKNOWN)]);

    let ended = windlass(&["-o", "json", "template", "test", &folder.path("a.feature")]).await;

    let results: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(results[0]["passed"], false);
    assert_eq!(results[0]["line"], 3);
    assert_eq!(results[1]["passed"], true);
    assert!(
        ended.stderr.contains("1 passed, 1 failed"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn a_sheet_never_calls_what_it_prepares_no_answer_for() {
    let sheet = "definition:
  document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
  do: [ { ask: { call: http, with: { method: GET, endpoint: 'http://127.0.0.1:9/' } } } ]
tests:
  - name: unprepared
    expect: { outcome: failed }
";
    let folder = Folder::with(&[("a.test.yaml", sheet)]);

    let ended = windlass(&["template", "test", &folder.path("a.test.yaml")]).await;

    assert_eq!(ended.code, 9);
    assert!(
        ended.stdout.contains("no answer is prepared"),
        "{}",
        ended.stdout
    );
}

#[tokio::test]
async fn a_template_is_drawn_and_told_apart_from_another() {
    let old = example("hello.yaml");
    let text = std::fs::read_to_string(&old).expect("the example");
    let folder = Folder::with(&[("new.yaml", &text.replace("seconds: 3", "seconds: 4"))]);
    let new = folder.path("new.yaml");

    let drawn = windlass(&["template", "graph", &old]).await;
    let same = windlass(&["template", "diff", &old, &old]).await;
    let other = windlass(&["template", "diff", &old, &new]).await;

    assert_eq!(drawn.code, 0);
    assert!(
        drawn.stdout.starts_with("flowchart TD\n"),
        "{}",
        drawn.stdout
    );
    assert_eq!(
        (same.code, same.stdout.as_str()),
        (0, "CHANGE\tSTEP\tKEYS\n")
    );
    assert_eq!(other.code, 9);
    assert!(other.stdout.contains("changed\t"), "{}", other.stdout);
    assert!(
        other.stdout.trim_end().ends_with("\twait"),
        "{}",
        other.stdout
    );
}

#[tokio::test]
async fn the_schema_for_editors_is_json() {
    let ended = windlass(&["template", "schema"]).await;

    let schema: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(schema["required"], json!(["document", "do"]));
}

const ASKS: &str = "document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
do:
  - one: { call: 'enrich:1.0.0@default' }
  - two: { call: openapi, with: { document: { endpoint: 'https://docs.example/a.json' }, operationId: b } }
";

#[tokio::test]
async fn a_check_without_a_server_names_what_it_leaves_open() {
    let folder = Folder::with(&[("a.yaml", ASKS), ("b.yaml", &ASKS.replace("do:", "doo:"))]);
    let (good, bad) = (folder.path("a.yaml"), folder.path("b.yaml"));

    let alone = windlass(&[
        "template",
        "check",
        "--local",
        &good,
        &example("hello.yaml"),
    ])
    .await;
    let broken = windlass(&["template", "check", "--local", &bad]).await;

    assert_eq!((alone.code, alone.stdout.as_str()), (0, ""));
    assert_eq!(
        alone.stderr,
        format!(
            "{good}: not checked: whether its handlers are registered\n{good}: not checked: what stands elsewhere\n\
             2 files, 0 problems\n"
        )
    );
    assert_eq!(broken.code, 9);
    let line = format!("{bad}:2:1  document.unknown_key  `doo` is no key here");
    assert!(broken.stdout.contains(&line), "{}", broken.stdout);
}

const DOUBTFUL: &str = "document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
do:
  - greet: { set: { text: 'Hello ${ .name }' } }
";

#[tokio::test]
async fn what_is_doubtful_is_said_and_changes_nothing() {
    let folder = Folder::with(&[
        ("a.yaml", DOUBTFUL),
        ("b.yaml", &DOUBTFUL.replace("do:", "doo:")),
    ]);
    let (doubtful, wrong) = (folder.path("a.yaml"), folder.path("b.yaml"));

    let told = windlass(&["template", "check", "--local", &doubtful]).await;
    let listed = windlass(&[
        "--output", "json", "template", "check", "--local", &doubtful, &wrong,
    ])
    .await;

    assert_eq!(told.code, 0, "{}", told.stderr);
    let line = format!(
        "{doubtful}:3:27  warning[warning.literal_expression]  `${{` inside a longer text is plain text "
    );
    assert!(told.stdout.starts_with(&line), "{}", told.stdout);
    assert_eq!(told.stderr, "1 files, 0 problems, 1 warnings\n");
    assert_eq!(listed.code, 9, "{}", listed.stderr);
    let found: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let found = found.as_array().expect("a list").iter();
    let found: Vec<(&str, &str)> = found
        .map(|one| {
            (
                one["severity"].as_str().unwrap_or(""),
                one["code"].as_str().unwrap_or(""),
            )
        })
        .collect();
    assert!(
        found.contains(&("warning", "warning.literal_expression")),
        "{found:?}"
    );
    assert!(
        found.contains(&("error", "document.unknown_key")),
        "{found:?}"
    );
    assert_eq!(
        found
            .iter()
            .filter(|(severity, _)| *severity == "warning")
            .count(),
        1
    );
}

#[tokio::test]
async fn named_handlers_are_the_registered_ones() {
    let folder = Folder::with(&[("a.yaml", ASKS)]);
    let file = folder.path("a.yaml");
    let check = async |handlers: &str| {
        windlass(&[
            "template",
            "check",
            "--local",
            "--handlers",
            handlers,
            &file,
        ])
        .await
    };

    let known = check("enrich:1.0.0,score:2.0.0").await;
    let other = check("score:2.0.0").await;
    let odd = check("score").await;

    assert_eq!(known.code, 0, "{}", known.stdout);
    assert_eq!(other.code, 9);
    assert!(
        other.stdout.contains("handler.not_registered"),
        "{}",
        other.stdout
    );
    assert_eq!(odd.code, 2, "{}", odd.stderr);
}

#[tokio::test]
async fn a_server_that_was_named_must_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);

    let ended = windlass(&[
        "--server",
        &address,
        "template",
        "check",
        &example("hello.yaml"),
    ])
    .await;

    assert_eq!(ended.code, 8, "{}", ended.stderr);
}
