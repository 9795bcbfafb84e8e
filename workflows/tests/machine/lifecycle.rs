//! Lifecycle events: what a document asks to be told of its jobs, in the order in which it happens.

use std::collections::BTreeSet;

use windlass_workflows::machine::row::Row;
use windlass_workflows::machine::turn::OutcomeKind;
use windlass_workflows::value::Value;

use crate::rig::{Rig, communication, drive, json};

fn document(lifecycle: &str, body: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: shop, name: order, version: 1.0.0, metadata: {{ windlass: {{ lifecycle: {lifecycle} }} }} }}\n{body}"
    )
}

fn envelopes(rig: &Rig) -> Vec<&Value> {
    let envelopes = rig.rows.iter().filter_map(|row| match row {
        Row::Publish { envelope, .. } => Some(envelope),
        _ => None,
    });
    envelopes.collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// `workflow.started`, `task.completed /do/0/a` …; no two events have one id.
fn told(rig: &Rig) -> Vec<String> {
    let envelopes = envelopes(rig);
    let ids: BTreeSet<&str> = envelopes.iter().map(|one| text(one, "/id")).collect();
    assert_eq!(ids.len(), envelopes.len(), "an id for each");
    let told = envelopes.into_iter().map(|one| {
        let kind = text(one, "/type").trim_start_matches("io.serverlessworkflow.");
        let kind = kind.trim_end_matches(".v1");
        match text(one, "/data/task") {
            "" => kind.to_owned(),
            task => format!("{kind} {task}"),
        }
    });
    told.collect()
}

#[test]
fn who_does_not_ask_is_told_nothing() {
    let rig = drive("do: [ { a: { set: { n: 1 } } } ]", "{}", Rig::start);

    assert_eq!(told(&rig), [] as [&str; 0]);
}

#[test]
fn the_start_and_the_end_of_a_job_are_told_with_where_its_output_stands() {
    let document = document("workflow", "do: [ { a: { set: { n: 1 } } } ]");
    let rig = drive(&document, "{}", Rig::start);

    assert_eq!(told(&rig), ["workflow.started", "workflow.completed"]);
    let [started, completed] = envelopes(&rig)[..] else {
        panic!("two events");
    };
    assert_eq!(text(started, "/source"), "/shop/order/1.0.0");
    assert_eq!(text(started, "/subject"), "j_7");
    assert_eq!(
        started.get("data"),
        Some(&json(
            r#"{"name":"order-j_7.shop","startedAt":"2026-03-01T09:00:00Z",
                "definition":{"namespace":"shop","name":"order","version":"1.0.0"}}"#
        ))
    );
    assert_eq!(
        completed.get("data"),
        Some(&json(
            r#"{"name":"order-j_7.shop","completedAt":"2026-03-01T09:00:00Z","outputUri":"/v1/jobs/j_7/output"}"#
        ))
    );
}

#[test]
fn tasks_are_created_started_retried_faulted_and_completed() {
    let body = "do:
- t:
    try: [ { a: { call: 'echo:1.0.0@default', with: {} } } ]
    catch: { retry: { delay: PT1S, limit: { attempt: { count: 1 } } } }
";
    let rig = drive(&document("task", body), "{}", |rig| {
        rig.start();
        rig.refuse(communication(503));
        rig.fire();
        rig.answer("1");
    });

    assert_eq!(
        told(&rig),
        [
            "workflow.started",
            "task.created /do/0/t",
            "task.started /do/0/t",
            "task.created /do/0/t/try/0/a",
            "task.started /do/0/t/try/0/a",
            "task.faulted /do/0/t/try/0/a",
            "task.retried /do/0/t",
            "task.created /do/0/t/try/0/a",
            "task.started /do/0/t/try/0/a",
            "task.completed /do/0/t/try/0/a",
            "task.completed /do/0/t",
            "workflow.completed",
        ]
    );
    let faulted = envelopes(&rig)[5];
    assert_eq!(text(faulted, "/data/workflow"), "order-j_7.shop");
    assert_eq!(text(faulted, "/data/error/title"), "answered 503");
    assert_eq!(text(faulted, "/data/faultedAt"), "2026-03-01T09:00:00Z");
}

#[test]
fn a_skipped_task_is_created_and_never_started() {
    let body = "do: [ { a: { if: 'false', set: { n: 1 } } } ]";
    let rig = drive(&document("task", body), "{}", Rig::start);

    assert_eq!(
        told(&rig),
        [
            "workflow.started",
            "task.created /do/0/a",
            "workflow.completed"
        ]
    );
}

#[test]
fn what_loses_a_race_and_what_a_cancel_ends_is_cancelled() {
    let body = "do:
- f: { fork: { compete: true, branches: [ { slow: { wait: PT1H } }, { quick: { set: { n: 1 } } } ] } }
- w: { wait: PT1H }
";
    let rig = drive(&document("task", body), "{}", |rig| {
        rig.start();
        rig.cancel();
    });

    assert!(rig.result(OutcomeKind::Cancelled).contains("cancelled"));
    let told = told(&rig);
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    assert!(told.contains(&"task.cancelled /do/0/f/fork/branches/0/slow"));
    assert_eq!(
        told[told.len() - 2..],
        ["task.cancelled /do/1/w", "workflow.cancelled"]
    );
}

#[test]
fn a_job_that_fails_says_why() {
    let body = "do: [ { a: { raise: { error: { type: 'https://e.example/gone', status: 410, title: Gone } } } } ]";
    let rig = drive(&document("workflow", body), "{}", Rig::start);

    assert_eq!(told(&rig), ["workflow.started", "workflow.faulted"]);
    let faulted = envelopes(&rig)[1];
    assert_eq!(text(faulted, "/data/error/title"), "Gone");
    assert_eq!(text(faulted, "/data/error/instance"), "/do/0/a");
}

#[test]
fn what_waits_for_a_person_is_suspended_and_resumed() {
    let body = "do:
- t:
    metadata: { windlass: { onExhausted: park } }
    try: [ { a: { call: 'echo:1.0.0@default', with: {} } } ]
    catch: { retry: { delay: PT1S, limit: { attempt: { count: 0 } } } }
";
    let rig = drive(&document("task", body), "{}", |rig| {
        rig.start();
        rig.refuse(communication(503));
        rig.go_on();
        rig.answer("1");
    });

    let told = told(&rig);
    let stood: Vec<&String> = told
        .iter()
        .filter(|one| one.contains("suspended") || one.contains("resumed"))
        .collect();
    assert_eq!(
        stood,
        [
            "task.suspended /do/0/t",
            "workflow.suspended",
            "task.resumed /do/0/t",
            "workflow.resumed"
        ]
    );
}

#[test]
fn a_listen_is_a_correlation() {
    let body = "do: [ { l: { listen: { to: { one: { with: { type: paid } } } } } } ]";
    let rig = drive(&document("workflow", body), "{}", |rig| {
        rig.start();
        rig.mail(
            1,
            r#"{"specversion":"1.0","id":"e","type":"paid","source":"/s","data":1}"#,
        );
    });

    assert_eq!(
        told(&rig),
        [
            "workflow.started",
            "workflow.correlation-started",
            "workflow.correlation-completed",
            "workflow.completed"
        ]
    );
}
