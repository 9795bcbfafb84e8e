//! Who is told of what: webhooks, and callbacks of job configurations.

use std::time::Duration;

use super::documents::{JOB, documents, refused};
use windlass_workflows::configuration::{Address, Content, JobConfiguration, Target, Webhook};
use windlass_workflows::notice::{Threshold, When};

const WEBHOOK: &str = "\
windlass: v1
kind: Webhook
name: operations
url: { secret: operations-url }
signing_key: { secret: operations-key }
events: [ batch.finished, 'slot.*' ]
filter: '${ .batch.state == \"failed\" }'
disable_after: 2d
enabled: false
";

fn webhook(text: &str) -> Webhook {
    match documents(text).remove(0).content {
        Content::Webhook(webhook) => webhook,
        other => panic!("{other:?}"),
    }
}

fn job(callbacks: &str) -> JobConfiguration {
    let text = format!("{JOB}callbacks:\n{callbacks}");
    match documents(&text).remove(0).content {
        Content::JobConfiguration(job) => *job,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_webhook_is_read() {
    let read = webhook(WEBHOOK);

    assert!(matches!(&read.url, Address::Secret(url) if url.name == "operations-url"));
    assert_eq!(read.signing_key.name, "operations-key");
    assert_eq!(read.events, ["batch.finished", "slot.*"]);
    assert_eq!(read.filter.as_deref(), Some(".batch.state == \"failed\""));
    assert_eq!(read.disable_after, Duration::from_secs(2 * 86_400));
    assert!(!read.enabled);
}

#[test]
fn what_a_webhook_does_not_say_is_five_days_and_on() {
    let short: String = WEBHOOK
        .lines()
        .take(6)
        .map(|line| format!("{line}\n"))
        .collect();

    let read = webhook(&short);

    assert_eq!(read.disable_after, Duration::from_secs(5 * 86_400));
    assert!(read.enabled && read.filter.is_none());
}

#[test]
fn what_is_wrong_with_a_webhook_is_told_where_it_stands() {
    let long = format!("filter: '{}'", ".".repeat(8_193));
    for (from, to, told) in [
        (
            "batch.finished",
            "batch.ended",
            "configuration.value /events/0",
        ),
        (
            "batch.finished",
            "job.failed",
            "configuration.not_supported_yet /events/0",
        ),
        (
            "disable_after: 2d",
            "disable_after: soon",
            "configuration.value /disable_after",
        ),
        (
            "enabled: false",
            "enabled: off?",
            "configuration.type /enabled",
        ),
        (
            "signing_key: { secret: operations-key }\n",
            "",
            "configuration.missing_key ",
        ),
        (
            "filter: '${ .batch.state == \"failed\" }'",
            long.as_str(),
            "configuration.value /filter",
        ),
        (
            ".batch.state ==",
            ".batch.state (",
            "expression.syntax /filter",
        ),
    ] {
        let found = refused(&WEBHOOK.replace(from, to));
        assert!(found.iter().any(|one| one == told), "{to}: {found:?}");
    }
}

#[test]
fn callbacks_are_read() {
    let read = job("  - { when: finished, webhook: operations }\n  \
        - { when: threshold, failed: 10, purpose: announce, input: { batch: '${ $batch.id }' } }\n  \
        - { when: threshold, failed: 2.5%, purpose: announce }\n");

    let whens: Vec<When> = read.callbacks.iter().map(|one| one.when).collect();
    assert_eq!(whens, [When::Finished, When::Threshold, When::Threshold]);
    assert_eq!(
        read.callbacks[0].target,
        Target::Webhook("operations".into())
    );
    assert_eq!(read.callbacks[1].target, Target::Purpose("announce".into()));
    assert_eq!(read.callbacks[1].threshold, Some(Threshold::Count(10)));
    assert!(read.callbacks[1].input.is_some() && read.callbacks[0].input.is_none());
    assert!(matches!(
        read.callbacks[2].threshold,
        Some(Threshold::Share(_))
    ));
    assert!(job("  []\n").callbacks.is_empty());
}

#[test]
fn what_is_wrong_with_a_callback_is_told_where_it_stands() {
    for (callback, told) in [
        (
            "{ when: later, webhook: a }",
            "configuration.value /callbacks/0/when",
        ),
        ("{ when: finished }", "configuration.value /callbacks/0"),
        (
            "{ when: finished, webhook: a, purpose: b }",
            "configuration.value /callbacks/0",
        ),
        (
            "{ when: finished, failed: 3, webhook: a }",
            "configuration.conflict /callbacks/0/failed",
        ),
        (
            "{ when: threshold, webhook: a }",
            "configuration.missing_key /callbacks/0",
        ),
        (
            "{ when: threshold, failed: many, webhook: a }",
            "configuration.value /callbacks/0/failed",
        ),
        (
            "{ when: threshold, failed: -1, webhook: a }",
            "configuration.value /callbacks/0/failed",
        ),
        (
            "{ when: finished, purpose: a, input: { b: '${ $slot }' } }",
            "expression.unknown_variable /callbacks/0/input/b",
        ),
    ] {
        let found = refused(&format!("{JOB}callbacks:\n  - {callback}\n"));
        assert!(found.iter().any(|one| one == told), "{callback}: {found:?}");
    }
}
