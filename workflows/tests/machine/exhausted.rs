//! `onExhausted: park`: a job whose retries ran out waits for a person instead of failing.

use windlass_workflows::machine::turn::End;

use crate::rig::{communication, drive};

/// A `try` around one call that parks once its one retry ran out.
const PARKS: &str = "
do:
  - attempt:
      metadata: { windlass: { onExhausted: park } }
      try: [ { call: { call: 'echo:1.0.0@default', with: { n: 1 } } } ]
      catch: { errors: { with: { status: 503 } }, retry: { delay: PT10S, limit: { attempt: { count: 1 } } } }
";

#[test]
fn an_exhausted_try_parks_and_has_all_its_tries_again_when_it_goes_on() {
    let rig = drive(PARKS, "{}", |rig| {
        rig.start();
        for _ in 0..2 {
            let key = rig.open().key;
            rig.refuse(communication(503));
            assert!(rig.parked.is_none(), "it has a retry left");
            rig.fire();
            rig.refuse(communication(503));
            let Some(End::Exhausted {
                reason,
                code,
                fingerprint,
            }) = rig.parked.clone()
            else {
                panic!("it is parked");
            };
            assert_eq!(
                (reason.as_str(), code.as_str()),
                ("answered 503", "communication")
            );
            assert!(fingerprint.starts_with("communication-503-"));
            assert!(rig.outcome.is_none() && rig.performs().is_empty());
            rig.go_on();
            assert_eq!(rig.open().key, key, "the same step, under the same key");
        }
        rig.answer("2");
    });
    assert_eq!(rig.output(), "2");
}

#[test]
fn what_no_retry_is_for_fails_at_once() {
    let rig = drive(PARKS, "{}", |rig| {
        rig.start();
        rig.refuse(communication(404));
    });
    assert!(rig.parked.is_none());
    assert_eq!(rig.ended().code.as_deref(), Some("communication"));
}

#[test]
fn a_handler_goes_before_parking() {
    let document = PARKS.replace(
        "catch: {",
        "catch: { do: [ { h: { set: { x: caught } } } ],",
    );
    let rig = drive(&document, "{}", |rig| {
        rig.start();
        rig.refuse(communication(503));
        rig.fire();
        rig.refuse(communication(503));
    });
    assert!(rig.parked.is_none());
    assert_eq!(rig.output(), r#"{"x":"caught"}"#);
}

#[test]
fn a_cancel_in_the_moment_of_parking_ends_the_job() {
    let rig = drive(PARKS, "{}", |rig| {
        rig.start();
        rig.refuse(communication(503));
        rig.fire();
        rig.refuse(communication(503));
        rig.go_on();
        rig.refuse(communication(503));
        rig.cancel();
    });
    assert_eq!(rig.ended().code.as_deref(), Some("cancelled"));
}

#[test]
fn a_try_that_takes_too_long_parks_and_stays_there_until_somebody_lets_it_go_on() {
    let document = PARKS
        .replace(
            "attempt: { count: 1 }",
            "attempt: { count: 0, duration: PT5S }",
        )
        .replace("errors: { with: { status: 503 } }, ", "");
    let rig = drive(&document, "{}", |rig| {
        rig.start();
        rig.fire();
        assert!(rig.parked.is_some() && rig.performs().is_empty());
        rig.go_on();
        rig.answer("2");
    });
    assert_eq!(rig.output(), "2");
}
