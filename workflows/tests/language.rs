//! Documents beside what publishing says of them: the tables are in `tests/language`.

use std::time::Instant;

use windlass_workflows::catalogue::{Ability, Catalogue};
use windlass_workflows::check;
use windlass_workflows::document::tree::{self, Format, Tree};
use windlass_workflows::document::{SCHEMA, hash, parse};
use windlass_workflows::problem::Problem;
use windlass_workflows::program::Program;

const HEADER: &str = "document: { dsl: '1.0.3', namespace: test, name: test, version: 1.0.0 }\n";

fn cases(source: &str) -> Vec<(Tree, String)> {
    let tree = tree::read_one(source, Format::Yaml).expect("the table is YAML");
    let cases = tree.as_list().expect("the table is a list").iter();
    let text = |case: &Tree| case.get("text").and_then(Tree::as_str).map(str::to_owned);
    cases
        .map(|case| {
            (
                case.clone(),
                with_header(&text(case).expect("a case has a text")),
            )
        })
        .collect()
}

fn with_header(text: &str) -> String {
    match text.starts_with("document:") {
        true => text.to_owned(),
        false => format!("{HEADER}{text}"),
    }
}

fn problems(text: &str, catalogue: &Catalogue) -> Vec<Problem> {
    check::publish(text, catalogue).err().unwrap_or_default()
}

fn listed(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("  {problem}\n"))
        .collect()
}

#[test]
fn each_refused_document_is_told_its_problems_with_their_lines() {
    let cases = cases(include_str!("language/refused.yaml"));

    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(case, text)| unlike(case, text, &Catalogue::builtin()))
        .collect();

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_whole_language_refuses_is_told_by_those_who_can_do_all_of_it() {
    let able = Ability::ALL.into_iter();
    let catalogue = able.fold(Catalogue::builtin(), Catalogue::able);
    let cases = cases(include_str!("language/refused_whole.yaml"));

    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(case, text)| unlike(case, text, &catalogue))
        .collect();

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How the answer to a text differs from what its case wants, if it does.
fn unlike(case: &Tree, text: &str, catalogue: &Catalogue) -> Option<String> {
    let problems = problems(text, catalogue);
    let mut found: Vec<String> = problems
        .iter()
        .map(|problem| format!("{}@{}", problem.code, problem.line.unwrap_or(0)))
        .collect();
    let wants = case
        .get("wants")
        .and_then(Tree::as_list)
        .expect("a case wants problems");
    let mut wants: Vec<&str> = wants.iter().filter_map(Tree::as_str).collect();
    wants.sort_unstable();
    found.sort_unstable();
    let hint = case.get("hint").and_then(Tree::as_str);
    let hinted = problems
        .iter()
        .any(|problem| problem.hint.as_deref() == hint);
    if found == wants && (hint.is_none() || hinted) {
        return None;
    }
    let line = case.place.line;
    Some(format!(
        "the case of line {line} wants {wants:?} {hint:?}:\n{}",
        listed(&problems)
    ))
}

#[test]
fn each_sound_document_is_published_and_reads_back_the_same() {
    for (_, text) in cases(include_str!("language/published.yaml")) {
        publishes(&text);
    }
}

#[test]
fn the_sample_templates_are_published() {
    publishes(include_str!(
        "language/templates/template-classify-strike.yaml"
    ));
    publishes(include_str!(
        "language/templates/template-national-report.yaml"
    ));
    publishes(include_str!("language/templates/template-state-brief.yaml"));
}

fn publishes(text: &str) {
    let published = check::publish(text, &Catalogue::builtin());
    let template = published.unwrap_or_else(|problems| panic!("{text}\n{}", listed(&problems)));

    let again = parse::from_value(&template.document, &Default::default())
        .expect("a published document reads back");

    assert_eq!(format!("{template:?}"), format!("{again:?}"));
    assert_eq!(hash::content_hash(&template), hash::content_hash(&again));
    let json = template.document.to_json();
    let from_json =
        check::publish(&json, &Catalogue::builtin()).expect("its JSON is published too");
    assert_eq!(
        hash::content_hash(&template),
        hash::content_hash(&from_json)
    );
}

#[test]
fn a_document_with_five_mistakes_reports_five_with_lines() {
    let text = "\
document:
  dsl: '1.0.3'
  namespace: strikes
  name: classify
  version: one
do:
  - ask:
      call: analyze:1.0.0@default
      with: { profile: strike-risk }
      then: kep
  - keep:
      set: { risk: '${ .risk | }' }
  - keep:
      wait: P1M
";

    let found: Vec<(String, Option<u32>)> = problems(text, &Catalogue::builtin())
        .into_iter()
        .map(|problem| (problem.code, problem.line))
        .collect();

    let wanted = [
        ("document.version", 5),
        ("handler.not_registered", 8),
        ("flow.unknown_target", 10),
        ("expression.syntax", 12),
        ("flow.duplicate_name", 13),
        ("duration.calendar_unit", 14),
    ];
    assert_eq!(
        found,
        wanted.map(|(code, line)| (code.to_owned(), Some(line)))
    );
}

