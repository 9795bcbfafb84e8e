//! The command line as scripts meet it: its tree, its exit codes, its two streams.

#[path = "cli/bench.rs"]
mod bench;
#[path = "cli/fake.rs"]
mod fake;
#[path = "cli/process.rs"]
mod process;
#[path = "cli/templates.rs"]
mod templates;
#[path = "cli/tree.rs"]
mod tree;
#[path = "cli/trials.rs"]
mod trials;

use axum::http::StatusCode;
use serde_json::{Value, json};

use self::fake::Fake;
use self::process::{Ended, windlass};

/// A port of the loopback that nobody listens on: the discard service's, below all that we take.
const NOBODY: &str = "http://127.0.0.1:9";

fn problem(status: u16, code: &str) -> (StatusCode, Value) {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = json!({"type": "t", "status": status.as_u16(), "code": code, "detail": "as it is", "hint": "do this", "new": [1]});
    (status, body)
}

#[test]
fn the_tree_of_commands_is_the_documented_one() {
    insta::assert_snapshot!(tree::drawn());
}

#[tokio::test]
async fn nobody_there_is_safe_to_retry() {
    let ended = windlass(&["--server", NOBODY, "job", "list"]).await;

    assert_eq!(ended.code, 8);
    assert!(
        ended.stderr.starts_with("error[server_unreachable]: "),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("try: "), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn mistyped_verb_is_usage_and_suggests() {
    let ended = windlass(&["job", "lst"]).await;

    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("list"), "{}", ended.stderr);
}

#[tokio::test]
async fn refusals_keep_their_code_and_become_their_number() {
    let cases = [
        (404, "not_found", 3),
        (403, "forbidden", 4),
        (409, "illegal_state", 5),
        (422, "key_reused", 5),
        (422, "invalid", 9),
        (503, "database_unavailable", 8),
        (500, "internal", 1),
    ];
    for (status, code, exit) in cases {
        let (status, body) = problem(status, code);
        let fake = Fake::answering(status, body).await;

        let ended = windlass(&["--server", fake.address(), "job", "show", "j_1"]).await;

        assert_eq!(ended.code, exit, "{code}");
        assert!(
            ended
                .stderr
                .starts_with(&format!("error[{code}]: as it is")),
            "{}",
            ended.stderr
        );
        assert!(ended.stderr.contains("try: do this"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn json_shows_the_problem_document_unchanged() {
    let (status, body) = problem(409, "illegal_state");
    let fake = Fake::answering(status, body.clone()).await;

    let ended = windlass(&[
        "--server",
        fake.address(),
        "-o",
        "json",
        "job",
        "show",
        "j_1",
    ])
    .await;

    assert_eq!(
        serde_json::from_str::<Value>(&ended.stdout).expect("JSON"),
        body
    );
    assert_eq!(ended.code, 5);
}

#[tokio::test]
async fn empty_list_is_no_failure() {
    let fake = Fake::answering(StatusCode::OK, json!({"items": [], "next_cursor": null})).await;

    let ended = windlass(&["--server", fake.address(), "-o", "json", "job", "list"]).await;

    assert_eq!((ended.code, ended.stdout.trim()), (0, "[]"));
}

#[tokio::test]
async fn pipe_gets_whole_columns_between_tabs() {
    let long = "x".repeat(300);
    let items =
        json!({"items": [{"id": "j_1", "state": "failed", "template": long, "attempt": 2}]});
    let fake = Fake::answering(StatusCode::OK, items).await;

    let ended = windlass(&["--server", fake.address(), "job", "list"]).await;

    let lines: Vec<Vec<&str>> = ended
        .stdout
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(lines[0][..3], ["STATE", "JOB", "TEMPLATE"]);
    assert_eq!(lines[1][..3], ["failed", "j_1", long.as_str()]);
    assert_eq!(lines[0].len(), lines[1].len());
}

#[tokio::test]
async fn control_bytes_of_others_never_reach_the_terminal() {
    let nasty = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";
    let items = json!({"items": [{"id": "j_1", "state": nasty}]});
    let fake = Fake::answering(StatusCode::OK, items).await;

    for format in ["table", "json", "ndjson", "yaml"] {
        let ended = windlass(&["--server", fake.address(), "-o", format, "job", "list"]).await;

        let is_raw = |letter: char| {
            letter != '\n' && letter != '\t' && (letter.is_control() || letter == '\u{202e}')
        };
        assert!(
            !ended.stdout.contains(is_raw),
            "{format}: {:?}",
            ended.stdout
        );
        assert_eq!(ended.code, 0);
    }
}

#[tokio::test]
async fn every_page_comes_when_all_are_asked_for() {
    let fake = Fake::pages(3).await;

    let ended = windlass(&[
        "--server",
        fake.address(),
        "-o",
        "name",
        "job",
        "list",
        "--all",
    ])
    .await;
    let one = windlass(&["--server", fake.address(), "-o", "name", "job", "list"]).await;

    assert_eq!(ended.stdout, "j_1\nj_2\nj_3\n");
    assert_eq!(one.stdout, "j_1\n");
    assert!(one.stderr.contains("--cursor 2"), "{}", one.stderr);
}

#[tokio::test]
async fn question_without_anybody_to_answer_names_the_flag() {
    let fake = Fake::answering(StatusCode::ACCEPTED, json!({"id": "j_1"})).await;

    let asked = windlass(&["--server", fake.address(), "job", "cancel", "j_1"]).await;
    let told = windlass(&["--server", fake.address(), "--yes", "job", "cancel", "j_1"]).await;

    assert_eq!(asked.code, 2);
    assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    assert_eq!(told.code, 0);
}

#[tokio::test]
async fn job_that_ended_badly_says_so_to_scripts() {
    let fake = Fake::answering(
        StatusCode::OK,
        json!({"id": "j_1", "state": "failed", "result": {"title": "no"}}),
    )
    .await;

    let ended = windlass(&["--server", fake.address(), "watch", "j_1"]).await;

    assert_eq!(ended.code, 6);
    assert_eq!(
        serde_json::from_str::<Value>(&ended.stdout).expect("JSON"),
        json!({"title": "no"})
    );
}

#[tokio::test]
async fn wait_that_runs_out_is_told_apart() {
    let fake = Fake::answering(StatusCode::OK, json!({"id": "j_1", "state": "running"})).await;

    let ended = windlass(&["--server", fake.address(), "watch", "j_1", "--wait", "1s"]).await;

    assert_eq!(ended.code, 7);
    assert!(
        ended.stderr.contains("windlass watch j_1"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn findings_of_a_check_are_data() {
    let found = json!({"is_valid": false, "problems": [{"line": 2, "column": 3, "code": "unknown_field", "message": "no `x`"}]});
    let fake = Fake::answering(StatusCode::OK, found).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("flow.yaml");
    std::fs::write(&file, "x: 1\n").expect("a file");
    let file = file.display().to_string();

    let ended = windlass(&["--server", fake.address(), "template", "check", &file]).await;

    assert_eq!(ended.code, 9);
    assert_eq!(ended.stdout, format!("{file}:2:3  unknown_field  no `x`\n"));
}

#[tokio::test]
async fn doctor_without_findings_is_done_and_with_findings_is_not() {
    let clean =
        json!({"is_clean": true, "is_whole": true, "findings": [], "checks": [{"name": "places"}]});
    let finding = json!({"code": "job_nowhere", "severity": "error", "found": 2, "repaired": 0, "repair": "parks it",
        "message": "a job stands nowhere", "examples": [{"subject": "j_7", "detail": "nowhere"}]});
    let wrong = json!({"is_clean": false, "is_whole": true, "findings": [finding], "checks": []});
    let partial = json!({"is_clean": true, "is_whole": false, "findings": [],
        "checks": [{"name": "places", "unfinished": "the time was over"}]});
    let mut ended = Vec::new();
    for answer in [clean, wrong, partial] {
        let fake = Fake::answering(StatusCode::OK, answer).await;
        ended.push(windlass(&["--server", fake.address(), "doctor"]).await);
    }

    assert_eq!(
        ended.iter().map(|one| one.code).collect::<Vec<_>>(),
        [0, 9, 9]
    );
    assert_eq!(ended[0].stdout, "");
    assert!(
        ended[1]
            .stdout
            .contains("job_nowhere\terror\t2\t0\tj_7\tnowhere"),
        "{}",
        ended[1].stdout
    );
    assert!(
        ended[1].stderr.contains("doctor --repair"),
        "{}",
        ended[1].stderr
    );
    assert!(
        ended[2].stderr.contains("places: the time was over"),
        "{}",
        ended[2].stderr
    );
}

#[tokio::test]
async fn wrong_settings_are_told_together_before_anything_starts() {
    let variables = [
        ("WINDLASS_LISTEN", "x"),
        ("WINDLASS_WORKER_SLOTS", "y"),
        ("WINDLASS_TYPO", "z"),
    ];

    let Ended { code, stderr, .. } = process::windlass_with(&["serve"], &variables).await;

    assert_eq!(code, 2);
    for part in [
        "error[configuration]",
        "listen",
        "worker.slots",
        "WINDLASS_TYPO",
    ] {
        assert!(stderr.contains(part), "{part} is missing in {stderr}");
    }
}

#[tokio::test]
async fn broken_configuration_can_still_be_looked_at() {
    let ended =
        process::windlass_with(&["config", "show", "--origin"], &[("WINDLASS_LISTEN", "x")]).await;

    assert!(
        ended
            .stdout
            .contains("listen\tx\tWINDLASS_LISTEN\tWINDLASS_LISTEN"),
        "{}",
        ended.stdout
    );
    assert_eq!(ended.code, 2);
}

#[tokio::test]
async fn machine_without_postgres_gets_instructions_and_69() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().display().to_string();
    // Nothing on the search path, nothing in the usual places: only where none is installed.
    if std::path::Path::new("/usr/lib/postgresql").exists() {
        return;
    }

    let ended = process::windlass_with(
        &["dev", "--no-download"],
        &[("WINDLASS_STATE", &state), ("PATH", "")],
    )
    .await;

    assert_eq!(ended.code, 69);
    assert!(ended.stderr.contains("--database-url"), "{}", ended.stderr);
}

#[tokio::test]
async fn rows_of_a_file_are_answered_line_by_line_and_a_wrong_one_is_a_finding() {
    let fake = Fake::rows().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.ndjson");
    let path = path.to_str().expect("a name");
    let submit = async |text: &str| {
        std::fs::write(path, text).expect("written");
        windlass(&[
            "--server",
            fake.address(),
            "request",
            "submit",
            "--file",
            path,
        ])
        .await
    };

    let sound = submit("{\"template\":\"a.b\"}\n{\"template\":\"a.b\"}\n").await;
    let wrong = submit("{\"template\":\"a.b\"}\n{}\n").await;

    assert_eq!(
        (sound.code, sound.stdout.lines().count()),
        (0, 2),
        "{}",
        sound.stderr
    );
    assert!(sound.stderr.contains("2 created"), "{}", sound.stderr);
    assert_eq!(wrong.code, 9);
    assert!(
        wrong.stderr.contains("1 created, 1 invalid"),
        "{}",
        wrong.stderr
    );
    let nothing = windlass(&["--server", fake.address(), "request", "submit"]).await;
    assert_eq!(nothing.code, 2);
}

#[tokio::test]
async fn shells_can_complete() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = windlass(&["completion", shell]).await;

        assert_eq!(ended.code, 0);
        assert!(ended.stdout.contains("windlass"), "{shell}");
    }
}
