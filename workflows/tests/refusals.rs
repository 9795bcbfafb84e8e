//! How documents are refused: soon, at the line that is wrong, and with what to write instead.

use std::time::Instant;

use windlass_workflows::catalogue::Catalogue;
use windlass_workflows::check;
use windlass_workflows::document::tree::{self, Format, Tree};
use windlass_workflows::problem::Problem;

const HEADER: &str = "document: { dsl: '1.0.3', namespace: test, name: test, version: 1.0.0 }\n";

fn problems(text: &str) -> Vec<Problem> {
    let text = match text.starts_with("document:") {
        true => text.to_owned(),
        false => format!("{HEADER}{text}"),
    };
    check::publish(&text, &Catalogue::builtin())
        .err()
        .unwrap_or_default()
}

/// Nearly as many tasks as a document may have.
const COUNT: usize = 9_900;

fn functions(count: usize, function: impl Fn(usize) -> String) -> String {
    let lines = (0..count).map(|n| format!("    f{n}: {{ {} }}\n", function(n)));
    format!(
        "{HEADER}use:\n  functions:\n{}do: []\n",
        lines.collect::<String>()
    )
}

/// As many as a text has room for.
const CALLS: usize = 7_000;

fn calls(value: &str) -> String {
    let secrets: Vec<String> = (0..CALLS).map(|n| format!("s{n}")).collect();
    let used: String = secrets.iter().map(|s| format!(" $secrets.{s}")).collect();
    let lines = (0..CALLS).map(|n| {
        let value = value.replace('#', &n.to_string());
        format!("  - t{n}: {{ call: http, with: {{ method: get, endpoint: 'http://a', headers: {{ a: '{value}' }} }} }}\n")
    });
    let lines: String = lines.collect();
    let secrets = secrets.join(", ");
    format!(
        "{HEADER}use: {{ secrets: [ {secrets} ] }}\ndo:\n{lines}  - said: {{ set: {{ x: '{used}' }} }}\n"
    )
}

/// Seconds that it takes to say what is wrong, or that nothing is.
fn spent(text: &str, code: &str) -> f64 {
    let begun = Instant::now();
    let problems = problems(text);
    let spent = begun.elapsed().as_secs_f64();
    match code {
        "" => assert!(problems.is_empty(), "{:?}", problems.first()),
        _ => assert!(
            problems.iter().any(|p| p.code == code),
            "{:?}",
            problems.first()
        ),
    }
    spent
}

#[test]
fn a_refused_document_costs_no_more_than_a_sound_one_of_its_size() {
    let sound = functions(COUNT, |_| {
        "call: http, with: { method: get, endpoint: 'http://a' }".to_owned()
    });
    let sound_calls = calls("${ $secrets.s# }");
    let refused = [
        (
            &sound,
            functions(COUNT, |n| format!("call: f{}", (n + 1) % COUNT)),
            "reference.recursion",
        ),
        (
            &sound,
            functions(COUNT, |n| format!("call: z{n}")),
            "reference.unknown_function",
        ),
        (
            &sound,
            functions(3 * COUNT, |n| format!("call: f{}", (n + 1) % (3 * COUNT))),
            "document.too_many_tasks",
        ),
        (
            &sound_calls,
            calls("${ $secrets.q# }"),
            "reference.unknown_secret",
        ),
        (&sound_calls, calls("${ .x# + }"), "expression.syntax"),
    ];

    for (sound, refused, code) in refused {
        // What is quadratic costs a hundred times as much. Other tests run beside: one of three measurements must say so.
        let ratios: Vec<f64> = (0..3)
            .map(|_| spent(&refused, code) / spent(sound, ""))
            .take_while(|ratio| *ratio >= 4.0)
            .collect();
        assert!(ratios.len() < 3, "{code}: {ratios:?}");
    }
}

#[test]
fn what_is_wrong_in_a_text_of_several_lines_is_told_at_its_own_line() {
    for (text, place) in [
        (
            "do:\n  - a:\n      set:\n        x: >-\n          ${ .a |\n             .b | nofunc(1) |\n             $zz }\n",
            (7, 19),
        ),
        (
            "do:\n  - a:\n      set:\n        x: |\n          ${ .a\n\n            | $zz }\n",
            (8, 15),
        ),
        (
            "do:\n  - a:\n      set:\n        x: '${ .a |\n           .\"ä\" | $zz }'\n",
            (6, 19),
        ),
        (
            "do:\n  - a:\n      if: .a and\n          $zz\n      set: { x: 1 }\n",
            (5, 11),
        ),
        ("do:\n  - a:\n      set: { x: '${ .a | $zz }' }\n", (4, 17)),
    ] {
        let problems = problems(text);
        let [problem] = problems.as_slice() else {
            panic!("{text}: {problems:?}");
        };
        let found = (problem.line.unwrap_or(0), problem.column.unwrap_or(0));
        assert_eq!(found, place, "{text}: {problem}");
    }
}

/// Codes that a document is refused with by a slip, so that each says what to write instead.
const HINTED: [&str; 11] = [
    "document.range",
    "document.too_deep",
    "document.too_large",
    "document.too_many_tasks",
    "document.type",
    "expression.syntax",
    "flow.unknown_target",
    "handler.input_mismatch",
    "reference.recursion",
    "schema.invalid",
    "yaml.syntax",
];

#[test]
fn slips_come_with_what_to_write_instead() {
    let table = include_str!("language/refused.yaml");
    let table = tree::read_one(table, Format::Yaml).expect("the table is YAML");
    let cases = table.as_list().expect("the table is a list").iter();
    let texts = cases.filter_map(|case| case.get("text").and_then(Tree::as_str));
    let more = [
        " ".repeat(tree::TEXT_BYTES_MAX + 1),
        {
            let deep = tree::DEPTH_MAX + 1;
            format!("do: {}{}", "[".repeat(deep), "]".repeat(deep))
        },
        "do: [ { a: { set: { x: ${ .a } } } ]".to_owned(),
        "do:\n\t- a: 1\n".to_owned(),
        functions(COUNT + 200, |_| {
            "call: http, with: { method: get, endpoint: 'http://a' }".into()
        }),
    ];
    let texts = texts.map(ToOwned::to_owned).chain(more);
    let found: Vec<Problem> = texts.flat_map(|text| problems(&text)).collect();

    for code in HINTED {
        let mut told = found.iter().filter(|problem| problem.code == code);
        assert!(told.clone().count() > 0, "{code} is never met");
        let without = told.find(|problem| problem.hint.is_none());
        assert!(without.is_none(), "{without:?}");
    }
}

/// Each call of a function reads again what the function says.
#[test]
fn a_function_that_says_much_is_called_a_few_times_only() {
    let said = (0..3_000).map(|n| format!("k{n}: '${{ .n }}'"));
    let said: Vec<String> = said.collect();
    let said = said.join(", ");
    let document = |function: &str, calls: usize| {
        let calls: String = (0..calls)
            .map(|n| format!("  - t{n}: {{ call: f }}\n"))
            .collect();
        format!("use: {{ functions: {{ f: {{ {function} }} }} }}\ndo:\n{calls}")
    };
    let tasks = format!("set: {{ {said} }}");
    let call =
        format!("call: http, with: {{ method: post, endpoint: 'http://a', body: {{ {said} }} }}");
    for function in [tasks, call] {
        assert_eq!(problems(&document(&function, 20)), []);

        let refused = problems(&document(&function, 200));

        let codes: Vec<&str> = refused
            .iter()
            .map(|problem| problem.code.as_str())
            .collect();
        assert_eq!(codes, ["document.too_many_tasks"]);
    }
}
