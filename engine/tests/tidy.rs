//! Keeps the house tidy: budgets of size, and what may stand in which room.
//!
//! What breaks a rule today stands in `tidy/exceptions.txt` with its measure.
//! That list may only shrink: an entry that is no longer needed, or no longer
//! that large, fails the test until it is removed or lowered.

#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/scan.rs"]
mod scan;
#[path = "tidy/source.rs"]
mod source;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rules::Finding;
use source::Source;

const EXCEPTIONS: &str = include_str!("tidy/exceptions.txt");

#[test]
fn workspace_keeps_its_conventions() {
    let sources = source::workspace();
    assert!(sources.len() > 20, "the workspace was not found");

    let complaints = complaints(&rules::findings(&sources), EXCEPTIONS);

    assert!(complaints.is_empty(), "\n{complaints}");
}

/// Findings that no exception covers, and exceptions that no finding needs.
fn complaints(findings: &[Finding], exceptions: &str) -> String {
    let mut allowed = parsed(exceptions);
    let mut complaints = String::new();
    for finding in findings {
        let key = (finding.rule.to_owned(), finding.place.clone());
        match allowed.remove(&key) {
            Some(known) if known == finding.measure => {}
            Some(known) if known > finding.measure => {
                let _ = writeln!(complaints, "lower an exception from {known}: {finding}");
            }
            _ => {
                let _ = writeln!(complaints, "{finding}");
            }
        }
    }
    for (rule, place) in allowed.into_keys() {
        let _ = writeln!(
            complaints,
            "remove an exception that nothing needs: {rule} {place}"
        );
    }
    complaints
}

/// Lines of `rule place measure`; a `#` opens a remark.
fn parsed(exceptions: &str) -> BTreeMap<(String, String), usize> {
    let lines = exceptions.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let [rule, place, measure] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("an exception is `rule place measure`, not `{line}`");
            };
            let measure = measure.parse().expect("a measure is a number");
            ((rule.to_owned(), place.to_owned()), measure)
        })
        .collect()
}

fn rust(path: &str, text: &str) -> Source {
    Source::new(path, text)
}

fn found(sources: &[Source]) -> Vec<(&'static str, usize)> {
    let findings = rules::findings(sources);
    findings
        .iter()
        .map(|finding| (finding.rule, finding.measure))
        .collect()
}

#[test]
fn clean_file_has_no_findings() {
    let clean = rust(
        "engine/src/clean.rs",
        "//! One story.\nfn short() {\n    work();\n}\n",
    );

    assert_eq!(found(&[clean]), []);
}

#[test]
fn planted_faults_are_found() {
    let long = format!(
        "//! Story.\nfn long() {{\n{}}}\n",
        "    work();\n".repeat(60)
    );
    let tall = format!("//! Story.\n{}", "const A: u8 = 1;\n".repeat(400));

    assert_eq!(
        found(&[rust("engine/src/long.rs", &long)]),
        [
            ("function-lines", 62),
            ("function-median", 62),
            ("function-ninth-decile", 62)
        ]
    );
    assert_eq!(
        found(&[rust("engine/src/tall.rs", &tall)]),
        [("file-lines", 401)]
    );
    assert_eq!(
        found(&[rust("api/src/lib.rs", &tall[..1600])]),
        [("table-of-contents-lines", 95)]
    );
    assert_eq!(
        found(&[rust("api/src/a.rs", "fn a() {}\n")]),
        [("header", 1)]
    );
    assert_eq!(
        found(&[rust("migrations/1_a.sql", "select 1;\n")]),
        [("header", 1)]
    );
}

#[test]
fn rooms_keep_to_themselves() {
    let sql = "//! Story.\nuse sqlx::PgPool;\n";
    let environment = "//! Story.\nfn a() { std::env::var(\"A\"); }\n";
    let clock = "//! Story.\nfn a() { Utc::now(); }\n";

    assert_eq!(
        found(&[rust("api/src/a.rs", sql)]),
        [("sql-outside-engine", 1)]
    );
    assert_eq!(
        found(&[rust("engine/src/a.rs", sql)]),
        [("executor-beside-the-gate", 1)]
    );
    assert_eq!(found(&[rust("engine/src/store/gate.rs", sql)]), []);
    assert_eq!(found(&[rust("engine/src/testing/a.rs", sql)]), []);
    assert_eq!(found(&[rust("bench/floor/src/a.rs", sql)]), []);
    assert_eq!(
        found(&[rust("bench/other/src/a.rs", sql)]),
        [("sql-outside-engine", 1)]
    );
    assert_eq!(
        found(&[rust("workers/src/a.rs", environment)]),
        [("environment-outside-api", 1)]
    );
    assert_eq!(found(&[rust("api/src/a.rs", environment)]), []);
    assert_eq!(found(&[rust("engine/src/testing/a.rs", environment)]), []);
    assert_eq!(
        found(&[rust("workflows/src/a.rs", clock)]),
        [("impure-workflows", 1)]
    );
    assert_eq!(found(&[rust("workers/src/a.rs", clock)]), []);
}

#[test]
fn words_in_comments_and_strings_are_no_code() {
    let quoted = "//! Story about sqlx:: and tokio.\n/* fn a() { */\nconst A: &str = \"sqlx::\";\n\
                  const B: &str = r#\"tokio \" {\"#;\nconst C: char = '{';\nfn b<'a>(x: &'a str) {}\n";

    assert_eq!(found(&[rust("workflows/src/a.rs", quoted)]), []);
}

#[test]
fn exceptions_only_shrink() {
    let finding = Finding {
        rule: "file-lines",
        place: "a.rs".to_owned(),
        measure: 410,
    };
    let findings = std::slice::from_ref(&finding);

    assert_eq!(complaints(findings, "# why\nfile-lines a.rs 410\n"), "");
    assert!(complaints(findings, "").contains("a.rs"));
    assert!(complaints(findings, "file-lines a.rs 409").contains("a.rs"));
    assert!(complaints(findings, "file-lines a.rs 411").contains("lower"));
    assert!(complaints(&[], "file-lines a.rs 410").contains("remove"));
}
