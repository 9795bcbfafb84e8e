//! `listen`: filters, correlation, until, foreach, timeouts (rulings 26 and 27).

use windlass_workflows::machine::Applied;
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::row::Interest;

use crate::rig::{Rig, drive, json};

fn listening(to: &str, more: &str) -> String {
    format!("do:\n- l:\n    listen: {{ to: {to} }}\n{more}")
}

fn event(kind: &str, data: &str) -> String {
    format!(r#"{{"specversion":"1.0","id":"e","type":"{kind}","source":"/s","data":{data}}}"#)
}

/// A job that listens is told of each of these; those whose number is in `late` it leaves where they are.
fn heard(to: &str, input: &str, mail: &[(&str, &str)], late: &[i64]) -> Rig {
    drive(&listening(to, ""), input, |rig| {
        rig.start();
        for (id, (kind, data)) in (1..).zip(mail) {
            let applied = rig.mail(id, &event(kind, data));
            assert_eq!(applied == Applied::Late, late.contains(&id), "{id}");
        }
    })
}

#[test]
fn one_takes_the_first_that_fits_and_gives_a_list_of_it() {
    let to = "{ one: { with: { type: paid } } }";
    let rig = heard(to, "{}", &[("packed", "1"), ("paid", r#"{"n":2}"#)], &[1]);

    assert_eq!(rig.output(), r#"[{"n":2}]"#);
    assert_eq!(rig.written(), ["take 2"]);
}

#[test]
fn what_is_read_is_data_or_the_envelope_or_text() {
    for (read, wanted) in [
        ("data", r#"[{"n":2}]"#),
        ("raw", r#"["{\"n\":2}"]"#),
        (
            "envelope",
            r#"[{"specversion":"1.0","id":"e","type":"paid","source":"/s","data":{"n":2}}]"#,
        ),
    ] {
        let document = format!(
            "do: [ {{ l: {{ listen: {{ to: {{ one: {{ with: {{ type: paid }} }} }}, read: {read} }} }} }} ]"
        );
        let rig = drive(&document, "{}", |rig| {
            rig.start();
            rig.mail(2, &event("paid", r#"{"n":2}"#));
        });

        assert_eq!(rig.output(), wanted, "{read}");
    }
}

#[test]
fn all_takes_one_for_each_filter_and_gives_them_in_their_order() {
    let to = "{ all: [ { with: { type: a } }, { with: { type: b } } ] }";
    let rig = heard(to, "{}", &[("b", "1"), ("b", "2"), ("a", "3")], &[2]);

    assert_eq!(rig.output(), "[3,1]");
    assert_eq!(rig.written(), ["take 1", "take 3"]);
}

#[test]
fn any_takes_the_first_of_several() {
    let to = "{ any: [ { with: { type: a } }, { with: { type: b } } ] }";

    assert_eq!(heard(to, "{}", &[("b", "1")], &[]).output(), "[1]");
}

#[test]
fn any_until_asks_after_each_event() {
    let to = "{ any: [ { with: { type: a } } ], until: '(add // 0) > 4' }";
    let rig = heard(to, "{}", &[("a", "1"), ("a", "2"), ("a", "3")], &[]);

    assert_eq!(rig.output(), "[1,2,3]");
}

#[test]
fn the_event_that_ends_an_any_is_taken_and_not_given_out() {
    let to = "{ any: [ { with: { type: a } } ], until: { one: { with: { type: stop } } } }";
    let rig = heard(to, "{}", &[("a", "1"), ("stop", "2")], &[]);

    assert_eq!(rig.output(), "[1]");
    assert_eq!(rig.written(), ["take 1", "take 2"]);
}

#[test]
fn an_attribute_is_equal_or_its_predicate_holds() {
    let to = "{ one: { with: { type: '${ test(\"^p\") }', source: /s, data: '${ .n > 1 }' } } }";
    let (one, two) = (r#"{"n":1}"#, r#"{"n":2}"#);
    let rig = heard(
        to,
        "{}",
        &[("paid", one), ("sold", two), ("paid", two)],
        &[1, 2],
    );

    assert_eq!(rig.output(), r#"[{"n":2}]"#);
}

#[test]
fn an_expected_correlation_is_settled_when_the_wait_begins_and_null_never_fits() {
    let to = "{ one: { with: { type: a }, correlate: { order: { from: .data.o, expect: '${ .id }' } } } }";
    let mail = [("a", r#"{"o":8}"#), ("a", "{}"), ("a", r#"{"o":7}"#)];

    let rig = heard(to, r#"{"id":7}"#, &mail, &[1, 2]);

    assert_eq!(rig.output(), r#"[{"o":7}]"#);
}

#[test]
fn without_expectation_the_first_event_binds_the_key_for_all_filters() {
    let one = |kind| {
        format!("{{ with: {{ type: {kind} }}, correlate: {{ order: {{ from: .data.o }} }} }}")
    };
    let to = format!("{{ all: [ {}, {} ] }}", one("a"), one("b"));
    let (first, second) = (r#"{"o":1}"#, r#"{"o":2}"#);
    let rig = heard(
        &to,
        "{}",
        &[("a", first), ("b", second), ("b", first)],
        &[2],
    );

    assert_eq!(rig.output(), r#"[{"o":1},{"o":1}]"#);
}

#[test]
fn foreach_runs_its_body_for_one_event_after_the_other() {
    let document = listening(
        "{ any: [ { with: { type: a } } ], until: 'length == 2' }",
        "    foreach:
      item: e
      at: i
      do: [ { c: { call: 'echo:1.0.0@default', with: { e: '${ $e }', i: '${ $i }' } } } ]
      output: { as: '{ got: . }' }
      export: { as: '$context + { last: $i }' }
- after: { set: '${ [ ., $context ] }' }
",
    );
    let rig = drive(&document, "{}", |rig| {
        rig.start();
        rig.mail(1, &event("a", r#""x""#));
        assert_eq!(rig.given(), r#"{"e":"x","i":0}"#);
        // The second is taken and waits until the first body has ended.
        rig.mail(2, &event("a", r#""y""#));
        assert_eq!(rig.given(), r#"{"e":"x","i":0}"#);
        rig.answer("1");
        assert_eq!(rig.given(), r#"{"e":"y","i":1}"#);
        rig.answer("2");
    });

    assert_eq!(rig.output(), r#"[[{"got":1},{"got":2}],{"last":1}]"#);
}

#[test]
fn a_listen_that_times_out_gives_back_what_it_had_taken() {
    let document = listening(
        "{ all: [ { with: { type: a } }, { with: { type: b } } ] }",
        "    timeout: { after: PT10S }\n",
    );
    let rig = drive(&document, "{}", |rig| {
        rig.start();
        rig.mail(1, &event("a", "1"));
        rig.fire();
    });

    assert_eq!(rig.error().get("status"), Some(&json("408")));
    assert_eq!(rig.written(), ["take 1", "return 1"]);
}

/// Case 14: mail of before the deadline counts, read after it.
#[test]
fn mail_of_before_the_deadline_beats_it() {
    let document = listening(
        "{ one: { with: { type: a } } }",
        "    timeout: { after: PT10S }\n",
    );
    let in_time = drive(&document, "{}", |rig| {
        rig.start();
        let arrived = rig.now + chrono::TimeDelta::seconds(9);
        rig.after(300);
        rig.tell(EventKind::Mail {
            id: 1,
            envelope: json(&event("a", "1")),
            arrived,
        });
    });
    let too_late = drive(&document, "{}", |rig| {
        rig.start();
        rig.after(300);
        rig.mail(1, &event("a", "1"));
    });

    assert_eq!(in_time.output(), "[1]");
    assert_eq!(too_late.error().get("status"), Some(&json("408")));
    assert!(too_late.rows.is_empty(), "it stays in the inbox");
}

/// Case 16: one event, two listens of one job: the first in declared order takes it.
#[test]
fn one_event_is_taken_by_one_listen() {
    let document = "do: [ { f: { fork: { branches: [
        { a: { listen: { to: { one: { with: { type: x } } } } } },
        { b: { listen: { to: { one: { with: { type: x } } } } } } ] } } } ]";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.mail(1, &event("x", "1"));
        rig.mail(2, &event("x", "2"));
    });

    assert_eq!(rig.output(), "[[1],[2]]");
}

#[test]
fn a_race_of_a_listen_and_a_timer_ends_with_either() {
    let document = "do: [ { f: { fork: { compete: true, branches: [
        { ack: { listen: { to: { one: { with: { type: ack } } } }, output: { as: '.[0]' } } },
        { slow: { do: [ { w: { wait: PT10M } }, { n: { set: '${ null }' } } ] } } ] } } } ]";
    let answered = drive(document, "{}", |rig| {
        rig.start();
        rig.after(60);
        rig.mail(1, &event("ack", r#""ann""#));
    });
    let silent = drive(document, "{}", |rig| {
        rig.start();
        rig.fire();
    });

    assert_eq!(answered.output(), r#""ann""#);
    assert_eq!(silent.output(), "null");
}

#[test]
fn interests_say_the_type_and_the_subject_that_are_fixed() {
    let document = listening(
        "{ one: { with: { type: io.windlass.signal.go.v1 }, correlate: { run: { from: .subject, expect: '${ $workflow.id }' } } } }",
        "",
    );
    let rig = drive(&document, "{}", |rig| {
        rig.start();
        let [Interest::Mail { kind, subject, .. }] = &rig.execution.interests()[..] else {
            panic!("{:?}", rig.execution.interests());
        };
        assert_eq!(kind.as_deref(), Some("io.windlass.signal.go.v1"));
        assert_eq!(subject.as_deref(), Some("j_7"));
        let signal = r#"{"type":"io.windlass.signal.go.v1","subject":"j_7","data":1}"#;
        assert!(rig.execution.wants(&json(signal)));
        assert!(!rig.execution.wants(&json(r#"{"type":"other"}"#)));
        rig.mail(1, signal);
        assert!(rig.execution.interests().is_empty());
    });

    assert_eq!(rig.output(), "[1]");
}

/// Case 17: what a predicate refuses stays where it is and changes nothing.
#[test]
fn a_refused_signal_writes_nothing() {
    let to = "{ one: { with: { type: a, data: '${ . == 2 }' } } }";
    let rig = heard(to, "{}", &[("a", "1"), ("a", "1"), ("a", "2")], &[1, 2]);

    assert_eq!(rig.entries.len(), 2);
}

#[test]
fn a_predicate_that_fails_fails_the_listen() {
    let to = "{ one: { with: { type: a, data: '${ .n }' } } }";
    let rig = heard(to, "{}", &[("a", r#"{"n":"x"}"#)], &[]);

    assert_eq!(rig.error().get("status"), Some(&json("400")));
}

#[test]
fn a_cancel_during_a_listen_gives_its_mail_back() {
    let document = listening(
        "{ all: [ { with: { type: a } }, { with: { type: b } } ] }",
        "",
    );
    let rig = drive(&document, "{}", |rig| {
        rig.start();
        rig.mail(1, &event("a", "1"));
        rig.cancel();
    });

    assert_eq!(rig.written(), ["take 1", "return 1"]);
}
