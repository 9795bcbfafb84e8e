//! Errors: filters, retries, handlers (rulings 19 to 21 and 24).

use windlass_workflows::machine::event::EventKind;
use windlass_workflows::value::Value;

use crate::rig::{Rig, communication, drive, output};

const PREFIXES: [&str; 4] = [
    "https://serverlessworkflow.io/spec/1.0.0/errors/",
    "https://serverlessworkflow.io/dsl/errors/types/",
    "https://open-workflow-specification.org/spec/1.0.0/errors/",
    "https://open-workflow-specification.org/dsl/errors/types/",
];

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A `try` around one call, with this `catch`.
fn tried(catch: &str) -> String {
    format!(
        "
do:
  - attempt:
      input: {{ from: '{{ n: .n }}' }}
      try:
        - change: {{ set: {{ m: 1 }} }}
        - call: {{ call: 'echo:1.0.0@default', with: {{ m: '${{ .m }}' }} }}
      catch: {catch}
  - last: {{ set: {{ got: '${{ . }}' }} }}
"
    )
}

/// A document that raises inside a `try` with this `catch`.
fn raised(error: &str, catch: &str) -> String {
    format!(
        "
do:
  - attempt:
      try: [ {{ no: {{ raise: {{ error: {error} }} }} }} ]
      catch: {catch}
"
    )
}

#[test]
fn a_handler_begins_with_the_input_of_the_try_and_sees_the_error() {
    let document =
        tried("{ as: problem, do: [ { h: { set: { in: '${ . }', error: '${ $problem }' } } } ] }");
    let rig = drive(&document, r#"{"n":5,"x":1}"#, |rig| {
        rig.start();
        rig.refuse(communication(503));
    });
    let output = rig.output();
    let expected = r#"{"got":{"in":{"n":5},"error":{"type":"https://serverlessworkflow.io/spec/1.0.0/errors/communication","status":503,"title":"answered 503","instance":"/do/0/attempt/try/1/call"}}}"#;
    assert_eq!(output, expected);
}

#[test]
fn the_eight_names_are_the_same_under_every_prefix() {
    for raised_as in PREFIXES {
        for caught_as in PREFIXES {
            let catch = format!(
                "{{ errors: {{ with: {{ type: '{caught_as}validation' }} }}, do: [ {{ h: {{ set: {{ x: caught }} }} }} ] }}"
            );
            let document = raised(
                &format!("{{ type: '{raised_as}validation', status: 400 }}"),
                &catch,
            );
            assert_eq!(
                output(&document, "{}"),
                r#"{"x":"caught"}"#,
                "{raised_as} by {caught_as}"
            );
        }
    }
    let catch = "{ errors: { with: { type: 'https://foreign.example/errors/validation' } }, do: [ { h: { set: { x: 1 } } } ] }";
    let document = raised(
        &format!("{{ type: '{}validation', status: 400 }}", PREFIXES[0]),
        catch,
    );
    assert_eq!(
        text(&crate::rig::error(&document, "{}"), "instance"),
        "/do/0/attempt/try/0/no"
    );
}

