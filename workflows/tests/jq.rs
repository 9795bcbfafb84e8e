//! The tests of jq itself, as of its release 1.7.1: our dialect takes many of the programs, and what it makes of each,
//! to the byte, was once recorded. A library that answers otherwise is red.
//!
//! A line of a record is the program, the input and an answer: `=` and the results, where they are jq's; `~` and the
//! results, where they are others; `!` and why there are none. What is found instead lies in a folder that the failed
//! test names, as for the golden corpus.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use windlass_workflows::expression::{Budget, Library, Scope, Source};
use windlass_workflows::value::Value;

/// Files of jq 1.7.1, folder `tests`; the licence stands beside them.
const FILES: [&str; 3] = ["base64", "jq", "onig"];

struct Case<'a> {
    program: &'a str,
    input: &'a str,
    /// None where jq refuses the program.
    results: Option<Vec<&'a str>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jq")
}

/// Groups of lines between blank ones: program, input and results, or `%%FAIL`, program and message.
fn cases(text: &str) -> Vec<Case<'_>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let lines: Vec<&str> = lines.collect();
    let groups = lines.split(|line| line.trim().is_empty());
    let groups = groups.filter(|group| !group.is_empty());
    groups
        .map(|group| match group {
            [mark, program, ..] if mark.starts_with("%%FAIL") => Case {
                program,
                input: "null",
                results: None,
            },
            [program, input, results @ ..] => Case {
                program,
                input: input.trim_start_matches('\u{feff}'),
                results: Some(results.to_vec()),
            },
            _ => panic!("no test: {group:?}"),
        })
        .collect()
}

/// Every result of a program, as one list.
fn answer(case: &Case<'_>) -> String {
    // A remark at its end goes as far as its line.
    let text = format!("[{}\n]", case.program);
    let source = Source {
        text: &text,
        variables: &[],
    };
    let Ok(library) = Library::compile(&[source]) else {
        return "! refused".to_owned();
    };
    let Ok(input) = Value::parse(case.input) else {
        return "! input".to_owned();
    };
    let scope = Scope {
        now: DateTime::UNIX_EPOCH,
        variables: &[],
    };
    match library.evaluate(0, &input, &scope, Budget::default()) {
        Ok(found) if is_the_same(case, &found) => format!("= {}", found.to_json()),
        Ok(found) => format!("~ {}", found.to_json()),
        Err(error) => format!("! {}", error.to_string().replace('\n', " ")),
    }
}

fn is_the_same(case: &Case<'_>, found: &Value) -> bool {
    let results = case.results.as_ref().map(|results| results.join(","));
    let wanted = results.and_then(|results| Value::parse(&format!("[{results}]")).ok());
    wanted.as_ref() == Some(found)
}

/// A file of tests with their answers.
fn record(name: &str) -> String {
    let text = fs::read_to_string(folder().join(format!("{name}.test"))).expect("jq's tests");
    let lines = cases(&text)
        .into_iter()
        .map(|case| format!("{}\t{}\t{}\n", case.program, case.input, answer(&case)));
    lines.collect()
}

#[test]
fn the_tests_of_jq_are_answered_as_they_were() {
    let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join("jq");
    fs::create_dir_all(&found).expect("a folder");
    let mut differences = Vec::new();
    let (mut tests, mut like_jq) = (0, 0);
    for name in FILES {
        let record = record(name);
        tests += record.lines().count();
        like_jq += record.lines().filter(|line| line.contains("\t= ")).count();
        fs::write(found.join(format!("{name}.txt")), &record).expect("written");
        let recorded = fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap_or_default();
        let mut parts = record.lines().zip(recorded.lines());
        if record != recorded {
            let part = parts.find(|(found, recorded)| found != recorded);
            differences.push(format!("{name}: {part:?}"));
        }
    }

    assert!(
        differences.is_empty(),
        "{}\nall that was found is in {}",
        differences.join("\n"),
        found.display()
    );
    assert!(tests > 450 && like_jq > 350, "{like_jq} of {tests}");
}
