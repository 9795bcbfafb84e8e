//! Corners of documents: words that are no times or zones, items in place of a category, labels, scopes.

use windlass_workflows::configuration::{Content, LimitScope, Overflow, Source};
use windlass_workflows::problem::Problem;

use super::documents::{JOB, PURPOSE, documents, try_read};

/// The one problem of a document.
fn problem(text: &str) -> Problem {
    let problems = try_read(text).map(|_| ()).expect_err("it is refused");
    let [one] = problems.as_slice() else {
        panic!("{text}: {problems:#?}")
    };
    one.clone()
}

/// A job whose schedule has these keys too.
fn scheduled(more: &str) -> String {
    JOB.replace("  spread: 5m\n", &format!("  spread: 5m\n{more}"))
}

#[test]
fn what_is_no_time_and_no_zone_is_told_with_what_would_be() {
    for (text, message, hint) in [
        (
            JOB.replace("America/New_York", "America/New_Yrok"),
            "`America/New_Yrok` is no zone of the zone database",
            "did you mean `America/New_York`?",
        ),
        (
            JOB.replace("America/New_York", "Atlantis/Nowhere/At/All"),
            "`Atlantis/Nowhere/At/All` is no zone of the zone database",
            "such as America/New_York or UTC",
        ),
        (
            JOB.replace("\"18:00\"", "\"18:60\""),
            "`18:60` is no time of day",
            "write it quoted, such as \"06:00\"",
        ),
        (
            scheduled("  start: 2026-12-31T25:00:00Z\n"),
            "`2026-12-31T25:00:00Z` is no instant",
            "a date, a time and an offset, such as 2026-12-31T06:00:00Z",
        ),
    ] {
        let found = problem(&text);
        assert_eq!(found.message, message);
        assert_eq!(found.hint.as_deref(), Some(hint));
    }
}

#[test]
fn a_selection_is_a_category_or_items_of_its_own() {
    let with = |selection: &str| {
        let category = "{ category: strikes, filter: '.\"Effect Amount of damage\" != \"None\"' }";
        assert!(JOB.contains(category));
        JOB.replace(category, selection)
    };
    let items = with("{ items: [ { state: Utah }, { state: Ohio } ], object: state }");
    let Content::JobConfiguration(job) = documents(&items).remove(0).content else {
        panic!("a job configuration");
    };
    let Source::Items { items, object, .. } = job.selection.source else {
        panic!("items of its own");
    };
    assert_eq!((items.len(), object.as_deref()), (2, Some("state")));

    for (selection, message) in [
        (
            "{ filter: 'true' }",
            "one of `category`, `items`, `file`, `query`, `http` is needed",
        ),
        (
            "{ category: strikes, items: [] }",
            "`category` and `items` exclude each other",
        ),
    ] {
        assert_eq!(problem(&with(selection)).message, message);
    }
}

#[test]
fn labels_are_texts_and_not_too_many() {
    let labelled = documents(&format!("{PURPOSE}labels: {{ team: birds, tier: one }}\n")).remove(0);
    let Content::Purpose(purpose) = labelled.content else {
        panic!("a purpose");
    };
    assert_eq!(purpose.header.labels.len(), 2);

    let many: Vec<String> = (0..1_000).map(|n| format!("l{n}: x")).collect();
    let many = format!("{PURPOSE}labels: {{ {} }}\n", many.join(", "));
    assert!(
        problem(&many).message.starts_with("at most "),
        "{:?}",
        problem(&many)
    );
}

#[test]
fn a_limit_is_attached_to_one_thing_of_five() {
    let limit = |scope: &str| {
        format!("windlass: v1\nkind: Limit\nname: one\nconcurrency: 1\nscope: {scope}\n")
    };
    for (scope, parts) in [
        ("{ tenant: true }", ("tenant", "")),
        ("{ purpose: survey }", ("purpose", "survey")),
        ("{ template: a.b }", ("template", "a.b")),
        ("{ queue: slow }", ("queue", "slow")),
    ] {
        let Content::Limit(read) = documents(&limit(scope)).remove(0).content else {
            panic!("a limit");
        };
        assert_eq!(read.scope.parts(), parts);
        assert_eq!(read.overflow.as_str(), Overflow::Queue.as_str());
    }
    assert_eq!(LimitScope::Reference.parts(), ("reference", ""));
    for (scope, message) in [
        ("{ tenant: false }", "only `true` is possible"),
        (
            "{ template: a.b@1.0.0 }",
            "a limit is for all versions of a template",
        ),
    ] {
        assert_eq!(problem(&limit(scope)).message, message);
    }
    assert_eq!(
        problem(&format!("{PURPOSE}limits: [ 'Not A Name' ]\n"))
            .hint
            .as_deref(),
        Some("write `limit` or `limit:key`")
    );
}
