//! The rules: budgets of size, headers, and what belongs to which room.

use std::fmt;

use crate::scan;
use crate::source::Source;

/// No function is longer than a screen.
const FUNCTION_LINES_MAX: usize = 60;
/// Half of all functions are this short.
const FUNCTION_MEDIAN_MAX: usize = 10;
/// Nine in ten are this short.
const FUNCTION_NINTH_DECILE_MAX: usize = 35;
/// Beyond this, a file tells a second story.
const FILE_LINES_MAX: usize = 400;
/// `lib.rs` is a table of contents.
const TABLE_OF_CONTENTS_LINES_MAX: usize = 80;

/// What can send a statement without `engine/src/store/gate.rs`.
const EXECUTORS: [&str; 9] = [
    "PgPool",
    "PgConnection",
    "PgListener",
    "PoolConnection",
    "Transaction<",
    "Pool<",
    "Acquire",
    "connect_with",
    ".connect()",
];

/// Raw SQL is what the floor is for: it says what Postgres can do without an engine, in a database of
/// its own. Nothing that Windlass does runs through it, and what drives it speaks no SQL.
const FLOOR: &str = "bench/floor/";

/// A broken rule, where, and by how much.
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    /// Path, with `::function` for a function, or `workspace`.
    pub place: String,
    /// Lines, or number of times.
    pub measure: usize,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.rule, self.place, self.measure)
    }
}

/// Everything that breaks a rule.
pub fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = sources.iter().flat_map(file_findings).collect();
    findings.extend(function_findings(sources));
    findings
}

fn file_findings(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    let is_contents = source.is_rust() && source.path.ends_with("src/lib.rs");
    let sql = elsewhere(source, &["engine/", FLOOR]) && source.is_rust();
    let environment = elsewhere(source, &["api/"]) && !source.is_test() && !is_example(source);
    let beside = is_beside_the_gate(source);
    let impure = source.path.starts_with("workflows/src/");
    [
        ("header", usize::from(!has_header(source))),
        (
            "file-lines",
            over(lines, FILE_LINES_MAX, source.is_rust() && !is_contents),
        ),
        (
            "table-of-contents-lines",
            over(lines, TABLE_OF_CONTENTS_LINES_MAX, is_contents),
        ),
        (
            "sql-outside-engine",
            count(source, sql, &["sqlx::", "tokio_postgres"]),
        ),
        (
            "executor-beside-the-gate",
            count(source, beside, &EXECUTORS),
        ),
        (
            "environment-outside-api",
            count(source, environment, &["env::var"]),
        ),
        (
            "impure-workflows",
            count(
                source,
                impure,
                &["tokio", "sqlx", "SystemTime", "Instant::now", "Utc::now"],
            ),
        ),
    ]
    .into_iter()
    .filter(|(_, measure)| *measure > 0)
    .map(|(rule, measure)| Finding {
        rule,
        place: source.path.clone(),
        measure,
    })
    .collect()
}

fn function_findings(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut lengths = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        for function in scan::functions(&source.code) {
            lengths.push(function.lines);
            if function.lines > FUNCTION_LINES_MAX {
                let place = format!("{}::{}", source.path, function.name);
                findings.push(Finding {
                    rule: "function-lines",
                    place,
                    measure: function.lines,
                });
            }
        }
    }
    lengths.sort_unstable();
    let shares = [
        (
            "function-median",
            quantile(&lengths, 5),
            FUNCTION_MEDIAN_MAX,
        ),
        (
            "function-ninth-decile",
            quantile(&lengths, 9),
            FUNCTION_NINTH_DECILE_MAX,
        ),
    ];
    let broken = shares.into_iter().filter(|(_, measure, max)| measure > max);
    let place = || "workspace".to_owned();
    findings.extend(broken.map(|(rule, measure, _)| Finding {
        rule,
        place: place(),
        measure,
    }));
    findings
}

/// The value that `tenths` in ten do not exceed.
fn quantile(sorted: &[usize], tenths: usize) -> usize {
    let at = (sorted.len() * tenths).div_ceil(10);
    at.checked_sub(1)
        .and_then(|at| sorted.get(at))
        .copied()
        .unwrap_or(0)
}

fn has_header(source: &Source) -> bool {
    let mark = if source.is_rust() { "//!" } else { "--" };
    source.text.starts_with(mark)
}

fn over(lines: usize, max: usize, applies: bool) -> usize {
    if applies && lines > max { lines } else { 0 }
}

fn elsewhere(source: &Source, rooms: &[&str]) -> bool {
    !rooms.iter().any(|room| source.path.starts_with(room))
}

/// Programs that a reader copies; they have a `main` of their own to read settings in.
fn is_example(source: &Source) -> bool {
    source.path.starts_with("examples/") && source.path.ends_with("/main.rs")
}

/// `local` starts servers, `testing` watches them, and a chaos run's witness must not be struck by what
/// strikes the product; all else has statements to send.
fn is_beside_the_gate(source: &Source) -> bool {
    let elsewhere = [
        "engine/src/local/",
        "engine/src/chaos/",
        "engine/src/store/gate",
    ];
    source.path.starts_with("engine/src/")
        && !source.is_test()
        && !elsewhere.iter().any(|place| source.path.starts_with(place))
}

fn count(source: &Source, applies: bool, words: &[&str]) -> usize {
    if !applies {
        return 0;
    }
    words
        .iter()
        .map(|word| source.code.matches(word).count())
        .sum()
}
