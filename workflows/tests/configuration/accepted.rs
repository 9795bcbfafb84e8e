//! What documents become, and when two of them are the same.

use std::time::Duration;

use super::documents::{CATEGORY, CONNECTIONS, JOB, PURPOSE, documents, refused};
use windlass_workflows::calendar::{CatchUp, Overlap, words};
use windlass_workflows::configuration::{
    Address, Category, Connection, Content, Empty, Format, Idempotency, JobConfiguration, Key,
    KeyHold, KeyScope, Kind, Load, Mode, Plain, Priority, Purpose, ReferenceKind, Source, Strategy,
    Way, Work, restore,
};
use windlass_workflows::document::step::Backoff;
use windlass_workflows::policy::step::StepRetry;

fn purpose(text: &str) -> Purpose {
    match documents(text).remove(0).content {
        Content::Purpose(purpose) => purpose,
        other => panic!("{other:?}"),
    }
}

fn category(text: &str) -> Category {
    match documents(text).remove(0).content {
        Content::Category(category) => category,
        other => panic!("{other:?}"),
    }
}

fn job(text: &str) -> JobConfiguration {
    match documents(text).remove(0).content {
        Content::JobConfiguration(job) => *job,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_purpose_is_read() {
    let purpose = purpose(PURPOSE);
    assert_eq!(purpose.header.name, "classify-strike");
    assert_eq!(
        purpose.template.to_string(),
        "strikes.classify-strike@1.0.0"
    );
    assert_eq!(purpose.priority, Priority::Normal);
}

#[test]
fn a_purpose_says_what_its_work_does_not() {
    let text = PURPOSE.replace("@1.0.0", "@stable");
    let said = "lane: '${ .line }'\nexpires_after: 1h30m\nidempotency: { scope: template, hold: forever }\n";
    let said = purpose(&format!("{text}{said}"));
    assert_eq!(said.template.to_string(), "strikes.classify-strike@stable");
    assert_eq!(said.lane.as_deref(), Some(".line"));
    assert_eq!(said.expires_after, Some(Duration::from_secs(5_400)));
    assert_eq!(
        said.idempotency,
        Idempotency {
            scope: KeyScope::Template,
            hold: KeyHold::Forever
        }
    );
    let within = purpose(&format!("{text}idempotency: {{ scope: batch }}\n"));
    assert_eq!(within.idempotency.scope, KeyScope::Batch);
    let silent = purpose(&text);
    assert_eq!((silent.lane, silent.expires_after), (None, None));
    assert_eq!(
        silent.idempotency.hold,
        KeyHold::For(Duration::from_secs(86_400))
    );
    let usual = format!("{PURPOSE}idempotency: {{ scope: tenant, hold: 24h }}\n");
    let canonical = |text: &str| documents(text)[0].canonical().to_json();
    assert_eq!(canonical(&usual), canonical(PURPOSE));
    assert_eq!(job(&format!("{JOB}weight: 2.5\n")).weight, Some(2.5));
    assert_eq!(canonical(&format!("{JOB}weight: 1\n")), canonical(JOB));
}

#[test]
fn a_purpose_says_what_becomes_of_failed_steps() {
    let usual = purpose(&format!("{PURPOSE}retry: {{ count: 3 }}\n"));
    let doubles = |factor| Backoff::Exponential { factor, max: None };
    let silent = StepRetry {
        count: 3,
        delay: Duration::ZERO,
        backoff: doubles(2.0),
        delay_max: None,
        jitter: Duration::ZERO,
        parks: false,
    };
    assert_eq!(usual.retry, Some(Box::new(silent.clone())));
    let said = "retry: { count: 3, delay: 2s, backoff: exponential, factor: 1.5, max_delay: 2m, jitter: 1s, on_exhausted: park }\n";
    let all = purpose(&format!("{PURPOSE}{said}"));
    let wanted = StepRetry {
        delay: Duration::from_secs(2),
        backoff: doubles(1.5),
        delay_max: Some(Duration::from_secs(120)),
        jitter: Duration::from_secs(1),
        parks: true,
        ..silent
    };
    assert_eq!(all.retry, Some(Box::new(wanted)));
    for (word, backoff) in [("constant", Backoff::Constant), ("linear", Backoff::Linear)] {
        let read = purpose(&format!(
            "{PURPOSE}retry: {{ count: 0, backoff: {word} }}\n"
        ));
        assert_eq!(read.retry.map(|retry| retry.backoff), Some(backoff));
    }
    assert_eq!(purpose(PURPOSE).retry, None);

    let canonical = |text: &str| documents(text)[0].canonical().to_json();
    let written = "retry: { on_exhausted: fail, factor: 2, backoff: exponential, count: 3 }\n";
    let plain = canonical(&format!("{PURPOSE}retry: {{ count: 3 }}\n"));
    assert_eq!(canonical(&format!("{PURPOSE}{written}")), plain);
    assert!(plain.contains(r#""retry":{"count":3}"#), "{plain}");
}

#[test]
fn a_category_is_read() {
    let category = category(CATEGORY);
    assert_eq!(category.key, Key::Row);
    let data = category.data.unwrap();
    let path = "../data/birdstrikes.csv".to_owned();
    let format = Format::Csv;
    assert_eq!(data.load, Load::File { path, format });
    assert_eq!(data.empty, Empty::Null);
    assert_eq!((data.mode, category.indexes.len()), (Mode::Replace, 0));
}

#[test]
fn a_category_has_indexes_and_is_merged() {
    let text = CATEGORY
        .replace(
            "key: { row: true }",
            "key: Record ID\nindexes: [ Origin State, cost ]",
        )
        .replace("replace", "merge");
    let merged = category(&text);
    assert_eq!(merged.indexes, ["Origin State", "cost"]);
    assert_eq!(merged.data.unwrap().mode, Mode::Merge);

    let none = documents(&format!("{CATEGORY}indexes: []\n")).remove(0);
    assert_eq!(none.canonical(), documents(CATEGORY).remove(0).canonical());
}

#[test]
fn a_job_configuration_is_read() {
    let job = job(JOB);
    assert_eq!(job.work, Work::Purpose("classify-strike".to_owned()));
    assert_eq!(job.selection.source, Source::Category("strikes".to_owned()));
    assert_eq!(job.strategy, Strategy::Object);
    assert_eq!(job.chunk.unwrap().max_bytes, 1 << 20);
    assert_eq!((job.release.window, job.guards.min_members), (200, 0));
    let schedule = job.schedule.unwrap();
    assert_eq!(
        words(&schedule),
        "every Monday and Thursday at 06:00 and 18:00 America/New_York"
    );
    assert_eq!(schedule.overlap, Overlap::QueueAll);
    assert!(matches!(schedule.catch_up, CatchUp::All { max: 3, .. }));
}

#[test]
fn connections_are_read_and_secrets_stay_names() {
    let read = documents(CONNECTIONS);
    let Content::Connection(Connection::Generate(writer)) = &read[0].content else {
        panic!("generate comes first");
    };
    assert!(
        matches!(&writer.providers[0].base_url, Plain::Env { name, .. } if name == "OPENAI_BASE_URL")
    );
    let Content::Connection(statistics) = &read[1].content else {
        panic!("analyse comes second");
    };
    assert_eq!(statistics.profiles(), ["strike-risk", "strike-statistics"]);

    let bare = CONNECTIONS.replace("{ secret: openai-api-key, optional: true }", "sk-12345");
    assert_eq!(refused(&bare), ["configuration.value /providers/0/api_key"]);
}

#[test]
fn references_know_their_place() {
    let read = documents(&format!("{PURPOSE}---\n{JOB}"));

    let of_purpose = &read[0].references()[0];
    assert_eq!(of_purpose.kind, ReferenceKind::Template);
    assert_eq!((of_purpose.line, of_purpose.column), (5, 11));
    let of_job: Vec<_> = read[1]
        .references()
        .iter()
        .map(|one| (one.kind, &*one.pointer))
        .collect();
    let wanted = [
        (ReferenceKind::Purpose, "/purpose"),
        (ReferenceKind::Category, "/selection/category"),
    ];
    assert_eq!(of_job, wanted);
}

#[test]
fn templates_are_told_by_their_document() {
    let text =
        "document: { dsl: '1.0.3', namespace: strikes, name: tell, version: '1.0.0' }\ndo: []\n";
    let read = documents(text);
    assert_eq!(read[0].kind(), Kind::Template);
    assert_eq!(read[0].name(), "strikes.tell@1.0.0");
    assert_eq!(refused("name: a\n"), ["unknown_document "]);
    let both = format!("{text}windlass: v1\n");
    assert_eq!(refused(&both), ["unknown_document "]);
}

#[test]
fn order_defaults_and_comments_are_no_change() {
    let other = "\
# the same
kind: Purpose
windlass: v1
priority: normal
template: strikes.classify-strike@1.0.0
name: classify-strike
input: { language: en }
title: Classify incoming wildlife strikes
";
    let (one, other) = (documents(PURPOSE), documents(other));
    assert_eq!(one[0].canonical().to_json(), other[0].canonical().to_json());
    assert_eq!(
        one[0].canonical().to_json(),
        "{\"windlass\":\"v1\",\"kind\":\"Purpose\",\"name\":\"classify-strike\",\
         \"title\":\"Classify incoming wildlife strikes\",\
         \"template\":\"strikes.classify-strike@1.0.0\",\"input\":{\"language\":\"en\"}}"
    );

    let plain = JOB.replace("guards: { min_members: 0 }", "guards: { min_members: 1 }");
    let absent = JOB.replace("guards: { min_members: 0 }\n", "");
    let canonical = |text: &str| documents(text)[0].canonical().to_json();
    assert_eq!(canonical(&plain), canonical(&absent));
    assert_ne!(canonical(&plain), canonical(JOB));
}

#[test]
fn what_is_stored_is_read_back() {
    for text in [PURPOSE, CATEGORY, JOB, CONNECTIONS] {
        for document in documents(text) {
            let restored = restore(document.canonical()).unwrap();
            let again = format!("{restored:?}");
            assert_eq!(again, format!("{:?}", document.content));
        }
    }
}

const CHANNELS: &str = "
windlass: v1
kind: Connection
name: desk
type: channel
protocol: chat
url: { secret: desk-chat-url }
rate: 30/min
messages:
  hand-over: { text: '{contact.operator} did not answer. Please call, {to}.' }
---
windlass: v1
kind: Connection
name: page
type: channel
protocol: handler
handler: pager:1.0.0
";

#[test]
fn channels_are_read_and_what_they_lack_is_said() {
    let read = documents(CHANNELS);
    let Content::Connection(Connection::Channel(desk)) = &read[0].content else {
        panic!("the desk comes first");
    };
    assert!(matches!(&desk.way, Way::Chat(Address::Secret(url)) if url.name == "desk-chat-url"));
    assert_eq!(desk.rate, Some(0.5));
    let message = desk.message("hand-over").expect("a message");
    assert!(message.text.starts_with("{contact.operator}"));
    let Content::Connection(Connection::Channel(page)) = &read[1].content else {
        panic!("the pager comes second");
    };
    assert!(matches!(&page.way, Way::Handler(function) if function.name == "pager"));

    for (from, to, told) in [
        ("chat", "smtp", "configuration.not_supported_yet /protocol"),
        ("chat", "chatt", "configuration.value /protocol"),
        ("rate: 30/min", "rate: 30/x", "configuration.value /rate"),
        (
            "rate: 30/min",
            "from: x",
            "configuration.not_supported_yet /from",
        ),
        (
            "{ text:",
            "{ txt:",
            "configuration.unknown_key /messages/hand-over/txt",
        ),
        ("messages:\n", "labels:\n", "configuration.missing_key "),
        ("pager:1.0.0", "pager", "configuration.value /handler"),
        (
            "url: { secret: desk-chat-url }\n",
            "",
            "configuration.missing_key ",
        ),
    ] {
        let found = refused(&CHANNELS.replace(from, to));
        assert!(found.iter().any(|one| one == told), "{to}: {found:?}");
    }
}