#[test]
fn an_error_must_fit_the_filter_and_both_conditions() {
    let error = "{ type: 'https://x.example/no', status: 409, title: '${ .title }' }";
    let handler = "do: [ { h: { set: { x: caught } } } ] }";
    let cases = [
        ("{ errors: { with: { status: 409, title: hello } }, ", true),
        ("{ errors: { with: { status: 409, title: other } }, ", false),
        ("{ errors: { with: { status: 500 } }, ", false),
        (
            "{ errors: { with: { instance: /do/0/attempt/try/0/no } }, ",
            true,
        ),
        ("{ when: $error.status == 409, ", true),
        ("{ when: $error.status == 500, ", false),
        ("{ when: .none, ", false),
        ("{ exceptWhen: $error.status == 409, ", false),
        (
            "{ exceptWhen: $error.status == 500 or .title != \"hello\", ",
            true,
        ),
    ];
    for (filter, is_caught) in cases {
        let document = raised(error, &format!("{filter}{handler}"));
        let rig = drive(&document, r#"{"title":"hello"}"#, Rig::start);
        assert_eq!(rig.ended().code.is_none(), is_caught, "{filter}");
    }
}

#[test]
fn a_failing_condition_goes_up_in_place_of_the_error() {
    let document = raised(
        "{ type: 'https://x.example/no', status: 409 }",
        "{ when: '$error.status', do: [] }",
    );
    let error = crate::rig::error(&document, "{}");
    assert_eq!(
        (
            text(&error, "instance"),
            error.get("status").and_then(Value::as_u64)
        ),
        ("/do/0/attempt", Some(400))
    );
}

#[test]
fn errors_of_a_handler_go_up_and_a_try_around_catches_them() {
    let document = "
do:
  - outer:
      try:
        - inner:
            try: [ { a: { raise: { error: { type: 'https://x.example/a', status: 500 } } } } ]
            catch: { do: [ { b: { raise: { error: { type: 'https://x.example/b', status: 500, detail: '${ $error.type }' } } } } ] }
      catch: { do: [ { c: { set: { type: '${ $error.type }', was: '${ $error.details }', at: '${ $error.instance }' } } } ] }
";
    let expected = r#"{"type":"https://x.example/b","was":"https://x.example/a","at":"/do/0/outer/try/0/inner/catch/do/0/b"}"#;
    assert_eq!(output(document, "{}"), expected);
}

#[test]
fn catch_then_follows_a_handled_error_and_not_a_retry_that_worked() {
    let document = "
do:
  - attempt:
      try: [ { a: { call: 'echo:1.0.0@default', with: {} } } ]
      catch:
        retry: { limit: { attempt: { count: 1 } } }
        do: [ { h: { set: { handled: true } } } ]
        then: c
  - b: { set: { via: b, was: '${ . }' }, then: end }
  - c: { set: { via: c, was: '${ . }' } }
";
    let worked = drive(document, "{}", |rig| {
        rig.start();
        rig.refuse(communication(500));
        rig.fire();
        rig.answer("1");
    });
    assert_eq!(worked.output(), r#"{"via":"b","was":1}"#);
    let handled = drive(document, "{}", |rig| {
        rig.start();
        rig.refuse(communication(500));
        rig.fire();
        rig.refuse(communication(500));
    });
    assert_eq!(handled.output(), r#"{"via":"c","was":{"handled":true}}"#);
}

#[test]
fn catch_then_follows_an_error_that_is_only_caught() {
    let document = "
do:
  - attempt:
      try: [ { no: { raise: { error: { type: 'https://x.example/no', status: 500 } } } } ]
      catch: { errors: { with: { status: 500 } }, then: c }
  - b: { set: { via: b }, then: end }
  - c: { set: { via: c, was: '${ . }' } }
";

    assert_eq!(
        output(document, r#"{"n":1}"#),
        r#"{"via":"c","was":{"n":1}}"#
    );
}

/// Waits before each retry, in seconds, until the policy allows no other.
fn waits(retry: &str, tries: usize, script: impl Fn(&mut Rig) + Copy) -> Vec<f64> {
    let waits = std::cell::RefCell::new(Vec::new());
    drive(
        &tried(&format!("{{ retry: {retry} }}")),
        r#"{"n":1}"#,
        |rig| {
            waits.borrow_mut().clear();
            rig.start();
            for _ in 0..tries {
                script(rig);
                if rig.outcome.is_some() {
                    return;
                }
                waits.borrow_mut().push(rig.due_in());
                rig.fire();
            }
            rig.answer("1");
        },
    );
    waits.into_inner()
}

fn fails(rig: &mut Rig) {
    rig.refuse(communication(503));
}

#[test]
fn delays_grow_as_the_backoff_says() {
    assert_eq!(
        waits(
            "{ delay: PT2S, limit: { attempt: { count: 3 } } }",
            9,
            fails
        ),
        [2.0, 2.0, 2.0]
    );
    assert_eq!(
        waits("{ delay: PT2S, backoff: { constant: {} } }", 4, fails),
        [2.0; 4]
    );
    assert_eq!(
        waits("{ delay: PT2S, backoff: { linear: {} } }", 4, fails),
        [2.0, 4.0, 6.0, 8.0]
    );
    assert_eq!(
        waits("{ delay: PT2S, backoff: { exponential: {} } }", 4, fails),
        [2.0, 4.0, 8.0, 16.0]
    );
    let capped = "{ delay: PT2S, backoff: { exponential: { factor: 3, maxDelay: PT10S } } }";
    assert_eq!(waits(capped, 4, fails), [2.0, 6.0, 10.0, 10.0]);
}

#[test]
fn jitter_stays_in_its_range_and_is_drawn_alike_each_time() {
    let retry = "{ delay: PT10S, jitter: { from: PT1S, to: PT3S } }";
    let drawn = waits(retry, 20, fails);
    assert!(
        drawn.iter().all(|wait| (11.0..=13.0).contains(wait)),
        "{drawn:?}"
    );
    assert!(drawn.iter().any(|wait| *wait != drawn[0]), "{drawn:?}");
    assert_eq!(waits(retry, 20, fails), drawn);
}

#[test]
fn a_retry_after_the_limit_of_time_is_not_made() {
    let retry = "{ delay: PT10S, limit: { duration: PT30S } }";
    assert_eq!(
        waits(retry, 9, fails),
        [10.0, 10.0, 10.0],
        "the third begins exactly at the limit"
    );
    let slow = |rig: &mut Rig| {
        rig.after(1);
        fails(rig);
    };
    assert_eq!(waits(retry, 9, slow), [10.0, 10.0]);
}

#[test]
fn a_remote_may_ask_for_a_longer_wait_than_the_policy() {
    let later = |rig: &mut Rig| {
        rig.refuse_until(communication(429), 60);
    };
    let sooner = |rig: &mut Rig| {
        rig.refuse_until(communication(429), 1);
    };
    let retry = "{ delay: PT10S, limit: { attempt: { count: 2 } } }";
    assert_eq!(waits(retry, 9, later), [60.0, 60.0]);
    assert_eq!(waits(retry, 9, sooner), [10.0, 10.0]);
}

#[test]
fn conditions_of_the_retry_choose_between_retry_and_handler() {
    let document = tried(
        "{ retry: { delay: PT1S, when: '$error.status == 503', exceptWhen: '$error.title == \"no\"' }, do: [ { h: { set: { handled: '${ $error.status }' } } } ] }",
    );
    let rig = drive(&document, r#"{"n":1}"#, |rig| {
        rig.start();
        rig.refuse(communication(503));
        assert_eq!(rig.execution.view().doing, "backoff");
        rig.fire();
        assert_eq!(rig.given(), r#"{"m":1}"#);
        rig.refuse(communication(500));
    });
    assert_eq!(rig.output(), r#"{"got":{"handled":500}}"#);
}

#[test]
fn retries_are_counted_and_then_the_error_goes_up() {
    let document = tried("{ retry: { limit: { attempt: { count: 2 } } } }");
    let rig = drive(&document, r#"{"n":1}"#, |rig| {
        rig.start();
        for attempt in 0..3 {
            assert_eq!(rig.open().attempt, attempt);
            rig.refuse(communication(503));
            if attempt < 2 {
                assert_eq!(rig.due_in(), 0.0);
                rig.fire();
            }
        }
    });
    assert_eq!(text(&rig.error(), "instance"), "/do/0/attempt/try/1/call");
    assert_eq!(rig.ended().code.as_deref(), Some("communication"));
}

#[test]
fn an_inner_try_begins_anew_with_each_try_around_it() {
    let document = "
do:
  - outer:
      try:
        - inner:
            try: [ { a: { call: 'echo:1.0.0@default', with: {} } } ]
            catch: { retry: { delay: PT1S, limit: { attempt: { count: 1 } } } }
      catch: { retry: { delay: PT100S, limit: { attempt: { count: 1 } } } }
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        let key = rig.open().key;
        for wait in [1.0, 100.0, 1.0] {
            rig.refuse(communication(503));
            assert_eq!(rig.due_in(), wait);
            rig.fire();
            assert_eq!(rig.open().key, key);
        }
        rig.refuse(communication(503));
    });
    assert_eq!(rig.ended().code.as_deref(), Some("communication"));
}

#[test]
fn a_raise_fills_in_what_it_is_not_told() {
    let document = "do: [ { a: { raise: { error: { type: 'https://x.example/errors/full', status: 507, title: '${ \"no \" + .what }', detail: '${ { n: 1 } }' } } } } ]";
    let rig = drive(document, r#"{"what":"room 17"}"#, Rig::start);
    let expected = r#"{"type":"https://x.example/errors/full","status":507,"title":"no room 17","detail":{"n":1},"details":{"n":1},"instance":"/do/0/a"}"#;
    assert_eq!(rig.error().to_json(), expected);
    let outcome = rig.ended();
    assert_eq!(outcome.code.as_deref(), Some("full"));
    let fingerprint = outcome.fingerprint.clone().expect("a fingerprint");
    assert!(fingerprint.starts_with("full-507-"), "{fingerprint}");
}

#[test]
fn a_late_due_changes_nothing_in_a_backoff() {
    drive(
        &tried("{ retry: { delay: PT10S, limit: { attempt: { count: 1 } } } }"),
        r#"{"n":1}"#,
        |rig| {
            rig.start();
            let activity = rig.open().activity;
            rig.refuse(communication(503));
            rig.after(9);
            assert_eq!(
                rig.tell(EventKind::Due),
                windlass_workflows::machine::Applied::Late
            );
            let late = EventKind::Succeeded {
                activity,
                output: Value::Null,
            };
            assert_eq!(rig.tell(late), windlass_workflows::machine::Applied::Late);
            rig.fire();
            rig.answer("1");
        },
    );
}
