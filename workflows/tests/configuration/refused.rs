//! Documents that are refused: with which code, where, and all at once.

use super::documents::{CATEGORY, JOB, PURPOSE, documents, now, refused, try_read};
use windlass_workflows::configuration::{Content, Invalid, SourceFile, read};

#[test]
fn an_unknown_key_is_refused_with_the_nearest_name() {
    let text = JOB.replace("overlap:", "overlp:");
    let problems = try_read(&text).map(|_| ()).unwrap_err();

    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].code, "configuration.unknown_key");
    assert_eq!(problems[0].pointer, "/schedule/overlp");
    assert_eq!((problems[0].line, problems[0].column), (Some(13), Some(3)));
    assert_eq!(problems[0].file.as_deref(), Some("work.yaml"));
    assert_eq!(problems[0].hint.as_deref(), Some("did you mean `overlap`?"));
}

#[test]
fn what_a_later_release_brings_is_refused_and_named() {
    let later = |text: &str, line: &str, pointer: &str| {
        let found = refused(&format!("{text}{line}\n"));
        assert_eq!(
            found,
            [format!("configuration.not_supported_yet {pointer}")],
            "{line}"
        );
    };
    later(PURPOSE, "retention: a", "/retention");
    later(JOB, "retention: a", "/retention");
}

#[test]
fn what_a_purpose_says_for_its_work_means_something() {
    for (line, expected) in [
        ("lane: spring", "configuration.value /lane"),
        ("lane: '${ now }'", "expression.forbidden /lane"),
        ("lane: '${ .a( }'", "expression.syntax /lane"),
        ("expires_after: soon", "configuration.value /expires_after"),
        ("expires_after: 0s", "configuration.value /expires_after"),
        ("timeout: 0s", "configuration.value /timeout"),
        ("retry: 3", "configuration.type /retry"),
        ("retry: {}", "configuration.missing_key /retry"),
        ("retry: { count: 101 }", "configuration.value /retry/count"),
        ("retry: { count: -1 }", "configuration.value /retry/count"),
        (
            "retry: { count: 1, delay: soon }",
            "configuration.value /retry/delay",
        ),
        (
            "retry: { count: 1, backoff: double }",
            "configuration.value /retry/backoff",
        ),
        (
            "retry: { count: 1, factor: 0.5 }",
            "configuration.value /retry/factor",
        ),
        (
            "retry: { count: 1, on_exhausted: stop }",
            "configuration.value /retry/on_exhausted",
        ),
        (
            "retry: { count: 1, when: never }",
            "configuration.unknown_key /retry/when",
        ),
        ("idempotency: forever", "configuration.type /idempotency"),
        (
            "idempotency: { hold: ttl:24h }",
            "configuration.value /idempotency/hold",
        ),
        (
            "idempotency: { scope: world }",
            "configuration.value /idempotency/scope",
        ),
        (
            "idempotency: { key: a }",
            "configuration.unknown_key /idempotency/key",
        ),
    ] {
        assert_eq!(refused(&format!("{PURPOSE}{line}\n")), [expected], "{line}");
    }
    for weight in ["0", "-1", "1001"] {
        let found = refused(&format!("{JOB}weight: {weight}\n"));
        assert_eq!(found, ["configuration.value /weight"]);
    }
}

#[test]
fn what_an_invalid_row_does_is_one_of_two_words() {
    assert_eq!(
        refused(&CATEGORY.replace("mode: replace", "invalid: skip")),
        ["configuration.value /data/invalid"]
    );
    let read = documents(&CATEGORY.replace("mode: replace", "invalid: leave_out"));
    let Content::Category(category) = &read[0].content else {
        panic!("a category");
    };
    let data = category.data.as_ref();
    assert_eq!(data.map(|data| data.invalid), Some(Invalid::LeaveOut));
}

#[test]
fn indexes_are_a_few_fields_and_what_is_merged_needs_a_key() {
    let nine = format!("indexes: [ {} ]", ["a"; 9].join(", "));
    let long = format!("indexes: [ {} ]", "a".repeat(1_001));
    for (line, expected) in [
        ("indexes: a", "configuration.type /indexes"),
        ("indexes: [ '' ]", "configuration.value /indexes/0"),
        ("indexes: [ 1 ]", "configuration.type /indexes/0"),
        ("indexes: [ a, b, a ]", "configuration.value /indexes"),
        (nine.as_str(), "configuration.value /indexes"),
        (long.as_str(), "configuration.value /indexes/0"),
    ] {
        assert_eq!(
            refused(&format!("{CATEGORY}{line}\n")),
            [expected],
            "{line}"
        );
    }
    assert_eq!(
        refused(&CATEGORY.replace("replace", "merge")),
        ["merge_needs_key /data/mode"]
    );
    assert_eq!(
        refused(&CATEGORY.replace("replace", "both")),
        ["configuration.value /data/mode"]
    );
}

