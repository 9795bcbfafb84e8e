//! Deadlines of tasks, tries and workflows (ruling 23).

use std::time::Duration;

use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::{Applied, JobFacts};
use windlass_workflows::value::Value;

use crate::rig::{communication, drive, drive_as, facts};

fn place(error: &Value) -> (u64, &str) {
    let status = error
        .get("status")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    (
        status,
        error
            .get("instance")
            .and_then(Value::as_str)
            .unwrap_or_default(),
    )
}

const STEP: &str = "{ call: 'echo:1.0.0@default', with: {}, timeout: { after: PT30S } }";

#[test]
fn a_timeout_is_raised_by_its_task_and_an_enclosing_try_catches_it() {
    let document = format!(
        "do: [ {{ t: {{ try: [ {{ a: {STEP} }} ], catch: {{ do: [ {{ h: {{ set: '${{ $error }}' }} }} ] }} }} }} ]"
    );
    let rig = drive(&document, "{}", |rig| {
        rig.start();
        assert_eq!(rig.open().due, rig.execution.next_due());
        assert_eq!(rig.due_in(), 30.0);
        rig.fire();
    });
    let output = Value::parse(&rig.output()).expect("JSON");
    assert_eq!(place(&output), (408, "/do/0/t/try/0/a"));
    assert!(
        rig.asked
            .last()
            .is_some_and(|last| last.starts_with("Stop")),
        "{:?}",
        rig.asked
    );
}

#[test]
fn a_try_cannot_catch_its_own_timeout_which_bounds_all_retries() {
    let document = "
do:
  - t:
      try: [ { a: { call: 'echo:1.0.0@default', with: {} } } ]
      catch: { retry: { delay: PT20S }, do: [ { h: { set: { x: caught } } } ] }
      timeout: { after: PT50S }
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.refuse(communication(503));
        rig.fire();
        rig.after(1);
        rig.refuse(communication(503));
        assert_eq!(rig.due_in(), 20.0);
        rig.fire();
        assert_eq!(rig.due_in(), 9.0);
        rig.refuse(communication(503));
        assert_eq!(
            rig.due_in(),
            9.0,
            "the deadline comes before the next retry"
        );
        rig.fire();
    });
    assert_eq!(place(&rig.error()), (408, "/do/0/t"));
}

#[test]
fn a_timeout_of_each_try_is_caught_by_the_try_itself() {
    let document = "
do:
  - t:
      try: [ { a: { call: 'echo:1.0.0@default', with: {} } } ]
      catch:
        retry: { delay: PT1S, limit: { attempt: { count: 1, duration: PT5S } } }
        do: [ { h: { set: '${ $error }' } } ]
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        for _ in 0..2 {
            assert_eq!(rig.due_in(), 5.0);
            let activity = rig.open().activity;
            rig.fire();
            let late = EventKind::Succeeded {
                activity,
                output: Value::Null,
            };
            assert_eq!(rig.tell(late), Applied::Late);
            if rig.outcome.is_none() {
                assert_eq!(rig.due_in(), 1.0);
                rig.fire();
            }
        }
    });
    let output = Value::parse(&rig.output()).expect("JSON");
    assert_eq!(place(&output), (408, "/do/0/t"));
}

#[test]
fn a_workflow_that_takes_too_long_fails_whatever_would_catch_it() {
    let document = "
timeout: { after: PT10S }
do:
  - t:
      try: [ { a: { WHAT } } ]
      catch: { do: [ { h: { set: { x: caught } } } ] }
";
    let waits = drive(&document.replace("WHAT", "wait: PT1H"), "{}", |rig| {
        rig.start();
        rig.fire();
    });
    assert_eq!(place(&waits.error()), (408, ""));
    let call = document.replace("WHAT", "call: 'echo:1.0.0@default', with: {}");
    let steps = drive(&call.replace("PT10S", "PT10M"), "{}", |rig| {
        rig.start();
        rig.fire();
        assert_eq!(rig.execution.view().status, "Closing");
        assert_eq!(rig.due_in(), 10.0, "what runs may still end by itself");
        rig.answer_stopping("1");
    });
    assert_eq!(steps.ended().code.as_deref(), Some("timeout"));
    let hung = drive(&call.replace("PT10S", "PT10M"), "{}", |rig| {
        rig.start();
        rig.fire();
        rig.cancel();
        rig.fire();
    });
    assert_eq!(
        hung.ended().code.as_deref(),
        Some("timeout"),
        "a cancel that comes later changes nothing"
    );
    assert!(
        hung.asked.len() == 2 && hung.asked[1].starts_with("Stop"),
        "{:?}",
        hung.asked
    );
}

