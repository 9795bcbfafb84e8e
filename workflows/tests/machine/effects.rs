//! Steps whose result is not known, and steps that a person decides about.

use windlass_workflows::machine::Applied;
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::turn::End;

use crate::rig::{communication, drive, json};

fn charge(rule: &str) -> String {
    format!(
        "do: [ {{ c: {{ call: 'echo:1.0.0@default', with: {{ a: 1 }}, metadata: {{ windlass: {{ effect: {{ key: '${{ \"k\\(.n)\" }}', {rule} }} }} }} }} }} ]"
    )
}

/// Case 20: `redo`.
#[test]
fn an_effect_s_key_goes_out_with_its_step() {
    let rig = drive(&charge("onUnknown: redo"), r#"{"n":4}"#, |rig| {
        rig.start();
        let settings = rig.open().settings.expect("it has an effect");
        assert_eq!(settings.effect.as_deref(), Some("k4"));
        let activity = rig.open().activity;
        rig.tell(EventKind::Unknown { activity });
        assert_eq!(rig.open().activity, activity, "the same, under its key");
        rig.answer("1");
    });

    assert_eq!(rig.output(), "1");
}

/// Case 20: `assumeDone`.
#[test]
fn an_unknown_step_may_count_as_done() {
    let rig = drive(&charge("onUnknown: assumeDone"), "{}", |rig| {
        rig.start();
        let activity = rig.open().activity;
        rig.tell(EventKind::Unknown { activity });
    });

    assert_eq!(rig.output(), "null");
}

/// Case 20: `verify`.
#[test]
fn an_unknown_step_may_be_looked_up() {
    let document = charge("onUnknown: verify, verify: 'verify-it:1.0.0@default'");
    let found = drive(&document, r#"{"n":1}"#, |rig| {
        rig.start();
        let activity = rig.open().activity;
        rig.tell(EventKind::Unknown { activity });
        assert!(rig.open().key.ends_with("-verify"));
        assert_eq!(rig.given(), r#"{"key":"k1","input":{"n":1}}"#);
        rig.answer(r#"{"done":true,"output":5}"#);
    });
    let missing = drive(&document, r#"{"n":1}"#, |rig| {
        rig.start();
        let activity = rig.open().activity;
        rig.tell(EventKind::Unknown { activity });
        rig.answer(r#"{"done":false}"#);
        assert_eq!(rig.given(), r#"{"a":1}"#);
        rig.answer("6");
    });

    assert_eq!(found.output(), "5");
    assert_eq!(missing.output(), "6");
}

#[test]
fn a_function_that_looks_up_is_given_the_key_and_shapes_its_answer() {
    let tasks = charge("onUnknown: verify, verify: look");
    let document = format!(
        "use: {{ functions: {{ look: {{ call: 'verify-it:1.0.0@default', with: {{ id: '${{ .key }}', of: '${{ .input.n }}' }}, output: {{ as: '{{ done: (.state == \"paid\"), output: {{ paid: $input.key }} }}' }} }} }} }}\n{tasks}"
    );
    let rig = drive(&document, r#"{"n":1}"#, |rig| {
        rig.start();
        let activity = rig.open().activity;
        rig.tell(EventKind::Unknown { activity });
        assert_eq!(rig.given(), r#"{"id":"k1","of":1}"#);
        rig.answer(r#"{"state":"paid"}"#);
    });

    assert_eq!(rig.output(), r#"{"paid":"k1"}"#);
}

#[test]
fn a_key_that_names_nothing_is_no_key() {
    let nothing = charge("onUnknown: redo").replace(r#""k\(.n)""#, ".n");
    for (input, wants) in [
        (r#"{"n":7}"#, None),
        (r#"{"n":"a"}"#, None),
        ("{}", Some("400")),
        (r#"{"n":""}"#, Some("400")),
        (r#"{"n":true}"#, Some("400")),
        (r#"{"n":[1]}"#, Some("400")),
    ] {
        let rig = drive(&nothing, input, |rig| {
            rig.start();
            if wants.is_none() {
                rig.answer("1");
            }
        });
        match wants {
            None => assert_eq!(rig.output(), "1"),
            Some(status) => assert_eq!(rig.error().get("status"), Some(&json(status)), "{input}"),
        }
    }
}

/// Case 20: `park`.
#[test]
fn an_unknown_step_may_wait_for_a_person() {
    let rig = drive(&charge("onUnknown: park"), "{}", |rig| {
        rig.start();
        let activity = rig.open().activity;
        rig.tell(EventKind::Unknown { activity });
        assert!(matches!(rig.parked, Some(End::Exhausted { .. })));
        rig.tell(EventKind::Skip {
            activity,
            output: json("7"),
        });
        let again = rig
            .execution
            .apply(windlass_workflows::machine::event::Event {
                at: rig.now,
                kind: EventKind::Due,
            });
        assert_eq!(again, Ok(Applied::Late));
    });

    assert_eq!(rig.output(), "7");
}

#[test]
fn an_effect_that_another_job_holds_is_a_conflict() {
    let rig = drive(&charge("onUnknown: redo"), "{}", |rig| {
        rig.start();
        let activity = rig.open().activity;
        rig.tell(EventKind::EffectTaken {
            activity,
            holder: "j_1".into(),
        });
    });

    assert_eq!(rig.error().get("status"), Some(&json("409")));
}

const PARKS: &str =
    "do: [ { c: { call: 'echo:1.0.0@default', metadata: { windlass: { onExhausted: park } } } } ]";

#[test]
fn a_failed_step_may_wait_for_a_person_who_retries_or_fails_it() {
    let retried = drive(PARKS, "{}", |rig| {
        rig.start();
        let activity = rig.open().activity;
        rig.refuse(communication(503));
        assert!(rig.parked.is_some());
        rig.tell(EventKind::Retry { activity });
        rig.answer("1");
    });
    let failed = drive(PARKS, "{}", |rig| {
        rig.start();
        let activity = rig.open().activity;
        rig.refuse(communication(503));
        let fault = communication(410);
        rig.tell(EventKind::Fail { activity, fault });
    });
    let redriven = drive(PARKS, "{}", |rig| {
        rig.start();
        rig.refuse(communication(503));
        rig.go_on();
        rig.answer("2");
    });

    assert_eq!(retried.output(), "1");
    assert_eq!(failed.error().get("status"), Some(&json("410")));
    assert_eq!(redriven.output(), "2");
}

#[test]
fn a_decision_about_a_step_that_runs_is_refused() {
    drive(PARKS, "{}", |rig| {
        rig.start();
        let activity = rig.open().activity;
        assert!(rig.try_tell(EventKind::Retry { activity }).is_err());
        rig.answer("1");
        let late = rig.try_tell(EventKind::Retry { activity });
        assert_eq!(late, Ok(Applied::Late), "the job has ended");
    });
}

/// Case 40: one branch parks, one runs; the job is parked once nothing runs.
#[test]
fn a_job_parks_once_its_other_branches_stand() {
    let document = "do: [ { f: { fork: { branches: [
        { a: { call: 'echo:1.0.0@default', metadata: { windlass: { onExhausted: park } } } },
        { b: { call: 'echo:1.0.0@default' } } ] } } } ]";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.refuse_at("/do/0/f/fork/branches/0/a", communication(503));
        assert!(rig.parked.is_none());
        assert_eq!(rig.execution.next_due(), None);
        rig.answer_at("/do/0/f/fork/branches/1/b", "2");
        assert!(rig.parked.is_some());
        rig.go_on();
        rig.answer("1");
    });

    assert_eq!(rig.output(), "[1,2]");
}