#[test]
fn ten_thousand_tasks_are_checked_and_built_soon_and_one_more_is_refused() {
    let task = |n: usize| format!("  - t{n}: {{ set: {{ x: '${{ .x{n} + 1 }}' }} }}\n");
    let document = |count: usize| -> String {
        format!("{HEADER}do:\n{}", (0..count).map(task).collect::<String>())
    };

    let spent = |count: usize| {
        let text = document(count);
        let begun = Instant::now();
        let template = check::publish(&text, &Catalogue::builtin()).expect("sound");
        assert!(Program::of(&template).is_ok());
        assert_eq!(template.body.len(), count);
        begun.elapsed().as_secs_f64()
    };

    // Ten times the tasks cost ten times the work; what is quadratic in any
    // part costs a hundred times. Other tests run beside: one of three measurements must say so.
    let ratios: Vec<f64> = (0..3)
        .map(|_| spent(10_000) / spent(1_000))
        .take_while(|ratio| *ratio >= 30.0)
        .collect();
    assert!(ratios.len() < 3, "{ratios:?}");
    assert_eq!(
        problems(&document(10_001), &Catalogue::builtin())[0].code,
        "document.too_many_tasks"
    );
}

/// What a careless or hostile hand may put into a document.
const PIECES: [&str; 16] = [
    "",
    "{",
    "}",
    "[",
    "]",
    ":",
    "- ",
    "${ ",
    " }",
    "\n",
    "\"",
    "null",
    "*a",
    "7",
    "then",
    "${ $context.x | }",
];

proptest::proptest! {
    #[test]
    fn damaged_documents_never_crash(
        start in 0usize..2_000,
        length in 0usize..40,
        piece in 0usize..PIECES.len(),
        sample in 0usize..3,
    ) {
        let text = match sample {
            0 => include_str!("language/templates/template-classify-strike.yaml").to_owned(),
            1 => include_str!("language/templates/template-national-report.yaml").to_owned(),
            _ => cases(include_str!("language/published.yaml")).remove(2).1,
        };
        let damaged: String = text
            .chars()
            .take(start)
            .chain(PIECES[piece].chars())
            .chain(text.chars().skip(start + length))
            .collect();

        for problem in problems(&damaged, &Catalogue::builtin()) {
            proptest::prop_assert!(!problem.code.is_empty() && !problem.message.is_empty());
        }
    }
}

#[test]
fn hostile_documents_are_refused_and_never_crash() {
    let deep = "{ do: [ { a: ".repeat(200);
    let wide = format!("{HEADER}do:\n{}", "  - a: { then: b }\n".repeat(20_000));
    let chain: String = (0..5_000)
        .map(|n| format!("    f{n}: {{ call: f{} }}\n", n + 1))
        .collect();
    let chain = format!("{HEADER}use:\n  functions:\n{chain}    f5000: {{ call: f0 }}\ndo: []\n");
    let dashes = format!(
        "{HEADER}do: [ {{ a: {{ wait: {} }} }} ]",
        "-P".repeat(100_000)
    );

    for text in [deep, wide, chain, dashes] {
        let problems = problems(&text, &Catalogue::builtin());
        assert!(!problems.is_empty() && problems.len() < 250);
    }
}

#[test]
fn the_schema_for_editors_takes_what_is_published_and_refuses_broken_forms() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
    let schema = jsonschema::draft202012::new(&schema).expect("a schema");
    let fits = |text: &str| {
        let tree = tree::read_one(text, Format::Yaml).expect("YAML");
        let value = serde_json::Value::from(&tree.to_value());
        let wrong = schema.iter_errors(&value);
        wrong.map(|error| error.to_string()).collect::<Vec<_>>()
    };

    for (_, text) in cases(include_str!("language/published.yaml")) {
        assert_eq!(fits(&text), [""; 0], "{text}");
    }
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    for entry in std::fs::read_dir(samples).expect("the samples are there") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("text");
        if text.contains("dsl:") {
            assert_eq!(fits(&text), [""; 0], "{}", path.display());
        }
    }
    for broken in [
        "do: {}",
        "do: [ { a: { set: { x: 1 }, thn: end } } ]",
        "do: [ { a: { swich: [] } } ]",
        "do: [ { end: { set: { x: 1 } } } ]",
        "do: [ { a: { set: .x } } ]",
        "do: [ { a: { call: http, with: { method: GET } } } ]",
        "do: [ { a: { try: [] } } ]",
        "do: [ { a: { wait: { fortnights: 1 } } } ]",
        "do: [ { a: { raise: { error: { status: 7, type: x } } } } ]",
        "schedule: { cron: x, every: PT1H }\ndo: []",
        "evaluate: { mode: loose }\ndo: []",
        "tasks: []\ndo: []",
    ] {
        assert!(!fits(&with_header(broken)).is_empty(), "{broken}");
    }
}

#[test]
fn expressions_too_long_or_too_deep_are_refused_where_they_stand() {
    let text =
        |expression: &str| format!("do:\n  - a: {{ set: {{ x: '${{ {expression} }}' }} }}\n");
    for (expression, code) in [
        ("x".repeat(8_200), "expression.too_long"),
        (["1"; 300].join(" + "), "expression.too_deep"),
        (
            format!("{}1{}", "(".repeat(70), ")".repeat(70)),
            "expression.too_deep",
        ),
    ] {
        let found = problems(&with_header(&text(&expression)), &Catalogue::builtin());

        let first = &found[0];
        assert_eq!(
            (first.code.as_str(), first.line, first.column),
            (code, Some(3), Some(20))
        );
        assert_eq!(first.pointer, "/do/0/a/set/x");
        assert!(first.hint.is_some());
    }
}