/// Case 6.
#[test]
fn a_result_and_a_timeout_of_one_instant_are_taken_as_they_come() {
    let document = format!("do: [ {{ a: {STEP} }}, {{ b: {{ set: {{ got: '${{ . }}' }} }} }} ]");
    let first = drive(&document, "{}", |rig| {
        rig.start();
        rig.after(30);
        rig.answer("1");
        assert_eq!(rig.tell(EventKind::Due), Applied::Late);
    });
    assert_eq!(first.output(), r#"{"got":1}"#);
    let last = drive(&document, "{}", |rig| {
        rig.start();
        rig.after(30);
        let activity = rig.open().activity;
        assert_eq!(rig.tell(EventKind::Due), Applied::Done);
        assert_eq!(
            rig.tell(EventKind::Succeeded {
                activity,
                output: Value::Null
            }),
            Applied::Late
        );
    });
    assert_eq!(place(&last.error()), (408, "/do/0/a"));
}

#[test]
fn the_outermost_of_two_deadlines_of_one_instant_counts() {
    let document = "
do:
  - outer:
      timeout: { after: PT30S }
      do: [ { inner: { wait: PT1H, timeout: { after: PT30S } } } ]
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.fire();
    });
    assert_eq!(place(&rig.error()), (408, "/do/0/outer"));
}

#[test]
fn a_job_takes_no_longer_than_its_facts_say_unless_its_template_does() {
    let within = |seconds| JobFacts {
        timeout: Some(Duration::from_secs(seconds)),
        ..facts("{}")
    };
    let step = "do: [ { a: { call: 'echo:1.0.0@default', with: {} } } ]";
    let late = drive_as(step, within(90), |rig| {
        rig.after(7);
        rig.start();
        assert_eq!(rig.due_in(), 90.0, "from its start on");
        rig.fire();
        // The step that is open has its grace.
        rig.fire();
    });
    assert_eq!(place(&late.error()), (408, ""));
    let in_time = drive_as(step, within(90), |rig| {
        rig.start();
        rig.after(89);
        rig.answer("1");
    });
    assert_eq!(in_time.output(), "1");
    let own = format!("timeout: {{ after: PT10S }}\n{step}");
    for seconds in [5, 90] {
        drive_as(&own, within(seconds), |rig| {
            rig.start();
            assert_eq!(rig.due_in(), 10.0);
            rig.answer("1");
        });
    }
}

#[test]
fn a_clock_that_goes_back_stands_still_for_the_job() {
    let rig = drive(
        "do: [ { a: { wait: PT10S } }, { b: { wait: PT10S } } ]",
        "{}",
        |rig| {
            rig.start();
            rig.fire();
            rig.after(-3600);
            assert_eq!(rig.tell(EventKind::Due), Applied::Late);
            assert_eq!(rig.due_in(), 3610.0);
            rig.fire();
        },
    );
    assert_eq!(rig.output(), "{}");
}

#[test]
fn a_long_sleep_of_the_driver_fires_all_that_is_due() {
    let document = "
do:
  - t:
      try: [ { a: { wait: PT1H } } ]
      catch: { do: [ { h: { wait: PT5S } } ] }
      timeout: { after: PT10S }
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.after(7200);
        rig.tell(EventKind::Due);
    });
    assert_eq!(place(&rig.error()), (408, "/do/0/t"));
}

#[test]
fn a_deadline_counts_from_the_submission_and_not_from_the_start() {
    let document = |length: &str| {
        format!(
            "document: {{ dsl: '1.0.3', namespace: a, name: a, version: '1.0.0', metadata: {{ windlass: {{ deadline: {length} }} }} }}
timeout: {{ after: PT2M }}
do: [ {{ a: {{ call: 'echo:1.0.0@default' }} }} ]"
        )
    };

    let rig = drive(&document("PT90S"), "{}", |rig| {
        rig.after(60);
        rig.start();
        assert_eq!(rig.due_in(), 30.0);
        rig.fire();
        rig.answer_stopping("null");
    });
    assert_eq!(rig.ended().code.as_deref(), Some("timeout"));

    let late = drive(&document("PT1M"), "{}", |rig| {
        rig.after(60);
        rig.start();
    });
    assert_eq!(late.ended().code.as_deref(), Some("timeout"));
    assert!(late.asked.is_empty(), "nothing begins after the end");

    let computed = drive(
        &document("'${ .within }'"),
        r#"{"within":"PT100S"}"#,
        |rig| {
            rig.after(10);
            rig.start();
            assert_eq!(rig.due_in(), 90.0);
            rig.answer("1");
        },
    );
    assert_eq!(computed.output(), "1");
}
