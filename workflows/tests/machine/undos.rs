//! Compensation: `undo` and `compensate`.

use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::turn::{End, OutcomeKind};

use crate::rig::{Rig, communication, drive, json};

/// Two bookings in a scope, then a step that may fail.
fn bookings(compensate: &str) -> String {
    format!(
        "do:
- t:
    try:
      - scope:
          do:
            - hotel: {{ call: 'echo:1.0.0@default', metadata: {{ windlass: {{ undo: {{ call: 'undo-it:1.0.0@default', with: {{ hotel: '${{ $output.id }}' }} }} }} }} }}
            - flight: {{ call: 'echo:1.0.0@default', metadata: {{ windlass: {{ undo: {{ call: 'undo-it:1.0.0@default', with: {{ flight: '${{ $output.id }}' }} }} }} }} }}
            - pay: {{ call: 'echo:1.0.0@default' }}
          metadata: {{ windlass: {{ compensate: {compensate} }} }}
    catch: {{ errors: {{ with: {{ status: 402 }} }}, do: [ {{ h: {{ set: {{ failed: '${{ $error.status }}' }} }} }} ] }}
"
    )
}

fn book(rig: &mut Rig) {
    rig.start();
    rig.answer(r#"{"id":1}"#);
    rig.answer(r#"{"id":2}"#);
}

#[test]
fn an_error_that_leaves_a_scope_undoes_the_last_completion_first_before_anybody_catches_it() {
    let rig = drive(&bookings("onFailure"), "{}", |rig| {
        book(rig);
        rig.refuse(communication(402));
        assert_eq!(rig.given(), r#"{"flight":2}"#);
        assert!(rig.open().key.ends_with("-undo"));
        rig.answer("null");
        assert_eq!(rig.given(), r#"{"hotel":1}"#);
        rig.answer("null");
    });

    assert_eq!(rig.output(), r#"{"failed":402}"#);
}

#[test]
fn a_scope_that_ends_well_undoes_nothing() {
    let rig = drive(&bookings("onFailure"), "{}", |rig| {
        book(rig);
        rig.answer("3");
    });

    assert_eq!(rig.output(), "3");
}

#[test]
fn a_cancel_undoes_what_scopes_for_it_hold() {
    let undone = drive(&bookings("onFailureOrCancel"), "{}", |rig| {
        book(rig);
        let pay = rig.open().activity;
        rig.cancel();
        rig.tell(EventKind::Succeeded {
            activity: pay,
            output: json("3"),
        });
        assert_eq!(rig.given(), r#"{"flight":2}"#);
        rig.answer("null");
        rig.answer("null");
    });
    let kept = drive(&bookings("onFailure"), "{}", |rig| {
        book(rig);
        rig.cancel();
        rig.fire();
    });

    for rig in [undone, kept] {
        rig.result(OutcomeKind::Cancelled);
    }
}

#[test]
fn an_undo_of_a_closing_job_that_fails_is_tried_again() {
    let rig = drive(&bookings("onCancel"), "{}", |rig| {
        book(rig);
        rig.cancel();
        rig.fire();
        rig.refuse(communication(500));
        rig.fire();
        assert_eq!(rig.given(), r#"{"flight":2}"#);
        rig.answer("null");
        rig.answer("null");
    });

    rig.result(OutcomeKind::Cancelled);
}

#[test]
fn a_step_that_completes_while_its_job_closes_is_undone_too() {
    let rig = drive(&bookings("onCancel"), "{}", |rig| {
        rig.start();
        rig.answer(r#"{"id":1}"#);
        let flight = rig.open().activity;
        rig.cancel();
        rig.tell(EventKind::Succeeded {
            activity: flight,
            output: json(r#"{"id":2}"#),
        });
        assert_eq!(rig.given(), r#"{"flight":2}"#);
        rig.answer("null");
        assert_eq!(rig.given(), r#"{"hotel":1}"#);
        rig.answer("null");
    });

    rig.result(OutcomeKind::Cancelled);
}

#[test]
fn a_finished_inner_scope_hands_its_undos_outward() {
    let document = "do:
- outer:
    do:
      - inner:
          do: [ { a: { call: 'echo:1.0.0@default', metadata: { windlass: { undo: { call: 'undo-it:1.0.0@default', with: { a: 1 } } } } } } ]
          metadata: { windlass: { compensate: onFailure } }
      - b: { raise: { error: { type: 'https://x.example/no', status: 409 } } }
    metadata: { windlass: { compensate: onFailure } }
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.answer("1");
        assert_eq!(rig.given(), r#"{"a":1}"#);
        rig.answer("null");
    });

    assert_eq!(rig.error().get("status"), Some(&json("409")));
}

#[test]
fn a_failed_branch_undoes_what_its_siblings_completed() {
    let document = "do:
- scope:
    do:
      - f:
          fork:
            branches:
              - a: { call: 'echo:1.0.0@default', metadata: { windlass: { undo: { call: 'undo-it:1.0.0@default', with: { a: '${ $output }' } } } } }
              - b: { call: 'echo:1.0.0@default' }
    metadata: { windlass: { compensate: onFailure } }
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.answer_at("/do/0/scope/do/0/f/fork/branches/0/a", "1");
        rig.refuse_at("/do/0/scope/do/0/f/fork/branches/1/b", communication(503));
        assert_eq!(rig.given(), r#"{"a":1}"#);
        rig.answer("null");
    });

    assert_eq!(rig.error().get("status"), Some(&json("503")));
}

/// Case 27: an undo that fails is tried again, then a person must look; a deadline waits for it.
#[test]
fn an_undo_that_keeps_failing_parks_the_job_and_goes_on_from_there() {
    let rig = drive(&bookings("onFailure"), "{}", |rig| {
        book(rig);
        rig.refuse(communication(402));
        for _ in 0..4 {
            rig.refuse(communication(500));
            rig.fire();
        }
        rig.refuse(communication(500));
        let Some(End::Park { reason }) = &rig.parked else {
            panic!("{:?}", rig.parked);
        };
        assert_eq!(reason, "compensation_failed");
        rig.go_on();
        assert_eq!(rig.given(), r#"{"flight":2}"#);
        rig.answer("null");
        rig.answer("null");
    });

    assert_eq!(rig.output(), r#"{"failed":402}"#);
}

#[test]
fn a_deadline_around_an_undo_waits_for_it() {
    let document = format!("timeout: {{ after: PT1M }}\n{}", bookings("onFailure"));
    let rig = drive(&document, "{}", |rig| {
        book(rig);
        rig.refuse(communication(402));
        assert_eq!(rig.execution.next_due(), None);
        rig.after(300);
        rig.answer("null");
        rig.answer("null");
        rig.tell(EventKind::Due);
    });

    assert!(rig.outcome.is_some());
}

#[test]
fn the_workflow_s_timeout_undoes_and_then_fails() {
    let document = format!("timeout: {{ after: PT1M }}\n{}", bookings("onFailure"));
    let rig = drive(&document, "{}", |rig| {
        book(rig);
        rig.fire();
        assert!(rig.performs().is_empty());
        rig.fire();
        assert_eq!(rig.given(), r#"{"flight":2}"#);
        rig.answer("null");
        rig.answer("null");
    });

    assert_eq!(rig.error().get("status"), Some(&json("408")));
}

/// Case 25: a cancel during an undo lets it end, and what is left is undone.
#[test]
fn a_cancel_during_an_undo_brings_it_to_its_end() {
    let rig = drive(&bookings("onFailure"), "{}", |rig| {
        book(rig);
        rig.refuse(communication(402));
        let undo = rig.open().activity;
        rig.cancel();
        rig.tell(EventKind::Succeeded {
            activity: undo,
            output: json("null"),
        });
        assert_eq!(rig.given(), r#"{"hotel":1}"#);
        rig.answer("null");
    });

    rig.result(OutcomeKind::Cancelled);
}