#[test]
fn a_file_needs_an_ending_that_says_its_form_and_nobody_to_wait_for() {
    let cases = [
        (
            "category: strikes",
            "file: strikes.xls",
            "configuration.value /selection/file",
        ),
        (
            "category: strikes",
            "file: strikes.csv",
            "configuration.conflict /schedule",
        ),
        (
            "category: strikes",
            "category: strikes, rows: { duplicate: any }",
            "configuration.value /selection/rows/duplicate",
        ),
        (
            "category: strikes",
            "category: strikes, file: a.csv",
            "configuration.value /selection",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(refused(&JOB.replace(from, to)), [expected], "{to}");
    }
}

#[test]
fn later_kinds_and_types_are_refused() {
    let found = refused("windlass: v1\nkind: Campaign\nname: a\n");
    assert_eq!(found, ["configuration.not_supported_yet /kind"]);
    assert_eq!(
        refused("windlass: v1\nkind: Porpoise\nname: a\n"),
        ["configuration.value /kind"]
    );
    let alias = PURPOSE.replace("@1.0.0", "@Stable");
    assert_eq!(refused(&alias), ["configuration.value /template"]);
}

#[test]
fn all_problems_of_all_files_come_at_once() {
    let first = "windlass: v1\nkind: Purpose\nname: Bad Name\n";
    let second = JOB
        .replace("strategy: object", "strategy: objects")
        .replace("America/New_York", "America/NewYork")
        .replace("\"18:00\"", "\"25:00\"");
    let files = [("a.yaml", first), ("b.yaml", &second), ("c.yaml", "a: [")];
    let files = files.map(|(name, text)| SourceFile { name, text });

    let problems = read(&files, now()).map(|_| ()).unwrap_err();

    let told: Vec<String> = problems
        .iter()
        .map(|one| format!("{} {}", one.file.as_deref().unwrap(), one.pointer))
        .collect();
    let wanted = [
        "a.yaml ",
        "a.yaml /name",
        "b.yaml /strategy",
        "b.yaml /schedule/weekly/at/1",
    ];
    assert_eq!(told[..4], wanted);
    assert!(told.iter().any(|one| one.starts_with("c.yaml")));
}

#[test]
fn expressions_are_checked_where_they_stand() {
    let broken = JOB.replace(".count }'", ".count + }'");
    let found = refused(&broken);
    assert_eq!(found, ["expression.syntax /input/count"]);
    let unknown = JOB.replace("$slot.at", "$slots.at");
    assert_eq!(
        refused(&unknown),
        ["expression.unknown_variable /input/deep/at"]
    );
    let filter = JOB.replace("!= \"None\"", "!= ");
    assert_eq!(refused(&filter), ["expression.syntax /selection/filter"]);
}

#[test]
fn schedules_that_cannot_run_are_refused() {
    let rule = "weekly: { days: [ mon, thu ], at: [ \"06:00\", \"18:00\" ] }";
    let with = |other: &str| refused(&JOB.replace(rule, other));
    assert_eq!(with("cron: 0 0 31 2 *"), ["schedule_never_fires /schedule"]);
    assert_eq!(with("cron: \"* * * * *\""), ["spread_too_wide /schedule"]);
    assert_eq!(
        with("cron: 0 0 9 ? * 1"),
        ["configuration.value /schedule/cron"]
    );
    assert_eq!(with("start: 2026-12-01"), ["configuration.value /schedule"]);
    assert_eq!(
        with(&format!("{rule}\n  interval: 6h")),
        ["configuration.value /schedule"]
    );
    assert_eq!(
        with("monthly: { nth: 1, at: \"06:00\" }"),
        ["configuration.value /schedule/monthly"]
    );
}

#[test]
fn keys_that_exclude_each_other_are_refused() {
    let individual = JOB.replace("strategy: object", "strategy: individual");
    assert_eq!(refused(&individual), ["configuration.conflict /chunk"]);
    let both = format!("{JOB}template: a.b\n");
    assert_eq!(refused(&both), ["configuration.value "]);
    let keyed = JOB.replace("category: strikes", "category: strikes, key: id");
    assert_eq!(refused(&keyed), ["configuration.conflict /selection/key"]);
    assert_eq!(
        refused(&format!("{PURPOSE}---\n{PURPOSE}")),
        ["configuration.repeated "]
    );
}

#[test]
fn a_category_schema_must_be_one() {
    let text = CATEGORY.replace("type: object", "type: objekt");
    let found = refused(&text);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("configuration.schema /schema"),
        "{found:?}"
    );
}
