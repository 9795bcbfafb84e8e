//! Interleavings and corners that have a number in the design of the machine and no better place.

use windlass_workflows::machine::Applied;
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::turn::OutcomeKind;

use crate::rig::{Rig, communication, drive, json, output};

const RACE: &str = "do:
- f: { fork: { compete: true, branches: [ { a: { call: 'echo:1.0.0@default' } }, { b: { call: 'echo:1.0.0@default' } } ] } }
- more: { call: 'echo:1.0.0@default' }
";

/// Case 12.
#[test]
fn the_result_of_a_race_s_loser_comes_too_late() {
    let rig = drive(RACE, "{}", |rig| {
        rig.start();
        let loser = rig.open_at("/do/0/f/fork/branches/1/b").activity;
        rig.answer_at("/do/0/f/fork/branches/0/a", "1");
        let late = rig.tell(EventKind::Succeeded {
            activity: loser,
            output: json("2"),
        });
        assert_eq!(late, Applied::Late);
        rig.answer("3");
    });

    assert_eq!(rig.output(), "3");
}

/// Case 18: a child's end after the timeout of its task.
#[test]
fn a_child_s_end_after_its_timeout_changes_nothing() {
    let document = "do:
- t:
    try: [ { c: { run: { workflow: { namespace: a, name: b, version: latest } }, timeout: { after: PT5S } } } ]
    catch: { errors: { with: { status: 408 } } }
- w: { wait: PT1H }
";
    let rig = drive(document, r#"{"n":1}"#, |rig| {
        rig.start();
        rig.fire();
        let late = rig.settle(windlass_workflows::machine::event::Activity(1), Ok("9"));
        assert_eq!(late, Applied::Late);
        rig.fire();
    });

    assert_eq!(rig.output(), r#"{"n":1}"#);
}

fn cancelled_at(document: &str, walk: impl Fn(&mut Rig)) {
    let rig = drive(document, "{}", |rig| {
        rig.start();
        walk(rig);
        rig.cancel();
        while rig.outcome.is_none() {
            rig.fire();
        }
    });

    rig.result(OutcomeKind::Cancelled);
}

/// Case 25.
#[test]
fn a_cancel_ends_a_job_wherever_it_stands() {
    let tried = "do: [ { t: { try: [ { c: { call: 'echo:1.0.0@default' } } ], catch: { retry: { delay: PT5S }, do: [ { h: { wait: PT9S } } ] } } } ]";
    let handled = "do: [ { t: { try: [ { c: { call: 'echo:1.0.0@default' } } ], catch: { do: [ { h: { wait: PT9S } } ] } } } ]";
    let slept = "do: [ { f: { fork: { branches: [ { a: { wait: PT9S } }, { b: { call: 'echo:1.0.0@default' } } ] } } } ]";
    let listened = "do: [ { l: { listen: { to: { one: { with: { type: a } } } } } } ]";

    cancelled_at(tried, |rig| {
        rig.refuse(communication(503));
    });
    cancelled_at(handled, |rig| {
        rig.refuse(communication(503));
    });
    cancelled_at(slept, |_| {});
    cancelled_at(listened, |_| {});
    cancelled_at(RACE, |_| {});
}

/// Case 37.
#[test]
fn end_in_a_handler_in_a_loop_ends_the_job() {
    let document = "do:
- l:
    for: { in: '[ 1, 2, 3 ]' }
    do:
      - t:
          try: [ { r: { raise: { error: { type: 'https://x.example/no', status: 409 } } } } ]
          catch: { do: [ { h: { set: { at: '${ $item }' }, then: end } } ] }
    output: { as: '{ loop: . }' }
- never: { set: { x: 1 } }
output: { as: '{ whole: . }' }
";

    assert_eq!(output(document, "{}"), r#"{"whole":{"loop":{"at":1}}}"#);
}

/// Case 38.
#[test]
fn a_retry_that_would_begin_just_at_the_limit_of_time_is_made() {
    let with = |limit: &str| {
        format!(
            "do: [ {{ t: {{ try: [ {{ c: {{ call: 'echo:1.0.0@default' }} }} ], catch: {{ retry: {{ delay: PT10S, limit: {{ duration: {limit} }} }} }} }} }} ]"
        )
    };
    let made = drive(&with("PT10S"), "{}", |rig| {
        rig.start();
        rig.refuse(communication(503));
        rig.fire();
        rig.answer("1");
    });
    let not_made = drive(&with("PT9.999S"), "{}", |rig| {
        rig.start();
        rig.refuse(communication(503));
    });

    assert_eq!(made.output(), "1");
    assert_eq!(not_made.error().get("status"), Some(&json("503")));
}

/// Case 39: what ends in the instant of the workflow's timeout is taken as it comes.
#[test]
fn an_end_and_the_workflow_s_timeout_of_one_instant() {
    let document =
        "timeout: { after: PT10S }\ndo: [ { c: { call: 'echo:1.0.0@default', then: end } } ]";
    let ended = drive(document, "{}", |rig| {
        rig.start();
        rig.after(10);
        rig.answer("1");
    });
    let timed_out = drive(document, "{}", |rig| {
        rig.start();
        let activity = rig.open().activity;
        rig.after(10);
        rig.tell(EventKind::Due);
        rig.tell(EventKind::Succeeded {
            activity,
            output: json("1"),
        });
    });

    assert_eq!(ended.output(), "1");
    assert_eq!(timed_out.error().get("status"), Some(&json("408")));
}

/// Case 31: an instant before the last one counts as the last one.
#[test]
fn mail_of_a_clock_that_went_back_is_taken_all_the_same() {
    let document = "do: [ { l: { listen: { to: { one: { with: { type: a } } } } } } ]";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.after(-3_600);
        rig.mail(1, r#"{"type":"a","data":1}"#);
    });

    assert_eq!(rig.output(), "[1]");
}

#[test]
fn a_secret_is_a_marker_in_what_is_sent_and_its_value_nowhere() {
    use windlass_workflows::machine::command::Call;
    use windlass_workflows::machine::secret::Marks;
    let document = "use: { secrets: [ k, crm ] }
do: [ { c: { call: http, with: { method: POST, endpoint: 'https://a.example/', headers: { h: '${ \"Bearer \\($secrets.k)\" }' }, body: { p: '${ $secrets.crm.pass }' } } } } ]";
    let rig = drive(document, "{}", |rig| rig.start());

    let Call::Http(request) = rig.open().call else {
        panic!("a request");
    };
    let header = json(&format!("{:?}", request.headers[0].1));
    assert!(!request.headers[0].1.contains("hush"));
    let marks = Marks::of(&crate::rig::facts("{}"), &[]);
    let mut reveal = |name: &str| format!("<{name}>");
    assert_eq!(
        marks.swapped_in(&header, &mut reveal),
        json(r#""Bearer <k>""#)
    );
    let body = request.body.expect("a body");
    let body = marks.swapped_in(&body, &mut reveal);
    assert_eq!(body, json(r#"{"p":"<crm.pass>"}"#));
    // Another job's marker is plain text here.
    let other = Marks::of(&crate::rig::facts(r#"{"n":1}"#), &[]);
    assert_eq!(other.swapped_in(&header, &mut reveal), header);
}

#[test]
fn a_request_says_by_whom_it_is_sent() {
    use windlass_workflows::machine::command::Call;
    let document = "use: { secrets: [ k ], authentications: { a: { bearer: { use: k } }, b: { basic: { username: '${ .user }', password: p } } } }
do:
- one: { call: http, with: { method: GET, endpoint: { uri: 'https://a.example/', authentication: { use: a } } } }
- two: { call: http, with: { method: GET, endpoint: { uri: 'https://a.example/', authentication: { use: b } } } }
";
    let policy = |rig: &Rig| match rig.open().call {
        Call::Http(request) => *request.authentication.expect("a policy"),
        Call::Function { .. } => panic!("a request"),
    };
    drive(document, "{}", |rig| {
        rig.start();
        let one = policy(rig);
        assert_eq!(
            (one.scheme.as_str(), one.secret.as_deref()),
            ("bearer", Some("k"))
        );
        rig.answer(r#"{"user":"ann"}"#);
        let two = policy(rig);
        assert_eq!(two.parameters, json(r#"{"username":"ann","password":"p"}"#));
    });
}

#[test]
fn a_subject_is_evaluated_with_its_step_and_stands_in_the_journal_beside_it() {
    let document = "do:
- first: { call: 'echo:1.0.0@default', metadata: { windlass: { stage: opening } } }
- c: { call: 'echo:1.0.0@default', metadata: { windlass: { subject: '${ .who }', stage: closing } } }
";
    let rig = drive(document, r#"{"who":"mia"}"#, |rig| {
        rig.start();
        let opening = rig.open();
        assert_eq!(opening.settings, None, "a stage is written nowhere");
        rig.answer(r#"{"who":"mia"}"#);
        let settings = rig.open().settings.expect("it has a subject");
        assert_eq!(settings.subject(), Some("mia"));
    });

    let data = &rig.entries.last().expect("an entry").data;
    let entry = json(data);
    let events = entry.get("events").and_then(|events| events.as_list());
    let event = events.and_then(|events| events.last()).expect("an event");
    assert_eq!(
        (
            event.get("now_at").and_then(|task| task.as_str()),
            event.get("subject").and_then(|subject| subject.as_str())
        ),
        (Some("/do/1/c"), Some("mia"))
    );
    assert!(!data.contains("closing"), "{data}");
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.answer("{}");
        let settings = rig.open().settings.expect("it is placed");
        assert_eq!(settings.subject(), None, "null says nothing");
    });
    assert!(
        !rig.entries
            .last()
            .expect("an entry")
            .data
            .contains(r#""subject":""#)
    );
}

#[test]
fn a_subject_that_is_no_short_text_fails_its_step() {
    let document = "do: [ { c: { call: 'echo:1.0.0@default', metadata: { windlass: { subject: '${ .who }' } } } } ]";
    let long = format!(r#"{{"who":"{}"}}"#, "x".repeat(201));
    for input in [r#"{"who":["mia"]}"#, r#"{"who":7}"#, r#"{"who":""}"#, &long] {
        let rig = drive(document, input, |rig| rig.start());

        let error = rig.error().to_json();
        assert!(error.contains("`subject` "), "{error}");
    }
}
